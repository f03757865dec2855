//! What holds for every declared function and all arguments, fitting or not.

use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Map, json};

use super::*;
use crate::contract::{
    form_data::{EDITOR, Typed, is_line},
    login::{LoginArguments, Password},
    shape::{Field, MOST_FAULTS, joined},
    strategies,
};

/// How deep arguments may be nested; `serde_json` reads no deeper.
const DEEPEST: usize = 127;

fn names() -> Vec<&'static str> {
    all().map(Function::name).collect()
}

fn function(name: &str) -> &'static Function {
    find(name).unwrap()
}

/// The name of a function, with arguments that fit it.
fn fitting() -> impl Strategy<Value = (&'static str, Value)> {
    select(names()).prop_flat_map(|name| (Just(name), strategies::fitting(function(name).shape())))
}

/// The name of a function, with arguments of which one does not have the right form, or is missing, or a stranger.
fn spoilt() -> impl Strategy<Value = (&'static str, Value)> {
    let change = (any::<prop::sample::Index>(), strategies::json(), 0..4);
    (fitting(), change).prop_map(|((name, mut arguments), (which, value, how))| {
        let map = arguments.as_object_mut().unwrap();
        let names: Vec<String> = map.keys().cloned().collect();
        if let Some(field) = (!names.is_empty()).then(|| which.get(&names)) {
            match how {
                0 => drop(map.shift_remove(field)),
                1 => drop(map.insert(format!("{field} "), value)),
                2 => drop(map.insert(field.clone(), Value::Null)),
                _ => drop(map.insert(field.clone(), value)),
            }
        }
        (name, arguments)
    })
}

/// What the decoder of a function says to a body.
fn decoded(name: &str, body: &str) -> Result<(), Refusal> {
    function(name).check_arguments(body)
}

/// What a browser sends of a form that is filled in with these arguments.
fn form(shape: &Shape, value: Option<&Value>, path: &str, pairs: &mut Vec<(String, String)>) {
    let mut add = |text: String| pairs.push((path.to_owned(), text));
    match (shape, value) {
        (Shape::Record(fields), value) => {
            for field in fields {
                let value = value.and_then(|value| value.get(&field.name));
                match (field.is_box(), value) {
                    (true, Some(Value::Bool(true))) => pairs.push((joined(path, &field.name), "on".to_owned())),
                    (true, _) => {}
                    (false, value) => form(&field.shape, value, &joined(path, &field.name), pairs),
                }
            }
        }
        (Shape::Object, Some(value)) if path.is_empty() => pairs.push((EDITOR.to_owned(), value.to_string())),
        (Shape::List(list), Some(Value::Array(items))) => match &*list.item {
            Shape::Choice(_) => items.iter().for_each(|item| add(shown(item))),
            item if is_line(item) => add(items.iter().map(shown).collect::<Vec<_>>().join("\r\n")),
            _ => add(json!(items).to_string()),
        },
        (Shape::List(list), None) if matches!(*list.item, Shape::Choice(_)) => {}
        (_, Some(value)) => add(shown(value)),
        (_, None) => add(String::new()),
    }
}

fn shown(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The arguments without what says no more than if it were left out.
fn meaning(fields: &[Field], arguments: &Map<String, Value>) -> Map<String, Value> {
    let says_nothing = |value: &Value| value.is_null() || *value == json!(false) || *value == "" || *value == json!([]);
    let mut meaning = Map::new();
    for field in fields {
        match (&field.shape, arguments.get(&field.name)) {
            (Shape::Record(inner), Some(Value::Object(map))) => {
                meaning.insert(field.name.clone(), Value::Object(self::meaning(inner, map)));
            }
            (_, Some(value)) if field.required || !says_nothing(value) => {
                meaning.insert(field.name.clone(), value.clone());
            }
            _ => {}
        }
    }
    meaning
}

proptest! {
    #[test]
    fn what_fits_the_shape_is_decoded((name, arguments) in fitting()) {
        prop_assert_eq!(function(name).shape().faults(&arguments), []);
        prop_assert_eq!(decoded(name, &arguments.to_string()), Ok(()), "{} {}", name, arguments);
    }

    #[test]
    fn the_check_of_the_browser_and_the_decoder_of_the_server_agree((name, arguments) in spoilt()) {
        let faults = function(name).shape().faults(&arguments);
        let wanted = if faults.is_empty() { Ok(()) } else { Err(Refusal::InvalidArguments(faults)) };
        prop_assert_eq!(decoded(name, &arguments.to_string()), wanted, "{} {}", name, arguments);
    }

    #[test]
    fn whatever_the_body_is_the_answer_is_a_refusal_with_few_faults(
        name in select(names()),
        body in prop_oneof![
            any::<String>(),
            r#"\{("[a-z_]{1,9}":[0-9a-z"\[{}\].,-]{0,9},?){0,4}\}?"#,
            strategies::json().prop_map(|value| value.to_string()),
        ],
    ) {
        match decoded(name, &body) {
            Ok(()) | Err(Refusal::Malformed(_)) => {}
            Err(Refusal::InvalidArguments(faults)) => prop_assert!((1..=MOST_FAULTS).contains(&faults.len())),
            Err(other) => prop_assert!(false, "{} {}: {:?}", name, body, other),
        }
    }

    #[test]
    fn a_form_says_the_same_as_its_json((name, arguments) in fitting()) {
        let shape = function(name).shape();
        let mut pairs = Vec::new();
        form(shape, Some(&arguments), "", &mut pairs);
        let (body, faults) = Typed::new(pairs).body(shape);
        prop_assert_eq!(faults, []);
        if let Shape::Record(fields) = shape {
            let typed: Map<String, Value> = serde_json::from_str(&body).unwrap();
            prop_assert_eq!(meaning(fields, &typed), meaning(fields, arguments.as_object().unwrap()));
        } else {
            prop_assert_eq!(&body, &arguments.to_string());
        }
        prop_assert_eq!(decoded(name, &body), Ok(()), "{} {}", name, body);
    }

    #[test]
    fn what_was_encoded_is_decoded_as_it_was(user_id in any::<String>(), password in any::<String>(), remember: bool) {
        let login = LoginArguments { user_id, password: Password::new(password), remember };
        let body = serde_json::to_string(&login).unwrap();
        let again: LoginArguments = function("login").decode(&body).unwrap();
        prop_assert_eq!(again, login);
    }

    #[test]
    fn a_name_that_comes_twice_is_refused_whatever_stands_under_it(
        name in "[a-z_]{1,8}",
        values in vec(strategies::json(), 2),
    ) {
        let body = format!(r#"{{"{name}":{},"{name}":{}}}"#, values[0], values[1]);
        let refusal = decoded("quote_stay", &body);
        prop_assert!(matches!(&refusal, Err(Refusal::InvalidArguments(_))), "{}: {:?}", body, refusal);
    }
}

/// However deep it is, it breaks nothing, and beyond a bound it is not looked at
#[test]
fn the_depth_of_arguments_is_bounded() {
    for name in names() {
        let is_free = *function(name).shape() == Shape::Object;
        for depth in [DEEPEST, DEEPEST + 1, 100_000] {
            for (open, close) in [("[", "]"), (r#"{"a":"#, "}")] {
                let body = format!(r#"{{"a":{}1{}}}"#, open.repeat(depth - 1), close.repeat(depth - 1));
                let said = decoded(name, &body);
                match (is_free, depth <= DEEPEST) {
                    // Its text is taken as it is.
                    (true, _) => assert_eq!(said, Ok(()), "{name} {depth}"),
                    (false, true) => assert!(matches!(said, Err(Refusal::InvalidArguments(_))), "{name}: {said:?}"),
                    (false, false) => assert!(matches!(said, Err(Refusal::Malformed(_))), "{name}: {said:?}"),
                }
            }
        }
    }
}
