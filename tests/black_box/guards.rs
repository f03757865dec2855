//! Every function × every kind of caller × every door. The table is read from the server, so that a new function is in
//! it by itself. Security checks 69 and 70.

use serde_json::Value;

use crate::{
    client::{Client, Reply, SESSION},
    server::{Place, QUICK, Server, UNTHROTTLED},
};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Anonymous,
    LoggedIn,
    Remembered,
    LoggedInEarlier,
    LoggedOut,
    Disabled,
    Idle,
    Forged,
    Administrator,
}

const KINDS: [Kind; 9] = [
    Kind::Anonymous,
    Kind::LoggedIn,
    Kind::Remembered,
    Kind::LoggedInEarlier,
    Kind::LoggedOut,
    Kind::Disabled,
    Kind::Idle,
    Kind::Forged,
    Kind::Administrator,
];

impl Kind {
    fn is_logged_in(self) -> bool {
        matches!(
            self,
            Self::LoggedIn | Self::Remembered | Self::LoggedInEarlier | Self::Administrator
        )
    }
}

async fn caller(server: &Server, kind: Kind) -> Client {
    let client = match kind {
        Kind::Anonymous | Kind::Forged => server.client(),
        Kind::Disabled | Kind::Administrator => server.admin().await,
        Kind::Remembered => {
            let client = server.client();
            client
                .json("/api/login", r#"{"user_id":"user01","password":"user_01"}"#)
                .await;
            client
        }
        _ => server.user01().await,
    };
    match kind {
        Kind::Anonymous | Kind::LoggedIn | Kind::Administrator => {}
        Kind::Remembered => client.drop_cookie(SESSION),
        Kind::LoggedInEarlier => server.let_password_age("user01", 600).await,
        Kind::Forged => client.put(SESSION, "AAECAwQFBgcICQoLDA0ODw"),
        Kind::LoggedOut => {
            let session = client.session();
            client.json("/api/logout", "{}").await;
            client.put(SESSION, &session);
        }
        Kind::Disabled => {
            // As a bug would leave it: the user is disabled and the session is still there.
            let mut database = server.place.database().await;
            let changed = database
                .change("UPDATE users SET active = FALSE WHERE user_id = 'user03'")
                .await;
            assert_eq!(changed, 1);
        }
        Kind::Idle => {
            let mut database = server.place.database().await;
            let changed = database
                .change("UPDATE sessions SET last_used_at = 1 WHERE user_id = 'user01'")
                .await;
            assert!(changed >= 1);
        }
    }
    client
}

async fn functions(server: &Server) -> Vec<(String, String)> {
    let list = server.client().json("/api/list_functions", "{}").await.value();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    list["functions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|function| (text(&function["name"]), text(&function["rule"]["guard"])))
        .collect()
}

/// The code that a guard refuses a kind of caller with.
fn refusal(guard: &str, kind: Kind) -> Option<&'static str> {
    match guard {
        "Anyone" => None,
        _ if !kind.is_logged_in() => Some("not_logged_in"),
        _ if kind == Kind::Administrator => None,
        // The permission is asked for first: a password would not help.
        guard if guard.contains("Permission<") || guard.contains("Role<") => Some("permission_required"),
        "FreshLogin" if kind != Kind::LoggedIn => Some("fresh_login_required"),
        "LoggedIn" | "FreshLogin" => None,
        other => panic!("the guard {other} is missing in this table"),
    }
}

/// The code that a guard refused with, if it was a guard that did.
fn refused_with(reply: &Reply) -> Option<String> {
    let is_guards = |code: &String| {
        matches!(
            (reply.status, code.as_str()),
            (401, "not_logged_in") | (403, "fresh_login_required" | "permission_required")
        )
    };
    (reply.status >= 400).then(|| reply.code()).filter(is_guards)
}

#[tokio::test]
async fn the_guards_are_those_that_were_agreed_on() {
    let server = Server::quick_demo().await;
    let agreed: Vec<(String, String)> = include_str!("function_table.txt")
        .lines()
        .skip(1)
        .map(|line| {
            let mut cells = line.split("  ").map(str::trim).filter(|cell| !cell.is_empty());
            let mut cell = || cells.next().unwrap().to_owned();
            (cell(), cell())
        })
        .collect();
    assert_eq!(functions(&server).await, agreed);
}

/// security checks 69 and 70
#[tokio::test]
async fn every_function_asks_its_guard_at_the_json_door() {
    let server = Server::quick_demo().await;
    for (name, guard) in functions(&server).await {
        for kind in KINDS {
            for (media, body) in [
                ("application/json", "{}"),
                ("application/json", "{"),
                ("text/plain", "{}"),
            ] {
                let client = caller(&server, kind).await;
                let reply = client
                    .request("POST", &format!("/api/{name}"))
                    .header("content-type", media)
                    .body(body)
                    .send()
                    .await;
                let context = format!("{name} × {kind:?} × {media} {body}: {} {}", reply.status, reply.body);
                assert_eq!(refused_with(&reply).as_deref(), refusal(&guard, kind), "{context}");
                assert_ne!(reply.status, 500, "{context}");
                if reply.status == 401 && kind != Kind::Remembered {
                    assert!(reply.set_cookies().is_empty(), "{context}");
                }
                enable(&server, kind).await;
            }
        }
    }
}

/// security checks 69 and 70
#[tokio::test]
async fn every_function_asks_its_guard_at_the_form_door() {
    let server = Place::new().demo(&[QUICK, UNTHROTTLED].concat()).await;
    for (name, guard) in functions(&server).await {
        let page = format!("/functions/{name}");
        for kind in KINDS {
            for arguments in ["{}", "{"] {
                let client = caller(&server, kind).await;
                let reply = client.form(&page, &[("arguments", arguments)]).await;
                let context = format!("{name} × {kind:?} × {arguments}: {} {}", reply.status, reply.body);
                assert_eq!(reply.status, 303, "{context}");
                let refusal = refusal(&guard, kind);
                let target = match refusal {
                    Some("fresh_login_required") => format!("/confirm?next={page}"),
                    None | Some("permission_required") => page.clone(),
                    Some(_) => format!("/login?next={page}"),
                };
                let location = reply.header("location");
                assert_eq!(location.trim_end_matches("#reply"), target, "{context}");
                let shown = client.get(&page).await;
                assert_eq!(shown.shows("No call yet"), target != page, "{context}: {}", shown.body);
                enable(&server, kind).await;
            }
        }
    }
}

async fn enable(server: &Server, kind: Kind) {
    if kind == Kind::Disabled {
        let mut database = server.place.database().await;
        database
            .change("UPDATE users SET active = TRUE WHERE user_id = 'user03'")
            .await;
    }
}

#[tokio::test]
async fn the_page_of_every_function_can_be_read_by_anybody() {
    let server = Server::quick_demo().await;
    for (name, _) in functions(&server).await {
        for kind in [Kind::Anonymous, Kind::LoggedIn] {
            let page = caller(&server, kind).await.get(&format!("/functions/{name}")).await;
            assert_eq!(page.status, 200, "{name}");
            assert!(page.shows("No call yet"), "showing {name} does not call it");
        }
    }
}

#[tokio::test]
async fn the_command_lists_every_function_with_its_path_guard_and_first_line() {
    let server = Server::quick_demo().await;
    let table = server.place.done(&["function", "list"], "").await;
    let mut lines = table.lines();
    let head: Vec<&str> = lines.next().unwrap().split_whitespace().collect();
    assert_eq!(head[..3], ["NAME", "PATH", "GUARD"]);
    let listed: Vec<(String, String, String)> = lines
        .map(|line| {
            let mut cells = line
                .split("  ")
                .filter(|cell| !cell.is_empty())
                .map(|cell| cell.trim().to_owned());
            let row = (cells.next().unwrap(), cells.next().unwrap(), cells.next().unwrap());
            let summary = cells.next().unwrap();
            assert!(summary.contains(' '), "{line} says what it does");
            row
        })
        .collect();
    let expected: Vec<(String, String, String)> = functions(&server)
        .await
        .into_iter()
        .map(|(name, guard)| (name.clone(), format!("/api/{name}"), guard))
        .collect();
    assert_eq!(listed, expected);
}

/// security check 69: that every route stands in the table is a test beside the router (`server::door`)
#[tokio::test]
async fn every_route_answers_every_kind_of_caller_as_the_table_says() {
    let place = Place::new();
    let server = place.demo(&[QUICK, UNTHROTTLED].concat()).await;
    for line in include_str!("routes.txt")
        .lines()
        .skip_while(|line| !line.starts_with("method"))
        .skip(1)
    {
        let cells: Vec<&str> = line
            .split("  ")
            .map(str::trim)
            .filter(|cell| !cell.is_empty())
            .collect();
        let (route, [anonymous, logged_in, administrator]) = cells.split_at(cells.len() - 3) else {
            panic!("{line}")
        };
        let route = route.join(" ");
        let (method, path) = route.split_once(' ').unwrap();
        let path = path
            .trim()
            .replace("{*name}", "auth_func")
            .replace("{name}", "auth_func");
        for kind in KINDS {
            let client = caller(&server, kind).await;
            let expected = match kind {
                Kind::Administrator => administrator,
                kind if kind.is_logged_in() => logged_in,
                _ => anonymous,
            };
            let reply = match method {
                "GET" => client.get(&path).await,
                _ if path.starts_with("/api") => client.json(&path, "{}").await,
                _ => client.form(&path, &[]).await,
            };
            let found = match reply.find("location") {
                Some(location) => format!("{} {location}", reply.status),
                None => reply.status.to_string(),
            };
            assert_eq!(found, *expected, "{method} {path} as {kind:?}");
            if kind == Kind::Disabled {
                let mut database = server.place.database().await;
                database
                    .change("UPDATE users SET active = TRUE WHERE user_id = 'user03'")
                    .await;
            }
        }
    }
}
