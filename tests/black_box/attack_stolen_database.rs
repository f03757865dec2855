//! Somebody has a copy of the database. Nothing in it logs anybody in (security check 36).

use std::collections::BTreeSet;

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::{Value, json};

use crate::{
    client::{CALL, Client, REMEMBER, SESSION},
    server::{Place, QUICK, Server, UNTHROTTLED},
};

/// A server with something in every table, and the browser that it is of.
async fn in_use() -> (Server, Client) {
    let server = Place::new().demo(&[QUICK, UNTHROTTLED].concat()).await;
    let wrong = r#"{"user_id":"user02","password":"wrong"}"#;
    assert_eq!(server.client().json("/api/login", wrong).await.status, 401);
    let client = server.client();
    let login = r#"{"user_id":"user01","password":"user_01"}"#;
    client.json("/api/login", login).await;
    // Used once, so that there is a token before the present one.
    client.drop_cookie(SESSION);
    assert!(client.who().await.is_some());
    let form = [("arguments", r#"{"kept":"canary-kept"}"#)];
    client.form("/functions/auth_func", &form).await;
    assert!(client.get("/functions/auth_func").await.shows("canary-kept"));
    (server, client)
}

/// The bytes of hexadecimal digits.
fn from_hex(digits: &str) -> Vec<u8> {
    let digits = digits.as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
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
    if let Some(digits) = value.strip_prefix("X'") {
        return vec![from_hex(digits.trim_end_matches('\''))];
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
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    let hex: String = digits
        .map(|digit| char::from_digit(digit.into(), 16).unwrap())
        .collect();
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
    for candidate in candidates.iter().cloned().chain(pairs) {
        for name in [SESSION, REMEMBER] {
            let thief = client.with_only(name, &candidate);
            assert_eq!(thief.who().await, None, "{name}={candidate}");
        }
        let thief = client.clone();
        thief.put(CALL, &candidate);
        let page = thief.get("/functions/auth_func").await;
        assert!(!page.shows("canary-kept"), "{CALL}={candidate}");
    }
    // None of that harmed the browser that it was tried on.
    assert_eq!(
        client.with_only(SESSION, &client.session()).who().await.as_deref(),
        Some("user01")
    );
    client.drop_cookie(SESSION);
    assert_eq!(client.who().await.as_deref(), Some("user01"));
}

/// security check 36: old clients call the password `passwd_hash`, and yet a hash is not what is asked for
#[tokio::test]
async fn no_value_in_it_is_good_as_a_password() {
    let (server, _) = in_use().await;
    let mut database = server.place.database().await;
    let values = database.values().await;
    let hashes = values.iter().filter(|(_, column, _)| column == "password_hash");
    let client = server.client();
    let mut tried = 0;
    for (_, _, value) in hashes {
        for bytes in readings(value) {
            for candidate in written(&bytes) {
                for name in ["password", "passwd_hash"] {
                    for user in ["user01", "user02", "user03"] {
                        let body = json!({"user_id": user, name: candidate}).to_string();
                        let reply = client.json("/api/login", &body).await;
                        assert_eq!(reply.status, 401, "{user} {candidate}");
                        tried += 1;
                    }
                }
            }
        }
    }
    assert!(tried > 100, "{tried}");
}
