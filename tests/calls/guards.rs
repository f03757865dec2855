//! Every function and every route × every kind of caller, by JSON and by form. Functions are read from the server, so that a
//! new one is in it by itself.

use std::fmt::Debug;

use crate::support::{
    client::{Client, REMEMBER, Reply, SESSION},
    effort::rounds,
    place::Place,
    routes,
    server::{Server, UNTHROTTLED},
};

// The first two are made first: making them changes the other sessions of user01.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Idle,
    Stale,
    Fresh,
    Anonymous,
    Remembered,
    LoggedOut,
    Disabled,
    Forged,
    Admin,
}
use Kind::{Admin, Anonymous, Disabled, Forged, Fresh, Idle, LoggedOut, Remembered, Stale};

const KINDS: [Kind; 9] = [
    Idle, Stale, Fresh, Anonymous, Remembered, LoggedOut, Disabled, Forged, Admin,
];

/// What ends sessions of the caller or of others when it is called without arguments.
const ENDS_SESSIONS: [&str; 3] = ["end_other_sessions", "logout", "/logout"];

impl Kind {
    fn is_logged_in(self) -> bool {
        matches!(self, Stale | Fresh | Remembered | Admin)
    }
}

/// All kinds. A short run leaves out half of those that are like nobody, others for each number.
fn kinds(number: usize) -> impl Iterator<Item = Kind> {
    let is_needed = |kind: Kind| kind == Anonymous || kind.is_logged_in();
    KINDS
        .into_iter()
        .filter(move |kind| is_needed(*kind) || (number + *kind as usize).is_multiple_of(rounds(2, 1)))
}

/// A client of each kind. user02 is the administrator who gets disabled.
struct Callers {
    server: Server,
    clients: Vec<Client>,
}

impl Callers {
    async fn new() -> Self {
        let server = Place::new().demo(UNTHROTTLED).await;
        server.place.done(&["role", "give", "user02", "admin"], "").await;
        let mut clients = Vec::new();
        for kind in KINDS {
            clients.push(caller(&server, kind).await);
        }
        Self { server, clients }
    }

    /// The client of that kind; a new one for what ends sessions.
    async fn get(&self, kind: Kind, target: &str) -> Client {
        if ENDS_SESSIONS.contains(&target) {
            return caller(&self.server, kind).await;
        }
        self.clients[kind as usize].clone()
    }

    /// Keeps the token that a remembered browser has got.
    fn keep(&self, kind: Kind, used: &Client) {
        if let Some(token) = used.cookie(REMEMBER) {
            self.clients[kind as usize].put(REMEMBER, &token);
        }
    }
}

async fn caller(server: &Server, kind: Kind) -> Client {
    let mut database = server.place.database().await;
    let client = match kind {
        Anonymous | Forged | Remembered => server.client(),
        Admin => server.admin().await,
        Disabled => {
            let enable = "UPDATE users SET active = TRUE WHERE user_id = 'user02'";
            database.change(enable).await;
            server.logged_in("user02", "user_02").await
        }
        _ => server.user01().await,
    };
    match kind {
        Anonymous | Fresh | Admin => {}
        Idle => {
            let rest = "UPDATE sessions SET last_used_at = 1 WHERE user_id = 'user01'";
            assert!(database.change(rest).await >= 1);
        }
        Stale => server.let_password_age("user01", 600).await,
        Remembered => {
            let login = r#"{"user_id":"user01","password":"user_01"}"#;
            client.json("/api/login", login).await;
            client.drop_cookie(SESSION);
        }
        LoggedOut => {
            let session = client.session();
            client.json("/api/logout", "{}").await;
            client.put(SESSION, &session);
        }
        // As a bug would leave it: the user is disabled and the session is still there.
        Disabled => {
            let disable = "UPDATE users SET active = FALSE WHERE user_id = 'user02'";
            assert_eq!(database.change(disable).await, 1);
        }
        Forged => client.put(SESSION, "AAECAwQFBgcICQoLDA0ODw"),
    }
    client
}

/// Name and guard of each function. Those that end sessions come last.
async fn functions(server: &Server) -> Vec<(String, String)> {
    let functions = routes::functions(server).await.into_iter();
    let mut functions: Vec<_> = functions.map(|function| (function.name, function.guard)).collect();
    functions.sort_by_key(|(name, _)| ENDS_SESSIONS.contains(&name.as_str()));
    functions
}

/// The code that a guard refuses a kind of caller with.
fn refusal(guard: &str, kind: Kind) -> Option<&'static str> {
    match guard {
        "Anyone" => None,
        _ if !kind.is_logged_in() => Some("not_logged_in"),
        _ if kind == Admin => None,
        // The permission is asked for first: a password would not help.
        guard if guard.contains("Permission<") || guard.contains("Role<") => Some("permission_required"),
        "FreshLogin" if kind != Fresh => Some("fresh_login_required"),
        "LoggedIn" | "FreshLogin" => None,
        other => panic!("the guard {other} is missing in this table"),
    }
}

/// The code that a guard refused with, if it was a guard that did.
fn refused_with(reply: &Reply) -> Option<String> {
    let code = (reply.status >= 400).then(|| reply.code())?;
    match (reply.status, code.as_str()) {
        (401, "not_logged_in") | (403, "fresh_login_required" | "permission_required") => Some(code),
        _ => None,
    }
}

fn context(name: &str, kind: Kind, what: impl Debug, reply: &Reply) -> String {
    format!("{name} × {kind:?} × {what:?}: {} {}", reply.status, reply.body)
}

#[tokio::test]
async fn every_function_asks_its_guard_before_a_json_call() {
    let callers = Callers::new().await;
    for (number, (name, guard)) in functions(&callers.server).await.into_iter().enumerate() {
        let spoiled = [("application/json", "{"), ("text/plain", "{}")][number % 2];
        for kind in kinds(number) {
            let client = callers.get(kind, &name).await;
            // The guard does not look at the body.
            let is_spoiled = (number + kind as usize).is_multiple_of(rounds(2, 1));
            let spoiled = is_spoiled.then_some(spoiled);
            for (media, body) in spoiled.into_iter().chain([("application/json", "{}")]) {
                let reply = client.post(&format!("/api/{name}"), media, body).await;
                let context = context(&name, kind, (media, body), &reply);
                assert_eq!(refused_with(&reply).as_deref(), refusal(&guard, kind), "{context}");
                assert_ne!(reply.status, 500, "{context}");
                if reply.status == 401 && kind != Remembered {
                    assert!(reply.set_cookies().is_empty(), "{context}");
                }
            }
            callers.keep(kind, &client);
        }
    }
    let mut database = callers.server.place.database().await;
    let kept = database.count("sessions WHERE user_id = 'user02'").await;
    assert!(kept >= 1, "the disabled user was refused in spite of a session");
}

#[tokio::test]
async fn every_function_asks_its_guard_before_a_call_by_form() {
    let callers = Callers::new().await;
    for (number, (name, guard)) in functions(&callers.server).await.into_iter().enumerate() {
        let page = format!("/functions/{name}");
        for kind in kinds(number) {
            let client = callers.get(kind, &name).await;
            let arguments = if kind == Stale { "{" } else { "{}" };
            let reply = client.form(&page, &[("arguments", arguments)]).await;
            let context = context(&name, kind, arguments, &reply);
            assert_eq!(reply.status, 303, "{context}");
            let target = match refusal(&guard, kind) {
                Some("fresh_login_required") => format!("/confirm?next={page}"),
                None | Some("permission_required") => page.clone(),
                Some(_) => format!("/login?next={page}"),
            };
            assert_eq!(reply.header("location").trim_end_matches("#reply"), target, "{context}");
            // Pages take long to make: a third of them.
            if (number + kind as usize).is_multiple_of(rounds(3, 1)) {
                let shown = client.get(&page).await;
                assert_eq!(shown.shows("No call yet"), target != page, "{context}: {}", shown.body);
            }
            callers.keep(kind, &client);
        }
    }
}

#[tokio::test]
async fn the_page_of_every_function_can_be_read_by_anybody_and_calls_nothing() {
    let server = Server::shared();
    let clients = [server.client(), server.user01().await];
    for (name, _) in functions(&server).await {
        for client in &clients {
            let page = client.get(&format!("/functions/{name}")).await;
            assert_eq!(page.status, 200, "{name}");
            // What is closed cannot be called from there (`users::registration`).
            let is_closed = ["create_first_admin", "register"].contains(&name.as_str());
            assert_eq!(page.shows("No call yet"), !is_closed, "{name}: {}", page.body);
        }
    }
}

/// `server::http::tests` checks that the table has every route.
#[tokio::test]
async fn every_route_answers_every_kind_of_caller_as_the_table_says() {
    let callers = Callers::new().await;
    let table = include_str!("../support/routes.txt").lines();
    let lines = table.skip_while(|line| !line.starts_with("method")).skip(1);
    let cells = lines.map(|line| {
        line.split("  ")
            .map(str::trim)
            .filter(|cell| !cell.is_empty())
            .collect()
    });
    let mut rows: Vec<Vec<&str>> = cells.collect();
    rows.sort_by_key(|row| ENDS_SESSIONS.contains(&row[1]));
    for (number, row) in rows.into_iter().enumerate() {
        let [method, path, anonymous, logged_in, administrator] = row[..] else {
            panic!("{row:?}")
        };
        let path = path.replace("{*name}", "auth_func").replace("{name}", "auth_func");
        let path = path.replace("{key}", "example");
        for kind in kinds(number) {
            let client = callers.get(kind, &path).await;
            let expected = match kind {
                // A page for a fresh login only.
                Stale | Remembered if path == "/account/password" => "303 /confirm?next=/account/password",
                Admin => administrator,
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
            assert_eq!(found, expected, "{method} {path} as {kind:?}");
            callers.keep(kind, &client);
        }
    }
}
