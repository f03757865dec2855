//! Calls that wait for a login, seen by their effects: nothing happens before the press, once after it, and what is secret
//! leaves no trace.

use std::fs;

use serde_json::{Value, json};

use crate::{
    client::{CALL, Client, Reply},
    page::{code, input, is_wrong, said, waiting_id},
    server::{Place, QUICK, Server},
};

const STAY: &str = "/functions/quote_stay";
const END_OTHERS: &str = "/functions/end_other_sessions";
const WAITS: &str = "Your call is waiting";
const FORM: &str = "application/x-www-form-urlencoded";

async fn log_in(client: &Client, user: &str, next: &str) {
    let password = user.replace("user", "user_");
    let reply = client
        .form("/login", &[("next", next), ("user_id", user), ("password", &password)])
        .await;
    assert_eq!((reply.status, reply.header("location")), (303, next), "{}", reply.body);
}

/// A browser in which a call waits, after the login.
async fn waiting(server: &Server, page: &str, fields: &[(&str, &str)]) -> Client {
    let client = server.client();
    let reply = client.form(page, fields).await;
    assert_eq!(reply.header("location"), format!("/login?next={page}"));
    log_in(&client, "user01", page).await;
    client
}

/// Presses the button of the page as `client` sees it.
async fn run(client: &Client, page: &str) -> Reply {
    let id = waiting_id(&client.get(page).await).unwrap_or_default();
    client
        .form(&format!("{page}/kept"), &[("call", &id), ("run", "run")])
        .await
}

fn stay<'a>() -> Vec<(&'a str, &'a str)> {
    vec![
        ("arrival", "2026-12-30"),
        ("nights", "3"),
        ("guests", "2"),
        ("room", "double"),
        ("extras", "breakfast"),
        ("discount", "0.5"),
        ("contact.name", "Ada"),
        ("wishes", "a cot\r\nquiet"),
    ]
}

#[tokio::test]
async fn typed_arguments_come_through_the_login_as_they_were_typed() {
    let server = Server::quick_demo().await;
    let client = waiting(&server, STAY, &stay()).await;
    let page = client.get(STAY).await;
    assert!(page.shows(WAITS), "{}", page.body);
    let body: Value = serde_json::from_str(&code(&page, "The arguments of the waiting call")).unwrap();
    assert_eq!(
        body,
        json!({
            "arrival": "2026-12-30", "nights": 3, "guests": 2, "room": "double", "extras": ["breakfast"],
            "discount": 0.5, "dog": false, "contact": {"name": "Ada"}, "wishes": ["a cot", "quiet"],
        })
    );
    for (name, value) in [("arrival", "2026-12-30"), ("nights", "3"), ("contact.name", "Ada")] {
        assert!(
            input(&page, name).contains(&format!(r#"value="{value}""#)),
            "{}",
            input(&page, name)
        );
    }
    assert_eq!(run(&client, STAY).await.header("location"), format!("{STAY}#reply"));
    let page = client.get(STAY).await;
    assert!(page.shows("200 OK") && page.shows(r#""total":171"#), "{}", page.body);
    assert!(!page.shows(WAITS) && input(&page, "nights").contains(r#"value="3""#));
}

#[tokio::test]
async fn wrong_arguments_wait_too_and_their_faults_are_told_once_they_run() {
    let server = Server::quick_demo().await;
    let mut fields = stay();
    fields[1] = ("nights", "99");
    let client = waiting(&server, STAY, &fields).await;
    let page = client.get(STAY).await;
    assert!(
        page.shows(WAITS) && !page.shows(r#"aria-invalid="true""#),
        "{}",
        page.body
    );
    run(&client, STAY).await;
    let page = client.get(STAY).await;
    assert!(page.shows("422 Unprocessable Content"), "{}", page.body);
    assert_eq!(said(&page, "nights"), "Must be at most 31.");
    assert!(is_wrong(&page, "nights") && input(&page, "nights").contains(r#"value="99""#));
}

/// security check 58: the effect is that another session ends, and it does not come about by reading
#[tokio::test]
async fn no_page_and_no_other_site_runs_it_and_after_the_press_nothing_runs_it_again() {
    let server = Server::quick_demo().await;
    let other = server.user01().await;
    let client = waiting(&server, END_OTHERS, &[]).await;
    let kept = format!("{END_OTHERS}/kept");
    for path in [
        END_OTHERS,
        "/",
        "/account",
        &kept,
        &format!("{kept}?run=run"),
        "/login",
        "/confirm",
    ] {
        for method in ["GET", "HEAD", "OPTIONS"] {
            let prefetch = client.request(method, path).header("purpose", "prefetch").send().await;
            assert!(prefetch.set_cookies().is_empty(), "{method} {path}");
        }
    }
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "null"),
        ("origin", "https://evil.example"),
    ] {
        let press = client
            .request("POST", &kept)
            .header("content-type", FORM)
            .header(name, value);
        assert_eq!(press.body("run=run").send().await.status, 403, "{name}: {value}");
    }
    assert!(other.who().await.is_some() && client.get(END_OTHERS).await.shows(WAITS));

    run(&client, END_OTHERS).await;
    assert_eq!(other.who().await, None);
    let later = server.user01().await;
    run(&client, END_OTHERS).await;
    for _ in 0..3 {
        assert!(client.get(END_OTHERS).await.shows("1 other session ended"));
    }
    assert_eq!(later.who().await.as_deref(), Some("user01"));
}

#[tokio::test]
async fn a_press_that_asks_for_nothing_runs_nothing() {
    let server = Server::quick_demo().await;
    for fields in [&[][..], &[("drop", "drop")], &[("RUN", "run")]] {
        let other = server.user01().await;
        let client = waiting(&server, END_OTHERS, &[]).await;
        let id = waiting_id(&client.get(END_OTHERS).await).expect("it waits");
        let fields = [fields, &[("call", id.as_str())]].concat();
        let reply = client.form(&format!("{END_OTHERS}/kept"), &fields).await;
        assert_eq!((reply.status, reply.header("location")), (303, END_OTHERS));
        assert!(client.get(END_OTHERS).await.shows("No call yet"), "{fields:?}");
        assert_eq!(other.who().await.as_deref(), Some("user01"), "{fields:?}");
    }
}

#[tokio::test]
async fn a_login_by_a_program_binds_it_to_its_user_as_well() {
    let server = Server::quick_demo().await;
    let client = server.client();
    client.form(STAY, &stay()).await;
    let before = client.clone();
    client
        .json("/api/login", r#"{"user_id":"user01","password":"user_01"}"#)
        .await;
    let other = server.logged_in("user02", "user_02").await;
    other.put(CALL, &client.cookie(CALL).unwrap());
    for stranger in [&before, &other] {
        run(stranger, STAY).await;
        let page = stranger.get(STAY).await;
        assert!(!page.shows("Ada") && page.shows("No call yet"), "{}", page.body);
    }
    run(&client, STAY).await;
    assert!(client.get(STAY).await.shows("200 OK"));
}

/// security check 95
#[tokio::test]
async fn what_will_run_is_shown_as_text_whatever_it_is() {
    let server = Server::quick_demo().await;
    let page = "/functions/auth_func";
    for hostile in [
        r#"{"a":"</code></pre><script>alert(1)</script>"}"#,
        r#"{"a":"<img src=x onerror=alert(1)>"}"#,
        "</textarea><script>alert(1)</script>",
        "<!--<script>",
    ] {
        let client = waiting(&server, page, &[("arguments", hostile)]).await;
        let shown = client.get(page).await;
        assert_eq!(code(&shown, "The arguments of the waiting call"), hostile);
        for bad in ["<script>alert", "<img src=x", "<!--<script"] {
            assert!(!shown.shows(bad), "{bad}: {}", shown.body);
        }
    }
}

/// The page in one tab says what will run; by now a call from another tab waits in its place.
#[tokio::test]
async fn a_press_runs_the_call_that_its_page_has_shown_and_no_other() {
    let server = Server::quick_demo().await;
    let page = "/functions/auth_func";
    let client = waiting(&server, page, &[("arguments", r#"{"shown":1}"#)]).await;
    let shown = client.get(page).await;
    assert!(code(&shown, "The arguments of the waiting call").contains("shown"));
    let (_, form) = shown
        .body
        .split_once(&format!(r#"action="{page}/kept""#))
        .expect("the form");
    let form = form.split_once("</form>").unwrap().0;
    let mut press: Vec<(&str, &str)> = form
        .split(r#"type="hidden""#)
        .skip(1)
        .filter_map(|hidden| Some((quoted(hidden, "name")?, quoted(hidden, "value")?)))
        .collect();
    press.push(("run", "run"));

    client.form("/logout", &[]).await;
    client.form(page, &[("arguments", r#"{"another":2}"#)]).await;
    log_in(&client, "user01", page).await;
    client.form(&format!("{page}/kept"), &press).await;
    let after = client.get(page).await;
    assert!(!after.shows("auth_func({"), "what was never shown ran: {}", after.body);
}

fn quoted<'a>(tag: &'a str, attribute: &str) -> Option<&'a str> {
    let (_, rest) = tag.split('>').next()?.split_once(&format!(r#"{attribute}=""#))?;
    rest.split('"').next()
}

/// security checks 36 and 109, for what is kept
#[tokio::test]
async fn no_secret_of_a_form_is_in_any_file_or_on_any_page() {
    let place = Place::new();
    let mut settings = QUICK.to_vec();
    settings.push(("CALLGATE_LOG_FILTER", "trace"));
    let server = place.demo(&settings).await;
    let stale = server.user01().await;
    server.let_password_age("user01", 3600).await;
    let nobody = server.client();
    for (client, page, fields) in [
        (
            &stale,
            "/functions/change_password",
            vec![("new_password", "canary-7-small-zebras")],
        ),
        (
            &nobody,
            "/functions/change_password",
            vec![("new_password", "canary-7-small-zebras"), ("shown-to", "user01")],
        ),
        (
            &nobody,
            "/functions/confirm_login",
            vec![("password", "canary-8-small-zebras")],
        ),
        (
            &nobody,
            "/functions/login",
            vec![
                ("user_id", "user01"),
                ("passwd_hash", "canary-9"),
                ("password", "canary-9"),
            ],
        ),
        // Under a name that the function does not know.
        (
            &stale,
            "/functions/change_password",
            vec![("password", "canary-10"), ("arguments", "canary-11")],
        ),
    ] {
        assert_eq!(client.form(page, &fields).await.status, 303, "{page}");
        let shown = client.get(page).await;
        assert!(!shown.shows("canary"), "{page}: {}", shown.body);
    }
    nobody
        .form("/login", &[("user_id", "user01"), ("password", "canary-12")])
        .await;
    stale.form("/confirm", &[("password", "canary-13")]).await;
    assert!(place.log().contains("DEBUG") && !place.log().contains("canary"));
    let mut files = 0;
    for entry in fs::read_dir(place.data()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let bytes = fs::read(&path).unwrap();
            assert!(!bytes.windows(6).any(|part| part == b"canary"), "{}", path.display());
            files += 1;
        }
    }
    assert!(files >= 1);
    let kept = place
        .database()
        .await
        .text("SELECT group_concat(call) FROM kept_calls")
        .await;
    assert!(kept.contains("change_password"), "something was kept: {kept}");
}
