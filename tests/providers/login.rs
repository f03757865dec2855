//! Logins with accounts at a real provider.

use serde_json::json;

use super::{
    real::{KEY, Person, RealProvider, follow, log_in, user},
    steps::{
        SECRET, SETTINGS, assert_failed, begin, begin_at, failure, identities, is_fresh, link, place, section,
        users_of, wait_for_event,
    },
};
use crate::support::{
    client::{FLOW, REMEMBER, SESSION},
    server::UNTHROTTLED,
};

const ADA: &str = "subject of ada";

#[tokio::test]
async fn a_linked_account_logs_in_and_the_session_says_by_which_provider() {
    let provider = RealProvider::start().await;
    let server = provider.demo("").await;
    link(&server, "user01", KEY, ADA).await;
    let (client, mut person) = (server.client(), Person::default());
    let page = client.get("/login").await;
    assert!(
        page.shows(r#"action="/login/with/real""#) && page.shows("Provider real"),
        "{}",
        page.body
    );

    let reply = log_in(&client, &mut person, "ada").await;
    reply.assert_leads_to("/account");
    assert_eq!(client.who().await.as_deref(), Some("user01"));
    assert!(client.cookie(REMEMBER).is_none());
    let page = client.get("/account").await;
    assert!(
        page.shows("Provider real") && page.shows("ada@example.org"),
        "{}",
        page.body
    );
    let sessions = client.done("my_sessions", json!({})).await;
    assert_eq!(sessions["sessions"][0]["provider"], KEY);
    let identities = identities(&client).await;
    assert_eq!(identities[0]["label"], "ada@example.org");
    assert!(identities[0]["last_used_at"].is_string(), "{identities:?}");
    wait_for_event(&client, &[r#""action":"login""#, r#""outcome":"ok""#, "provider real"]).await;

    // The second time, the provider asks nothing.
    let second = server.client();
    let departure = begin(&second, KEY).await;
    assert!(!person.is_asked(&departure.url).await);
    log_in(&second, &mut person, "ada").await.assert_leads_to("/account");
    assert_eq!(second.who().await.as_deref(), Some("user01"));
}

#[tokio::test]
async fn the_request_to_the_provider_says_all_that_protects_the_login() {
    let provider = RealProvider::start().await;
    let server = provider.demo("extra = { acr_values = \"mfa\" }").await;
    let client = server.client();
    let (one, other) = (begin(&client, KEY).await, begin(&client, KEY).await);
    assert_eq!(one.url.origin().ascii_serialization(), provider.issuer);
    for (name, value) in [
        ("response_type", "code"),
        ("client_id", "callgate"),
        ("scope", "openid profile email"),
        ("code_challenge_method", "S256"),
        ("acr_values", "mfa"),
        (
            "redirect_uri",
            &format!("{}/login/with/{KEY}/callback", client.origin()),
        ),
    ] {
        assert_eq!(one.parameter(name), value);
    }
    for name in ["state", "nonce", "code_challenge"] {
        assert_eq!(one.parameter(name).len(), 43, "{name}: 256 bits");
        assert_ne!(one.parameter(name), other.parameter(name), "{name}");
    }
    for name in ["prompt", "max_age", "client_secret", "code_verifier"] {
        assert!(!one.parameters.contains_key(name), "{name}");
    }
    let cookie = client.cookie(FLOW).expect("a cookie of the login");
    assert!(!one.url.as_str().contains(&cookie));
    let age = server.client().form(&format!("/login/with/{KEY}"), &[]).await;
    let age = age
        .set_cookies()
        .into_iter()
        .find(|cookie| cookie.name == FLOW)
        .unwrap()
        .max_age;
    assert_eq!(age, Some(600));
}

/// A login in one tab does not disturb that in another one.
#[tokio::test]
async fn several_tabs_of_a_browser_all_finish_in_any_order() {
    let provider = RealProvider::start().await;
    let server = provider.demo("").await;
    link(&server, "user01", KEY, ADA).await;
    let (client, mut person) = (server.client(), Person::default());
    let mut tabs = Vec::new();
    for next in ["/account", "/functions/auth_func", "/"] {
        tabs.push((
            begin_at(&client, &format!("/login/with/{KEY}"), &[("next", next)]).await,
            next,
        ));
    }
    for (departure, next) in tabs.into_iter().rev() {
        let url = person.log_in(&departure.url, "ada").await;
        follow(&client, &url).await.assert_leads_to(next);
        assert_eq!(client.who().await.as_deref(), Some("user01"));
    }
}

#[tokio::test]
async fn a_person_who_cancels_is_back_at_the_form_and_still_who_they_were() {
    let provider = RealProvider::start().await;
    let server = provider.demo("").await;
    let (client, mut person) = (server.client(), Person::default());
    for is_in in [false, true] {
        if is_in {
            let login = json!({"user_id": "user02", "password": "user_02", "remember": false});
            client.done("login", login).await;
        }
        let departure = begin_at(
            &client,
            &format!("/login/with/{KEY}"),
            &[("next", "/functions/auth_func")],
        )
        .await;
        let page = person.open(&departure.url).await;
        let back = person.send(&page.url, &[("cancel", "yes")]).await;
        let reply = follow(&client, &back.url).await;
        assert_failed(&client, &reply, "/login", "cancelled").await;
        assert!(
            reply.header("location").contains("next=/functions/auth_func"),
            "{:?}",
            reply.find("location")
        );
        assert_eq!(client.who().await.is_some(), is_in);
        let page = client.get(reply.header("location")).await;
        assert!(page.shows("You did not log in at Provider real."), "{}", page.body);
    }
}

#[tokio::test]
async fn a_login_takes_the_place_of_that_of_another_user_in_the_browser() {
    let provider = RealProvider::start().await;
    let server = provider.demo("").await;
    link(&server, "user01", KEY, ADA).await;
    let client = server.logged_in("user02", "user_02").await;
    let before = client.session();
    log_in(&client, &mut Person::default(), "ada")
        .await
        .assert_leads_to("/account");
    assert_eq!(client.who().await.as_deref(), Some("user01"));
    assert_eq!(
        client.with_only(SESSION, &before).who().await,
        None,
        "the other session is over"
    );
}

#[tokio::test]
async fn each_way_to_authenticate_as_a_client_and_to_sign_works() {
    let provider = RealProvider::start().await;
    let odd = "s%e+c&r=e t:/\u{7e}";
    for (settings, metadata, secret) in [
        (
            "client_auth = \"basic\"",
            json!({"token_endpoint_auth_method": "client_secret_basic"}),
            SECRET,
        ),
        (
            "client_auth = \"post\"",
            json!({"token_endpoint_auth_method": "client_secret_post"}),
            SECRET,
        ),
        ("", json!({"client_secret": odd}), odd),
        (
            "client_auth = \"post\"",
            json!({"client_secret": odd, "token_endpoint_auth_method": "client_secret_post"}),
            odd,
        ),
        ("", json!({"id_token_signed_response_alg": "ES256"}), SECRET),
        (
            "algorithms = [\"EdDSA\"]",
            json!({"id_token_signed_response_alg": "EdDSA"}),
            SECRET,
        ),
    ] {
        let place = place(&[section(KEY, &provider.issuer, settings)]);
        std::fs::write(place.path("secret"), format!("{secret}\n")).unwrap();
        let server = place.demo(&[UNTHROTTLED, &[SETTINGS]].concat()).await;
        provider.register(&server, &metadata);
        link(&server, "user01", KEY, ADA).await;
        let client = server.client();
        let reply = log_in(&client, &mut Person::default(), "ada").await;
        assert_eq!(failure(&reply), None, "{settings} {metadata}: {}", server.place.log());
        assert_eq!(client.who().await.as_deref(), Some("user01"));
    }
    // A client without a secret.
    let line =
        section(KEY, &provider.issuer, "client_auth = \"none\"").replace("client_secret_file = \"secret\"\n", "");
    let server = super::steps::demo(&[line]).await;
    provider.register(
        &server,
        &json!({"client_secret": null, "token_endpoint_auth_method": "none"}),
    );
    link(&server, "user01", KEY, ADA).await;
    log_in(&server.client(), &mut Person::default(), "ada")
        .await
        .assert_leads_to("/account");
    // A signature that the settings do not allow.
    let server = provider.demo("algorithms = [\"ES256\"]").await;
    link(&server, "user01", KEY, ADA).await;
    let reply = log_in(&server.client(), &mut Person::default(), "ada").await;
    assert_eq!(failure(&reply).expect("RS256").1, "refused");
}

#[tokio::test]
async fn claims_that_are_only_in_the_user_info_are_found_where_a_rule_needs_them() {
    let provider = RealProvider::start_with(json!({"conformIdTokenClaims": true})).await;
    let settings = "provision = \"open\"\nexact_names = true\nallow = [{ email_domains = [\"example.org\"] }]";
    let server = provider.demo(settings).await;
    let client = server.client();
    log_in(&client, &mut Person::default(), "ada")
        .await
        .assert_leads_to("/account");
    assert_eq!(client.who().await.as_deref(), Some("ada"));
    assert_eq!(identities(&client).await[0]["label"], "ada@example.org");

    let server = provider.demo(&format!("{settings}\nuserinfo = \"never\"")).await;
    let reply = log_in(&server.client(), &mut Person::default(), "bob").await;
    assert_eq!(failure(&reply).expect("no address").1, "no_account");
}

#[tokio::test]
async fn a_browser_stays_remembered_only_where_the_settings_allow_it_for_the_provider() {
    let provider = RealProvider::start().await;
    for (settings, allowed) in [("", false), ("remember = true", true)] {
        let server = provider.demo(settings).await;
        link(&server, "user01", KEY, ADA).await;
        let client = server.client();
        assert_eq!(
            client.get("/login").await.body.matches(r#"name="remember""#).count(),
            1 + usize::from(allowed)
        );
        let fields = [("next", "/account"), ("remember", "on")];
        let departure = begin_at(&client, &format!("/login/with/{KEY}"), &fields).await;
        let url = Person::default().log_in(&departure.url, "ada").await;
        follow(&client, &url).await.assert_leads_to("/account");
        assert_eq!(client.cookie(REMEMBER).is_some(), allowed, "{settings}");
        client.drop_cookie(SESSION);
        assert_eq!(client.who().await.is_some(), allowed);
        if allowed {
            assert!(!is_fresh(&client).await);
            let sessions = client.done("my_sessions", json!({})).await;
            assert_eq!(sessions["sessions"][0]["provider"], KEY, "{sessions}");
            // So does the browser while it has no session.
            server.place.database().await.change("DELETE FROM sessions").await;
            let other = server.logged_in("user01", "user_01").await;
            let sessions = other.done("my_sessions", json!({})).await;
            let mut providers: Vec<_> = (0..2)
                .map(|index| sessions["sessions"][index]["provider"].as_str())
                .collect();
            providers.sort_unstable();
            assert_eq!(providers, [None, Some(KEY)], "{sessions}");
        }
    }
}

#[tokio::test]
async fn a_session_by_a_provider_ends_when_its_settings_say() {
    use crate::support::clock::{Clock, HOUR, MINUTE};
    let provider = RealProvider::start().await;
    let place = place(&[section(KEY, &provider.issuer, "session_hours = 2")]);
    let clock = Clock::new(&place);
    let idle = ("CALLGATE_SESSIONS_IDLE_SECONDS", "43200");
    let server = clock.start(&place, &[UNTHROTTLED, &[SETTINGS, idle]].concat()).await;
    provider.register(&server, &json!({}));
    link(&server, "user01", KEY, ADA).await;
    let (client, by_password) = (server.client(), server.logged_in("user02", "user_02").await);
    log_in(&client, &mut Person::default(), "ada")
        .await
        .assert_leads_to("/account");
    clock.set(2 * HOUR - MINUTE);
    assert_eq!(client.who().await.as_deref(), Some("user01"));
    clock.set(2 * HOUR + MINUTE);
    assert_eq!(client.who().await, None);
    assert!(by_password.who().await.is_some());
}

#[tokio::test]
async fn an_account_is_recognised_by_its_subject_whatever_it_is_called() {
    let provider = RealProvider::start().await;
    let server = provider.demo("provision = \"open\"").await;
    let client = server.client();
    log_in(&client, &mut Person::default(), "ada")
        .await
        .assert_leads_to("/account");
    let first = client.who().await.unwrap();
    // The account has another name now, and its old one belongs to somebody else.
    let (mut renamed, mut other) = (user("eve", &json!({})), user("ada", &json!({})));
    renamed["subject"] = ADA.into();
    other["subject"] = "another subject".into();
    provider.users(&[renamed, other]);
    for (name, is_first) in [("eve", true), ("ada", false)] {
        let client = server.client();
        log_in(&client, &mut Person::default(), name)
            .await
            .assert_leads_to("/account");
        assert_eq!(client.who().await.unwrap() == first, is_first, "{name}");
    }
    assert_eq!(users_of(&server, ADA).await, [first]);
}
