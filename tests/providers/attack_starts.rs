//! Logins that somebody begins who should not, or begins too often, and what is in the addresses around them.

use std::collections::BTreeSet;

use super::{
    hostile::Hostile,
    steps::{Return, begin, begin_at, callback},
    table::{KNOWN, demo_of},
};
use crate::support::{client::FLOW, effort, page::main_part, server::Server};

async fn flows(server: &Server) -> i64 {
    server.place.database().await.count("login_flows").await
}

#[tokio::test]
async fn a_login_by_a_provider_leads_to_a_page_of_this_site_only() {
    let hostile = Hostile::start().await;
    let (issuer, server) = demo_of(&hostile, "next").await;
    let long = format!("/{}", "a".repeat(3_000));
    for (asked, leads_to) in [
        ("/functions/auth_func", "/functions/auth_func"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example/", "/"),
        ("javascript:alert(1)", "/"),
        ("/api/logout", "/"),
        ("/login/with/next/callback", "/"),
        ("/logout", "/"),
        ("/confirm", "/"),
        ("/\r\nLocation: https://evil.example", "/"),
        (&long, "/"),
        ("", "/"),
    ] {
        let client = server.client();
        let departure = begin_at(&client, "/login/with/next", &[("next", asked)]).await;
        let code = Return::of(&issuer, &departure, KNOWN).code();
        let query = [
            ("code", code.as_str()),
            ("state", departure.state()),
            ("iss", &issuer.url),
            ("next", "//evil.example"),
        ];
        callback(&client, "next", &query).await.assert_leads_to(leads_to);
    }
}

#[tokio::test]
async fn a_page_shows_nothing_of_what_somebody_writes_into_its_address() {
    let hostile = Hostile::start().await;
    let (_, server) = demo_of(&hostile, "text").await;
    let client = server.client();
    for failed in [
        "canary",
        "%3Cscript%3Ecanary%3C/script%3E",
        "refused%00canary",
        "canary%22onload",
    ] {
        for page in ["/login", "/account", "/confirm"] {
            let page = client
                .get(&format!("{page}?failed={failed}&with=%3Cb%3Ecanary%3C/b%3E"))
                .await;
            // Links lead back to this address, and hold it as such.
            for shown in ["<b>", "<script>canary", "\"onload", r#"class="notice bad""#] {
                assert!(!page.shows(shown), "{failed}: {}", page.body);
            }
        }
    }
    let page = client.get("/login?failed=refused&with=canary").await;
    // The forms in the footer lead back to this address.
    assert!(!main_part(&page).contains("canary"), "{}", page.body);
    for key in [
        "canary",
        "..",
        "%2e%2e",
        "%3Ccanary%3E",
        "text/../text",
        "TEXT",
        "text%00",
        "text%2f",
    ] {
        let reply = client.form(&format!("/login/with/{key}"), &[("next", "/")]).await;
        assert_eq!(reply.status, 404, "{key}: {}", reply.body);
        assert!(!reply.shows("canary") || key.contains("canary"), "{}", reply.body);
        assert_eq!(reply.find("refresh"), None);
        let reply = client.get(&format!("/login/with/{key}/callback?state=x&code=y")).await;
        assert!([303, 404].contains(&reply.status), "{key}: {}", reply.status);
        assert!(
            reply
                .find("location")
                .is_none_or(|location| location.starts_with("/login?")),
            "{key}"
        );
    }
    assert_eq!(flows(&server).await, 0);
}

#[tokio::test]
async fn a_login_is_begun_by_a_form_of_this_site_only() {
    let hostile = Hostile::start().await;
    let (_, server) = demo_of(&hostile, "start").await;
    let client = server.client();
    for method in ["GET", "HEAD", "PUT"] {
        let request = client
            .request(method, "/login/with/start")
            .header("origin", &client.origin());
        let reply = request.send().await;
        assert_eq!(reply.status, 405, "{method}: {}", reply.body);
        assert_eq!(reply.find("refresh"), None);
    }
    for path in [
        "/login/with/start",
        "/account/link/start",
        "/confirm/with/start",
        "/welcome/with/start",
    ] {
        let kind = "application/x-www-form-urlencoded";
        let request = client.request("POST", path).header("content-type", kind).body("next=/");
        let reply = request.header("origin", "https://evil.example").send().await;
        assert_eq!(reply.status, 403, "{path}: {}", reply.body);
        assert_eq!((reply.find("refresh"), reply.find("location")), (None, None));
        assert!(reply.set_cookies().is_empty());
    }
    assert_eq!(flows(&server).await, 0);
}

/// What begins and does not end is forgotten, the oldest first, and costs nobody else a login.
#[tokio::test]
async fn many_logins_that_only_begin_are_bounded_per_browser_and_per_address() {
    let hostile = Hostile::start().await;
    let (issuer, server) = demo_of(&hostile, "flood").await;
    let client = server.client();
    let mut last = begin(&client, "flood").await;
    for _ in 0..effort::rounds(30, 100) {
        last = begin(&client, "flood").await;
    }
    assert!(flows(&server).await <= 20, "{}", flows(&server).await);
    let mut browsers = BTreeSet::new();
    let mut refused = 0;
    for _ in 0..effort::rounds(80, 1_000) {
        let other = server.client();
        let reply = other.form("/login/with/flood", &[("next", "/")]).await;
        // Either the oldest goes, or the new one is refused for a while.
        if reply.status == 200 {
            assert!(
                browsers.insert(other.cookie(FLOW).expect("a cookie")),
                "two browsers have one cookie"
            );
        } else {
            refused += 1;
        }
    }
    assert!(flows(&server).await <= 60, "{} {refused}", flows(&server).await);
    server.user01().await;
    if refused == 0 {
        let newest = server.client();
        let departure = begin(&newest, "flood").await;
        Return::of(&issuer, &departure, KNOWN)
            .open(&newest)
            .await
            .assert_leads_to("/account");
    } else {
        Return::of(&issuer, &last, KNOWN)
            .open(&client)
            .await
            .assert_leads_to("/account");
    }
}
