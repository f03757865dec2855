use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::contract::{
    Message,
    shape::{Choice, Range, TextShape},
    strategies,
};

fn text(secret: bool) -> Shape {
    Shape::Text(TextShape {
        secret,
        ..TextShape::default()
    })
}

fn list(item: Shape) -> Shape {
    Shape::List(ListShape {
        item: Box::new(item),
        min: None,
        max: None,
    })
}

fn field(name: &str, shape: Shape, required: bool) -> Field {
    Field {
        name: name.to_owned(),
        alias: None,
        label: Message::default(),
        help: Message::default(),
        shape,
        required,
        nullable: !required,
        initially: None,
        choices: None,
    }
}

fn choice() -> Shape {
    Shape::Choice(
        ["a", "b"]
            .map(|value| Choice {
                value: value.to_owned(),
                label: Message::default(),
            })
            .to_vec(),
    )
}

fn form() -> Shape {
    Shape::Record(vec![
        field("count", Shape::Integer(Range::default()), true),
        field("name", text(false), true),
        field("nick", text(false), false),
        field("yes", Shape::Flag, true),
        field("maybe", Shape::Flag, false),
        field("one", choice(), false),
        field("some", list(choice()), true),
        field("numbers", list(Shape::Number(Range::default())), false),
        field(
            "inner",
            Shape::Record(vec![field("x", text(false), true), field("flag", Shape::Flag, true)]),
            false,
        ),
        field("free", Shape::Object, false),
        field("password", text(true), false),
    ])
}

fn typed(pairs: &[(&str, &str)]) -> Typed {
    Typed::new(
        pairs
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .collect(),
    )
}

fn value(pairs: &[(&str, &str)]) -> Value {
    let (body, faults) = typed(pairs).body(&form());
    assert_eq!(faults, []);
    serde_json::from_str(&body).unwrap()
}

#[test]
fn what_is_typed_becomes_the_json_that_it_stands_for() {
    let value = value(&[
        ("count", " 3 "),
        ("name", "two\r\nlines"),
        ("yes", "on"),
        ("maybe", "false"),
        ("one", "b"),
        ("some", "a"),
        ("some", "b"),
        ("numbers", "1\r\n\r\n 2.5 \n"),
        ("inner.x", "in"),
        ("free", "{\"k\": [1]}"),
        ("password", " s "),
        ("unknown", "dropped"),
    ]);
    assert_eq!(
        value,
        json!({
            "count": 3, "name": "two\nlines", "yes": true, "maybe": false, "one": "b", "some": ["a", "b"],
            "numbers": [1, 2.5], "inner": {"x": "in", "flag": false}, "free": {"k": [1]}, "password": " s ",
        })
    );
}

#[test]
fn what_is_left_empty_is_left_out_where_it_may_be() {
    let value = value(&[
        ("count", ""),
        ("name", ""),
        ("nick", ""),
        ("maybe", ""),
        ("one", ""),
        ("numbers", ""),
        ("inner.x", ""),
        ("free", " "),
        ("password", ""),
    ]);
    assert_eq!(value, json!({"name": "", "yes": false, "some": []}));
}

#[test]
fn what_stands_for_nothing_stays_a_text_for_the_check_to_refuse() {
    assert_eq!(value(&[("count", "three")])["count"], "three");
    assert_eq!(value(&[("numbers", "1\nx")])["numbers"], json!([1, "x"]));
}

#[test]
fn broken_json_is_a_fault_with_its_place() {
    let (_, faults) = typed(&[("free", "{\n\"a\":}")]).body(&form());
    assert_eq!(faults[0].field, "free");
    assert!(faults[0].problem.english().contains("line 2"), "{}", faults[0].problem);
}

#[test]
fn secrets_and_strangers_are_not_kept() {
    let kept = typed(&[("password", "canary"), ("name", "Ada"), ("shown-to", "x")]).without_secrets(&form());
    assert_eq!(kept, typed(&[("name", "Ada")]));
}

#[test]
fn free_form_arguments_are_taken_as_they_are_typed() {
    let (body, faults) = typed(&[(EDITOR, "{ \"n\": 1E400 }")]).body(&Shape::Object);
    assert_eq!((body.as_str(), faults.len()), ("{ \"n\": 1E400 }", 0));
}

proptest! {
    /// Known and unknown names, with any text
    #[test]
    fn whatever_is_typed_becomes_a_json_object_and_no_secret_is_kept(
        shape in strategies::shape(),
        strangers in prop::collection::vec(any::<(String, String)>(), 0..3),
        texts in prop::collection::vec(prop_oneof![any::<String>(), "[-+0-9.eE ]{0,8}", "[\\[\\]{}\",:0-9]{0,12}"], 8),
    ) {
        let shape = Shape::Record(vec![field("it", shape, true), field("password", text(true), true)]);
        let known = names(&shape, true);
        let pairs = known.iter().cloned().zip(texts.into_iter().cycle()).chain(strangers).collect();
        let typed = Typed::new(pairs);
        let (body, _) = typed.body(&shape);
        prop_assert!(serde_json::from_str::<Map<String, Value>>(&body).is_ok(), "{}", body);
        let kept = typed.without_secrets(&shape);
        let shown = names(&shape, false);
        prop_assert!(kept.0.iter().all(|(name, _)| shown.contains(name)));
        prop_assert!(kept.get("password").is_none());
    }
}
