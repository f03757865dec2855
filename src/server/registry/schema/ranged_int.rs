//! Integers written with a decimal point: `1.0` is an integer in JSON Schema, but not for serde.

use serde_json::Value;

use crate::contract::shape::Shape;

/// 2⁵³. Up to this value, every integer has its own `f64`.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// Converts floats without a fraction to integers where the shape expects integers.
pub fn normalize_integers(shape: &Shape, value: &mut Value) {
    match (shape, value) {
        (Shape::Integer(_), value) => {
            let float = value.as_f64().filter(|_| value.is_f64());
            if let Some(number) = float.filter(|number| number.fract() == 0.0 && number.abs() < MAX_EXACT) {
                #[expect(clippy::cast_possible_truncation, reason = "it has no fraction and is below 2⁵³")]
                let integer = number as i64;
                *value = Value::from(integer);
            }
        }
        (Shape::List(list), Value::Array(items)) => {
            for item in items {
                normalize_integers(&list.item, item);
            }
        }
        (Shape::Record(fields), Value::Object(map)) => {
            for field in fields {
                if let Some(value) = map.get_mut(&field.name) {
                    normalize_integers(&field.shape, value);
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        contract::RangedInt,
        server::registry::schema::{of_arguments, shape},
    };

    #[derive(schemars::JsonSchema)]
    #[allow(dead_code, reason = "only its schema is used")]
    struct Numbers {
        whole: RangedInt<1, 8>,
        many: Vec<u8>,
        share: f64,
    }

    #[test]
    fn integers_lose_their_decimal_point_at_any_depth() {
        let shape = shape(of_arguments::<Numbers>().as_value()).unwrap();
        let mut value = json!({ "whole": 1.0, "many": [1, 2.0, 2.5, 1e300], "share": 1.0 });
        normalize_integers(&shape, &mut value);
        assert_eq!(value, json!({ "whole": 1, "many": [1, 2, 2.5, 1e300], "share": 1.0 }));
    }
}
