//! The languages of answers: which one a request gets, where the answer says so, and that only sentences depend on it.

use serde_json::json;

use crate::support::{
    client::{Client, LANGUAGE, Reply, SESSION},
    place::Place,
    server::Server,
};

pub const KOREAN: (&str, &str) = ("accept-language", "ko-KR,ko;q=0.9,en-US;q=0.8,en;q=0.7");
pub const ENGLISH: (&str, &str) = ("accept-language", "en");

pub fn has_hangul(text: &str) -> bool {
    text.chars().any(|character| ('가'..='힣').contains(&character))
}

/// A server whose site is in this language.
async fn site(language: &str) -> Server {
    Place::new().demo(&[("CALLGATE_SITE_LANGUAGE", language)]).await
}

/// Fails unless a page and a refusal to the same client are in this language, and say so.
async fn assert_language(client: &Client, headers: &[(&'static str, &str)], expected: &str) {
    let with_headers = |method: &str, path: &str| {
        let request = client.request(method, path);
        headers
            .iter()
            .fold(request, |request, (name, value)| request.header(name, value))
    };
    let page = with_headers("GET", "/login").send().await;
    let marked = page.shows(&format!(r#"<html lang="{expected}""#));
    assert!(marked, "{headers:?}: {:.300}", page.body);
    assert_eq!(page.shows("로그인 상태 유지"), expected == "ko", "{headers:?}");
    // Nobody here may call it, logged in or not.
    let call = with_headers("POST", "/api/list_users").json("{}").send().await;
    assert_eq!(
        has_hangul(&call.error()),
        expected == "ko",
        "{headers:?}: {}",
        call.body
    );
    for reply in [page, call] {
        assert_eq!(reply.header("content-language"), expected, "{headers:?}");
    }
}

#[tokio::test]
async fn an_answer_is_in_the_language_of_the_cookie_or_of_the_header_or_of_the_site() {
    for of_site in ["en", "ko"] {
        let server = site(of_site).await;
        let client = server.client();
        let name = client.cookie_name(LANGUAGE);
        let cookie = |value: &str| format!("{name}={value}");
        for (header, expected) in [
            ("ko-KR,ko;q=0.9,en-US;q=0.8", "ko"),
            ("en-US,en;q=0.9,ko;q=0.8", "en"),
            ("fr, ko;q=0.1", "ko"),
            ("kok, fr", of_site),
            ("*", of_site),
        ] {
            assert_language(&client, &[("accept-language", header)], expected).await;
        }
        assert_language(&client, &[], of_site).await;
        for (value, other) in [("ko", "en"), ("en", "ko")] {
            let chosen = cookie(value);
            assert_language(&client, &[("cookie", &chosen), ("accept-language", other)], value).await;
        }
        // No choice of ours: the header counts.
        let (twice, unknown) = (
            cookie(&format!("ko; {name}=ko")),
            ["", "fr", "KO", "ko-KR", "%6Bo"].map(cookie),
        );
        let of_no_site = "__Host-callgate-language=ko".to_owned();
        for wrong in [twice, of_no_site].iter().chain(&unknown) {
            assert_language(&client, &[("cookie", wrong), ENGLISH], "en").await;
            assert_language(&client, &[("cookie", wrong)], of_site).await;
        }
        let [one, other] = ["ko", "en"].map(cookie);
        assert_language(&client, &[("cookie", &one), ("cookie", &other), KOREAN], "ko").await;
    }
}

#[tokio::test]
async fn a_choice_is_kept_in_a_cookie_and_leads_back_to_its_page() {
    let server = Server::shared();
    for client in [server.client(), server.user01().await] {
        let page = client.request("GET", "/").header(KOREAN.0, KOREAN.1).send().await;
        assert!(page.set_cookies().is_empty(), "who only reads gets no cookie");
        let session = client.cookie(SESSION);
        for (language, next) in [("ko", "/functions/auth_func?a=%2F"), ("en", "/login?next=/account")] {
            let reply = client
                .form("/language", &[("language", language), ("next", next)])
                .await;
            reply.assert_leads_to(next);
            // The client checks the attributes that all cookies have.
            let cookies = reply.set_cookies();
            let set: Vec<_> = cookies
                .iter()
                .map(|cookie| (&*cookie.name, &*cookie.value, cookie.max_age))
                .collect();
            assert_eq!(set, [(LANGUAGE, language, Some(365 * 24 * 3600))]);
            assert!(client.get(next).await.shows(&format!(r#"<html lang="{language}""#)));
        }
        assert_eq!(client.cookie(SESSION), session);
        for elsewhere in [
            "https://evil.example/",
            "//evil.example/",
            r"/\evil.example",
            "/logout",
            "account",
            "",
        ] {
            let fields = [("language", "en"), ("next", elsewhere)];
            client.form("/language", &fields).await.assert_leads_to("/");
        }
        client
            .form("/language", &[("language", "en")])
            .await
            .assert_leads_to("/");
    }
}

#[tokio::test]
async fn an_unknown_language_and_a_choice_that_another_site_sends_are_refused() {
    let server = Server::shared();
    let client = server.client();
    for fields in [
        &[("next", "/account")][..],
        &[("language", ""), ("next", "/account")],
        &[("language", "fr")],
        &[("language", "KO")],
    ] {
        let reply = client.form("/language", fields).await;
        assert_eq!(reply.status, 422, "{fields:?}");
        assert!(reply.shows("language must be one of en, ko"), "{}", reply.body);
        assert!(reply.set_cookies().is_empty(), "{fields:?}");
    }
    let request = client
        .request("POST", "/language")
        .header("origin", "https://evil.example");
    let form = request.header("content-type", "application/x-www-form-urlencoded");
    let reply = form.body("language=ko&next=%2F").send().await;
    assert_eq!(reply.status, 403);
    assert!(reply.set_cookies().is_empty());
}

/// The names in `Vary`.
fn varies(reply: &Reply) -> Vec<String> {
    let values = reply.headers.get_all("vary").iter();
    let names = values.flat_map(|value| value.to_str().unwrap().split(','));
    names.map(|name| name.trim().to_ascii_lowercase()).collect()
}

#[tokio::test]
async fn pages_refusals_and_the_description_say_their_language_and_what_it_depends_on() {
    let server = Server::shared();
    let client = server.client();
    let large = format!("arguments={}", "x".repeat(70_000));
    for (method, path, status, body) in [
        ("GET", "/", 200, ""),
        ("GET", "/functions/auth_func", 200, ""),
        ("GET", "/users", 401, ""),
        ("GET", "/nothing", 404, ""),
        ("GET", "/logout", 405, ""),
        ("POST", "/login", 401, "user_id=nobody&password=wrong"),
        ("POST", "/functions/auth_func", 413, &large),
        ("GET", "/api/openapi.json", 200, ""),
        ("POST", "/api/auth_func", 401, ""),
    ] {
        for (header, language) in [(KOREAN, "ko"), (ENGLISH, "en")] {
            let request = client.request(method, path).header(header.0, header.1);
            let reply = match method {
                "GET" => request.send().await,
                _ => request.form(body).send().await,
            };
            let context = format!("{method} {path} {language}");
            assert_eq!(reply.status, status, "{context}");
            assert_eq!(reply.header("content-language"), language, "{context}");
            let vary = varies(&reply);
            for name in ["cookie", "accept-language"] {
                assert!(vary.contains(&name.to_owned()), "{context}: {vary:?}");
            }
            if !path.starts_with("/api") {
                assert!(reply.shows(&format!(r#"<html lang="{language}""#)), "{context}");
            }
        }
    }
    // Files are the same for all.
    for path in ["/favicon.svg", "/pkg/callgate.js"] {
        let reply = client.request("GET", path).header(KOREAN.0, KOREAN.1).send().await;
        assert_eq!(reply.find("content-language"), None, "{path}");
    }
}

#[tokio::test]
async fn the_language_of_an_account_comes_before_that_of_its_browsers() {
    let server = Server::demo().await;
    let one = server.user01().await;
    let language = json!({"language": "ko"});
    server
        .client()
        .call("set_language", language.clone())
        .await
        .assert_refused(401, "not_logged_in");
    for unknown in [
        json!({"language": "fr"}),
        json!({"language": "KO"}),
        json!({"language": 1}),
    ] {
        one.call("set_language", unknown)
            .await
            .assert_refused(422, "invalid_arguments");
    }
    one.done("set_language", language).await;
    // In each browser of the account, whatever is chosen there, and in none of another account.
    let other = server.user01().await;
    other.put(LANGUAGE, "en");
    for client in [&one, &other] {
        assert_language(client, &[ENGLISH], "ko").await;
    }
    let another = server.logged_in("user02", "user_02").await;
    assert_language(&another, &[], "en").await;
    // A remembered browser is logged in again by the request itself.
    let reopened = server.client();
    let login = json!({"user_id": "user01", "password": "user_01", "remember": true});
    reopened.done("login", login).await;
    reopened.drop_cookie(SESSION);
    assert_language(&reopened, &[ENGLISH], "ko").await;
    // As long as one is logged in.
    other.call("logout", json!({})).await;
    assert_language(&other, &[KOREAN], "en").await;
    one.done("set_language", json!({"language": "en"})).await;
    assert_language(&one, &[KOREAN], "en").await;
    one.done("set_language", json!({"language": null})).await;
    assert_language(&one, &[KOREAN], "ko").await;
    assert_language(&one, &[], "en").await;
}

#[tokio::test]
async fn a_choice_of_who_is_logged_in_is_that_of_the_account_as_well() {
    let server = Server::demo().await;
    let client = server.user01().await;
    client
        .form("/language", &[("language", "ko")])
        .await
        .assert_leads_to("/");
    let elsewhere = server.user01().await;
    assert_language(&elsewhere, &[ENGLISH], "ko").await;
    client.call("logout", json!({})).await;
    // The choice stays in this browser.
    assert_language(&client, &[ENGLISH], "ko").await;
    // On a page that was loaded for another user, the choice is not made for the one who is logged in now.
    let fields = [("language", "en"), ("next", "/account"), ("shown-to", "user02")];
    let refused = elsewhere.form("/language", &fields).await;
    assert_eq!(refused.status, 409, "{}", refused.body);
    assert!(refused.set_cookies().is_empty() && refused.shows(r#"href="/account""#));
    assert_language(&elsewhere, &[ENGLISH], "ko").await;
}

#[tokio::test]
async fn the_log_the_audit_log_and_the_command_line_stay_english() {
    let server = Place::new().demo(&[("CALLGATE_SITE_LANGUAGE", "ko")]).await;
    let client = server.user01().await;
    let wrong = json!({"user_id": "user02", "password": "wrong"});
    client
        .call("login", wrong)
        .await
        .assert_refused(401, "invalid_credentials");
    client
        .call("list_users", json!({}))
        .await
        .assert_refused(403, "permission_required");
    client
        .form("/login", &[("user_id", "user02"), ("password", "wrong")])
        .await;
    let foreign = client
        .request("POST", "/api/auth_func")
        .header("origin", "https://evil.example");
    foreign.send().await.assert_refused(403, "cross_origin");
    let unread = server.user01().await;
    let mut database = server.place.database().await;
    database.change("ALTER TABLE sessions RENAME TO gone").await;
    let failed = unread.call("current_user", json!({})).await;
    database.change("ALTER TABLE gone RENAME TO sessions").await;
    failed.assert_refused(500, "internal");
    assert!(has_hangul(&failed.error()), "{}", failed.body);

    let place = server.stop().await;
    let log = place.log();
    for part in [
        "login failed",
        "access denied",
        "refused a cross-site request",
        "ERROR",
        failed.reference(),
    ] {
        assert!(log.contains(part), "no {part}: {log}");
    }
    assert!(!has_hangul(&log), "{log}");
    let events = place.done(&["audit", "export"], "").await;
    assert!(events.contains("wrong_password") && !has_hangul(&events), "{events}");
    let variables = [("LANG", "ko_KR.UTF-8"), ("CALLGATE_SITE_LANGUAGE", "ko")];
    let ran = place
        .run_with(&["user", "add", "user01"], "seven small brown zebras", &variables)
        .await;
    ran.assert_failed(&["There is already a user user01"]);
}
