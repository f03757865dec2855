//! The OpenAPI description, and the `curl` lines on the pages of functions. That replies keep to the description is tested by
//! schemathesis.

use std::{fs, path::Path, process::Command};

use serde_json::Value;

use crate::support::{
    client::Client,
    page::code,
    place::Place,
    routes::{Function, functions},
    server::Server,
};

#[tokio::test]
async fn the_description_names_every_function_with_what_its_guard_refuses() {
    let server = Server::shared();
    let client = server.client();
    let reply = client.get("/api/openapi.json").await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-type"), "application/json; charset=utf-8");
    assert!(reply.set_cookies().is_empty());
    let document = reply.value();
    assert_eq!(document["openapi"], "3.1.1");
    assert_eq!(document["servers"][0]["url"], client.origin());
    let functions = functions(&server).await;
    assert_eq!(document["paths"].as_object().unwrap().len(), functions.len());
    for Function {
        name, guard, summary, ..
    } in functions
    {
        let operation = &document["paths"][format!("/api/{name}")]["post"];
        assert_eq!(operation["summary"], summary);
        let refuses = |status: &str, code: &str| {
            let schema = &operation["responses"][status]["content"]["application/json"]["schema"];
            schema["allOf"][1]["properties"]["code"]["enum"]
                .to_string()
                .contains(code)
        };
        let names_one = guard.contains("Permission<") || guard.contains("Role<");
        assert_eq!(refuses("401", "not_logged_in"), guard != "Anyone", "{name}");
        let is_fresh = guard.contains("FreshLogin");
        assert_eq!(refuses("403", "fresh_login_required"), is_fresh, "{name}");
        assert_eq!(refuses("403", "permission_required"), names_one, "{name}");
        let is_open = operation["security"] == Value::Array(Vec::new());
        assert_eq!(is_open, guard == "Anyone", "{name}");
    }
}

#[tokio::test]
async fn the_description_is_in_the_language_of_the_header_or_else_of_the_query() {
    let client = Server::shared().client();
    let summary = async |language: &str, query: &str| {
        let path = format!("/api/openapi.json{query}");
        let sending = client.request("GET", &path).header("accept-language", language);
        let reply = sending.send().await;
        let summary = reply.value()["paths"]["/api/login"]["post"]["summary"].clone();
        (reply.header("content-language").to_owned(), summary)
    };
    let english = ("en".to_owned(), "Logs a user in.".into());
    let korean = ("ko".to_owned(), "아이디와 비밀번호로 로그인합니다.".into());
    assert_eq!(summary("*", "").await, english);
    assert_eq!(summary("ko", "").await, korean);
    assert_eq!(summary("en", "?language=ko").await, korean);
    assert_eq!(summary("ko", "?language=en").await, english);
    assert_eq!(summary("ko", "?language=fr").await, korean);
}

#[tokio::test]
async fn the_description_is_only_read() {
    let server = Server::shared();
    let client = server.client();
    let head = client.request("HEAD", "/api/openapi.json").send().await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    for method in ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"] {
        let reply = client.request(method, "/api/openapi.json").send().await;
        reply.assert_refused(405, "method_not_allowed");
        assert_eq!(reply.header("allow"), "GET, HEAD", "{method}");
    }
}

#[tokio::test]
async fn every_example_without_a_secret_is_taken_by_its_function() {
    let server = Server::demo().await;
    let document = server.client().get("/api/openapi.json").await.value();
    for (path, item) in document["paths"].as_object().unwrap() {
        let example = item["post"]["requestBody"]["content"]["application/json"]["example"].to_string();
        let is_by_permission = item["post"]["x-guard"].to_string().contains("Permission<");
        let caller = if is_by_permission {
            server.admin().await
        } else {
            server.user01().await
        };
        let names_somebody = ["\"user_id\"", "\"role\""].iter().any(|field| example.contains(field));
        let reply = caller.json(path, &example).await;
        // What is secret, and what is called by an id, only its user can fill in; and users and roles have other names.
        let expected: &[u16] = match path.as_str() {
            "/api/login" | "/api/confirm_login" => &[401],
            "/api/change_password" => &[422],
            "/api/register" => &[403],
            "/api/end_session" | "/api/unlink_identity" | "/api/choose_password" | "/api/create_first_admin" => &[404],
            _ if names_somebody => &[200, 404],
            _ => &[200],
        };
        assert!(expected.contains(&reply.status), "{path} {example}: {}", reply.body);
    }
}

async fn line(client: &Client, function: &str) -> String {
    code(&client.get(&format!("/functions/{function}")).await, "curl command")
}

/// Runs a line in a folder, and gives what it prints.
fn pasted(line: &str, folder: &Path) -> String {
    let shell = Command::new("sh")
        .args(["-c", line])
        .current_dir(folder)
        .env("NO_PROXY", "*")
        .output();
    let ran = shell.expect("sh is there");
    assert!(ran.status.success(), "{line}: {}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap()
}

#[tokio::test]
async fn the_curl_lines_work_when_they_are_pasted_anywhere() {
    let server = Server::shared();
    let elsewhere = tempfile::tempdir().unwrap();
    for name in "notauth_func login auth_func quote_stay current_user my_sessions logout".split(' ') {
        let mut line = line(&server.client(), name).await;
        if name == "login" {
            // What only its user knows is filled in.
            line = line.replace("some-text", "user01").replace('…', "user_01");
        }
        let reply: Value = serde_json::from_str(&pasted(&line, elsewhere.path())).expect("JSON");
        assert_eq!(reply["ok"], true, "{name}: {reply}");
    }
}

#[tokio::test]
async fn what_was_typed_is_one_word_to_the_shell() {
    let server = Server::shared();
    let client = server.client();
    let elsewhere = tempfile::tempdir().unwrap();
    for typed in [
        r#"{"a":"it's"}"#,
        r#"{"a":"'; touch stolen; '"}"#,
        r#"{"a":"$(touch stolen) `touch stolen` ${HOME} $0 !! \\ %s"}"#,
        r#"{"a":"@/etc/passwd"}"#,
        "{\"a\":\n \"two lines\",\r\n\"b\":\"\\n\"}",
        r#"{"a":"&lt; &amp;amp; <b> &#x27;"}"#,
        r#"{"é":"漢 🔑"}"#,
    ] {
        let expected = client.json("/api/notauth_func", typed).await;
        assert_eq!(expected.status, 200, "{typed}");
        client.form("/functions/notauth_func", &[("arguments", typed)]).await;
        let line = line(&client, "notauth_func").await;
        assert_eq!(pasted(&line, elsewhere.path()), expected.body);
    }
    // A body that begins as a file name does is no file name either.
    client
        .form("/functions/notauth_func", &[("arguments", "@/etc/passwd")])
        .await;
    let reply = pasted(&line(&client, "notauth_func").await, elsewhere.path());
    assert!(reply.contains("malformed_body"), "{reply}");
    for entry in fs::read_dir(elsewhere.path()).unwrap() {
        assert_eq!(entry.unwrap().file_name(), "cookies");
    }
}

#[tokio::test]
async fn a_curl_line_finds_the_ca_in_a_folder_of_whatever_name() {
    let name = "it's a $HOME & \"more\"";
    let place = Place::new();
    let server = place.demo(&[("CALLGATE_HTTPS_CERTS", name)]).await;
    fs::create_dir_all(place.data().join("certs")).unwrap();
    fs::copy(place.path(name).join("ca.pem"), place.data().join("certs/ca.pem")).unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let line = line(&server.client(), "notauth_func").await;
    let expected = r#"{"ok":true,"msg":"notauth_func({\"hello\":\"world\"})"}"#;
    assert_eq!(pasted(&line, elsewhere.path()), expected);
}

#[tokio::test]
async fn a_curl_line_holds_no_password() {
    let server = Server::shared();
    let client = server.user01().await;
    for (function, fields) in [
        ("login", &[("user_id", "user01"), ("password", "canary")][..]),
        ("change_password", &[("new_password", "canary")]),
        ("confirm_login", &[("password", "canary")]),
    ] {
        client.form(&format!("/functions/{function}"), fields).await;
        let line = line(&client, function).await;
        assert!(line.contains('…') && !line.contains("canary"), "{line}");
    }
}
