//! Typed arguments as JSON: what fits is taken, and everything that does not is reported with the path of its field.

use serde_json::{Value, json};

use crate::support::{
    client::{Client, Reply},
    server::Server,
};

fn stay() -> Value {
    json!({
        "arrival": "2026-12-30", "nights": 3, "guests": 2, "room": "double", "extras": ["breakfast", "parking"],
        "discount": 0.5, "dog": true, "contact": {"name": "Ada", "email": "ada@example.org"}, "wishes": ["a cot"],
    })
}

/// The stay with one field replaced.
fn with(field: &str, value: Value) -> Value {
    let mut stay = stay();
    stay[field] = value;
    stay
}

async fn quote(client: &Client, stay: &Value) -> Reply {
    client.json("/api/quote_stay", &stay.to_string()).await
}

/// The faults of a refusal: each a path and a problem.
fn faults(reply: &Reply) -> Vec<String> {
    reply.assert_refused(422, "invalid_arguments");
    let value = reply.value();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let list = value["faults"].as_array().unwrap().iter();
    let said = list.map(|fault| text(&fault["field"]) + " " + &text(&fault["problem"]));
    let faults: Vec<String> = said.collect();
    for fault in &faults {
        assert!(reply.error().contains(fault.trim_start()), "{value}");
    }
    faults
}

#[tokio::test]
async fn arguments_of_every_kind_are_taken_and_the_reply_is_typed() {
    let client = Server::shared().user01().await;
    let reply = quote(&client, &stay()).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    let start = r#"{"ok":true,"guest":"Ada","departure":"2027-01-02""#;
    assert!(reply.body.starts_with(start), "{}", reply.body);
    // 3 × 90, 3 × 2 × 12, 3 × 8 and 10, at half the price.
    assert_eq!(reply.value()["total"], 188.0);
    // What may be left out, left out or null; and 3.0 is whole.
    let least = json!({"arrival": "2026-12-30", "nights": 3.0, "guests": 1, "room": "view", "contact": {"name": "é"}});
    assert_eq!(quote(&client, &least).await.value()["total"], 420.0);
    assert_eq!(quote(&client, &with("discount", Value::Null)).await.status, 200);
}

#[tokio::test]
async fn each_limit_holds_at_its_edge() {
    let client = Server::shared().user01().await;
    let long = |letters: usize| json!({ "name": "é".repeat(letters) });
    for (field, good) in [
        ("nights", json!(31)),
        ("nights", json!(1)),
        ("discount", json!(1)),
        ("arrival", json!("2028-02-29")),
        ("room", json!("view")),
        ("dog", json!(false)),
        ("guests", json!(4)),
        ("wishes", json!(vec!["x"; 5])),
        ("extras", json!([])),
        ("contact", long(60)),
    ] {
        let reply = quote(&client, &with(field, good)).await;
        assert_eq!(reply.status, 200, "{field}: {}", reply.body);
    }
    let extra = "must be one of breakfast, bicycle, parking";
    let extras = format!("extras[1] {extra}; extras[2] {extra}; extras[3] {extra}");
    let name = json!({"name": {"first": "Ada"}, "email": 1, "a.b": 1});
    let in_name =
        "contact.name must be text; contact.email must be an e-mail address; contact.a.b is not an argument here";
    let room = "room must be one of single, double, view";
    let (late, many) = (
        "arrival is too late for this number of nights",
        "wishes must have at most 5 items",
    );
    let too_long = "contact.name must have at most 60 characters";
    for (field, bad, expected) in [
        ("nights", json!(32), "nights must be at most 31"),
        ("nights", json!(0), "nights must be at least 1"),
        ("nights", json!(-0.0), "nights must be at least 1"),
        ("nights", json!(1e300), "nights must be at most 31"),
        ("nights", json!(true), "nights must be a whole number"),
        ("guests", json!("4"), "guests must be a whole number"),
        ("guests", json!(1.5), "guests must be a whole number"),
        ("discount", json!(1.01), "discount must be at most 1"),
        ("discount", json!("0.5"), "discount must be a number"),
        ("room", json!("View"), room),
        ("room", json!({"double": null}), room),
        ("dog", json!("false"), "dog must be true or false"),
        ("wishes", json!(vec!["x"; 6]), many),
        ("wishes", json!({"0": "a cot"}), "wishes must be a list"),
        ("extras", json!(null), "extras must be a list"),
        ("extras", json!(["parking", 1, "bath", null]), &extras),
        ("contact", json!([]), "contact must be an object"),
        ("contact", Value::Null, "contact must be an object"),
        ("contact", json!("Ada"), "contact must be an object"),
        ("contact", long(61), too_long),
        ("contact", long(0), "contact.name must not be empty"),
        ("arrival", json!(""), "arrival must not be empty"),
        ("contact", name, in_name),
        // No schema says that the calendar ends.
        ("arrival", json!("9999-12-31"), late),
    ] {
        let found = faults(&quote(&client, &with(field, bad.clone())).await);
        assert_eq!(found.join("; "), expected, "{field} {bad}");
    }
    let days = "2027-02-29;2026-1-31;2026-01-31T00:00;2026-02-30;2026-13-01;-001-01-01;２０２６-01-31; 2026-01-31";
    for day in days.split(';') {
        let found = faults(&quote(&client, &with("arrival", json!(day))).await);
        assert_eq!(found, ["arrival must be a date such as 2026-01-31"], "{day}");
    }
}

#[tokio::test]
async fn all_faults_are_reported_up_to_twenty_each_with_the_path_of_its_field() {
    let client = Server::shared().user01().await;
    let mut stay = json!({
        "nights": 0, "guests": 2, "room": "attic", "contact": {"name": "", "email": "no mail", "phone": 1},
        "wishes": ["fine", "x".repeat(81)], "colour": "red",
    });
    let found = faults(&quote(&client, &stay).await);
    let fields: Vec<&str> = found.iter().map(|fault| fault.split(' ').next().unwrap()).collect();
    let expected = "arrival nights room contact.name contact.email contact.phone wishes[1] colour";
    assert_eq!(fields.join(" "), expected);
    assert_eq!(
        [&found[0], &found[7]],
        ["arrival is missing", "colour is not an argument here"]
    );

    for number in 0..30 {
        stay[format!("{number:02}{}", "é".repeat(100))] = json!(number);
    }
    let reply = quote(&client, &stay).await;
    assert_eq!(faults(&reply).len(), 20);
    let value = reply.value();
    for fault in value["faults"].as_array().unwrap() {
        let field = fault["field"].as_str().unwrap();
        assert!(field.chars().count() <= 80, "long names are cut");
    }
}

#[tokio::test]
async fn a_field_that_comes_twice_is_refused_wherever_it_stands_and_however_it_is_written() {
    let client = Server::shared().user01().await;
    let whole = stay().to_string();
    let with_points = whole.replace(r#""nights":3"#, r#""nights":3.0"#);
    for body in [whole, with_points] {
        assert_eq!(client.json("/api/quote_stay", &body).await.status, 200, "{body}");
        for (place, twice, field) in [
            ("{", r#"{"nights":1,"#, "nights"),
            ("{", r#"{"dog":true,"#, "dog"),
            (r#""contact":{"#, r#""contact":{"name":"Bob","#, "name"),
        ] {
            let reply = client.json("/api/quote_stay", &body.replacen(place, twice, 1)).await;
            let expected = format!("duplicate field `{field}`");
            assert!(faults(&reply)[0].contains(&expected), "{}", reply.body);
        }
    }
}

#[tokio::test]
async fn strange_numbers_and_names_are_refused_as_what_they_are() {
    let client = Server::shared().user01().await;
    let deep = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
    for (nights, status) in [
        ("1e400", 400),
        ("99999999999999999999", 422),
        ("01", 400),
        ("\"\\ud800\"", 400),
        ("\"\\u0000\"", 422),
        (&deep, 400),
    ] {
        let body = stay().to_string().replace(":3,", &format!(":{nights},"));
        let reply = client.json("/api/quote_stay", &body).await;
        assert_eq!(reply.status, status, "{nights:.30}: {}", reply.body);
        reply.code();
    }
    for name in "__proto__,constructor,,nights ,Nights,contact.name,\0".split(',') {
        let found = faults(&quote(&client, &with(name, json!(1))).await);
        assert_eq!(found, [format!("{name} is not an argument here")]);
    }
}

#[tokio::test]
async fn no_refusal_quotes_what_may_be_a_secret() {
    let client = Server::shared().user01().await;
    for call in r#"
        login {"user_id":"user01","password":{"a":"canary"}}
        login {"user_id":["canary"],"password":"canary","remember":"canary"}
        login {"user_id":"user01","password":"canary","passwd_hash":"canary"}
        change_password {"new_password":["canary"]}
        change_password {"new_password":"canary"}
        confirm_login {"password":12345678901234567890}
        quote_stay {"arrival":"canary","nights":"canary","room":"canary","dog":"canary","extras":"canary"}"#
        .trim()
        .lines()
    {
        let (name, body) = call.trim().split_once(' ').unwrap();
        let reply = client.json(&format!("/api/{name}"), body).await;
        faults(&reply);
        let is_quoted = reply.body.contains("canary") || reply.body.contains("12345");
        assert!(!is_quoted, "{}", reply.body);
    }
}
