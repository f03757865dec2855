//! User names that look like another one, and hostile text in names and addresses, on pages and in the log.

use serde_json::json;

use crate::{
    PASSWORD,
    support::{
        client::{Client, REMEMBER, Reply, SESSION},
        page::{input, unescaped},
        place::Place,
        poll::until,
        server::{Server, UNTHROTTLED},
    },
};

#[tokio::test]
async fn a_login_takes_a_name_as_keyboards_leave_it_and_no_name_that_only_looks_like_it() {
    let server = Server::shared();
    for user in ["user01", "user02", "user03"] {
        let client = server.logged_in(user, &user.replace("user", "user_")).await;
        assert_eq!(client.who().await.as_deref(), Some(user));
    }
    for meant in [
        "User01",
        "USER01",
        "user01 ",
        "\u{3000}user01",
        "user01\n",
        "ｕser01",
        "ＵＳＥＲ０１",
    ] {
        let client = server.logged_in(meant, "user_01").await;
        assert_eq!(client.who().await.as_deref(), Some("user01"), "{meant:?}");
        let client = server.client();
        let fields = [("user_id", meant), ("password", "user_01"), ("next", "/account")];
        client.form("/login", &fields).await.assert_leads_to("/account");
    }
    let client = server.client();
    let unknown = json!({"user_id": "nobody", "password": "user_01"});
    let unknown = client.call("login", unknown).await.without_reference();
    let others = "user 01|user01\0|userO1|user0l|%75ser01|user01/|user01'--|uѕer01|user01\u{200b}|user0١";
    for other in others.split('|') {
        let body = json!({"user_id": other, "password": "user_01"});
        let reply = client.call("login", body).await;
        assert_eq!(reply.status, 401, "{other:?}");
        assert_eq!(reply.without_reference(), unknown, "{other:?}");
        let fields = [("user_id", other), ("password", "user_01")];
        assert_eq!(client.form("/login", &fields).await.status, 401, "{other:?}");
    }
    assert_eq!(client.cookie(SESSION), None);
}

#[tokio::test]
async fn a_twin_of_a_name_is_refused_and_twins_from_before_that_rule_still_log_in() {
    let place = Place::new();
    for name in ["ada", "Ian"] {
        place.add_user(name, PASSWORD).await;
    }
    let mut database = place.database().await;
    // As it was before migration 4: no keys, and so nothing against twins.
    for statement in [
        "DROP TRIGGER user_replaced",
        "DROP INDEX users_by_folded_name",
        "DROP INDEX users_by_skeleton",
        "ALTER TABLE users DROP COLUMN folded_name",
        "ALTER TABLE users DROP COLUMN skeleton",
        "DELETE FROM _sqlx_migrations WHERE version = 4",
        "INSERT INTO users (user_id, password_hash, active, demo, created_at, changed_at) \
         SELECT 'ADA', password_hash, active, demo, created_at, changed_at FROM users WHERE user_id = 'ada'",
    ] {
        database.change(statement).await;
    }
    let server = place.serve(&[]).await;
    for name in ["ada", "ADA", "Ian"] {
        let client = server.logged_in(name, PASSWORD).await;
        assert_eq!(client.who().await.as_deref(), Some(name));
    }
    for twin in ["Ada", "IAN", "lan", "1an"] {
        let ran = place.run(&["user", "add", twin], PASSWORD).await;
        let has_reason = ran.error.contains(&format!("{twin} looks too much like it"));
        assert!(!ran.worked && has_reason, "{twin}: {}", ran.error);
    }
    // Similar names are no twins, and a name is free again once its user is deleted.
    place.add_user("adam", PASSWORD).await;
    place.done(&["user", "delete", "Ian"], "").await;
    place.add_user("lan", PASSWORD).await;
}

/// Ends of elements, markup, attributes in both kinds of quotes, templates, and controls.
const HOSTILE: [&str; 6] = [
    "</script><img src=x onerror=alert(1)>",
    "</textarea></title></code></pre><script>alert(1)</script>",
    r#"" onfocus="alert(1)" autofocus="><svg onload=alert(1)>"#,
    "' onfocus='alert(1)",
    "<!--<script>{{7*7}}${alert(1)}`",
    "\u{1b}[2J\u{1b}[31mada\u{202e}gnp.exe\u{7}\r\n2026-01-01T00:00:00.000000Z ERROR forged",
];

/// The name of every tag of a page, in order: text that breaks out of its place would change it.
fn tags(page: &Reply) -> Vec<&str> {
    let tags = page.body.split('<').skip(1);
    tags.map(|tag| tag.split([' ', '\n', '>']).next().unwrap()).collect()
}

/// The pages and replies that show the name of their user.
async fn shown_to(client: &Client) -> Vec<Reply> {
    let call = [("arguments", r#"{"a":1}"#)];
    assert_eq!(client.form("/functions/auth_func", &call).await.status, 303);
    let mut pages = Vec::new();
    let paths =
        "/functions/auth_func /functions/quote_stay /functions/change_password / /login /confirm /account /nothing";
    for path in paths.split(' ') {
        pages.push(client.get(path).await);
    }
    pages.push(client.form("/confirm", &[("password", "wrong")]).await);
    pages
}

/// A client of a user with this name. Nobody can be added under it, so it is put into the database.
async fn logged_in_as(server: &Server, number: usize, name: &str) -> Client {
    let before = format!("mallory{number}x");
    server.place.add_user(&before, PASSWORD).await;
    let quoted = name.replace('\'', "''");
    let change = format!("UPDATE users SET user_id = '{quoted}' WHERE user_id = '{before}'");
    assert_eq!(server.place.database().await.change(&change).await, 1);
    let client = server.client();
    let login = json!({"user_id": name, "password": PASSWORD});
    let reply = client.call("login", login).await;
    assert_eq!(reply.message(), format!("user <{name}> logined"));
    until("the login is logged", async || {
        let events = client.done("my_events", json!({})).await;
        events["events"].as_array().unwrap().len() == 1
    })
    .await;
    client
}

#[tokio::test]
async fn a_hostile_name_of_a_user_is_inert_on_every_page() {
    let server = Place::new().demo(UNTHROTTLED).await;
    let plain = shown_to(&logged_in_as(&server, HOSTILE.len(), "plain").await).await;
    let admin = server.admin().await;
    for (number, hostile) in HOSTILE.into_iter().enumerate() {
        let client = logged_in_as(&server, number, hostile).await;
        assert_eq!(client.who().await.as_deref(), Some(hostile));
        let pages = shown_to(&client).await;
        for (page, plain) in pages.iter().zip(&plain) {
            assert_eq!(page.status, plain.status, "{hostile}");
            assert_eq!(tags(page), tags(plain), "{hostile}: {}", page.body);
            assert!(!page.shows(">49"), "no template is evaluated");
        }
        let value = input(&pages[0], "shown-to").split_once("value=\"").unwrap().1;
        assert_eq!(unescaped(value.split_once('"').unwrap().0), hostile);

        let quoted = serde_urlencoded::to_string([("name", hostile), ("user", hostile)]).unwrap();
        for path in ["/users", "/user", "/audit", "/calls"] {
            let page = admin.get(&format!("{path}?{quoted}")).await;
            let context = format!("{path} {hostile}: {}", page.body);
            assert_eq!(page.status, 200, "{context}");
            assert!(unescaped(&page.body).contains(hostile), "{context}");
            let foreign = ["img", "/textarea", "/pre"];
            assert!(!tags(&page).iter().any(|tag| foreign.contains(tag)), "{context}");
            let handlers = ["<svg onload", "<script>alert", "<!--<script"];
            assert!(!handlers.iter().any(|handler| page.shows(handler)), "{context}");
            for input in page.body.split("<input").skip(1) {
                // Every other piece between quotes is a value.
                let names: String = input.split('>').next().unwrap().split('"').step_by(2).collect();
                assert!(!names.contains("onfocus"), "{context}");
            }
        }
    }
}

#[tokio::test]
async fn neither_a_name_nor_a_request_forges_a_line_of_the_log() {
    let place = Place::new();
    // Everything that the server and its libraries log. rustls prints structures in several lines, as its own.
    let loud = [("CALLGATE_LOG_FILTER", "trace,rustls=info"), ("NO_COLOR", "1")];
    let server = place.demo(&[UNTHROTTLED, &loud].concat()).await;
    let client = server.client();
    let kinds = [HOSTILE[1], HOSTILE[2], HOSTILE[5]];
    for (number, hostile) in kinds.into_iter().enumerate() {
        for remember in [json!(hostile), json!(true)] {
            let body = json!({"user_id": hostile, "password": hostile, "remember": remember});
            client.call("login", body).await;
        }
        let login = [("user_id", hostile), ("password", hostile), ("next", hostile)];
        client.form("/login", &login).await;
        let call = [("arguments", hostile), ("then-page", hostile), ("shown-to", hostile)];
        client.form("/functions/auth_func", &call).await;
        let escaped = serde_urlencoded::to_string([("a", hostile)]).unwrap();
        client.get(&format!("/{escaped}?{escaped}")).await;
        let bytes: Vec<u8> = hostile.bytes().filter(|byte| *byte >= b' ').collect();
        for name in "user-agent referer origin accept-language cookie x-forwarded-for".split(' ') {
            let request = client.request("GET", "/account").header_bytes(name, &bytes);
            request.send().await;
        }
        // A remember token that is used twice is logged with the name.
        let user = logged_in_as(&server, number, hostile).await;
        let token = user.cookie(REMEMBER).unwrap();
        assert!(user.with_only(REMEMBER, &token).who().await.is_some());
        let aged = "UPDATE remembered SET rotated_at = rotated_at - 600000";
        place.database().await.change(aged).await;
        assert_eq!(user.with_only(REMEMBER, &token).who().await, None);
    }
    let log = place.log();
    assert!(log.contains("DEBUG") && log.matches("used twice").count() == kinds.len());
    for line in log.lines() {
        let is_own = line.len() > 28 && line[..4].bytes().all(|byte| byte.is_ascii_digit()) && line[26..28] == *"Z ";
        assert!(is_own && !line.starts_with("2026-01-01"), "{line:?}");
        let is_harmless = |letter: char| !letter.is_control() || letter == '\t';
        assert!(line.chars().all(is_harmless), "{line:?}");
    }
}

/// Leptos would show the errors that stand there.
#[tokio::test]
async fn an_error_in_the_address_is_shown_on_no_page() {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE};
    let server = Server::shared();
    for client in [server.client(), server.user01().await] {
        for error in [
            r#"{"ok":false,"error":"canary <script>alert(1)</script>","code":"forbidden","detail":"canary"}"#,
            "ServerError|canary <script>alert(1)</script>",
        ] {
            for function in ["login", "auth_func"] {
                for encoded in [URL_SAFE.encode(error), error.to_owned()] {
                    let path = format!("/api/{function}");
                    let query = serde_urlencoded::to_string([("__path", &path), ("__err", &encoded)]).unwrap();
                    for page in ["/", "/login", "/account", &format!("/functions/{function}")] {
                        let reply = client.get(&format!("{page}?{query}")).await;
                        assert_eq!(reply.status, 200);
                        assert!(!reply.shows("<script>alert"), "{}", reply.body);
                        // Links may carry the query on.
                        assert!(!reply.body.replace(&encoded, "").contains("canary"), "{}", reply.body);
                    }
                }
            }
        }
    }
}
