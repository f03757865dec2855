//! Passwords that people choose: which ones, and where. Each counts whole wherever one is asked for.

use serde_json::{Value, json};

use super::steps::{NEW, can_log_in, change, confirm, is_in, log_in, remembered, token, works};
use crate::support::{
    client::{Client, REMEMBER, Reply, SESSION},
    page::{assert_shows, input},
    place::Place,
    server::{Server, UNTHROTTLED},
};

async fn server_with(more: &[(&str, &str)]) -> Server {
    Place::new().demo(&[UNTHROTTLED, more].concat()).await
}

/// Whether it is the password of user01: for a call, for the form without script, and to confirm a login. All agree.
async fn is_right(server: &Server, client: &Client, password: &str) -> bool {
    let call = log_in(&server.client(), "user01", password).await;
    let fields = [("next", "/"), ("user_id", "user01"), ("password", password)];
    let form = server.client().form("/login", &fields).await;
    let statuses = [call.status, form.status, confirm(client, password).await.status];
    assert!([[200, 303, 200], [401; 3]].contains(&statuses), "{statuses:?}");
    statuses == [200, 303, 200]
}

fn assert_refused(reply: &Reply, why: &str) {
    assert_eq!(reply.status, 422, "{}", reply.body);
    let fault = reply.value()["faults"][0].clone();
    assert_eq!(fault["field"], "new_password", "{fault}");
    assert!(fault["problem"].as_str().unwrap().contains(why), "{fault}");
}

#[tokio::test]
async fn a_session_that_changes_the_password_goes_on_under_a_new_token_and_is_not_remembered() {
    let server = Server::demo().await;
    let client = remembered(&server).await;
    let (session, remember) = (client.session(), token(&client));
    assert_eq!(change(&client, NEW).await.status, 200);
    assert!(is_in(&client).await && client.session() != session);
    assert!(!works(&client, SESSION, &session).await);
    assert_eq!(client.cookie(REMEMBER), None, "its cookie is removed");
    assert!(!works(&client, REMEMBER, &remember).await);
    assert!(can_log_in(&server, "user01", NEW).await && !can_log_in(&server, "user01", "user_01").await);
}

#[tokio::test]
async fn long_passwords_of_any_characters_are_taken_and_every_character_counts() {
    let server = server_with(&[]).await;
    let client = server.user01().await;
    for (words, length) in [
        ("fifteen zebra ok", 16),
        ("  two  spaces  each  way  ", 26),
        ("🦀🦞🦐🦑🐙🐚🐠🐟🐡🦈🐳🐋🐬🦭🐊", 15),
        ("\"';--<b>%00\\x zebra", 19),
        ("schnörkel und 7 zebras; ", 256),
        // More than the 72 bytes that bcrypt would look at.
        ("seven small zebras swim by night, and 4 tall herons count them ", 100),
        ("сорок больших зебр плывут ночью через широкую реку и не тонут ", 64),
        ("七匹小斑马在夜里游过宽阔的河流而四只高大的苍鹭数着它们直到天亮", 64),
        ("보라색 얼룩말 일곱 마리가 밤마다 넓은 강을 헤엄쳐 건넌다 ", 64),
        ("سبعة حمير وحشية صغيرة تسبح ليلا في النهر الواسع ", 64),
        ("  seven\ttabs\n\r\nand \u{a0}spaces  ", 64),
        ("\u{200d}\u{202e}\0\u{7} nul and bell \u{1b}[31m", 64),
    ] {
        let password: String = words.chars().cycle().take(length).collect();
        assert_eq!(change(&client, &password).await.status, 200, "{words:?}");
        assert!(is_right(&server, &client, &password).await, "{words:?}");
        let last = password.chars().next_back().unwrap();
        let shorter = password.strip_suffix(last).unwrap();
        for other in [shorter, &format!("{shorter}x")] {
            assert!(!is_right(&server, &client, other).await, "{words:?}");
        }
    }
}

/// Put together, it has as many characters as a password may have.
#[tokio::test]
async fn it_does_not_matter_how_an_accent_was_put_together() {
    let server = Server::demo().await;
    let words = "zw\u{f6}lf gr\u{fc}ne und 7 schwarze Zebras, ";
    let composed: String = words.chars().cycle().take(256).collect();
    let split = |o, u| composed.replace('\u{f6}', o).replace('\u{fc}', u);
    assert_eq!(change(&server.user01().await, &composed).await.status, 200);
    for (password, is_right) in [(split("o\u{308}", "u\u{308}"), true), (split("o", "u"), false)] {
        assert_eq!(can_log_in(&server, "user01", &password).await, is_right, "{password}");
    }
    assert!(can_log_in(&server, "user01", &composed).await);
}

#[tokio::test]
async fn bad_passwords_are_refused_wherever_one_is_chosen() {
    let server = server_with(&[("CALLGATE_REGISTRATION_OPEN", "true")]).await;
    let (admin, client) = (server.admin().await, server.user01().await);
    let user = "gundula";
    let mut empty = Place::new().serve(UNTHROTTLED).await;
    let setup = empty.says_until("/setup#").await;
    let invited = admin.done("invite_user", json!({"user_id": user})).await;
    let choices: [(&Server, &str, Value); 3] = [
        (&server, "choose_password", json!({"code": invited["link"]})),
        (&server, "register", json!({"user_id": user})),
        (&empty, "create_first_admin", json!({"code": setup, "user_id": user})),
    ];
    let long: String = "schnörkel und 7 zebras; ".chars().cycle().take(257).collect();
    for (bad, why) in [
        ("fourteen zebra", "at least 15 characters"),
        (&long, "at most 256 characters"),
        ("1qaz2wsx3edc4rfv", "too easily guessed"),
        ("7 zebras swim for Gundula", "the name of the user"),
        ("7 zebras swim to CallGate", "the name of this program"),
    ] {
        for (server, function, arguments) in &choices {
            let mut arguments = arguments.clone();
            arguments["new_password"] = bad.into();
            assert_refused(&server.client().call(function, arguments).await, why);
        }
        // One who is not there yet, and one who is there already and has no password.
        for (command, user) in [("add", "Gundula.B"), ("passwd", "gundula")] {
            let bad = bad.replace("Gundula", user);
            let ran = server.place.run(&["user", command, user], &bad).await;
            assert!(!ran.worked && ran.error.contains(why), "{command} {bad}: {}", ran.error);
        }
        let bad = bad.replace("Gundula", "User01");
        let reply = change(&client, &bad).await;
        assert_refused(&reply, why);
        assert!(!reply.shows(&bad), "{}", reply.body);
    }
    assert!(can_log_in(&server, "user01", "user_01").await, "nothing has changed");
}

/// On a Korean keyboard, `dkssudgktpdy` are the keys of 안녕하세요.
#[tokio::test]
async fn frequent_korean_words_are_refused_in_hangul_and_on_latin_keys() {
    let server = Server::demo().await;
    let client = server.user01().await;
    for bad in [
        "dkssudgktpdydkssudgktpdy",
        "Dkssudgktpdy 1234567!",
        "안녕하세요 사랑합니다 대한민국 만세",
        "dkssudgktpdy사랑합니다2024",
        "tkfkdgodyeogksalsrnr zebra",
    ] {
        let reply = change(&client, bad).await;
        assert_refused(&reply, "too easily guessed");
        assert_refused(&reply, "Korean words that attackers try first");
    }
    let mixed = "안녕하세요, 보라색 얼룩말 일곱 마리";
    assert_eq!(change(&client, mixed).await.status, 200);
    assert!(is_right(&server, &client, mixed).await);
}

#[tokio::test]
async fn the_most_common_passwords_are_refused_where_eight_characters_will_do() {
    let server = server_with(&[("CALLGATE_PASSWORDS_MIN_CHARS", "8")]).await;
    let client = server.user01().await;
    assert_refused(&change(&client, "zebra 7").await, "at least 8");
    let common = "password 12345678 123456789 1234567890 qwertyuiop iloveyou sunshine princess football baseball \
        superman trustno1 starwars whatever passw0rd Passw0rd! P@ssw0rd michelle jennifer corvette computer internet \
        password1 password123 qwerty123 1q2w3e4r 1qaz2wsx abcd1234 letmein1 welcome1 admin123 liverpool manchester \
        butterfly 11111111 00000000 88888888 monkey123 dragon123 football1 zaq12wsx asdfghjkl passwordpassword \
        password123456789 123456789123456 111111111111111 qwertyuiop123456 iloveyouiloveyou P@ssw0rdP@ssw0rd \
        abcdefghijklmno administrator123 1234567890123456 qwertyuiopasdfgh";
    for bad in common.split_whitespace() {
        assert_refused(&change(&client, bad).await, "too easily guessed");
    }
    assert_eq!(change(&client, "7 Zebrax!").await.status, 200);
}

#[tokio::test]
async fn an_old_login_changes_no_password_until_the_old_one_is_given() {
    let server = server_with(&[]).await;
    let client = server.user01().await;
    server.let_password_age("user01", 3600).await;
    // That somebody gave it elsewhere is of no use here.
    assert!(is_in(&server.user01().await).await);
    let page = "/functions/change_password";
    for guess in ["wrong", "user_02", NEW] {
        let beside = json!({"new_password": NEW, "password": guess});
        for arguments in [json!({"new_password": NEW}), beside] {
            let reply = client.call("change_password", arguments).await;
            reply.assert_refused(403, "fresh_login_required");
        }
        let reply = client.form(page, &[("new_password", NEW), ("password", guess)]).await;
        let location = format!("/confirm?next={page}");
        reply.assert_leads_to(&location);
        assert_eq!(confirm(&client, guess).await.status, 401);
    }
    assert!(can_log_in(&server, "user01", "user_01").await && !can_log_in(&server, "user01", NEW).await);
    assert_eq!(confirm(&client, "user_01").await.status, 200);
    assert_eq!(change(&client, NEW).await.status, 200);
    assert!(!can_log_in(&server, "user01", "user_01").await && can_log_in(&server, "user01", NEW).await);
}

/// What password managers look for, and nothing that would keep them or a paste from working.
#[tokio::test]
async fn every_page_that_asks_for_a_password_says_so_to_password_managers() {
    let server = server_with(&[("CALLGATE_REGISTRATION_OPEN", "true")]).await;
    let (nobody, client) = (server.client(), server.user01().await);
    let empty = Place::new().serve(UNTHROTTLED).await;
    let first = empty.client();
    let (change, setup) = ("/functions/change_password", "/functions/create_first_admin");
    let confirm = "/confirm?next=/account";
    for (visitor, path, action, password, user) in [
        (&nobody, "/login", "/login?next=/", "password", "user_id"),
        (&nobody, "/functions/login", "/functions/login", "password", "user_id"),
        (&nobody, "/register", "/functions/register", "new_password", ""),
        (&nobody, "/welcome", "/functions/choose_password", "new_password", ""),
        (&first, "/setup", setup, "new_password", "user_id"),
        (&client, confirm, confirm, "password", "shown-to"),
        (&client, change, change, "new_password", "shown-to"),
        (&client, "/account/password", change, "new_password", "shown-to"),
    ] {
        let page = visitor.get(path).await;
        // Without script it is a plain form, whose fields are in its body.
        assert_shows(&page, &[&format!(r#"<form method="post" action="{action}""#)]);
        let field = input(&page, password);
        let filled_in = match password {
            "password" => r#" autocomplete="current-password""#,
            _ => r#" autocomplete="new-password""#,
        };
        for attribute in [r#" type="password""#, filled_in] {
            assert!(field.contains(attribute), "{path}: {field}");
        }
        for hindrance in ["maxlength", "readonly", "disabled", "pattern", " on"] {
            assert!(!field.contains(hindrance), "{path}: {field}");
        }
        let is_function = action.starts_with("/functions");
        let prefix = if is_function { "argument-" } else { "" };
        assert_shows(&page, &[&format!(r#"<label for="{prefix}{password}""#)]);
        if !user.is_empty() {
            let name = format!(r#" name="{user}""#);
            let mut tags = page.body.split('<').filter_map(|tag| tag.split('>').next());
            let is_filled_in = |tag: &str| tag.contains(&name) && tag.contains(r#" autocomplete="username""#);
            assert!(tags.any(is_filled_in), "{path}: {user}");
        }
    }
}
