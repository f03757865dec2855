//! One-time links: with one, a person chooses a password that nobody else sees.

use futures::future::join_all;
use serde_json::json;

use crate::{
    PASSWORD, assert_refused, choose,
    support::{
        client::{Client, Reply, SESSION},
        clock::{Clock, HOUR, MINUTE},
        page::assert_shows,
        place::Place,
        raw,
        server::{Server, UNTHROTTLED},
    },
};

async fn link(admin: &Client, function: &str, user: &str) -> String {
    let reply = admin.done(function, json!({"user_id": user})).await;
    assert_eq!(reply["user_id"], user);
    reply["link"].as_str().unwrap().to_owned()
}

async fn invite(admin: &Client, user: &str) -> String {
    link(admin, "invite_user", user).await
}

fn code(link: &str) -> &str {
    let (_, code) = link.split_once('#').unwrap();
    assert!(code.len() >= 22, "128 bits at least: {code}");
    code
}

fn assert_useless(reply: &Reply) {
    assert_refused(reply, 404, "not_found", "a useless link");
    assert!(reply.error().contains("Ask for a new one"), "{}", reply.body);
    assert_eq!(reply.value()["detail"], "link");
}

#[tokio::test]
async fn an_invited_person_chooses_a_password_once_and_logs_in_with_it() {
    let server = Place::new().demo(UNTHROTTLED).await;
    let (admin, person) = (server.admin().await, server.client());
    let link = invite(&admin, "ada").await;
    assert!(link.starts_with(&format!("{}/welcome?user=", admin.origin())), "{link}");
    let shown = admin.done("show_user", json!({"user_id": "ada"})).await;
    assert_eq!(shown["user"]["state"], "invited");
    assert!(shown["link_until"].is_string());
    // Without a password, each is wrong, and the answer is that for a name that nobody has.
    let unknown = person
        .call("login", json!({"user_id": "nobody", "password": "x"}))
        .await;
    for guess in ["x", " ", "null", "ada", PASSWORD] {
        let reply = person.call("login", json!({"user_id": "ada", "password": guess})).await;
        assert_eq!(reply.status, 401, "{guess}");
        assert_eq!(reply.without_reference(), unknown.without_reference(), "{guess}");
    }
    // A password that is refused does not use up the link.
    let reply = choose(&person, &link, "this is ada at home").await;
    assert_refused(&reply, 422, "invalid_arguments", "weak");
    assert_eq!(reply.value()["faults"][0]["field"], "new_password");
    let chosen = choose(&person, &link, PASSWORD).await;
    assert_eq!(chosen.status, 200, "{}", chosen.body);
    assert!(chosen.set_cookies().is_empty(), "a link logs nobody in");
    let ada = server.logged_in("ada", PASSWORD).await;
    assert_useless(&choose(&person, &link, "another brown zebra swims").await);
    assert_eq!(ada.who().await.as_deref(), Some("ada"));
    let shown = admin.done("show_user", json!({"user_id": "ada"})).await;
    assert_eq!(shown["user"]["state"], "active");
    assert!(shown["link_until"].is_null());
}

#[tokio::test]
async fn a_link_is_stored_as_a_hash_and_shown_once_by_a_form_and_by_a_command() {
    let server = Server::demo().await;
    let admin = server.admin().await;
    let from_json = invite(&admin, "ada").await;
    let fields = [("user_id", "bob"), ("roles", "")];
    let form = admin.form("/functions/invite_user", &fields).await;
    assert_eq!(form.status, 200, "{}", form.body);
    assert!(form.header("cache-control").contains("no-store"));
    let is_of_code = |letter: &char| letter.is_ascii_alphanumeric() || "-_".contains(*letter);
    assert_shows(&form, &["/welcome?user=bob#"]);
    assert!(!admin.get("/functions/invite_user").await.shows("/welcome?"));
    // From the page of a user, that page shows the new link, which replaces the other, with messages to send.
    let page = "/user?name=bob";
    let fields = [("user_id", "bob"), ("roles", ""), ("then-page", page)];
    let form = admin.form("/functions/invite_user", &fields).await;
    assert_eq!(form.status, 200, "{}", form.body);
    assert!(form.header("cache-control").contains("no-store"));
    assert_shows(
        &form,
        &[
            r#"href="/audit?user=bob""#,
            "Your Callgate account is ready",
            "아이디: bob",
        ],
    );
    let (_, rest) = form.body.split_once("/welcome?user=bob#").expect("the link is shown");
    let shown: String = rest.chars().take_while(is_of_code).collect();
    for path in [page, "/functions/invite_user"] {
        assert!(!admin.get(path).await.shows("/welcome?"), "{path}");
    }
    let printed = server.place.done(&["user", "invite", "dora"], "").await;
    let mut database = server.place.database().await;
    assert_eq!(database.count("links").await, 3);
    let values = database.values().await;
    for link in [&*from_json, &format!("/welcome#{shown}"), printed.trim()] {
        let stored = values.iter().find(|(_, _, value)| value.contains(code(link)));
        assert_eq!(stored, None);
        let reply = choose(&server.client(), link, PASSWORD).await;
        assert_eq!(reply.status, 200, "{link} {}", reply.body);
    }
}

#[tokio::test]
async fn an_invitation_works_for_a_day_and_a_link_for_a_new_password_for_an_hour() {
    let (clock, server) = Clock::demo(UNTHROTTLED).await;
    let (person, admin) = (server.client(), server.admin().await);
    let [early, late] = [invite(&admin, "early").await, invite(&admin, "late").await];
    let soon = link(&admin, "require_new_password", "user01").await;
    let over = link(&admin, "require_new_password", "user02").await;
    clock.set(HOUR - MINUTE);
    assert_eq!(choose(&person, &soon, PASSWORD).await.status, 200);
    clock.set(HOUR + MINUTE);
    assert_useless(&choose(&person, &over, PASSWORD).await);
    clock.set(24 * HOUR - MINUTE);
    assert_eq!(choose(&person, &early, PASSWORD).await.status, 200);
    clock.set(24 * HOUR + MINUTE);
    assert_useless(&choose(&person, &late, PASSWORD).await);
    clock.set(0);
    assert_useless(&choose(&person, &early, PASSWORD).await);
}

#[tokio::test]
async fn a_newer_link_disabling_deleting_and_another_password_make_a_link_useless() {
    let server = Server::demo().await;
    let (admin, person) = (server.admin().await, server.client());
    let ada = json!({"user_id": "ada"});
    let first = invite(&admin, "ada").await;
    let second = invite(&admin, "ada").await;
    assert_useless(&choose(&person, &first, PASSWORD).await);
    admin.done("disable_user", ada.clone()).await;
    assert_useless(&choose(&person, &second, PASSWORD).await);
    assert_eq!(admin.call("require_new_password", ada.clone()).await.status, 409);
    admin.done("enable_user", ada.clone()).await;
    assert_useless(&choose(&person, &second, PASSWORD).await);
    let third = invite(&admin, "ada").await;
    admin.done("delete_user", ada.clone()).await;
    assert_useless(&choose(&person, &third, PASSWORD).await);
    let fourth = invite(&admin, "ada").await;
    // A link serves one purpose only, and the request cannot choose its user.
    let as_first = json!({"code": fourth, "user_id": "root", "new_password": PASSWORD});
    assert_useless(&person.call("create_first_admin", as_first).await);
    let with_name = json!({"code": fourth, "new_password": PASSWORD, "user_id": "user03"});
    assert_eq!(person.call("choose_password", with_name).await.status, 422);
    assert_eq!(choose(&person, &fourth, PASSWORD).await.status, 200);
    // A user with a password is not invited again: that would take the password away.
    let reply = admin.call("invite_user", ada).await;
    assert_refused(&reply, 409, "conflict", "invited again");
    assert!(reply.error().contains("require_new_password"), "{}", reply.body);

    for (user, link) in [
        ("bob", invite(&admin, "bob").await),
        ("user01", link(&admin, "require_new_password", "user01").await),
    ] {
        server.place.done(&["user", "passwd", user], PASSWORD).await;
        assert_useless(&choose(&person, &link, "another brown zebra swims").await);
        server.logged_in(user, PASSWORD).await;
    }
    assert_eq!(server.place.database().await.count("links").await, 0);
}

#[tokio::test]
async fn a_link_that_many_use_at_once_sets_one_password() {
    let server = Server::demo().await;
    let link = invite(&server.admin().await, "ada").await;
    let clients: Vec<Client> = (0..20).map(|_| server.client()).collect();
    let passwords: Vec<String> = (0..20).map(|number| format!("{number} {PASSWORD}")).collect();
    let using = clients.iter().zip(&passwords);
    let replies = join_all(using.map(|(client, password)| choose(client, &link, password))).await;
    let won: Vec<usize> = (0..20).filter(|number| replies[*number].status == 200).collect();
    assert_eq!(won.len(), 1);
    for reply in replies.iter().filter(|reply| reply.status != 200) {
        assert!([404, 429, 503].contains(&reply.status), "{}", reply.body);
    }
    server.logged_in("ada", &passwords[won[0]]).await;
}

#[tokio::test]
async fn a_link_leads_to_this_site_whatever_the_request_says_about_its_host() {
    const SITE: &str = "https://calls.example";
    for (settings, origin) in [(vec![], None), (vec![("CALLGATE_SITE_ORIGIN", SITE)], Some(SITE))] {
        let server = Place::new().demo(settings.as_slice()).await;
        let admin = server.admin().await;
        let name = origin.map_or_else(|| admin.cookie_name(SESSION), |_| SESSION.to_owned());
        let origin = origin.map_or_else(|| admin.origin(), str::to_owned);
        let body = r#"{"user_id":"ada"}"#;
        let request = format!(
            "POST /api/invite_user HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: evil.example\r\n\
             X-Forwarded-Proto: http\r\nX-Original-Host: evil.example\r\nForwarded: host=evil.example;proto=http\r\n\
             Cookie: {name}={}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{body}",
            admin.session(),
            body.len()
        );
        let answer = raw::exchange(&server, request).await;
        assert_eq!(raw::status(&answer), 200, "{answer}");
        assert!(
            answer.contains(&format!(r#""link":"{origin}/welcome?user=ada#"#)),
            "{answer}"
        );
        assert!(!answer.contains("evil.example"), "{answer}");
    }
}

#[tokio::test]
async fn guesses_of_a_code_are_throttled_like_those_of_a_password() {
    let few = [("CALLGATE_THROTTLE_ADDRESS_FAILURES", "5")];
    let server = Place::new().demo(&few).await;
    let link = invite(&server.admin().await, "ada").await;
    let person = server.client();
    let (first, rest) = code(&link).split_at(1);
    let guess = format!("{}{rest}", if first == "A" { "B" } else { "A" });
    for expected in [404, 404, 404, 404, 404, 429, 429] {
        assert_eq!(choose(&person, &guess, PASSWORD).await.status, expected);
    }
    let reply = choose(&person, &link, PASSWORD).await;
    assert_eq!(reply.status, 429, "{}", reply.body);
    assert!(reply.find("retry-after").is_some());
}
