//! One-time links: with one, a person chooses a password that nobody else sees.

use futures::future::join_all;
use serde_json::json;

use crate::{
    client::{Client, REMEMBER, Reply, SESSION},
    clock::{Clock, HOUR, MINUTE},
    raw,
    server::{Place, QUICK, Server, UNTHROTTLED},
};

const PASSWORD: &str = "seven small brown zebras";

async fn choose(client: &Client, link: &str, password: &str) -> Reply {
    client
        .call("choose_password", json!({"code": link, "new_password": password}))
        .await
}

async fn invite(admin: &Client, user: &str) -> String {
    let reply = admin.done("invite_user", json!({"user_id": user})).await;
    assert_eq!(reply["user_id"], user);
    reply["link"].as_str().unwrap().to_owned()
}

fn code(link: &str) -> &str {
    let (_, code) = link.split_once('#').unwrap();
    assert!(code.len() >= 22, "128 bits at least: {code}");
    code
}

fn assert_useless(reply: &Reply) {
    assert_eq!(
        (reply.status, reply.code().as_str()),
        (404, "not_found"),
        "{}",
        reply.body
    );
    assert!(reply.error().contains("Ask for a new one"), "{}", reply.body);
}

/// security check 48: an administrator neither chooses nor sees a password
#[tokio::test]
async fn an_invited_person_chooses_a_password_once_and_logs_in_with_it() {
    let server = Server::quick_demo().await;
    let (admin, person) = (server.admin().await, server.client());
    let link = invite(&admin, "ada").await;
    assert!(link.starts_with(&format!("{}/welcome#", admin.origin())), "{link}");
    let shown = admin.done("show_user", json!({"user_id": "ada"})).await;
    assert_eq!(shown["user"]["state"], "invited");
    assert!(shown["link_until"].is_string());
    for guess in ["", "x", PASSWORD] {
        let body = json!({"user_id": "ada", "password": guess});
        assert!([401, 422].contains(&person.call("login", body).await.status));
    }
    // A password that will not do uses nothing up.
    for weak in ["short", "passwordpassword", "this is ada at home", &"é7!x".repeat(65)] {
        let reply = choose(&person, &link, weak).await;
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (422, "invalid_arguments"),
            "{weak}"
        );
        assert_eq!(reply.value()["faults"][0]["field"], "new_password", "{weak}");
    }
    let chosen = choose(&person, &link, PASSWORD).await;
    assert_eq!(chosen.status, 200, "{}", chosen.body);
    assert!(
        chosen.set_cookies().is_empty(),
        "the person logs in, and the link does not"
    );
    let ada = server.logged_in("ada", PASSWORD).await;
    assert_eq!(ada.who().await.as_deref(), Some("ada"));
    assert_useless(&choose(&person, &link, "another brown zebra swims").await);
    assert_eq!(ada.who().await.as_deref(), Some("ada"));
    let shown = admin.done("show_user", json!({"user_id": "ada"})).await;
    assert_eq!(
        (&shown["user"]["state"], &shown["link_until"]),
        (&json!("active"), &json!(null))
    );
}

/// security check 109: neither the code nor the password is anywhere
#[tokio::test]
async fn a_link_is_stored_as_a_hash_and_written_nowhere() {
    let place = Place::new();
    let loud = [("CALLGATE_LOG_FILTER", "trace")];
    let server = place.demo(&[QUICK, UNTHROTTLED, &loud].concat()).await;
    let admin = server.admin().await;
    let mut links = vec![invite(&admin, "ada").await];
    // From the form door, too: it is shown at once, in the answer itself, and not kept to be shown.
    let form = admin
        .form("/functions/invite_user", &[("user_id", "bob"), ("roles", "")])
        .await;
    assert_eq!(form.status, 200, "{}", form.body);
    assert!(form.header("cache-control").contains("no-store"));
    let (_, rest) = form.body.split_once("/welcome#").expect("the link is shown");
    let is_of_code = |letter: &char| letter.is_ascii_alphanumeric() || "-_".contains(*letter);
    let shown: String = rest.chars().take_while(is_of_code).collect();
    links.push(format!("/welcome#{shown}"));
    links.push(place.done(&["user", "invite", "dora"], "").await.trim().to_owned());
    let mut database = place.database().await;
    assert_eq!(database.count("links").await, 3);
    choose(&server.client(), &links[0], "wrong").await;
    let used = choose(&server.client(), &links[1], PASSWORD).await;
    assert_eq!(used.status, 200, "{} {}", links[1], used.body);
    let used = choose(&server.client(), &links[2], PASSWORD).await;
    assert_eq!(used.status, 200, "{} {}", links[2], used.body);
    assert!(!admin.get("/functions/invite_user").await.shows("/welcome#"));
    let values = database.values().await;
    server.stop().await;
    let log = place.log();
    assert!(log.contains("invite_user"));
    for link in &links {
        let code = code(link);
        assert!(!log.contains(code), "{code}");
        let stored = values.iter().find(|(_, _, value)| value.contains(code));
        assert_eq!(stored, None);
    }
    assert!(!log.contains(PASSWORD) && !values.iter().any(|(_, _, value)| value.contains(PASSWORD)));
}

#[tokio::test]
async fn a_link_works_until_it_expires() {
    let (clock, server) = Clock::demo(UNTHROTTLED).await;
    let person = server.client();
    let admin = server.admin().await;
    let early = invite(&admin, "early").await;
    let late = invite(&admin, "late").await;
    let reply = admin.done("require_new_password", json!({"user_id": "user01"})).await;
    let soon = reply["link"].as_str().unwrap().to_owned();
    let reply = admin.done("require_new_password", json!({"user_id": "user02"})).await;
    let over = reply["link"].as_str().unwrap().to_owned();

    clock.set(HOUR - MINUTE);
    assert_eq!(choose(&person, &soon, PASSWORD).await.status, 200);
    clock.set(HOUR + MINUTE);
    assert_useless(&choose(&person, &over, PASSWORD).await);
    clock.set(24 * HOUR - MINUTE);
    assert_eq!(choose(&person, &early, PASSWORD).await.status, 200);
    clock.set(24 * HOUR + MINUTE);
    assert_useless(&choose(&person, &late, PASSWORD).await);
    // It is no way back in time either.
    clock.set(0);
    assert_useless(&choose(&person, &early, PASSWORD).await);
}

#[tokio::test]
async fn a_newer_link_and_a_user_who_is_kept_out_make_a_link_useless() {
    let server = Server::quick_demo().await;
    let (admin, person) = (server.admin().await, server.client());
    let first = invite(&admin, "ada").await;
    let second = invite(&admin, "ada").await;
    assert_useless(&choose(&person, &first, PASSWORD).await);
    let ada = json!({"user_id": "ada"});
    admin.done("disable_user", ada.clone()).await;
    assert_useless(&choose(&person, &second, PASSWORD).await);
    assert_eq!(admin.call("require_new_password", ada.clone()).await.status, 409);
    admin.done("enable_user", ada.clone()).await;
    assert_useless(&choose(&person, &second, PASSWORD).await);
    let third = invite(&admin, "ada").await;
    admin.done("delete_user", ada.clone()).await;
    assert_useless(&choose(&person, &third, PASSWORD).await);
    let fourth = invite(&admin, "ada").await;
    assert_eq!(choose(&person, &fourth, PASSWORD).await.status, 200);
    // Who has a password is not invited again: that would take it away.
    let reply = admin.call("invite_user", ada).await;
    assert_eq!(reply.status, 409, "{}", reply.body);
    assert!(reply.error().contains("require_new_password"), "{}", reply.body);
}

#[tokio::test]
async fn of_many_who_use_one_link_at_once_one_wins() {
    let server = Server::quick_demo().await;
    let link = invite(&server.admin().await, "ada").await;
    let using = (0..20).map(|number| {
        let (client, link) = (server.client(), &link);
        async move { choose(&client, link, &format!("{number} {PASSWORD}")).await }
    });
    let replies = join_all(using).await;
    let won: Vec<usize> = (0..20).filter(|number| replies[*number].status == 200).collect();
    assert_eq!(won.len(), 1);
    for reply in replies.iter().filter(|reply| reply.status != 200) {
        assert!([404, 429, 503].contains(&reply.status), "{}", reply.body);
    }
    server.logged_in("ada", &format!("{} {PASSWORD}", won[0])).await;
}

/// security check 47: a person who has got a password by another way needs no link, nor does who finds it later
#[tokio::test]
async fn a_link_is_of_no_use_once_its_person_has_a_password() {
    let server = Server::quick_demo().await;
    let (admin, person) = (server.admin().await, server.client());
    let invited = invite(&admin, "ada").await;
    let reply = admin.done("require_new_password", json!({"user_id": "user01"})).await;
    let required = reply["link"].as_str().unwrap();
    for (user, link) in [("ada", invited.as_str()), ("user01", required)] {
        server.place.done(&["user", "passwd", user], PASSWORD).await;
        assert_useless(&choose(&person, link, "another brown zebra swims").await);
        server.logged_in(user, PASSWORD).await;
    }
    assert_eq!(server.place.database().await.count("links").await, 0);
}

/// security check 47: where a link leads is not for who asks for it to say
#[tokio::test]
async fn a_link_leads_to_this_site_whatever_host_was_asked_for() {
    const SITE: &str = "https://calls.example";
    for (settings, origin) in [(vec![], None), (vec![("CALLGATE_SITE_ORIGIN", SITE)], Some(SITE))] {
        let server = Place::new().demo(&[QUICK, settings.as_slice()].concat()).await;
        let admin = server.admin().await;
        let origin = origin.map_or_else(|| admin.origin(), str::to_owned);
        let body = r#"{"user_id":"ada"}"#;
        let request = format!(
            "POST /api/invite_user HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: evil.example\r\n\
             X-Forwarded-Proto: http\r\nX-Original-Host: evil.example\r\nForwarded: host=evil.example;proto=http\r\n\
             Cookie: {SESSION}={}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{body}",
            admin.session(),
            body.len()
        );
        let answer = raw::exchange(&server, request).await;
        assert_eq!(raw::status(&answer), 200, "{answer}");
        assert!(answer.contains(&format!(r#""link":"{origin}/welcome#"#)), "{answer}");
        assert!(!answer.contains("evil.example"), "{answer}");
    }
}

/// security check 33
#[tokio::test]
async fn a_password_that_is_taken_away_ends_all_that_it_opened() {
    let server = Server::quick_demo().await;
    let admin = server.admin().await;
    let phone = server.user01().await;
    let laptop = server.client();
    laptop
        .done("login", json!({"user_id": "user01", "password": "user_01"}))
        .await;
    let remembered = laptop.cookie(REMEMBER).unwrap();
    let other = server.logged_in("user02", "user_02").await;

    let reply = admin.done("require_new_password", json!({"user_id": "user01"})).await;
    assert_eq!(phone.who().await, None);
    assert_eq!(laptop.who().await, None);
    assert_eq!(server.client().with_only(REMEMBER, &remembered).who().await, None);
    assert_eq!(other.who().await.as_deref(), Some("user02"));
    let old = json!({"user_id": "user01", "password": "user_01"});
    assert_eq!(phone.call("login", old).await.status, 401);
    let link = reply["link"].as_str().unwrap();
    assert_eq!(choose(&phone, link, PASSWORD).await.status, 200);
    server.logged_in("user01", PASSWORD).await;
    assert_eq!(server.client().with_only(REMEMBER, &remembered).who().await, None);
}

/// security check 50: as many guesses as for a password
#[tokio::test]
async fn guesses_of_a_code_are_throttled() {
    let place = Place::new();
    let few = [("CALLGATE_THROTTLE_ADDRESS_FAILURES", "5")];
    let server = place.demo(&[QUICK, &few].concat()).await;
    let link = invite(&server.admin().await, "ada").await;
    let person = server.client();
    let (first, rest) = code(&link).split_at(1);
    let guess = format!("{}{rest}", if first == "A" { "B" } else { "A" });
    let mut statuses = Vec::new();
    for _ in 0..8 {
        statuses.push(choose(&person, &guess, PASSWORD).await.status);
    }
    assert_eq!(statuses[..5], [404; 5]);
    assert_eq!(statuses[6..], [429; 2]);
    let reply = choose(&person, &link, PASSWORD).await;
    assert!(reply.find("retry-after").is_some(), "{}", reply.body);
}

#[tokio::test]
async fn a_link_for_one_purpose_is_of_no_use_for_another() {
    let server = Server::quick_demo().await;
    let link = invite(&server.admin().await, "ada").await;
    let arguments = json!({"code": link, "user_id": "root", "new_password": PASSWORD});
    assert_useless(&server.client().call("create_first_admin", arguments).await);
    // Nor does it say whose it is: another name beside it changes nothing.
    let with_name = json!({"code": link, "new_password": PASSWORD, "user_id": "user03"});
    assert_eq!(server.client().call("choose_password", with_name).await.status, 422);
    server.admin().await;
}
