//! The page of a function without script: its reply, what a call can return, and choices for names.

use serde_json::{Value, json};

use crate::support::{
    page::{assert_hides, assert_shows, code, unescaped},
    server::Server,
};

#[tokio::test]
async fn a_reply_is_shown_on_lines_and_a_refusal_begins_with_its_sentence_and_code() {
    let server = Server::shared();
    let client = server.user01().await;
    let page = "/functions/quote_stay";
    let stay = [
        ("arrival", "2026-12-30"),
        ("nights", "1"),
        ("guests", "1"),
        ("room", "single"),
        ("contact.name", "Ada"),
    ];
    client.form(page, &stay).await;
    let reply = code(&client.get(page).await, "Reply as JSON");
    assert!(
        reply.starts_with("{\n  \"ok\": true,\n  \"guest\": \"Ada\",\n"),
        "{reply}"
    );

    let page = "/functions/end_session";
    client.form(page, &[("id", "nothing")]).await;
    let shown = client.get(page).await;
    assert!(
        unescaped(&shown.body).contains("There is no such session. <code>not_found</code>"),
        "{}",
        shown.body
    );
    let reply: Value = serde_json::from_str(&code(&shown, "Reply as JSON")).unwrap();
    // The request is found by its id; the call log is for those who may read it.
    let reference = format!("Reference: <code>{}</code>", reply["request_id"].as_str().unwrap());
    assert!(unescaped(&shown.body).contains(&reference), "{}", shown.body);
    assert_hides(&shown, &["/calls?function="]);
    let admin = server.admin().await;
    admin.form(page, &[("id", "nothing")]).await;
    assert_shows(&admin.get(page).await, &[r#"href="/calls?function=end_session""#]);
}

#[tokio::test]
async fn a_page_lists_the_fields_of_the_reply_and_the_refusals() {
    let page = unescaped(&Server::shared().client().get("/functions/quote_stay").await.body);
    let row = |cells: [&str; 3]| {
        format!(
            "<code>{}</code></th><td>{}</td><td>{}</td>",
            cells[0], cells[1], cells[2]
        )
    };
    for cells in [
        ["departure", "date", "The day of departure."],
        ["parts[].price", "number", "Its price, after the discount."],
        ["not_logged_in", "401", "You need to log in first."],
        [
            "invalid_arguments",
            "422",
            "Some values are not valid: field is missing.",
        ],
    ] {
        assert!(page.contains(&row(cells)), "{cells:?}: {page}");
    }
}

#[tokio::test]
async fn names_of_roles_and_permissions_are_chosen_by_those_who_may_list_them() {
    let server = Server::demo().await;
    let (admin, user) = (server.admin().await, server.user01().await);
    admin
        .done("put_role", json!({"role": "librarian", "description": "Reads"}))
        .await;
    assert_shows(
        &admin.get("/functions/give_role").await,
        &[r#"<option value="librarian">librarian: Reads"#],
    );
    assert_shows(&user.get("/functions/give_role").await, &[r#"name="role" type="text""#]);
    assert_hides(&user.get("/functions/give_role").await, &["librarian"]);

    let page = "/functions/put_role";
    assert_shows(
        &admin.get(page).await,
        &[r#"name="permissions" type="checkbox" value="users.read""#],
    );
    let ticked = [
        ("role", "auditor"),
        ("permissions", "users.read"),
        ("permissions", "audit.read"),
    ];
    admin.form(page, &ticked).await;
    let shown = admin.get(page).await;
    assert_shows(&shown, &["200 OK", r#"type="checkbox" value="audit.read" checked"#]);
    let roles = admin.done("list_roles", json!({})).await;
    let held = roles["roles"]
        .as_array()
        .unwrap()
        .iter()
        .find(|role| role["role"] == "auditor")
        .unwrap();
    assert_eq!(held["permissions"].as_array().unwrap().len(), 2, "{held}");
    // Nothing was refused to the other user, who only looked at the page.
    let events = admin.done("list_events", json!({"user": "user01"})).await.to_string();
    assert!(!events.contains("list_roles"), "{events}");
}
