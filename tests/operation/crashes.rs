//! The server is killed again and again while it writes: what it acknowledged is there afterwards, and nothing is half done
//! (OWASP ASVS 2.3.3).

use std::{
    mem,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures::future::join_all;
use serde_json::{Value, json};

use crate::support::{
    client::{Client, REMEMBER, SESSION},
    effort::rounds,
    place::Place,
    poll,
    server::{Server, UNTHROTTLED},
};

const PASSWORD: &str = "lavender 7 zebras";
/// The number of answers. Also makes each new password unique.
static ANSWERS: AtomicUsize = AtomicUsize::new(0);

/// What was acknowledged to one user. A request that ran when the server died may have taken effect or not.
#[derive(Default)]
struct Acknowledged {
    /// The password, and perhaps the one that it was being changed to.
    passwords: Vec<String>,
    live: Vec<Client>,
    ended: Vec<Client>,
}

impl Acknowledged {
    fn password(password: String) -> Self {
        Self {
            passwords: vec![password],
            ..Self::default()
        }
    }
}

/// A user, and what was acknowledged so far.
type Shared = Arc<(String, Mutex<Acknowledged>)>;

fn credentials(name: &str, password: &str, remember: bool) -> Value {
    json!({"user_id": name, "password": password, "remember": remember})
}

async fn done(client: &Client, function: &str, arguments: Value) {
    client.done(function, arguments).await;
    ANSWERS.fetch_add(1, Ordering::Relaxed);
}

/// Logs in, changes the password and logs out, over and over, until a connection breaks: that panics.
async fn write(empty: Client, user: Shared) {
    let (name, state) = &*user;
    for turn in 0.. {
        let client = empty.clone();
        let password = state.lock().unwrap().passwords[0].clone();
        done(&client, "login", credentials(name, &password, true)).await;
        state.lock().unwrap().live.push(client.clone());
        match turn % 3 {
            0 => {}
            1 => {
                let leaving = state.lock().unwrap().live.remove(0);
                done(&leaving.clone(), "logout", json!({})).await;
                state.lock().unwrap().ended.push(leaving);
            }
            _ => {
                let new = format!("{PASSWORD} {}", ANSWERS.load(Ordering::Relaxed));
                state.lock().unwrap().passwords.push(new.clone());
                let others = mem::take(&mut state.lock().unwrap().live);
                let old = client.clone();
                done(&client, "change_password", json!({"new_password": new})).await;
                let mut state = state.lock().unwrap();
                state.passwords = vec![new];
                state.ended.extend(others);
                state.ended.push(old);
                state.live = vec![client];
            }
        }
    }
}

/// Holds the server to what it acknowledged before it died. What is certain afterwards is one password.
async fn check(server: &Server, user: &Shared) {
    let (name, state) = &**user;
    let before = mem::take(&mut *state.lock().unwrap());
    for client in before.live.iter().map(|client| client.moved_to(&server.client())) {
        assert_eq!(client.who().await.as_ref(), Some(name), "its session was acknowledged");
        if client.cookie(REMEMBER).is_some() {
            client.drop_cookie(SESSION);
            assert_eq!(client.who().await.as_ref(), Some(name), "its browser was remembered");
        }
    }
    for client in before.ended.iter().map(|client| client.moved_to(&server.client())) {
        for cookie in [SESSION, REMEMBER] {
            let value = client.cookie(cookie).unwrap_or_default();
            assert_eq!(client.with_only(cookie, &value).who().await, None, "{cookie} was ended");
        }
    }
    let mut good = Vec::new();
    for password in before.passwords {
        let client = server.client();
        let login = client.call("login", credentials(name, &password, false)).await;
        assert!([200, 401].contains(&login.status), "{}", login.body);
        good.extend((login.status == 200).then_some(password));
    }
    assert_eq!(good.len(), 1, "{name} has one password");
    *state.lock().unwrap() = Acknowledged::password(good.remove(0));
}

#[tokio::test]
async fn a_crash_while_writing_loses_nothing_that_was_acknowledged_and_leaves_nothing_half_done() {
    let place = Place::new();
    let mut users: Vec<Shared> = Vec::new();
    for name in ["writer0", "writer1", "writer2"] {
        place.add_user(name, PASSWORD).await;
        let user = Mutex::new(Acknowledged::password(PASSWORD.to_owned()));
        users.push(Arc::new((name.to_owned(), user)));
    }
    let mut server = place.serve(UNTHROTTLED).await;
    for round in 0..rounds(5, 50) {
        let enough = ANSWERS.load(Ordering::Relaxed) + 4 + round * 7 % 23;
        let begin = |user: &Shared| tokio::spawn(write(server.client(), Arc::clone(user)));
        let writing: Vec<_> = users.iter().map(begin).collect();
        let added = format!("added{round}");
        let adding = tokio::spawn({
            let (place, added) = (Arc::clone(&place), added.clone());
            async move { place.run(&["user", "add", &added], PASSWORD).await.worked }
        });
        let is_enough = async || ANSWERS.load(Ordering::Relaxed) >= enough;
        poll::until("enough to be written", is_enough).await;
        server.kill().await;
        for ended in join_all(writing).await {
            let why = ended.unwrap_err().into_panic();
            let why = why.downcast::<String>().expect("a message");
            assert!(!why.starts_with("assertion"), "{why}");
        }
        // Every other round, the command is killed as well.
        if round % 2 == 0 {
            adding.abort();
        }
        let is_added = adding.await.unwrap_or(false);

        let mut database = place.database().await;
        database.assert_intact().await;
        for (what, rows) in [
            (
                "half a user",
                "users WHERE password_hash NOT LIKE '$argon2id$%$%$%' OR folded_name IS NULL OR skeleton IS NULL
                   OR changed_at < created_at",
            ),
            (
                "a session of a browser that is forgotten",
                "sessions WHERE series_hash IS NOT NULL AND series_hash NOT IN (SELECT series_hash FROM remembered)",
            ),
        ] {
            assert_eq!(database.count(rows).await, 0, "{what}");
        }
        drop(database);
        server = place.serve(UNTHROTTLED).await;
        for user in &users {
            check(&server, user).await;
        }
        let client = server.client();
        let login = client.call("login", credentials(&added, PASSWORD, false)).await;
        let status = login.status;
        assert!(status == 200 || (status == 401 && !is_added), "{added}: {status}");
    }
}
