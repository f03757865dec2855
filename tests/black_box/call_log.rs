//! The call log: which function, who, how it came out, and how long it took; never with what.

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;

use crate::{
    client::Client,
    poll::until,
    raw,
    server::{Place, QUICK, Server},
};

async fn calls(admin: &Client, filter: Value) -> Vec<Value> {
    let list = admin.done("list_calls", filter).await;
    list["calls"].as_array().unwrap().clone()
}

#[tokio::test]
async fn every_call_is_told_with_who_how_it_came_out_and_how_long_it_took() {
    let server = Server::quick_demo().await;
    let (user, admin) = (server.user01().await, server.admin().await);
    let nobody = server.client();
    let stay = json!({"arrival": "x"});
    for (client, function, arguments, who, outcome) in [
        (&user, "auth_func", json!({"secret": "canary"}), "user01", "ok"),
        (&nobody, "auth_func", json!({}), "", "not_logged_in"),
        (&nobody, "notauth_func", json!({}), "", "ok"),
        (&user, "quote_stay", stay, "user01", "invalid_arguments"),
        (&user, "list_users", json!({}), "user01", "permission_required"),
    ] {
        let reply = client.call(function, arguments).await;
        let mut found = Vec::new();
        until(&format!("the call of {function} by {who}"), async || {
            found = calls(&admin, json!({"function": function})).await;
            found.retain(|call| call["request_id"] == reply.reference());
            !found.is_empty()
        })
        .await;
        assert_eq!(found.len(), 1);
        let call = &found[0];
        let expected = json!({"user": who, "outcome": outcome, "calls": 1, "address": "127.0.0.1"});
        for (field, value) in expected.as_object().unwrap() {
            assert_eq!(&call[field], value, "{function} {field}");
        }
        assert!(call["took_us"].as_u64().unwrap() > 0, "{call}");
        assert!(
            call.get("arguments").is_none() && !call.to_string().contains("canary"),
            "{call}"
        );
    }
}

#[tokio::test]
async fn a_call_whose_client_goes_away_is_told_as_broken_off() {
    let dear = [
        ("CALLGATE_PASSWORDS_MEMORY_KIB", "65536"),
        // Nobody waits for it: it is under way for long enough on any machine.
        ("CALLGATE_PASSWORDS_ITERATIONS", "300"),
        ("CALLGATE_PASSWORDS_PERMITS", "1"),
    ];
    let place = Place::new();
    let admin = place.demo(QUICK).await.admin().await;
    let server = place.demo(&dear).await;
    let admin = admin.moved_to(&server.client());
    let mut stream = raw::tls(&server).await;
    let login = r#"{"user_id":"user01","password":"wrong"}"#;
    let call = format!(
        "POST /api/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{login}",
        login.len()
    );
    stream.write_all(call.as_bytes()).await.unwrap();
    stream.flush().await.unwrap();
    let mut database = place.database().await;
    // An attempt is counted before its password is looked at.
    until("the call is under way", async || {
        database.count("failed_logins").await > 0
    })
    .await;
    drop(stream);
    let mut broken_off = Vec::new();
    until("the call is told", async || {
        broken_off = calls(&admin, json!({"function": "login"})).await;
        broken_off.retain(|call| call["outcome"] == "broken_off");
        !broken_off.is_empty()
    })
    .await;
    assert_eq!(broken_off.len(), 1);
    assert_eq!(
        broken_off[0]["request_id"].as_str().map(str::len),
        Some(13),
        "{broken_off:?}"
    );
}

#[tokio::test]
async fn a_call_from_a_form_is_told_as_well_and_one_that_waits_is_not_told_twice() {
    let server = Server::quick_demo().await;
    let (user, admin) = (server.user01().await, server.admin().await);
    user.form("/functions/auth_func", &[("arguments", r#"{"secret":"canary"}"#)])
        .await;
    user.get("/functions/auth_func").await;
    let filter = json!({"function": "auth_func", "user": "user01"});
    until("the call is written", async || {
        !calls(&admin, filter.clone()).await.is_empty()
    })
    .await;
    let found = calls(&admin, filter).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0]["outcome"], "ok");
    let printed = server
        .place
        .done(
            &["audit", "calls", "--json", "--what", "auth_func", "--user", "user01"],
            "",
        )
        .await;
    let list: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(list["calls"], json!(found));
    assert!(!printed.contains("canary"));
}

#[tokio::test]
async fn calls_are_filtered_and_read_a_page_at_a_time() {
    let server = Server::quick_demo().await;
    let (user, admin) = (server.user01().await, server.admin().await);
    for _ in 0..12 {
        user.who().await;
        user.call("list_users", json!({})).await;
    }
    let mut filter = json!({"user": "user01", "outcome": "permission_required", "most": 5});
    until("the calls are written", async || {
        calls(&admin, json!({"user": "user01", "most": 200})).await.len() >= 24
    })
    .await;
    let (mut seen, mut pages) = (Vec::new(), 0);
    loop {
        let list = admin.done("list_calls", filter.clone()).await;
        pages += 1;
        for call in list["calls"].as_array().unwrap() {
            assert_eq!(
                (&call["function"], &call["outcome"]),
                (&json!("list_users"), &json!("permission_required"))
            );
            seen.push(call["id"].as_i64().unwrap());
        }
        if list["next"].is_null() {
            break;
        }
        filter["before"] = list["next"].clone();
    }
    assert_eq!((seen.len(), pages), (12, 3));
    assert!(seen.is_sorted_by(|later, earlier| later > earlier));
    assert!(
        admin
            .get("/calls?user=user01&function=list_users")
            .await
            .shows("permission_required")
    );
}
