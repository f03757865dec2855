//! The description of the functions, and the `curl` lines on their pages. That the answers keep to it is what
//! schemathesis tests.

use std::process::Command;

use serde_json::Value;

use crate::{page::code, server::Server};

#[tokio::test]
async fn the_description_names_every_function_with_what_its_guard_refuses() {
    let server = Server::quick_demo().await;
    let client = server.client();
    let reply = client.get("/api/openapi.json").await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.header("content-type"), "application/json; charset=utf-8");
    assert!(reply.set_cookies().is_empty());
    let document = reply.value();
    assert_eq!(document["openapi"], "3.1.1");
    assert_eq!(document["servers"][0]["url"], client.origin());
    let list = client.json("/api/list_functions", "{}").await.value();
    let functions = list["functions"].as_array().unwrap();
    assert_eq!(document["paths"].as_object().unwrap().len(), functions.len());
    for function in functions {
        let name = function["name"].as_str().unwrap();
        let operation = &document["paths"][format!("/api/{name}")]["post"];
        assert_eq!(operation["summary"], function["summary"]);
        let guard = function["rule"]["guard"].as_str().unwrap();
        let codes = |status: &str| {
            let schema = &operation["responses"][status]["content"]["application/json"]["schema"];
            schema["allOf"][1]["properties"]["code"]["enum"].to_string()
        };
        assert_eq!(codes("401").contains("not_logged_in"), guard != "Anyone", "{name}");
        assert_eq!(
            codes("403").contains("fresh_login_required"),
            guard.contains("FreshLogin"),
            "{name}"
        );
        let is_by_permission = codes("403").contains("permission_required");
        let names_one = guard.contains("Permission<") || guard.contains("Role<");
        assert_eq!(is_by_permission, names_one, "{name}");
        let is_open = operation["security"] == Value::Array(Vec::new());
        assert_eq!(is_open, guard == "Anyone", "{name}");
    }
}

#[tokio::test]
async fn the_description_is_only_read() {
    let server = Server::quick_demo().await;
    let client = server.client();
    let head = client.request("HEAD", "/api/openapi.json").send().await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    let post = client.json("/api/openapi.json", "{}").await;
    assert_eq!((post.status, post.code().as_str()), (405, "method_not_allowed"));
    assert_eq!(post.header("allow"), "GET, HEAD");
    for method in ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"] {
        let reply = client.request(method, "/api/openapi.json").send().await;
        assert_eq!((reply.status, reply.header("allow")), (405, "GET, HEAD"), "{method}");
        assert_eq!(reply.code(), "method_not_allowed", "{method}");
    }
}

#[tokio::test]
async fn every_example_without_a_secret_is_taken_by_the_function_that_it_is_of() {
    let server = Server::quick_demo().await;
    let document = server.client().get("/api/openapi.json").await.value();
    for (path, item) in document["paths"].as_object().unwrap() {
        let example = item["post"]["requestBody"]["content"]["application/json"]["example"].to_string();
        let caller = match document["paths"][path]["post"]["x-guard"]
            .to_string()
            .contains("Permission<")
        {
            true => server.admin().await,
            false => server.user01().await,
        };
        let is_about_somebody = ["\"user_id\"", "\"role\""].iter().any(|field| example.contains(field));
        let reply = caller.json(path, &example).await;
        // What is secret, and what is called by an id, only its person can fill in; and users and roles have other names.
        let expected: &[u16] = match path.as_str() {
            "/api/login" | "/api/confirm_login" => &[401],
            "/api/change_password" => &[422],
            "/api/register" => &[403],
            "/api/end_session" | "/api/choose_password" | "/api/create_first_admin" => &[404],
            _ if is_about_somebody => &[200, 404],
            _ => &[200],
        };
        assert!(expected.contains(&reply.status), "{path} {example}: {}", reply.body);
    }
}

#[tokio::test]
async fn the_curl_lines_work_when_they_are_pasted_anywhere() {
    let server = Server::quick_demo().await;
    let elsewhere = tempfile::tempdir().unwrap();
    let pasted = |line: String| {
        let ran = Command::new("sh")
            .args(["-c", &line])
            .current_dir(elsewhere.path())
            .env("NO_PROXY", "*")
            .output()
            .expect("sh is there");
        assert!(ran.status.success(), "{line}: {}", String::from_utf8_lossy(&ran.stderr));
        serde_json::from_slice::<Value>(&ran.stdout).unwrap_or_else(|error| panic!("{line}: {error}"))
    };
    let client = server.client();
    let mut lines = Vec::new();
    for name in [
        "notauth_func",
        "login",
        "auth_func",
        "quote_stay",
        "current_user",
        "my_sessions",
        "logout",
    ] {
        lines.push((
            name,
            code(&client.get(&format!("/functions/{name}")).await, "The curl line"),
        ));
    }
    for (name, line) in lines {
        // What only its person knows is filled in.
        let line = match name {
            "login" => line.replace("some-text", "user01").replace('…', "user_01"),
            _ => line,
        };
        assert_eq!(pasted(line)["ok"], true, "{name}");
    }
}
