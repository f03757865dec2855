//! Nodes of one site on one database. Their clients keep one cookie jar, as behind one public address.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures::future::join_all;
use serde_json::json;

use crate::support::{
    client::{Client, Reply},
    place::{Place, Ran},
    poll::until,
    postgres::{PostgresDatabase, PostgresServer},
    server::{Server, UNTHROTTLED},
};

/// The public address of the site, at which nobody listens in these tests.
pub const SITE: &str = "https://localhost:8443";
const SITE_PORT: u16 = 8443;

/// A password that may be chosen.
pub const NEW: &str = "seven small zebras swim";

/// How much longer than promised something may take, because the machine is slow.
pub const ROOM: Duration = Duration::from_secs(5);

/// Nodes on one database.
pub struct Cluster {
    pub nodes: Vec<Server>,
    pub database: PostgresDatabase,
    /// The address of the database for nodes and commands.
    pub url: String,
}

impl Cluster {
    /// Starts demos on a database of the shared server, all of them with these settings.
    pub async fn start(count: usize, settings: &[(&str, &str)]) -> Self {
        let database = PostgresServer::shared().await.create_database().await;
        let url = database.url();
        Self::start_at(database, url, count, settings).await
    }

    /// Starts demos that reach the database at this address.
    pub async fn start_at(database: PostgresDatabase, url: String, count: usize, settings: &[(&str, &str)]) -> Self {
        let mut nodes = vec![node(&url, settings).await];
        nodes.extend(join_all((1..count).map(|_| node(&url, settings))).await);
        Self { nodes, database, url }
    }

    /// Runs a command that must work, and gives what it printed.
    pub async fn command(&self, line: &str, typed: &str) -> String {
        let words: Vec<&str> = line.split(' ').collect();
        command(&self.nodes[0].place, &self.url, &words, typed).await
    }
}

/// The settings of a node with this database.
pub fn variables<'a>(url: &'a str, settings: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let own = [("CALLGATE_DATABASE_URL", url), ("CALLGATE_SITE_ORIGIN", SITE)];
    [&own, UNTHROTTLED, settings].concat()
}

/// Starts a demo in a place of its own.
pub async fn node(url: &str, settings: &[(&str, &str)]) -> Server {
    Place::new().demo(&variables(url, settings)).await
}

/// A client of a node, without cookies.
pub fn client(node: &Server) -> Client {
    node.client().of_site(SITE_PORT)
}

/// A client that has logged in at a node as a program does, without being remembered.
pub async fn logged_in(node: &Server, user: &str, password: &str) -> Client {
    let client = client(node);
    let login = json!({"user_id": user, "password": password, "remember": false});
    client.done("login", login).await;
    client
}

/// Runs a command that must work, and gives what it printed.
pub async fn command(place: &Arc<Place>, url: &str, words: &[&str], typed: &str) -> String {
    let Ran {
        worked, printed, error, ..
    } = place.run_with(words, typed, &variables(url, &[])).await;
    assert!(worked, "{words:?}: {error}");
    printed
}

/// Fails unless the call was refused because the database is away: for now, and without a change of any cookie.
#[track_caller]
pub fn assert_unavailable(reply: &Reply) {
    assert_eq!(reply.status, 503, "{}", reply.body);
    assert!(reply.header("retry-after").parse::<u32>().unwrap() >= 1);
    assert!(reply.set_cookies().is_empty(), "{:?}", reply.headers);
}

/// Fails unless something that is promised within `promised` took no longer, with room for a slow machine.
#[track_caller]
pub fn assert_in_time(what: &str, began: Instant, promised: Duration) {
    let took = began.elapsed();
    assert!(took < promised + ROOM, "{what} took {took:?}");
}

/// The status of a guarded call: 200 or 401, or 503 without a change of any cookie.
pub async fn status(client: &Client) -> u16 {
    let reply = client.call("auth_func", json!({})).await;
    match reply.status {
        200 => assert!(reply.shows("user_id="), "{}", reply.body),
        401 => reply.assert_refused(401, "not_logged_in"),
        _ => assert_unavailable(&reply),
    }
    reply.status
}

/// Waits until a logged-in client is let in, which is promised within that time.
pub async fn assert_heals(client: &Client, promised: Duration) {
    let began = Instant::now();
    until("the node to let calls in", async || status(client).await == 200).await;
    assert_in_time("healing", began, promised);
}

/// Fails unless what needs no database goes on: pages and functions that need nobody, and liveness.
pub async fn assert_open_to_anyone(node: &Server) {
    let anyone = client(node);
    for path in ["/", "/login", "/livez"] {
        let reply = anyone.get(path).await;
        assert_eq!(reply.status, 200, "{path}: {}", reply.body);
    }
    let reply = anyone.call("notauth_func", json!({})).await;
    assert_eq!(reply.status, 200, "{}", reply.body);
}
