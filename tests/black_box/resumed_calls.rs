//! Calls that wait until their person has logged in: they run once, by a press, for the browser and the user that they
//! are for, and never by themselves.

use futures::future::join_all;

use crate::{
    client::{CALL, Client, Reply, SESSION},
    page::waiting_id,
    server::Server,
};

pub const AUTH: &str = "/functions/auth_func";
const KEPT: &str = "/functions/auth_func/kept";
const WAITS: &str = "Your call is waiting";

pub async fn log_in(client: &Client, user: &str, next: &str) {
    let password = user.replace("user", "user_");
    let reply = client
        .form("/login", &[("next", next), ("user_id", user), ("password", &password)])
        .await;
    assert_eq!((reply.status, reply.header("location")), (303, next), "{}", reply.body);
}

/// A call of `auth_func` that waits for whoever logs in with this browser.
pub async fn waiting(server: &Server) -> Client {
    let client = server.client();
    let reply = client.form(AUTH, &[("arguments", r#"{"canary":1}"#)]).await;
    assert_eq!(reply.header("location"), format!("/login?next={AUTH}"));
    client
}

/// What the page of a call that waits calls it by.
pub async fn id(client: &Client, page: &str) -> Option<String> {
    waiting_id(&client.get(page).await)
}

/// Presses the button, on the page that `client` sees.
async fn run(client: &Client) -> Reply {
    let id = id(client, AUTH).await.unwrap_or_default();
    press(client, &id).await
}

async fn press(client: &Client, id: &str) -> Reply {
    client.form(KEPT, &[("call", id), ("run", "run")]).await
}

/// How often the function has run, as its page shows it: the reply names the caller.
async fn shows_reply(client: &Client) -> bool {
    client.get(AUTH).await.shows("auth_func({")
}

#[tokio::test]
async fn after_the_login_the_person_sees_what_will_run_and_runs_it_with_one_press() {
    let server = Server::quick_demo().await;
    let client = waiting(&server).await;
    log_in(&client, "user01", AUTH).await;
    let page = client.get(AUTH).await;
    assert!(page.shows(WAITS) && page.shows("Run this call"), "{}", page.body);
    assert!(page.shows(r#"action="/functions/auth_func/kept""#));
    let shown = page.body.matches("canary").count();
    assert!(shown >= 2, "in what will run, and in the editor");

    assert_eq!(run(&client).await.header("location"), format!("{AUTH}#reply"));
    let page = client.get(AUTH).await;
    assert!(page.shows("200 OK") && page.shows("user_id=user01"), "{}", page.body);
    assert!(!page.shows(WAITS));
}

#[tokio::test]
async fn it_never_runs_by_itself() {
    let server = Server::quick_demo().await;
    let client = waiting(&server).await;
    log_in(&client, "user01", AUTH).await;
    for page in [AUTH, "/", AUTH, "/functions/notauth_func", "/account", AUTH] {
        assert!(!client.get(page).await.shows("auth_func({"), "{page}");
    }
    let reply = client.get(KEPT).await;
    assert_eq!((reply.status, reply.header("allow")), (405, "POST"));
    assert!(
        reply.shows("Opening this address does nothing") && reply.shows(&format!(r#"href="{AUTH}""#)),
        "{}",
        reply.body
    );
    assert_eq!(client.request("HEAD", KEPT).send().await.status, 405);
    assert!(!shows_reply(&client).await);
    assert!(client.get(AUTH).await.shows(WAITS), "it goes on waiting");
}

#[tokio::test]
async fn it_runs_once_however_often_and_at_once_it_is_asked_for() {
    let server = Server::quick_demo().await;
    // Something that shows how often it ran.
    let page = "/functions/end_other_sessions";
    let client = server.client();
    client.form(page, &[]).await;
    log_in(&client, "user01", page).await;
    let copies: Vec<Client> = (0..20).map(|_| client.clone()).collect();
    let kept = format!("{page}/kept");
    let id = id(&client, page).await.expect("it waits");
    let press = [("call", id.as_str()), ("run", "run")];
    let replies = join_all(copies.iter().map(|copy| copy.form(&kept, &press))).await;
    assert!(replies.iter().all(|reply| reply.status == 303));
    // Whoever ran it has the reply waiting: a new cookie.
    let ran = replies
        .iter()
        .filter(|reply| reply.cookie_names().contains(&CALL.to_owned()))
        .count();
    assert_eq!(ran, 1);
    // Again, later: there is nothing to run.
    let again = client.form(&kept, &press).await;
    assert_eq!((again.status, again.set_cookies().len()), (303, 0));
}

#[tokio::test]
async fn another_browser_cannot_see_or_run_it() {
    let server = Server::quick_demo().await;
    let client = waiting(&server).await;
    let id = id(&client, AUTH).await.expect("it waits");
    let other = server.user01().await;
    press(&other, &id).await;
    assert!(!shows_reply(&other).await && !other.get(AUTH).await.shows("canary"));
    other.put(CALL, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    press(&other, &id).await;
    assert!(!shows_reply(&other).await);

    log_in(&client, "user01", AUTH).await;
    // The cookie of the call alone is not enough: it is for user01 now.
    let thief = client.with_only(CALL, &client.cookie(CALL).unwrap());
    assert!(!thief.get(AUTH).await.shows("canary"));
    press(&thief, &id).await;
    let someone = server.logged_in("user02", "user_02").await;
    someone.put(CALL, &client.cookie(CALL).unwrap());
    press(&someone, &id).await;
    assert!(!shows_reply(&someone).await && !someone.get(AUTH).await.shows("canary"));
    // It was not used up by any of them.
    run(&client).await;
    assert!(shows_reply(&client).await);
}

#[tokio::test]
async fn another_user_of_the_same_browser_cannot_see_or_run_it() {
    let server = Server::quick_demo().await;
    // Shown to user01, whose session was over by the time it was sent.
    let client = server.client();
    let fields = [("arguments", r#"{"canary":1}"#), ("shown-to", "user01")];
    client.form(AUTH, &fields).await;
    assert!(!client.get(AUTH).await.shows("canary"), "nor is it shown to nobody");
    log_in(&client, "user02", AUTH).await;
    assert!(!client.get(AUTH).await.shows("canary"));
    run(&client).await;
    assert!(!shows_reply(&client).await);

    // For user01 after all.
    client.form("/logout", &[]).await;
    client.form(AUTH, &fields).await;
    log_in(&client, "user01", AUTH).await;
    let id = id(&client, AUTH).await.expect("it waits");
    // And not for the one who logs in after that.
    log_in(&client, "user02", AUTH).await;
    assert!(!client.get(AUTH).await.shows("canary"));
    press(&client, &id).await;
    assert!(!shows_reply(&client).await);
}

/// What a person was about to do with a button is shown to nobody else who logs in with that browser.
#[tokio::test]
async fn every_form_of_a_function_on_a_page_says_whom_it_was_shown_to() {
    let server = Server::quick_demo().await;
    let admin = server.admin().await;
    let _elsewhere = server.admin().await;
    for (path, fewest) in [("/user?name=user01", 4), ("/roles", 1), ("/account", 3), (AUTH, 1)] {
        let page = admin.get(path).await.body.replace("<!>", "");
        let forms: Vec<&str> = page
            .split("<form")
            .skip(1)
            .filter_map(|rest| rest.split_once("</form>").map(|(form, _)| form))
            .filter(|form| form.contains(r#"action="/functions/"#))
            .collect();
        assert!(forms.len() >= fewest, "{path}: {page}");
        for form in forms {
            assert!(form.contains(r#"name="shown-to" value="user03""#), "{path}: {form}");
        }
    }
}

/// Of a form that leads back to its page when it is done, too: nothing is left to be run once more.
#[tokio::test]
async fn a_call_by_hand_takes_the_place_of_the_one_that_waits() {
    let server = Server::quick_demo().await;
    let admin = server.admin().await;
    let fields = [("user_id", "user01"), ("then-page", "/users")];
    server.let_password_age("user03", 600).await;
    let asked = admin.form("/functions/disable_user", &fields).await;
    assert_eq!(asked.header("location"), "/confirm?next=/functions/disable_user");
    admin
        .done("confirm_login", serde_json::json!({"password": "user_03"}))
        .await;
    assert!(id(&admin, "/functions/disable_user").await.is_some(), "it waits");
    let done = admin.form("/functions/disable_user", &fields).await;
    assert_eq!((done.status, done.header("location")), (303, "/users"));
    assert!(id(&admin, "/functions/disable_user").await.is_none(), "it is done");
}

#[tokio::test]
async fn a_form_that_names_a_user_does_the_same_whether_there_is_one() {
    let server = Server::quick_demo().await;
    let mut database = server.place.database().await;
    for name in ["user01", "nobody-of-that-name"] {
        let client = server.client();
        let reply = client
            .form(AUTH, &[("arguments", r#"{"canary":1}"#), ("shown-to", name)])
            .await;
        assert_eq!(reply.status, 303, "{name}");
        assert_eq!(database.count("kept_calls WHERE user_id IS NULL").await, 1, "{name}");
        assert!(!client.get(AUTH).await.shows("canary"), "{name}");
        log_in(&client, "user02", AUTH).await;
        assert!(!client.get(AUTH).await.shows("canary"), "{name}");
        assert_eq!(database.count("kept_calls").await, 0, "{name}: it is let go");
    }
}

#[tokio::test]
async fn after_ten_minutes_or_a_logout_it_is_gone() {
    let server = Server::quick_demo().await;
    let mut database = server.place.database().await;
    let client = waiting(&server).await;
    log_in(&client, "user01", AUTH).await;
    let old = id(&client, AUTH).await.expect("it waits");
    database
        .change("UPDATE kept_calls SET expires_at = expires_at - 600000")
        .await;
    assert!(!client.get(AUTH).await.shows("canary"));
    press(&client, &old).await;
    assert!(!shows_reply(&client).await);

    let client = waiting(&server).await;
    log_in(&client, "user01", AUTH).await;
    let old = id(&client, AUTH).await.expect("it waits");
    let call = client.cookie(CALL).unwrap();
    client.form("/logout", &[]).await;
    client.put(CALL, &call);
    log_in(&client, "user01", AUTH).await;
    press(&client, &old).await;
    assert!(!shows_reply(&client).await);
}

#[tokio::test]
async fn it_can_be_let_go_and_a_call_by_hand_takes_its_place() {
    let server = Server::quick_demo().await;
    let client = waiting(&server).await;
    log_in(&client, "user01", AUTH).await;
    let id = id(&client, AUTH).await.expect("it waits");
    let reply = client.form(KEPT, &[("call", &id), ("drop", "drop")]).await;
    assert_eq!(reply.header("location"), AUTH);
    assert!(!client.get(AUTH).await.shows(WAITS));
    assert_eq!(server.place.database().await.count("kept_calls").await, 0);

    let client = waiting(&server).await;
    log_in(&client, "user01", AUTH).await;
    assert_eq!(client.json("/api/auth_func", "{}").await.cookie_names(), [CALL]);
    assert_eq!(server.place.database().await.count("kept_calls").await, 0);
}

#[tokio::test]
async fn it_is_run_only_at_its_own_function_and_from_its_own_site() {
    let server = Server::quick_demo().await;
    let client = waiting(&server).await;
    log_in(&client, "user01", AUTH).await;
    let id = id(&client, AUTH).await.expect("it waits");
    let elsewhere = "/functions/quote_stay/kept";
    client.form(elsewhere, &[("call", &id), ("run", "run")]).await;
    for site in ["cross-site", "same-site"] {
        let reply = client
            .request("POST", KEPT)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("origin", "https://evil.example")
            .header("sec-fetch-site", site)
            .body(format!("call={id}&run=run"))
            .send()
            .await;
        assert_eq!(reply.status, 403);
    }
    assert!(client.get(AUTH).await.shows(WAITS));
    run(&client).await;
    assert!(shows_reply(&client).await);
}

#[tokio::test]
async fn its_guard_is_asked_again() {
    let server = Server::quick_demo().await;
    let client = waiting(&server).await;
    // Not logged in at all.
    assert_eq!(run(&client).await.header("location"), format!("/login?next={AUTH}"));
    log_in(&client, "user01", AUTH).await;
    assert!(client.get(AUTH).await.shows(WAITS), "it was kept once more");
    let session = client.session();
    server.place.done(&["user", "disable", "user01"], "").await;
    run(&client).await;
    server.place.done(&["user", "enable", "user01"], "").await;
    assert_eq!(client.with_only(SESSION, &session).who().await, None);
    assert!(!shows_reply(&client).await);
}

/// security check 36, for kept calls
#[tokio::test]
async fn a_secret_is_never_kept_and_has_to_be_typed_again() {
    let server = Server::quick_demo().await;
    let client = server.user01().await;
    server.let_password_age("user01", 3600).await;
    let page = "/functions/change_password";
    let reply = client.form(page, &[("new_password", "canary and 7 zebras")]).await;
    assert_eq!(reply.header("location"), format!("/confirm?next={page}"));
    let kept = server
        .place
        .database()
        .await
        .text("SELECT group_concat(call) FROM kept_calls")
        .await;
    assert!(kept.contains("change_password") && !kept.contains("canary"), "{kept}");

    let reply = client
        .form("/confirm", &[("next", page), ("password", "user_01")])
        .await;
    assert_eq!(reply.header("location"), page);
    let shown = client.get(page).await;
    assert!(shown.shows(WAITS) && shown.shows("Enter that again"), "{}", shown.body);
    assert!(
        !shown.shows("Run this call") && !shown.shows("canary"),
        "{}",
        shown.body
    );
    // Asked for all the same, it does not run without it.
    client.form(&format!("{page}/kept"), &[("run", "run")]).await;
    assert!(client.get(page).await.shows("No call yet"));
}

#[tokio::test]
async fn a_call_for_want_of_a_fresh_login_waits_as_well() {
    let server = Server::quick_demo().await;
    let client = server.user01().await;
    server.let_password_age("user01", 3600).await;
    let mut database = server.place.database().await;
    client
        .form("/functions/change_password", &[("new_password", "x")])
        .await;
    let user = database.text("SELECT user_id FROM kept_calls").await;
    assert_eq!(user, "user01", "it is for this user from the start");
}

#[tokio::test]
async fn arguments_that_are_too_long_to_be_kept_are_refused_and_not_cut() {
    let server = crate::server::Place::new()
        .demo(&[
            ("CALLGATE_LIMITS_BODY_BYTES", "1000000"),
            crate::server::QUICK[0],
            crate::server::QUICK[1],
        ])
        .await;
    let client = server.client();
    let long = format!(r#"{{"a":"{}"}}"#, "x".repeat(64 * 1024));
    let reply = client.form(AUTH, &[("arguments", &long)]).await;
    assert_eq!(reply.status, 413);
    assert!(reply.shows("65536"), "{}", reply.body);
    assert_eq!(client.cookie(CALL), None);
}

/// Of a call that has run, what came of it is shown at once where it is too much to be kept.
#[tokio::test]
async fn what_is_too_long_to_be_kept_is_shown_all_the_same() {
    let place = crate::server::Place::new();
    let server = place
        .demo(&[crate::server::QUICK, &[("CALLGATE_LIMITS_BODY_BYTES", "1000000")]].concat())
        .await;
    let client = server.client();
    let long = format!(r#"{{"a":"{}"}}"#, "x".repeat(64 * 1024));
    let reply = client.form("/functions/notauth_func", &[("arguments", &long)]).await;
    assert_eq!(reply.status, 200);
    assert!(reply.shows("200 OK"), "{}", &reply.body[..1000]);
    assert_eq!(client.cookie(CALL), None);
    assert_eq!(server.place.database().await.count("kept_calls").await, 0);

    // What was kept of a call before is not shown as the last one.
    client
        .form("/functions/notauth_func", &[("arguments", r#"{"canary":1}"#)])
        .await;
    client.form("/functions/notauth_func", &[("arguments", &long)]).await;
    assert!(!client.get("/functions/notauth_func").await.shows("canary"));
}

/// Sends the form of a call from that address.
async fn call_from(client: &Client, address: &str) -> Reply {
    client
        .request("POST", AUTH)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("origin", &client.origin())
        .header("sec-fetch-site", "same-origin")
        .header("x-forwarded-for", address)
        .body("arguments=%7B%7D")
        .send()
        .await
}

/// Whoever is not logged in, at that address, makes a call that waits.
async fn keep_from(server: &Server, address: &str) -> Client {
    let client = server.client();
    assert_eq!(call_from(&client, address).await.status, 303);
    client
}

#[tokio::test]
async fn nobody_takes_the_place_of_what_is_kept_for_others() {
    let place = crate::server::Place::new();
    let trusted = [("CALLGATE_PROXIES_TRUSTED", "127.0.0.1")];
    let server = place.demo(&[crate::server::QUICK, &trusted].concat()).await;
    let mut database = server.place.database().await;
    let user = server.user01().await;
    let ended = "/functions/notauth_func";
    user.form(ended, &[("arguments", "{}")]).await;
    let neighbour = keep_from(&server, "192.0.2.2").await;
    for number in 0..60 {
        keep_from(&server, &format!("2001:db8:1:2::{number}")).await;
    }
    assert_eq!(database.count("kept_calls").await, 52, "fifty of one network");
    let latest = keep_from(&server, "2001:db8:1:2::1").await;
    assert_eq!(database.count("kept_calls").await, 52, "the oldest goes");

    // A thousand of as many networks take the place of the others that nobody is logged in for, and of no user's.
    database
        .change(
            "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 1000)
             INSERT INTO kept_calls (token_hash, user_id, keeper, call, expires_at)
             SELECT randomblob(32), NULL, randomblob(32), '{}', (SELECT MAX(expires_at) FROM kept_calls) FROM numbers",
        )
        .await;
    for client in [&neighbour, &latest] {
        log_in(client, "user02", AUTH).await;
        assert!(client.get(AUTH).await.shows(WAITS));
    }
    assert!(user.get(ended).await.shows("200 OK"));
    keep_from(&server, "192.0.2.3").await;
    assert_eq!(database.count("kept_calls WHERE user_id IS NULL").await, 1000);
    for client in [&neighbour, &latest] {
        assert!(client.get(AUTH).await.shows(WAITS), "it is a user's by now");
    }
    assert!(user.get(ended).await.shows("200 OK"));

    // Nor does it help to log in with each of them.
    for _ in 0..55 {
        log_in(&keep_from(&server, "192.0.2.4").await, "user02", AUTH).await;
    }
    assert_eq!(database.count("kept_calls WHERE user_id = 'user02'").await, 50);
    assert!(user.get(ended).await.shows("200 OK"));
}

/// What is kept is written, and whoever logs in writes as well.
#[tokio::test]
async fn of_many_calls_at_once_a_few_are_kept_and_nobody_else_waits_for_them() {
    let place = crate::server::Place::new();
    let settings = [
        ("CALLGATE_PROXIES_TRUSTED", "127.0.0.1"),
        ("CALLGATE_LIMITS_KEPT_CALLS_PER_MINUTE", "20"),
    ];
    let server = place.demo(&[crate::server::QUICK, &settings].concat()).await;
    let mut database = server.place.database().await;
    let flood = join_all((0..100).map(|number| {
        let client = server.client();
        async move { call_from(&client, &format!("2001:db8:1:2::{number}")).await }
    }));
    let (replies, user) = tokio::join!(flood, server.user01());
    let (kept, refused): (Vec<_>, Vec<_>) = replies.iter().partition(|reply| reply.status == 303);
    assert!((1..=20).contains(&kept.len()), "{}", kept.len());
    for reply in refused {
        assert_eq!(reply.status, 503);
        assert!(reply.shows("The server is busy") && reply.set_cookies().is_empty());
        let seconds: u32 = reply.header("retry-after").parse().unwrap();
        assert!((1..=60).contains(&seconds), "{seconds}");
    }
    let stored = database.count("kept_calls").await;
    assert_eq!(
        usize::try_from(stored).unwrap(),
        kept.len(),
        "what is refused is not written"
    );

    // The address has had its share, and neither another one nor a user has.
    let late = call_from(&server.client(), "2001:db8:1:2::ffff").await;
    assert_eq!(late.status, 503);
    keep_from(&server, "192.0.2.1").await;
    for _ in 0..20 {
        let reply = user.form(AUTH, &[("arguments", "{}")]).await;
        assert_eq!(reply.header("location"), format!("{AUTH}#reply"));
    }

    // What has run is shown, kept or not, and what was kept before is not shown as the last call.
    let reply = user.form(AUTH, &[("arguments", r#"{"canary":1}"#)]).await;
    assert_eq!(reply.status, 200);
    assert!(reply.shows("200 OK") && reply.shows("canary"), "{}", reply.body);
    assert_eq!(user.cookie(CALL), None);
    assert_eq!(database.count("kept_calls WHERE user_id = 'user01'").await, 1);
    assert_eq!(user.who().await.as_deref(), Some("user01"));
}

#[tokio::test]
async fn a_call_whose_page_wants_to_go_back_does_so_after_the_login_as_well() {
    let server = Server::quick_demo().await;
    let other = server.user01().await;
    let page = "/functions/end_other_sessions";
    let client = server.client();
    client.form(page, &[("then-page", "/account")]).await;
    log_in(&client, "user01", page).await;
    let id = id(&client, page).await.unwrap_or_default();
    let reply = client
        .form(&format!("{page}/kept"), &[("call", &id), ("run", "run")])
        .await;
    assert_eq!(reply.header("location"), "/account");
    assert_eq!(other.who().await, None, "it has run");
}
