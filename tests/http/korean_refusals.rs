//! Refusals in Korean: they differ from the English ones only in their sentences, also before the caller is known.

use serde_json::{Value, json};

use crate::{
    languages::{ENGLISH, KOREAN, has_hangul},
    support::{
        client::{Client, LANGUAGE, Reply},
        place::Place,
        raw,
        server::{Server, UNTHROTTLED},
    },
};

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
