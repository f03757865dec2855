//! Cookies: which ones are set and removed, how, and which of those that come are taken for a session.

use serde_json::json;

use super::steps::{is_in, log_in, remembered_as, token, works};
use crate::support::{
    client::{CALL, REMEMBER, Reply, SESSION},
    server::Server,
};

/// A well-formed session token that is nobody's.
const FOREIGN: &str = "AAECAwQFBgcICQoLDA0ODw";

/// The jar of the client looks at the attributes of every cookie in every test.
#[tokio::test]
async fn cookies_are_set_and_removed_so_that_no_script_and_no_other_site_gets_them() {
    let server = Server::shared();
    let client = server.client();
    let login = json!({"user_id": "user01", "password": "user_01"});
    let reply = client.call("login", login).await;
    let attributes = "; Path=/; Secure; HttpOnly; SameSite=Lax";
    let check = |reply: &Reply, end: &str| {
        assert_eq!(reply.cookie_names(), [SESSION, REMEMBER]);
        for header in reply.headers.get_all("set-cookie") {
            let header = header.to_str().unwrap();
            assert!(header.ends_with(end), "{header}");
        }
    };
    check(&reply, attributes);
    // The values are in no body, here or later.
    let values = [client.session(), client.cookie(REMEMBER).unwrap()];
    let mut bodies = vec![reply.body];
    for path in ["/", "/functions/auth_func", "/login", "/account"] {
        bodies.push(client.get(path).await.body);
    }
    for name in ["auth_func", "current_user", "list_functions"] {
        bodies.push(client.json(&format!("/api/{name}"), "{}").await.body);
    }
    for body in bodies {
        for value in &values {
            assert!(!body.contains(value.as_str()), "{body}");
        }
    }
    let logout = client.call("logout", json!({})).await;
    check(&logout, &format!("=; Max-Age=0{attributes}"));
}

#[tokio::test]
async fn a_login_never_takes_over_a_token_that_was_there_before() {
    let server = Server::demo().await;
    let client = server.client();
    client.put(SESSION, FOREIGN);
    assert!(!is_in(&client).await);
    let reply = log_in(&client, "user01", "user_01").await;
    assert_eq!(reply.cookie_names(), [SESSION]);
    let planted = works(&client, SESSION, FOREIGN).await;
    assert!(!planted, "the planted token is logged in");
    assert_ne!(client.session(), FOREIGN);
    assert_eq!(client.who().await.as_deref(), Some("user01"));
    assert_eq!(server.place.database().await.count("sessions").await, 1);
}

#[tokio::test]
async fn a_malformed_token_counts_as_none() {
    let server = Server::demo().await;
    let client = server.client();
    let long = "A".repeat(5000);
    let (short, zeros) = (FOREIGN.trim_end_matches('w'), format!("{FOREIGN}AA"));
    for value in ["", "x", "=", short, &zeros, "....", "%00", "\"\"", &long] {
        let client = client.with_only(SESSION, value);
        client.put(REMEMBER, value);
        client.put(CALL, value);
        assert_eq!(client.clone().who().await, None, "{value}");
        assert_eq!(client.clone().get("/").await.status, 200, "{value}");
        let login = log_in(&client, "user01", "user_01").await;
        assert_eq!(login.status, 200, "{value}: {}", login.body);
        assert_eq!(client.who().await.as_deref(), Some("user01"), "{value}");
    }
    let name = client.cookie_name(SESSION);
    let broken = [format!("{name}=").as_bytes(), b"\xff\xfe"].concat();
    for bytes in [&broken, &b"\x80"[..], name.as_bytes(), b";;;=;", b"=="] {
        let call = client.request("POST", "/api/auth_func").header_bytes("cookie", bytes);
        let reply = call.json("{}").send().await;
        assert_eq!(reply.status, 401, "{bytes:?}: {}", reply.body);
        let mut visit = client.request("GET", "/").header_bytes("cookie", bytes);
        for name in ["accept-language", "authorization"] {
            visit = visit.header_bytes(name, b"\xff\xfe");
        }
        assert_eq!(visit.send().await.status, 200, "{bytes:?}");
    }
    assert!(!server.place.log().contains("panic"), "{}", server.place.log());
}

#[tokio::test]
async fn a_cookie_that_comes_twice_or_without_its_prefix_logs_nobody_in() {
    let server = Server::shared();
    let one = server.user01().await.session();
    let two = server.logged_in("user02", "user_02").await.session();
    let client = server.client();
    // § is the name of the cookie, ① and ② are sessions, ¦ is between two headers.
    let tried = r#"§=①; §=② ~ §=①¦§=② ~ §=①; §=① ~ §=; §=① ~ §=①; a=b¦c=d; §=② ~ §=①;§=② ~ §=①; §= ~ §=①=② ~ §=①,② ~ §=① ② ~
        a=b, §=① ~ a=§=① ~ callgate=① ~ __host-callgate=① ~ __Secure-callgate=① ~ § =① ~ §="①" ~ §-=① ~ §[]=① ~ §.0=① ~
        x§=① ~ =§=① ~ %5F_Host-callgate=① ~ __HOST-CALLGATE=① ~ Host-callgate=① ~ "§"=① ~ §:① ~ §=①A ~ §=①== ~ §=%20① ~
        §-remember=①.① ~ §-remember=① ~ §-call=①"#;
    let tried = tried
        .replace('§', &client.cookie_name(SESSION))
        .replace('①', &one)
        .replace('②', &two);
    let lower = format!("{}={}", client.cookie_name(SESSION), one.to_lowercase());
    for cookies in tried.split('~').map(str::trim).chain([lower.as_str()]) {
        let mut call = client.request("POST", "/api/auth_func").json("{}");
        for cookie in cookies.split('¦') {
            call = call.header("cookie", cookie);
        }
        let reply = call.send().await;
        assert_eq!(reply.status, 401, "{cookies:?}: {}", reply.body);
    }
    // Beside twins without the prefix, the real one counts.
    let client = client.with_only(SESSION, &one);
    for twin in ["callgate", "__Secure-callgate", "__host-callgate", "__Host-Callgate"] {
        client.put(twin, &two);
        client.put(&format!("{}-", client.cookie_name(SESSION)), &two);
    }
    client.put(CALL, &two);
    assert_eq!(client.who().await.as_deref(), Some("user01"));
}

/// A remembered browser of another account, put beside a session by an attacker, does not take its place.
#[tokio::test]
async fn a_remembered_login_beside_a_live_session_changes_nothing() {
    let server = Server::shared();
    let tossed = token(&remembered_as(&server, "user02").await);
    let victim = server.user01().await;
    victim.put(REMEMBER, &tossed);
    for _ in 0..2 {
        assert_eq!(victim.who().await.as_deref(), Some("user01"));
        assert!(victim.get("/").await.shows("user01"));
    }
    assert_eq!(victim.cookie(REMEMBER), Some(tossed.clone()), "it was not used");
    // Twice, it counts as not sent, with a session and without.
    let remember = victim.cookie_name(REMEMBER);
    let twice = format!("{remember}={tossed}; {remember}={tossed}");
    let session = format!("{}={}; {twice}", victim.cookie_name(SESSION), victim.session());
    for (cookies, status) in [(&session, 200), (&twice, 401)] {
        let nobody = server.client();
        let call = nobody.request("POST", "/api/auth_func").header("cookie", cookies);
        let reply = call.json("{}").send().await;
        assert_eq!(reply.status, status);
        assert!(!reply.shows("user02"), "{}", reply.body);
    }
}

#[tokio::test]
async fn a_token_anywhere_but_in_its_cookie_is_ignored() {
    let server = Server::shared();
    let token = server.user01().await.session();
    let client = server.client();
    for query in [SESSION, "session", "session_id", "token"] {
        let reply = client.json(&format!("/api/auth_func?{query}={token}"), "{}").await;
        assert_eq!(reply.status, 401, "{query}");
        let body = json!({ query: token }).to_string();
        assert_eq!(client.json("/api/auth_func", &body).await.status, 401, "{query}");
    }
    let (cookie, bearer) = (
        format!("{}={token}", client.cookie_name(SESSION)),
        format!("Bearer {token}"),
    );
    let (basic, session) = (format!("Basic {token}"), format!("Session {token}"));
    let tokens = "authorization x-session-id x-auth-token x-csrf-token x-api-key x-callgate __host-callgate \
        sec-websocket-protocol";
    let headers = [
        (&bearer, "authorization proxy-authorization"),
        (&basic, "authorization"),
        (&session, "authorization"),
        (&cookie, "authorization set-cookie cookie2 x-cookie"),
        (&token, tokens),
    ];
    for (value, name) in headers
        .iter()
        .flat_map(|(value, names)| names.split(' ').map(move |name| (value, name)))
    {
        let call = client.request("POST", "/api/auth_func").header(name, value);
        assert_eq!(call.json("{}").send().await.status, 401, "{name}");
    }
    // Nor where the session goes in the path, or in a form.
    for path in [format!("/api/auth_func;{cookie}"), format!("/{token}/api/auth_func")] {
        assert_eq!(client.json(&path, "{}").await.status, 404, "{path}");
    }
    for field in [SESSION, "session", "user_id", "token"] {
        let fields = [("arguments", "{}"), (field, token.as_str())];
        let reply = client.form("/functions/auth_func", &fields).await;
        reply.assert_leads_to("/login?next=/functions/auth_func");
        let page = client.get(&format!("/account?{field}={token}")).await;
        assert!(!page.shows("Logged in as"), "{field}");
    }
}
