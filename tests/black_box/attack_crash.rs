//! The server is killed again and again while it writes: what it acknowledged is there afterwards, and nothing is there by
//! half (security check 102; OWASP ASVS 2.3.3).

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicUsize, Ordering},
};

use futures::future::join_all;

use crate::{
    client::{Client, REMEMBER, SESSION},
    effort::rounds,
    poll,
    server::{Place, QUICK, Server, UNTHROTTLED},
};

const WRITERS: usize = 3;
/// Makes every new password another one.
static CHANGES: AtomicUsize = AtomicUsize::new(0);

/// What one user was told. What was under way when the server died is neither certain nor ruled out.
#[derive(Default)]
struct Told {
    /// The password, and perhaps the one that it was being changed to.
    passwords: Vec<String>,
    live: Vec<Client>,
    ended: Vec<Client>,
    /// What should never be answered.
    wrong: Vec<String>,
}

/// Logs in, changes the password and logs out, over and over, until the server is gone.
async fn write(server: Client, name: String, told: Arc<Mutex<Told>>, done: Arc<AtomicUsize>) {
    let is_done = |reply: &crate::client::Reply, what: &str| {
        done.fetch_add(1, Ordering::Relaxed);
        if reply.status != 200 {
            let wrong = format!("{what}: {} {}", reply.status, reply.body);
            told.lock().unwrap().wrong.push(wrong);
        }
        reply.status == 200
    };
    for turn in 0.. {
        let client = server.with_only("x", "");
        client.drop_cookie("x");
        let password = told.lock().unwrap().passwords[0].clone();
        let body = serde_json::json!({"user_id": name, "password": password, "remember": true});
        if !is_done(&client.json("/api/login", &body.to_string()).await, "login") {
            return;
        }
        told.lock().unwrap().live.push(client.clone());
        match turn % 3 {
            0 => {}
            1 => {
                let leaving = told.lock().unwrap().live.remove(0);
                let copy = leaving.clone();
                if !is_done(&leaving.json("/api/logout", "{}").await, "logout") {
                    return;
                }
                told.lock().unwrap().ended.push(copy);
            }
            _ => {
                let new = format!("lavender 7 zebras {}", CHANGES.fetch_add(1, Ordering::Relaxed));
                let others = {
                    let mut told = told.lock().unwrap();
                    told.passwords.push(new.clone());
                    std::mem::take(&mut told.live)
                };
                let old = client.clone();
                let body = serde_json::json!({"new_password": new});
                if !is_done(
                    &client.json("/api/change_password", &body.to_string()).await,
                    "change_password",
                ) {
                    return;
                }
                let mut told = told.lock().unwrap();
                told.passwords = vec![new];
                told.ended.extend(others);
                told.ended.push(old);
                told.live = vec![client];
            }
        }
    }
}

/// Holds the server to what it told before it died.
async fn check(server: &Server, name: &str, told: &mut Told) {
    assert!(told.wrong.is_empty(), "{:?}", told.wrong);
    for client in &told.live {
        let client = client.moved_to(&server.client());
        assert_eq!(
            client.who().await.as_deref(),
            Some(name),
            "its session was acknowledged"
        );
        if client.cookie(REMEMBER).is_some() {
            client.drop_cookie(SESSION);
            assert_eq!(client.who().await.as_deref(), Some(name), "its browser was remembered");
        }
    }
    for client in told.ended.iter().map(|client| client.moved_to(&server.client())) {
        for cookie in [SESSION, REMEMBER] {
            if let Some(value) = client.cookie(cookie) {
                assert_eq!(client.with_only(cookie, &value).who().await, None, "{cookie} was ended");
            }
        }
    }
    let mut good = Vec::new();
    for password in &told.passwords {
        let body = serde_json::json!({"user_id": name, "password": password, "remember": false});
        match server.client().json("/api/login", &body.to_string()).await.status {
            200 => good.push(password.clone()),
            status => assert_eq!(status, 401),
        }
    }
    assert_eq!(good.len(), 1, "{name} has one password");
    *told = Told {
        passwords: good,
        ..Told::default()
    };
}

#[tokio::test]
async fn a_crash_loses_nothing_that_was_acknowledged_and_leaves_nothing_by_half() {
    let place = Place::new();
    let settings = [QUICK, UNTHROTTLED].concat();
    let names: Vec<String> = (0..WRITERS).map(|number| format!("writer{number}")).collect();
    let all: Vec<Arc<Mutex<Told>>> = names.iter().map(|_| Arc::default()).collect();
    for (name, told) in names.iter().zip(&all) {
        place.add_user(name, "lavender 7 zebras").await;
        told.lock().unwrap().passwords.push("lavender 7 zebras".to_owned());
    }
    let mut server = place.serve(&settings).await;
    for round in 0..rounds(5, 50) {
        let done = Arc::new(AtomicUsize::new(0));
        let writers: Vec<_> = names
            .iter()
            .zip(&all)
            .map(|(name, told)| {
                tokio::spawn(write(
                    server.client(),
                    name.clone(),
                    Arc::clone(told),
                    Arc::clone(&done),
                ))
            })
            .collect();
        let added = format!("added{round}");
        let adding = tokio::spawn({
            let (place, added) = (Arc::clone(&place), added.clone());
            async move { place.run(&["user", "add", &added], "lavender 7 zebras").await.worked }
        });
        let enough = 4 + round * 7 % 23;
        poll::until("enough to be written", async || done.load(Ordering::Relaxed) >= enough).await;
        server.kill().await;
        // They end as their connections do. Every other round, the command is killed as well.
        join_all(writers).await;
        let is_added = if round % 2 == 0 {
            adding.abort();
            adding.await.unwrap_or(false)
        } else {
            adding.await.unwrap()
        };

        let mut database = place.database().await;
        assert_eq!(database.text("PRAGMA integrity_check").await, "ok");
        for (what, query) in [
            ("a row of nobody", "SELECT COUNT(*) FROM pragma_foreign_key_check"),
            (
                "half a user",
                "SELECT COUNT(*) FROM users WHERE password_hash NOT LIKE '$argon2id$%$%$%'
                   OR folded_name IS NULL OR skeleton IS NULL OR changed_at < created_at",
            ),
            (
                "a session of a browser that is forgotten",
                "SELECT COUNT(*) FROM sessions WHERE series_hash IS NOT NULL
                   AND series_hash NOT IN (SELECT series_hash FROM remembered)",
            ),
        ] {
            assert_eq!(database.number(query).await, 0, "{what}");
        }
        drop(database);
        server = place.serve(&settings).await;
        for (name, told) in names.iter().zip(&all) {
            let mut now = std::mem::take(&mut *told.lock().unwrap());
            check(&server, name, &mut now).await;
            *told.lock().unwrap() = now;
        }
        let body = serde_json::json!({"user_id": added, "password": "lavender 7 zebras", "remember": false});
        let status = server.client().json("/api/login", &body.to_string()).await.status;
        assert!(status == 200 || (status == 401 && !is_added), "{added}: {status}");
    }
}
