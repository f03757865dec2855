//! A database that is locked, full, damaged or of another version: nothing opens because of it, live sessions go on as far
//! as reading goes, and what passes by itself needs no restart (OWASP ASVS 16.5.2 and 16.5.3).

use std::{
    fs,
    net::TcpListener,
    os::unix::fs::FileExt as _,
    time::{Duration, Instant},
};

use futures::future::join_all;

use crate::support::{
    client::{Client, REMEMBER, Reply, SESSION},
    place::Place,
    poll,
    server::{Server, UNTHROTTLED},
};

const LOGIN: &str = r#"{"user_id":"user01","password":"user_01"}"#;

/// A client whose browser is remembered.
async fn remembered(server: &Server) -> Client {
    let client = server.client();
    let reply = client.json("/api/login", LOGIN).await;
    assert_eq!(reply.cookie_names(), [SESSION, REMEMBER]);
    client
}

/// The same without its session: a guard allows a call of it only after a write to the database.
async fn only_remembered(server: &Server) -> Client {
    let client = remembered(server).await;
    client.drop_cookie(SESSION);
    client
}

async fn assert_logged_in(client: &Client) {
    assert_eq!(client.who().await.as_deref(), Some("user01"));
}

/// Fails unless the reply is a temporary refusal: with Retry-After, without cookies, and as a page if a page was requested.
fn assert_comes_again(reply: &Reply, what: &str) {
    assert_eq!(reply.status, 503, "{what}: {}", reply.body);
    assert!(reply.header("retry-after").parse::<u32>().unwrap() >= 1, "{what}");
    assert!(reply.set_cookies().is_empty(), "{what}: {:?}", reply.headers);
    if what.starts_with("page") {
        assert!(reply.header("content-type").starts_with("text/html"), "{what}");
        assert!(reply.shows("The server is busy"), "{what}: {}", reply.body);
    } else {
        assert_eq!(reply.code(), "busy", "{what}");
    }
}

/// An attempt in which the test itself is held up for longer than the server waits says nothing, and is made anew.
#[tokio::test]
async fn a_lock_that_is_soon_gone_is_waited_for_while_others_are_answered() {
    const SERVER_WAITS: Duration = Duration::from_secs(3);
    let server = Place::new().demo(UNTHROTTLED).await;
    let live = server.user01().await;
    let mut other = server.place.database().await;
    poll::until("a lock that is short enough", async || {
        let (visitor, client) = (server.client(), only_remembered(&server).await);
        other.change("BEGIN EXCLUSIVE").await;
        let began = Instant::now();
        let login = tokio::spawn(async move { visitor.json("/api/login", LOGIN).await.status });
        let call = tokio::spawn(async move { client.json("/api/auth_func", "{}").await.status });
        for _ in 0..2 {
            assert_logged_in(&live).await;
        }
        let they_wait = !login.is_finished() && !call.is_finished();
        assert!(they_wait || began.elapsed() >= SERVER_WAITS, "they do not wait");
        other.change("COMMIT").await;
        let statuses = (login.await.unwrap(), call.await.unwrap());
        let are_done = statuses == (200, 200);
        assert!(are_done || began.elapsed() >= SERVER_WAITS, "{statuses:?}");
        they_wait && are_done
    })
    .await;
}

#[tokio::test]
async fn a_lock_that_stays_refuses_what_must_be_written_and_opens_nothing_until_it_is_gone() {
    let server = Server::demo().await;
    let (live, leaving) = (remembered(&server).await, remembered(&server).await);
    let (program, visitor) = (only_remembered(&server).await, server.client());
    let mut other = server.place.database().await;
    other.change("BEGIN EXCLUSIVE").await;
    let (login, call, logout) = tokio::join!(
        visitor.json("/api/login", LOGIN),
        program.json("/api/auth_func", "{}"),
        leaving.json("/api/logout", "{}"),
    );
    assert_comes_again(&login, "login");
    assert_comes_again(&call, "a guarded call");
    assert_comes_again(&logout, "logout");
    // Reading goes on beside a writer.
    assert_logged_in(&live).await;
    assert_eq!(live.get("/readyz").await.status, 200);

    other.change("COMMIT").await;
    for client in [&live, &program, &leaving] {
        assert_logged_in(client).await;
    }
    assert_eq!(leaving.json("/api/logout", "{}").await.status, 200);
    assert_eq!(visitor.json("/api/login", LOGIN).await.status, 200);
}

#[tokio::test]
async fn live_sessions_do_not_wait_for_a_lock_and_it_is_logged_once() {
    let server = Server::demo().await;
    let live = server.user01().await;
    let mut database = server.place.database().await;
    assert_eq!(database.rest_sessions(300).await, 1);
    database.change("BEGIN EXCLUSIVE").await;
    let began = Instant::now();
    for _ in 0..20 {
        assert_logged_in(&live).await;
    }
    let log = server.place.log();
    let logged = log.matches("the use of a session").count();
    // Each call that waits would log it. A slow machine may reach the next minute, when it is logged again.
    let most = 1 + usize::try_from(began.elapsed().as_secs() / 60).unwrap();
    assert!((1..=most).contains(&logged), "{logged} times: {log}");
    database.change("COMMIT").await;
    let recorded = "SELECT COUNT(*) FROM sessions WHERE last_used_at > 1000 * unixepoch() - 200000";
    // The first recorded use may come from the write that the calls stopped waiting for.
    for _ in 0..2 {
        let is_recorded = async || live.who().await.is_some() && database.number(recorded).await == 1;
        poll::until("a use to be recorded", is_recorded).await;
        assert_eq!(database.rest_sessions(300).await, 1);
    }
}

#[tokio::test]
async fn a_full_disk_refuses_what_must_be_written_and_live_sessions_go_on() {
    let place = Place::new();
    let sockets = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let server = place.demo_on([&sockets[0], &sockets[1]], &[]).await;
    let (live, over) = (remembered(&server).await, only_remembered(&server).await);
    let mut database = place.database().await;
    // The next use is due to be recorded, which needs disk space.
    database.rest_sessions(300).await;

    server.limit_files(Some(0));
    // Once is not enough: what a first failure leaves behind shows at the next ones.
    for _ in 0..5 {
        let fields = [("user_id", "user01"), ("password", "user_01")];
        for (what, reply) in [
            ("login", server.client().json("/api/login", LOGIN).await),
            ("page after a form", server.client().form("/login", &fields).await),
            ("a guarded call", over.json("/api/auth_func", "{}").await),
            ("page", over.get("/").await),
            ("logout", live.json("/api/logout", "{}").await),
        ] {
            assert_comes_again(&reply, what);
        }
        assert_logged_in(&live).await;
        assert_eq!(live.get("/").await.status, 200);
    }
    assert_eq!(live.get("/livez").await.status, 200);

    server.limit_files(None);
    assert_logged_in(&over).await;
    assert_eq!(live.json("/api/logout", "{}").await.status, 200);
    assert_logged_in(&server.user01().await).await;
    assert_eq!(database.text("PRAGMA integrity_check").await, "ok");
    let log = place.log();
    assert!(!log.contains("panicked"), "{log}");
}

#[tokio::test]
async fn a_database_that_is_damaged_while_it_serves_opens_nothing() {
    let place = Place::new();
    let server = place.demo(UNTHROTTLED).await;
    let (live, over) = (remembered(&server).await, only_remembered(&server).await);
    let mut database = place.database().await;
    // All of it is in the file, and what connections remember of it is outdated.
    database.change("UPDATE users SET created_at = created_at + 1").await;
    assert_eq!(database.number("PRAGMA wal_checkpoint(TRUNCATE)").await, 0);
    let path = place.data().join("callgate.db");
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    let pages = usize::try_from(file.metadata().unwrap().len()).unwrap() - 4096;
    file.write_all_at(&vec![0xaa; pages], 4096).unwrap();

    for _ in 0..3 {
        for client in [&live, &over] {
            let reply = client.json("/api/auth_func", "{}").await;
            assert_eq!((reply.status, reply.code().as_str()), (500, "internal"));
            assert!(reply.set_cookies().is_empty(), "{:?}", reply.headers);
        }
        assert_eq!(live.get("/").await.status, 500);
        assert_eq!(server.client().json("/api/login", LOGIN).await.status, 500);
        assert_eq!(live.get("/readyz").await.status, 503);
        assert_eq!(live.get("/livez").await.status, 200);
    }
    assert!(live.cookie(SESSION).is_some() && over.cookie(REMEMBER).is_some());
    assert!(place.log().contains("malformed"), "{}", place.log());
}

/// Neither a server nor a command starts on this database, and both say why.
async fn assert_not_opened(place: &Place, why: &[&str]) {
    place.refused(&["--demo"], &[]).await.assert_failed(why);
    place.run(&["user", "list"], "").await.assert_failed(why);
}

#[tokio::test]
async fn a_damaged_file_keeps_the_server_from_starting_and_stays_as_it_is() {
    let place = Place::new();
    place.demo(&[]).await.stop().await;
    // A server that stops on a busy machine may leave a part of it in the write-ahead log.
    let mut database = place.database().await;
    database.change("PRAGMA wal_checkpoint(TRUNCATE)").await;
    database.close().await;
    let file = place.data().join("callgate.db");
    let whole = fs::read(&file).unwrap();
    let text = b"this was a database once. ".repeat(1000);
    let spoilt = [&whole[..4096], &vec![0xaa; whole.len() - 4096]].concat();
    for damaged in [&text[..], &spoilt, &whole[..5000], &[&[0; 100], &whole[100..]].concat()] {
        fs::write(&file, damaged).unwrap();
        assert_not_opened(&place, &["data/callgate.db is damaged", "Restore a backup"]).await;
        assert!(fs::read(&file).unwrap() == damaged, "the file was changed");
    }
    fs::write(&file, whole).unwrap();
    place.demo(&[]).await.user01().await;
}

#[tokio::test]
async fn a_database_that_only_a_newer_program_can_use_is_left_alone() {
    let place = Place::new();
    place.demo(&[]).await.stop().await;
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                 VALUES (9999, 'from the future', TRUE, x'00', 0)";
    let mut database = place.database().await;
    database.change(newer).await;
    // The migration says that this program can still use the database.
    place.demo(&[]).await.stop().await;
    let oldest = database.number("SELECT oldest_program FROM schema_support").await;
    database.change("UPDATE schema_support SET oldest_program = 9999").await;
    assert_not_opened(&place, &["made by a newer Callgate", "restore a backup"]).await;
    let undone = format!("UPDATE schema_support SET oldest_program = {oldest}");
    assert_eq!(database.change(&undone).await, 1);
    place.demo(&[]).await;
}

/// The old program still runs when the new one is installed, and may have to run on.
#[tokio::test]
async fn a_newer_command_or_failed_start_leaves_the_database_of_a_running_server_as_it_is() {
    let server = Server::demo().await;
    let mut database = server.place.database().await;
    // As if the running server did not know the last step yet.
    let undone = "DELETE FROM _sqlx_migrations WHERE version = (SELECT MAX(version) FROM _sqlx_migrations)";
    assert_eq!(database.change(undone).await, 1);
    let before = database.state().await;
    for command in [&["user", "list"][..], &["user", "add", "ada"], &["audit", "export"]] {
        let ran = server.place.run(command, "seven small brown zebras").await;
        ran.assert_failed(&["made by an older Callgate"]);
        assert_eq!(database.state().await, before, "{command:?}");
    }
    for (option, taken) in [("--https", server.https), ("--http", server.http)] {
        let ran = server.place.refused(&["--demo", option, &taken.to_string()], &[]).await;
        ran.assert_failed(&["cannot listen on", option]);
        assert_eq!(database.state().await, before, "{option}");
    }
    assert_eq!(server.client().get("/").await.status, 200);
}

#[tokio::test]
async fn a_place_where_nothing_can_be_written_keeps_the_server_from_starting() {
    let place = Place::new();
    fs::create_dir_all(place.data().join("callgate.db")).unwrap();
    // Not even root makes a folder in /proc.
    for folder in ["data", "/proc/callgate"] {
        let ran = place.refused(&["--demo"], &[("CALLGATE_DATA", folder)]).await;
        ran.assert_failed(&[&format!("write to the data folder {folder}")]);
    }
}

#[tokio::test]
async fn servers_that_start_at_once_on_an_empty_folder_all_come_up_and_share_sessions() {
    let place = Place::with_default_settings();
    let servers = join_all((0..3).map(|_| place.demo(&[]))).await;
    let client = servers[0].user01().await;
    let clients: Vec<Client> = servers.iter().map(|server| client.moved_to(&server.client())).collect();
    for client in &clients {
        assert_logged_in(client).await;
    }
    assert_eq!(clients[1].json("/api/logout", "{}").await.status, 200);
    assert_eq!(clients[0].who().await, None);
    assert_eq!(clients[2].who().await, None);
    assert_eq!(place.database().await.count("users").await, 3);
}
