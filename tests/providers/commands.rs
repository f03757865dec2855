//! Settings of providers, and the commands about them.

use super::{
    hostile::Hostile,
    real::{KEY, Person, RealProvider, log_in},
    steps::{
        SETTINGS, command, demo, failure, place, run, section, section_of, users_of, wait_for_event, write_settings,
    },
};
use crate::support::place::Place;

#[tokio::test]
async fn providers_that_contradict_themselves_refuse_to_start_and_name_the_key() {
    let issuer = "https://id.example.org";
    let one = |more: &str| vec![section("one", issuer, more)];
    for (sections, parts) in [
        (one("colour = \"red\""), &["colour"][..]),
        (one("kind = \"saml\""), &["saml"]),
        (one("client_auth = \"none\""), &["one", "client_auth"]),
        (one("client_secret_variable = \"SECRET\""), &["one", "client_secret"]),
        (one("scopes = [\"email\"]"), &["one", "scopes"]),
        (one("algorithms = [\"HS256\"]"), &["HS256"]),
        (one("algorithms = [\"none\"]"), &["none"]),
        (
            one("roles = [{ claim = \"/groups\", value = \"x\", role = \"admin\" }]"),
            &["one", "may_map_admin"],
        ),
        (
            one("allow = [{ claim = \"groups\", value = \"x\" }]"),
            &["one", "allow"],
        ),
        (one("extra = { state = \"x\" }"), &["one", "extra", "state"]),
        (one("session_hours = 0"), &["one", "session_hours"]),
        (one("ca_file = \"missing.pem\""), &["missing.pem"]),
        (
            vec![section("one", "http://id.example.org", "")],
            &["one", "issuer", "https"],
        ),
        (vec![section("one", "id.example.org", "")], &["one", "issuer"]),
        (vec![section("One!", issuer, "")], &["One!"]),
        (
            vec![
                section("one", issuer, ""),
                section("one", "https://other.example.org", ""),
            ],
            &["one", "twice"],
        ),
        (
            vec![section("one", issuer, ""), section("two", issuer, "")],
            &["one", "two", "issuer"],
        ),
        (
            vec![section("one", issuer, "").replace("name =", "label =")],
            &["label"],
        ),
        (
            vec![section("one", issuer, "").replace("client_id = \"callgate\"", "")],
            &["client_id"],
        ),
        (
            vec![section("one", issuer, "").replace("client_secret_file = \"secret\"", "")],
            &["one", "client_secret_file"],
        ),
        (
            vec![section("one", issuer, "").replace("\"secret\"", "\"missing\"")],
            &["missing"],
        ),
    ] {
        let place = place(&sections);
        let ran = place.refused(&["--demo"], &[SETTINGS]).await;
        ran.assert_failed(parts);
        assert!(!ran.error.contains("canary"), "{}", ran.error);
    }
}

#[tokio::test]
async fn a_secret_comes_from_a_variable_or_a_file_and_is_in_no_printed_setting() {
    let provider = RealProvider::start().await;
    let sections = [section(KEY, &provider.issuer, "").replace(
        "client_secret_file = \"secret\"",
        "client_secret_variable = \"REAL_SECRET\"",
    )];
    let place = place(&sections);
    place
        .refused(&["--demo"], &[SETTINGS])
        .await
        .assert_failed(&["REAL_SECRET"]);
    let secret = ("REAL_SECRET", super::steps::SECRET);
    let server = place.demo(&[SETTINGS, secret]).await;
    provider.register(&server, &serde_json::json!({}));
    let line = [
        "identity",
        "add",
        "user01",
        "--provider",
        KEY,
        "--subject",
        "subject of ada",
    ];
    let ran = place.run_with(&line, "", &[SETTINGS, secret]).await;
    assert!(ran.worked, "{}", ran.error);
    log_in(&server.client(), &mut Person::default(), "ada")
        .await
        .assert_leads_to("/account");
    let ran = place.run_with(&["settings"], "", &[SETTINGS, secret]).await;
    assert!(ran.printed.contains("[[providers]]"), "{}", ran.printed);
    assert!(
        !ran.printed.contains("canary") && !ran.error.contains("canary"),
        "{}",
        ran.printed
    );
}

#[tokio::test]
async fn a_new_secret_is_used_after_a_signal_and_an_unreadable_one_leaves_the_old_one() {
    let provider = RealProvider::start().await;
    let server = provider.demo("").await;
    super::steps::link(&server, "user01", KEY, "subject of ada").await;
    let file = server.place.path("secret");
    let logs_in = async || failure(&log_in(&server.client(), &mut Person::default(), "ada").await).is_none();
    assert!(logs_in().await);
    std::fs::rename(&file, server.place.path("old")).unwrap();
    server.signal("HUP");
    crate::support::poll::until("a line about it", async || server.place.log().contains("secret")).await;
    assert!(logs_in().await, "the old one is still there");
    std::fs::write(&file, "canary-next-secret").unwrap();
    provider.register(&server, &serde_json::json!({"client_secret": "canary-next-secret"}));
    assert!(!logs_in().await);
    server.signal("HUP");
    crate::support::poll::until("the new secret to work", logs_in).await;
    assert!(!server.place.log().contains("canary"));
}

#[tokio::test]
async fn the_check_of_a_provider_says_what_works_and_what_to_register_there() {
    let (real, hostile) = (RealProvider::start().await, Hostile::start().await);
    let wrong = hostile.issuer("wrong");
    wrong.metadata("issuer", "https://evil.example");
    let sections = [
        section(KEY, &real.issuer, ""),
        section_of(&wrong, ""),
        section("away", "http://127.0.0.1:9", ""),
    ];
    let server = demo(&sections).await;
    real.register(&server, &serde_json::json!({}));
    let one = run(&server, "provider check real").await;
    assert!(one.worked, "{}{}", one.printed, one.error);
    for part in [
        "/login/with/real/callback",
        "/login/with/real/backchannel-logout",
        "/logged-out",
        &real.issuer,
    ] {
        assert!(one.printed.contains(part), "no {part}: {}", one.printed);
    }
    let all = run(&server, "provider check").await;
    assert!(!all.worked, "{}", all.printed);
    let text = all.printed + &all.error;
    for part in [KEY, "wrong", "https://evil.example", &wrong.url, "away"] {
        assert!(text.contains(part), "no {part}: {text}");
    }
    assert!(!text.contains("canary"), "{text}");
    run(&server, "provider check other").await.assert_failed(&["other"]);
    // Another secret than the one that is registered there is found, too.
    real.register(&server, &serde_json::json!({"client_secret": "canary-other"}));
    let other = run(&server, "provider check real").await;
    assert!(!other.worked && !other.printed.contains("canary"), "{}", other.printed);
    // Without any provider there is nothing to check, which is no error to hide.
    let none = Place::new().run(&["provider", "check"], "").await;
    assert!((none.printed + &none.error).contains("provider"));
}

#[tokio::test]
async fn an_operator_lists_adds_and_removes_accounts() {
    let hostile = Hostile::start().await;
    let issuer = hostile.issuer("example");
    let server = demo(&[section_of(&issuer, "")]).await;
    command(
        &server,
        "identity add user01 --provider example --subject one --label Ada",
    )
    .await;
    assert_eq!(users_of(&server, "one").await, ["user01"]);
    let list = command(&server, "identity list user01").await;
    for part in ["example", "one", "Ada"] {
        assert!(list.contains(part), "no {part}: {list}");
    }
    for (line, part) in [
        ("identity add user02 --provider example --subject one", "linked"),
        ("identity add nobody --provider example --subject two", "nobody"),
        ("identity add user02 --provider other --subject two", "other"),
        ("identity add user02 --provider example --subject ", "subject"),
        ("identity list nobody", "nobody"),
        ("identity remove user01 nothing", "nothing"),
    ] {
        run(&server, line).await.assert_failed(&[part]);
    }
    let id = server.place.database().await.text("SELECT id FROM identities").await;
    let wrong = run(&server, &format!("identity remove user02 {id}")).await;
    assert!(!wrong.worked, "it is not theirs");
    command(&server, &format!("identity remove user01 {id}")).await;
    assert!(users_of(&server, "one").await.is_empty());
    let client = server.user01().await;
    for action in ["identity_linked", "identity_unlinked"] {
        wait_for_event(&client, &[action, "(operator)", "provider example"]).await;
    }
}

#[tokio::test]
async fn accounts_stay_where_a_provider_is_renamed_or_away_from_the_settings_for_a_while() {
    let hostile = Hostile::start().await;
    let (one, other) = (hostile.issuer("one"), hostile.issuer("other"));
    let server = demo(&[section_of(&one, "")]).await;
    super::steps::link(&server, "user01", "one", "subject").await;
    let place = server.stop().await;
    // Another provider under the same key has other people.
    for (sections, key, works) in [
        (vec![section("one", &other.url, "")], "one", false),
        (vec![section("renamed", &one.url, "")], "renamed", true),
        (vec![section_of(&one, "")], "one", true),
    ] {
        write_settings(&place, &sections);
        let server = place.demo(&[SETTINGS]).await;
        let client = server.client();
        let departure = super::steps::begin(&client, key).await;
        let issuer = if works { &one } else { &other };
        let code = super::steps::Return::of(issuer, &departure, "subject").code();
        let query = [
            ("code", code.as_str()),
            ("state", departure.state()),
            ("iss", &issuer.url),
        ];
        let reply = super::steps::callback(&client, key, &query).await;
        assert_eq!(failure(&reply).is_none(), works, "{key}");
        assert_eq!(client.who().await.is_some(), works);
        server.stop().await;
    }
    // Without the section: the account is listed, and nobody gets in with it. The start warns of who cannot log in any more.
    write_settings(&place, &[]);
    let mut database = place.database().await;
    database
        .change(
            "INSERT INTO identities (id, issuer, subject, user_id, label, linked_at, linked_by)
                     SELECT 'other', issuer, 'other', 'user02', '', 0, '' FROM identities",
        )
        .await;
    database
        .change("UPDATE users SET password_hash = '' WHERE user_id = 'user02'")
        .await;
    let server = place.demo(&[SETTINGS]).await;
    assert!(place.log().contains("users cannot log in"), "{}", place.log());
    let client = server.user01().await;
    let identities = super::steps::identities(&client).await;
    assert!(identities[0]["provider"].is_null(), "{identities:?}");
    assert!(!client.get("/login").await.shows("/login/with/"));
    assert_eq!(client.form("/login/with/one", &[("next", "/")]).await.status, 404);
}
