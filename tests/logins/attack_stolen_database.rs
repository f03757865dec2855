//! Somebody has a copy of the database. Nothing in it logs anybody in.

use std::collections::BTreeSet;

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use http_body_util::{BodyExt as _, Full};
use hyper::{Request, body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};

use super::steps::{can_log_in, is_in, remembered, token, without_session, works};
use crate::support::{
    client::{CALL, Client, REMEMBER, SESSION},
    database::content,
    place::Place,
    server::{Server, UNTHROTTLED},
};

/// A server with something in every table, and the browser that it is of.
async fn in_use() -> (Server, Client) {
    let server = Place::new().demo(UNTHROTTLED).await;
    assert!(!can_log_in(&server, "user02", "wrong").await);
    let client = remembered(&server).await;
    // Used once, so that there is a token before the present one.
    client.drop_cookie(SESSION);
    assert!(is_in(&client).await);
    let form = [("arguments", r#"{"kept":"canary-kept"}"#)];
    client.form("/functions/auth_func", &form).await;
    assert!(client.get("/functions/auth_func").await.shows("canary-kept"));
    (server, client)
}

/// Every text in a JSON value, and every list of bytes.
fn leaves(value: &Value, found: &mut Vec<Vec<u8>>) {
    match value {
        Value::String(text) => found.push(text.clone().into_bytes()),
        Value::Array(list) => {
            let bytes: Option<Vec<u8>> = list.iter().map(|byte| u8::try_from(byte.as_u64()?).ok()).collect();
            found.extend(bytes);
            for value in list {
                leaves(value, found);
            }
        }
        Value::Object(fields) => {
            for value in fields.values() {
                leaves(value, found);
            }
        }
        _ => {}
    }
}

/// All that can be read out of one value of the database.
fn readings(value: &str) -> Vec<Vec<u8>> {
    if value.starts_with("X'") {
        return vec![content(value)];
    }
    let text = value.trim_matches('\'').replace("''", "'");
    let mut found = vec![text.clone().into_bytes()];
    found.extend(text.split(['$', ',', '.', ' ']).map(|part| part.as_bytes().to_vec()));
    if let Ok(value) = serde_json::from_str(&text) {
        leaves(&value, &mut found);
    }
    found
}

/// What could be put into a cookie for it: as it is, in the usual encodings, and cut to the length of a token.
fn written(bytes: &[u8]) -> Vec<String> {
    let hex = bytes.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    let mut written = vec![
        hex.to_uppercase(),
        hex,
        STANDARD.encode(bytes),
        URL_SAFE_NO_PAD.encode(bytes),
    ];
    if bytes.len() > 16 {
        written.push(URL_SAFE_NO_PAD.encode(&bytes[..16]));
        written.push(URL_SAFE_NO_PAD.encode(&bytes[bytes.len() - 16..]));
    }
    if let Ok(text) = str::from_utf8(bytes) {
        written.push(text.to_owned());
    }
    // A cookie cannot hold anything else.
    written.retain(|text| {
        let is_cookie = |byte: u8| byte.is_ascii_graphic() && byte != b';';
        !text.is_empty() && text.len() < 200 && text.bytes().all(is_cookie)
    });
    written
}

/// One connection for many attempts.
struct Attempts(http1::SendRequest<Full<Bytes>>);

impl Attempts {
    async fn connect(client: &Client) -> Self {
        let stream = TokioIo::new(client.connect("http/1.1").await);
        let (sender, connection) = http1::handshake(stream).await.unwrap();
        tokio::spawn(connection);
        Self(sender)
    }

    /// Gives the status and the body.
    async fn send(&mut self, method: &str, path: &str, cookies: &str, body: &str) -> (u16, String) {
        let request = Request::builder().method(method).uri(path).header("host", "localhost");
        let request = request.header("content-type", "application/json");
        let request = request.header("cookie", cookies);
        self.0.ready().await.unwrap();
        let request = request.body(Full::from(body.to_owned())).unwrap();
        let reply = self.0.send_request(request).await.unwrap();
        let status = reply.status().as_u16();
        let body = reply.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap())
    }
}

#[tokio::test]
async fn no_value_in_it_is_good_as_a_cookie() {
    let (server, client) = in_use().await;
    let values = server.place.database().await.values().await;
    for table in ["users", "sessions", "remembered", "kept_calls"] {
        assert!(values.iter().any(|(found, ..)| found == table), "{table} is empty");
    }
    let mut candidates = BTreeSet::new();
    for (_, _, value) in &values {
        candidates.extend(readings(value).iter().flat_map(|bytes| written(bytes)));
    }
    // What is shorter than a token is refused for its length (session_cookies.rs).
    candidates.retain(|candidate| candidate.len() >= 22);
    assert!(candidates.len() > 100, "{}", candidates.len());
    let hashes: Vec<String> = values
        .iter()
        .filter(|(table, column, value)| table == "remembered" && column.ends_with("_hash") && value.starts_with("X'"))
        .flat_map(|(_, _, value)| readings(value))
        .map(|bytes| URL_SAFE_NO_PAD.encode(bytes))
        .collect();
    assert_eq!(hashes.len(), 3);
    let pairs = hashes
        .iter()
        .flat_map(|one| hashes.iter().map(move |other| format!("{one}.{other}")));
    let [session, remember, kept] = [SESSION, REMEMBER, CALL].map(|name| client.cookie_name(name));
    let own = format!("{session}={}; {remember}={}", client.session(), token(&client));
    let mut attempts = Attempts::connect(&client).await;
    let (page, call) = ("/functions/auth_func", client.cookie(CALL).unwrap());
    let with_call = |call: &str| format!("{own}; {kept}={call}");
    let (_, shown) = attempts.send("GET", page, &with_call(&call), "").await;
    assert!(shown.contains("canary-kept"), "the attempts find what they look for");
    for candidate in candidates.iter().cloned().chain(pairs) {
        // A session that is not there leaves the word to the remembered browser: one attempt tries both.
        let cookies = format!("{session}={candidate}; {remember}={candidate}");
        let (status, body) = attempts.send("POST", "/api/auth_func", &cookies, "{}").await;
        assert_eq!(status, 401, "{candidate}: {body}");
        let (_, shown) = attempts.send("GET", page, &with_call(&candidate), "").await;
        assert!(!shown.contains("canary-kept"), "{kept}={candidate}");
    }
    // None of that harmed the browser that it was tried on.
    assert!(works(&client, SESSION, &client.session()).await);
    assert!(is_in(&without_session(&client)).await);
}

/// Old clients call the password `passwd_hash`, and yet a hash is not what is asked for.
#[tokio::test]
async fn no_value_in_it_is_good_as_a_password() {
    let (server, client) = in_use().await;
    let mut database = server.place.database().await;
    let mut attempts = Attempts::connect(&client).await;
    let mut tried = 0;
    for user in ["user01", "user02", "user03"] {
        let hash = format!("SELECT password_hash FROM users WHERE user_id = '{user}'");
        let found = readings(&database.text(&hash).await);
        for candidate in found.iter().flat_map(|bytes| written(bytes)) {
            for name in ["password", "passwd_hash"] {
                let body = json!({"user_id": user, name: candidate}).to_string();
                let (status, body) = attempts.send("POST", "/api/login", "", &body).await;
                assert_eq!(status, 401, "{user} {candidate}: {body}");
                tried += 1;
            }
        }
    }
    assert!(tried > 100, "{tried}");
}

#[tokio::test]
async fn no_file_beside_it_holds_a_token_or_a_password() {
    let (server, client) = in_use().await;
    let mut secrets = vec![b"user_01".to_vec()];
    for cookie in [SESSION, REMEMBER, CALL] {
        for part in client.cookie(cookie).expect(cookie).split('.') {
            let raw = URL_SAFE_NO_PAD.decode(part).expect("base64url");
            assert!(raw.len() >= 16);
            secrets.extend([part.as_bytes().to_vec(), raw]);
        }
    }
    assert_eq!(secrets.len(), 9);
    let stored = server.place.stored().await;
    let holds = |bytes: &[u8], needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
    let has = |needle: &[u8]| stored.iter().any(|(_, bytes)| holds(bytes, needle));
    assert!(has(b"canary-kept") && has(b"$argon2id$"), "the search finds it");
    for secret in secrets {
        assert!(!has(&secret), "{}", String::from_utf8_lossy(&secret));
    }
}
