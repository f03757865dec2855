//! Registration: closed unless a setting opens it, and an open one does not reveal which names are taken.

use serde_json::json;

use crate::{
    PASSWORD, assert_refused,
    support::{
        client::{Client, Reply},
        page::{main_part, unescaped},
        place::Place,
        server::{Server, UNTHROTTLED},
    },
};

const OPEN: &[(&str, &str)] = &[("CALLGATE_REGISTRATION_OPEN", "true")];

async fn register(client: &Client, user: &str, password: &str) -> Reply {
    let arguments = json!({"user_id": user, "new_password": password});
    client.call("register", arguments).await
}

#[tokio::test]
async fn registration_is_closed_until_a_setting_opens_it() {
    let server = Server::demo().await;
    let client = server.client();
    for user in ["ada", "user01", ""] {
        assert_ne!(register(&client, user, PASSWORD).await.status, 200, "{user}");
    }
    let reply = register(&client, "ada", PASSWORD).await;
    assert_refused(&reply, 403, "forbidden", "closed");
    assert!(reply.error().contains("invite"), "{}", reply.body);
    let page = client.get("/register").await;
    assert!(page.shows("Registration is closed") && !main_part(&page).contains("<input"));
    assert!(!client.get("/login").await.shows("/register"));
    assert_eq!(server.place.database().await.count("users").await, 3);

    let server = Place::new().demo(&[UNTHROTTLED, OPEN].concat()).await;
    let client = server.client();
    assert!(client.get("/login").await.shows("/register"));
    assert!(client.get("/register").await.shows("new_password"));
    for extra in "roles role is_admin active demo permissions password_hash".split(' ') {
        let arguments = json!({"user_id": "mallory", "new_password": PASSWORD, extra: ["admin"]});
        let reply = client.call("register", arguments).await;
        assert_refused(&reply, 422, "invalid_arguments", extra);
    }
    assert_eq!(server.place.database().await.count("users").await, 3);
    let reply = register(&client, "ada", PASSWORD).await.value();
    let name = reply["user_id"].as_str().unwrap();
    assert!(name.starts_with("ada-") && name.len() == 9, "{name}");
    let ada = server.logged_in(name, PASSWORD).await;
    let own = ada.done("current_user", json!({})).await;
    assert_eq!(own["user"]["user_id"], name);
    assert_eq!(own["permissions"], json!([]));
    let reply = ada.call("list_users", json!({})).await;
    assert_refused(&reply, 403, "permission_required", name);
}

/// Whether home and the function's page show it as closed, and whether its page and that of its purpose have a form: all four
/// agree, and say why.
async fn is_closed(client: &Client, function: &str, purpose: &str, why: &str) -> bool {
    let home = client.get("/").await.body;
    let (_, row) = home.split_once(&format!(r#"href="/functions/{function}""#)).unwrap();
    let row = unescaped(row.split_once("</li>").unwrap().0);
    let page = client.get(&format!("/functions/{function}")).await;
    let purpose = client.get(purpose).await;
    let badge = ">Closed<";
    let is_closed = row.contains(badge);
    assert_eq!(row.contains(">Open to anyone<"), !is_closed, "{row}");
    for (page, is_function) in [(&page, true), (&purpose, false)] {
        let form = format!(r#"<form method="post" action="/functions/{function}""#);
        assert_eq!(page.shows(&form), !is_closed, "{}", page.body);
        assert_eq!(page.shows(why), is_closed, "{}", page.body);
        assert_eq!(
            unescaped(&page.body).contains(badge),
            is_closed && is_function,
            "{}",
            page.body
        );
        assert_eq!(page.shows("curl "), !is_closed && is_function, "{}", page.body);
    }
    is_closed
}

#[tokio::test]
async fn what_is_closed_is_shown_as_closed_and_has_no_form() {
    let [register, first] = [("register", "/register"), ("create_first_admin", "/setup")];
    let [closed, early] = ["Registration is closed.", "Registration has not begun"];
    let exists = "There are users already.";
    let client = Server::shared().client();
    assert!(is_closed(&client, register.0, register.1, closed).await);
    assert!(is_closed(&client, first.0, first.1, exists).await);

    let mut server = Place::new().serve(&[UNTHROTTLED, OPEN].concat()).await;
    let link = server.says_until("/setup#").await;
    let client = server.client();
    assert!(is_closed(&client, register.0, register.1, early).await);
    assert!(!is_closed(&client, first.0, first.1, exists).await);
    let arguments = json!({"code": link, "user_id": "root", "new_password": PASSWORD});
    client.done("create_first_admin", arguments).await;
    assert!(!is_closed(&client, register.0, register.1, early).await);
    assert!(is_closed(&client, first.0, first.1, exists).await);

    // A form that was open before: its reply is still shown.
    let fields = [("code", "used"), ("user_id", "second"), ("new_password", PASSWORD)];
    let reply = client.form("/functions/create_first_admin", &fields).await;
    reply.assert_leads_to("/functions/create_first_admin#reply");
    let page = client.get("/functions/create_first_admin").await;
    assert!(page.shows("404 Not Found") && page.shows(exists), "{}", page.body);
}

#[tokio::test]
async fn a_name_that_is_taken_is_answered_as_one_that_is_free() {
    let server = Place::new().demo(&[UNTHROTTLED, OPEN].concat()).await;
    let client = server.client();
    let mut shapes = Vec::new();
    for user in ["user01", "USER01", "user03", "nobody", "somebody"] {
        let reply = register(&client, user, PASSWORD).await;
        let name = reply.value()["user_id"].as_str().unwrap().to_owned();
        assert_eq!(name.len(), user.len() + 6);
        let body = reply.body.replace(&name, "NAME");
        shapes.push((reply.status, body, reply.set_cookies().len()));
    }
    shapes.dedup();
    assert_eq!((shapes.len(), shapes[0].0), (1, 200), "{shapes:?}");
    server.user01().await;
    for (user, password) in [("a b", PASSWORD), ("user01", "short"), ("nobody", "short")] {
        let reply = register(&client, user, password).await;
        assert_refused(&reply, 422, "invalid_arguments", user);
    }
}

#[tokio::test]
async fn registrations_from_one_address_are_throttled() {
    let few = [("CALLGATE_THROTTLE_ADDRESS_FAILURES", "3")];
    // Refused passwords count, too: judging them is work.
    for (password, expected) in [
        (PASSWORD, [200, 200, 200, 429, 429]),
        ("passwordpassword", [422, 422, 422, 429, 429]),
    ] {
        let server = Place::new().demo(&[OPEN, &few].concat()).await;
        let client = server.client();
        for status in expected {
            let reply = register(&client, "ada", password).await;
            assert_eq!(reply.status, status, "{}", reply.body);
            if status == 429 {
                assert_eq!(reply.code(), "too_many_attempts");
                assert!(reply.find("retry-after").is_some());
            }
        }
    }
}
