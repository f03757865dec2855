//! Property tests for all declared functions, with valid and invalid arguments.

use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Map, json};

use super::*;
use crate::contract::{
    form_data::{EDITOR, Typed, is_line},
    login::{LoginArguments, Password},
    shape::{Field, MAX_FAULTS, joined},
    strategies,
};

/// The deepest nesting that `serde_json` parses.
const MAX_DEPTH: usize = 127;

fn names() -> Vec<&'static str> {
    all().map(Function::name).collect()
}

fn function(name: &str) -> &'static Function {
    find(name).unwrap()
}

fn valid_call() -> impl Strategy<Value = (&'static str, Value)> {
    select(names()).prop_flat_map(|name| (Just(name), strategies::fitting(function(name).shape())))
}

/// The name of a function and arguments of which one is removed, replaced, or accompanied by an unknown field.
fn mutated_call() -> impl Strategy<Value = (&'static str, Value)> {
    let change = (any::<prop::sample::Index>(), strategies::json(), 0..4);
    (valid_call(), change).prop_map(|((name, mut arguments), (index, value, mutation))| {
        let map = arguments.as_object_mut().unwrap();
        let names: Vec<String> = map.keys().cloned().collect();
        if let Some(field) = (!names.is_empty()).then(|| index.get(&names)) {
            match mutation {
                0 => drop(map.shift_remove(field)),
                1 => drop(map.insert(format!("{field} "), value)),
                2 => drop(map.insert(field.clone(), Value::Null)),
                _ => drop(map.insert(field.clone(), value)),
            }
        }
        (name, arguments)
    })
}

fn decode(name: &str, body: &str) -> Result<(), Refusal> {
    function(name).check_arguments(body)
}

/// Collects the pairs that a browser sends for a form that is filled in with these arguments.
fn form(shape: &Shape, value: Option<&Value>, path: &str, pairs: &mut Vec<(String, String)>) {
    let mut add = |text: String| pairs.push((path.to_owned(), text));
    match (shape, value) {
        (Shape::Record(fields), value) => {
            for field in fields {
                let value = value.and_then(|value| value.get(&field.name));
                match (field.is_checkbox(), value) {
                    (true, Some(Value::Bool(true))) => pairs.push((joined(path, &field.name), "on".to_owned())),
                    (true, _) => {}
                    (false, value) => form(&field.shape, value, &joined(path, &field.name), pairs),
                }
            }
        }
        (Shape::Object, Some(value)) if path.is_empty() => pairs.push((EDITOR.to_owned(), value.to_string())),
        (Shape::List(list), Some(Value::Array(items))) => match &*list.item {
            Shape::Choice(_) => items.iter().for_each(|item| add(as_text(item))),
            item if is_line(item) => add(items.iter().map(as_text).collect::<Vec<_>>().join("\r\n")),
            _ => add(json!(items).to_string()),
        },
        (Shape::List(list), None) if matches!(*list.item, Shape::Choice(_)) => {}
        (_, Some(value)) => add(as_text(value)),
        (_, None) => add(String::new()),
    }
}

fn as_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The arguments without optional fields whose value means the same as leaving the field out.
fn normalize(fields: &[Field], arguments: &Map<String, Value>) -> Map<String, Value> {
    let is_empty = |value: &Value| value.is_null() || *value == json!(false) || *value == "" || *value == json!([]);
    let mut normalized = Map::new();
    for field in fields {
        match (&field.shape, arguments.get(&field.name)) {
            (Shape::Record(inner), Some(Value::Object(map))) => {
                normalized.insert(field.name.clone(), Value::Object(normalize(inner, map)));
            }
            (_, Some(value)) if field.required || !is_empty(value) => {
                normalized.insert(field.name.clone(), value.clone());
            }
            _ => {}
        }
    }
    normalized
}

proptest! {
    #[test]
    fn valid_arguments_are_decoded((name, arguments) in valid_call()) {
        prop_assert_eq!(function(name).shape().faults(&arguments), []);
        prop_assert_eq!(decode(name, &arguments.to_string()), Ok(()), "{} {}", name, arguments);
    }

    #[test]
    fn the_check_of_the_browser_and_the_decoder_of_the_server_agree((name, arguments) in mutated_call()) {
        let faults = function(name).shape().faults(&arguments);
        let expected = if faults.is_empty() { Ok(()) } else { Err(Refusal::InvalidArguments(faults)) };
        prop_assert_eq!(decode(name, &arguments.to_string()), expected, "{} {}", name, arguments);
    }

    #[test]
    fn any_body_is_decoded_or_refused_with_a_limited_number_of_faults(
        name in select(names()),
        body in prop_oneof![
            any::<String>(),
            r#"\{("[a-z_]{1,9}":[0-9a-z"\[{}\].,-]{0,9},?){0,4}\}?"#,
            strategies::json().prop_map(|value| value.to_string()),
        ],
    ) {
        match decode(name, &body) {
            Ok(()) | Err(Refusal::Malformed(_)) => {}
            Err(Refusal::InvalidArguments(faults)) => prop_assert!((1..=MAX_FAULTS).contains(&faults.len())),
            Err(other) => prop_assert!(false, "{} {}: {:?}", name, body, other),
        }
    }

    #[test]
    fn a_form_decodes_to_the_same_arguments_as_json((name, arguments) in valid_call()) {
        let shape = function(name).shape();
        let mut pairs = Vec::new();
        form(shape, Some(&arguments), "", &mut pairs);
        let (body, faults) = Typed::new(pairs).body(shape);
        prop_assert_eq!(faults, []);
        if let Shape::Record(fields) = shape {
            let typed: Map<String, Value> = serde_json::from_str(&body).unwrap();
            prop_assert_eq!(normalize(fields, &typed), normalize(fields, arguments.as_object().unwrap()));
        } else {
            prop_assert_eq!(&body, &arguments.to_string());
        }
        prop_assert_eq!(decode(name, &body), Ok(()), "{} {}", name, body);
    }

    #[test]
    fn encoded_arguments_decode_unchanged(user_id in any::<String>(), password in any::<String>(), remember: bool) {
        let login = LoginArguments { user_id, password: Password::new(password), remember };
        let body = serde_json::to_string(&login).unwrap();
        let again: LoginArguments = function("login").decode(&body).unwrap();
        prop_assert_eq!(again, login);
    }

    #[test]
    fn a_duplicate_key_is_refused_whatever_its_values(
        name in "[a-z_]{1,8}",
        values in vec(strategies::json(), 2),
    ) {
        let body = format!(r#"{{"{name}":{},"{name}":{}}}"#, values[0], values[1]);
        let refusal = decode("quote_stay", &body);
        prop_assert!(matches!(&refusal, Err(Refusal::InvalidArguments(_))), "{}: {:?}", body, refusal);
    }
}

/// Deep nesting never overflows the stack. Beyond the limit it is refused.
#[test]
fn the_depth_of_arguments_is_bounded() {
    for name in names() {
        let is_free = *function(name).shape() == Shape::Object;
        for depth in [MAX_DEPTH, MAX_DEPTH + 1, 100_000] {
            for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
                let body = format!(r#"{{"a":{}1{}}}"#, open.repeat(depth - 1), close.repeat(depth - 1));
                let result = decode(name, &body);
                match (is_free, depth <= MAX_DEPTH) {
                    // Free-form arguments stay unparsed text.
                    (true, _) => assert_eq!(result, Ok(()), "{name} {depth}"),
                    (false, true) => assert!(
                        matches!(result, Err(Refusal::InvalidArguments(_))),
                        "{name}: {result:?}"
                    ),
                    (false, false) => assert!(matches!(result, Err(Refusal::Malformed(_))), "{name}: {result:?}"),
                }
            }
        }
    }
}
