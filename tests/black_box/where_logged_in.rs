//! The list of one's sessions, in detail: what it tells, what it keeps to itself, and whom it counts as the present one.
//! Security check 35.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::Value;

use crate::{
    client::{Client, REMEMBER, SESSION},
    database::Database,
    server::Server,
};

const REMEMBERED: &str = r#"{"user_id":"user01","password":"user_01"}"#;

async fn list(client: &Client) -> Vec<Value> {
    let reply = client.json("/api/my_sessions", "{}").await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    reply.value()["sessions"].as_array().unwrap().clone()
}

fn current(sessions: &[Value]) -> Vec<&Value> {
    sessions.iter().filter(|session| session["current"] == true).collect()
}

async fn remembered(server: &Server) -> Client {
    let client = server.client();
    assert_eq!(client.json("/api/login", REMEMBERED).await.status, 200);
    client
}

/// A moment of the session with that login, as RFC 3339 writes it.
async fn moment(database: &mut Database, column: &str, device: &str) -> String {
    let query = format!("SELECT {column} FROM sessions WHERE data LIKE '%\"{device}\"%'");
    let millis = database.number(&query).await;
    jiff::Timestamp::from_second(millis / 1000).unwrap().to_string()
}

#[tokio::test]
async fn each_session_tells_when_it_began_and_was_last_used_and_the_last_used_comes_first() {
    let server = Server::quick_demo().await;
    let mut database = server.place.database().await;
    for (agent, hours, minutes) in [("curl/8", 3, 20), ("python-requests/2", 9, 5)] {
        server
            .client()
            .request("POST", "/api/login")
            .header("content-type", "application/json")
            .header("user-agent", agent)
            .body(r#"{"user_id":"user01","password":"user_01","remember":false}"#)
            .send()
            .await;
        let word = if agent.starts_with("curl") { "curl" } else { "Python" };
        let aged = format!(
            "UPDATE sessions SET logged_in_at = logged_in_at - {hours} * 3600000, last_used_at = last_used_at - {minutes} * 60000
             WHERE data LIKE '%\"{word}\"%'"
        );
        assert_eq!(database.change(&aged).await, 1);
    }
    let sessions = list(&server.user01().await).await;
    let devices: Vec<&str> = sessions
        .iter()
        .map(|session| session["device"].as_str().unwrap())
        .collect();
    assert_eq!(devices, ["An unknown program", "Python", "curl"]);
    for session in &sessions[1..] {
        let device = session["device"].as_str().unwrap();
        assert_eq!(
            session["logged_in_at"],
            moment(&mut database, "logged_in_at", device).await
        );
        assert_eq!(
            session["last_used_at"],
            moment(&mut database, "last_used_at", device).await
        );
    }
}

/// Its session is over; what was noted of it is not.
#[tokio::test]
async fn a_remembered_browser_without_a_session_tells_when_it_was_logged_in_and_last_used() {
    let server = Server::quick_demo().await;
    let _browser = remembered(&server).await;
    let mut database = server.place.database().await;
    for change in [
        "UPDATE remembered SET created_at = created_at - 36000000, rotated_at = rotated_at - 18000000",
        "UPDATE sessions SET last_used_at = last_used_at - 7200000",
        "DELETE FROM sessions",
    ] {
        assert_eq!(database.change(change).await, 1, "{change}");
    }
    let mut shown = async |column: &str| {
        let millis = database.number(&format!("SELECT {column} FROM remembered")).await;
        jiff::Timestamp::from_second(millis / 1000).unwrap().to_string()
    };
    let (logged_in_at, last_used_at) = (shown("created_at").await, shown("used_at").await);
    let client = server.user01().await;
    let sessions = list(&client).await;
    let found = sessions.iter().find(|session| session["remembered"] == true).unwrap();
    assert_eq!(found["logged_in_at"], logged_in_at.as_str());
    assert_eq!(found["last_used_at"], last_used_at.as_str());
}

/// security check 36: what is listed is good for nothing but to end it
#[tokio::test]
async fn no_id_is_a_token_or_a_part_of_what_is_stored() {
    let server = Server::quick_demo().await;
    let (client, browser) = (server.user01().await, remembered(&server).await);
    let forgotten = remembered(&server).await;
    let mut database = server.place.database().await;
    database
        .change("DELETE FROM sessions WHERE rowid = (SELECT MAX(rowid) FROM sessions)")
        .await;
    let sessions = list(&client).await;
    assert_eq!(sessions.len(), 3, "{sessions:?}");
    let stored = database
        .text(
            "SELECT (SELECT group_concat(hex(token_hash) || ' ' || coalesce(hex(series_hash), '') || ' ' || data) FROM sessions)
             || ' ' || (SELECT group_concat(hex(series_hash) || ' ' || hex(token_hash)) FROM remembered)",
        )
        .await
        .to_uppercase();
    let cookies: Vec<String> = [&client, &browser, &forgotten]
        .into_iter()
        .flat_map(|client| [client.cookie(SESSION), client.cookie(REMEMBER)])
        .flatten()
        .collect();
    for session in &sessions {
        let id = session["id"].as_str().unwrap();
        let bytes = URL_SAFE_NO_PAD.decode(id).expect("base64url");
        let hex = bytes
            .iter()
            .fold(String::new(), |hex, byte| hex + &format!("{byte:02X}"));
        assert!(!stored.contains(&hex) && !stored.contains(&id.to_uppercase()), "{id}");
        assert!(!cookies.iter().any(|cookie| cookie.contains(id)), "{id}");
    }
}

#[tokio::test]
async fn what_is_over_is_not_listed() {
    let server = Server::quick_demo().await;
    let browser = remembered(&server).await;
    let mut database = server.place.database().await;
    database.change("UPDATE sessions SET last_used_at = 1").await;
    let client = server.user01().await;
    assert_eq!(list(&client).await.len(), 2, "the browser is remembered all the same");
    database.change("UPDATE remembered SET expires_at = 1").await;
    assert_eq!(list(&client).await.len(), 1);
    browser.drop_cookie(SESSION);
    assert_eq!(browser.who().await, None);
}

/// security check 95, for a device
#[tokio::test]
async fn a_program_that_calls_itself_something_hostile_is_told_in_harmless_words() {
    let server = Server::quick_demo().await;
    let client = server.user01().await;
    for agent in [
        "</p><script>alert(1)</script>",
        "Firefox/<img src=x onerror=alert(1)>",
        "\" onclick=\"alert(1)",
    ] {
        server
            .client()
            .request("POST", "/api/login")
            .header("content-type", "application/json")
            .header("user-agent", agent)
            .body(REMEMBERED)
            .send()
            .await;
        let told = client.json("/api/my_sessions", "{}").await.body;
        let page = client.get("/account").await;
        assert!(page.shows(">this session<"), "{}", page.body);
        for text in [told, page.body] {
            assert!(!text.contains("alert"), "{text}");
        }
    }
}

#[tokio::test]
async fn a_browser_that_is_logged_in_again_by_the_very_call_is_the_present_one() {
    let server = Server::quick_demo().await;
    let client = remembered(&server).await;
    let mut database = server.place.database().await;
    database.change("DELETE FROM sessions").await;
    client.drop_cookie(SESSION);
    let sessions = list(&client).await;
    assert_eq!((sessions.len(), current(&sessions).len()), (1, 1), "{sessions:?}");

    // The others end, and it goes on, with its session as with its remembered login.
    let other = server.user01().await;
    client.drop_cookie(SESSION);
    assert_eq!(client.json("/api/end_other_sessions", "{}").await.status, 200);
    assert_eq!(
        client.with_only(SESSION, &client.session()).who().await.as_deref(),
        Some("user01")
    );
    assert_eq!(other.who().await, None);
    client.drop_cookie(SESSION);
    assert_eq!(client.who().await.as_deref(), Some("user01"));
}

#[tokio::test]
async fn an_older_session_of_the_same_browser_is_ended_without_the_present_one() {
    let server = Server::quick_demo().await;
    let client = remembered(&server).await;
    let older = client.session();
    // The browser was closed and opened again.
    client.drop_cookie(SESSION);
    let sessions = list(&client).await;
    assert_eq!((sessions.len(), current(&sessions).len()), (2, 1), "{sessions:?}");
    let target = sessions.iter().find(|session| session["current"] == false).unwrap();
    let body = serde_json::json!({ "id": target["id"] }).to_string();
    assert_eq!(client.json("/api/end_session", &body).await.status, 200);
    assert_eq!(client.with_only(SESSION, &older).who().await, None);
    assert_eq!(
        client.with_only(SESSION, &client.session()).who().await.as_deref(),
        Some("user01")
    );
    client.drop_cookie(SESSION);
    assert_eq!(client.who().await.as_deref(), Some("user01"), "it is remembered");
}

/// security check 74, for this page
#[tokio::test]
async fn the_account_page_tells_nothing_to_who_is_not_logged_in() {
    let server = Server::quick_demo().await;
    let client = server.user01().await;
    let session = client.session();
    let told = |page: &crate::client::Reply| {
        ["127.0.0.1", ">this session<", "Log out here"]
            .into_iter()
            .any(|text| page.shows(text))
    };
    assert!(told(&client.get("/account").await));
    client.json("/api/logout", "{}").await;
    let disabled = server.logged_in("user02", "user_02").await;
    server.place.done(&["user", "disable", "user02"], "").await;
    for visitor in [
        server.client(),
        client.with_only(SESSION, &session),
        client.with_only(SESSION, "AAECAwQFBgcICQoLDA0ODw"),
        disabled,
    ] {
        let page = visitor.get("/account").await;
        assert_eq!(page.status, 200);
        assert!(
            page.shows(r#"href="/login?next=/account""#) && !told(&page),
            "{}",
            page.body
        );
    }
}
