//! Tables of attacks: what a provider sends, and what must come of it.

use std::sync::Arc;

use super::{
    forge::Draft,
    hostile::{Hostile, Issuer},
    steps::{Return, assert_failed, begin, demo, departure, failure, link, log_in, section_of, state},
};
use crate::support::{client::Client, server::Server};

/// An account that is linked to user02.
pub const KNOWN: &str = "known";

/// A change of an ID token, with a name for messages.
pub struct Row {
    pub name: &'static str,
    pub attack: Box<dyn Fn(&mut Draft) + Send>,
}

pub fn row(name: &'static str, attack: impl Fn(&mut Draft) + Send + 'static) -> Row {
    Row {
        name,
        attack: Box::new(attack),
    }
}

/// A demo with this issuer, at which user02 has an account.
pub async fn demo_of(hostile: &Hostile, key: &str) -> (Arc<Issuer>, Server) {
    let issuer = hostile.issuer(key);
    // Only the ID token decides.
    let server = demo(&[section_of(&issuer, "userinfo = \"never\"")]).await;
    link(&server, "user02", key, KNOWN).await;
    (issuer, server)
}

/// Fails unless each of these tokens is refused and changes nothing, while the right one logs in.
pub async fn assert_each_refused(issuer: &Issuer, server: &Server, rows: Vec<Row>) {
    let client = server.client();
    for Row { name, attack } in rows {
        let before = state(server).await;
        let departure = begin(&client, &issuer.key).await;
        let reply = Return::of(issuer, &departure, KNOWN).attack(attack).open(&client).await;
        assert_eq!(
            failure(&reply),
            Some(("/login".to_owned(), "refused".to_owned())),
            "{name}: {:?}",
            reply.find("location")
        );
        assert_failed(&client, &reply, "/login", "refused").await;
        assert_eq!(client.who().await, None, "{name}");
        assert_eq!(state(server).await, before, "{name}");
        let log = server.place.log();
        let is_logged = log
            .lines()
            .any(|line| line.contains("ERROR") && line.contains(reply.reference()));
        assert!(is_logged, "{name}: no error about {}", reply.reference());
    }
    log_in(&client, issuer, KNOWN).await.assert_leads_to("/account");
    assert_eq!(client.who().await.as_deref(), Some("user02"), "the right token logs in");
}

/// Fails unless each of these tokens logs in.
pub async fn assert_each_accepted(issuer: &Issuer, server: &Server, rows: Vec<Row>) {
    for Row { name, attack } in rows {
        let client = server.client();
        let departure = begin(&client, &issuer.key).await;
        let reply = Return::of(issuer, &departure, KNOWN).attack(attack).open(&client).await;
        assert_eq!(failure(&reply), None, "{name}");
        assert_eq!(client.who().await.as_deref(), Some("user02"), "{name}");
    }
}

/// What became of a login: the code of its failure, be it at the start or at the callback.
pub async fn outcome(client: &Client, issuer: &Issuer) -> Option<String> {
    let start = format!("/login/with/{}", issuer.key);
    let reply = client.form(&start, &[("next", "/account")]).await;
    let failed = if reply.status == 200 {
        let departure = departure(&reply);
        failure(&Return::of(issuer, &departure, KNOWN).open(client).await)
    } else {
        assert_eq!(reply.status, 303, "{}", reply.body);
        failure(&reply)
    };
    failed.map(|(_, code)| code)
}
