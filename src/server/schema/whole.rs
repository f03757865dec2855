//! Whole numbers that are written with a point: JSON Schema takes `1.0` for whole, and serde does not.

use serde_json::Value;

use crate::contract::shape::Shape;

/// From here on not every whole number has a float of its own.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Writes such numbers without their point, where the shape wants whole ones. Says whether there were any.
pub fn settle(shape: &Shape, value: &mut Value) -> bool {
    match (shape, value) {
        (Shape::Whole(_), value) => {
            let Some(number) = value.as_f64().filter(|_| value.is_f64()) else {
                return false;
            };
            let is_exact = number.fract() == 0.0 && number.abs() < EXACT;
            if is_exact {
                #[expect(clippy::cast_possible_truncation, reason = "it is whole, and small enough")]
                let whole = number as i64;
                *value = Value::from(whole);
            }
            is_exact
        }
        (Shape::List(list), Value::Array(items)) => {
            let settled: Vec<bool> = items.iter_mut().map(|item| settle(&list.item, item)).collect();
            settled.contains(&true)
        }
        (Shape::Record(fields), Value::Object(map)) => {
            let settled: Vec<bool> = fields
                .iter()
                .map(|field| {
                    map.get_mut(&field.name)
                        .is_some_and(|value| settle(&field.shape, value))
                })
                .collect();
            settled.contains(&true)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        contract::Whole,
        server::schema::{of_arguments, shape},
    };

    #[derive(schemars::JsonSchema)]
    #[allow(dead_code, reason = "only its schema is looked at")]
    struct Numbers {
        whole: Whole<1, 8>,
        many: Vec<u8>,
        share: f64,
    }

    #[test]
    fn whole_numbers_lose_their_point_wherever_they_stand() {
        let shape = shape(of_arguments::<Numbers>().as_value()).unwrap();
        let mut value = json!({ "whole": 1.0, "many": [1, 2.0, 2.5, 1e300], "share": 1.0 });
        assert!(settle(&shape, &mut value));
        assert_eq!(value, json!({ "whole": 1, "many": [1, 2, 2.5, 1e300], "share": 1.0 }));
        assert!(!settle(&shape, &mut json!({ "whole": 1, "many": [1], "share": 1.0 })));
    }
}
