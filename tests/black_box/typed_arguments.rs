//! Typed arguments: what fits is taken, and what does not is told, all of it, with the path of each field.

use serde_json::{Value, json};

use crate::{
    client::{Client, Reply},
    server::Server,
};

fn stay() -> Value {
    json!({
        "arrival": "2026-12-30", "nights": 3, "guests": 2, "room": "double", "extras": ["breakfast", "parking"],
        "discount": 0.5, "dog": true, "contact": {"name": "Ada", "email": "ada@example.org"}, "wishes": ["a cot"],
    })
}

async fn quote(client: &Client, stay: &Value) -> Reply {
    client.json("/api/quote_stay", &stay.to_string()).await
}

/// The faults of a refusal: path and problem.
fn faults(reply: &Reply) -> Vec<(String, String)> {
    assert_eq!(
        (reply.status, reply.code().as_str()),
        (422, "invalid_arguments"),
        "{}",
        reply.body
    );
    let value = reply.value();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let faults: Vec<(String, String)> = value["faults"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fault| (text(&fault["field"]), text(&fault["problem"])))
        .collect();
    for (field, problem) in &faults {
        let said = format!("{field} {problem}");
        assert!(text(&value["error"]).contains(said.trim_start()), "{value}");
    }
    faults
}

/// The stay with one field replaced, or taken out.
fn with(field: &str, value: Option<Value>) -> Value {
    let mut stay = stay();
    match value {
        Some(value) => stay[field] = value,
        None => drop(stay.as_object_mut().unwrap().remove(field)),
    }
    stay
}

#[tokio::test]
async fn arguments_of_every_kind_are_taken_and_the_reply_is_typed() {
    let server = Server::quick_demo().await;
    let client = server.user01().await;
    let reply = quote(&client, &stay()).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    assert!(
        reply
            .body
            .starts_with(r#"{"ok":true,"guest":"Ada","departure":"2027-01-02""#),
        "{}",
        reply.body
    );
    // 3 × 90, 3 × 2 × 12, 3 × 8 and 10, at half the price.
    assert_eq!(reply.value()["total"], 188.0);
    // What may be left out, left out or null; and 3.0 is whole.
    let least = json!({"arrival": "2026-12-30", "nights": 3.0, "guests": 1, "room": "view", "contact": {"name": "é"}});
    assert_eq!(quote(&client, &least).await.value()["total"], 420.0);
    assert_eq!(quote(&client, &with("discount", Some(Value::Null))).await.status, 200);
}

#[tokio::test]
async fn each_limit_holds_at_its_edge() {
    let server = Server::quick_demo().await;
    let client = server.user01().await;
    for (field, good, bad, problem) in [
        ("nights", json!(31), json!(32), "must be at most 31"),
        ("nights", json!(1), json!(0), "must be at least 1"),
        ("discount", json!(1), json!(1.01), "must be at most 1"),
        (
            "arrival",
            json!("2028-02-29"),
            json!("2027-02-29"),
            "must be a date such as 2026-01-31",
        ),
        (
            "room",
            json!("view"),
            json!("View"),
            "must be one of single, double, view",
        ),
        ("dog", json!(false), json!("false"), "must be true or false"),
        ("guests", json!(4), json!("4"), "must be a whole number"),
        ("guests", json!(1), json!(1.5), "must be a whole number"),
        (
            "wishes",
            json!(vec!["x"; 5]),
            json!(vec!["x"; 6]),
            "must have at most 5 items",
        ),
        ("extras", json!([]), json!(null), "must be a list"),
    ] {
        assert_eq!(
            quote(&client, &with(field, Some(good.clone()))).await.status,
            200,
            "{field} {good}"
        );
        let reply = quote(&client, &with(field, Some(bad))).await;
        assert_eq!(faults(&reply), [(field.to_owned(), problem.to_owned())]);
    }
    for (name, is_good) in [("é".repeat(60), true), ("é".repeat(61), false), (String::new(), false)] {
        let reply = quote(&client, &with("contact", Some(json!({ "name": name })))).await;
        assert_eq!(reply.status == 200, is_good, "{}", reply.body);
    }
    // What no schema says: the calendar ends.
    let reply = quote(&client, &with("arrival", Some(json!("9999-12-31")))).await;
    assert_eq!(
        faults(&reply),
        [("arrival".to_owned(), "is too late for so many nights".to_owned())]
    );
}

#[tokio::test]
async fn all_faults_are_told_at_once_each_with_the_path_of_its_field() {
    let server = Server::quick_demo().await;
    let client = server.user01().await;
    let stay = json!({
        "nights": 0, "guests": 2, "room": "attic", "contact": {"name": "", "email": "no mail", "phone": 1},
        "wishes": ["fine", "x".repeat(81)], "colour": "red",
    });
    let reply = quote(&client, &stay).await;
    let faults = faults(&reply);
    let fields: Vec<&str> = faults.iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(
        fields,
        [
            "arrival",
            "nights",
            "room",
            "contact.name",
            "contact.email",
            "contact.phone",
            "wishes[1]",
            "colour"
        ]
    );
    assert_eq!(faults[0].1, "is missing");
    assert_eq!(faults[7].1, "is not an argument here");
}

#[tokio::test]
async fn a_field_that_comes_twice_is_refused_wherever_it_stands_and_however_it_is_written() {
    let server = Server::quick_demo().await;
    let client = server.user01().await;
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
            assert!(faults(&reply)[0].1.contains(&expected), "{}", reply.body);
        }
    }
}

#[tokio::test]
async fn at_most_twenty_faults_are_told_and_long_names_are_cut() {
    let server = Server::quick_demo().await;
    let client = server.user01().await;
    let mut stay = stay();
    for number in 0..30 {
        stay[format!("{number:02}{}", "é".repeat(100))] = json!(number);
    }
    let faults = faults(&quote(&client, &stay).await);
    assert_eq!(faults.len(), 20);
    assert!(faults.iter().all(|(field, _)| field.chars().count() <= 80));
}

#[tokio::test]
async fn parts_of_another_kind_are_told_with_the_path_to_them() {
    let server = Server::quick_demo().await;
    let client = server.user01().await;
    for (field, value, expected) in [
        ("contact", json!([]), vec![("contact", "must be an object")]),
        ("contact", Value::Null, vec![("contact", "must be an object")]),
        ("contact", json!("Ada"), vec![("contact", "must be an object")]),
        (
            "contact",
            json!({"name": {"first": "Ada"}, "email": 1, "a.b": 1}),
            vec![
                ("contact.name", "must be a text"),
                ("contact.email", "must be an e-mail address"),
                ("contact.a.b", "is not an argument here"),
            ],
        ),
        (
            "extras",
            json!(["breakfast", 1, "bath", null, ["parking"]]),
            vec![
                ("extras[1]", "must be one of breakfast, bicycle, parking"),
                ("extras[2]", "must be one of breakfast, bicycle, parking"),
                ("extras[3]", "must be one of breakfast, bicycle, parking"),
                ("extras[4]", "must be one of breakfast, bicycle, parking"),
            ],
        ),
        ("wishes", json!({"0": "a cot"}), vec![("wishes", "must be a list")]),
        ("nights", json!(1e300), vec![("nights", "must be at most 31")]),
        ("nights", json!(-0.0), vec![("nights", "must be at least 1")]),
        ("nights", json!(true), vec![("nights", "must be a whole number")]),
        ("discount", json!("0.5"), vec![("discount", "must be a number")]),
        (
            "room",
            json!({"double": null}),
            vec![("room", "must be one of single, double, view")],
        ),
    ] {
        let got = faults(&quote(&client, &with(field, Some(value.clone()))).await);
        let got: Vec<(&str, &str)> = got
            .iter()
            .map(|(path, problem)| (path.as_str(), problem.as_str()))
            .collect();
        assert_eq!(got, expected, "{field} {value}");
    }
    for day in [
        "",
        "2026-1-31",
        "2026-01-31T00:00",
        "2026-02-30",
        "2026-13-01",
        "-001-01-01",
        "２０２６-01-31",
        " 2026-01-31",
    ] {
        let got = faults(&quote(&client, &with("arrival", Some(json!(day)))).await);
        assert_eq!(
            got,
            [("arrival".to_owned(), "must be a date such as 2026-01-31".to_owned())],
            "{day}"
        );
    }
}

/// security check 93, a sample: none of it is a failure
#[tokio::test]
async fn strange_bodies_are_refused_as_what_they_are() {
    let server = Server::quick_demo().await;
    let client = server.user01().await;
    let deep = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
    for (nights, status) in [
        ("1e400", 400),
        ("99999999999999999999", 422),
        ("01", 400),
        ("\"\\ud800\"", 400),
        ("\"\\u0000\"", 422),
        (deep.as_str(), 400),
    ] {
        let body = stay()
            .to_string()
            .replace(r#""nights":3"#, &format!(r#""nights":{nights}"#));
        let reply = client.json("/api/quote_stay", &body).await;
        assert_eq!(reply.status, status, "{nights:.30}: {}", reply.body);
        reply.code();
    }
    for name in [
        "__proto__",
        "constructor",
        "",
        "nights ",
        "Nights",
        "contact.name",
        "\u{0}",
    ] {
        let mut stay = stay();
        stay[name] = json!(1);
        assert_eq!(
            faults(&quote(&client, &stay).await),
            [(name.to_owned(), "is not an argument here".to_owned())]
        );
    }
}

#[tokio::test]
async fn no_refusal_quotes_what_may_be_a_secret() {
    let server = Server::quick_demo().await;
    let client = server.user01().await;
    for (name, body) in [
        ("login", r#"{"user_id":"user01","password":{"a":"canary"}}"#),
        (
            "login",
            r#"{"user_id":["canary"],"password":"canary","remember":"canary"}"#,
        ),
        (
            "login",
            r#"{"user_id":"user01","password":"canary","passwd_hash":"canary"}"#,
        ),
        ("change_password", r#"{"new_password":["canary"]}"#),
        ("change_password", r#"{"new_password":"canary"}"#),
        ("confirm_login", r#"{"password":12345678901234567890}"#),
        (
            "quote_stay",
            r#"{"arrival":"canary","nights":"canary","room":"canary","dog":"canary","extras":"canary"}"#,
        ),
    ] {
        let reply = client.json(&format!("/api/{name}"), body).await;
        faults(&reply);
        assert!(
            !reply.body.contains("canary") && !reply.body.contains("12345"),
            "{}",
            reply.body
        );
    }
}

#[tokio::test]
async fn who_is_not_logged_in_learns_nothing_about_the_arguments() {
    let server = Server::quick_demo().await;
    for body in ["{}", "[", r#"{"nights":"x"}"#] {
        let reply = server.client().json("/api/quote_stay", body).await;
        assert_eq!((reply.status, reply.code().as_str()), (401, "not_logged_in"));
    }
}
