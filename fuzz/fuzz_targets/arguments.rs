//! Bodies of calls. Any body sent to any function, as JSON or as a form, is decoded or refused without a panic, and the
//! check in the browser agrees with the decoder of the server.
//!
//! The first byte selects the function, the second JSON or form. The rest is the body.

#![no_main]

use callgate::{
    contract::{
        JsonObject, Refusal,
        form_data::Typed,
        shape::{MAX_FAULTS, Shape},
    },
    server::registry::{self, Function},
};
use libfuzzer_sys::fuzz_target;
use serde_json::Value;

fuzz_target!(|data: &[u8]| {
    let [which, encoding, body @ ..] = data else {
        return;
    };
    let Ok(body) = str::from_utf8(body) else {
        return;
    };
    let functions: Vec<&'static Function> = registry::all().collect();
    let function = functions[usize::from(*which) % functions.len()];
    match encoding % 2 {
        0 => as_json(function, body),
        _ => as_form(function, body),
    }
});

fn as_json(function: &'static Function, body: &str) {
    let result = function.check_arguments(body);
    match &result {
        Ok(()) | Err(Refusal::Malformed(_)) => {}
        Err(Refusal::InvalidArguments(faults)) => assert!((1..=MAX_FAULTS).contains(&faults.len())),
        Err(other) => panic!("{}: {other:?}", function.name()),
    }
    if *function.shape() == Shape::Object {
        let object = JsonObject::parse(body);
        assert_eq!(object.is_ok(), result.is_ok());
        if let Ok(object) = object {
            assert_eq!(JsonObject::parse(object.as_str()), Ok(object));
        }
    } else if result.is_ok() {
        let value: Value = serde_json::from_str(body).expect("what is decoded is JSON");
        assert_eq!(function.shape().faults(&value), []);
    }
}

/// Reads lines of `name=text` as the fields of a form.
fn as_form(function: &'static Function, body: &str) {
    let pairs = body.lines().filter_map(|line| line.split_once('='));
    let typed = Typed::new(pairs.map(|(name, text)| (name.to_owned(), text.to_owned())).collect());
    let kept = typed.without_secrets(function.shape());
    for secret in ["password", "new_password"] {
        assert_eq!(kept.get(secret), None);
    }
    let (body, faults) = typed.body(function.shape());
    if *function.shape() != Shape::Object {
        assert!(
            serde_json::from_str::<Value>(&body).is_ok_and(|value| value.is_object()),
            "{body}"
        );
    }
    if faults.is_empty() {
        as_json(function, &body);
    }
}
