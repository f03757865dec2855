//! A page that was loaded for one user does nothing for another who has logged in since, in another tab.

use serde_json::json;

use crate::support::{
    client::{CALL, Client, Reply},
    page::assert_shows,
    server::Server,
};

const AUTH: &str = "/functions/auth_func";

/// The answer to a call by script from a page that was loaded for `shown_to`.
async fn call(client: &Client, function: &str, body: &str, shown_to: &str) -> Reply {
    let sending = client.request("POST", &format!("/api/{function}"));
    sending.header("shown-to", shown_to).json(body).send().await
}

#[tokio::test]
async fn a_call_by_script_for_another_user_is_refused_before_its_guard_and_programs_are_not_asked() {
    let server = Server::shared();
    let client = server.logged_in("user02", "user_02").await;
    for (function, body) in [
        ("auth_func", "{}"),
        ("list_users", "{}"),
        ("change_password", "no JSON"),
    ] {
        call(&client, function, body, "user01")
            .await
            .assert_refused(409, "other_user");
    }
    assert_eq!(call(&client, "auth_func", "{}", "user02").await.status, 200);
    assert_eq!(client.call("auth_func", json!({})).await.status, 200);
    // Where nobody is logged in by now, that is what has to be said.
    let nobody = server.client();
    call(&nobody, "auth_func", "{}", "user01")
        .await
        .assert_refused(401, "not_logged_in");
}

#[tokio::test]
async fn a_form_for_another_user_runs_nothing_and_leads_back_to_its_page() {
    let server = Server::shared();
    let client = server.logged_in("user02", "user_02").await;
    let outdated = async |path: &str, fields: &[(&str, &str)], reload: &str| {
        let mut sent = vec![("shown-to", "user01")];
        sent.extend_from_slice(fields);
        let reply = client.form(path, &sent).await;
        assert_eq!(reply.status, 409, "{path}: {}", reply.body);
        assert_shows(
            &reply,
            &["Another user has logged in since", &format!(r#"href="{reload}""#)],
        );
    };
    outdated(AUTH, &[("arguments", "{}")], AUTH).await;
    assert!(client.cookie(CALL).is_none(), "nothing of it is stored");
    outdated(AUTH, &[("arguments", "{}"), ("then-page", "/account")], "/account").await;
    outdated(&format!("{AUTH}/kept"), &[("run", "run")], AUTH).await;
    outdated(
        "/confirm",
        &[("password", "user_01"), ("next", "/account")],
        "/confirm?next=/account",
    )
    .await;
    outdated("/logout", &[], "/").await;
    assert_eq!(client.who().await.as_deref(), Some("user02"));

    let fields = [("shown-to", "user02"), ("arguments", "{}")];
    client
        .form(AUTH, &fields)
        .await
        .assert_leads_to(&format!("{AUTH}#reply"));
}

#[tokio::test]
async fn every_form_for_a_logged_in_user_says_whom_it_was_made_for() {
    let server = Server::shared();
    let admin = server.logged_in("user03", "user_03").await;
    for path in [
        AUTH,
        "/functions/change_password",
        "/confirm",
        "/account",
        "/users",
        "/user?name=user01",
        "/roles",
    ] {
        let page = admin.get(path).await;
        for form in page
            .body
            .split("<form")
            .skip(1)
            .map(|rest| rest.split("</form>").next().unwrap())
        {
            let says = form.contains(r#"name="shown-to" value="user03""#);
            // These do the same for everybody.
            let is_for_anyone = [r#"method="get""#, r#"action="/language""#, r#"action="/theme""#];
            assert!(
                says || is_for_anyone.iter().any(|tag| form.contains(tag)),
                "{path}: {form}"
            );
        }
    }
}
