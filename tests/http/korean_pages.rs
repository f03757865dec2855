//! All pages in Korean, with what they show of users, roles, events and calls: none of their texts is left in English.

use std::collections::BTreeMap;

use serde_json::json;

use crate::support::{
    client::{Client, LANGUAGE, Reply},
    page,
    place::Place,
    routes,
    server::{Server, UNTHROTTLED},
};

/// A sentence has words in a row; names, codes and `JSON` stand alone.
const WORDS_IN_A_ROW: usize = 3;

/// What stands in English, each with a page that shows it.
#[derive(Default)]
struct English(BTreeMap<String, String>);

impl English {
    /// Looks at a page, which must be one in Korean. `context` says which one.
    fn look_at(&mut self, context: &str, page: &Reply) {
        let kind = page.find("content-type").unwrap_or_default();
        assert!(
            kind.starts_with("text/html"),
            "{context}: {} {kind} {}",
            page.status,
            page.body
        );
        assert!(page.shows(r#"<html lang="ko""#), "{context}: {:.300}", page.body);
        for text in page::prose(page) {
            if is_english(&text) {
                self.0.entry(text).or_insert_with(|| context.to_owned());
            }
        }
    }

    async fn read(&mut self, client: &Client, path: &str) {
        self.follow(client, path, client.get(path).await).await;
    }

    async fn send(&mut self, client: &Client, path: &str, fields: &[(&str, &str)]) {
        let context = format!("form to {path}");
        self.follow(client, &context, client.form(path, fields).await).await;
    }

    /// Looks at an answer, or at the page that it leads to.
    async fn follow(&mut self, client: &Client, context: &str, reply: Reply) {
        match reply.find("location") {
            Some(page) => self.look_at(page, &client.get(page.split('#').next().unwrap()).await),
            None => self.look_at(context, &reply),
        }
    }

    #[track_caller]
    fn assert_none(self) {
        let lines: Vec<String> = self
            .0
            .into_iter()
            .map(|(text, page)| format!("{page}: {text}"))
            .collect();
        assert!(
            lines.is_empty(),
            "{} texts in English:\n{}",
            lines.len(),
            lines.join("\n")
        );
    }
}

fn is_english(text: &str) -> bool {
    let is_word = |word: &str| {
        let word = word.trim_matches(|character: char| ".,:;!?()'\"·".contains(character));
        !word.is_empty()
            && word
                .chars()
                .all(|character| character.is_ascii_alphabetic() || "'-".contains(character))
    };
    let words: Vec<bool> = text.split_whitespace().map(is_word).collect();
    words
        .windows(WORDS_IN_A_ROW)
        .any(|row| row.iter().all(|is_word| *is_word))
}

/// A client that has chosen Korean.
fn in_korean(client: Client) -> Client {
    client.put(LANGUAGE, "ko");
    client
}

/// A demo in which something has happened, and a visitor, a user and an administrator of it.
async fn used_demo() -> (Server, [Client; 3]) {
    let server = Place::new().demo(UNTHROTTLED).await;
    let clients = [server.client(), server.user01().await, server.admin().await].map(in_korean);
    let [visitor, user, admin] = &clients;
    visitor
        .call("login", json!({"user_id": "user02", "password": "wrong"}))
        .await;
    for (function, arguments) in [
        (
            "put_role",
            json!({"role": "support", "permissions": ["users.read"], "description": "지원 담당"}),
        ),
        ("give_role", json!({"user_id": "user02", "role": "support"})),
        ("take_role", json!({"user_id": "user02", "role": "support"})),
        ("invite_user", json!({"user_id": "ada"})),
        ("create_user", json!({"user_id": "eve"})),
        ("revoke_sessions", json!({"user_id": "eve"})),
        ("disable_user", json!({"user_id": "eve"})),
        ("require_new_password", json!({"user_id": "ada"})),
    ] {
        admin.done(function, arguments).await;
    }
    for (function, arguments) in [
        ("list_users", json!({})),
        ("quote_stay", json!({})),
        ("logout", json!([])),
    ] {
        user.call(function, arguments).await;
    }
    (server, clients)
}

#[tokio::test]
async fn no_page_of_a_site_in_use_has_a_sentence_in_english() {
    let (server, [visitor, user, admin]) = used_demo().await;
    let mut english = English::default();
    for path in routes::paths(&server).await {
        let reply = admin.get(&path).await;
        let is_page = reply
            .find("content-type")
            .is_some_and(|kind| kind.starts_with("text/html"));
        if !is_page {
            continue;
        }
        english.look_at(&path, &reply);
        // The pages of functions are alike but for their forms.
        if !path.starts_with("/functions/") || path.ends_with("auth_func") {
            english.read(&visitor, &path).await;
            english.read(&user, &path).await;
        }
    }
    let long = "x".repeat(65);
    for path in [
        "/nothing",
        "/functions/nothing",
        "/user?name=user01",
        "/user?name=user03",
        "/user?name=ada",
        "/user?name=eve",
        "/user?name=nobody",
        "/user",
        "/users?state=disabled",
        "/users?part=nothing",
        "/users?state=nothing",
        "/access?user_id=user01&function=list_users",
        "/access?user_id=user03&function=change_password",
        "/access?user_id=eve&function=auth_func",
        "/access?user_id=nobody&function=nothing",
        "/audit?outcome=refused",
        "/audit?user=nothing",
        "/audit?since=2026-02-30",
        "/calls?function=nothing",
        "/calls?outcome=nothing",
        "/account?changed=password",
    ] {
        english.read(&admin, path).await;
    }
    for path in [
        format!("/users?part={long}"),
        format!("/audit?user={long}"),
        format!("/calls?user={long}"),
    ] {
        english.read(&admin, &path).await;
    }
    for failure in "cancelled busy expired refused unavailable no_account disabled other".split(' ') {
        english.read(&visitor, &format!("/login?failed={failure}")).await;
    }
    for path in ["/login?done=password&user=ada", "/welcome?user=ada"] {
        english.read(&visitor, path).await;
    }
    english.assert_none();
}

#[tokio::test]
async fn no_answer_to_a_form_has_a_sentence_in_english() {
    let (server, [visitor, user, admin]) = used_demo().await;
    let mut english = English::default();
    let large = "x".repeat(70_000);
    let wrong = [("user_id", "user01"), ("password", "wrong")];
    // Which has no login yet, and then a call that waits for one.
    for (client, path, fields) in [
        (&visitor, "/login", &wrong[..]),
        (&visitor, "/functions/login", &wrong),
        (&visitor, "/functions/register", &[("user_id", "ada")]),
        (
            &visitor,
            "/functions/choose_password",
            &[("code", "x"), ("new_password", "seven small brown zebras")],
        ),
        (
            &visitor,
            "/functions/choose_password",
            &[("code", "x"), ("new_password", "short")],
        ),
        (&visitor, "/functions/notauth_func", &[("arguments", "{")]),
        (&visitor, "/functions/notauth_func", &[("arguments", &large)]),
        (&visitor, "/functions/auth_func", &[("arguments", "{}")]),
        (&visitor, "/language", &[("language", "fr")]),
        (&user, "/confirm", &[("password", "wrong"), ("shown-to", "user01")]),
        (&user, "/confirm", &[("password", "user_01"), ("shown-to", "user02")]),
        (
            &user,
            "/functions/quote_stay",
            &[("nights", "0"), ("arrival", "x"), ("shown-to", "user01")],
        ),
        (
            &user,
            "/functions/change_password",
            &[("new_password", "password1234567"), ("shown-to", "user01")],
        ),
        (&user, "/functions/list_users", &[("shown-to", "user01")]),
        (
            &user,
            "/functions/auth_func",
            &[("arguments", "{}"), ("shown-to", "user01")],
        ),
        (
            &admin,
            "/functions/invite_user",
            &[("user_id", "newcomer"), ("shown-to", "user03")],
        ),
        (
            &admin,
            "/functions/disable_user",
            &[("user_id", "user03"), ("shown-to", "user03")],
        ),
    ] {
        english.send(client, path, fields).await;
    }
    let login = [
        ("user_id", "user01"),
        ("password", "user_01"),
        ("next", "/functions/auth_func"),
    ];
    english.send(&visitor, "/login", &login).await;
    let foreign = visitor
        .request("POST", "/logout")
        .header("origin", "https://evil.example");
    english.look_at("a form of another site", &foreign.send().await);
    server.let_password_age("user01", 3600).await;
    english
        .send(
            &user,
            "/functions/change_password",
            &[("new_password", "x"), ("shown-to", "user01")],
        )
        .await;
    let mut database = server.place.database().await;
    database.change("ALTER TABLE sessions RENAME TO gone").await;
    english.read(&user, "/account").await;
    english.assert_none();
}

#[tokio::test]
async fn no_page_of_a_new_site_has_a_sentence_in_english() {
    let place = Place::new();
    let server = place.serve(&[("CALLGATE_REGISTRATION_OPEN", "true")]).await;
    let client = in_korean(server.client());
    let mut english = English::default();
    for path in [
        "/",
        "/login",
        "/setup",
        "/register",
        "/functions/create_first_admin",
        "/functions/register",
    ] {
        english.read(&client, path).await;
    }
    server.stop().await;
    place.add_user("root", "seven small brown zebras").await;
    let server = place.serve(&[("CALLGATE_REGISTRATION_OPEN", "true")]).await;
    let client = in_korean(server.client());
    for path in ["/", "/login", "/setup", "/register", "/functions/register"] {
        english.read(&client, path).await;
    }
    english
        .send(
            &client,
            "/functions/register",
            &[("user_id", "ada"), ("new_password", "seven small brown zebras")],
        )
        .await;
    english.assert_none();
}
