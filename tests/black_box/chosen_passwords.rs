//! Passwords that people choose: as long as they like and of whatever they like, none that is tried first, wherever one is
//! chosen, and only by who has just given the old one. Security checks 41, 42, 45 and 46.

use serde_json::{Value, json};

use crate::{
    client::{Client, Reply},
    server::{Place, QUICK, Server, UNTHROTTLED},
};

const NEW: &str = "seven small zebras swim";

async fn server_with(more: &[(&str, &str)]) -> Server {
    Place::new().demo(&[QUICK, UNTHROTTLED, more].concat()).await
}

async fn change(client: &Client, password: &str) -> Reply {
    client.call("change_password", json!({"new_password": password})).await
}

/// Whether it is the password of user01: for a call, for the form without script, and to confirm a login. All agree.
async fn is_right(server: &Server, client: &Client, password: &str) -> bool {
    let arguments = json!({"user_id": "user01", "password": password, "remember": false});
    let call = server.client().call("login", arguments).await;
    let fields = [("next", "/"), ("user_id", "user01"), ("password", password)];
    let form = server.client().form("/login", &fields).await;
    let confirmed = client.call("confirm_login", json!({"password": password})).await;
    let statuses = [call.status, form.status, confirmed.status];
    assert!([[200, 303, 200], [401; 3]].contains(&statuses), "{statuses:?}");
    statuses == [200, 303, 200]
}

/// security check 41
#[tokio::test]
async fn every_character_of_a_password_counts_at_every_door() {
    let server = server_with(&[]).await;
    let client = server.user01().await;
    // Longer than the 72 bytes that bcrypt would look at.
    let long = "seven small zebras swim by night, and 4 tall herons count them from the far side of the river";
    assert_eq!(change(&client, long).await.status, 200);
    assert!(is_right(&server, &client, long).await);
    let mut others = vec![
        long[..72].to_owned(),
        long[..long.len() - 1].to_owned(),
        format!("{long} "),
        format!(" {long}"),
        long.to_uppercase(),
        long.replace(' ', ""),
    ];
    for at in [0, 71, 72, 73, long.len() - 1] {
        let mut other = long.to_owned();
        other.replace_range(at..=at, "_");
        others.push(other);
    }
    for other in others {
        assert!(!is_right(&server, &client, &other).await, "{other}");
    }
}

/// security check 41
#[tokio::test]
async fn sixty_four_characters_of_any_kind_make_a_password() {
    let server = server_with(&[]).await;
    let client = server.user01().await;
    for words in [
        "сорок больших зебр плывут ночью через широкую реку и не тонут ",
        "七匹小斑马在夜里游过宽阔的河流而四只高大的苍鹭从远处的河岸数着它们直到天亮",
        "سبعة حمير وحشية صغيرة تسبح ليلا في النهر الواسع والبلشون يعدها من بعيد ",
        "🦀🦞🦐🦑🐙🐚🐠🐟🐡🦈🐳🐋🐬🦭🐊🦓🦒🐘",
        "  seven\ttabs\n\r\nand \u{a0}spaces  ",
        "\u{200d}\u{202e}\0\u{7} nul and bell \u{1b}[31m",
    ] {
        let password: String = words.chars().cycle().take(64).collect();
        assert_eq!(change(&client, &password).await.status, 200, "{words:?}");
        assert!(is_right(&server, &client, &password).await, "{words:?}");
        let last = password.chars().next_back().unwrap();
        let other = format!("{}x", password.strip_suffix(last).unwrap());
        assert!(!is_right(&server, &client, &other).await, "{words:?}");
    }
}

fn assert_refused(reply: &Reply, why: &str) {
    assert_eq!(reply.status, 422, "{}", reply.body);
    let faults = reply.value()["faults"].clone();
    assert_eq!(faults[0]["field"], "new_password", "{faults}");
    assert!(faults[0]["problem"].as_str().unwrap().contains(why), "{faults}");
}

/// security check 42: what everybody tries first, long enough for the rule of length
#[tokio::test]
async fn common_passwords_and_names_are_refused_wherever_one_is_chosen() {
    let server = server_with(&[("CALLGATE_REGISTRATION_OPEN", "true")]).await;
    let (admin, client) = (server.admin().await, server.user01().await);
    let first = Place::new();
    let mut empty = first.serve(&[QUICK, UNTHROTTLED].concat()).await;
    let setup = empty.says_until("/setup#").await;
    let invited = admin.done("invite_user", json!({"user_id": "gundula"})).await;
    let doors: [(&Server, &str, Value); 3] = [
        (&server, "choose_password", json!({"code": invited["link"]})),
        (&server, "register", json!({"user_id": "gundula"})),
        (
            &empty,
            "create_first_admin",
            json!({"code": setup, "user_id": "gundula"}),
        ),
    ];
    for (bad, why) in [
        ("passwordpassword", "too easily guessed"),
        ("password123456789", "too easily guessed"),
        ("123456789123456", "too easily guessed"),
        ("111111111111111", "too easily guessed"),
        ("1qaz2wsx3edc4rfv", "too easily guessed"),
        ("qwertyuiop123456", "too easily guessed"),
        ("iloveyouiloveyou", "too easily guessed"),
        ("P@ssw0rdP@ssw0rd", "too easily guessed"),
        ("abcdefghijklmno", "too easily guessed"),
        ("administrator123", "too easily guessed"),
        ("7 zebras swim for Gundula", "the name of the user"),
        ("7 zebras swim to CallGate", "the name of this program"),
    ] {
        for (server, function, arguments) in &doors {
            let mut arguments = arguments.clone();
            arguments["new_password"] = bad.into();
            assert_refused(&server.client().call(function, arguments).await, why);
        }
        for command in ["add", "passwd"] {
            // One who is not there yet, and one who is there already and has no password.
            let user = if command == "add" { "Gundula.B" } else { "gundula" };
            let ran = server
                .place
                .run(&["user", command, user], &bad.replace("Gundula", user))
                .await;
            assert!(!ran.worked && ran.error.contains(why), "{command} {bad}: {}", ran.error);
        }
        assert_refused(&change(&client, &bad.replace("Gundula", "User01")).await, why);
    }
}

/// security check 42: where fewer characters will do, nothing else will
#[tokio::test]
async fn the_most_common_passwords_are_refused_where_they_are_long_enough() {
    let server = server_with(&[("CALLGATE_PASSWORDS_MIN_CHARS", "8")]).await;
    let client = server.user01().await;
    let common = "password 12345678 123456789 1234567890 qwertyuiop iloveyou sunshine princess football baseball \
        superman trustno1 starwars whatever passw0rd Passw0rd! P@ssw0rd michelle jennifer corvette computer internet \
        password1 password123 qwerty123 1q2w3e4r 1qaz2wsx abcd1234 letmein1 welcome1 admin123 liverpool manchester \
        butterfly 11111111 00000000 88888888 monkey123 dragon123 football1 zaq12wsx asdfghjkl";
    for bad in common.split_whitespace() {
        assert_refused(&change(&client, bad).await, "too easily guessed");
    }
    assert!(is_right(&server, &client, "user_01").await, "nothing has changed");
}

/// security check 45
#[tokio::test]
async fn an_old_login_changes_no_password_by_any_door_until_the_old_one_is_given() {
    let server = server_with(&[]).await;
    let client = server.user01().await;
    server.let_password_age("user01", 3600).await;
    // That somebody gave it elsewhere is of no use here.
    assert_eq!(server.user01().await.who().await.as_deref(), Some("user01"));
    let page = "/functions/change_password";
    for guess in ["wrong", "user_02", NEW] {
        let beside = json!({"new_password": NEW, "password": guess});
        for arguments in [json!({"new_password": NEW}), beside] {
            let reply = client.call("change_password", arguments).await;
            assert_eq!((reply.status, reply.code().as_str()), (403, "fresh_login_required"));
        }
        let reply = client.form(page, &[("new_password", NEW), ("password", guess)]).await;
        assert_eq!(
            (reply.status, reply.header("location")),
            (303, format!("/confirm?next={page}").as_str())
        );
        assert_eq!(
            client.call("confirm_login", json!({"password": guess})).await.status,
            401
        );
    }
    let login = async |password: &str| {
        let arguments = json!({"user_id": "user01", "password": password});
        server.client().call("login", arguments).await.status
    };
    assert_eq!((login("user_01").await, login(NEW).await), (200, 401));
    client.done("confirm_login", json!({"password": "user_01"})).await;
    assert_eq!(change(&client, NEW).await.status, 200);
    assert_eq!((login("user_01").await, login(NEW).await), (401, 200));
}

/// The tag of an input, by its name.
fn input<'a>(page: &'a Reply, name: &str) -> &'a str {
    let name = format!(r#" name="{name}""#);
    page.body
        .split('<')
        .filter(|tag| tag.starts_with("input "))
        .filter_map(|tag| tag.split('>').next())
        .find(|tag| tag.contains(&name))
        .unwrap_or_else(|| panic!("no{name} in {}", page.body))
}

/// security check 46: what password managers look for, and nothing that would keep them or a paste from working
#[tokio::test]
async fn every_page_that_asks_for_a_password_says_so_to_password_managers() {
    let server = server_with(&[("CALLGATE_REGISTRATION_OPEN", "true")]).await;
    let (nobody, client) = (server.client(), server.user01().await);
    for (visitor, path, door, password, user) in [
        (&nobody, "/login", "/login?next=/", "password", Some("user_id")),
        (
            &nobody,
            "/functions/login",
            "/functions/login",
            "password",
            Some("user_id"),
        ),
        (&nobody, "/register", "/functions/register", "new_password", None),
        (&nobody, "/welcome", "/functions/choose_password", "new_password", None),
        (
            &nobody,
            "/setup",
            "/functions/create_first_admin",
            "new_password",
            Some("user_id"),
        ),
        (
            &client,
            "/confirm?next=/account",
            "/confirm?next=/account",
            "password",
            Some("user_id"),
        ),
        (
            &client,
            "/functions/change_password",
            "/functions/change_password",
            "new_password",
            Some("shown-to"),
        ),
    ] {
        let page = visitor.get(path).await;
        // Without script it is a plain form, whose fields are in its body.
        assert!(
            page.shows(&format!(r#"<form method="post" action="{door}""#)),
            "{path}: {}",
            page.body
        );
        let field = input(&page, password);
        let filled_in = match password {
            "password" => r#" autocomplete="current-password""#,
            _ => r#" autocomplete="new-password""#,
        };
        assert!(
            field.contains(r#" type="password""#) && field.contains(filled_in),
            "{path}: {field}"
        );
        for hindrance in ["maxlength", "readonly", "disabled", "pattern", " on"] {
            assert!(!field.contains(hindrance), "{path}: {field}");
        }
        let prefix = if door.starts_with("/functions") {
            "argument-"
        } else {
            ""
        };
        let label = format!(r#"<label for="{prefix}{password}""#);
        assert!(page.shows(&label), "{path}: no {label}");
        if let Some(user) = user {
            let user = input(&page, user);
            assert!(user.contains(r#" autocomplete="username""#), "{path}: {user}");
        }
    }
}
