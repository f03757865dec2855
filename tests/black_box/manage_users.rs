//! Users, as an administrator sees and manages them in the browser or from a program.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::{
    client::{Client, REMEMBER},
    server::Server,
};

const PASSWORD: &str = "seven small brown zebras";

fn names(list: &Value) -> Vec<String> {
    let users = list["users"].as_array().unwrap();
    users
        .iter()
        .map(|user| user["user_id"].as_str().unwrap().to_owned())
        .collect()
}

/// Reads all pages of a list, and how many they are.
async fn all(admin: &Client, mut filter: Value) -> (Vec<String>, usize) {
    let (mut found, mut pages) = (Vec::new(), 0);
    loop {
        let list = admin.done("list_users", filter.clone()).await;
        found.extend(names(&list));
        pages += 1;
        if list["next"].is_null() {
            return (found, pages);
        }
        filter["after"] = list["next"].clone();
    }
}

#[tokio::test]
async fn users_are_searched_filtered_ordered_and_read_a_page_at_a_time() {
    let server = Server::quick_demo().await;
    let admin = server.admin().await;
    for user in ["Ada", "adam", "bob", "zoe_ada", "a%b", "a_b", "dora.x"] {
        if user != "a%b" {
            server.place.add_user(user, PASSWORD).await;
        }
    }
    admin
        .done("create_user", json!({"user_id": "invited", "roles": ["admin"]}))
        .await;
    admin.done("disable_user", json!({"user_id": "bob"})).await;
    let everybody = [
        "Ada", "a_b", "adam", "bob", "dora.x", "invited", "user01", "user02", "user03", "zoe_ada",
    ];
    for (filter, expected) in [
        (json!({}), &everybody[..]),
        (json!({"part": "ADA"}), &["Ada", "adam", "zoe_ada"]),
        // What is a pattern elsewhere is text here.
        (json!({"part": "_"}), &["a_b", "zoe_ada"]),
        (json!({"part": "%"}), &[]),
        (json!({"part": "a*"}), &[]),
        (json!({"part": "'"}), &[]),
        (json!({"state": "disabled"}), &["bob"]),
        (json!({"state": "invited"}), &["invited"]),
        (json!({"role": "admin"}), &["invited", "user03"]),
        (json!({"role": "admin", "state": "active"}), &["user03"]),
        (json!({"role": "nothing"}), &[]),
        (json!({"part": "user", "after": "user02"}), &["user03"]),
    ] {
        for most in [1, 3, 200] {
            let mut filter = filter.clone();
            filter["most"] = most.into();
            let (found, pages) = all(&admin, filter.clone()).await;
            let mut sorted = found.clone();
            sorted.sort();
            let mut expected = expected.to_vec();
            expected.sort_unstable();
            assert_eq!(sorted, expected, "{filter}");
            assert_eq!(pages, expected.len().div_ceil(most).max(1), "{filter}");
        }
    }
    let (by_age, _) = all(&admin, json!({"order": "newest", "most": 4})).await;
    assert_eq!(by_age[..2], ["invited", "dora.x"]);
    assert_eq!(by_age.len(), everybody.len());
    let page = admin.get("/users?part=ada").await;
    assert!(page.shows("zoe_ada") && !page.shows(">bob<"), "{}", page.body);
    for (field, value) in [
        ("most", json!(0)),
        ("most", json!(201)),
        ("state", json!("gone")),
        ("order", json!("random")),
        ("part", json!("")),
        ("after", json!("")),
        ("is_admin", json!(true)),
    ] {
        let reply = admin.call("list_users", json!({ field: value })).await;
        assert_eq!(reply.status, 422, "{field}: {}", reply.body);
    }
}

/// Whoever reads the list also tidies it up.
#[tokio::test]
async fn a_list_goes_on_where_it_was_when_the_user_at_its_end_is_gone() {
    let server = Server::quick_demo().await;
    let admin = server.admin().await;
    for user in ["a-1", "a-2", "a-3", "a-4"] {
        admin.done("create_user", json!({"user_id": user})).await;
    }
    for (order, first, rest) in [
        (
            "name",
            ["a-1", "a-2"],
            &["a-3", "a-4", "user01", "user02", "user03"][..],
        ),
        ("newest", ["a-4", "a-3"], &["a-1", "user03", "user02", "user01"]),
    ] {
        let page = admin.done("list_users", json!({"order": order, "most": 2})).await;
        assert_eq!(names(&page), first, "{order}");
        admin.done("delete_user", json!({"user_id": first[1]})).await;
        let next = json!({"order": order, "most": 9, "after": page["next"]});
        let found = names(&admin.done("list_users", next).await);
        assert_eq!(found, rest, "{order}");
    }
    for after in ["user01", "x-user01", "17"] {
        let reply = admin
            .call("list_users", json!({"order": "newest", "after": after}))
            .await;
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (422, "invalid_arguments"),
            "{after}"
        );
    }
}

#[tokio::test]
async fn a_hundred_thousand_users_are_read_page_by_page_and_each_comes_once() {
    let server = Server::quick_demo().await;
    let admin = server.admin().await;
    let mut database = server.place.database().await;
    let added = database
        .change(
            "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 100000)
             INSERT INTO users (user_id, password_hash, active, demo, created_at, changed_at, folded_name, skeleton)
             SELECT printf('person%06d', n), 'x', n % 10 <> 0, FALSE, n / 7, n, printf('p%06d', n), printf('p%06d', n)
             FROM numbers",
        )
        .await;
    assert_eq!(added, 100_000);
    for order in ["name", "newest"] {
        let filter = json!({"order": order, "most": 200, "state": "disabled"});
        let (mut found, pages) = all(&admin, filter).await;
        assert_eq!((found.len(), pages), (10_000, 50), "{order}");
        found.sort_unstable();
        found.dedup();
        assert_eq!(found.len(), 10_000, "{order}");
    }
    let far = admin
        .done("list_users", json!({"after": "person099990", "part": "person"}))
        .await;
    assert_eq!(names(&far).len(), 10);
    let page = admin.get("/users?after=person050000").await;
    assert!(page.status == 200 && page.shows("person050001"));
}

#[tokio::test]
async fn what_is_shown_of_a_user_is_no_secret() {
    let server = Server::quick_demo().await;
    let admin = server.admin().await;
    let user = server.client();
    user.done("login", json!({"user_id": "user01", "password": "user_01"}))
        .await;
    let shown = admin.done("show_user", json!({"user_id": "user01"})).await;
    assert_eq!(shown["user"]["user_id"], "user01");
    let sessions = shown["sessions"].as_array().unwrap();
    assert_eq!((sessions.len(), &sessions[0]["current"]), (1, &json!(false)));
    let text = format!("{shown} {}", admin.get("/user?name=user01").await.body);
    let remembered = user.cookie(REMEMBER).unwrap();
    for secret in ["argon2", "password_hash", &user.session(), &remembered] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    for name in ["nobody", "USER01", " user01", "' OR 1=1 --"] {
        let reply = admin.call("show_user", json!({"user_id": name})).await;
        assert_eq!((reply.status, reply.code().as_str()), (404, "not_found"), "{name}");
    }
}

/// security check 34, from another browser
#[tokio::test]
async fn the_next_call_of_a_user_who_was_shut_out_is_refused_on_every_door() {
    let server = Server::quick_demo().await;
    let admin = server.admin().await;
    let user_id = json!({"user_id": "user01"});
    for function in ["revoke_sessions", "disable_user", "delete_user"] {
        let client = server.client();
        client
            .done("login", json!({"user_id": "user01", "password": "user_01"}))
            .await;
        let (remembered, other) = (
            client.cookie(REMEMBER).unwrap(),
            server.logged_in("user02", "user_02").await,
        );
        assert_eq!(client.who().await.as_deref(), Some("user01"));
        // As a browser without script does it.
        let reply = admin
            .form(
                &format!("/functions/{function}"),
                &[("user_id", "user01"), ("then-page", "/users")],
            )
            .await;
        assert_eq!(reply.status, 303, "{}", reply.body);
        assert_eq!(client.who().await, None, "{function}");
        assert!(!client.get("/").await.shows("Logged in as"), "{function}");
        assert_eq!(client.get("/users").await.status, 401, "{function}");
        let form = client.form("/functions/auth_func", &[("arguments", "{}")]).await;
        assert_eq!(form.header("location"), "/login?next=/functions/auth_func");
        let browser = server.client().with_only(REMEMBER, &remembered);
        assert_eq!(browser.who().await, None, "{function}");
        assert_eq!(other.who().await.as_deref(), Some("user02"));
        if function == "disable_user" {
            let login = json!({"user_id": "user01", "password": "user_01"});
            assert_eq!(client.call("login", login).await.code(), "invalid_credentials");
            admin.done("enable_user", user_id.clone()).await;
            assert_eq!(client.who().await, None);
        }
    }
    assert_eq!(admin.call("enable_user", user_id).await.status, 404);
}

/// security check 35
#[tokio::test]
async fn one_session_of_a_user_is_ended_and_the_others_go_on() {
    let server = Server::quick_demo().await;
    let admin = server.admin().await;
    let (phone, laptop) = (server.user01().await, server.user01().await);
    let other = server.logged_in("user02", "user_02").await;
    let sessions = admin.done("show_user", json!({"user_id": "user01"})).await["sessions"].clone();
    let phone_id = phone.done("my_sessions", json!({})).await["sessions"]
        .as_array()
        .unwrap()
        .iter()
        .find(|session| session["current"] == true)
        .unwrap()["id"]
        .clone();
    assert!(
        sessions
            .as_array()
            .unwrap()
            .iter()
            .any(|session| session["id"] == phone_id)
    );
    // A session that is somebody else's is answered as one that is not there (security checks 55 and 71).
    let foreign = admin
        .call("revoke_session", json!({"user_id": "user02", "id": phone_id}))
        .await;
    let missing = admin
        .call("revoke_session", json!({"user_id": "user02", "id": "nothing"}))
        .await;
    assert_eq!(
        (foreign.status, foreign.without_reference()),
        (404, missing.without_reference())
    );
    assert_eq!(phone.who().await.as_deref(), Some("user01"));
    admin
        .done("revoke_session", json!({"user_id": "user01", "id": phone_id}))
        .await;
    assert_eq!(phone.who().await, None);
    assert_eq!(laptop.who().await.as_deref(), Some("user01"));
    assert_eq!(other.who().await.as_deref(), Some("user02"));
    let again = admin
        .call("revoke_session", json!({"user_id": "user01", "id": phone_id}))
        .await;
    assert_eq!(again.status, 404);
}

/// security check 71: nobody is made more than was asked for
#[tokio::test]
async fn what_a_function_does_not_take_is_refused_and_nobody_is_added() {
    let server = Server::quick_demo().await;
    let admin = server.admin().await;
    for extra in [
        "password",
        "password_hash",
        "is_admin",
        "active",
        "demo",
        "role",
        "created_at",
    ] {
        for function in ["create_user", "invite_user"] {
            let reply = admin.call(function, json!({"user_id": "mallory", extra: "1"})).await;
            assert_eq!(
                (reply.status, reply.code().as_str()),
                (422, "invalid_arguments"),
                "{function} {extra}"
            );
        }
    }
    for roles in [
        json!(["nothing"]),
        json!(["admin", "admin"]),
        json!("admin"),
        json!([1]),
    ] {
        let reply = admin
            .call("create_user", json!({"user_id": "mallory", "roles": roles}))
            .await;
        assert_eq!(reply.status, 422, "{roles}: {}", reply.body);
    }
    for name in ["", "a b", "<b>", "é", "a/b", "(operator)", &"a".repeat(65)] {
        for function in ["create_user", "invite_user"] {
            let reply = admin.call(function, json!({"user_id": name})).await;
            assert_eq!(reply.status, 422, "{function} {name}: {}", reply.body);
        }
    }
    for twin in ["user01", "USER01", "userO1"] {
        let reply = admin.call("create_user", json!({"user_id": twin})).await;
        assert_eq!((reply.status, reply.code().as_str()), (409, "conflict"), "{twin}");
        assert!(reply.error().contains("user01"), "{}", reply.body);
    }
    assert_eq!(server.place.database().await.count("users").await, 3);
}

/// security check 96
#[tokio::test]
async fn of_fifty_who_add_one_name_at_once_one_wins() {
    let server = Server::quick_demo().await;
    let admin = server.admin().await;
    let adding = (0..50).map(|number| {
        let name = if number % 2 == 0 { "alice" } else { "Alice" };
        admin.call("create_user", json!({"user_id": name, "roles": ["admin"]}))
    });
    let replies = join_all(adding).await;
    let won = replies.iter().filter(|reply| reply.status == 200).count();
    assert_eq!(won, 1);
    for reply in replies.iter().filter(|reply| reply.status != 200) {
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (409, "conflict"),
            "{}",
            reply.body
        );
    }
    let mut database = server.place.database().await;
    assert_eq!(database.count("users").await, 4);
    assert_eq!(
        database
            .number("SELECT COUNT(*) FROM events WHERE action = 'user_added'")
            .await,
        4
    );
}

#[tokio::test]
async fn who_is_added_has_no_password_and_every_one_is_wrong() {
    let server = Server::quick_demo().await;
    server
        .admin()
        .await
        .done("create_user", json!({"user_id": "ada"}))
        .await;
    let client = server.client();
    let unknown = client
        .call("login", json!({"user_id": "nobody", "password": "x"}))
        .await;
    for password in ["x", "ada", " ", "null"] {
        let reply = client
            .call("login", json!({"user_id": "ada", "password": password}))
            .await;
        assert_eq!(
            (reply.status, reply.without_reference()),
            (401, unknown.without_reference())
        );
    }
}
