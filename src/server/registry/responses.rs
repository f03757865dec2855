//! What a call of a function can return, for its page.

use schemars::{SchemaGenerator, generate::SchemaSettings};

use super::{Function, openapi, schema};
use crate::contract::{Refusal, function::Responses, shape::Shape};

/// The fields of the reply and the refusals of a function, for a site that accepts bodies of up to `body_bytes`.
pub fn responses(function: &Function, body_bytes: u64) -> Responses {
    let mut settings = SchemaSettings::draft2020_12().for_serialize();
    settings.inline_subschemas = true;
    let reply = function.reply(&mut SchemaGenerator::new(settings)).to_value();
    let mut refusals = openapi::refusals(function, body_bytes);
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
            assert!(!responses(function, 1).reply.is_empty(), "{}", function.name());
        }
    }
}
