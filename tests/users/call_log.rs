//! The call log: which function was called, by whom, with which outcome, and how long it took; never the arguments.

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;

use crate::{
    assert_fields, rows,
    support::{client::Client, page::unescaped, place::Place, poll::until, raw, server::Server},
    texts,
};

/// Waits until the call log has matching calls of a function, and returns them.
async fn calls(admin: &Client, function: &str, fits: impl Fn(&Value) -> bool) -> Vec<Value> {
    let mut found = Vec::new();
    until(&format!("a call of {function}"), async || {
        let list = admin.done("list_calls", json!({"function": function})).await;
        let calls = list["calls"].as_array().unwrap().iter();
        found = calls.filter(|call| fits(call)).cloned().collect();
        !found.is_empty()
    })
    .await;
    found
}

#[tokio::test]
async fn every_call_is_logged_once_with_user_outcome_and_duration() {
    let server = Server::demo().await;
    let (user, admin, nobody) = (server.user01().await, server.admin().await, server.client());
    let table = r#"
        user   | auth_func    | {"secret": "canary"} | user01 | ok
        nobody | auth_func    | {}                   |        | not_logged_in
        nobody | notauth_func | {}                   |        | ok
        user   | quote_stay   | {"arrival": "x"}     | user01 | invalid_arguments
        user   | list_users   | {}                   | user01 | permission_required"#;
    for [caller, function, arguments, who, outcome] in rows(table) {
        let client = if caller == "user" { &user } else { &nobody };
        let reply = client.json(&format!("/api/{function}"), arguments).await;
        let found = calls(&admin, function, |call| call["request_id"] == reply.reference()).await;
        assert_eq!(found.len(), 1);
        let expected = json!({"user": who, "outcome": outcome, "calls": 1, "address": "127.0.0.1"});
        assert_fields(&found[0], &expected);
        assert!(found[0]["took_us"].as_u64().unwrap() > 0, "{found:?}");
        assert!(!json!(found).to_string().contains("canary"), "{found:?}");
    }
}

#[tokio::test]
async fn a_call_whose_client_goes_away_is_logged_as_broken_off() {
    let slow = [
        ("CALLGATE_PASSWORDS_MEMORY_KIB", "65536"),
        // Runs long enough on any machine. Nobody waits for the end.
        ("CALLGATE_PASSWORDS_ITERATIONS", "300"),
        ("CALLGATE_PASSWORDS_PERMITS", "1"),
    ];
    let place = Place::new();
    let admin = place.demo(&[]).await.admin().await;
    let server = place.demo(&slow).await;
    let admin = admin.moved_to(&server.client());
    let mut stream = raw::tls(&server).await;
    let login = r#"{"user_id":"user01","password":"wrong"}"#;
    let call = format!(
        "POST /api/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{login}",
        login.len()
    );
    stream.write_all(call.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    let mut database = place.database().await;
    // An attempt is counted before its password is verified.
    until("the call is running", async || {
        database.count("failed_logins").await > 0
    })
    .await;
    drop(stream);
    let found = calls(&admin, "login", |call| call["outcome"] == "broken_off").await;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["request_id"].as_str().map(str::len), Some(13), "{found:?}");
}

#[tokio::test]
async fn a_call_from_a_form_is_logged_once_although_its_page_is_read_later() {
    let server = Server::demo().await;
    let (user, admin) = (server.user01().await, server.admin().await);
    let page = "/functions/auth_func";
    user.form(page, &[("arguments", r#"{"secret":"canary"}"#)]).await;
    user.get(page).await;
    // Written after the two.
    user.call("quote_stay", json!({})).await;
    calls(&admin, "quote_stay", |_| true).await;
    let found = calls(&admin, "auth_func", |_| true).await;
    assert_eq!((found.len(), &found[0]["outcome"]), (1, &json!("ok")), "{found:?}");
    let line = ["audit", "calls", "--json", "--what", "auth_func", "--user", "user01"];
    let printed = server.place.done(&line, "").await;
    let list: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(list["calls"], json!(found));
    assert!(!printed.contains("canary"));
}

#[tokio::test]
async fn each_bar_leads_to_the_entries_that_it_counts() {
    let server = Server::demo().await;
    let (user, admin, nobody) = (server.user01().await, server.admin().await, server.client());
    for _ in 0..3 {
        user.done("auth_func", json!({})).await;
    }
    nobody.call("auth_func", json!({})).await;
    let wrong = json!({"user_id": "user02", "password": "wrong"});
    nobody.call("login", wrong).await;
    calls(&admin, "login", |call| call["outcome"] == "invalid_credentials").await;

    let page = unescaped(&admin.get("/calls?function=auth_func").await.body);
    let stats = admin.done("call_stats", json!({"function": "auth_func"})).await;
    assert_eq!(stats["buckets"].as_array().unwrap().len(), 24);
    let mut counted = [0, 0, 0];
    for bucket in stats["buckets"].as_array().unwrap() {
        let kinds = ["good", "refused", "failed"].map(|kind| bucket[kind].as_u64().unwrap());
        let (day, hour) = (bucket["day"].as_str().unwrap(), &bucket["hour"]);
        let link = format!(r#"href="/calls?function=auth_func&since={day}&until={day}&hour={hour}""#);
        assert!(page.contains(&link), "{link}: {page}");
        let filter = json!({"function": "auth_func", "since": day, "until": day, "hour": hour});
        let listed = admin.done("list_calls", filter).await["calls"]
            .as_array()
            .unwrap()
            .len();
        assert_eq!(listed as u64, kinds.iter().sum::<u64>(), "{bucket}");
        counted.iter_mut().zip(kinds).for_each(|(sum, number)| *sum += number);
    }
    assert_eq!(counted, [3, 1, 0]);
    let refused = json!({"function": "auth_func", "outcome": "refused"});
    let refused = admin.done("list_calls", refused).await["calls"].clone();
    assert_eq!(texts(&refused, "outcome"), ["not_logged_in"]);
    let hour_of_no_day = admin.call("list_calls", json!({"hour": 1})).await;
    hour_of_no_day.assert_refused(422, "invalid_arguments");

    let logins = admin.done("login_stats", json!({})).await["buckets"].clone();
    let days: Vec<&Value> = logins
        .as_array()
        .unwrap()
        .iter()
        .filter(|day| day["refused"] == 1)
        .collect();
    let day = days[0]["day"].as_str().unwrap();
    let link = format!("/audit?action=login&outcome=refused&since={day}&until={day}");
    assert!(unescaped(&admin.get("/audit").await.body).contains(&link), "{link}");
    let listed = admin.get(&link).await;
    assert!(listed.shows("wrong password"), "{}", listed.body);

    // Who may not read the call log sees no chart of it.
    for path in ["/functions/auth_func", "/user?name=user01"] {
        assert!(admin.get(path).await.shows("Recent calls"), "{path}");
    }
    assert!(!user.get("/functions/auth_func").await.shows("Recent calls"));
}
