//! The redirect target after a login. Any input that is accepted leads to a page of this site, as browsers parse it.

#![no_main]

use callgate::contract::redirect_target::OwnPage;
use libfuzzer_sys::fuzz_target;
use url::Url;

const SITE: &str = "https://own.example";

fuzz_target!(|asked: &str| {
    let Some(page) = OwnPage::parse(asked) else {
        return;
    };
    assert_eq!(page.as_str(), asked);
    let site = Url::parse(SITE).expect("an address");
    let there = site.join(page.as_str()).expect("a path of this site");
    assert_eq!(there.origin().ascii_serialization(), SITE, "{asked}");
    let first = there.path_segments().and_then(|mut parts| parts.next());
    assert!(
        !matches!(first, Some("api" | "confirm" | "login" | "logout" | "pkg")),
        "{asked}"
    );
    let login = format!("/login?next={}", page.escaped());
    login
        .parse::<axum::http::Uri>()
        .expect("an address that the server reads");
    let login = site.join(&login).expect("a path of this site");
    let carried = login.query_pairs().next().expect("the page");
    assert_eq!(carried.1, asked);
});
