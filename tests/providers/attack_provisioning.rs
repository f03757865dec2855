//! Accounts that get a user at their first login, under whatever name they claim, and rules that say who gets in.

use std::collections::BTreeSet;

use futures::future::join_all;
use serde_json::{Value, json};

use super::{
    hostile::Hostile,
    steps::{Return, begin, callback, demo, failure, log_in_as, roles, section_of, state, users_of},
};
use crate::support::{client::Client, server::Server};

const OPEN: &str = "provision = \"open\"";
const DEMO: [&str; 3] = ["user01", "user02", "user03"];

fn is_user_id(name: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._@-".contains(&byte);
    (1..=64).contains(&name.len()) && name.bytes().all(is_allowed)
}

async fn count_users(server: &Server) -> i64 {
    server.place.database().await.count("users").await
}

#[tokio::test]
async fn a_new_user_never_gets_the_name_of_another_one_whatever_the_account_is_called() {
    let hostile = Hostile::start().await;
    let issuer = hostile.issuer("open");
    let server = demo(&[section_of(&issuer, OPEN)]).await;
    let mut names = BTreeSet::from(DEMO.map(str::to_owned));
    let long = "x".repeat(300);
    let claimed = [
        json!("user01"),
        json!("user01"),
        json!("USER01"),
        json!("userO1"),
        json!("user\u{ff10}1"),
        json!("\u{443}ser01"),
        json!(long),
        json!(""),
        json!("🦓"),
        json!("(operator)"),
        json!(".."),
        json!("../user01"),
        json!("user01\r\nuser02"),
        json!("<script>canary</script>"),
        json!(7),
        json!(["user01"]),
        json!(null),
    ];
    for (number, name) in claimed.iter().enumerate() {
        let client = server.client();
        let subject = format!("subject-{number}");
        let reply = log_in_as(
            &client,
            &issuer,
            &subject,
            &json!({"preferred_username": name, "sub": subject}),
        )
        .await;
        reply.assert_leads_to("/account");
        let user = client.who().await.expect("somebody new");
        assert!(is_user_id(&user), "{name}: {user}");
        assert!(names.insert(user.clone()), "{name} is {user}, who was there already");
        assert_eq!(roles(&server, &user).await, Vec::<String>::new(), "{name}");
        // The second login is that of the same user, whatever the account is called by now.
        let again = server.client();
        log_in_as(&again, &issuer, &subject, &json!({"preferred_username": "user03"})).await;
        assert_eq!(again.who().await, Some(user));
    }
    assert_eq!(count_users(&server).await, i64::try_from(names.len()).unwrap());
    // Nobody has a password who did not choose one.
    for user in names.iter().filter(|name| !DEMO.contains(&name.as_str())) {
        for password in ["", " ", "null", user.as_str()] {
            let reply = server
                .client()
                .call("login", json!({"user_id": user, "password": password}))
                .await;
            assert!([401, 422].contains(&reply.status), "{}", reply.body);
        }
    }
}

#[tokio::test]
async fn a_name_is_taken_as_it_is_only_where_nobody_has_it_or_one_like_it() {
    let hostile = Hostile::start().await;
    let issuer = hostile.issuer("exact");
    let server = demo(&[section_of(&issuer, "provision = \"open\"\nexact_names = true")]).await;
    let before = state(&server).await;
    for name in ["user01", "USER01", "userO1", "user0l"] {
        let client = server.client();
        let reply = log_in_as(&client, &issuer, "new", &json!({"preferred_username": name})).await;
        assert_eq!(failure(&reply).expect(name).1, "name_taken", "{name}");
        assert_eq!(client.who().await, None);
        assert_eq!(state(&server).await, before, "{name}");
    }
    for name in ["", "🦓", "(operator)", "../x", "a b", &"x".repeat(300)] {
        let client = server.client();
        let reply = log_in_as(&client, &issuer, "new", &json!({"preferred_username": name})).await;
        assert!(failure(&reply).is_some(), "{name}");
        assert_eq!(state(&server).await, before, "{name}");
    }
    let client = server.client();
    log_in_as(&client, &issuer, "new", &json!({"preferred_username": "ada"}))
        .await
        .assert_leads_to("/account");
    assert_eq!(client.who().await.as_deref(), Some("ada"));
}

#[tokio::test]
async fn an_unknown_account_gets_no_user_while_provisioning_is_closed() {
    let hostile = Hostile::start().await;
    let issuer = hostile.issuer("closed");
    let server = demo(&[section_of(&issuer, "")]).await;
    let before = state(&server).await;
    let client = server.client();
    for claims in [
        json!({}),
        json!({"preferred_username": "user01"}),
        json!({"preferred_username": "user01", "email": "user01@example.org", "email_verified": true}),
    ] {
        let reply = log_in_as(&client, &issuer, "user01", &claims).await;
        assert_eq!(failure(&reply).expect("a failure").1, "no_account");
        assert_eq!(state(&server).await, before);
        assert_eq!(client.who().await, None);
    }
}

/// Accounts log in at the same moment, for the first time. Gives the users, or the codes of failures.
async fn at_once(server: &Server, hostile: &Hostile, key: &str, subjects: &[&str]) -> Vec<Result<String, String>> {
    let issuer = hostile.issuer(key);
    let clients: Vec<Client> = subjects.iter().map(|_| server.client()).collect();
    let mut logins = Vec::new();
    for (client, subject) in clients.iter().zip(subjects) {
        let departure = begin(client, key).await;
        let claims = json!({"preferred_username": "ada"});
        let code = Return::of(&issuer, &departure, subject).claims(&claims).code();
        logins.push((client, departure, code));
    }
    join_all(logins.iter().map(async |(client, departure, code)| {
        let query = [
            ("code", code.as_str()),
            ("state", departure.state()),
            ("iss", &issuer.url),
        ];
        match failure(&callback(client, key, &query).await) {
            Some((_, failed)) => Err(failed),
            None => Ok(client.who().await.expect("somebody")),
        }
    }))
    .await
}

#[tokio::test]
async fn an_account_that_comes_for_the_first_time_in_a_race_with_itself_gets_one_user() {
    let hostile = Hostile::start().await;
    let (open, exact) = (hostile.issuer("open"), hostile.issuer("exact"));
    let exactly = section_of(&exact, "provision = \"open\"\nexact_names = true");
    let server = demo(&[section_of(&open, OPEN), exactly]).await;
    let before = count_users(&server).await;
    let users = at_once(&server, &hostile, "open", &["same"; 4]).await;
    assert!(users.iter().all(|user| user.is_ok() && *user == users[0]), "{users:?}");
    assert_eq!(count_users(&server).await, before + 1);
    assert_eq!(users_of(&server, "same").await.len(), 1);

    let users = at_once(&server, &hostile, "open", &["one", "two", "three"]).await;
    let names: BTreeSet<&String> = users.iter().flatten().collect();
    assert_eq!(names.len(), 3, "one name, three users: {users:?}");

    let users = at_once(&server, &hostile, "exact", &["four", "five", "six"]).await;
    assert_eq!(
        users.iter().filter(|user| user.as_deref() == Ok("ada")).count(),
        1,
        "{users:?}"
    );
    let taken = Err("name_taken".to_owned());
    assert_eq!(users.iter().filter(|user| **user == taken).count(), 2, "{users:?}");
}

/// Whether an account with these claims gets in.
async fn is_allowed(server: &Server, hostile: &Hostile, key: &str, claims: &Value) -> bool {
    let client = server.client();
    let reply = log_in_as(&client, &hostile.issuer(key), "somebody", claims).await;
    match failure(&reply) {
        None => true,
        Some((_, code)) => {
            assert_eq!(code, "no_account", "{claims}");
            assert_eq!(client.who().await, None);
            false
        }
    }
}

#[tokio::test]
async fn a_rule_about_the_domain_of_a_verified_address_lets_no_other_address_in() {
    let hostile = Hostile::start().await;
    let rule = "provision = \"open\"\nallow = [{ email_domains = [\"example.org\", \"example.net\"] }]";
    let server = demo(&[section_of(&hostile.issuer("mail"), rule)]).await;
    for (claims, allowed) in [
        (json!({"email": "a@example.org", "email_verified": true}), true),
        (json!({"email": "a@example.net", "email_verified": true}), true),
        (json!({"email": "a@example.org", "email_verified": "true"}), true),
        (json!({"email": "A@EXAMPLE.ORG", "email_verified": true}), true),
        (json!({"email": "a@evil.example.org", "email_verified": true}), false),
        (json!({"email": "a@evilexample.org", "email_verified": true}), false),
        (
            json!({"email": "a@example.org@evil.org", "email_verified": true}),
            false,
        ),
        (
            json!({"email": "a@evil.org@example.org", "email_verified": true}),
            false,
        ),
        (json!({"email": "a@example.org.", "email_verified": true}), false),
        (
            json!({"email": "a@example.org.evil.org", "email_verified": true}),
            false,
        ),
        (json!({"email": "a@example.org ", "email_verified": true}), false),
        (json!({"email": "a@example.or\u{261}", "email_verified": true}), false),
        (json!({"email": "example.org", "email_verified": true}), false),
        (json!({"email": ["a@example.org"], "email_verified": true}), false),
        (json!({"email": "a@example.org"}), false),
        (json!({"email": "a@example.org", "email_verified": false}), false),
        (json!({"email": "a@example.org", "email_verified": "false"}), false),
        (json!({"email": "a@example.org", "email_verified": "TRUE"}), false),
        (json!({"email": "a@example.org", "email_verified": 1}), false),
        (json!({"email": "a@example.org", "email_verified": null}), false),
        (json!({"email": "a@example.org", "email_verified": [true]}), false),
        (json!({"email_verified": true}), false),
        (json!({}), false),
    ] {
        assert_eq!(
            is_allowed(&server, &hostile, "mail", &claims).await,
            allowed,
            "{claims}"
        );
    }
}

#[tokio::test]
async fn all_rules_must_hold_at_every_login() {
    let hostile = Hostile::start().await;
    let rules = "provision = \"open\"\nallow = [{ claim = \"/groups\", value = \"staff\" }, { claim = \"/org/id\", value = \"7\" }]";
    let server = demo(&[section_of(&hostile.issuer("rules"), rules)]).await;
    let many: Vec<String> = (0..500)
        .map(|number| format!("g{number}"))
        .chain(["staff".to_owned()])
        .collect();
    let good = json!({"id": "7"});
    for (groups, org, allowed) in [
        (json!("staff"), good.clone(), true),
        (json!(["guests", "staff"]), good.clone(), true),
        (json!(many), good.clone(), true),
        (json!(["staff"]), json!({"id": ["6", "7"]}), true),
        (json!(["staff"]), json!({"id": "8"}), false),
        (json!(["staff"]), json!("7"), false),
        (json!(["staff"]), json!(null), false),
        (json!([]), good.clone(), false),
        (json!("guests"), good.clone(), false),
        (json!("Staff"), good.clone(), false),
        (json!("staff,guests"), good.clone(), false),
        (json!("staffs"), good.clone(), false),
        (json!([["staff"]]), good.clone(), false),
        (json!({"staff": true}), good.clone(), false),
        (json!(7), good.clone(), false),
        (json!(true), good.clone(), false),
        (json!(null), good, false),
    ] {
        let claims = json!({"groups": groups, "org": org});
        assert_eq!(
            is_allowed(&server, &hostile, "rules", &claims).await,
            allowed,
            "{claims}"
        );
    }
}

/// Somebody who tries cannot learn why an account does not get in.
#[tokio::test]
async fn an_account_without_a_user_one_of_a_disabled_user_and_one_that_no_rule_allows_get_the_same_answer() {
    let hostile = Hostile::start().await;
    let issuer = hostile.issuer("same");
    let rule = "allow = [{ claim = \"/groups\", value = \"staff\" }]";
    let server = demo(&[section_of(&issuer, rule)]).await;
    super::steps::link(&server, "user01", "same", "disabled").await;
    super::steps::link(&server, "user02", "same", "linked").await;
    server
        .admin()
        .await
        .done("disable_user", json!({"user_id": "user01"}))
        .await;
    let staff = json!({"groups": ["staff"]});
    let client = server.client();
    let mut answers = BTreeSet::new();
    for (subject, claims) in [("unknown", &staff), ("disabled", &staff), ("linked", &json!({}))] {
        let reply = log_in_as(&client, &issuer, subject, claims).await;
        assert_eq!(client.who().await, None, "{subject}");
        answers.insert((reply.status, reply.header("location").to_owned(), reply.body));
    }
    assert_eq!(answers.len(), 1, "{answers:?}");
    log_in_as(&client, &issuer, "linked", &staff)
        .await
        .assert_leads_to("/account");
}
