//! Users as an administrator lists, reads, adds, disables and deletes them, in the browser or from a program.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::{
    PASSWORD, assert_refused, remembered, rows, session_id,
    support::{
        client::{Client, REMEMBER},
        page::{assert_shows, unescaped},
        poll::until,
        server::Server,
    },
    texts,
};

fn names(list: &Value) -> Vec<&str> {
    texts(&list["users"], "user_id")
}

/// Reads all pages of a list, and how many they are.
async fn all(admin: &Client, mut filter: Value) -> (Vec<String>, usize) {
    let (mut found, mut pages) = (Vec::new(), 0);
    loop {
        let list = admin.done("list_users", filter.clone()).await;
        found.extend(names(&list).into_iter().map(str::to_owned));
        pages += 1;
        if list["next"].is_null() {
            return (found, pages);
        }
        filter["after"] = list["next"].clone();
    }
}

#[tokio::test]
async fn users_are_searched_filtered_ordered_and_read_a_page_at_a_time() {
    let server = Server::demo().await;
    let admin = server.admin().await;
    for user in ["Ada", "adam", "bob", "zoe_ada", "a_b", "dora.x"] {
        server.place.add_user(user, PASSWORD).await;
    }
    let invited = json!({"user_id": "invited", "roles": ["admin"]});
    admin.done("create_user", invited).await;
    admin.done("disable_user", json!({"user_id": "bob"})).await;
    let table = r#"
        {}                                    | Ada a_b adam bob dora.x invited user01 user02 user03 zoe_ada
        {"part": "ADA"}                       | Ada adam zoe_ada
        {"part": "_"}                         | a_b zoe_ada
        {"part": "%"}                         |
        {"part": "a*"}                        |
        {"part": "'"}                         |
        {"state": "disabled"}                 | bob
        {"state": "invited"}                  | invited
        {"role": "admin"}                     | invited user03
        {"role": "admin", "state": "active"}  | user03
        {"role": "nothing"}                   |
        {"part": "user", "after": "user02"}   | user03"#;
    for [filter, expected] in rows(table) {
        let expected: Vec<&str> = expected.split_whitespace().collect();
        for most in [1, 3, 200] {
            let mut filter: Value = serde_json::from_str(filter).unwrap();
            filter["most"] = most.into();
            let (mut found, pages) = all(&admin, filter.clone()).await;
            found.sort();
            assert_eq!(found, expected, "{filter}");
            assert_eq!(pages, expected.len().div_ceil(most).max(1), "{filter}");
        }
    }
    let (by_age, _) = all(&admin, json!({"order": "newest", "most": 4})).await;
    assert_eq!(by_age[..2], ["invited", "dora.x"]);
    assert_eq!(by_age.len(), 10);
    let list = admin.done("list_users", json!({"part": "ADA", "most": 1})).await;
    assert_eq!(list["total"], 3);
    let page = admin.get("/users?part=ada").await;
    assert!(page.shows("zoe_ada") && !page.shows(">bob<"), "{}", page.body);
    assert_shows(&page, &["3 users", "Filter (1)"]);
    let page = admin.get("/users?part=nobody").await;
    assert_shows(&page, &["No users found.", r#"<a href="/users" class="button quiet">"#]);
    // What is wrong is said at its field, which keeps it.
    let page = admin.get("/users?state=gone").await;
    assert_eq!(page.status, 422);
    assert_shows(&page, &[r#"<option value="gone" selected>"#]);
    let (_, fault) = page.body.split_once(r#"id="fault-state""#).unwrap();
    assert!(
        fault.starts_with(r#" class="said bad">Is not one of the choices."#),
        "{fault}"
    );
    let bad =
        r#"{"most":0} {"most":201} {"state":"gone"} {"order":"random"} {"part":""} {"after":""} {"is_admin":true}"#;
    for filter in bad.split(' ') {
        assert_eq!(admin.json("/api/list_users", filter).await.status, 422, "{filter}");
    }
}

#[tokio::test]
async fn the_last_login_is_that_of_the_user_and_not_of_a_deleted_one_of_that_name() {
    let server = Server::demo().await;
    let admin = server.admin().await;
    let last_login = async |user: &str| {
        let list = admin.done("list_users", json!({"part": user})).await;
        list["users"][0]["last_login_at"].clone()
    };
    let failed = json!({"user_id": "user01", "password": "wrong"});
    server.client().call("login", failed).await;
    assert_eq!(last_login("user01").await, Value::Null);
    server.user01().await;
    until("the login is stored", async || last_login("user01").await.is_string()).await;
    let shown = admin.done("show_user", json!({"user_id": "user01"})).await;
    assert_eq!(shown["user"]["last_login_at"], last_login("user01").await);
    for function in ["delete_user", "create_user"] {
        admin.done(function, json!({"user_id": "user01"})).await;
    }
    assert_eq!(last_login("user01").await, Value::Null);
}

#[tokio::test]
async fn what_a_form_has_done_is_said_on_the_next_page_in_words_from_a_list() {
    let server = Server::demo().await;
    let admin = server.admin().await;
    let page = "/user?name=user02";
    let after = "/user?name=user02&done=user_disabled#notice";
    let form = unescaped(&admin.get(page).await.body);
    assert!(form.contains(&format!(r#"name="then-page" value="{after}""#)), "{form}");
    let disable = async |shown_to: &str| {
        let fields = [("shown-to", shown_to), ("user_id", "user02"), ("then-page", after)];
        admin.form("/functions/disable_user", &fields).await
    };
    // What has done nothing leads to the page without the notice.
    let reply = disable("user01").await;
    assert_eq!(reply.status, 409);
    assert_shows(&reply, &[&format!(r#"href="{page}""#)]);
    disable("user03").await.assert_leads_to(after);
    let notice = r#"<p id="notice" role="status" tabindex="-1" class="notice">"#;
    let shown = admin.get("/user?name=user02&done=user_disabled").await;
    assert_shows(&shown, &[&format!("{notice}The user has been disabled.")]);
    for code in ["", "disabled", "%3Cb%3Eyou+won%3C/b%3E"] {
        let shown = admin.get(&format!("{page}&done={code}")).await;
        assert!(shown.status == 200 && !shown.shows(r#"id="notice""#), "{code}");
    }
}

#[tokio::test]
async fn a_list_goes_on_although_the_user_at_the_end_of_its_page_was_deleted() {
    let server = Server::demo().await;
    let admin = server.admin().await;
    for user in ["a-1", "a-2", "a-3", "a-4"] {
        admin.done("create_user", json!({"user_id": user})).await;
    }
    let by_name = ["a-3", "a-4", "user01", "user02", "user03"];
    let by_age = ["a-1", "user03", "user02", "user01"];
    for (order, first, rest) in [
        ("name", ["a-1", "a-2"], &by_name[..]),
        ("newest", ["a-4", "a-3"], &by_age),
    ] {
        let page = admin.done("list_users", json!({"order": order, "most": 2})).await;
        assert_eq!(names(&page), first, "{order}");
        admin.done("delete_user", json!({"user_id": first[1]})).await;
        let next = json!({"order": order, "most": 9, "after": page["next"]});
        assert_eq!(names(&admin.done("list_users", next).await), rest, "{order}");
    }
    for after in ["user01", "x-user01", "17"] {
        let list = json!({"order": "newest", "after": after});
        assert_refused(&admin.call("list_users", list).await, 422, "invalid_arguments", after);
    }
}

#[tokio::test]
async fn a_hundred_thousand_users_are_read_page_by_page_and_each_comes_once() {
    let server = Server::demo().await;
    let admin = server.admin().await;
    let many = "WITH RECURSIVE
          numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 100000),
          named (n, digits) AS (SELECT n, substr(CAST(1000000 + n AS TEXT), 2) FROM numbers)
        INSERT INTO users (user_id, password_hash, active, demo, created_at, changed_at, folded_name, skeleton)
        SELECT 'person' || digits, 'x', n % 20 <> 0, FALSE, n / 7, n, 'p' || digits, 'p' || digits FROM named";
    assert_eq!(server.place.database().await.change(many).await, 100_000);
    for order in ["name", "newest"] {
        let filter = json!({"order": order, "most": 200, "state": "disabled"});
        let (mut found, pages) = all(&admin, filter).await;
        assert_eq!((found.len(), pages), (5_000, 25), "{order}");
        found.sort_unstable();
        found.dedup();
        assert_eq!(found.len(), 5_000, "{order}");
    }
    let far = json!({"after": "person099990", "part": "person"});
    assert_eq!(names(&admin.done("list_users", far).await).len(), 10);
    let page = admin.get("/users?after=person050000").await;
    assert!(page.status == 200 && page.shows("person050001"));
}

#[tokio::test]
async fn nothing_secret_is_shown_of_a_user_and_one_session_is_ended_alone() {
    let server = Server::demo().await;
    let admin = server.admin().await;
    let (phone, laptop) = (remembered(&server, "user01").await, server.user01().await);
    let shown = admin.done("show_user", json!({"user_id": "user01"})).await;
    assert_eq!(shown["user"]["user_id"], "user01");
    let text = format!("{shown} {}", admin.get("/user?name=user01").await.body);
    let token = phone.cookie(REMEMBER).unwrap();
    for secret in ["argon2", "password_hash", &phone.session(), &token] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    for name in ["nobody", "USER01", " user01", "' OR 1=1 --"] {
        for function in ["show_user", "enable_user"] {
            let reply = admin.call(function, json!({"user_id": name})).await;
            assert_refused(&reply, 404, "not_found", name);
        }
    }

    let id = session_id(&phone.done("my_sessions", json!({})).await, true);
    let id = id.as_str();
    assert_eq!(texts(&shown["sessions"], "id").len(), 2);
    assert!(texts(&shown["sessions"], "id").contains(&id));
    assert!(!shown["sessions"].to_string().contains(r#""current":true"#));
    // A session of somebody else is answered as one that is not there.
    let [foreign, missing] = [id, "nothing"].map(|id| json!({"user_id": "user02", "id": id}));
    let foreign = admin.call("revoke_session", foreign).await;
    let missing = admin.call("revoke_session", missing).await;
    assert_refused(&foreign, 404, "not_found", "foreign");
    assert_eq!(foreign.without_reference(), missing.without_reference());
    assert_eq!(phone.who().await.as_deref(), Some("user01"));
    let session = json!({"user_id": "user01", "id": id});
    admin.done("revoke_session", session.clone()).await;
    assert_eq!(phone.who().await, None);
    assert_eq!(laptop.who().await.as_deref(), Some("user01"));
    assert_eq!(admin.call("revoke_session", session).await.status, 404);
}

#[tokio::test]
async fn unknown_fields_bad_roles_and_bad_names_are_refused_and_nobody_is_added() {
    let server = Server::demo().await;
    let admin = server.admin().await;
    let long = "a".repeat(65);
    for function in ["create_user", "invite_user"] {
        for field in "password password_hash is_admin active demo role created_at".split(' ') {
            let arguments = json!({"user_id": "mallory", field: "1"});
            assert_refused(&admin.call(function, arguments).await, 422, "invalid_arguments", field);
        }
        for roles in json!([["nothing"], ["admin", "admin"], "admin", [1]])
            .as_array()
            .unwrap()
        {
            let arguments = json!({"user_id": "mallory", "roles": roles});
            assert_eq!(admin.call(function, arguments).await.status, 422, "{function} {roles}");
        }
        for name in ["", "a b", "<b>", "é", "a/b", "(operator)", &long] {
            let reply = admin.call(function, json!({"user_id": name})).await;
            assert_eq!(reply.status, 422, "{function} {name}: {}", reply.body);
        }
    }
    for twin in ["user01", "USER01", "userO1"] {
        let reply = admin.call("create_user", json!({"user_id": twin})).await;
        assert_refused(&reply, 409, "conflict", twin);
        assert!(reply.error().contains("user01"), "{}", reply.body);
    }
    assert_eq!(server.place.database().await.count("users").await, 3);
}

#[tokio::test]
async fn a_name_and_its_twin_that_are_added_at_once_make_one_user() {
    let server = Server::demo().await;
    let admin = server.admin().await;
    let adding = (0..16).map(|number| {
        let name = if number % 2 == 0 { "alice" } else { "Alice" };
        admin.call("create_user", json!({"user_id": name, "roles": ["admin"]}))
    });
    let replies = join_all(adding).await;
    assert_eq!(replies.iter().filter(|reply| reply.status == 200).count(), 1);
    for reply in replies.iter().filter(|reply| reply.status != 200) {
        assert_refused(reply, 409, "conflict", "twin");
    }
    let mut database = server.place.database().await;
    for rows in ["users", "events WHERE action = 'user_added'"] {
        assert_eq!(database.count(rows).await, 4, "{rows}");
    }
}
