//! Users, roles, sessions and the audit trail from the command line, beside a running server and without one.

use std::sync::Arc;

use serde_json::{Value, json};

use crate::server::{Place, QUICK, Server};

const PASSWORD: &str = "seven small brown zebras";

async fn told(place: &Arc<Place>, line: &[&str]) -> Value {
    let ran = place.run(line, "").await;
    assert!(ran.worked && ran.error.is_empty(), "{line:?}: {}", ran.error);
    let printed = ran.printed;
    serde_json::from_str(&printed).unwrap_or_else(|error| panic!("{line:?}: {error}: {printed}"))
}

async fn status(place: &Arc<Place>, line: &[&str]) -> i32 {
    let ran = place.run(line, PASSWORD).await;
    assert_eq!(
        ran.worked,
        ran.error.is_empty() || ran.status == 0,
        "{line:?}: {}",
        ran.error
    );
    assert!(
        ran.status == 0 || !ran.error.trim().is_empty(),
        "{line:?} says what is wrong"
    );
    assert!(
        ran.status == 0 || ran.printed.is_empty(),
        "{line:?} prints no result: {}",
        ran.printed
    );
    ran.status
}

#[tokio::test]
async fn a_command_that_begins_nothing_makes_no_database() {
    let place = Place::new();
    for line in [
        &["user", "list"][..],
        &["user", "disable", "ada"],
        &["role", "list"],
        &["role", "give", "ada", "admin"],
        &["session", "list", "ada"],
        &["audit", "events"],
    ] {
        let ran = place.run(line, "").await;
        assert!(
            !ran.worked && ran.error.contains("no database in the folder data") && ran.error.contains("--data"),
            "{line:?}: {}",
            ran.error
        );
        assert!(!place.data().exists(), "{line:?}");
    }
    for line in [
        &["user", "add", "ada"][..],
        &["user", "invite", "ada"],
        &["role", "put", "support"],
    ] {
        Place::new().done(line, PASSWORD).await;
    }
}

#[tokio::test]
async fn everything_an_operator_needs_is_done_by_commands_without_a_server() {
    let place = Place::new();
    place.done(&["user", "add", "ada", "--role", "admin"], PASSWORD).await;
    let invited = told(&place, &["user", "invite", "bob", "--json"]).await;
    assert_eq!(invited["user_id"], "bob");
    assert!(invited["link"].as_str().unwrap().contains("/welcome#"), "{invited}");
    place
        .done(
            &[
                "role",
                "put",
                "support",
                "--permission",
                "users.read",
                "--description",
                "Helps",
            ],
            "",
        )
        .await;
    place.done(&["role", "give", "bob", "support"], "").await;
    let roles = told(&place, &["role", "list", "--json"]).await;
    assert_eq!(roles["roles"][1]["role"], "support");
    assert_eq!(roles["roles"][1]["users"], 1);
    let bob = told(&place, &["user", "show", "bob", "--json"]).await;
    assert_eq!(
        (&bob["user"]["roles"], &bob["user"]["state"]),
        (&json!(["support"]), &json!("invited"))
    );
    let explained = told(&place, &["role", "explain", "bob", "list_users", "--json"]).await;
    assert_eq!(explained["allowed"], false, "bob cannot log in yet: {explained}");
    let words = place.done(&["role", "explain", "ada", "list_users"], "").await;
    assert!(words.starts_with("ada can call list_users"), "{words}");
    let listed = place.done(&["user", "list", "--json", "--role", "support"], "").await;
    let lines: Vec<Value> = listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.len() == 1 && lines[0]["user_id"] == "bob", "{listed}");

    let events = told(&place, &["audit", "events", "--json"]).await;
    let done: Vec<&str> = events["events"]
        .as_array()
        .unwrap()
        .iter()
        .map(|event| event["action"].as_str().unwrap())
        .collect();
    assert_eq!(
        done,
        ["role_given", "role_changed", "link_made", "user_added", "user_added"]
    );
    for event in events["events"].as_array().unwrap() {
        assert_eq!(
            (&event["actor"], &event["outcome"]),
            (&json!("(operator)"), &json!("ok"))
        );
    }
    let export = place.done(&["audit", "export"], "").await;
    let exported: Vec<Value> = export.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut earliest_first = events["events"].as_array().unwrap().clone();
    earliest_first.reverse();
    assert_eq!(exported, earliest_first);
    let about_bob = told(
        &place,
        &["audit", "events", "--json", "--user", "bob", "--what", "role_given"],
    )
    .await;
    assert_eq!(about_bob["events"].as_array().unwrap().len(), 1);
    for secret in [PASSWORD, "argon2", "#"] {
        assert!(!export.contains(secret), "{export}");
    }
}

#[tokio::test]
async fn the_status_of_a_command_tells_a_script_what_became_of_it() {
    let place = Place::new();
    for (line, expected) in [
        (&["user", "add", "ada", "--role", "admin"][..], 0),
        (&["user", "add", "ada"], 4),
        (&["user", "add", "Ada"], 4),
        (&["user", "add", "a b"], 1),
        (&["user", "add", "bob", "--role", "nothing"], 3),
        (&["user", "invite", "bob", "--role", "nothing"], 3),
        (&["user", "invite", "bob"], 0),
        (&["user", "invite", "ada"], 4),
        (&["user", "show", "nobody"], 3),
        (&["user", "passwd", "nobody"], 3),
        (&["user", "passwd", "nobody", "--link"], 3),
        (&["user", "disable", "nobody"], 3),
        (&["user", "disable", "ada"], 4),
        (&["user", "delete", "ada"], 4),
        (&["user", "delete", "nobody"], 3),
        (&["user", "list", "--state", "gone"], 2),
        (&["role", "put", "Bad Name"], 1),
        (&["role", "put", "reader", "--permission", "no.such"], 1),
        (&["role", "put", "admin"], 4),
        (&["role", "delete", "admin"], 4),
        (&["role", "delete", "nothing"], 3),
        (&["role", "give", "ada", "nothing"], 3),
        (&["role", "give", "nobody", "admin"], 3),
        (&["role", "take", "ada", "admin"], 4),
        (&["role", "explain", "ada", "nothing"], 3),
        (&["session", "list", "nobody"], 3),
        (&["session", "revoke", "nobody"], 3),
        (&["session", "revoke", "ada", "nothing"], 3),
        (&["session", "revoke", "ada"], 0),
        (&["audit", "events", "--since", "yesterday"], 2),
        (
            &["audit", "events", "--since", "2026-02-01", "--until", "2026-01-01"],
            1,
        ),
        (&["audit", "nothing"], 2),
    ] {
        assert_eq!(status(&place, line).await, expected, "{line:?}");
    }
}

/// security checks 34, 35 and 72: from another process
#[tokio::test]
async fn what_a_command_changes_holds_at_the_very_next_call_of_the_running_server() {
    let server = Server::quick_demo().await;
    let place = &server.place;
    let (phone, laptop) = (server.user01().await, server.user01().await);
    let sessions = told(place, &["session", "list", "user01", "--json"]).await;
    assert_eq!(sessions["sessions"].as_array().unwrap().len(), 2);
    let own = phone.done("my_sessions", json!({})).await;
    let own = own["sessions"]
        .as_array()
        .unwrap()
        .iter()
        .find(|session| session["current"] == true);
    let id = own.unwrap()["id"].as_str().unwrap();
    assert!(place.done(&["session", "list", "user01"], "").await.contains(id));
    place.done(&["session", "revoke", "user01", id], "").await;
    assert_eq!(phone.who().await, None);
    assert_eq!(laptop.who().await.as_deref(), Some("user01"));

    place
        .done(&["role", "put", "reader", "--permission", "audit.read"], "")
        .await;
    place.done(&["role", "give", "user01", "reader"], "").await;
    laptop.done("list_events", json!({})).await;
    place.done(&["role", "put", "reader"], "").await;
    assert_eq!(
        laptop.call("list_events", json!({})).await.code(),
        "permission_required"
    );
    place
        .done(&["role", "put", "reader", "--permission", "audit.read"], "")
        .await;
    laptop.done("list_events", json!({})).await;
    place.done(&["role", "delete", "reader"], "").await;
    assert_eq!(
        laptop.call("list_events", json!({})).await.code(),
        "permission_required"
    );

    place.done(&["session", "revoke", "user01"], "").await;
    assert_eq!(laptop.who().await, None);
    let again = server.user01().await;
    let link = told(place, &["user", "passwd", "user01", "--link", "--json"]).await;
    assert_eq!(again.who().await, None);
    let chosen = json!({"code": link["link"], "new_password": PASSWORD});
    server.client().done("choose_password", chosen).await;
    server.logged_in("user01", PASSWORD).await;
}

#[tokio::test]
async fn every_command_teaches_itself() {
    let place = Place::new();
    let help = place.done(&["--help"], "").await;
    for command in ["user", "role", "session", "audit"] {
        assert!(help.contains(command), "{help}");
        let of_command = place.done(&[command, "--help"], "").await;
        assert!(
            of_command.contains("Exit codes:") && of_command.contains("--json"),
            "{of_command}"
        );
        assert!(of_command.contains("running server"), "{of_command}");
        let subcommands = of_command
            .lines()
            .skip_while(|line| !line.starts_with("Commands:"))
            .skip(1)
            .take_while(|line| line.starts_with("  "))
            .filter_map(|line| line.split_whitespace().next());
        for subcommand in subcommands.filter(|name| *name != "help") {
            let text = place.done(&[command, subcommand, "--help"], "").await;
            assert!(text.contains("Usage:") && text.contains("--json"), "{text}");
        }
    }
    assert!(!place.data().exists());
}

/// A server that runs sees it within the second that is promised; here it is the very next call.
#[tokio::test]
async fn a_demo_is_managed_while_another_command_runs_beside_it() {
    let place = Place::new();
    let server = place.demo(QUICK).await;
    let commands = (0..8).map(|number| {
        let place = &place;
        async move {
            let role = format!("role{number}");
            place
                .done(&["role", "put", &role, "--permission", "users.read"], "")
                .await;
            place.done(&["role", "give", "user01", &role], "").await;
        }
    });
    futures::future::join_all(commands).await;
    let user = server.user01().await;
    let shown = user.done("show_user", json!({"user_id": "user01"})).await;
    assert_eq!(shown["user"]["roles"].as_array().unwrap().len(), 8);
}
