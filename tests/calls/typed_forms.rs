//! Typed arguments in a form without script: what its texts come to as JSON, and what is said beside its fields.

use serde_json::{Value, json};

use crate::support::{
    client::{Client, Reply},
    page::{assert_hides, assert_shows, code, input, is_wrong, said},
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
pub fn with<'a>(name: &'a str, texts: &[&'a str]) -> Fields<'a> {
    let mut fields = filled();
    fields.retain(|(found, _)| *found != name);
    fields.extend(texts.iter().map(|text| (name, *text)));
    fields
}

/// What a form comes to: sent by nobody, it waits, and its page shows the body that would be sent.
async fn body(server: &Server, fields: &[(&str, &str)]) -> Value {
    let client = server.client();
    assert_eq!(client.form(PAGE, fields).await.status, 303);
    let waits = code(&client.get(PAGE).await, "Arguments of the waiting call");
    serde_json::from_str(&waits).unwrap_or_else(|error| panic!("{error}: {waits}"))
}

async fn called(client: &Client, fields: &[(&str, &str)]) -> Reply {
    let reply = client.form(PAGE, fields).await;
    assert_eq!(reply.header("location").trim_end_matches("#reply"), PAGE);
    client.get(PAGE).await
}

fn assert_holds(page: &Reply, name: &str, text: &str) {
    let input = input(page, name);
    assert!(input.contains(&format!(r#"value="{text}""#)), "{name}: {input}");
}

#[tokio::test]
async fn texts_become_numbers_dates_lists_and_booleans() {
    let server = Server::shared();
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
        ("contact.email", &["ada@example.org"], json!("ada@example.org")),
        // What belongs to no field is not sent.
        ("contact.phone", &["1"], Value::Null),
    ] {
        let got = body(&server, &with(name, texts)).await;
        let found = name.split('.').fold(&got, |value, part| &value[part]);
        assert_eq!(*found, expected, "{name} {texts:?} in {got}");
    }
    // As browsers may send an input of type `number` (HTML, valid floating-point number).
    for (name, texts, number) in [
        ("discount", ".5 0.50 5e-1", 0.5),
        ("discount", "-.5", -0.5),
        ("nights", "03 3.0", 3.0),
    ] {
        for text in texts.split(' ') {
            let got = body(&server, &with(name, &[text])).await;
            assert_eq!(got[name].as_f64(), Some(number), "{name} {text:?} in {got}");
        }
    }
}

#[tokio::test]
async fn each_fault_is_said_beside_its_field_and_what_was_typed_stays() {
    let client = Server::shared().user01().await;
    let long = "x".repeat(61);
    for (name, text, problem) in [
        ("arrival", "30.12.2026", "Must be a date such as 2026-01-31."),
        ("nights", "", "Enter a number."),
        ("nights", "32", "Must be at most 31."),
        ("nights", "three", "Must be a whole number."),
        ("nights", "1.5", "Must be a whole number."),
        ("nights", "NaN", "Must be a whole number."),
        ("nights", "1e400", "Must be a whole number."),
        ("discount", "1.01", "Must be at most 1."),
        ("discount", "50%", "Must be a number."),
        ("room", "attic", "Must be one of single, double, view."),
        ("contact.name", "", "Fill in this field."),
        ("room", "", "Choose one."),
        ("arrival", "", "Choose a date."),
        ("contact.name", &long, "Must have at most 60 characters."),
        ("contact.email", "nobody", "Must be an e-mail address."),
    ] {
        let page = called(&client, &with(name, &[text])).await;
        assert!(page.shows("422 Unprocessable Content"), "{name} {text}: {}", page.body);
        assert_eq!(said(&page, name), problem, "{name} {text}");
        assert_shows(&page, &["Correct the marked field."]);
        assert_eq!(page.body.matches(r#"aria-invalid="true""#).count(), 1, "{name} {text}");
        assert!(is_wrong(&page, name), "{name} {text}: {}", input(&page, name));
        assert!(input(&page, name).contains(&format!("said-argument-{name}")), "{name}");
        if name != "room" {
            assert_holds(&page, name, text);
        }
        // The others are as they were, and nothing is said of them.
        let others = filled()
            .into_iter()
            .filter(|(other, _)| ![name, "room"].contains(other));
        for (other, text) in others {
            assert_holds(&page, other, text);
            assert_eq!(said(&page, other), "", "{other}");
        }
    }
}

#[tokio::test]
async fn faults_of_list_items_are_said_beside_the_list() {
    let client = Server::shared().user01().await;
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
            assert_shows(&page, &[text.lines().last().unwrap()]);
        }
    }
    // As many as may be, with line ends as browsers send them.
    let page = called(&client, &with("wishes", &["1\r\n2\r\n\r\n3\r\n4\r\n5\r\n"])).await;
    assert_shows(&page, &["200 OK"]);
}

#[tokio::test]
async fn a_form_gets_the_same_reply_as_its_json_and_keeps_what_was_typed() {
    let client = Server::shared().user01().await;
    let mut whole = filled();
    whole.extend([("extras", "breakfast"), ("extras", "parking"), ("dog", "on")]);
    let wishes = "a cot\r\n\r\n quiet \r\n";
    whole.extend([("discount", "0.5"), ("contact.email", ""), ("wishes", wishes)]);
    let page = called(&client, &whole).await;
    assert_shows(&page, &["200 OK", "2027-01-02", r#""total": 188"#]);
    assert_shows(&page, &[r#"name="nights" type="number" value="3""#]);
    assert_shows(&page, &[r#"name="contact.name" type="text" value="Ada""#]);
    assert_shows(&page, &[r#"<option value="double" selected"#]);
    for (name, times) in [("breakfast", 1), ("bicycle", 0)] {
        let ticked = format!(r#"type="checkbox" value="{name}" checked"#);
        assert_eq!(page.body.matches(&ticked).count(), times, "{name}");
    }
}

#[tokio::test]
async fn the_form_has_the_right_inputs_with_their_limits_labels_and_help() {
    let body = Server::shared().client().get(PAGE).await.body.replace("<!>", "");
    for markup in r#"
        <label for="argument-arrival">Arrival</label>
        <p id="help-argument-arrival" class="help">The first night.</p>
        name="arrival" type="date"|min="1" max="31" step="1"|min="0" max="1" step="any"|<legend>Contact</legend>
        name="contact.email" type="email"|Email (optional)
        Breakfast, 12 a guest and night|Any other wishes. One per line."#
        .split(['|', '\n'])
    {
        assert!(body.contains(markup.trim()), "{markup}: {body}");
    }
    // A browser would cut off what is pasted, without a word.
    assert!(!body.contains("maxlength"), "{body}");
}

#[tokio::test]
async fn the_form_has_its_labels_help_and_choices_in_the_language_of_the_page() {
    let client = Server::shared().client();
    let page = client.request("GET", PAGE).header("accept-language", "ko").send().await;
    let body = page.body.replace("<!>", "");
    for text in [
        "호텔 숙박 요금을 계산합니다. 여러 형식의 인수를 보여 주는 예제입니다.",
        "브라우저와 서버에서 모든 인수의 형식을 확인합니다.",
        "로그인한 사용자",
        r#"<label for="argument-arrival">도착일</label>"#,
        r#"class="help">숙박을 시작하는 날짜입니다.</p>"#,
        r#"<option value="double">2인실, 1박 90</option>"#,
        "조식, 1인 1박 12",
        "이메일 (선택)",
        "그 밖의 요청 사항입니다. 한 줄에 하나씩 입력하세요.",
    ] {
        assert!(body.contains(text), "{text}: {body}");
    }
}

#[tokio::test]
async fn a_new_password_that_is_refused_is_said_beside_its_field_and_never_shown_or_kept() {
    let server = Server::demo().await;
    let client = server.user01().await;
    let page = "/functions/change_password";
    let short = "Must have at least 15 characters: a few words make a good one.";
    let named = "Must not contain the name of the user: attackers try that first.";
    for (password, problem) in [
        ("canary", short),
        ("canary canary", short),
        ("canary of user01 sings", named),
        ("canarycanarycanary", "Is too easily guessed: "),
    ] {
        client.form(page, &[("new_password", password)]).await;
        let shown = client.get(page).await;
        let said = said(&shown, "new_password");
        assert!(said.starts_with(problem) && is_wrong(&shown, "new_password"), "{said}");
        assert_hides(&shown, &["canary"]);
        let kept = "SELECT string_agg(call, ',') FROM kept_calls";
        assert!(!server.place.database().await.text(kept).await.contains("canary"));
    }
    assert_eq!(client.who().await.as_deref(), Some("user01"));
    let good = [("new_password", "seven small canaries swim")];
    client.form(page, &good).await;
    let shown = client.get(page).await;
    assert_shows(&shown, &["200 OK"]);
    assert_hides(&shown, &["canaries"]);
}
