//! Callbacks that do not belong to the login, the browser or the provider that they claim, and starts that nobody asked for.

use futures::future::join_all;
use serde_json::json;

use super::{
    hostile::{Answer, Hostile},
    steps::{
        Return, SETTINGS, assert_failed, begin, callback, demo, failure, link, place, section_of, state, users_of,
    },
    table::{KNOWN, demo_of},
};
use crate::support::{
    client::{Client, FLOW},
    clock::{Clock, HOUR, MINUTE},
    database::content,
    effort,
    poll::until,
    server::UNTHROTTLED,
};

#[tokio::test]
async fn a_response_of_one_provider_is_not_taken_for_that_of_another() {
    let hostile = Hostile::start().await;
    let (a, b) = (hostile.issuer("a"), hostile.issuer("b"));
    let server = demo(&[section_of(&a, ""), section_of(&b, "")]).await;
    for key in ["a", "b"] {
        link(&server, "user02", key, KNOWN).await;
    }
    let client = server.client();
    for (begun_at, opened_at, says) in [(&b, &a, &b), (&b, &a, &a), (&b, &b, &a)] {
        let departure = begin(&client, &begun_at.key).await;
        let code = Return::of(begun_at, &departure, KNOWN).code();
        let query = [
            ("code", code.as_str()),
            ("state", departure.state()),
            ("iss", &says.url),
        ];
        let reply = callback(&client, &opened_at.key, &query).await;
        let (_, failed) = failure(&reply).expect("a failure");
        assert!(["expired", "refused"].contains(&failed.as_str()), "{failed}");
        assert_eq!(client.who().await, None);
    }
    assert!(
        a.requests("/token").is_empty() && b.requests("/token").is_empty(),
        "a code was sent"
    );
}

#[tokio::test]
async fn the_issuer_of_a_response_must_be_there_once_and_as_it_is_in_the_settings() {
    let hostile = Hostile::start().await;
    let (issuer, server) = demo_of(&hostile, "iss").await;
    let client = server.client();
    let url = issuer.url.as_str();
    let slash = format!("{url}/");
    let upper = url.to_uppercase();
    for issuers in [
        &[][..],
        &[url, url],
        &[&slash],
        &[&upper],
        &[""],
        &["https://evil.example"],
        &[url, "x"],
    ] {
        let before = state(&server).await;
        let departure = begin(&client, "iss").await;
        let code = Return::of(&issuer, &departure, KNOWN).code();
        let mut query = vec![("code", code.as_str()), ("state", departure.state())];
        query.extend(issuers.iter().map(|issuer| ("iss", *issuer)));
        let (_, failed) = failure(&callback(&client, "iss", &query).await).expect("a failure");
        assert!(
            ["expired", "refused"].contains(&failed.as_str()),
            "{issuers:?}: {failed}"
        );
        assert_eq!(client.who().await, None, "{issuers:?}");
        // What was refused before the flow was looked for has left it.
        let left = state(&server).await.len() - before.len();
        assert!(left == 0 || failed == "expired" || issuers.len() > 1, "{issuers:?}");
    }
    assert!(issuer.requests("/token").is_empty(), "a code was sent");
}

#[tokio::test]
async fn an_issuer_that_does_not_promise_to_name_itself_need_not() {
    let hostile = Hostile::start().await;
    let issuer = hostile.issuer("plain");
    issuer.metadata("authorization_response_iss_parameter_supported", json!(null));
    let (issuer, server) = demo_of(&hostile, &issuer.key).await;
    let client = server.client();
    let departure = begin(&client, "plain").await;
    let code = Return::of(&issuer, &departure, KNOWN).code();
    let reply = callback(&client, "plain", &[("code", &code), ("state", departure.state())]).await;
    reply.assert_leads_to("/account");
    // What it says nevertheless must be right.
    let departure = begin(&client, "plain").await;
    let code = Return::of(&issuer, &departure, KNOWN).code();
    let query = [
        ("code", code.as_str()),
        ("state", departure.state()),
        ("iss", "https://evil.example"),
    ];
    assert!(failure(&callback(&client, "plain", &query).await).is_some());
}

/// The code of an attacker's login is no good in the callback of somebody else, even where the provider does not look at its
/// verifier.
#[tokio::test]
async fn a_code_of_another_browser_is_refused() {
    let hostile = Hostile::start().await;
    let (issuer, server) = demo_of(&hostile, "injected").await;
    let (victim, thief) = (server.client(), server.client());
    let (own, stolen) = (begin(&victim, "injected").await, begin(&thief, "injected").await);
    let code = Return::of(&issuer, &stolen, "thief").code();
    let query = [("code", code.as_str()), ("state", own.state()), ("iss", &issuer.url)];
    let reply = callback(&victim, "injected", &query).await;
    assert!(failure(&reply).is_some());

    let own = begin(&victim, "injected").await;
    // The nonce is that of the thief's login, the verifier passes.
    let mut careless = Return::of(&issuer, &own, KNOWN);
    let nonce = stolen.parameter("nonce").to_owned();
    careless = careless.attack(move |draft| draft.claim("nonce", nonce.clone()));
    assert_failed(&victim, &careless.open(&victim).await, "/login", "refused").await;
    assert_eq!(victim.who().await, None);
}

#[tokio::test]
async fn a_callback_in_another_browser_does_nothing_and_leaves_the_login_where_it_began() {
    let hostile = Hostile::start().await;
    let (issuer, server) = demo_of(&hostile, "csrf").await;
    link(&server, "user01", "csrf", "thief").await;
    let (victim, thief) = (server.client(), server.client());
    let departure = begin(&thief, "csrf").await;
    // With no flow of its own, with one, and while somebody is logged in.
    for round in 0..3 {
        let code = Return::of(&issuer, &departure, "thief").code();
        let query = [
            ("code", code.as_str()),
            ("state", departure.state()),
            ("iss", &issuer.url),
        ];
        let before = state(&server).await;
        let reply = callback(&victim, "csrf", &query).await;
        assert_ne!(reply.find("location"), Some("/account"));
        assert_eq!(state(&server).await, before);
        if round < 2 {
            assert_failed(&victim, &reply, "/login", "expired").await;
            assert_eq!(victim.who().await, None);
        } else {
            assert_eq!(
                victim.who().await.as_deref(),
                Some("user02"),
                "who was logged in still is"
            );
        }
        let own = begin(&victim, "csrf").await;
        if round == 1 {
            Return::of(&issuer, &own, KNOWN)
                .open(&victim)
                .await
                .assert_leads_to("/account");
        }
    }
    assert!(issuer.requests("/token").len() <= 1, "codes for others were sent");
    Return::of(&issuer, &departure, "thief")
        .open(&thief)
        .await
        .assert_leads_to("/account");
    assert_eq!(thief.who().await.as_deref(), Some("user01"));
}

#[tokio::test]
async fn a_callback_works_once_and_a_second_one_changes_nothing() {
    let hostile = Hostile::start().await;
    let (issuer, server) = demo_of(&hostile, "once").await;
    let client = server.client();
    let departure = begin(&client, "once").await;
    let code = Return::of(&issuer, &departure, KNOWN).code();
    let query = [
        ("code", code.as_str()),
        ("state", departure.state()),
        ("iss", &issuer.url),
    ];
    callback(&client, "once", &query).await.assert_leads_to("/account");
    let (session, before) = (client.session(), state(&server).await);
    for _ in 0..2 {
        callback(&client, "once", &query).await;
        assert_eq!(client.session(), session);
        assert_eq!(state(&server).await, before);
    }
    assert_eq!(issuer.requests("/token").len(), 1);
    assert_eq!(client.who().await.as_deref(), Some("user02"));
    // In a browser whose session has ended meanwhile, it says so.
    client.json("/api/logout", "{}").await;
    assert_failed(&client, &callback(&client, "once", &query).await, "/login", "expired").await;
}

#[tokio::test]
async fn of_two_callbacks_at_once_one_logs_in() {
    let hostile = Hostile::start().await;
    let (issuer, server) = demo_of(&hostile, "race").await;
    for _ in 0..effort::rounds(5, 50) {
        let client = server.client();
        let departure = begin(&client, "race").await;
        let code = Return::of(&issuer, &departure, KNOWN).code();
        let query = [
            ("code", code.as_str()),
            ("state", departure.state()),
            ("iss", &issuer.url),
        ];
        let before = server.place.database().await.count("sessions").await;
        let clients: Vec<Client> = (0..4).map(|_| client.clone()).collect();
        let replies = join_all(clients.iter().map(|client| callback(client, "race", &query))).await;
        let won = replies
            .iter()
            .filter(|reply| reply.find("location") == Some("/account"))
            .count();
        assert_eq!(won, 1, "{replies:?}");
        assert_eq!(server.place.database().await.count("sessions").await, before + 1);
    }
}

#[tokio::test]
async fn a_login_that_took_more_than_ten_minutes_or_began_in_the_future_is_expired() {
    let hostile = Hostile::start().await;
    let issuer = hostile.issuer("slow");
    let place = place(&[section_of(&issuer, "")]);
    let clock = Clock::new(&place);
    let server = clock.start(&place, &[UNTHROTTLED, &[SETTINGS]].concat()).await;
    link(&server, "user02", "slow", KNOWN).await;
    for (began, opened, works) in [(0, 0, true), (0, 10 * MINUTE + 1, false), (HOUR, 0, false)] {
        clock.set(began);
        let client = server.client();
        let departure = begin(&client, "slow").await;
        clock.set(opened);
        let reply = Return::of(&issuer, &departure, KNOWN)
            .attack(move |draft| {
                for claim in ["iat", "exp"] {
                    draft.later(claim, opened);
                }
            })
            .open(&client)
            .await;
        let expected = (!works).then(|| ("/login".to_owned(), "expired".to_owned()));
        assert_eq!(failure(&reply), expected, "{began} {opened}");
        assert_eq!(client.who().await.is_some(), works);
    }
}

#[tokio::test]
async fn only_a_get_opens_a_callback() {
    let hostile = Hostile::start().await;
    let (issuer, server) = demo_of(&hostile, "methods").await;
    let client = server.client();
    let departure = begin(&client, "methods").await;
    let code = Return::of(&issuer, &departure, KNOWN).code();
    let query = [
        ("code", code.as_str()),
        ("state", departure.state()),
        ("iss", &issuer.url),
    ];
    let path = format!(
        "/login/with/methods/callback?{}",
        serde_urlencoded::to_string(query).unwrap()
    );
    let before = state(&server).await;
    for method in ["HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"] {
        let request = client.request(method, &path).header("origin", &client.origin());
        let reply = request.header("sec-fetch-site", "same-origin").send().await;
        assert_eq!(reply.status, 405, "{method}: {}", reply.body);
        assert_eq!(reply.find("location"), None, "{method}");
    }
    assert_eq!(state(&server).await, before);
    assert!(issuer.requests("/token").is_empty());
    client.get(&path).await.assert_leads_to("/account");
}

#[tokio::test]
async fn errors_of_a_provider_are_named_in_words_of_this_site() {
    let hostile = Hostile::start().await;
    let (issuer, server) = demo_of(&hostile, "errors").await;
    let client = server.client();
    let long = "canary ".repeat(500);
    let before = state(&server).await;
    for (error, description, expected) in [
        ("access_denied", "canary<script>alert(1)</script>", &["cancelled"][..]),
        ("access_denied", &long, &["cancelled"]),
        ("server_error", "canary", &["unreachable"]),
        ("temporarily_unavailable", "canary\r\ncanary", &["unreachable"]),
        ("invalid_request", "canary", &["refused", "unreachable"]),
        ("<script>canary</script>", "canary", &["refused", "unreachable"]),
        ("", "canary", &["refused", "unreachable", "expired"]),
    ] {
        let departure = begin(&client, "errors").await;
        let query = [
            ("error", error),
            ("error_description", description),
            ("error_uri", "https://evil.example/canary"),
            ("state", departure.state()),
            ("iss", &issuer.url),
        ];
        let reply = callback(&client, "errors", &query).await;
        let (_, failed) = failure(&reply).expect(error);
        assert!(expected.contains(&failed.as_str()), "{error}: {failed}");
        assert_failed(&client, &reply, "/login", &failed).await;
        assert_eq!(state(&server).await, before, "{error}");
        // Without a login that has begun, it is only an address that somebody opened.
        for state in ["canary", departure.state()] {
            let query = [("error", error), ("state", state), ("iss", &issuer.url)];
            let reply = callback(&client, "errors", &query).await;
            assert_failed(&client, &reply, "/login", "expired").await;
        }
    }
    assert!(
        !server.place.log().contains("canary"),
        "the text of the provider is in no log"
    );
}

#[tokio::test]
async fn a_callback_that_is_no_proper_response_does_nothing() {
    let hostile = Hostile::start().await;
    let (issuer, server) = demo_of(&hostile, "broken").await;
    let client = server.client();
    let departure = begin(&client, "broken").await;
    let (state_of, url) = (departure.state(), &issuer.url);
    let long = "a".repeat(9_000);
    for query in [
        String::new(),
        "code=canary".to_owned(),
        "state=canary&code=canary".to_owned(),
        format!("state={state_of}x&code=canary&iss={url}"),
        format!("state={state_of}&state={state_of}&code=canary&iss={url}"),
        format!("state={state_of}&code=canary&code=canary&iss={url}"),
        format!("state={state_of}&code={long}&iss={url}"),
        format!("state={long}&code=canary&iss={url}"),
        "state=%ff%fe&code=%00".to_owned(),
        "&&&===&&&".to_owned(),
    ] {
        let reply = client.get(&format!("/login/with/broken/callback?{query}")).await;
        assert!([303, 414, 431].contains(&reply.status), "{query}: {}", reply.status);
        assert!(
            reply
                .find("location")
                .is_none_or(|location| !location.contains("canary"))
        );
    }
    // A query that is too long counts as none, and leaves the login as it is.
    let departure = begin(&client, "broken").await;
    let code = Return::of(&issuer, &departure, KNOWN).code();
    let query = [("code", code.as_str()), ("state", departure.state()), ("iss", url)];
    let query = serde_urlencoded::to_string(query).unwrap();
    let path = format!("/login/with/broken/callback?{query}");
    let padded = client.get(&format!("{path}&padding={long}")).await;
    assert!([303, 414, 431].contains(&padded.status), "{}", padded.status);
    assert_eq!(client.who().await, None);
    assert!(issuer.requests("/token").is_empty(), "nothing of it was sent on");
    client.get(&path).await.assert_leads_to("/account");
    let client = server.client();
    for code in [
        String::new(),
        "canary\r\nx".to_owned(),
        "é".to_owned(),
        "a".repeat(2_049),
    ] {
        let departure = begin(&client, "broken").await;
        let query = [("code", code.as_str()), ("state", departure.state()), ("iss", url)];
        assert!(
            failure(&callback(&client, "broken", &query).await).is_some(),
            "{code:?}"
        );
    }
    assert_eq!(issuer.requests("/token").len(), 1, "nothing of it was sent on");
    assert_eq!(client.who().await, None);
}

#[tokio::test]
async fn nothing_in_a_copy_of_the_database_continues_a_login() {
    let hostile = Hostile::start().await;
    let (issuer, server) = demo_of(&hostile, "stolen").await;
    let client = server.client();
    let departure = begin(&client, "stolen").await;
    let cookie = client.cookie(FLOW).expect("a cookie of the login");
    let mut secrets = Vec::new();
    for secret in [
        departure.state(),
        departure.parameter("nonce"),
        departure.parameter("code_challenge"),
        &cookie,
    ] {
        secrets.extend([secret.as_bytes().to_vec(), super::forge::decoded(secret)]);
    }
    let values = server.place.database().await.values().await;
    let hashes: Vec<&str> = values
        .iter()
        .filter(|(table, _, value)| table == "login_flows" && value.starts_with("X'"))
        .map(|(_, _, value)| value.as_str())
        .collect();
    assert!(hashes.len() >= 2, "{values:?}");
    let stored = server.place.stored().await;
    for secret in &secrets {
        let has = |bytes: &[u8]| bytes.windows(secret.len()).any(|window| window == secret);
        let found = stored.iter().find(|(_, bytes)| has(bytes));
        assert_eq!(found.map(|(name, _)| name), None, "{}", String::from_utf8_lossy(secret));
    }
    for value in hashes {
        let written = super::forge::encoded(content(value));
        let hash = value.trim_start_matches("X'").trim_end_matches('\'');
        for (state, cookie) in [
            (written.as_str(), cookie.as_str()),
            (departure.state(), &written),
            (hash, hash),
        ] {
            let thief = client.with_only(FLOW, cookie);
            let query = [("code", "canary"), ("state", state), ("iss", &issuer.url)];
            assert_failed(&thief, &callback(&thief, "stolen", &query).await, "/login", "expired").await;
        }
    }
    assert!(issuer.requests("/token").is_empty());
    Return::of(&issuer, &departure, KNOWN)
        .open(&client)
        .await
        .assert_leads_to("/account");
}

/// The flow is used up, the session is not there yet.
#[tokio::test]
async fn a_crash_in_the_middle_of_a_login_leaves_nobody_half_logged_in() {
    let hostile = Hostile::start().await;
    let issuer = hostile.issuer("crash");
    let server = demo(&[section_of(&issuer, "provision = \"open\"")]).await;
    let client = server.client();
    let before = state(&server).await;
    let departure = begin(&client, "crash").await;
    let code = Return::of(&issuer, &departure, "new").code();
    issuer.answer("/token", Answer::Silence);
    let (waiting, url) = (client.clone(), issuer.url.clone());
    let query = [("code", code), ("state", departure.state().to_owned()), ("iss", url)];
    let path = format!(
        "/login/with/crash/callback?{}",
        serde_urlencoded::to_string(query).unwrap()
    );
    let request = tokio::spawn(async move { waiting.get(&path).await.status });
    until("the code to be sent", async || !issuer.requests("/token").is_empty()).await;
    let place = server.kill().await;
    assert!(request.await.is_err(), "no answer");
    issuer.recover();
    let server = place.demo(&[UNTHROTTLED, &[SETTINGS]].concat()).await;
    assert_eq!(
        state(&server).await,
        before,
        "the login is used up, and nothing else is there"
    );
    assert!(users_of(&server, "new").await.is_empty());
    let client = server.client();
    let departure = begin(&client, "crash").await;
    Return::of(&issuer, &departure, "new")
        .open(&client)
        .await
        .assert_leads_to("/account");
}
