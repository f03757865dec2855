//! `callgate function list`: the table of functions, and who may call what. `function_table.txt` is the agreed one, so that a
//! guard that was widened shows in a diff.

use std::{fs, process::Stdio};

use crate::support::{
    place::Place,
    poll::within,
    routes::{Function, functions},
    server::Server,
};

#[tokio::test]
async fn the_table_of_functions_and_callers_is_the_agreed_one() {
    let place = Place::new();
    let files = || fs::read_dir(place.path(".")).unwrap().count();
    let before = files();
    let table = place.done(&["function", "list", "--matrix"], "").await;
    let agreed = include_str!("function_table.txt");
    assert_eq!(
        table.trim_end(),
        agreed.trim_end(),
        "Look at each difference. If all are meant: callgate function list --matrix > tests/calls/function_table.txt"
    );
    assert_eq!(files(), before, "it needs no database and leaves nothing behind");
}

#[tokio::test]
async fn the_command_lists_every_function_with_its_path_guard_and_first_line() {
    let server = Server::shared();
    let table = server.place.done(&["function", "list"], "").await;
    let mut lines = table.lines();
    let head: Vec<&str> = lines.next().unwrap().split_whitespace().collect();
    assert_eq!(head[..3], ["NAME", "PATH", "GUARD"]);
    let functions = functions(&server).await;
    assert_eq!(lines.clone().count(), functions.len());
    for (line, Function { name, guard, .. }) in lines.zip(functions) {
        let cells = line.split("  ").map(str::trim).filter(|cell| !cell.is_empty());
        let cells: Vec<&str> = cells.collect();
        assert_eq!(cells[..3], [&*name, &format!("/api/{name}"), &*guard]);
        assert!(cells[3].contains(' '), "{line} says what it does");
    }
}

/// As in `callgate function list | head -1`.
#[tokio::test]
async fn output_that_nobody_reads_is_no_failure() {
    let server = Server::demo().await;
    for arguments in ["function list", "settings", "user list", "audit export"] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let words: Vec<&str> = arguments.split(' ').collect();
        let mut command = server.place.program(&[], &words, &[]);
        let run = command.stdin(Stdio::null()).stdout(writer).output();
        let output = within("a command", run).await.unwrap();
        let is_quiet = output.stderr.is_empty();
        assert!(output.status.success() && is_quiet, "{arguments}: {output:?}");
    }
}
