//! Pending calls: each runs once, when its button is pressed, in its own browser and for its own user.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::{
    support::{
        client::{CALL, Client, Reply, SESSION},
        page::{assert_hides, assert_shows, code, input, is_wrong, said},
        server::Server,
        waiting_call::{AUTH, id, log_in, waiting},
    },
    typed_forms::with,
};

const KEPT: &str = "/functions/auth_func/kept";
const END_OTHERS: &str = "/functions/end_other_sessions";
const STAY: &str = "/functions/quote_stay";
const WAITS: &str = "Your call is waiting";

/// Presses the button of the page that `client` sees.
async fn run(client: &Client, page: &str) -> Reply {
    let id = id(client, page).await.unwrap_or_default();
    press(client, page, &id).await
}

async fn press(client: &Client, page: &str, id: &str) -> Reply {
    let fields = [("call", id), ("run", "run")];
    client.form(&format!("{page}/kept"), &fields).await
}

/// Whether the call of `auth_func` has run: its reply names the caller.
async fn has_run(client: &Client) -> bool {
    client.get(AUTH).await.shows("auth_func({")
}

async fn sees_nothing(client: &Client) -> bool {
    let page = client.get(AUTH).await;
    !page.shows("canary") && !page.shows("auth_func({")
}

/// A browser in which a call with these fields waits, after the login of user01.
async fn waiting_for(server: &Server, page: &str, fields: &[(&str, &str)]) -> Client {
    let client = server.client();
    client
        .form(page, fields)
        .await
        .assert_leads_to(&format!("/login?next={page}"));
    log_in(&client, "user01", page).await;
    client
}

#[tokio::test]
async fn after_the_login_the_user_sees_what_will_run_and_nothing_runs_before_the_press() {
    let server = Server::shared();
    let client = waiting(&server).await;
    log_in(&client, "user01", AUTH).await;
    let page = client.get(AUTH).await;
    assert_shows(&page, &[WAITS, "Run this call", &format!(r#"action="{KEPT}""#)]);
    // In what will run, and in the editor.
    assert!(page.body.matches("canary").count() >= 2, "{}", page.body);
    for page in [AUTH, "/", AUTH, "/functions/notauth_func", "/account", AUTH] {
        assert!(!client.get(page).await.shows("auth_func({"), "{page}");
    }
    let reply = client.get(KEPT).await;
    assert_eq!((reply.status, reply.header("allow")), (405, "POST"));
    let link = format!(r#"href="{AUTH}""#);
    assert_shows(&reply, &["only accepts form submissions", &link]);
    assert_eq!(client.request("HEAD", KEPT).send().await.status, 405);
    assert!(client.get(AUTH).await.shows(WAITS));

    assert_eq!(run(&client, AUTH).await.header("location"), format!("{AUTH}#reply"));
    let page = client.get(AUTH).await;
    assert_shows(&page, &["200 OK", "user_id=user01"]);
    assert!(!page.shows(WAITS));
}

#[tokio::test]
async fn the_pages_for_a_login_name_the_call_that_waits_for_it() {
    let server = Server::demo().await;
    let client = waiting(&server).await;
    let says = async |page: &str, text: &str| {
        let page = client.get(page).await;
        page.body.replace("<!>", "").contains(text)
    };
    let goes_on = r#"to go on with the call of <code translate="no">"#;
    let named = format!("Log in {goes_on}auth_func</code>.");
    assert!(says(&format!("/login?next={AUTH}"), &named).await);
    let wrong = [("next", AUTH), ("user_id", "user01"), ("password", "x")];
    let refused = client.form("/login", &wrong).await;
    assert!(refused.body.replace("<!>", "").contains(&named), "{}", refused.body);
    // These lead elsewhere.
    for page in ["/login", "/login?next=/account"] {
        assert!(!says(page, goes_on).await, "{page}");
    }
    log_in(&client, "user01", "/").await;
    server.let_password_age("user01", 3600).await;
    let confirm = "/confirm?next=/functions/change_password";
    client
        .form("/functions/change_password", &[])
        .await
        .assert_leads_to(confirm);
    let named = format!("Confirm your login {goes_on}change_password</code>.");
    assert!(says(confirm, &named).await);
}

#[tokio::test]
async fn typed_arguments_come_through_the_login_as_they_were_typed() {
    let server = Server::shared();
    let client = waiting_for(&server, STAY, &with("wishes", &["a cot\r\nquiet"])).await;
    let page = client.get(STAY).await;
    assert_shows(&page, &[WAITS]);
    let body: Value = serde_json::from_str(&code(&page, "Arguments of the waiting call")).unwrap();
    let expected = json!({
        "arrival": "2026-12-30", "nights": 3, "guests": 2, "room": "double", "dog": false,
        "contact": {"name": "Ada"}, "wishes": ["a cot", "quiet"],
    });
    assert_eq!(body, expected);
    for (name, value) in [("arrival", "2026-12-30"), ("nights", "3"), ("contact.name", "Ada")] {
        let input = input(&page, name);
        assert!(input.contains(&format!(r#"value="{value}""#)), "{input}");
    }
    run(&client, STAY).await;
    let page = client.get(STAY).await;
    assert_shows(&page, &["200 OK", r#""total": 270"#]);
    assert!(!page.shows(WAITS) && input(&page, "nights").contains(r#"value="3""#));

    // Wrong ones wait, too; their faults are reported once they run.
    let client = waiting_for(&server, STAY, &with("nights", &["99"])).await;
    let page = client.get(STAY).await;
    assert_shows(&page, &[WAITS]);
    assert_hides(&page, &[r#"aria-invalid="true""#]);
    run(&client, STAY).await;
    let page = client.get(STAY).await;
    assert_shows(&page, &["422 Unprocessable Content"]);
    assert_eq!(said(&page, "nights"), "Must be at most 31.");
    assert!(is_wrong(&page, "nights") && input(&page, "nights").contains(r#"value="99""#));
}

#[tokio::test]
async fn it_runs_once_however_often_it_is_asked_for_at_once_and_goes_back_to_its_page() {
    let server = Server::demo().await;
    let other = server.user01().await;
    let client = waiting_for(&server, END_OTHERS, &[("then-page", "/account")]).await;
    let kept = format!("{END_OTHERS}/kept");
    let paths = format!("{END_OTHERS} {kept} {kept}?run=run / /account /login /confirm");
    for path in paths.split(' ') {
        for method in ["GET", "HEAD", "OPTIONS"] {
            let prefetch = client.request(method, path).header("purpose", "prefetch").send().await;
            assert!(prefetch.set_cookies().is_empty(), "{method} {path}");
        }
    }
    assert!(other.who().await.is_some(), "reading runs nothing");

    let id = id(&client, END_OTHERS).await.expect("it waits");
    let copies: Vec<Client> = (0..20).map(|_| client.clone()).collect();
    let replies = join_all(copies.iter().map(|copy| press(copy, END_OTHERS, &id))).await;
    assert!(replies.iter().all(|reply| reply.status == 303));
    // The request that ran the call is redirected to the page that the form named.
    let ran = replies.iter().filter(|reply| reply.header("location") == "/account");
    assert_eq!(ran.count(), 1);
    assert_eq!(other.who().await, None);
    let later = server.user01().await;
    let again = press(&client, END_OTHERS, &id).await;
    assert_eq!((again.status, again.set_cookies().len()), (303, 0));
    assert_eq!(later.who().await.as_deref(), Some("user01"));
}

#[tokio::test]
async fn a_press_that_asks_for_nothing_runs_nothing() {
    let server = Server::demo().await;
    for fields in [&[][..], &[("drop", "drop")], &[("RUN", "run")]] {
        let other = server.user01().await;
        let client = waiting_for(&server, END_OTHERS, &[]).await;
        let id = id(&client, END_OTHERS).await.expect("it waits");
        let fields = [fields, &[("call", id.as_str())]].concat();
        let reply = client.form(&format!("{END_OTHERS}/kept"), &fields).await;
        reply.assert_leads_to(END_OTHERS);
        let page = client.get(END_OTHERS).await;
        assert!(page.shows("No call yet") && !page.shows(WAITS), "{fields:?}");
        assert_eq!(other.who().await.as_deref(), Some("user01"), "{fields:?}");
    }
    assert_eq!(server.place.database().await.count("kept_calls").await, 0);
}

#[tokio::test]
async fn another_browser_cannot_see_or_run_it() {
    let server = Server::shared();
    let client = waiting(&server).await;
    let waits = id(&client, AUTH).await.expect("it waits");
    let before = client.clone();
    let other = server.user01().await;
    press(&other, AUTH, &waits).await;
    assert!(sees_nothing(&other).await);
    other.put(CALL, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    press(&other, AUTH, &waits).await;
    assert!(sees_nothing(&other).await);

    // Once a program or a form has logged in, the call is for user01, and its cookie alone is not enough.
    let login = json!({"user_id": "user01", "password": "user_01"});
    client.done("login", login).await;
    let call = client.cookie(CALL).unwrap();
    let someone = server.logged_in("user02", "user_02").await;
    someone.put(CALL, &call);
    for thief in [before, client.with_only(CALL, &call), someone] {
        press(&thief, AUTH, &waits).await;
        run(&thief, AUTH).await;
        assert!(sees_nothing(&thief).await);
    }
    // It was not used up by any of them.
    run(&client, AUTH).await;
    assert!(has_run(&client).await);
}

#[tokio::test]
async fn another_user_of_the_same_browser_cannot_see_or_run_it() {
    let server = Server::demo().await;
    let mut database = server.place.database().await;
    // Shown to one whose session was over by the time it was sent, be there such a user or not.
    for user in ["user01", "nobody-of-that-name"] {
        let client = server.client();
        let fields = [("arguments", r#"{"canary":1}"#), ("shown-to", user)];
        assert_eq!(client.form(AUTH, &fields).await.status, 303);
        assert_eq!(database.count("kept_calls WHERE user_id IS NULL").await, 1, "{user}");
        assert!(sees_nothing(&client).await, "nor is it shown to nobody");
        log_in(&client, "user02", AUTH).await;
        run(&client, AUTH).await;
        assert!(sees_nothing(&client).await, "{user}");
        assert_eq!(database.count("kept_calls").await, 0, "{user}");
    }
    // For user01, and not for the one who logs in after that.
    let fields = [("arguments", r#"{"canary":1}"#), ("shown-to", "user01")];
    let client = waiting_for(&server, AUTH, &fields).await;
    let waits = id(&client, AUTH).await.expect("it waits");
    log_in(&client, "user02", AUTH).await;
    press(&client, AUTH, &waits).await;
    assert!(sees_nothing(&client).await);
}

/// What a user was about to do with a button is shown to nobody else who logs in with that browser.
#[tokio::test]
async fn every_form_of_a_function_says_which_user_it_was_shown_to() {
    let server = Server::shared();
    let admin = server.admin().await;
    let _elsewhere = server.admin().await;
    for (path, fewest) in [
        ("/user?name=user01", 4),
        ("/roles", 1),
        ("/account", 3),
        ("/account/password", 1),
        (AUTH, 1),
    ] {
        let page = admin.get(path).await.body.replace("<!>", "");
        let forms = page
            .split("<form")
            .filter_map(|rest| Some(rest.split_once("</form>")?.0));
        let forms: Vec<&str> = forms.filter(|form| form.contains(r#"action="/functions/"#)).collect();
        assert!(forms.len() >= fewest, "{path}: {page}");
        for form in forms {
            assert!(form.contains(r#"name="shown-to" value="user03""#), "{path}: {form}");
        }
    }
}

#[tokio::test]
async fn a_later_call_takes_the_place_of_the_one_that_waits() {
    let server = Server::demo().await;
    let mut database = server.place.database().await;
    let client = waiting(&server).await;
    log_in(&client, "user01", AUTH).await;
    assert_eq!(client.json("/api/auth_func", "{}").await.cookie_names(), [CALL]);
    assert_eq!(database.count("kept_calls").await, 0);

    // A form that leads back to its page when it is done, too.
    let (admin, page) = (server.admin().await, "/functions/disable_user");
    let fields = [("user_id", "user01"), ("then-page", "/users")];
    server.let_password_age("user03", 600).await;
    let asked = admin.form(page, &fields).await;
    asked.assert_leads_to(&format!("/confirm?next={page}"));
    admin.done("confirm_login", json!({"password": "user_03"})).await;
    assert!(id(&admin, page).await.is_some(), "it waits");
    let done = admin.form(page, &fields).await;
    done.assert_leads_to("/users");
    assert!(id(&admin, page).await.is_none(), "it is done");
}

/// The page in one tab says what will run; by now a call from another tab waits in its place.
#[tokio::test]
async fn a_press_runs_the_call_that_its_page_has_shown_and_no_other() {
    let server = Server::shared();
    let client = waiting(&server).await;
    log_in(&client, "user01", AUTH).await;
    let shown = id(&client, AUTH).await.expect("it waits");
    let call = client.cookie(CALL).unwrap();
    press(&client, STAY, &shown).await;
    // The button of another function leaves it.
    assert!(client.get(AUTH).await.shows(WAITS));

    client.form("/logout", &[]).await;
    client.form(AUTH, &[("arguments", r#"{"another":2}"#)]).await;
    log_in(&client, "user01", AUTH).await;
    press(&client, AUTH, &shown).await;
    assert!(!has_run(&client).await, "what was never shown ran");
    // Nor is the first one there after the logout.
    client.put(CALL, &call);
    press(&client, AUTH, &shown).await;
    assert!(!has_run(&client).await);
}

#[tokio::test]
async fn its_guard_is_asked_again_when_it_runs() {
    let server = Server::demo().await;
    let client = waiting(&server).await;
    let pressed = run(&client, AUTH).await;
    pressed.assert_leads_to(&format!("/login?next={AUTH}"));
    log_in(&client, "user01", AUTH).await;
    assert!(client.get(AUTH).await.shows(WAITS), "it is pending once more");
    let session = client.session();
    server.place.done(&["user", "disable", "user01"], "").await;
    run(&client, AUTH).await;
    server.place.done(&["user", "enable", "user01"], "").await;
    assert_eq!(client.with_only(SESSION, &session).who().await, None);
    assert!(!has_run(&client).await);
}
