//! The languages of answers: which one a request gets, where the answer says so, and that only sentences depend on it.

use serde_json::{Value, json};

use crate::support::{
    client::{Client, LANGUAGE, Reply, SESSION},
    place::Place,
    raw,
    server::{Server, UNTHROTTLED},
};

const KOREAN: (&str, &str) = ("accept-language", "ko-KR,ko;q=0.9,en-US;q=0.8,en;q=0.7");
const ENGLISH: (&str, &str) = ("accept-language", "en");

fn has_hangul(text: &str) -> bool {
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

/// A call that is refused.
struct Refused<'a> {
    client: &'a Client,
    /// Method and path.
    target: &'static str,
    headers: Vec<(&'static str, String)>,
    body: String,
    code: &'static str,
    /// The sentence in English, as programs have always had it.
    error: &'static str,
}

impl<'a> Refused<'a> {
    /// A call in JSON.
    fn new(client: &'a Client, target: &'static str, body: &str, code: &'static str, error: &'static str) -> Self {
        Self {
            client,
            target,
            headers: Vec::new(),
            body: body.to_owned(),
            code,
            error,
        }
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    async fn send(&self, language: Option<(&'static str, &str)>) -> Reply {
        let (method, path) = self.target.split_once(' ').unwrap();
        let mut request = self.client.request(method, path).body(&self.body);
        if self.headers.iter().all(|(name, _)| *name != "content-type") {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if let Some((name, value)) = language {
            request = request.header(name, value);
        }
        request.send().await
    }
}

/// Takes the sentences out of a refusal, and what is new in each, and gives the former.
fn take_sentences(refusal: &mut Value) -> Vec<String> {
    let fields = refusal.as_object_mut().unwrap();
    for name in ["request_id", "reference", "retry_after"] {
        fields.remove(name);
    }
    let mut sentences = vec![fields.remove("error").unwrap()];
    if fields["code"] != "not_found" {
        sentences.extend(fields.remove("detail"));
    }
    let faults = fields.get_mut("faults").and_then(Value::as_array_mut);
    for fault in faults.into_iter().flatten() {
        sentences.extend(fault.as_object_mut().unwrap().remove("problem"));
    }
    let texts = sentences.iter().map(|sentence| sentence.as_str().unwrap().to_owned());
    texts.collect()
}

/// Fails unless both are the same refusal, the first with English sentences and the second with Korean ones.
#[track_caller]
fn assert_translated(mut english: Value, mut korean: Value) {
    let both = format!("{english}\n{korean}");
    let [said, translated] = [&mut english, &mut korean].map(take_sentences);
    assert_eq!(english, korean, "{both}");
    assert_eq!(said.len(), translated.len(), "{both}");
    assert!(!said.iter().any(|text| has_hangul(text)), "{both}");
    assert!(translated.iter().all(|text| has_hangul(text)), "{both}");
}

/// The refusals that anybody can provoke.
fn refusals_of_anybody(nobody: &Client) -> Vec<Refused<'_>> {
    let of = |target, body: &str, code, error| Refused::new(nobody, target, body, code, error);
    let large = format!(r#"{{"a":"{}"}}"#, "x".repeat(70_000));
    let wrong = r#"{"user_id":"user01","password":"wrong"}"#;
    let link = r#"{"code":"nothing","new_password":"seven small brown zebras"}"#;
    let malformed = "The body is not a JSON object: EOF while parsing an object at line 1, column 1.";
    let invalid = "Some values are not valid: user_id must be text; password is missing; user is not an argument here.";
    let other_type = "Send the arguments as JSON, with the header Content-Type: application/json.";
    let encoded = "Send the body uncompressed, without Content-Encoding.";
    let many_headers = "The request has too many headers or cookies. Delete the cookies of this site, then try again.";
    let method = "Use POST to call a function, or GET /api/openapi.json to read about all of them.";
    let foreign = "This request comes from another site. Use Callgate's own pages instead.";
    let no_link =
        "There is no such link: it may have been used, replaced or withdrawn, or have expired. Ask for a new one.";
    let unknown = "There is no function with that name.";
    vec![
        of(
            "POST /api/auth_func",
            "{}",
            "not_logged_in",
            "You need to log in first.",
        ),
        of(
            "POST /api/login",
            wrong,
            "invalid_credentials",
            "Invalid user_id or password",
        ),
        of("POST /api/login", "{", "malformed_body", malformed),
        of(
            "POST /api/login",
            r#"{"user_id":1,"user":2}"#,
            "invalid_arguments",
            invalid,
        ),
        of("POST /api/choose_password", link, "not_found", no_link),
        of(
            "POST /api/login",
            &large,
            "body_too_large",
            "The body is too large. Send at most 65536 bytes.",
        ),
        of("POST /api/login", "{}", "unsupported_media_type", other_type).with("content-type", "text/plain"),
        of("POST /api/login", "{}", "unsupported_encoding", encoded).with("content-encoding", "gzip"),
        of("POST /api/nothing", "{}", "unknown_function", unknown),
        of("GET /api/login", "", "method_not_allowed", method),
        // These are refused before the caller is known.
        of("POST /api/login", "{}", "headers_too_large", many_headers).with("x-large", "x".repeat(64 * 1024)),
        of("POST /api/login", "{}", "cross_origin", foreign).with("origin", "https://evil.example"),
    ]
}

/// The refusals that users and administrators get.
fn refusals_of_users<'a>(user: &'a Client, stale: &'a Client, admin: &'a Client) -> Vec<Refused<'a>> {
    let stay = r#"{"arrival":"2026-02-30","nights":0,"guests":9,"room":"","extras":0,"contact":{"name":"","email":""},"wishes":""}"#;
    let faults = "Some values are not valid: arrival must be a date such as 2026-01-31; nights must be at least 1; guests must be \
        at most 4; room must be one of single, double, view; extras must be a list; contact.name must not be empty; contact.email \
        must have at least 3 characters; wishes must be a list.";
    let permission =
        "You need the permission users.read or the permission users.manage for this. Ask an administrator.";
    let other = "Another user has logged in since this page was loaded. Nothing was done. Reload the page to continue.";
    let too_long_ago = "You logged in too long ago for this. Confirm your login first.";
    let short =
        "Some values are not valid: new_password must have at least 15 characters: a few words make a good one.";
    let last = "This is the last administrator who can log in. Make someone else an administrator first.";
    vec![
        Refused::new(user, "POST /api/quote_stay", stay, "invalid_arguments", faults),
        Refused::new(user, "POST /api/list_users", "{}", "permission_required", permission),
        Refused::new(user, "POST /api/auth_func", "{}", "other_user", other).with("shown-to", "user02"),
        Refused::new(
            user,
            "POST /api/change_password",
            r#"{"new_password":"short"}"#,
            "invalid_arguments",
            short,
        ),
        Refused::new(
            stale,
            "POST /api/change_password",
            "{}",
            "fresh_login_required",
            too_long_ago,
        ),
        Refused::new(
            admin,
            "POST /api/show_user",
            r#"{"user_id":"ada"}"#,
            "not_found",
            "There is no such user.",
        ),
        Refused::new(
            admin,
            "POST /api/disable_user",
            r#"{"user_id":"user03"}"#,
            "conflict",
            last,
        ),
    ]
}

#[tokio::test]
async fn a_refusal_in_korean_differs_from_the_english_one_only_in_its_sentences() {
    let server = Place::new().demo(UNTHROTTLED).await;
    let (nobody, user, admin) = (server.client(), server.user01().await, server.admin().await);
    let stale = server.logged_in("user02", "user_02").await;
    server.let_password_age("user02", 3600).await;
    let throttling = Place::new().demo(&[("CALLGATE_THROTTLE_ACCOUNT_FAILURES", "1")]).await;
    let throttled = throttling.client();
    let wrong = json!({"user_id": "user01", "password": "wrong"});
    throttled.call("login", wrong.clone()).await;

    let mut refusals = refusals_of_anybody(&nobody);
    refusals.extend(refusals_of_users(&user, &stale, &admin));
    let register = r#"{"user_id":"ada","new_password":"seven small brown zebras"}"#;
    let closed = "You cannot call this function. Registration is closed. Ask an administrator to invite you.";
    refusals.push(Refused::new(
        &nobody,
        "POST /api/register",
        register,
        "forbidden",
        closed,
    ));
    let too_many = "Too many attempts. Try again in 5 minutes.";
    refusals.push(Refused::new(
        &throttled,
        "POST /api/login",
        &wrong.to_string(),
        "too_many_attempts",
        too_many,
    ));
    for refused in &refusals {
        let plain = refused.send(None).await;
        let context = format!("{} {:.80}", refused.target, refused.body);
        assert_eq!(
            (plain.code(), plain.error()),
            (refused.code.to_owned(), refused.error.to_owned()),
            "{context}"
        );
        let english = refused.send(Some(ENGLISH)).await;
        let korean = refused.send(Some(KOREAN)).await;
        assert_eq!(
            (english.status, english.error()),
            (plain.status, plain.error()),
            "{context}"
        );
        assert_eq!(korean.status, plain.status, "{context}");
        assert_eq!(korean.header("content-language"), "ko", "{context}");
        assert_translated(english.value(), korean.value());
    }
}

#[tokio::test]
async fn what_is_refused_before_the_caller_is_known_goes_by_cookie_and_header() {
    let server = Server::shared();
    let client = server.client();
    client.put(LANGUAGE, "ko");
    for request in [
        client
            .request("POST", "/logout")
            .header("origin", "https://evil.example"),
        client
            .request("GET", "/login")
            .header("x-large", &"x".repeat(64 * 1024)),
    ] {
        let page = request.header(ENGLISH.0, ENGLISH.1).send().await;
        assert!(page.shows(r#"<html lang="ko""#), "{}", page.body);
        assert_eq!(page.header("content-language"), "ko");
    }
    let ambiguous = "POST /api/auth_func HTTP/1.1\r\nHost: user@localhost\r\nConnection: close\r\n";
    let plain = "POST /api/auth_func HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
    let refusal = async |header: &str| {
        let answers = [
            raw::exchange(&server, format!("{ambiguous}{header}\r\n")).await,
            raw::exchange_plain(&server, format!("{plain}{header}\r\n")).await,
        ];
        answers.map(|answer| {
            let (_, body) = answer.split_once("\r\n\r\n").unwrap();
            serde_json::from_str::<Value>(body).unwrap()
        })
    };
    let english = refusal("").await;
    let korean = refusal("Accept-Language: ko\r\n").await;
    let codes = english.each_ref().map(|refusal| refusal["code"].clone());
    assert_eq!(codes, ["malformed_request", "https_required"]);
    for (english, korean) in english.into_iter().zip(korean) {
        assert_translated(english, korean);
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
