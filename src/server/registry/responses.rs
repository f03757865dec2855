//! What a call of a function can return, for its page.

use schemars::{SchemaGenerator, generate::SchemaSettings};

use super::{Function, schema};
use crate::{
    contract::{Refusal, function::Responses, shape::Shape},
    message,
};

/// The fields of the reply, and the refusals of the guard, the function and the check of its arguments. The refusals that every
/// call can get are left out.
pub fn responses(function: &Function) -> Responses {
    let mut settings = SchemaSettings::draft2020_12().for_serialize();
    settings.inline_subschemas = true;
    let reply = function.reply(&mut SchemaGenerator::new(settings)).to_value();
    let mut refusals = function.rule.refusals.clone();
    refusals.extend(function.refusals());
    if matches!(function.shape(), Shape::Record(fields) if !fields.is_empty()) {
        refusals.push(Refusal::of_argument("field", message!("is missing")));
    }
    refusals.sort_by_key(Refusal::status);
    refusals.dedup();
    Responses {
        // A reply may have limits that arguments cannot have. Its fields are then left out.
        reply: match schema::shape(&reply) {
            Ok(Shape::Record(fields)) => fields,
            _ => Vec::new(),
        },
        refusals,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::registry;

    #[test]
    fn the_fields_of_every_reply_can_be_listed() {
        for function in registry::all() {
            assert!(!responses(function).reply.is_empty(), "{}", function.name());
        }
    }
}
