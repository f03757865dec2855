//! Names that are made to be mistaken for others, or to break out of where they are shown.

use futures::future::join_all;
use serde_json::json;

use crate::{
    client::{Client, REMEMBER, Reply, SESSION},
    effort::rounds,
    page::{input, unescaped},
    poll::until,
    server::{Place, QUICK, Server, UNTHROTTLED},
};

const PASSWORD: &str = "seven small brown zebras";

/// security check 96: by case, white space, width, composition, alphabet and look
#[tokio::test]
async fn a_name_that_would_be_mistaken_for_another_is_not_added() {
    let place = Place::new();
    for name in ["alice", "Ian.Miller", "user01"] {
        place.add_user(name, PASSWORD).await;
    }
    for (twin, of) in [
        ("Alice", "alice"),
        ("ALICE", "alice"),
        ("aIice", "alice"),
        ("a1ice", "alice"),
        ("ian.miller", "Ian.Miller"),
        ("lan.Miller", "Ian.Miller"),
        ("Ian.Mi11er", "Ian.Miller"),
        ("USER01", "user01"),
        ("userO1", "user01"),
        ("user0l", "user01"),
    ] {
        let ran = place.run(&["user", "add", twin], PASSWORD).await;
        let wanted = format!("There is already a user {of}, and {twin} looks too much like it");
        assert!(!ran.worked && ran.error.contains(&wanted), "{twin}: {}", ran.error);
    }
    for no_name in [
        " alice",
        "alice ",
        "alice\n",
        "alice\u{200b}",
        "\u{feff}alice",
        "аlice",      // a Cyrillic a
        "ａｌｉｃｅ", // full width
        "alicé",
        "alice\u{301}",
        "\u{202e}ecila",
        "alice\0",
    ] {
        // No argument of a command can hold a NUL.
        if no_name.contains('\0') {
            continue;
        }
        let ran = place.run(&["user", "add", "--", no_name], PASSWORD).await;
        assert!(
            !ran.worked && ran.error.contains("a name must be"),
            "{no_name:?}: {}",
            ran.error
        );
    }
    assert_eq!(place.database().await.count("users").await, 3);
    // Others who are only similar have their place.
    for name in ["alicia", "lan", "user04"] {
        place.add_user(name, PASSWORD).await;
    }
    // A name is free again once its user is gone.
    place.done(&["user", "delete", "alice"], "").await;
    place.add_user("Alice", PASSWORD).await;
}

/// security check 96
#[tokio::test]
async fn a_user_is_known_by_the_exact_name_only() {
    let place = Place::new();
    let server = place.demo(&[QUICK, UNTHROTTLED].concat()).await;
    for user in ["user01", "user02", "user03"] {
        let client = server.logged_in(user, &user.replace("user", "user_")).await;
        assert_eq!(client.who().await.as_deref(), Some(user));
    }
    let client = server.client();
    let unknown = client
        .json("/api/login", r#"{"user_id":"nobody","password":"user_01"}"#)
        .await;
    for other in [
        "User01",
        "USER01",
        "user01 ",
        " user01",
        "user01\n",
        "user01\u{0}",
        "ｕser01",
        "uѕer01",
        "user01\u{200b}",
        "userO1",
        "user0l",
        "user0١",
        "%75ser01",
        "user01/",
        "user01'--",
    ] {
        let body = json!({"user_id": other, "password": "user_01"}).to_string();
        let reply = client.json("/api/login", &body).await;
        assert_eq!(reply.status, 401, "{other:?}");
        assert_eq!(reply.without_reference(), unknown.without_reference(), "{other:?}");
        let form = client
            .form("/login", &[("user_id", other), ("password", "user_01")])
            .await;
        assert_eq!(form.status, 401, "{other:?}");
    }
    assert_eq!(client.cookie(SESSION), None);
}

/// security check 96: a database from before, in which there are twins, goes on as it is
#[tokio::test]
async fn twins_from_before_go_on_and_get_no_more() {
    let place = Place::new();
    for name in ["ada", "bob"] {
        place.add_user(name, PASSWORD).await;
    }
    let mut database = place.database().await;
    // As it was: no keys, and so nothing against twins.
    for statement in [
        "DROP INDEX users_by_folded_name",
        "DROP INDEX users_by_skeleton",
        "ALTER TABLE users DROP COLUMN folded_name",
        "ALTER TABLE users DROP COLUMN skeleton",
        "DELETE FROM _sqlx_migrations WHERE version = 4",
        "INSERT INTO users SELECT 'ADA', password_hash, active, demo, created_at, changed_at FROM users WHERE user_id = 'ada'",
    ] {
        database.change(statement).await;
    }
    let server = place.serve(QUICK).await;
    for name in ["ada", "ADA", "bob"] {
        assert_eq!(
            server.logged_in(name, PASSWORD).await.who().await.as_deref(),
            Some(name)
        );
    }
    for twin in ["Ada", "aDA", "Bob", "BOB"] {
        let ran = place.run(&["user", "add", twin], PASSWORD).await;
        assert!(
            !ran.worked && ran.error.contains("looks too much like it"),
            "{twin}: {}",
            ran.error
        );
    }
}

/// security check 96
#[tokio::test]
async fn attack_of_many_twins_that_are_added_at_once_one_is() {
    let place = Place::new();
    place.add_user("first", PASSWORD).await;
    let spellings = ["alice", "Alice", "ALICE", "aLiCe", "a1ice", "aIice"];
    let adding = (0..rounds(8, 50)).map(|number| {
        let place = &place;
        async move {
            let name = spellings[number % spellings.len()];
            place.run_with(&["user", "add", name], PASSWORD, QUICK).await
        }
    });
    let ran = join_all(adding).await;
    for ran in ran.iter().filter(|ran| !ran.worked) {
        assert!(ran.error.contains("already"), "{}", ran.error);
    }
    // ALICE is a twin of Alice, and a1ice of aIice, but a1ice of ALICE only by way of others: one of each kind may win.
    let added = ran.iter().filter(|ran| ran.worked).count();
    let mut database = place.database().await;
    let users = database.count("users").await;
    assert_eq!(i64::try_from(added).unwrap() + 1, users);
    let alike = "replace(replace(user_id, '1', 'l'), 'I', 'l')";
    for key in ["lower(user_id)", alike] {
        let different = database
            .number(&format!("SELECT COUNT(DISTINCT {key}) FROM users"))
            .await;
        assert_eq!(different, users, "{key}");
    }
}

/// Everything that the server and its libraries say at all. rustls prints structures in several lines, as its own.
const LOUD: &[(&str, &str)] = &[("CALLGATE_LOG_FILTER", "trace,rustls=info"), ("NO_COLOR", "1")];

const HOSTILE: [&str; 10] = [
    "</script><img src=x onerror=alert(1)>",
    r#""><svg onload=alert(1)>"#,
    r#"" onfocus="alert(1)" autofocus=""#,
    "' onfocus='alert(1)",
    "</textarea></title></code></pre><script>alert(1)</script>",
    "<!--<script>",
    "{{7*7}}${alert(1)}`",
    "ada\u{202e}gnp.exe",
    "ada\r\n2026-01-01T00:00:00.000000Z ERROR forged",
    "\u{1b}[2J\u{1b}[31mada\u{7}",
];

/// Every tag of a page by its name, in order: what a text that breaks out of its place would change.
fn tags(page: &Reply) -> Vec<String> {
    page.body
        .split('<')
        .skip(1)
        .map(|tag| {
            tag.chars()
                .take_while(|letter| !letter.is_whitespace() && *letter != '>')
                .collect()
        })
        .collect()
}

/// All pages and replies that show the name of the user.
async fn shown_to(client: &Client) -> Vec<Reply> {
    let mut pages = Vec::new();
    let call = [("arguments", r#"{"a":1}"#)];
    assert_eq!(client.form("/functions/auth_func", &call).await.status, 303);
    for path in [
        "/",
        "/login",
        "/confirm",
        "/account",
        "/functions/auth_func",
        "/functions/quote_stay",
        "/functions/change_password",
        "/nothing",
    ] {
        pages.push(client.get(path).await);
    }
    pages.push(client.form("/confirm", &[("password", "wrong")]).await);
    pages
}

/// A client of a user who was given this name by hand.
async fn logged_in_as(server: &Server, number: usize, name: &str) -> Client {
    let before = format!("mallory{number}x");
    server.place.add_user(&before, PASSWORD).await;
    let quoted = name.replace('\'', "''");
    let change = format!("UPDATE users SET user_id = '{quoted}' WHERE user_id = '{before}'");
    assert_eq!(server.place.database().await.change(&change).await, 1);
    let client = server.client();
    let body = json!({"user_id": name, "password": PASSWORD, "remember": true}).to_string();
    let login = client.json("/api/login", &body).await;
    assert_eq!(login.message(), format!("user <{name}> logined"));
    until("the login is noted", async || {
        let events = client.json("/api/my_events", "{}").await.value();
        events["events"].as_array().unwrap().len() == 1
    })
    .await;
    client
}

/// security check 95: nobody can be added under such a name, so it is put into the database by hand
#[tokio::test]
async fn a_hostile_name_of_a_user_is_inert_on_every_page_and_in_the_log() {
    let place = Place::new();
    let server = place.demo(&[QUICK, UNTHROTTLED, LOUD].concat()).await;
    let client = logged_in_as(&server, HOSTILE.len(), "plain").await;
    let plain = shown_to(&client).await;
    let admin = server.admin().await;
    for (number, hostile) in HOSTILE.into_iter().enumerate() {
        let client = logged_in_as(&server, number, hostile).await;
        assert_eq!(client.who().await.as_deref(), Some(hostile));
        let pages = shown_to(&client).await;
        for (page, plain) in pages.iter().zip(&plain) {
            assert_eq!(page.status, plain.status, "{hostile}");
            assert_eq!(tags(page), tags(plain), "{hostile}: {}", page.body);
            assert!(!page.shows(">49"), "nothing of it is worked out");
        }
        let value = input(&pages[4], "shown-to").split_once("value=\"").unwrap().1;
        let read = unescaped(value.split_once('"').unwrap().0);
        assert_eq!(read, hostile);

        let quoted = serde_urlencoded::to_string([("name", hostile), ("user", hostile)]).unwrap();
        for path in ["/users", "/user", "/audit", "/calls"] {
            let page = admin.get(&format!("{path}?{quoted}")).await;
            assert_eq!(page.status, 200, "{path} {hostile}");
            assert!(
                unescaped(&page.body).contains(hostile),
                "{path} {hostile}: {}",
                page.body
            );
            for tag in ["img", "/textarea", "/pre"] {
                assert!(!tags(&page).iter().any(|found| found == tag), "{path} {hostile}: {tag}");
            }
            let handlers = ["<svg onload", "<script>alert", "<!--<script"];
            assert!(
                !handlers.iter().any(|handler| page.body.contains(handler)),
                "{path} {hostile}"
            );
            let inputs = page
                .body
                .split("<input")
                .skip(1)
                .map(|input| input.split('>').next().unwrap());
            for input in inputs {
                // Every other piece between quotes is a value.
                let names: String = input.split('"').step_by(2).collect();
                assert!(!names.contains("onfocus"), "{path} {hostile}: {input}");
            }
        }

        // A token that is used twice is logged with the name.
        let (old, browser) = (client.cookie(REMEMBER).unwrap(), server.client());
        browser.put(REMEMBER, &old);
        assert!(browser.who().await.is_some());
        let aged = "UPDATE remembered SET rotated_at = rotated_at - 11000";
        place.database().await.change(aged).await;
        assert_eq!(server.client().with_only(REMEMBER, &old).who().await, None);
    }
    let log = place.log();
    assert!(log.contains("DEBUG") && log.matches("used twice").count() == HOSTILE.len());
    assert_one_line_each(&log);
}

/// security check 95: nor does anything that is sent begin a line of its own, or speak to a terminal
#[tokio::test]
async fn nothing_that_is_sent_forges_a_line_of_the_log() {
    let place = Place::new();
    let server = place.demo(&[QUICK, UNTHROTTLED, LOUD].concat()).await;
    let client = server.client();
    for hostile in HOSTILE {
        let body = json!({"user_id": hostile, "password": hostile, "remember": hostile}).to_string();
        client.json("/api/login", &body).await;
        let body = json!({"user_id": hostile, "password": hostile}).to_string();
        client.json("/api/login", &body).await;
        client
            .form(
                "/login",
                &[("user_id", hostile), ("password", hostile), ("next", hostile)],
            )
            .await;
        client
            .form(
                "/functions/auth_func",
                &[("arguments", hostile), ("then-page", hostile), ("shown-to", hostile)],
            )
            .await;
        let escaped = serde_urlencoded::to_string([("a", hostile)]).unwrap();
        client.get(&format!("/{escaped}?{escaped}")).await;
        let bytes: Vec<u8> = hostile.bytes().filter(|byte| *byte >= b' ').collect();
        for name in [
            "user-agent",
            "referer",
            "origin",
            "accept-language",
            "cookie",
            "x-forwarded-for",
        ] {
            client
                .request("GET", "/account")
                .header_bytes(name, &bytes)
                .send()
                .await;
        }
    }
    let log = place.log();
    assert!(log.contains("DEBUG"));
    assert_one_line_each(&log);
}

fn assert_one_line_each(log: &str) {
    for line in log.lines() {
        let is_own = line.len() > 28 && line[..4].bytes().all(|byte| byte.is_ascii_digit()) && line[26..28] == *"Z ";
        assert!(is_own && !line.starts_with("2026-01-01"), "{line:?}");
        assert!(
            !line.contains(|letter: char| letter.is_control() && letter != '\t'),
            "{line:?}"
        );
    }
}

/// security check 95: the errors that Leptos would show from the address are shown by no page
#[tokio::test]
async fn an_error_in_the_address_is_shown_nowhere() {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE};
    let server = Server::quick_demo().await;
    for client in [server.client(), server.user01().await] {
        for error in [
            r#"{"ok":false,"error":"canary <script>alert(1)</script>","code":"forbidden","detail":"canary"}"#,
            "ServerError|canary <script>alert(1)</script>",
            "canary",
        ] {
            for function in ["login", "auth_func", "change_password", "notauth_func"] {
                for encoded in [URL_SAFE.encode(error), error.to_owned()] {
                    let query =
                        serde_urlencoded::to_string([("__path", &*format!("/api/{function}")), ("__err", &*encoded)]);
                    for page in ["/", "/login", "/account", &format!("/functions/{function}")] {
                        let reply = client.get(&format!("{page}?{}", query.clone().unwrap())).await;
                        assert_eq!(reply.status, 200);
                        assert!(!reply.shows("<script>alert"), "{}", reply.body);
                        let without_links = reply.body.replace(&encoded, "");
                        assert!(!without_links.contains("canary"), "{}", reply.body);
                    }
                }
            }
        }
    }
}
