//! Whole numbers that are written with a point: JSON Schema takes `1.0` for whole, and serde does not.

use serde_json::Value;

use crate::contract::shape::Shape;

/// From here on not every whole number has a float of its own.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Writes such numbers without their point, where the shape wants whole ones.
pub fn normalize_integers(shape: &Shape, value: &mut Value) {
    match (shape, value) {
        (Shape::Integer(_), value) => {
            let float = value.as_f64().filter(|_| value.is_f64());
            if let Some(number) = float.filter(|number| number.fract() == 0.0 && number.abs() < EXACT) {
                #[expect(clippy::cast_possible_truncation, reason = "it is whole, and small enough")]
                let whole = number as i64;
                *value = Value::from(whole);
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
    #[allow(dead_code, reason = "only its schema is looked at")]
    struct Numbers {
        whole: RangedInt<1, 8>,
        many: Vec<u8>,
        share: f64,
    }

    #[test]
    fn whole_numbers_lose_their_point_wherever_they_stand() {
        let shape = shape(of_arguments::<Numbers>().as_value()).unwrap();
        let mut value = json!({ "whole": 1.0, "many": [1, 2.0, 2.5, 1e300], "share": 1.0 });
        normalize_integers(&shape, &mut value);
        assert_eq!(value, json!({ "whole": 1, "many": [1, 2, 2.5, 1e300], "share": 1.0 }));
    }
}
