//! The choices in the footer: language and theme, by cookies and without script.

use crate::support::{
    client::{LANGUAGE, THEME},
    page::{assert_hides, assert_shows},
    server::Server,
};

const YEAR: i64 = 365 * 24 * 60 * 60;

#[tokio::test]
async fn a_choice_is_kept_for_a_year_and_leads_back_to_its_page() {
    let client = Server::shared().client();
    for (path, name, value, cookie) in [
        ("/language", "language", "ko", LANGUAGE),
        ("/theme", "theme", "dark", THEME),
    ] {
        for page in ["/functions/auth_func?a=b", "/login", "/login?next=/account", "/confirm"] {
            let reply = client.form(path, &[(name, value), ("next", page)]).await;
            reply.assert_leads_to(page);
            let [set] = &reply.set_cookies()[..] else {
                panic!("{:?}", reply.headers)
            };
            assert_eq!((&*set.name, &*set.value, set.max_age), (cookie, value, Some(YEAR)));
        }
        for page in ["//evil.example", "/api/logout", "/logout", "/login/with/x/callback", ""] {
            let reply = client.form(path, &[(name, value), ("next", page)]).await;
            reply.assert_leads_to("/");
        }
    }
}

#[tokio::test]
async fn what_is_not_a_choice_or_comes_from_another_site_is_refused() {
    let client = Server::shared().client();
    for (path, name, values) in [
        ("/language", "language", ["fr", "KO", ""]),
        ("/theme", "theme", ["pink", "Dark", ""]),
    ] {
        for value in values {
            let reply = client.form(path, &[(name, value), ("next", "/")]).await;
            assert_eq!(reply.status, 422, "{path} {value}: {}", reply.body);
            assert!(reply.set_cookies().is_empty());
        }
    }
    for (path, body) in [("/language", "language=ko"), ("/theme", "theme=dark")] {
        let request = client.request("POST", path).header("origin", "https://evil.example");
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let reply = request.body(body).send().await;
        assert_eq!(reply.status, 403, "{path}: {}", reply.body);
        assert!(reply.set_cookies().is_empty());
    }
}

#[tokio::test]
async fn every_page_has_the_chosen_theme_that_of_a_refusal_too() {
    let client = Server::shared().client();
    let large = "x".repeat(70_000);
    for (chosen, theme, scheme) in [
        ("dark", "dark", "dark"),
        ("light", "light", "light"),
        ("pink", "system", "light dark"),
    ] {
        client.put(THEME, chosen);
        let refused = client.form("/functions/auth_func", &[("arguments", &large)]).await;
        assert_eq!(refused.status, 413);
        let mut pages = vec![refused];
        for path in ["/", "/login", "/nothing", "/logout"] {
            pages.push(client.get(path).await);
        }
        for page in &pages {
            let root = format!(r#" data-theme="{theme}""#);
            let meta = format!(r#"<meta name="color-scheme" content="{scheme}""#);
            assert_shows(page, &[&root, &meta]);
        }
        let button = format!(r#"value="{theme}" aria-current="true""#);
        assert_shows(&pages[1], &[&button]);
    }
    client.put(THEME, "dark");
    client.form("/theme", &[("theme", "system")]).await.assert_leads_to("/");
    assert_eq!(client.cookie(THEME), None);
    assert_hides(&client.get("/").await, &[r#"data-theme="dark""#]);
}
