//! Answers of a provider that are too large, too slow, or none. Each costs its own login only, and the cause is in the log.

use std::sync::Arc;

use futures::future::join_all;
use serde_json::json;

use super::{
    forge::encoded,
    hostile::{Answer, Hostile, Issuer, access_token},
    steps::{Return, begin, demo, failure, link, log_in, log_in_as, section_of, state},
    table::{KNOWN, assert_each_accepted, assert_each_refused, demo_of, outcome, row},
};
use crate::support::client::Client;

const DISCOVERY: &str = "/.well-known/openid-configuration";

/// Answers that are none. `thief` is where redirects lead.
fn broken(thief: &Issuer) -> Vec<(&'static str, Answer)> {
    let location = |target: &str| Answer::Head(302, format!("Location: {target}\r\n"));
    let json = "application/json";
    vec![
        (
            "a redirect to another address",
            location(&format!("{}/jwks", thief.url)),
        ),
        (
            "a redirect that keeps the method",
            Answer::Head(307, format!("Location: {}/token\r\n", thief.url)),
        ),
        (
            "a redirect to a link-local address",
            location("http://169.254.169.254/latest/meta-data"),
        ),
        ("a redirect to a file", location("file:///etc/passwd")),
        (
            "an error of the server",
            Answer::Json(500, json!({"error": "canary-server-error"})),
        ),
        ("not found", Answer::Json(404, json!({}))),
        ("another success", Answer::Json(206, json!({}))),
        ("a page", Answer::Text(200, "text/html", "<p>canary</p>".to_owned())),
        ("JSON as a page", Answer::Text(200, "text/html", json!({}).to_string())),
        ("no JSON", Answer::Text(200, json, "canary".to_owned())),
        ("nothing", Answer::Text(200, json, String::new())),
        (
            "compressed",
            Answer::Head(200, format!("Content-Type: {json}\r\nContent-Encoding: gzip\r\n")),
        ),
        ("50 MB", Answer::Huge),
        ("chunks without an end", Answer::Endless),
        ("many headers", Answer::Headers),
        ("an end in the middle", Answer::Cut),
        ("the end of the connection", Answer::Closed),
    ]
}

async fn assert_broken_is_unreachable(endpoint: &str, settings: &str) {
    let hostile = Hostile::start().await;
    let (thief, issuer) = (hostile.issuer("thief"), hostile.issuer("broken"));
    // It may ask already at its start.
    issuer.answer(endpoint, Answer::Closed);
    let server = demo(&[section_of(&issuer, settings)]).await;
    link(&server, "user02", "broken", KNOWN).await;
    let client = server.client();
    let before = state(&server).await;
    server.forget_memory_peak();
    let memory = server.memory_kib("VmHWM");
    for (name, answer) in broken(&thief) {
        issuer.answer(endpoint, answer);
        let failed = outcome(&client, &issuer).await;
        assert_eq!(failed.as_deref(), Some("unreachable"), "{name}");
        assert_eq!(state(&server).await, before, "{name}");
    }
    let grown = server.memory_kib("VmHWM") - memory;
    assert!(grown < 20_000, "the bodies are not kept: {grown} KiB");
    for endpoint in ["/jwks", "/token", DISCOVERY] {
        assert!(
            thief.requests(endpoint).is_empty(),
            "a redirect was followed to {endpoint}"
        );
    }
    assert!(
        !server.place.log().contains("canary"),
        "the text of the provider is in no log"
    );
    // Nothing of it is kept: with the next right answer all is well.
    issuer.recover();
    assert_eq!(outcome(&client, &issuer).await, None);
    assert_eq!(client.who().await.as_deref(), Some("user02"));
}

#[tokio::test]
async fn metadata_that_cannot_be_read_costs_one_login_each_and_is_asked_for_again() {
    assert_broken_is_unreachable(DISCOVERY, "").await;
}

#[tokio::test]
async fn keys_that_cannot_be_read_cost_one_login_each_and_are_asked_for_again() {
    assert_broken_is_unreachable("/jwks", "").await;
}

#[tokio::test]
async fn tokens_that_cannot_be_read_cost_one_login_each() {
    assert_broken_is_unreachable("/token", "").await;
}

#[tokio::test]
async fn claims_that_cannot_be_read_cost_one_login_each() {
    assert_broken_is_unreachable("/userinfo", "userinfo = \"always\"").await;
}

/// Each of these hangs as long as the client waits. They do so at the same time.
#[tokio::test]
async fn a_provider_that_hangs_is_given_up_and_others_are_served_meanwhile() {
    let hostile = Hostile::start().await;
    let hanging: Vec<(&str, &str, Answer)> = vec![
        ("metadata", DISCOVERY, Answer::Silence),
        ("metadata-drops", DISCOVERY, Answer::Drops),
        ("keys", "/jwks", Answer::Silence),
        ("tokens", "/token", Answer::Silence),
        ("tokens-drops", "/token", Answer::Drops),
        ("claims", "/userinfo", Answer::Silence),
    ];
    let issuers: Vec<Arc<Issuer>> = hanging
        .into_iter()
        .map(|(key, endpoint, answer)| {
            let issuer = hostile.issuer(key);
            issuer.answer(endpoint, answer);
            issuer
        })
        .chain([hostile.issuer("well")])
        .collect();
    let sections: Vec<String> = issuers
        .iter()
        .map(|issuer| section_of(issuer, "userinfo = \"always\""))
        .collect();
    let server = demo(&sections).await;
    for issuer in &issuers {
        link(&server, "user02", &issuer.key, KNOWN).await;
    }
    let (well, hanging) = issuers.split_last().unwrap();
    let clients: Vec<Client> = hanging.iter().map(|_| server.client()).collect();
    let waiting = join_all(
        hanging
            .iter()
            .zip(&clients)
            .map(|(issuer, client)| outcome(client, issuer)),
    );
    let meanwhile = async {
        // Until all of them hang.
        crate::support::poll::until("requests that hang", async || {
            let asked = |key: &str, endpoint: &str| !hostile.issuer(key).requests(endpoint).is_empty();
            asked("metadata", DISCOVERY)
                && asked("metadata-drops", DISCOVERY)
                && asked("keys", "/jwks")
                && asked("tokens", "/token")
                && asked("tokens-drops", "/token")
                && asked("claims", "/userinfo")
        })
        .await;
        server.user01().await;
        let client = server.client();
        log_in(&client, well, KNOWN).await.assert_leads_to("/account");
    };
    let (outcomes, ()) = futures::join!(waiting, meanwhile);
    for (issuer, failed) in hanging.iter().zip(outcomes) {
        assert_eq!(failed.as_deref(), Some("unreachable"), "{}", issuer.key);
    }
}

/// Who comes when too many wait for a provider already is not kept waiting, too.
#[tokio::test]
async fn of_many_logins_at_a_provider_that_hangs_some_wait_and_the_others_are_told_to_try_again_meanwhile() {
    let hostile = Hostile::start().await;
    let (issuer, server) = demo_of(&hostile, "crowded").await;
    issuer.answer("/token", Answer::Silence);
    let clients: Vec<Client> = (0..8).map(|_| server.client()).collect();
    let outcomes = join_all(clients.iter().map(|client| outcome(client, &issuer))).await;
    let count = |code: &str| outcomes.iter().filter(|failed| failed.as_deref() == Some(code)).count();
    assert_eq!((count("unreachable"), count("busy")), (4, 4), "{outcomes:?}");
    issuer.recover();
    assert_eq!(outcome(&server.client(), &issuer).await, None);
}

#[tokio::test]
async fn an_answer_to_the_code_that_is_no_bearer_token_with_an_id_token_logs_nobody_in() {
    let hostile = Hostile::start().await;
    let (issuer, server) = demo_of(&hostile, "token").await;
    let client = server.client();
    let before = state(&server).await;
    let token = json!({"access_token": "canary-access", "token_type": "Bearer", "id_token": "canary.canary.canary"});
    let changed = |member: &str, value: serde_json::Value| {
        let mut token = token.clone();
        token[member] = value;
        Answer::Json(200, token)
    };
    let deep = format!("{}{}", "[".repeat(1_000), "]".repeat(1_000));
    let twice = format!(r#"{{"id_token":"canary",{}"#, &token.to_string()[1..]);
    for (name, answer) in [
        (
            "no ID token",
            Answer::Json(200, json!({"access_token": "canary-access", "token_type": "Bearer"})),
        ),
        ("an ID token that is none", changed("id_token", json!(7))),
        ("an ID token that is empty", changed("id_token", json!(""))),
        ("another kind of token", changed("token_type", json!("mac"))),
        ("an error that says it is none", changed("error", json!("canary"))),
        ("a list", Answer::Json(200, json!([token]))),
        ("two ID tokens", Answer::Text(200, "application/json", twice)),
        ("a thousand levels", Answer::Text(200, "application/json", deep)),
        (
            "the code is used",
            Answer::Json(400, json!({"error": "invalid_grant", "error_description": "canary"})),
        ),
        (
            "the client is unknown",
            Answer::Json(401, json!({"error": "invalid_client"})),
        ),
    ] {
        issuer.answer("/token", answer);
        let failed = outcome(&client, &issuer).await.expect(name);
        assert!(
            ["refused", "unreachable"].contains(&failed.as_str()),
            "{name}: {failed}"
        );
        assert_eq!(client.who().await, None, "{name}");
        assert_eq!(state(&server).await, before, "{name}");
    }
    issuer.recover();
    // The tokens are right, and what is around them is not.
    for (name, value) in [
        ("token_type", json!("mac")),
        ("token_type", json!(null)),
        ("token_type", json!(["Bearer"])),
        ("error", json!("canary")),
        ("access_token", json!("")),
        ("access_token", json!("canary\r\nx: y")),
        ("access_token", json!(7)),
    ] {
        let departure = begin(&client, "token").await;
        let changed = value.clone();
        let brought = Return::of(&issuer, &departure, KNOWN).answer(move |answer| answer[name] = changed.clone());
        let (_, failed) = failure(&brought.open(&client).await).expect(name);
        assert_eq!(failed, "refused", "{name} {value}");
        assert_eq!(state(&server).await, before, "{name}");
    }
    assert_eq!(outcome(&client, &issuer).await, None);
    assert!(!server.place.log().contains("canary"), "nothing of it is in the log");
}

#[tokio::test]
async fn an_access_token_that_does_not_belong_to_the_id_token_is_refused_before_it_is_used() {
    use sha2::{Digest as _, Sha256};
    let hostile = Hostile::start().await;
    let issuer = hostile.issuer("ec");
    let server = demo(&[section_of(&issuer, "userinfo = \"always\"")]).await;
    link(&server, "user02", "ec", KNOWN).await;
    let half = |token: &str| encoded(&Sha256::digest(token)[..16]);
    let (right, wrong) = (half(&access_token(KNOWN)), half("another"));
    let whole = encoded(Sha256::digest(access_token(KNOWN)));
    let mut rows = Vec::new();
    for value in [json!(wrong), json!(""), json!(7), json!(whole)] {
        rows.push(row("at_hash", move |draft| draft.claim("at_hash", value.clone())));
    }
    let asked = || issuer.requests("/userinfo").len();
    assert_each_refused(&issuer, &server, rows).await;
    assert_eq!(asked(), 1, "for the right token only");
    let rows = vec![row("the right hash", move |draft| {
        draft.claim("at_hash", right.clone());
    })];
    assert_each_accepted(&issuer, &server, rows).await;
}

#[tokio::test]
async fn claims_of_somebody_else_are_refused_and_none_replaces_a_claim_of_the_id_token() {
    let hostile = Hostile::start().await;
    let issuer = hostile.issuer("claims");
    let allow = r#"allow = [{ claim = "/groups", value = "staff" }]"#;
    let server = demo(&[section_of(&issuer, &format!("userinfo = \"always\"\n{allow}"))]).await;
    link(&server, "user02", "claims", KNOWN).await;
    let client = server.client();
    let before = state(&server).await;
    for (name, answer) in [
        ("somebody else", json!({"sub": "other", "groups": ["staff"]})),
        ("nobody", json!({"groups": ["staff"]})),
        ("another case", json!({"sub": "Known", "groups": ["staff"]})),
        ("a list", json!({"sub": [KNOWN], "groups": ["staff"]})),
    ] {
        issuer.answer("/userinfo", Answer::Json(200, answer));
        assert_eq!(outcome(&client, &issuer).await.as_deref(), Some("refused"), "{name}");
        assert_eq!(state(&server).await, before, "{name}");
    }
    let signed = Answer::Text(200, "application/jwt", format!("{}.e30.", encoded(r#"{"alg":"none"}"#)));
    issuer.answer("/userinfo", signed);
    assert!(
        outcome(&client, &issuer).await.is_some(),
        "a signed answer is not asked for"
    );

    // The ID token wins, and what it lacks is filled in.
    let claims = json!({"sub": KNOWN, "groups": ["staff"], "iss": "https://evil.example", "aud": "other", "exp": 1});
    issuer.answer("/userinfo", Answer::Json(200, claims));
    let reply = log_in_as(&client, &issuer, KNOWN, &json!({"groups": ["guests"]})).await;
    assert_eq!(failure(&reply).expect("not allowed").1, "no_account");
    log_in(&client, &issuer, KNOWN).await.assert_leads_to("/account");
    assert_eq!(client.who().await.as_deref(), Some("user02"));
    let requests = issuer.requests("/userinfo");
    assert!(
        requests
            .iter()
            .all(|request| request.head.contains("Bearer canary-access-token"))
    );
}

#[tokio::test]
async fn a_provider_that_was_away_at_the_start_is_used_as_soon_as_it_is_there() {
    let hostile = Hostile::start().await;
    let issuer = hostile.issuer("away");
    issuer.answer(DISCOVERY, Answer::Closed);
    let server = demo(&[section_of(&issuer, "")]).await;
    link(&server, "user02", "away", KNOWN).await;
    let client = server.client();
    let page = client.get("/login").await;
    assert!(page.shows("Provider away"), "its button is there: {}", page.body);
    assert_eq!(server.client().get("/readyz").await.status, 200);
    assert_eq!(outcome(&client, &issuer).await.as_deref(), Some("unreachable"));
    server.user01().await;
    issuer.recover();
    let departure = begin(&client, "away").await;
    Return::of(&issuer, &departure, KNOWN)
        .open(&client)
        .await
        .assert_leads_to("/account");
}
