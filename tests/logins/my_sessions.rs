//! The list of a user's own sessions: what it shows and what it hides, and what ending one of them does.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::steps::{end, id_where, is_in, log_in_with, remembered, sessions, token, without_session, works};
use crate::support::{
    client::{REMEMBER, SESSION},
    database::Database,
    place::Place,
    server::Server,
};

/// A moment in the database, as RFC 3339 writes it.
async fn moment(database: &mut Database, query: &str) -> String {
    let millis = database.number(query).await;
    jiff::Timestamp::from_second(millis / 1000).unwrap().to_string()
}

#[tokio::test]
async fn each_session_shows_its_device_address_and_times_and_the_last_used_comes_first() {
    let server = Server::demo().await;
    let mut database = server.place.database().await;
    let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    // Within the minute in which a use is not recorded again.
    for (agent, word, hours, seconds) in [
        ("curl/8", "curl", 3, 20),
        (firefox, "Firefox", 1, 10),
        ("python-requests/2", "Python", 9, 5),
    ] {
        log_in_with(&server.client(), "user-agent", agent, "user01", "user_01").await;
        let aged = format!(
            "UPDATE sessions SET logged_in_at = logged_in_at - {hours} * 3600000,
             last_used_at = last_used_at - {seconds} * 1000 WHERE data LIKE '%\"{word}%'"
        );
        assert_eq!(database.change(&aged).await, 1, "{word}");
    }
    server.logged_in("user02", "user_02").await;
    let client = server.user01().await;
    let sessions = sessions(&client).await;
    let is = |session: &Value| {
        let device = session["device"].as_str().unwrap().to_owned();
        (device, session["current"] == true, session["remembered"] == true)
    };
    let expected = [
        ("An unknown program".to_owned(), true, false),
        ("Python".to_owned(), false, false),
        ("Firefox on Linux".to_owned(), false, false),
        ("curl".to_owned(), false, false),
    ];
    assert_eq!(sessions.iter().map(is).collect::<Vec<_>>(), expected, "{sessions:?}");
    for session in &sessions {
        assert_eq!(session["address"], "127.0.0.1");
    }
    for session in &sessions[1..] {
        let word = session["device"].as_str().unwrap().split(' ').next().unwrap();
        for column in ["logged_in_at", "last_used_at"] {
            let query = format!("SELECT {column} FROM sessions WHERE data LIKE '%\"{word}%'");
            assert_eq!(session[column], moment(&mut database, &query).await, "{session}");
        }
    }
    let page = client.get("/account").await;
    let (_, list) = page.body.split_once(r#"<ul class="sessions current">"#).unwrap();
    let (current, others) = list.split_once("</ul>").unwrap();
    assert!(
        current.contains("this session") && !others.contains("this session"),
        "{list}"
    );
    assert!(others.contains("Firefox on Linux, 127.0.0.1"), "{list}");
}

#[tokio::test]
async fn a_remembered_browser_without_a_session_is_listed_with_its_times_and_ended() {
    let server = Server::demo().await;
    let browser = remembered(&server).await;
    let mut database = server.place.database().await;
    for change in [
        "UPDATE remembered SET created_at = created_at - 36000000, rotated_at = rotated_at - 18000000",
        "UPDATE sessions SET last_used_at = last_used_at - 7200000",
        "DELETE FROM sessions",
    ] {
        assert_eq!(database.change(change).await, 1, "{change}");
    }
    let logged_in_at = moment(&mut database, "SELECT created_at FROM remembered").await;
    let last_used_at = moment(&mut database, "SELECT used_at FROM remembered").await;
    let client = server.user01().await;
    let sessions = sessions(&client).await;
    let found = sessions.iter().find(|session| session["remembered"] == true).unwrap();
    assert_eq!(found["logged_in_at"], logged_in_at.as_str());
    assert_eq!(found["last_used_at"], last_used_at.as_str());
    assert_eq!(end(&client, found["id"].as_str().unwrap()).await.status, 200);
    assert!(!is_in(&without_session(&browser)).await);
}

#[tokio::test]
async fn no_id_is_a_token_or_a_part_of_what_is_stored() {
    let server = Server::demo().await;
    let closed = remembered(&server).await;
    let mut database = server.place.database().await;
    database.change("DELETE FROM sessions").await;
    let (client, browser) = (server.user01().await, remembered(&server).await);
    let sessions = sessions(&client).await;
    assert_eq!(sessions.len(), 3, "{sessions:?}");
    let mut stored = String::new();
    for (table, column, value) in database.values().await {
        let is_secret = ["token_hash", "series_hash", "data"].contains(&column.as_str());
        if is_secret && ["sessions", "remembered"].contains(&table.as_str()) {
            stored += &value.to_uppercase();
        }
    }
    let cookies: Vec<String> = [&client, &browser, &closed]
        .into_iter()
        .flat_map(|client| [client.cookie(SESSION), client.cookie(REMEMBER)])
        .flatten()
        .collect();
    for session in &sessions {
        let id = session["id"].as_str().unwrap();
        let bytes = URL_SAFE_NO_PAD.decode(id).expect("base64url");
        let hex = bytes.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02X}"));
        assert!(!stored.contains(&hex) && !stored.contains(&id.to_uppercase()), "{id}");
        assert!(!cookies.iter().any(|cookie| cookie.contains(id)), "{id}");
        for cookie in [SESSION, REMEMBER] {
            assert!(!works(&client, cookie, id).await);
        }
    }
}

#[tokio::test]
async fn what_is_over_is_not_listed() {
    let server = Server::demo().await;
    let browser = remembered(&server).await;
    let mut database = server.place.database().await;
    database.change("UPDATE sessions SET last_used_at = 1").await;
    let client = server.user01().await;
    assert_eq!(sessions(&client).await.len(), 2, "the browser is remembered");
    database.change("UPDATE remembered SET expires_at = 1").await;
    assert_eq!(sessions(&client).await.len(), 1);
    assert!(!is_in(&without_session(&browser)).await);
}

#[tokio::test]
async fn a_browser_that_the_very_call_logs_in_again_is_the_present_one() {
    let server = Server::demo().await;
    let client = remembered(&server).await;
    server.place.database().await.change("DELETE FROM sessions").await;
    client.drop_cookie(SESSION);
    let list = sessions(&client).await;
    assert_eq!((list.len(), &list[0]["current"]), (1, &Value::Bool(true)), "{list:?}");

    // The others end, and it goes on, with its session as with its remembered login.
    let other = server.user01().await;
    client.drop_cookie(SESSION);
    for message in ["2 other sessions ended", "there was no other session"] {
        let reply = client.call("end_other_sessions", json!({})).await;
        assert_eq!(reply.message(), message);
    }
    assert!(works(&client, SESSION, &client.session()).await);
    assert!(!is_in(&other).await);
    assert!(is_in(&without_session(&client)).await);
}

#[tokio::test]
async fn an_older_session_of_the_same_browser_is_ended_without_the_present_one() {
    let server = Server::demo().await;
    let client = remembered(&server).await;
    let older = client.session();
    client.drop_cookie(SESSION);
    assert!(is_in(&client).await);
    let id = id_where(&client, "current", false).await;
    assert_eq!(end(&client, &id).await.status, 200);
    assert!(!works(&client, SESSION, &older).await);
    assert!(works(&client, SESSION, &client.session()).await);
    assert!(is_in(&without_session(&client)).await, "it is remembered");

    // To end the present one is to log out.
    let (session, remember) = (client.session(), token(&client));
    let id = id_where(&client, "current", true).await;
    assert_eq!(end(&client, &id).await.status, 200);
    assert_eq!((client.cookie(SESSION), client.cookie(REMEMBER)), (None, None));
    assert!(!works(&client, SESSION, &session).await && !works(&client, REMEMBER, &remember).await);
}

#[tokio::test]
async fn the_session_of_somebody_else_is_answered_as_one_that_is_not_there() {
    let server = Server::demo().await;
    let (client, stranger) = (server.user01().await, server.logged_in("user02", "user_02").await);
    let foreign = id_where(&stranger, "current", true).await;
    let missing = end(&client, "AAAAAAAAAAAAAAAA").await;
    for id in [&foreign, "' OR 1=1 --"] {
        let reply = end(&client, id).await;
        reply.assert_refused(404, "not_found");
        assert_eq!(reply.without_reference(), missing.without_reference());
    }
    assert!(is_in(&stranger).await);
}

#[tokio::test]
async fn the_account_page_works_without_script() {
    let server = Server::demo().await;
    let (client, other) = (server.user01().await, server.user01().await);
    let id = id_where(&client, "current", false).await;
    let page = client.get("/account").await;
    assert!(page.shows(&format!(r#"name="id" value="{id}""#)), "{}", page.body);
    let fields = [("id", id.as_str()), ("then-page", "/account")];
    let reply = client.form("/functions/end_session", &fields).await;
    reply.assert_leads_to("/account");
    assert!(!is_in(&other).await);
}

#[tokio::test]
async fn of_very_many_the_latest_hundred_are_listed_with_their_number_and_all_others_can_be_ended() {
    let server = Place::new().demo(&[("CALLGATE_SESSIONS_PER_USER", "5000")]).await;
    let client = server.user01().await;
    // Programs that log in anew at each run, and are remembered each time.
    let mut database = server.place.database().await;
    let random = database.random_bytes();
    let many = format!(
        "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 2500)
         INSERT INTO remembered (series_hash, token_hash, rotated_at, used_at, user_id, expires_at, created_at, device)
         SELECT {random}, {random}, now - n, now - n, 'user01', now + 1000000000, now - n, 'device ' || n
         FROM numbers, (SELECT MAX(logged_in_at) AS now FROM sessions) AS latest"
    );
    assert_eq!(database.change(&many).await, 2500);
    let list = client.done("my_sessions", json!({})).await;
    assert_eq!(list["total"], 2501);
    let listed = list["sessions"].as_array().unwrap();
    assert_eq!(listed.len(), 100);
    assert_eq!(
        (&listed[0]["current"], &listed[1]["device"]),
        (&json!(true), &json!("device 1"))
    );
    let admin = server.admin().await;
    let shown = admin.done("show_user", json!({"user_id": "user01"})).await;
    assert_eq!(shown["total_sessions"], 2501);
    for (client, path) in [(&client, "/account"), (&admin, "/user?name=user01")] {
        let page = client.get(path).await;
        assert!(page.shows("Showing the latest 100 of 2501."), "{path}");
        assert_eq!(page.body.matches("<strong>device ").count(), 99, "{path}");
    }
    let ended = client.done("end_other_sessions", json!({})).await.to_string();
    assert!(ended.contains("2500"), "{ended}");
    assert_eq!(client.done("my_sessions", json!({})).await["total"], 1);
}
