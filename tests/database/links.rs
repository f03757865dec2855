//! One-time links at several nodes.

use callgate::server::{
    model::clock::Timestamp,
    storage::{
        links::{FirstLink, NewLink, OtherNodes},
        roles::UpdateOutcome,
        users::NewUser,
    },
};
use futures::future::join_all;

use super::steps::{NOW, event, hash, nodes};
use crate::support::effort::rounds;

const LATER: Timestamp = Timestamp(NOW.0 + 60_000);

#[tokio::test]
async fn of_twenty_uses_of_a_link_at_three_nodes_one_works_once() {
    let (_database, nodes) = nodes::<3>().await;
    for round in 0..rounds(50, 200) {
        let (user_id, code) = (format!("user {round}"), hash(&format!("code {round}")));
        let user = NewUser {
            user_id: &user_id,
            link: Some(NewLink {
                code: &code,
                user_id: &user_id,
                made_by: None,
                expires_at: LATER,
            }),
            ..NewUser::default()
        };
        let added = nodes[0].add_user(&user, NOW, &[]).await.unwrap();
        assert_eq!(added, UpdateOutcome::Done);
        let outcomes = join_all((0..20).map(|number| {
            let (node, code, user_id) = (&nodes[number % 3], &code, &user_id);
            async move {
                let hash = format!("hash {number}");
                let is_done = node.use_link(code, user_id, &hash, NOW, &event(), |_, _| true).await;
                is_done.unwrap().then_some(hash)
            }
        }))
        .await;
        let hashes: Vec<_> = outcomes.into_iter().flatten().collect();
        let stored = nodes[0].find_user(&user_id).await.unwrap().unwrap().password_hash;
        assert_eq!(hashes, [stored], "round {round}");
    }
}

#[tokio::test]
async fn nodes_that_start_at_once_make_one_link_and_one_first_administrator() {
    let (database, [one, other]) = nodes().await;
    let mut connection = database.connect().await;
    let event = event();
    // No node has reported, so none waits for the link of another one.
    let others = OtherNodes {
        own_id: "",
        seen_since: NOW,
        link_since: NOW,
    };
    for round in 0..rounds(200, 1000) {
        sqlx::raw_sql("DELETE FROM users; DELETE FROM links")
            .execute(&mut connection)
            .await
            .unwrap();
        let codes = ["a", "b", "c"].map(|name| hash(&format!("{name} {round}")));
        let [a, b, c] = &codes;
        let put = tokio::join!(
            one.put_first_link(a, NOW, LATER, &others),
            other.put_first_link(b, NOW, LATER, &others)
        );
        assert_eq!((put.0.unwrap(), put.1.unwrap()), (FirstLink::Stored, FirstLink::Stored));
        let links: i64 = sqlx::query_scalar("SELECT count(*) FROM links")
            .fetch_one(&mut connection)
            .await
            .unwrap();
        assert_eq!(links, 1, "round {round}");

        let events = [&event, &event];
        let outcomes = tokio::join!(
            one.use_first_link(a, "ada", "x", NOW, events),
            other.use_first_link(a, "bob", "x", NOW, events),
            one.use_first_link(b, "cleo", "x", NOW, events),
            other.use_first_link(b, "dora", "x", NOW, events),
            one.put_first_link(c, NOW, LATER, &others),
        );
        let mut count = [outcomes.0, outcomes.1, outcomes.2, outcomes.3]
            .map(Result::unwrap)
            .iter()
            .filter(|used| **used)
            .count();
        outcomes.4.unwrap();
        for (code, user_id) in codes.iter().zip(["eve", "finn", "gus"]) {
            count += usize::from(other.use_first_link(code, user_id, "x", NOW, events).await.unwrap());
        }
        assert_eq!((count, one.list_users().await.unwrap().len()), (1, 1), "round {round}");
    }
}
