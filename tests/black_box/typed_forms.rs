//! The form of a function with typed arguments, without script: what its texts come to as JSON, and what is said beside them.

use serde_json::{Value, json};

use crate::{
    client::{Client, Reply},
    page::{code, input, is_wrong, said},
    server::Server,
};

const PAGE: &str = "/functions/quote_stay";

type Fields<'a> = Vec<(&'a str, &'a str)>;

fn filled<'a>() -> Fields<'a> {
    vec![
        ("arrival", "2026-12-30"),
        ("nights", "3"),
        ("guests", "2"),
        ("room", "double"),
        ("contact.name", "Ada"),
    ]
}

/// The form with one field filled in otherwise, or more than once.
fn with<'a>(name: &'a str, texts: &[&'a str]) -> Fields<'a> {
    let mut fields = filled();
    fields.retain(|(found, _)| *found != name);
    fields.extend(texts.iter().map(|text| (name, *text)));
    fields
}

/// What a form comes to: sent by nobody, it waits, and its page shows the body that would be sent.
async fn body(server: &Server, fields: &[(&str, &str)]) -> Value {
    let client = server.client();
    assert_eq!(client.form(PAGE, fields).await.status, 303);
    let waits = code(&client.get(PAGE).await, "The arguments of the waiting call");
    serde_json::from_str(&waits).unwrap_or_else(|error| panic!("{error}: {waits}"))
}

async fn called(client: &Client, fields: &[(&str, &str)]) -> Reply {
    let reply = client.form(PAGE, fields).await;
    assert_eq!(reply.header("location").trim_end_matches("#reply"), PAGE);
    client.get(PAGE).await
}

#[tokio::test]
async fn texts_become_numbers_dates_lists_and_boxes() {
    let server = Server::quick_demo().await;
    let least = json!({
        "arrival": "2026-12-30", "nights": 3, "guests": 2, "room": "double", "dog": false, "contact": {"name": "Ada"},
    });
    let got = body(&server, &filled()).await;
    for (name, value) in least.as_object().unwrap() {
        assert_eq!(got[name], *value, "{name} in {got}");
    }
    assert!(got.get("discount").is_none(), "what was left empty is not sent: {got}");

    for (name, texts, expected) in [
        ("nights", &[" 12 "][..], json!(12)),
        ("nights", &["1e1"], json!(10.0)),
        ("nights", &["-7"], json!(-7)),
        ("discount", &["0.25"], json!(0.25)),
        ("discount", &["  "], Value::Null),
        ("dog", &["on"], json!(true)),
        ("dog", &["", "x"], json!(true)),
        ("extras", &["parking", "breakfast"], json!(["parking", "breakfast"])),
        ("wishes", &["a cot\r\n\r\n  quiet  \r\n"], json!(["a cot", "quiet"])),
        ("wishes", &["one\nand two"], json!(["one", "and two"])),
        ("room", &[""], Value::Null),
        ("contact.email", &[""], Value::Null),
    ] {
        let got = body(&server, &with(name, texts)).await;
        let found = name.split('.').fold(&got, |value, part| &value[part]);
        assert_eq!(*found, expected, "{name} {texts:?} in {got}");
    }
    let got = body(&server, &with("contact.email", &["ada@example.org"])).await;
    assert_eq!(got["contact"], json!({"name": "Ada", "email": "ada@example.org"}));
    // What belongs to no field is not sent.
    let got = body(&server, &with("contact.phone", &["1"])).await;
    assert!(got["contact"].get("phone").is_none(), "{got}");
}

/// What browsers send for an input of type `number` (HTML, valid floating-point number).
#[tokio::test]
async fn a_number_is_understood_however_a_browser_writes_it() {
    let server = Server::quick_demo().await;
    for (name, text, number) in [
        ("discount", ".5", 0.5),
        ("discount", "0.50", 0.5),
        ("discount", "5e-1", 0.5),
        ("discount", "-.5", -0.5),
        ("nights", "03", 3.0),
        ("nights", "3.0", 3.0),
    ] {
        let got = body(&server, &with(name, &[text])).await;
        assert_eq!(got[name].as_f64(), Some(number), "{name} {text:?} in {got}");
    }
}

#[tokio::test]
async fn each_fault_is_said_beside_its_field_and_what_was_typed_stays() {
    let server = Server::quick_demo().await;
    let client = server.user01().await;
    let long = "x".repeat(61);
    for (name, text, problem) in [
        ("arrival", "30.12.2026", "Must be a date such as 2026-01-31."),
        ("nights", "", "Is missing."),
        ("nights", "32", "Must be at most 31."),
        ("nights", "three", "Must be a whole number."),
        ("nights", "1.5", "Must be a whole number."),
        ("nights", "NaN", "Must be a whole number."),
        ("nights", "1e400", "Must be a whole number."),
        ("discount", "1.01", "Must be at most 1."),
        ("discount", "50%", "Must be a number."),
        ("room", "attic", "Must be one of single, double, view."),
        ("contact.name", &long, "Must have at most 60 characters."),
        ("contact.email", "nobody", "Must be an e-mail address."),
    ] {
        let page = called(&client, &with(name, &[text])).await;
        assert!(page.shows("422 Unprocessable Content"), "{name} {text}: {}", page.body);
        assert_eq!(said(&page, name), problem, "{name} {text}");
        assert_eq!(page.body.matches(r#"aria-invalid="true""#).count(), 1, "{name} {text}");
        assert!(is_wrong(&page, name), "{name} {text}: {}", input(&page, name));
        if name != "room" {
            assert!(
                input(&page, name).contains(&format!(r#"value="{text}""#)),
                "{}",
                input(&page, name)
            );
        }
        // The others are as they were, and nothing is said of them.
        for (other, text) in filled()
            .into_iter()
            .filter(|(other, _)| *other != name && *other != "room")
        {
            assert!(
                input(&page, other).contains(&format!(r#"value="{text}""#)),
                "{other}: {}",
                input(&page, other)
            );
            assert_eq!(said(&page, other), "", "{other}");
        }
    }
}

#[tokio::test]
async fn faults_of_list_items_are_said_beside_the_list() {
    let server = Server::quick_demo().await;
    let client = server.user01().await;
    let lines = format!("fine\r\n{}\r\n", "x".repeat(81));
    for (name, text, problem) in [
        ("wishes", lines.as_str(), "must have at most 80 characters."),
        ("wishes", "1\r\n2\r\n3\r\n4\r\n5\r\n6", "Must have at most 5 items."),
        ("extras", "bath", "must be one of breakfast, bicycle, parking."),
    ] {
        let page = called(&client, &with(name, &[text])).await;
        assert!(said(&page, name).ends_with(problem), "{name}: {}", said(&page, name));
        if name == "wishes" {
            assert!(is_wrong(&page, name));
            assert!(page.shows(text.lines().last().unwrap()), "{}", page.body);
        }
    }
    // As many as may be, with line ends as browsers send them.
    let page = called(&client, &with("wishes", &["1\r\n2\r\n\r\n3\r\n4\r\n5\r\n"])).await;
    assert!(page.shows("200 OK"), "{}", page.body);
}

/// The form with everything filled in.
fn whole() -> Fields<'static> {
    vec![
        ("arrival", "2026-12-30"),
        ("nights", "3"),
        ("guests", "2"),
        ("room", "double"),
        ("extras", "breakfast"),
        ("extras", "parking"),
        ("discount", "0.5"),
        ("dog", "on"),
        ("contact.name", "Ada"),
        ("contact.email", ""),
        ("wishes", "a cot\r\n\r\n quiet \r\n"),
    ]
}

#[tokio::test]
async fn a_form_says_the_same_as_its_json() {
    let server = Server::quick_demo().await;
    let client = server.user01().await;
    assert_eq!(
        client.form(PAGE, &whole()).await.header("location"),
        format!("{PAGE}#reply")
    );
    let page = client.get(PAGE).await;
    for text in ["200 OK", "2027-01-02", r#""total":188"#] {
        assert!(page.shows(text), "{text}: {}", page.body);
    }
    // What was typed is still there.
    for kept in [
        r#"name="nights" type="number" value="3""#,
        r#"<option value="double" selected"#,
        r#"name="contact.name" type="text" value="Ada""#,
    ] {
        assert!(page.shows(kept), "{kept}: {}", page.body);
    }
    assert_eq!(
        page.body
            .matches(r#"type="checkbox" value="breakfast" checked"#)
            .count(),
        1
    );
    assert_eq!(
        page.body.matches(r#"type="checkbox" value="bicycle" checked"#).count(),
        0
    );
}

#[tokio::test]
async fn what_is_wrong_is_said_beside_the_fields_of_the_form_and_what_was_typed_is_kept() {
    let server = Server::quick_demo().await;
    let client = server.user01().await;
    let mut typed = whole();
    typed[1] = ("nights", "thirty");
    typed[8] = ("contact.name", "");
    typed[10] = ("wishes", "</textarea><script>alert(1)</script>");
    client.form(PAGE, &typed).await;
    let page = client.get(PAGE).await;
    assert!(page.shows("422 Unprocessable Content"), "{}", page.body);
    assert!(page.shows(r#"value="thirty""#));
    for (field, problem) in [
        ("nights", "Must be a whole number."),
        ("contact.name", "Must not be empty."),
    ] {
        let (_, said) = page
            .body
            .split_once(&format!(r#"id="said-argument-{field}""#))
            .expect("a place for it");
        let said = said.split_once("</p>").unwrap().0;
        assert!(said.contains(problem), "{field}: {said}");
        let (_, input) = page
            .body
            .split_once(&format!(r#"id="argument-{field}" "#))
            .expect("the input");
        let input = input.split_once('>').unwrap().0;
        assert!(input.contains(r#"aria-invalid="true""#), "{input}");
        assert!(input.contains(&format!("said-argument-{field}")), "{input}");
    }
    assert_eq!(page.body.matches(r#"aria-invalid="true""#).count(), 2);
    assert!(!page.shows("<script>alert"), "{}", page.body);
}

#[tokio::test]
async fn the_form_has_the_right_inputs_with_their_limits_labels_and_help() {
    let server = Server::quick_demo().await;
    let body = server.client().get(PAGE).await.body.replace("<!>", "");
    for markup in [
        r#"<label for="argument-arrival">Arrival</label>"#,
        r#"<p id="help-argument-arrival" class="help">The first night.</p>"#,
        r#"name="arrival" type="date""#,
        r#"min="1" max="31" step="1""#,
        r#"min="0" max="1" step="any""#,
        "<legend>Contact</legend>",
        r#"name="contact.email" type="email""#,
        "Email (optional)",
        "Breakfast, 12 a guest and night",
        "Any other wishes. One per line.",
    ] {
        assert!(body.contains(markup), "{markup}: {body}");
    }
    // A browser would cut off what is pasted, without a word.
    assert!(!body.contains("maxlength"), "{body}");
}

/// security check 95, for every input
#[tokio::test]
async fn hostile_texts_are_inert_in_every_input_and_in_the_reply() {
    let server = Server::quick_demo().await;
    let client = server.user01().await;
    for hostile in [
        r#""><script>alert(1)</script>"#,
        "</textarea></select></option><img src=x onerror=alert(1)>",
        "'><svg onload=alert(1)>",
        r#"" onfocus="alert(1)" autofocus=""#,
        "</code></pre></script><script>alert(1)</script>",
        "<!--<script>",
    ] {
        for name in [
            "arrival",
            "nights",
            "room",
            "extras",
            "discount",
            "contact.name",
            "contact.email",
            "wishes",
            "dog",
        ] {
            let fields = with(name, &[hostile]);
            for visitor in [&client, &server.client()] {
                assert_eq!(visitor.form(PAGE, &fields).await.status, 303, "{name}");
                let page = visitor.get(PAGE).await;
                assert_eq!(page.status, 200);
                for bad in ["<script>alert", "<img src=x", "<svg onload", "<!--<script"] {
                    assert!(!page.shows(bad), "{bad} in {name}: {}", page.body);
                }
                for tag in page.body.split('<').filter_map(|tag| tag.split('>').next()) {
                    assert!(!tag.contains(r#"" onfocus=""#), "{name}: {tag}");
                }
            }
        }
    }
}

#[tokio::test]
async fn a_new_password_that_is_refused_is_said_beside_its_field_and_never_shown_or_kept() {
    let server = Server::quick_demo().await;
    let client = server.user01().await;
    let page = "/functions/change_password";
    for (password, problem) in [
        (
            "canary",
            "Must have at least 15 characters: a few words make a good one.",
        ),
        (
            "canary canary",
            "Must have at least 15 characters: a few words make a good one.",
        ),
        (
            "canary of user01 sings",
            "Must not contain the name of the user: attackers try that first.",
        ),
        ("canarycanarycanary", "Is too easily guessed: "),
    ] {
        client.form(page, &[("new_password", password)]).await;
        let shown = client.get(page).await;
        assert!(
            said(&shown, "new_password").starts_with(problem),
            "{}",
            said(&shown, "new_password")
        );
        assert!(is_wrong(&shown, "new_password"));
        assert!(!shown.shows("canary"), "{}", shown.body);
        let kept = server
            .place
            .database()
            .await
            .text("SELECT group_concat(call) FROM kept_calls")
            .await;
        assert!(!kept.contains("canary"), "{kept}");
    }
    assert_eq!(client.who().await.as_deref(), Some("user01"));
    client
        .form(page, &[("new_password", "seven small canaries swim")])
        .await;
    let shown = client.get(page).await;
    assert!(shown.shows("200 OK") && !shown.shows("canaries"), "{}", shown.body);
}
