//! `callgate call`: functions called from the command line, with a cookie jar that `curl` can use as well.

use std::{fs, os::unix::fs::PermissionsExt as _};

use serde_json::Value;

use crate::support::server::{Ran, Server};

const LOGIN: &str = r#"{"user_id":"user01","password":"user_01"}"#;

/// Runs `callgate call` for a server, with `typed` on standard input.
async fn call(server: &Server, arguments: &[&str], typed: &str) -> Ran {
    let origin = server.client().origin();
    let line = ["call", "--ca", "data/certs/ca.pem", "--url", &origin];
    server.place.run(&[&line[..], arguments].concat(), typed).await
}

#[tokio::test]
async fn a_login_is_kept_in_the_jar_of_its_owner_until_the_logout() {
    let server = Server::demo().await;
    let jar = server.place.path("jar");
    for (arguments, typed, msg) in [
        (&["login", "--json", "-"][..], LOGIN, "user <user01> logined"),
        (
            &["auth_func", "--json", r#"{"a":1}"#],
            "",
            r#"auth_func({"a":1}),user_id=user01"#,
        ),
        (&["auth_func"], "", "auth_func({}),user_id=user01"),
        (&["logout"], "", "user <user01> logout"),
    ] {
        let ran = call(&server, &[&["--cookies", "jar"], arguments].concat(), typed).await;
        let reply: Value = serde_json::from_str(&ran.printed).unwrap_or_else(|_| panic!("{}", ran.error));
        assert_eq!((reply["msg"].as_str(), &*ran.error), (Some(msg), ""));
        assert_eq!(fs::metadata(&jar).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let ran = call(&server, &["--cookies", "jar", "auth_func"], "").await;
    assert_eq!(ran.status, 1);
    assert!(ran.printed.contains("not_logged_in"), "{}", ran.printed);
    assert!(ran.error.contains("HTTP 401"), "{}", ran.error);
}

#[tokio::test]
async fn a_server_with_another_certificate_gets_nothing() {
    let server = Server::demo().await;
    let origin = server.client().origin();
    server.place.done(&["cert", "--certs", "other"], "").await;
    let line = ["call", "login", "--json", "-", "--ca", "other/ca.pem", "--url", &origin];
    let ran = server.place.run(&line, LOGIN).await;
    assert!(!ran.worked && ran.printed.is_empty());
    assert!(ran.error.contains("--ca FILE"), "{}", ran.error);
}
