//! The commands user, role, session and audit: their results, exit codes and help, with and without a running server.

use std::{fs, sync::Arc};

use serde_json::{Value, json};

use crate::{
    PASSWORD, assert_fields, choose, rows, session_id,
    support::{place::Place, server::Server},
    texts,
};

fn words(line: &str) -> Vec<&str> {
    line.split(' ').collect()
}

/// The JSON that a command prints.
async fn json(place: &Arc<Place>, line: &str) -> Value {
    let ran = place.run(&words(&format!("{line} --json")), "").await;
    assert!(ran.worked && ran.error.is_empty(), "{line}: {}", ran.error);
    serde_json::from_str(&ran.printed).unwrap_or_else(|error| panic!("{line}: {error}: {}", ran.printed))
}

/// The JSON objects that a command prints, one a line.
fn lines(printed: &str) -> Vec<Value> {
    let lines = printed.lines();
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn reading_makes_no_database_and_adding_says_which_one_it_is() {
    let place = Place::new();
    // What a start leaves that failed early.
    fs::create_dir(place.path("begun")).unwrap();
    fs::write(place.path("begun/callgate.db"), "").unwrap();
    let reading = "user list, user disable ada, role list, role give ada admin, session list ada, audit events";
    for line in reading.split(", ") {
        for folder in ["misspelt", "begun"] {
            let ran = place.run(&words(&format!("{line} --data {folder}")), "").await;
            let reason = format!("no database in the folder {folder}. Give the data folder with --data");
            assert!(!ran.worked && ran.error.contains(&reason), "{line}: {}", ran.error);
        }
    }
    assert!(!place.path("misspelt").exists());
    assert_eq!(fs::read_dir(place.path("begun")).unwrap().count(), 1);
    assert_eq!(fs::metadata(place.path("begun/callgate.db")).unwrap().len(), 0);
    for line in ["user add ada", "user invite ada", "role put support"] {
        for json in ["", " --json"] {
            let place = Place::new();
            let ran = place.run(&words(&format!("{line}{json}")), PASSWORD).await;
            assert!(ran.worked, "{line}: {}", ran.error);
            let file = fs::canonicalize(place.data().join("callgate.db")).unwrap();
            let said = format!("{}{}", ran.printed, ran.error);
            assert!(said.contains(file.to_str().unwrap()), "{line}{json}: {said}");
        }
    }
}

#[tokio::test]
async fn users_roles_and_events_are_managed_without_a_server() {
    let place = Place::new();
    place.done(&words("user add ada --role admin"), PASSWORD).await;
    let invited = json(&place, "user invite bob").await;
    assert_eq!(invited["user_id"], "bob");
    assert!(
        invited["link"].as_str().unwrap().contains("/welcome?user="),
        "{invited}"
    );
    let put = words("role put support --permission users.read --description Helps");
    place.done(&put, "").await;
    place.done(&words("role give bob support"), "").await;
    let roles = json(&place, "role list").await["roles"].clone();
    assert_fields(&roles[1], &json!({"role": "support", "users": 1}));
    let bob = json(&place, "user show bob").await["user"].clone();
    assert_fields(&bob, &json!({"roles": ["support"], "state": "invited"}));
    let explained = json(&place, "role explain bob list_users").await;
    assert_eq!(explained["allowed"], false, "bob cannot log in yet: {explained}");
    let reason = place.done(&words("role explain ada list_users"), "").await;
    assert!(reason.starts_with("ada can call list_users"), "{reason}");
    let listed = place.done(&words("user list --json --role support"), "").await;
    assert_eq!(texts(&json!(lines(&listed)), "user_id"), ["bob"]);

    let events = json(&place, "audit events").await["events"].clone();
    let done = ["role_given", "role_changed", "link_made", "user_added", "user_added"];
    assert_eq!(texts(&events, "action"), done);
    assert_eq!(texts(&events, "actor"), ["(operator)"; 5]);
    assert_eq!(texts(&events, "outcome"), ["ok"; 5]);
    let export = place.done(&["audit", "export"], "").await;
    let mut exported = lines(&export);
    exported.reverse();
    assert_eq!(json!(exported), events, "the earliest first");
    let about_bob = json(&place, "audit events --user bob --what role_given").await;
    assert_eq!(about_bob["events"].as_array().unwrap().len(), 1);
    for secret in [PASSWORD, "argon2", "#"] {
        assert!(!export.contains(secret), "{export}");
    }
}

#[tokio::test]
async fn the_exit_code_of_a_command_says_what_became_of_it() {
    let place = Place::new();
    // 1: an argument is bad; 2: wrong usage; 3: it is not there; 4: it must not be.
    let table = "
        0 | user add ada --role admin
        4 | user add ada, user add Ada, user invite ada, user disable ada, user delete ada
        0 | user invite bob
        1 | user add a/b, role put Bad.Name, role put reader --permission no.such
        3 | user add eve --role nothing, user invite eve --role nothing
        3 | user show nobody, user passwd nobody, user passwd nobody --link
        3 | user disable nobody, user enable nobody, user delete nobody
        2 | user list --state gone, audit events --since yesterday, audit nothing
        4 | role put admin, role delete admin, role take ada admin
        3 | role delete nothing, role give ada nothing, role give nobody admin
        3 | role explain ada nothing, session list nobody, session revoke nobody, session revoke ada nothing
        0 | session revoke ada
        1 | audit events --since 2026-02-01 --until 2026-01-01";
    for [expected, lines] in rows(table) {
        for line in lines.split(", ") {
            let ran = place.run(&words(line), PASSWORD).await;
            assert_eq!(ran.status.to_string(), expected, "{line}: {}", ran.error);
            let has_reason = !ran.error.trim().is_empty() && ran.printed.is_empty();
            assert!(ran.worked || has_reason, "{line}: {}", ran.printed);
        }
    }
}

#[tokio::test]
async fn commands_list_sessions_of_a_running_server_and_make_links_for_it() {
    let server = Server::demo().await;
    let place = &server.place;
    let (phone, _laptop) = (server.user01().await, server.user01().await);
    let id = session_id(&phone.done("my_sessions", json!({})).await, true);
    let sessions = json(place, "session list user01").await["sessions"].clone();
    assert!(sessions.as_array().unwrap().len() == 2 && texts(&sessions, "id").contains(&&*id));
    assert!(place.done(&words("session list user01"), "").await.contains(&id));
    let link = json(place, "user passwd user01 --link").await;
    let reply = choose(&phone, link["link"].as_str().unwrap(), PASSWORD).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
    server.logged_in("user01", PASSWORD).await;
}

#[tokio::test]
async fn every_command_has_help_with_its_exit_codes() {
    let place = Place::new();
    let help = place.done(&["--help"], "").await;
    for command in ["user", "role", "session", "audit"] {
        assert!(help.contains(command), "{help}");
        let of_command = place.done(&[command, "--help"], "").await;
        for part in ["Exit codes:", "--json", "running server"] {
            assert!(of_command.contains(part), "{part}: {of_command}");
        }
        let (_, subcommands) = of_command.split_once("Commands:\n").unwrap();
        let subcommands = subcommands.lines().take_while(|line| line.starts_with("  "));
        let names = subcommands.filter_map(|line| line.split_whitespace().next());
        for subcommand in names.filter(|name| *name != "help") {
            let text = place.done(&[command, subcommand, "--help"], "").await;
            assert!(text.contains("Usage:") && text.contains("--json"), "{text}");
        }
    }
    assert!(!place.data().exists());
}

#[tokio::test]
async fn commands_that_run_at_once_beside_a_server_are_all_done() {
    let server = Server::demo().await;
    let place = &server.place;
    let commands = (0..6).map(|number| async move {
        let role = format!("role{number}");
        let put = ["role", "put", &role, "--permission", "users.read"];
        place.done(&put, "").await;
        place.done(&["role", "give", "user01", &role], "").await;
    });
    futures::future::join_all(commands).await;
    let user = server.user01().await;
    let shown = user.done("show_user", json!({"user_id": "user01"})).await;
    assert_eq!(shown["user"]["roles"].as_array().unwrap().len(), 6);
}
