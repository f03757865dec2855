//! Secrets that are recognised wherever they turn up: passwords, cookies and headers go through every door while the log
//! is at its fullest, and are then looked for in everything that came out.

use std::{fs, sync::Arc};

use crate::{
    client::{CALL, Client, REMEMBER, Reply, SESSION},
    server::{Place, QUICK, Server},
};

const FIRST: &str = "canary-first 7 small zebras";
const SECOND: &str = "canary-second 8 green parrots";
const THIRD: &str = "canary-third 9 blue whales";

/// What went in and what came out.
#[derive(Default)]
struct Watch {
    /// What must turn up nowhere but in the cookie that it is the value of.
    secrets: Vec<String>,
    /// What came out, and where.
    seen: Vec<(String, String)>,
}

impl Watch {
    /// Notes an answer: its cookies as secrets, the rest as seen.
    fn note(&mut self, what: &str, reply: Reply) -> Reply {
        for cookie in reply
            .set_cookies()
            .into_iter()
            .filter(|cookie| !cookie.value.is_empty())
        {
            // A remember cookie has two parts.
            self.secrets.extend(cookie.value.split('.').map(str::to_owned));
        }
        let headers: Vec<String> = reply
            .headers
            .iter()
            .filter(|(name, _)| *name != "set-cookie")
            .map(|(name, value)| format!("{name}: {value:?}"))
            .collect();
        self.seen.push((format!("the headers of {what}"), headers.join("\n")));
        self.seen.push((format!("the body of {what}"), reply.body.clone()));
        reply
    }

    async fn json(&mut self, client: &Client, path: &str, body: &str) -> Reply {
        let what = format!("{path} {body}");
        let reply = client
            .request("POST", path)
            .header("content-type", "application/json")
            .header("authorization", "Bearer canary-bearer")
            .header("cookie", "other=canary-other")
            .body(body);
        // Each protocol has its own way through the libraries.
        let reply = if self.seen.len().is_multiple_of(4) {
            reply.http2()
        } else {
            reply
        };
        self.note(&what, reply.send().await)
    }

    async fn form(&mut self, client: &Client, path: &str, fields: &[(&str, &str)]) -> Reply {
        self.note(&format!("{path} {fields:?}"), client.form(path, fields).await)
    }

    async fn get(&mut self, client: &Client, path: &str) -> Reply {
        self.note(path, client.get(path).await)
    }

    /// Runs a command, and takes what it printed as seen.
    async fn run(&mut self, place: &Place, line: &[&str], typed: &str, variables: &[(&str, &str)]) -> bool {
        let ran = place.run_with(line, typed, variables).await;
        self.seen.push((format!("the output of {line:?}"), ran.printed));
        self.seen.push((format!("the errors of {line:?}"), ran.error));
        ran.worked
    }

    /// Fails where a secret was seen.
    fn check(&self) {
        assert!(self.secrets.len() > 10 && self.seen.len() > 40, "the journey was made");
        let mut wanted = Vec::new();
        for secret in self.secrets.iter().map(String::as_str).chain(["canary-"]) {
            let bytes = format!("{:?}", secret.as_bytes());
            let (escaped, form) = (secret.replace(' ', "%20"), secret.replace(' ', "+"));
            wanted.extend([secret.to_owned(), escaped, form, bytes[1..bytes.len() - 1].to_owned()]);
        }
        for (place, text) in &self.seen {
            for secret in &wanted {
                let line = text.lines().find(|line| line.contains(secret.as_str()));
                assert_eq!(line, None, "{secret} is in {place}");
            }
        }
    }
}

/// Logs in on every way, rightly and wrongly.
async fn logins(watch: &mut Watch, server: &Server) -> (Client, Client) {
    let (program, browser) = (server.client(), server.client());
    for body in [
        r#"{"user_id":"alice","password":"canary-wrong"}"#,
        r#"{"user_id":"nobody","passwd_hash":"canary-unknown"}"#,
        r#"{"user_id":"canary-as-name","password":"alice"}"#,
        r#"{"user_id":"alice","password":"canary-twice","password":"canary-twice"}"#,
        r#"{"user_id":"alice","password":"canary-more","extra":"canary-extra"}"#,
        r#"{"user_id":"alice","password":["canary-list"]}"#,
        r#"{"user_id":"alice","password":"canary-broken"#,
    ] {
        assert!(watch.json(&program, "/api/login", body).await.status >= 400, "{body}");
    }
    let body = serde_json::json!({"user_id": "alice", "password": FIRST}).to_string();
    assert_eq!(watch.json(&program, "/api/login", &body).await.status, 200);
    let wrong = [("user_id", "alice"), ("password", "canary-form")];
    assert_eq!(watch.form(&browser, "/login", &wrong).await.status, 401);
    let right = [
        ("user_id", "alice"),
        ("password", FIRST),
        ("remember", "yes"),
        ("next", "/account"),
    ];
    assert_eq!(watch.form(&browser, "/login", &right).await.status, 303);
    // The remembered browser comes back.
    browser.drop_cookie(SESSION);
    assert_eq!(watch.get(&browser, "/account").await.status, 200);
    (program, browser)
}

/// Confirms the login, changes the password, keeps calls and looks at the sessions.
async fn account(watch: &mut Watch, program: &Client, browser: &Client) {
    let confirm = "/functions/confirm_login";
    watch.form(browser, "/confirm", &[("password", "canary-confirm")]).await;
    watch.form(browser, confirm, &[("password", "canary-confirm")]).await;
    watch.get(browser, confirm).await;
    // Not fresh: the call is kept without what is secret in it.
    let change = "/functions/change_password";
    let kept = watch
        .form(browser, change, &[("new_password", "canary-kept 7 zebras")])
        .await;
    assert!(kept.header("location").starts_with("/confirm"), "{kept:?}");
    assert!(browser.cookie(CALL).is_some());
    watch.get(browser, change).await;
    assert_eq!(
        watch.form(browser, "/confirm", &[("password", FIRST)]).await.status,
        303
    );
    for (path, body) in [
        ("/api/change_password", r#"{"new_password":"canary-short"}"#.to_owned()),
        ("/api/confirm_login", r#"{"password":"canary-confirm"}"#.to_owned()),
        (
            "/api/confirm_login",
            serde_json::json!({ "password": FIRST }).to_string(),
        ),
        ("/api/my_sessions", "{}".to_owned()),
        ("/api/end_session", r#"{"id":"nothing"}"#.to_owned()),
    ] {
        watch.json(program, path, &body).await;
    }
    let changed = watch.form(browser, change, &[("new_password", SECOND)]).await;
    assert_eq!(changed.header("location"), format!("{change}#reply"));
    assert!(watch.get(browser, change).await.shows("200"));
    watch.get(browser, "/account").await;
    let body = serde_json::json!({ "new_password": THIRD }).to_string();
    assert_eq!(watch.json(browser, "/api/change_password", &body).await.status, 200);
    let misplaced = browser
        .request("GET", "/nothing")
        .header("authorization", "Basic canary-basic");
    watch.note("/nothing", misplaced.send().await);
    let foreign = browser
        .request("POST", "/login")
        .header("origin", "https://evil.example")
        .body("password=canary-foreign");
    assert_eq!(watch.note("a foreign login", foreign.send().await).status, 403);
}

/// Makes the server fail while secrets are under way.
async fn faults(watch: &mut Watch, server: &Server, browser: &Client) {
    let stranger = server.client();
    let login = serde_json::json!({"user_id": "alice", "password": THIRD}).to_string();
    let mut database = server.place.database().await;
    database.change("BEGIN IMMEDIATE").await;
    assert_eq!(watch.json(&stranger, "/api/login", &login).await.status, 503);
    database.change("COMMIT").await;
    database
        .change("UPDATE users SET password_hash = 'broken' WHERE user_id = 'bob'")
        .await;
    let broken = r#"{"user_id":"bob","password":"canary-broken-hash"}"#;
    assert_eq!(watch.json(&stranger, "/api/login", broken).await.status, 500);
    let broken = [("user_id", "bob"), ("password", "canary-broken-hash")];
    assert_eq!(watch.form(&stranger, "/login", &broken).await.status, 500);
    assert_eq!(watch.json(&stranger, "/api/login", &login).await.status, 200);
    let broken = "UPDATE sessions SET data = 'broken' WHERE logged_in_at = (SELECT MAX(logged_in_at) FROM sessions)";
    assert_eq!(database.change(broken).await, 1);
    assert_eq!(watch.json(&stranger, "/api/auth_func", "{}").await.status, 500);
    watch.get(&stranger, "/account").await;
    let remember = browser.cookie(REMEMBER);
    assert_eq!(remember, None, "the change of the password forgot the browser");
}

/// What the program does on a command line.
async fn commands(watch: &mut Watch, server: &Server, variables: &[(&str, &str)]) {
    let place = &server.place;
    assert!(
        !watch
            .run(place, &["user", "add", "carol"], "canary-weak", variables)
            .await
    );
    assert!(watch.run(place, &["user", "add", "carol"], FIRST, variables).await);
    assert!(watch.run(place, &["user", "passwd", "carol"], SECOND, variables).await);
    let origin = server.client().origin();
    let mut call = vec![
        "call",
        "login",
        "--json",
        "-",
        "--cookies",
        "jar",
        "--ca",
        "data/certs/ca.pem",
        "--url",
        &origin,
    ];
    let body = serde_json::json!({"user_id": "carol", "password": SECOND}).to_string();
    assert!(
        !watch
            .run(
                place,
                &call,
                r#"{"user_id":"carol","password":"canary-wrong"}"#,
                variables
            )
            .await
    );
    assert!(watch.run(place, &call, &body, variables).await);
    let jar = fs::read_to_string(place.path("jar")).unwrap();
    let values = jar.lines().filter_map(|line| line.split('\t').nth(6));
    let before = watch.secrets.len();
    watch
        .secrets
        .extend(values.flat_map(|value| value.split('.')).map(str::to_owned));
    assert!(watch.secrets.len() >= before + 3, "{jar}");
    call[1] = "logout";
    assert!(watch.run(place, &call, "{}", variables).await);
}

/// Everything, with the log in one of its formats.
async fn no_secret_comes_out(format: &str) {
    let place = Place::new();
    let mut variables = QUICK.to_vec();
    variables.extend([("CALLGATE_LOG_FORMAT", format), ("CALLGATE_LOG_FILTER", "trace")]);
    for name in ["alice", "bob"] {
        place.add_user(name, FIRST).await;
    }
    let mut watch = Watch::default();
    let server = place.serve(&variables).await;
    let (program, browser) = logins(&mut watch, &server).await;
    account(&mut watch, &program, &browser).await;
    faults(&mut watch, &server, &browser).await;
    commands(&mut watch, &server, &variables).await;
    for client in [&program, &browser] {
        watch.json(client, "/api/logout", "{}").await;
        watch.form(client, "/logout", &[]).await;
    }
    // What stands in an address stays out of the log; the pages may show it to whoever typed it.
    browser.get("/login?next=/canary-next&password=canary-query").await;
    browser.json("/api/login?password=canary-query", "{}").await;
    browser.json("/api/notauth_func", r#"{"a":"canary-argument"}"#).await;

    watch.seen.push(("standard output".to_owned(), server.printed().await));
    watch.seen.push(("the log".to_owned(), place.log()));
    assert!(place.log().contains("TRACE"), "the log is at its fullest");
    watch.seen.extend(data_files(&place));
    watch.check();
}

/// What is in the database and beside it, as text.
fn data_files(place: &Arc<Place>) -> Vec<(String, String)> {
    let entries = fs::read_dir(place.data()).unwrap();
    let files = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
    let found: Vec<_> = files
        .map(|path| {
            let bytes = fs::read(&path).unwrap();
            (path.display().to_string(), String::from_utf8_lossy(&bytes).into_owned())
        })
        .collect();
    assert!(!found.is_empty());
    found
}

/// security check 109
#[tokio::test]
async fn no_secret_comes_out_of_a_server_that_logs_text() {
    no_secret_comes_out("text").await;
}

/// security check 109
#[tokio::test]
async fn no_secret_comes_out_of_a_server_that_logs_json() {
    no_secret_comes_out("json").await;
}
