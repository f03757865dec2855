use serde_json::json;

use super::*;

fn settings(extra: &str) -> config::Provider {
    let text = format!("key = \"example\"\nname = \"Example\"\nclient_id = \"callgate\"\n{extra}");
    toml::from_str(&text).unwrap()
}

fn account(claims: Value) -> Account {
    let Value::Object(claims) = claims else {
        panic!("claims are an object");
    };
    Account {
        subject: "subject".to_owned(),
        claims,
        auth_time: None,
        sid: None,
    }
}

#[test]
fn all_rules_must_hold() {
    let rules = "allow = [{ claim = \"/groups\", value = \"callgate\" }, { claim = \"/tenant/id\", value = \"7\" }]";
    let is_allowed = |claims| check_rules(&settings(rules), &account(claims)).is_ok();
    assert!(is_allowed(json!({"groups": ["a", "callgate"], "tenant": {"id": "7"}})));
    assert!(is_allowed(json!({"groups": "callgate", "tenant": {"id": ["7"]}})));
    for claims in [
        json!({}),
        json!({"groups": ["callgate"]}),
        json!({"groups": ["Callgate"], "tenant": {"id": "7"}}),
        json!({"groups": ["callgate2"], "tenant": {"id": "7"}}),
        json!({"groups": {"callgate": true}, "tenant": {"id": "7"}}),
        json!({"groups": [["callgate"]], "tenant": {"id": "7"}}),
        json!({"groups": "callgate", "tenant": {"id": 7}}),
        json!({"groups": null, "tenant": {"id": "7"}}),
    ] {
        assert!(!is_allowed(claims.clone()), "{claims}");
    }
}

#[test]
fn only_verified_addresses_of_exactly_that_domain_are_allowed() {
    let rules = "allow = [{ email_domains = [\"example.org\", \"Example.com\"] }]";
    let is_allowed = |email: &str, verified: Value| {
        let claims = json!({"email": email, "email_verified": verified});
        check_rules(&settings(rules), &account(claims)).is_ok()
    };
    for email in ["ada@example.org", "ada@EXAMPLE.ORG", "ada@example.com"] {
        assert!(
            is_allowed(email, json!(true)) && is_allowed(email, json!("true")),
            "{email}"
        );
        for unverified in [
            json!(false),
            json!("false"),
            json!("True"),
            json!(1),
            json!(null),
            json!(["true"]),
        ] {
            assert!(!is_allowed(email, unverified.clone()), "{email} {unverified}");
        }
    }
    for email in [
        "ada@evil.example.org",
        "ada@evilexample.org",
        "ada@evil.org@example.org",
        "ada@example.org@evil.org",
        "ada@example.org.",
        "ada@example.org ",
        "example.org",
        "",
    ] {
        assert!(!is_allowed(email, json!(true)), "{email}");
    }
    let absent = account(json!({"email": "ada@example.org"}));
    assert!(check_rules(&settings(rules), &absent).is_err());
}

#[test]
fn a_new_name_is_made_of_what_a_name_may_contain() {
    for (claim, base) in [
        (Some("ada"), "ada"),
        (Some("Ada Lovelace"), "AdaLovelace"),
        (Some("(operator)"), "operator"),
        (Some("ada@example.org"), "ada@example.org"),
        (Some(".."), ".."),
        (Some("\u{1f600}"), "user"),
        (Some(""), "user"),
        (None, "user"),
    ] {
        assert_eq!(base_name(claim), base);
    }
    let long = base_name(Some(&"x".repeat(300)));
    assert!(user_name::is_allowed(&format!("{long}-{}", random_suffix())));
}

#[test]
fn an_address_is_a_name_only_if_it_is_verified() {
    let settings = settings("name_claim = \"/email\"");
    let claims = |verified| account(json!({"email": "ada@example.org", "email_verified": verified}));
    assert_eq!(name_claim(&settings, &claims(true)), Some("ada@example.org"));
    assert_eq!(name_claim(&settings, &claims(false)), None);
}

#[test]
fn a_label_is_short_and_shows_as_it_is() {
    assert_eq!(
        clean_label(" ada\u{202e}@\u{200b}example\n.org\u{0} "),
        "ada@example.org"
    );
    assert_eq!(clean_label(&"é".repeat(300)).chars().count(), 100);
    let named = account(json!({"email": "ada@example.org"}));
    assert_eq!(label(&settings(""), &named).as_deref(), Some("ada@example.org"));
    assert_eq!(label(&settings(""), &account(json!({"email": "\n"}))), None);
}
