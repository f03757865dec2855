//! Fresh logins: which logins are fresh, and how one becomes fresh again by the password.

use super::steps::{confirm, id_where, is_fresh, is_in, remembered, works};
use crate::support::{
    client::{REMEMBER, SESSION},
    server::Server,
};

/// A confirmation is an authentication, so the token changes (OWASP ASVS 7.2.4), and the absolute limit does not.
#[tokio::test]
async fn the_password_makes_a_login_fresh_again_under_a_new_token() {
    let server = Server::demo().await;
    let client = server.user01().await;
    server.let_password_age("user01", 3600).await;
    let mut database = server.place.database().await;
    assert_eq!(database.age_logins(3600).await, 1);
    let logged_in_at = "SELECT logged_in_at FROM sessions";
    let id = id_where(&client, "current", true).await;
    let (before, began) = (client.session(), database.number(logged_in_at).await);
    for wrong in ["wrong", "user_02"] {
        confirm(&client, wrong).await.assert_refused(401, "invalid_credentials");
    }
    assert_eq!((client.session(), is_fresh(&client).await), (before.clone(), false));

    let right = confirm(&client, "user_01").await;
    assert_eq!(right.status, 200);
    assert_eq!(right.message(), "login of <user01> confirmed");
    assert_ne!(client.session(), before);
    assert!(is_fresh(&client).await);
    assert!(!works(&client, SESSION, &before).await);
    assert_eq!(database.number(logged_in_at).await, began);
    // A password from the future, where the clock was set back, is not fresh.
    assert_eq!(database.move_password_check("user01", 86_400).await, 1);
    assert!(!is_fresh(&client).await);
    assert_eq!(id_where(&client, "current", true).await, id, "its id in the list stays");
}

#[tokio::test]
async fn a_remembered_browser_becomes_fresh_by_the_password_only_and_stays_remembered() {
    let server = Server::demo().await;
    let client = remembered(&server).await;
    assert!(is_fresh(&client).await);
    client.drop_cookie(SESSION);
    assert!(is_in(&client).await && !is_fresh(&client).await);
    assert_eq!(confirm(&client, "user_01").await.status, 200);
    assert!(is_fresh(&client).await);
    client.drop_cookie(SESSION);
    assert!(client.cookie(REMEMBER).is_some());
    assert!(!is_fresh(&client).await);
}

#[tokio::test]
async fn the_page_that_confirms_works_without_script() {
    let server = Server::demo().await;
    let client = server.user01().await;
    server.let_password_age("user01", 3600).await;
    let page = client.get("/confirm?next=/account").await;
    let action = r#"action="/confirm?next=/account""#;
    assert!(page.shows(action) && page.shows("user01"), "{}", page.body);

    let fields = |password| [("next", "/account"), ("password", password)];
    let wrong = client.form("/confirm", &fields("canary")).await;
    assert_eq!(wrong.status, 401);
    assert!(wrong.shows("Wrong password. Try again.") && !wrong.shows("canary"));
    assert!(wrong.shows(r#"name="next" value="/account""#), "{}", wrong.body);

    let nobody = server.client();
    let page = nobody.get("/confirm?next=/account").await;
    assert!(page.shows(r#"href="/login?next=/account""#), "{}", page.body);
    let reply = nobody.form("/confirm", &fields("x")).await;
    reply.assert_leads_to("/login?next=/account");

    let right = client.form("/confirm", &fields("user_01")).await;
    right.assert_leads_to("/account");
    assert!(is_fresh(&client).await);
}
