use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::contract::strategies;

fn text(min: usize, max: usize) -> Shape {
    Shape::Text(TextShape {
        min: Some(min),
        max: Some(max),
        ..TextShape::default()
    })
}

fn field(name: &str, shape: Shape, required: bool) -> Field {
    Field {
        name: name.to_owned(),
        alias: None,
        label: name.to_owned().into(),
        help: Message::default(),
        shape,
        required,
        nullable: !required,
        initially: None,
        choices: None,
    }
}

fn date() -> Shape {
    Shape::Text(TextShape {
        format: Format::Date,
        ..TextShape::default()
    })
}

fn guest() -> Shape {
    let tags = Shape::List(ListShape {
        item: Box::new(text(1, 5)),
        min: None,
        max: Some(2),
    });
    let inner = Shape::Record(vec![field("name", text(1, 5), true)]);
    Shape::Record(vec![
        field(
            "nights",
            Shape::Integer(Range {
                min: Some(1.0),
                max: Some(7.0),
            }),
            true,
        ),
        field("contact", inner, true),
        field("tags", tags, false),
        Field {
            alias: Some("old".to_owned()),
            ..field("new", text(0, 5), false)
        },
    ])
}

fn problems(value: &Value) -> Vec<(String, String)> {
    let faults = guest().faults(value);
    faults
        .into_iter()
        .map(|FieldFault { field, problem }| (field, problem.english().to_owned()))
        .collect()
}

#[test]
fn what_fits_has_no_faults() {
    assert_eq!(problems(&json!({"nights": 7, "contact": {"name": "Ada"}})), []);
    assert_eq!(
        problems(&json!({"nights": 1, "contact": {"name": "é"}, "tags": null, "new": null})),
        []
    );
}

#[test]
fn all_faults_are_found_each_with_its_path() {
    let faults = problems(&json!({"nights": 8, "contact": {"name": "", "age": 3}, "tags": ["a", "abcdef"], "more": 1}));
    let faults: Vec<(&str, &str)> = faults.iter().map(|(field, problem)| (&**field, &**problem)).collect();
    assert_eq!(
        faults,
        [
            ("nights", "must be at most 7"),
            ("contact.name", "must not be empty"),
            ("contact.age", "is not an argument here"),
            ("tags[1]", "must have at most 5 characters"),
            ("more", "is not an argument here"),
        ]
    );
}

#[test]
fn what_is_missing_or_of_another_kind_is_named() {
    let faults = problems(&json!({"nights": "3", "tags": ["a", "b", "c"]}));
    let faults: Vec<(&str, &str)> = faults.iter().map(|(field, problem)| (&**field, &**problem)).collect();
    assert_eq!(
        faults,
        [
            ("nights", "must be a whole number"),
            ("contact", "is missing"),
            ("tags", "must have at most 2 items"),
        ]
    );
    assert_eq!(problems(&json!({"nights": 1.5, "contact": []})).len(), 2);
}

#[test]
fn a_field_is_known_by_its_old_name_but_not_by_both() {
    let contact = json!({"name": "Ada"});
    assert_eq!(problems(&json!({"nights": 1, "contact": contact, "old": "x"})), []);
    let faults = problems(&json!({"nights": 1, "contact": contact, "old": "x", "new": "y"}));
    assert_eq!(faults[0].0, "new");
}

#[test]
fn no_fault_quotes_a_value() {
    let canary = "canary-value";
    for value in [
        json!({"nights": canary, "contact": canary, "tags": [canary], "new": canary}),
        json!({"nights": [canary], "contact": {"name": {"a": canary}}, "tags": canary}),
    ] {
        for (_, problem) in problems(&value) {
            assert!(!problem.contains(canary), "{problem}");
        }
    }
}

#[test]
fn the_number_of_faults_is_bounded() {
    let many: Map<String, Value> = (0..1000).map(|at| (format!("field{at}"), Value::Null)).collect();
    assert_eq!(guest().faults(&Value::Object(many)).len(), MAX_FAULTS);
}

#[test]
fn only_days_that_exist_are_dates() {
    for good in ["2026-01-31", "2024-02-29", "2000-02-29", "0001-01-01"] {
        assert!(date().faults(&json!(good)).is_empty(), "{good}");
    }
    for bad in [
        "2026-02-29",
        "1900-02-29",
        "2026-13-01",
        "2026-00-10",
        "2026-01-00",
        "2026-1-1",
        "26-01-01",
        "2026-01-01T00:00",
        "２０２６-01-01",
        "",
    ] {
        assert_eq!(date().faults(&json!(bad)).len(), 1, "{bad}");
    }
}

#[test]
fn a_fault_belongs_to_its_field_and_to_what_holds_it() {
    let fault = FieldFault::new("tags[1].name", "x");
    assert_eq!(fault.below("tags"), Some("[1].name"));
    assert_eq!(fault.below("tags[1]"), Some(".name"));
    assert_eq!(fault.below("tag"), None);
}

proptest! {
    /// The browser checks with the shape from the wire
    #[test]
    fn browser_and_server_find_the_same_faults_and_never_too_many(
        shape in strategies::shape(),
        value in strategies::json(),
        object in strategies::object(),
    ) {
        let wire = serde_json::to_string(&shape).unwrap();
        let in_browser: Shape = serde_json::from_str(&wire).unwrap();
        prop_assert_eq!(&in_browser, &shape);
        for value in [value, Value::Object(object)] {
            let faults = shape.faults(&value);
            prop_assert!(faults.len() <= MAX_FAULTS);
            prop_assert_eq!(in_browser.faults(&value), faults);
        }
    }

    #[test]
    fn what_is_made_to_fit_a_shape_fits_it((shape, value) in stay()) {
        prop_assert_eq!(shape.faults(&value), []);
    }
}

fn stay() -> impl Strategy<Value = (Shape, Value)> {
    let shape = guest();
    strategies::fitting(&shape).prop_map(move |value| (shape.clone(), value))
}
