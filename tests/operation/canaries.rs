//! No secret appears in the log, a file or a page. Every password, cookie, header and link that these tests send is a canary.
//! Journeys send them at the most verbose log level, and at the end all output is searched for them.
//!
//! To add a secret, begin it with `canary-`, or `plant` it if the server generates it. To add a journey, write a function
//! beside the others and call it in the first test.

use std::sync::Arc;

use serde_json::json;

use crate::{
    providers::{
        forge,
        hostile::{Answer, Hostile, Issuer},
        steps::{self, Departure, Return},
    },
    support::{
        client::{CALL, Client, FLOW, REMEMBER, Reply, SESSION, Sending},
        place::Place,
        server::{Server, UNTHROTTLED},
    },
};

/// The prefix of the secrets that these tests send.
const CANARY: &str = "canary-";

/// A server, its planted secrets, and its output.
struct Watch {
    place: Arc<Place>,
    server: Server,
    variables: Vec<(&'static str, &'static str)>,
    /// Values that must appear only in their own cookie or link.
    secrets: Vec<String>,
    /// Where output appeared, and its text.
    seen: Vec<(String, String)>,
}

impl Watch {
    /// A server that logs everything in this format, and has no user.
    async fn start(format: &'static str) -> Self {
        Self::start_in(Place::new(), format, &[]).await
    }

    async fn start_in(place: Arc<Place>, format: &'static str, more: &[(&'static str, &'static str)]) -> Self {
        let log = [("CALLGATE_LOG_FORMAT", format), ("CALLGATE_LOG_FILTER", "trace")];
        let variables = [UNTHROTTLED, &log, more].concat();
        Self {
            server: place.serve(&variables).await,
            place,
            variables,
            secrets: Vec::new(),
            seen: Vec::new(),
        }
    }

    /// Adds a secret that the server generated.
    fn plant(&mut self, secret: &str) {
        assert!(secret.len() >= 16, "{secret}");
        self.secrets.push(secret.to_owned());
    }

    /// Adds the code of the one-time link that this text shows.
    fn plant_link(&mut self, text: &str) -> String {
        let (_, rest) = text.split_once('#').expect("a link");
        let is_end = |letter: char| !letter.is_ascii_alphanumeric() && !"-_".contains(letter);
        let code = rest.split(is_end).next().unwrap();
        self.plant(code);
        code.to_owned()
    }

    /// Adds output.
    fn see(&mut self, place: String, text: String) {
        self.seen.push((place, text));
    }

    /// Sends a request with canaries in its headers. The cookies of the answer are secrets, the rest is seen.
    async fn send(&mut self, what: &str, request: Sending<'_>) -> Reply {
        let request = request.header("authorization", "Bearer canary-bearer");
        let request = request.header("cookie", "other=canary-other");
        // Each protocol takes another way through the libraries.
        let is_http2 = self.seen.len().is_multiple_of(4);
        let reply = if is_http2 { request.http2() } else { request }.send().await;
        for cookie in reply.set_cookies().iter().filter(|cookie| cookie.max_age != Some(0)) {
            // A remember cookie has two parts.
            cookie.value.split('.').for_each(|part| self.plant(part));
        }
        let headers = reply.headers.iter().filter(|(name, _)| *name != "set-cookie");
        let headers = headers.map(|(name, value)| format!("{name}: {value:?}\n"));
        self.see(format!("the headers of {what}"), headers.collect());
        self.see(format!("the body of {what}"), reply.body.clone());
        reply
    }

    /// Sends requests, one a line: the status of the answer and a function with its arguments, or a page with the fields of a
    /// form, if it is to be sent one.
    async fn all(&mut self, client: &Client, steps: &str) {
        for step in steps.lines().map(str::trim).filter(|step| !step.is_empty()) {
            let mut parts = step.splitn(3, ' ');
            let [status, target, body] = [(); 3].map(|()| parts.next().unwrap_or_default());
            let (path, kind) = if target.starts_with('/') {
                (target.to_owned(), "application/x-www-form-urlencoded")
            } else {
                (format!("/api/{target}"), "application/json")
            };
            let method = if path == target && body.is_empty() {
                "GET"
            } else {
                "POST"
            };
            let request = client.request(method, &path).body(body).header("content-type", kind);
            let reply = self.send(step, request.header("origin", &client.origin())).await;
            assert_eq!(reply.status.to_string(), status, "{step}: {}", reply.body);
        }
    }

    /// Runs a command, and adds its output.
    async fn run(&mut self, line: &str, typed: &str) -> bool {
        let words: Vec<&str> = line.split(' ').collect();
        let ran = self.place.run_with(&words, typed, &self.variables).await;
        self.see(format!("the output of {line}"), ran.printed);
        self.see(format!("the errors of {line}"), ran.error);
        ran.worked
    }

    /// Stops the server, and fails where a secret was seen.
    async fn check(self) {
        let (place, secrets, mut seen) = (self.place, self.secrets, self.seen);
        seen.push(("standard output".to_owned(), self.server.printed().await));
        assert!(place.log().contains("TRACE"), "the log is at its fullest");
        seen.push(("the log".to_owned(), place.log()));
        for (name, bytes) in place.stored().await {
            seen.push((name, String::from_utf8_lossy(&bytes).into_owned()));
        }
        for secret in secrets.iter().map(String::as_str).chain([CANARY]) {
            let bytes = format!("{:?}", secret.as_bytes());
            let spellings = [secret, bytes.trim_matches(['[', ']'])];
            for (place, text) in &seen {
                let is_secret = |line: &&str| spellings.iter().any(|spelling| line.contains(spelling));
                assert_eq!(text.lines().find(is_secret), None, "{secret} is in {place}");
            }
        }
    }
}

/// The first administrator, alice, comes by the link that the server prints.
async fn first_start(watch: &mut Watch) {
    let printed = watch.server.says_until("/setup#").await;
    let (code, client) = (watch.plant_link(&printed), watch.server.client());
    for (status, code, password) in [
        (404, "canary-code", "canary-first 7 small zebras"),
        (422, &code, "canary-weak"),
        (200, &code, "canary-first 7 small zebras"),
        (404, &code, "canary-again 7 small zebras"),
    ] {
        let arguments = format!(r#"{{"code":"{code}","user_id":"alice","new_password":"{password}"}}"#);
        watch
            .all(&client, &format!("{status} create_first_admin {arguments}"))
            .await;
    }
    watch.all(&client, "200 /setup").await;
}

/// Alice logs in with right and wrong passwords: as a program, and with a remembered browser.
async fn logins(watch: &mut Watch) -> (Client, Client) {
    let (program, browser) = (watch.server.client(), watch.server.client());
    let long = "canary-long".repeat(50);
    let steps = format!(r#"401 login {{"user_id":"alice","password":"{long}"}}"#);
    watch.all(&program, &steps).await;
    let steps = r#"
        401 login {"user_id":"alice","password":"canary-wrong"}
        401 login {"user_id":"nobody","passwd_hash":"canary-unknown"}
        401 login {"user_id":"canary-as-name","password":"alice"}
        422 login {"user_id":"alice","password":"canary-twice","password":"canary-twice"}
        422 login {"user_id":"alice","password":"canary-more","extra":"canary-extra"}
        422 login {"user_id":"alice","password":["canary-list"]}
        400 login {"user_id":"alice","password":"canary-broken"
        200 login {"user_id":"alice","password":"canary-first 7 small zebras"}"#;
    watch.all(&program, steps).await;
    let steps = "
        401 /login user_id=alice&password=canary-form
        303 /login user_id=alice&password=canary-first+7+small+zebras&remember=yes";
    watch.all(&browser, steps).await;
    // The remembered browser comes back; then come a used token and invalid cookies.
    let used = browser.cookie(REMEMBER).unwrap();
    browser.drop_cookie(SESSION);
    watch.all(&browser, "200 /account").await;
    for (cookie, value) in [
        (REMEMBER, used.as_str()),
        (REMEMBER, "canary-series.canary-token"),
        (SESSION, "canary-session"),
    ] {
        watch.all(&browser.with_only(cookie, value), "200 /account").await;
    }
    let foreign = browser.request("POST", "/login").body("password=canary-foreign");
    let foreign = foreign.header("origin", "https://evil.example");
    assert_eq!(watch.send("a foreign login", foreign).await.status, 403);
    // The query of a URL stays out of the log. Pages may show it to the person who typed it.
    browser.get("/login?next=/canary-next&password=canary-query").await;
    browser.json("/api/login?password=canary-query", "{}").await;
    browser.json("/api/notauth_func", r#"{"a":"canary-argument"}"#).await;
    (program, browser)
}

/// Confirms the login, changes the password twice, leaves calls pending and reads the sessions.
async fn account(watch: &mut Watch, program: &Client, browser: &Client) {
    // Not a fresh login: the call is stored without its secrets.
    let steps = "
        401 /confirm password=canary-confirm
        303 /functions/confirm_login password=canary-confirm
        200 /functions/confirm_login
        303 /functions/change_password new_password=canary-kept+7+zebras
        200 /functions/change_password";
    watch.all(browser, steps).await;
    assert!(browser.cookie(CALL).is_some());
    let steps = r#"
        422 change_password {"new_password":"canary-short"}
        401 confirm_login {"password":"canary-confirm"}
        200 confirm_login {"password":"canary-first 7 small zebras"}
        200 my_sessions {}
        404 end_session {"id":"nothing"}"#;
    watch.all(program, steps).await;
    let steps = r#"
        303 /confirm password=canary-first+7+small+zebras
        303 /functions/change_password new_password=canary-second+8+green+parrots
        200 /functions/change_password
        200 change_password {"new_password":"canary-third 9 blue whales"}"#;
    watch.all(browser, steps).await;
    assert_eq!(browser.cookie(REMEMBER), None, "the change forgot the browser");
    // Nobody is logged in: calls become pending, and the page of the login function logs in.
    let steps = "
        303 /functions/change_password new_password=canary-kept+7+zebras&shown-to=alice
        200 /functions/change_password
        303 /functions/login user_id=alice&password=canary-1&passwd_hash=canary-2&arguments=canary-3
        200 /functions/login";
    watch.all(&watch.server.client(), steps).await;
}

/// Alice makes one-time links, as a program, with a form and on the command line, and they are used.
async fn links(watch: &mut Watch, alice: &Client) {
    let (person, bob) = (watch.server.client(), serde_json::json!({"user_id": "bob"}));
    let replaced = alice.done("invite_user", bob.clone()).await.to_string();
    let invited = alice.done("require_new_password", bob).await.to_string();
    let form = [("user_id", "carol"), ("roles", "")];
    let form = alice.form("/functions/invite_user", &form).await.body;
    let form = form[form.find("/welcome?").expect("it is shown once")..].to_owned();
    let command = watch.place.done(&["user", "invite", "dora"], "").await;
    watch.all(alice, "200 /functions/invite_user").await;
    for (text, good, weak) in [
        (replaced, 404, 404),
        (invited, 200, 422),
        (form, 200, 422),
        (command, 200, 422),
    ] {
        let code = watch.plant_link(&text);
        for (status, password) in [(weak, "canary-weak"), (good, "canary-linked 6 old owls")] {
            let step = format!(r#"{status} choose_password {{"code":"{code}","new_password":"{password}"}}"#);
            watch.all(&person, &step).await;
        }
    }
    watch.all(&person, "200 /welcome").await;
}

/// The server fails while it handles secrets.
async fn failures(watch: &mut Watch) {
    let (client, mut database) = (watch.server.client(), watch.place.database().await);
    let login = r#"login {"user_id":"bob","password":"canary-linked 6 old owls"}"#;
    let form = "/login user_id=bob&password=canary-broken";
    database.refuse("INSERT ON sessions").await;
    watch.all(&client, &format!("500 {login}")).await;
    database.execute_no_more().await;
    watch.all(&client, &format!("200 {login}")).await;
    for (change, steps) in [
        (
            "UPDATE sessions SET data = 'broken' WHERE user_id = 'bob'",
            "500 auth_func {}\n500 /account".to_owned(),
        ),
        (
            "UPDATE users SET password_hash = 'broken' WHERE user_id = 'bob'",
            format!("500 {login}\n500 {form}"),
        ),
    ] {
        database.change(change).await;
        watch.all(&client, &steps).await;
    }
}

/// Adds a user and changes the password on the command line.
async fn commands(watch: &mut Watch) {
    assert!(!watch.run("user add erin", "canary-weak").await);
    assert!(watch.run("user add erin", "canary-first 7 small zebras").await);
    assert!(watch.run("user passwd erin", "canary-second 8 green parrots").await);
    assert!(watch.run("audit export", "").await);
}

/// Alice reads all that the server keeps of this, and logs out.
async fn reading_it_all(watch: &mut Watch, alice: &Client) {
    for page in "account users access audit calls audit/events.jsonl api/openapi.json".split(' ') {
        watch.all(alice, &format!("200 /{page}")).await;
    }
    for function in "list_events list_calls my_events my_sessions list_users logout".split(' ') {
        watch.all(alice, &format!("200 {function} {{}}")).await;
    }
    watch.all(alice, "303 /logout -=-").await;
}

#[tokio::test]
async fn no_secret_comes_out_in_the_log_a_file_a_page_or_a_printed_line() {
    let mut watch = Watch::start("text").await;
    first_start(&mut watch).await;
    let (program, browser) = logins(&mut watch).await;
    account(&mut watch, &program, &browser).await;
    links(&mut watch, &browser).await;
    failures(&mut watch).await;
    commands(&mut watch).await;
    reading_it_all(&mut watch, &browser).await;
    assert!(
        watch.secrets.len() > 15 && watch.seen.len() > 100,
        "the journeys were made"
    );
    watch.check().await;
}

/// This format of the log has the same fields.
#[tokio::test]
async fn no_secret_comes_out_of_a_login_that_is_logged_as_json() {
    let mut watch = Watch::start("json").await;
    first_start(&mut watch).await;
    logins(&mut watch).await;
    watch.check().await;
}

/// Begins a login at a provider. Its state and its nonce are in the address that the page leads to, and must be nowhere else.
async fn begin_elsewhere(watch: &mut Watch, client: &Client, path: &str) -> Departure {
    let departure = steps::begin_at(client, path, &[("next", "/account")]).await;
    for name in ["state", "nonce"] {
        watch.plant(departure.parameter(name));
    }
    let cookie = client.cookie(FLOW).expect("the cookie of the login");
    watch.plant(&cookie);
    departure
}

/// Opens the callback with what the person brings back.
async fn come_back(watch: &mut Watch, client: &Client, issuer: &Issuer, brought: Return<'_>, state: &str) -> Reply {
    let code = brought.code();
    let query = [("code", code.as_str()), ("state", state), ("iss", &issuer.url)];
    let query = serde_urlencoded::to_string(query).unwrap();
    let request = client.request("GET", &format!("/login/with/{}/callback?{query}", issuer.key));
    let reply = watch.send("a callback", request).await;
    assert_eq!(reply.status, 303, "{}", reply.body);
    let location = reply.header("location").to_owned();
    watch
        .send("the page after a callback", client.request("GET", &location))
        .await;
    reply
}

/// Codes, tokens and all other secrets of logins at a provider, good and bad ones. What the provider sends begins with `canary-`.
#[tokio::test]
async fn no_secret_of_a_login_at_a_provider_comes_out_in_the_log_a_file_or_a_page() {
    let hostile = Hostile::start().await;
    let issuer = hostile.issuer("example");
    let place = steps::place(&[steps::section_of(&issuer, "userinfo = \"always\"\nremember = true")]);
    let mut watch = Watch::start_in(place, "text", &[steps::SETTINGS]).await;
    first_start(&mut watch).await;
    let add = "identity add alice --provider example --subject subject --label Alice";
    assert!(watch.run(add, "").await);

    let client = watch.server.client();
    let begun = begin_elsewhere(&mut watch, &client, "/login/with/example").await;
    let brought = Return::of(&issuer, &begun, "subject").attack(|draft| draft.claim("sid", "canary-sid"));
    come_back(&mut watch, &client, &issuer, brought, begun.state())
        .await
        .assert_leads_to("/account");
    let begun = begin_elsewhere(&mut watch, &client, "/confirm/with/example").await;
    let brought = Return::of(&issuer, &begun, "subject").claims(&json!({"auth_time": forge::now()}));
    come_back(&mut watch, &client, &issuer, brought, begun.state()).await;
    let begun = begin_elsewhere(&mut watch, &client, "/account/link/example").await;
    let brought = Return::of(&issuer, &begun, "other");
    come_back(&mut watch, &client, &issuer, brought, begun.state()).await;

    // Tokens and answers that are refused.
    let stranger = watch.server.client();
    for claim in ["iss", "aud", "nonce", "exp", "iat", "sub", "at_hash"] {
        let begun = begin_elsewhere(&mut watch, &stranger, "/login/with/example").await;
        let brought = Return::of(&issuer, &begun, "subject").attack(|draft| draft.claim(claim, "canary-claim\0"));
        come_back(&mut watch, &stranger, &issuer, brought, begun.state()).await;
    }
    let json = "application/json";
    for (endpoint, answer) in [
        (
            "/token",
            Answer::Text(200, json, r#"{"id_token":"canary-token"#.to_owned()),
        ),
        (
            "/token",
            Answer::Json(
                400,
                json!({"error": "canary-error", "error_description": "canary-text"}),
            ),
        ),
        (
            "/token",
            Answer::Json(
                200,
                json!({"access_token": "canary-access", "id_token": "canary-id-token"}),
            ),
        ),
        ("/token", Answer::Closed),
        ("/userinfo", Answer::Json(200, json!({"sub": "canary-subject"}))),
        (
            "/userinfo",
            Answer::Text(200, "text/html", "<p>canary-page</p>".to_owned()),
        ),
        (
            "/userinfo",
            Answer::Head(302, "Location: https://canary-host.example/canary-path\r\n".to_owned()),
        ),
    ] {
        issuer.answer(endpoint, answer);
        let begun = begin_elsewhere(&mut watch, &stranger, "/login/with/example").await;
        let brought = Return::of(&issuer, &begun, "subject");
        come_back(&mut watch, &stranger, &issuer, brought, begun.state()).await;
        issuer.recover();
    }
    let begun = begin_elsewhere(&mut watch, &stranger, "/login/with/example").await;
    for state in [begun.state(), "canary-state"] {
        let query = format!("error=canary-error&error_description=canary-text&code=canary-code&state={state}");
        let path = format!("/login/with/example/callback?{query}&iss={}", issuer.url);
        watch
            .send("an error of the provider", stranger.request("GET", &path))
            .await;
    }

    // Logout tokens.
    for (jti, is_right) in [("canary-jti", true), ("canary-jti", false), ("canary-other", false)] {
        let token = issuer.logout_token(jti, |draft| {
            draft.claim("sid", "canary-sid");
            draft.claim("aud", if is_right { "callgate" } else { "canary-client" });
        });
        watch.plant(&token);
        let form = format!("logout_token={token}");
        let kind = "application/x-www-form-urlencoded";
        let request = stranger
            .request("POST", "/login/with/example/backchannel-logout")
            .body(form);
        let reply = watch.send("a logout token", request.header("content-type", kind)).await;
        assert_eq!(reply.status, if is_right { 200 } else { 400 });
    }
    assert_eq!(client.who().await, None);

    for request in issuer.requests("/token") {
        let form: Vec<(String, String)> = serde_urlencoded::from_str(&request.body).unwrap();
        for (_, verifier) in form.into_iter().filter(|(name, _)| name == "code_verifier") {
            watch.plant(&verifier);
        }
    }
    for line in ["provider check", "identity list alice", "settings"] {
        watch.run(line, "").await;
    }
    assert!(
        watch.secrets.len() > 60 && issuer.requests("/token").len() > 10,
        "the journeys were made"
    );
    watch.check().await;
}
