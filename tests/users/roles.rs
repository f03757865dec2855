//! Roles and permissions: what they allow, and who may change and give them.

use futures::future::join_all;
use serde_json::{Value, json};

use crate::{
    PASSWORD, assert_refused, choose, rows,
    support::{
        client::{Client, Reply},
        page::unescaped,
        server::Server,
    },
    texts,
};

async fn put_role(admin: &Client, role: &str, permissions: &[&str]) {
    let arguments = json!({"role": role, "permissions": permissions});
    admin.done("put_role", arguments).await;
}

async fn give_role(admin: &Client, user: &str, role: &str) {
    admin.done("give_role", json!({"user_id": user, "role": role})).await;
}

async fn take_role(admin: &Client, user: &str, role: &str) {
    admin.done("take_role", json!({"user_id": user, "role": role})).await;
}

/// user01 with a role that may read and manage users, and nothing else.
async fn helpdesk(admin: &Client, server: &Server) -> Client {
    put_role(admin, "helpdesk", &["users.read", "users.manage"]).await;
    give_role(admin, "user01", "helpdesk").await;
    server.user01().await
}

fn assert_lacks(reply: &Reply, permission: &str, context: &str) {
    assert_refused(reply, 403, "permission_required", context);
    assert_eq!(reply.value()["required"], permission, "{context}");
}

/// Neither by a choice that is made already, nor by a button that stands open.
#[tokio::test]
async fn one_press_on_the_page_of_a_user_makes_nobody_an_administrator_or_disabled() {
    let server = Server::demo().await;
    let admin = server.admin().await;
    put_role(&admin, "reader", &["audit.read"]).await;
    let page = unescaped(&admin.get("/user?name=user01").await.body);
    let (_, roles) = page.split_once(r#"<select id="role" name="role" required>"#).unwrap();
    let (options, _) = roles.split_once("</select>").unwrap();
    assert!(options.starts_with(r#"<option value="">"#), "{options}");
    assert!(
        options.contains(r#"value="reader""#) && !options.contains("selected"),
        "{options}"
    );
    assert!(!options.contains(r#"value="admin""#), "{options}");
    // What is left without the closed parts.
    let open: String = page
        .split("<details>")
        .map(|part| part.split_once("</details>").map_or(part, |(_, after)| after))
        .collect();
    for function in ["disable_user", "delete_user", "require_new_password"] {
        let form = format!(r#"action="/functions/{function}""#);
        assert!(page.contains(&form) && !open.contains(&form), "{function}: {open}");
    }
    assert!(
        page.contains(r#"name="role" value="admin""#) && !open.contains(r#"value="admin""#),
        "{open}"
    );
    let own = admin.get("/user?name=user03").await;
    for function in ["disable_user", "delete_user", "require_new_password"] {
        assert!(!own.shows(function), "{function}: {}", own.body);
    }
}

#[tokio::test]
async fn a_role_opens_json_page_and_form_at_the_next_call_and_nothing_else() {
    let server = Server::demo().await;
    let (user, admin) = (server.user01().await, server.admin().await);
    put_role(&admin, "reader", &["users.read"]).await;
    assert_lacks(&user.call("list_users", json!({})).await, "users.read", "json");
    assert_eq!(user.get("/users").await.status, 403);
    user.form("/functions/list_users", &[]).await;
    let shown = user.get("/functions/list_users").await;
    assert!(shown.shows("403 Forbidden") && !shown.shows("200 OK"));

    server.place.done(&["role", "give", "user01", "reader"], "").await;
    assert_eq!(user.call("list_users", json!({})).await.status, 200);
    assert!(user.get("/users").await.shows("user02"));
    user.form("/functions/list_users", &[]).await;
    assert!(user.get("/functions/list_users").await.shows("200 OK"));
    assert_lacks(&user.call("list_events", json!({})).await, "audit.read", "other");
    assert_eq!(user.get("/audit").await.status, 403);
}

#[tokio::test]
async fn a_permission_lasts_as_long_as_the_role_that_holds_it() {
    let server = Server::demo().await;
    let admin = server.admin().await;
    let user = helpdesk(&admin, &server).await;
    assert_eq!(user.call("access_table", json!({})).await.status, 200);
    put_role(&admin, "helpdesk", &["users.manage"]).await;
    assert_lacks(&user.call("access_table", json!({})).await, "users.read", "changed");
    // Who may manage users may list them, and needs nothing else on the pages of users.
    assert_eq!(user.call("list_users", json!({})).await.status, 200);
    let enable = json!({"user_id": "user02"});
    assert_eq!(user.call("enable_user", enable.clone()).await.status, 200);
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

    admin.done("delete_role", json!({"role": "helpdesk"})).await;
    assert_lacks(&user.call("enable_user", enable).await, "users.manage", "deleted");
    // A new role of that name is given to nobody by itself.
    put_role(&admin, "helpdesk", &["users.read"]).await;
    assert_lacks(&user.call("list_users", json!({})).await, "users.read", "made again");
}

#[tokio::test]
async fn nobody_gives_takes_or_manages_more_than_they_hold() {
    let server = Server::demo().await;
    let admin = server.admin().await;
    let user = helpdesk(&admin, &server).await;
    put_role(&admin, "auditor", &["audit.read"]).await;
    let shown = admin.done("show_user", json!({"user_id": "user03"})).await;
    let session = shown["sessions"][0]["id"].as_str().unwrap();
    let table = r#"
        give_role            | {"user_id": "user01", "role": "admin"}                 | role:admin
        give_role            | {"user_id": "user01", "role": "auditor"}               | audit.read
        take_role            | {"user_id": "user03", "role": "admin"}                 | role:admin
        create_user          | {"user_id": "mine", "roles": ["admin"]}                | role:admin
        create_user          | {"user_id": "mine", "roles": ["helpdesk", "auditor"]}  | audit.read
        invite_user          | {"user_id": "mine", "roles": ["admin"]}                | role:admin
        require_new_password | {"user_id": "user03"}                                  | role:admin
        disable_user         | {"user_id": "user03"}                                  | role:admin
        enable_user          | {"user_id": "user03"}                                  | role:admin
        delete_user          | {"user_id": "user03"}                                  | role:admin
        revoke_sessions      | {"user_id": "user03"}                                  | role:admin
        revoke_session       | {"user_id": "user03", "id": "SESSION"}                 | role:admin
        put_role             | {"role": "helpdesk", "permissions": ["audit.read"]}    | roles.manage
        delete_role          | {"role": "auditor"}                                    | roles.manage"#;
    for [function, arguments, lacking] in rows(table) {
        let arguments = arguments.replace("SESSION", session);
        let reply = user.json(&format!("/api/{function}"), &arguments).await;
        assert_lacks(&reply, lacking, &format!("{function} {arguments}"));
    }
    assert_eq!(admin.who().await.as_deref(), Some("user03"));
    let users = admin.done("list_users", json!({})).await;
    assert_eq!(users["users"].as_array().unwrap().len(), 3, "{users}");
    give_role(&user, "user02", "helpdesk").await;
    let mine = json!({"user_id": "mine", "roles": ["helpdesk"]});
    user.done("create_user", mine).await;

    // Who may change roles puts no permission into one, and takes none out, that is not their own.
    put_role(&admin, "roles", &["roles.manage"]).await;
    give_role(&admin, "user01", "roles").await;
    for (function, arguments) in [
        (
            "put_role",
            r#"{"role": "helpdesk", "permissions": ["users.read", "users.manage", "audit.read"]}"#,
        ),
        ("put_role", r#"{"role": "auditor", "permissions": []}"#),
        ("delete_role", r#"{"role": "auditor"}"#),
    ] {
        let reply = user.json(&format!("/api/{function}"), arguments).await;
        assert_lacks(&reply, "audit.read", arguments);
    }
}

#[tokio::test]
async fn a_link_is_useless_while_its_maker_may_not_manage_its_user() {
    let server = Server::demo().await;
    let admin = server.admin().await;
    let user = helpdesk(&admin, &server).await;
    put_role(&admin, "auditor", &["audit.read"]).await;
    let is_open = async |link: &str| {
        let reply = choose(&server.client(), link, PASSWORD).await;
        assert!([200, 404].contains(&reply.status), "{}", reply.body);
        reply.status == 200
    };
    let ada = json!({"user_id": "ada"});
    let mut link = user.done("invite_user", ada.clone()).await["link"].clone();
    let table = r#"
        give_role    | {"user_id": "ada", "role": "admin"}       | take_role | {"user_id": "ada", "role": "admin"}
        give_role    | {"user_id": "ada", "role": "auditor"}     | take_role | {"user_id": "ada", "role": "auditor"}
        take_role    | {"user_id": "user01", "role": "helpdesk"} | give_role | {"user_id": "user01", "role": "helpdesk"}
        disable_user | {"user_id": "user01"}                     | enable_user | {"user_id": "user01"}
        put_role     | {"role": "helpdesk", "permissions": ["users.read"]} | put_role | FULL"#;
    let full = json!({"role": "helpdesk", "permissions": ["users.read", "users.manage"]}).to_string();
    // The user becomes more than the maker of the link, or the maker less, and then all is as it was.
    for [change, arguments, back, restored] in rows(table) {
        let case = format!("{change} {arguments}");
        let reply = admin.json(&format!("/api/{change}"), arguments).await;
        assert_eq!(reply.status, 200, "{case}: {}", reply.body);
        assert!(!is_open(link.as_str().unwrap()).await, "{case}");
        let reply = admin
            .json(&format!("/api/{back}"), &restored.replace("FULL", &full))
            .await;
        assert_eq!(reply.status, 200, "{case}: {}", reply.body);
        let user = server.user01().await;
        assert!(is_open(link.as_str().unwrap()).await, "{case}: it was not used up");
        link = user.done("require_new_password", ada.clone()).await["link"].clone();
    }
    let link = link.as_str().unwrap();
    give_role(&admin, "ada", "helpdesk").await;
    put_role(&admin, "quiet", &[]).await;
    give_role(&admin, "ada", "quiet").await;
    put_role(&admin, "quiet", &["audit.read"]).await;
    assert!(!is_open(link).await, "a role of the user has grown");
    // A link of the operator stays good whatever its user becomes.
    let by_operator = server.place.done(&["user", "invite", "bob"], "").await;
    give_role(&admin, "bob", "admin").await;
    take_role(&admin, "ada", "quiet").await;
    admin.done("delete_user", json!({"user_id": "user01"})).await;
    assert!(is_open(by_operator.trim()).await, "made by the operator");
    assert!(!is_open(link).await, "the maker is deleted");
    let again = json!({"user_id": "user01", "roles": ["helpdesk"]});
    admin.done("create_user", again).await;
    assert!(!is_open(link).await, "another user of that name made nothing");
}

#[tokio::test]
async fn the_last_administrator_is_not_disabled_deleted_or_demoted() {
    let server = Server::demo().await;
    let admin = server.admin().await;
    let demote = json!({"user_id": "user03", "role": "admin"});
    let user = json!({"user_id": "user03"});
    for is_second_round in [false, true] {
        if is_second_round {
            // Other administrators who cannot log in do not count.
            give_role(&admin, "user02", "admin").await;
            admin.done("disable_user", json!({"user_id": "user02"})).await;
            let invited = json!({"user_id": "invited", "roles": ["admin"]});
            admin.done("create_user", invited).await;
        }
        for (function, arguments, line) in [
            ("disable_user", &user, "user disable user03"),
            ("delete_user", &user, "user delete user03"),
            ("require_new_password", &user, "user passwd user03 --link"),
            ("take_role", &demote, "role take user03 admin"),
        ] {
            let reply = admin.call(function, arguments.clone()).await;
            assert_refused(&reply, 409, "conflict", function);
            assert!(reply.error().contains("last administrator"), "{function}");
            let ran = server.place.run(&line.split(' ').collect::<Vec<_>>(), "").await;
            let has_reason = ran.error.contains("last administrator");
            assert!(ran.status == 4 && has_reason, "{line}: {}", ran.error);
        }
        assert_eq!(admin.who().await.as_deref(), Some("user03"));
    }
    admin.done("enable_user", json!({"user_id": "user02"})).await;
    admin.done("take_role", demote).await;
    assert_lacks(&admin.call("list_users", json!({})).await, "users.read", "demoted");
    let last = server.place.run(&["role", "take", "user02", "admin"], "").await;
    assert_eq!(last.status, 4, "{}", last.error);
}

#[tokio::test]
async fn administrators_who_demote_or_disable_each_other_at_once_leave_one() {
    let server = Server::demo().await;
    let mut database = server.place.database().await;
    let users = ["user01", "user02", "user03"];
    for user in &users[..2] {
        server.place.done(&["role", "give", user, "admin"], "").await;
    }
    for round in 0..4 {
        let mut clients = Vec::new();
        for user in users {
            clients.push(server.logged_in(user, &user.replace("user", "user_")).await);
        }
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
        let left = "user_roles JOIN users USING (user_id) WHERE role = 'admin' AND active";
        assert!(database.count(left).await >= 1, "round {round}");
        for user in users {
            server.place.done(&["role", "give", user, "admin"], "").await;
            server.place.done(&["user", "enable", user], "").await;
        }
    }
}

#[tokio::test]
async fn administrators_read_with_an_old_login_and_change_with_a_fresh_one_only() {
    let server = Server::demo().await;
    let admin = server.admin().await;
    server.let_password_age("user03", 601).await;
    for function in "list_users list_roles access_table list_events list_calls call_stats login_stats".split(' ') {
        admin.done(function, json!({})).await;
    }
    let user = json!({"user_id": "user01"});
    admin.done("show_user", user.clone()).await;
    let changes = "create_user invite_user require_new_password disable_user enable_user delete_user
        revoke_sessions revoke_session put_role delete_role give_role take_role";
    for function in changes.split_whitespace() {
        // The guard is asked before the arguments are looked at.
        let reply = admin.call(function, json!({})).await;
        assert_refused(&reply, 403, "fresh_login_required", function);
    }
    admin.done("confirm_login", json!({"password": "user_03"})).await;
    admin.done("disable_user", user).await;
}

#[tokio::test]
async fn bad_changes_of_roles_are_refused_with_the_reason_and_change_nothing() {
    let server = Server::demo().await;
    let admin = server.admin().await;
    let kept = json!({"role": "kept", "permissions": ["users.read"], "new": true});
    admin.done("put_role", kept).await;
    let before = admin.done("list_roles", json!({})).await;
    let names = "|Admin|2nd|a b|a,b|é|-a|<b>|'; DROP TABLE roles; --";
    for role in names.split('|').chain([&*"a".repeat(65)]) {
        let reply = admin.call("put_role", json!({"role": role})).await;
        assert_refused(&reply, 422, "invalid_arguments", role);
        assert_eq!(reply.value()["faults"][0]["field"], "role", "{role}");
    }
    let unknown = json!({"role": "reader", "permissions": ["users.read", "no.such"]});
    let reply = admin.call("put_role", unknown).await;
    assert_eq!(reply.value()["faults"][0]["field"], "permissions[1]", "{}", reply.body);
    let table = r#"
        put_role    | {"role": "admin", "permissions": []}              | 409
        put_role    | {"role": "kept", "permissions": [], "new": true}  | 409
        delete_role | {"role": "admin"}                                 | 409
        delete_role | {"role": "nothing"}                               | 404
        give_role   | {"user_id": "user01", "role": "nothing"}          | 404
        give_role   | {"user_id": "nobody", "role": "admin"}            | 404
        take_role   | {"user_id": "nobody", "role": "admin"}            | 404
        put_role    | {"role": "reader", "permission": ["users.read"]}  | 422"#;
    for [function, arguments, status] in rows(table) {
        let reply = admin.json(&format!("/api/{function}"), arguments).await;
        assert_eq!(reply.status.to_string(), status, "{function} {arguments}");
    }
    assert_eq!(admin.done("list_roles", json!({})).await, before);
}

/// A role as `list_roles` shows it.
async fn listed(admin: &Client, role: &str) -> Value {
    let list = admin.done("list_roles", json!({})).await;
    let mut roles = list["roles"].as_array().unwrap().iter();
    roles.find(|listed| listed["role"] == role).expect("the role").clone()
}

#[tokio::test]
async fn a_stored_permission_that_no_guard_knows_is_shown_and_allows_nothing() {
    let server = Server::demo().await;
    let admin = server.admin().await;
    put_role(&admin, "reader", &["users.read"]).await;
    let future = "INSERT INTO role_permissions (role, permission) VALUES ('reader', 'future.thing')";
    server.place.database().await.change(future).await;
    give_role(&admin, "user01", "reader").await;
    let shown = listed(&admin, "reader").await["permissions"].clone();
    assert_eq!(texts(&shown, "name"), ["future.thing", "users.read"]);
    assert_eq!((&shown[0]["known"], &shown[1]["known"]), (&json!(false), &json!(true)));
    assert!(admin.get("/roles").await.shows("future.thing"));
    let own = server.user01().await.done("current_user", json!({})).await;
    assert_eq!(own["permissions"], json!(["users.read"]));
    // It may stay while the role is changed, and be taken out, but not put in.
    put_role(&admin, "reader", &["users.read", "future.thing"]).await;
    put_role(&admin, "reader", &["users.read"]).await;
    let again = json!({"role": "reader", "permissions": ["future.thing"]});
    assert_eq!(admin.call("put_role", again).await.status, 422);
}

/// The version of a role that the page of the roles shows, in a hidden field.
async fn version_on_the_page(admin: &Client, role: &str) -> String {
    let page = admin.get(&format!("/roles?edit={role}")).await.body;
    let role = format!(r#"name="role" value="{role}""#);
    let form = page.split_once(&role).expect("the form of the role").1;
    let field = form.split_once(r#"name="version" value=""#).expect("its version").1;
    field.split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_page_of_roles_that_is_out_of_date_brings_back_nothing_that_was_taken_away() {
    let server = Server::demo().await;
    let admin = server.admin().await;
    put_role(&admin, "reader", &["users.read", "audit.read"]).await;
    let version = version_on_the_page(&admin, "reader").await;
    let one = json!({"role": "reader", "permissions": ["users.read"], "version": version});
    admin.done("put_role", one).await;
    let stale = [
        ("role", "reader"),
        ("version", version.as_str()),
        ("permissions", "users.read"),
        ("permissions", "audit.read"),
    ];
    let reply = admin.form("/functions/put_role", &stale).await;
    assert_eq!(reply.header("location"), "/functions/put_role#reply");
    let page = admin.get("/functions/put_role").await;
    assert!(page.shows("has changed since you opened it"));
    let permissions = listed(&admin, "reader").await["permissions"].clone();
    assert_eq!(texts(&permissions, "name"), ["users.read"]);
    // Nor does it make a role again that was deleted.
    let version = version_on_the_page(&admin, "reader").await;
    admin.done("delete_role", json!({"role": "reader"})).await;
    let gone = json!({"role": "reader", "permissions": ["users.read"], "version": version});
    assert_eq!(admin.call("put_role", gone).await.status, 409);
}

#[tokio::test]
async fn the_access_table_agrees_with_the_guards_and_explains_its_answers() {
    let server = Server::demo().await;
    let admin = server.admin().await;
    let user = helpdesk(&admin, &server).await;
    let table = admin.done("access_table", json!({})).await;
    assert_eq!(table["callers"], json!(["nobody", "no role", "admin", "helpdesk"]));
    let roleless = server.logged_in("user02", "user_02").await;
    let clients = [server.client(), roleless, admin.clone(), user];
    let is_guards = |code: &str| code == "not_logged_in" || code.ends_with("_required");
    for row in table["functions"].as_array().unwrap() {
        let name = row["function"].as_str().unwrap();
        // These end the sessions of this test.
        if ["logout", "end_other_sessions", "login", "register"].contains(&name) {
            continue;
        }
        for (client, answer) in clients.iter().zip(row["answers"].as_array().unwrap()) {
            let reply = client.call(name, json!({})).await;
            let code = (reply.status != 200).then(|| reply.code());
            let code = code.filter(|code| is_guards(code));
            assert_eq!(answer, &code.unwrap_or("yes".to_owned()), "{name}: {}", reply.body);
        }
    }
    let explain = async |user: &str, function: &str| {
        let arguments = json!({"user_id": user, "function": function});
        admin.done("explain_access", arguments).await
    };
    for (user, function, allowed, reason) in [
        ("user01", "list_users", true, "helpdesk"),
        ("user01", "list_events", false, "audit.read"),
        ("user02", "list_users", false, "has no role"),
        ("user03", "list_events", true, "every permission"),
        ("user02", "auth_func", true, "allows user02"),
        ("user03", "disable_user", true, "within the last"),
    ] {
        let explained = explain(user, function).await;
        assert_eq!(explained["allowed"], allowed, "{explained}");
        assert!(explained["reasons"].to_string().contains(reason), "{explained}");
        let page = admin.get(&format!("/access?user_id={user}&function={function}")).await;
        assert_eq!(page.status, 200);
    }
    admin.done("disable_user", json!({"user_id": "user01"})).await;
    let explained = explain("user01", "list_users").await;
    assert_eq!(explained["allowed"], false, "{explained}");
    assert!(explained["reasons"].to_string().contains("is disabled"), "{explained}");
    for (user, function) in [("nobody", "auth_func"), ("user01", "nothing")] {
        let arguments = json!({"user_id": user, "function": function});
        assert_eq!(admin.call("explain_access", arguments).await.status, 404);
    }
}
