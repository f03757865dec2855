//! Roles and permissions: what they open, at once and at every door, and who may hand them on.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::{
    client::{Client, Reply},
    server::Server,
};

/// A user who may see and manage users, and nothing else.
async fn helpdesk(server: &Server) -> Client {
    let admin = server.admin().await;
    let permissions = ["users.read", "users.manage"];
    admin
        .done(
            "put_role",
            json!({"role": "helpdesk", "description": "Helps", "permissions": permissions}),
        )
        .await;
    admin
        .done("give_role", json!({"user_id": "user01", "role": "helpdesk"}))
        .await;
    server.user01().await
}

fn assert_lacks(reply: &Reply, permission: &str, context: &str) {
    assert_eq!(reply.status, 403, "{context}: {}", reply.body);
    assert_eq!(reply.code(), "permission_required", "{context}");
    assert_eq!(reply.value()["required"], permission, "{context}");
}

/// security check 72
#[tokio::test]
async fn a_role_opens_functions_at_the_very_next_call_and_closes_them_at_the_very_next() {
    let server = Server::quick_demo().await;
    let (user, admin) = (server.user01().await, server.admin().await);
    admin
        .done("put_role", json!({"role": "reader", "permissions": ["users.read"]}))
        .await;
    let by_command = ["give", "take"].map(|what| ["role", what, "user01", "reader"]);
    let arguments = json!({"user_id": "user01", "role": "reader"});
    for round in 0..2 {
        assert_lacks(&user.call("list_users", json!({})).await, "users.read", "json");
        assert_eq!(user.get("/users").await.status, 403);
        let form = user
            .form("/functions/list_users", &[("part", ""), ("then-page", "")])
            .await;
        assert_eq!(form.status, 303);
        let shown = user.get("/functions/list_users").await;
        assert!(shown.shows("users.read"), "{}", shown.body);
        assert!(!shown.shows("created_at"), "{}", shown.body);

        match round {
            0 => drop(admin.done("give_role", arguments.clone()).await),
            _ => drop(server.place.done(&by_command[0], "").await),
        }
        assert_eq!(user.call("list_users", json!({})).await.status, 200);
        let page = user.get("/users").await;
        assert!(page.status == 200 && page.shows("user02"));
        user.form("/functions/list_users", &[]).await;
        assert!(user.get("/functions/list_users").await.shows("created_at"));
        // It opens what it holds, and nothing else.
        assert_lacks(&user.call("list_events", json!({})).await, "audit.read", "other");
        assert_eq!(user.get("/audit").await.status, 403);

        match round {
            0 => drop(admin.done("take_role", arguments.clone()).await),
            _ => drop(server.place.done(&by_command[1], "").await),
        }
        assert_lacks(&user.call("list_users", json!({})).await, "users.read", "taken");
        assert_eq!(user.get("/users").await.status, 403);
        assert!(user.who().await.is_some(), "the session itself goes on");
    }
}

/// Who may manage users needs no other permission for it, and is led nowhere that wants one.
#[tokio::test]
async fn a_user_who_may_only_manage_users_does_so_on_the_pages_of_users() {
    let server = Server::quick_demo().await;
    let (user, admin) = (helpdesk(&server).await, server.admin().await);
    admin
        .done("put_role", json!({"role": "helpdesk", "permissions": ["users.manage"]}))
        .await;
    let page = user.get("/user?name=user02").await;
    assert_eq!(page.status, 200, "{}", page.body);
    for offered in ["/functions/disable_user", "/functions/give_role", "helpdesk"] {
        assert!(page.shows(offered), "{offered}: {}", page.body);
    }
    for (elsewhere, status) in [("/users", 200), ("/roles", 200), ("/access", 403), ("/audit", 403)] {
        assert_eq!(user.get(elsewhere).await.status, status, "{elsewhere}");
        let is_offered = page.shows(&format!(r#"href="{elsewhere}"#));
        assert_eq!(is_offered, status == 200, "{elsewhere}: {}", page.body);
    }
    let all = admin.get("/user?name=user02").await;
    assert!(all.shows(r#"href="/access?user_id=user02"#) && all.shows(r#"href="/audit?user=user02"#));
}

/// security check 72: the same where the role itself is changed or deleted
#[tokio::test]
async fn a_permission_that_a_role_loses_is_lost_by_all_who_have_it() {
    let server = Server::quick_demo().await;
    let (user, admin) = (helpdesk(&server).await, server.admin().await);
    assert_eq!(user.call("list_users", json!({})).await.status, 200);
    assert_eq!(user.call("access_table", json!({})).await.status, 200);
    admin
        .done("put_role", json!({"role": "helpdesk", "permissions": ["users.manage"]}))
        .await;
    assert_lacks(&user.call("access_table", json!({})).await, "users.read", "changed");
    // Who may manage users may see them.
    assert_eq!(user.call("list_users", json!({})).await.status, 200);
    assert_eq!(user.call("enable_user", json!({"user_id": "user02"})).await.status, 200);
    admin.done("delete_role", json!({"role": "helpdesk"})).await;
    let reply = user.call("enable_user", json!({"user_id": "user02"})).await;
    assert_lacks(&reply, "users.manage", "deleted");
    // New role of that name is given to nobody by itself.
    admin
        .done("put_role", json!({"role": "helpdesk", "permissions": ["users.read"]}))
        .await;
    assert_lacks(&user.call("list_users", json!({})).await, "users.read", "made again");
}

/// security checks 71 and 77
#[tokio::test]
async fn nobody_gives_or_manages_more_than_they_hold() {
    let server = Server::quick_demo().await;
    let user = helpdesk(&server).await;
    let admin = server.admin().await;
    admin
        .done("put_role", json!({"role": "auditor", "permissions": ["audit.read"]}))
        .await;
    let session = admin.done("show_user", json!({"user_id": "user03"})).await["sessions"][0]["id"].clone();
    for (function, arguments, lacking) in [
        ("give_role", json!({"user_id": "user01", "role": "admin"}), "role:admin"),
        (
            "give_role",
            json!({"user_id": "user01", "role": "auditor"}),
            "audit.read",
        ),
        ("take_role", json!({"user_id": "user03", "role": "admin"}), "role:admin"),
        (
            "create_user",
            json!({"user_id": "mine", "roles": ["admin"]}),
            "role:admin",
        ),
        (
            "create_user",
            json!({"user_id": "mine", "roles": ["helpdesk", "auditor"]}),
            "audit.read",
        ),
        (
            "invite_user",
            json!({"user_id": "mine", "roles": ["admin"]}),
            "role:admin",
        ),
        ("require_new_password", json!({"user_id": "user03"}), "role:admin"),
        ("disable_user", json!({"user_id": "user03"}), "role:admin"),
        ("enable_user", json!({"user_id": "user03"}), "role:admin"),
        ("delete_user", json!({"user_id": "user03"}), "role:admin"),
        ("revoke_sessions", json!({"user_id": "user03"}), "role:admin"),
        (
            "revoke_session",
            json!({"user_id": "user03", "id": session}),
            "role:admin",
        ),
        (
            "put_role",
            json!({"role": "helpdesk", "permissions": ["audit.read"]}),
            "roles.manage",
        ),
        ("delete_role", json!({"role": "auditor"}), "roles.manage"),
    ] {
        let context = format!("{function} {arguments}");
        assert_lacks(&user.call(function, arguments).await, lacking, &context);
    }
    assert_eq!(admin.who().await.as_deref(), Some("user03"));
    let users = admin.done("list_users", json!({})).await;
    assert_eq!(users["users"].as_array().unwrap().len(), 3, "{users}");
    // What is no more than one's own is one's to give.
    user.done("give_role", json!({"user_id": "user02", "role": "helpdesk"}))
        .await;
    user.done("create_user", json!({"user_id": "mine", "roles": ["helpdesk"]}))
        .await;

    // Who may change roles puts no permission into one, and takes none out, that is not one's own.
    admin
        .done("put_role", json!({"role": "roles", "permissions": ["roles.manage"]}))
        .await;
    admin
        .done("give_role", json!({"user_id": "user01", "role": "roles"}))
        .await;
    let grab = json!({"role": "helpdesk", "permissions": ["users.read", "users.manage", "audit.read"]});
    assert_lacks(&user.call("put_role", grab).await, "audit.read", "grab");
    let strip = json!({"role": "auditor", "permissions": []});
    assert_lacks(&user.call("put_role", strip).await, "audit.read", "strip");
    assert_lacks(
        &user.call("delete_role", json!({"role": "auditor"})).await,
        "audit.read",
        "delete",
    );
}

/// security checks 71 and 72: what was allowed when the link was made may not be when it is used
#[tokio::test]
async fn a_link_opens_no_more_than_who_made_it_may_manage_by_then() {
    let server = Server::quick_demo().await;
    let (user, admin) = (helpdesk(&server).await, server.admin().await);
    admin
        .done("put_role", json!({"role": "auditor", "permissions": ["audit.read"]}))
        .await;
    let helpdesk = json!({"role": "helpdesk", "permissions": ["users.read", "users.manage"]});
    let of_user01 = json!({"user_id": "user01", "role": "helpdesk"});
    let is_opened = async |link: &str| {
        let body = json!({"code": link, "new_password": "seven small brown zebras"});
        let reply = server.client().call("choose_password", body).await;
        assert!([200, 404].contains(&reply.status), "{}", reply.body);
        reply.status == 200
    };
    let became = |role: &str| ("give_role", json!({"user_id": "ada", "role": role}));
    let cases = [
        (
            "has become an administrator",
            [became("admin")],
            [("take_role", became("admin").1)],
        ),
        (
            "has become more than the maker",
            [became("auditor")],
            [("take_role", became("auditor").1)],
        ),
        (
            "the maker does not manage any more",
            [("put_role", json!({"role": "helpdesk", "permissions": ["users.read"]}))],
            [("put_role", helpdesk.clone())],
        ),
        (
            "the maker has lost the role",
            [("take_role", of_user01.clone())],
            [("give_role", of_user01.clone())],
        ),
        (
            "the maker is kept out",
            [("disable_user", json!({"user_id": "user01"}))],
            [("enable_user", json!({"user_id": "user01"}))],
        ),
    ];
    let by_invitation = user.done("invite_user", json!({"user_id": "ada"})).await["link"].clone();
    let mut link = by_invitation.as_str().unwrap().to_owned();
    for (case, [(change, arguments)], [(back, back_arguments)]) in cases {
        admin.done(change, arguments).await;
        assert!(!is_opened(&link).await, "{case}");
        admin.done(back, back_arguments).await;
        let user = server.user01().await;
        assert!(is_opened(&link).await, "{case}, and is no more: it was not used up");
        let made = user.done("require_new_password", json!({"user_id": "ada"})).await;
        link = made["link"].as_str().unwrap().to_owned();
    }
    // A role that has grown is more, too.
    admin
        .done("give_role", json!({"user_id": "ada", "role": "helpdesk"}))
        .await;
    admin
        .done("put_role", json!({"role": "quiet", "permissions": []}))
        .await;
    admin
        .done("give_role", json!({"user_id": "ada", "role": "quiet"}))
        .await;
    admin
        .done("put_role", json!({"role": "quiet", "permissions": ["audit.read"]}))
        .await;
    assert!(!is_opened(&link).await, "a role has grown");
    // What the operator makes holds whatever becomes of anybody; what a user made who is gone does not.
    let by_operator = server.place.done(&["user", "invite", "bob"], "").await;
    admin
        .done("give_role", json!({"user_id": "bob", "role": "admin"}))
        .await;
    admin
        .done("take_role", json!({"user_id": "ada", "role": "quiet"}))
        .await;
    admin.done("delete_user", json!({"user_id": "user01"})).await;
    assert!(is_opened(by_operator.trim()).await, "made by the operator");
    assert!(!is_opened(&link).await, "the maker is gone");
    admin
        .done("create_user", json!({"user_id": "user01", "roles": ["helpdesk"]}))
        .await;
    assert!(!is_opened(&link).await, "and another one of that name made nothing");
}

/// security check 77: by every way there is
#[tokio::test]
async fn the_last_administrator_is_not_disabled_deleted_or_demoted() {
    let server = Server::quick_demo().await;
    let admin = server.admin().await;
    let demote = json!({"user_id": "user03", "role": "admin"});
    let user = json!({"user_id": "user03"});
    let ways = [
        ("disable_user", &user),
        ("delete_user", &user),
        ("require_new_password", &user),
        ("take_role", &demote),
    ];
    for round in 0..2 {
        for (function, arguments) in ways {
            let reply = admin.call(function, arguments.clone()).await;
            assert_eq!(
                (reply.status, reply.code().as_str()),
                (409, "conflict"),
                "{function}: {}",
                reply.body
            );
            assert!(
                reply.error().contains("last administrator"),
                "{function}: {}",
                reply.body
            );
        }
        for line in [
            &["user", "disable", "user03"][..],
            &["user", "delete", "user03"],
            &["user", "passwd", "user03", "--link"],
            &["role", "take", "user03", "admin"],
        ] {
            let ran = server.place.run(line, "").await;
            assert!(
                ran.status == 4 && ran.error.contains("last administrator"),
                "{line:?}: {}",
                ran.error
            );
        }
        assert_eq!(admin.who().await.as_deref(), Some("user03"));
        // Another one who cannot log in does not count.
        if round == 0 {
            admin
                .done("give_role", json!({"user_id": "user02", "role": "admin"}))
                .await;
            admin.done("disable_user", json!({"user_id": "user02"})).await;
            admin
                .done("create_user", json!({"user_id": "invited", "roles": ["admin"]}))
                .await;
        }
    }
    admin.done("enable_user", json!({"user_id": "user02"})).await;
    admin.done("take_role", demote).await;
    assert_lacks(&admin.call("list_users", json!({})).await, "users.read", "demoted");
    let last = server.place.run(&["role", "take", "user02", "admin"], "").await;
    assert_eq!(last.status, 4, "{}", last.error);
}

/// security check 77: two who demote each other at once do not leave nobody
#[tokio::test]
async fn administrators_who_demote_each_other_at_once_leave_one() {
    let server = Server::quick_demo().await;
    let mut database = server.place.database().await;
    for user in ["user01", "user02"] {
        server.place.done(&["role", "give", user, "admin"], "").await;
    }
    let users = ["user01", "user02", "user03"];
    for round in 0..5 {
        let clients = join_all(users.map(|user| {
            let (server, password) = (&server, user.replace("user", "user_"));
            async move { server.logged_in(user, &password).await }
        }))
        .await;
        let calls = clients.iter().enumerate().flat_map(|(number, client)| {
            [1, 2].map(|further| {
                let other = users[(number + further) % 3];
                match round % 2 {
                    0 => client.call("take_role", json!({"user_id": other, "role": "admin"})),
                    _ => client.call("disable_user", json!({"user_id": other})),
                }
            })
        });
        for reply in join_all(calls).await {
            assert!([200, 401, 403, 409].contains(&reply.status), "{}", reply.body);
        }
        let left = "SELECT COUNT(*) FROM user_roles JOIN users USING (user_id) WHERE role = 'admin' AND active";
        assert!(database.number(left).await >= 1, "round {round}");
        for user in users {
            server.place.done(&["role", "give", user, "admin"], "").await;
            server.place.done(&["user", "enable", user], "").await;
        }
    }
}

/// security check 77
#[tokio::test]
async fn changes_want_the_password_anew_and_reading_does_not() {
    let server = Server::quick_demo().await;
    let admin = server.admin().await;
    server.let_password_age("user03", 600).await;
    for (function, arguments) in [
        ("list_users", json!({})),
        ("show_user", json!({"user_id": "user01"})),
        ("list_roles", json!({})),
        ("access_table", json!({})),
        ("list_events", json!({})),
        ("list_calls", json!({})),
    ] {
        admin.done(function, arguments).await;
    }
    let user = json!({"user_id": "user01"});
    let role = json!({"role": "reader"});
    let given = json!({"user_id": "user01", "role": "admin"});
    for (function, arguments) in [
        ("create_user", &json!({"user_id": "new"})),
        ("invite_user", &json!({"user_id": "new"})),
        ("require_new_password", &user),
        ("disable_user", &user),
        ("enable_user", &user),
        ("delete_user", &user),
        ("revoke_sessions", &user),
        ("revoke_session", &json!({"user_id": "user01", "id": "x"})),
        ("put_role", &role),
        ("delete_role", &role),
        ("give_role", &given),
        ("take_role", &given),
    ] {
        let reply = admin.call(function, arguments.clone()).await;
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (403, "fresh_login_required"),
            "{function}"
        );
    }
    admin.done("confirm_login", json!({"password": "user_03"})).await;
    admin.done("disable_user", user).await;
}

#[tokio::test]
async fn a_role_that_cannot_be_is_refused_with_the_reason_and_nothing_changes() {
    let server = Server::quick_demo().await;
    let admin = server.admin().await;
    let kept = json!({"role": "kept", "permissions": ["users.read"], "new": true});
    admin.done("put_role", kept).await;
    let before = admin.done("list_roles", json!({})).await;
    for role in [
        "",
        "Admin",
        "2nd",
        "a b",
        "a,b",
        "é",
        "-a",
        "<b>",
        "'; DROP TABLE roles; --",
        &"a".repeat(65),
    ] {
        let reply = admin.call("put_role", json!({"role": role})).await;
        assert_eq!(
            (reply.status, reply.code().as_str()),
            (422, "invalid_arguments"),
            "{role}"
        );
        assert_eq!(reply.value()["faults"][0]["field"], "role", "{role}");
    }
    let unknown = json!({"role": "reader", "permissions": ["users.read", "no.such"]});
    let reply = admin.call("put_role", unknown).await;
    assert_eq!(reply.value()["faults"][0]["field"], "permissions[1]", "{}", reply.body);
    for (function, arguments, status) in [
        ("put_role", json!({"role": "admin", "permissions": []}), 409),
        // One that is there already is no new one, and stays as it is.
        ("put_role", json!({"role": "kept", "permissions": [], "new": true}), 409),
        ("delete_role", json!({"role": "admin"}), 409),
        ("delete_role", json!({"role": "nothing"}), 404),
        ("give_role", json!({"user_id": "user01", "role": "nothing"}), 404),
        ("give_role", json!({"user_id": "nobody", "role": "admin"}), 404),
        ("take_role", json!({"user_id": "nobody", "role": "admin"}), 404),
        ("put_role", json!({"role": "reader", "permission": ["users.read"]}), 422),
    ] {
        let context = format!("{function} {arguments}");
        assert_eq!(admin.call(function, arguments).await.status, status, "{context}");
    }
    assert_eq!(admin.done("list_roles", json!({})).await, before);
}

#[tokio::test]
async fn a_stored_permission_that_no_guard_knows_is_shown_as_such_and_opens_nothing() {
    let server = Server::quick_demo().await;
    let admin = server.admin().await;
    admin
        .done("put_role", json!({"role": "reader", "permissions": ["users.read"]}))
        .await;
    let mut database = server.place.database().await;
    database
        .change("INSERT INTO role_permissions (role, permission) VALUES ('reader', 'future.thing')")
        .await;
    admin
        .done("give_role", json!({"user_id": "user01", "role": "reader"}))
        .await;
    let reader = listed(&admin, "reader").await;
    let shown: Vec<(&Value, &Value)> = reader["permissions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|permission| (&permission["name"], &permission["known"]))
        .collect();
    assert_eq!(
        shown,
        [
            (&json!("future.thing"), &json!(false)),
            (&json!("users.read"), &json!(true))
        ]
    );
    assert!(admin.get("/roles").await.shows("future.thing"));
    let user = server.user01().await;
    let own = user.done("current_user", json!({})).await;
    assert_eq!(own["permissions"], json!(["users.read"]));
    // It stays where it is while the role is changed, and can be taken out, and not put in.
    admin
        .done(
            "put_role",
            json!({"role": "reader", "permissions": ["users.read", "future.thing"]}),
        )
        .await;
    admin
        .done("put_role", json!({"role": "reader", "permissions": ["users.read"]}))
        .await;
    let again = json!({"role": "reader", "permissions": ["future.thing"]});
    assert_eq!(admin.call("put_role", again).await.status, 422);
}

/// A role as `list_roles` tells of it.
async fn listed(admin: &Client, role: &str) -> Value {
    let list = admin.done("list_roles", json!({})).await;
    let mut roles = list["roles"].as_array().unwrap().iter();
    roles.find(|listed| listed["role"] == role).expect("the role").clone()
}

/// The page of the roles as it is now: the hidden field that says which version of a role it shows.
async fn version_on_the_page(admin: &Client, role: &str) -> String {
    let page = admin.get("/roles").await.body;
    let (_, form) = page
        .split_once(&format!(r#"name="role" value="{role}""#))
        .expect("the form of the role");
    let (_, field) = form.split_once(r#"name="version" value=""#).expect("its version");
    field.split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_role_that_was_shown_before_it_changed_does_not_bring_back_what_was_taken_away() {
    let server = Server::quick_demo().await;
    let admin = server.admin().await;
    let both = json!({"role": "reader", "permissions": ["users.read", "audit.read"]});
    admin.done("put_role", both).await;
    let version = version_on_the_page(&admin, "reader").await;
    let one = json!({"role": "reader", "permissions": ["users.read"], "version": version});
    admin.done("put_role", one).await;
    // Another page still shows both.
    let stale = [
        ("role", "reader"),
        ("version", version.as_str()),
        ("permissions", "users.read"),
        ("permissions", "audit.read"),
    ];
    let reply = admin.form("/functions/put_role", &stale).await;
    assert_eq!(reply.header("location"), "/functions/put_role#reply");
    assert!(
        admin
            .get("/functions/put_role")
            .await
            .shows("has changed since you opened it")
    );
    let reader = listed(&admin, "reader").await;
    assert_eq!(reader["permissions"].as_array().unwrap().len(), 1);
    // Nor does it make a role again that was deleted.
    let version = version_on_the_page(&admin, "reader").await;
    admin.done("delete_role", json!({"role": "reader"})).await;
    let gone = json!({"role": "reader", "permissions": ["users.read"], "version": version});
    assert_eq!(admin.call("put_role", gone).await.status, 409);
}

#[tokio::test]
async fn the_table_of_access_says_what_the_doors_do_and_the_reasons_say_why() {
    let server = Server::quick_demo().await;
    let user = helpdesk(&server).await;
    let admin = server.admin().await;
    let table = admin.done("access_table", json!({})).await;
    assert_eq!(table["callers"], json!(["nobody", "no role", "admin", "helpdesk"]));
    let clients = [
        server.client(),
        server.logged_in("user02", "user_02").await,
        admin.clone(),
        user,
    ];
    for row in table["functions"].as_array().unwrap() {
        let name = row["function"].as_str().unwrap();
        // These end the sessions of this test.
        if ["logout", "end_other_sessions", "login", "register"].contains(&name) {
            continue;
        }
        for (client, answer) in clients.iter().zip(row["answers"].as_array().unwrap()) {
            let reply = client.json(&format!("/api/{name}"), "{}").await;
            let codes = ["not_logged_in", "fresh_login_required", "permission_required"];
            let said = match reply.status {
                200 => "yes".to_owned(),
                _ => reply.code(),
            };
            let said = if codes.contains(&said.as_str()) {
                said
            } else {
                "yes".to_owned()
            };
            assert_eq!(said, answer.as_str().unwrap(), "{name}: {}", reply.body);
        }
    }
    for (user, function, allowed, reason) in [
        ("user01", "list_users", true, "helpdesk"),
        ("user01", "list_events", false, "audit.read"),
        ("user02", "list_users", false, "has no role"),
        ("user03", "list_events", true, "every permission"),
        ("user02", "auth_func", true, "lets user02 in"),
        ("user03", "disable_user", true, "within the last"),
    ] {
        let told = admin
            .done("explain_access", json!({"user_id": user, "function": function}))
            .await;
        assert_eq!(told["allowed"], allowed, "{told}");
        assert!(told["reasons"].to_string().contains(reason), "{told}");
        let page = admin.get(&format!("/access?user_id={user}&function={function}")).await;
        assert_eq!(page.status, 200);
    }
    admin.done("disable_user", json!({"user_id": "user01"})).await;
    let told = admin
        .done("explain_access", json!({"user_id": "user01", "function": "list_users"}))
        .await;
    assert!(
        told["allowed"] == false && told["reasons"].to_string().contains("is disabled"),
        "{told}"
    );
    for arguments in [
        json!({"user_id": "nobody", "function": "auth_func"}),
        json!({"user_id": "user01", "function": "nothing"}),
    ] {
        assert_eq!(admin.call("explain_access", arguments).await.status, 404);
    }
}
