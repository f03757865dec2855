//! Limits that hold for all nodes together, and the log that they share.

use std::sync::atomic::{AtomicBool, Ordering};

use callgate::server::{
    model::clock::Timestamp,
    storage::{events::EventFilter, failed_logins::Count, pending_calls::Owner},
    telemetry::error::InternalError,
};
use futures::future::join_all;

use super::steps::{NOW, add_user, assert_timed_out, event, hash, nodes, until_done};
use crate::support::effort::rounds;

/// Fails unless as many calls as allowed were let through. One that timed out may have used up its place. Returns whether
/// none timed out.
#[track_caller]
fn assert_used_up(calls: Vec<Result<bool, InternalError>>, allowed: usize) -> bool {
    let (mut through, mut timed_out) = (0, 0);
    for call in calls {
        match call {
            Ok(is_through) => through += usize::from(is_through),
            Err(error) => {
                assert_timed_out(&error);
                timed_out += 1;
            }
        }
    }
    assert!(
        (allowed.saturating_sub(timed_out)..=allowed).contains(&through),
        "{through} of {allowed}, and {timed_out} timed out"
    );
    timed_out == 0
}

#[tokio::test]
async fn sixty_attempts_at_three_nodes_at_once_get_no_more_guesses_than_one_after_the_other() {
    const ALLOWED: usize = 5;
    let (_database, nodes) = nodes::<3>().await;
    for round in 0..rounds(20, 200) {
        let account = hash(&format!("account {round}"));
        let attempts = join_all((0..60).map(|number| {
            let (node, account) = (&nodes[number % 3], &account);
            async move {
                let address = hash(&format!("address {round} {}", number % 7));
                let counts = [account, &address].map(|bucket| Count {
                    bucket,
                    expires_at: Timestamp(NOW.0 + 60_000),
                });
                let decide =
                    |[in_account, _]: [&[Timestamp]; 2]| if in_account.len() < ALLOWED { Ok(()) } else { Err(()) };
                let attempt = hash(&format!("attempt {round} {number}"));
                let counted = node.count_attempt(&attempt, counts, NOW, decide).await;
                counted.map(|decision| decision.is_ok())
            }
        }))
        .await;
        assert_used_up(attempts, ALLOWED);
    }
}

#[tokio::test]
async fn pending_calls_at_three_nodes_at_once_share_one_limit() {
    const PER_MINUTE: u32 = 20;
    let (_database, nodes) = nodes::<3>().await;
    for round in 0..rounds(20, 200) {
        let owner = Owner {
            user_id: None,
            counted_as: hash(&format!("owner {round}")),
        };
        let stored = join_all((0..60).map(|number| {
            let (node, owner) = (&nodes[number % 3], &owner);
            async move {
                let token = hash(&format!("call {round} {number}"));
                node.add_pending_call(&token, owner, "{}", PER_MINUTE, NOW).await
            }
        }))
        .await;
        let are_all_used_up = assert_used_up(stored, PER_MINUTE as usize);
        for node in nodes.iter().filter(|_| are_all_used_up) {
            let token = hash(&format!("late {round}"));
            let add = async || node.add_pending_call(&token, &owner, "{}", PER_MINUTE, NOW).await;
            assert!(!until_done(add).await);
        }
    }
}

#[tokio::test]
async fn who_follows_the_audit_log_misses_no_event_while_nodes_race() {
    let (_database, [one, two, three, reader]) = nodes().await;
    add_user(&one, "ada", &[]).await;
    let is_over = AtomicBool::new(false);
    let follow = async {
        let mut ids = Vec::new();
        loop {
            let was_over = is_over.load(Ordering::SeqCst);
            let filter = EventFilter {
                after: Some(ids.last().copied().unwrap_or_default()),
                ..EventFilter::default()
            };
            let events = reader.list_events(&filter, 100).await.unwrap();
            ids.extend(events.iter().map(|event| event.id));
            if was_over && events.is_empty() {
                break ids;
            }
        }
    };
    let nodes = [one, two, three];
    let write = async {
        let writers = (0..9).map(|writer| {
            let node = &nodes[writer % 3];
            async move {
                let mut written = 0;
                for round in 0..rounds(120, 3000) {
                    let events: Vec<_> = (0..=(round + writer) % 4).map(|_| event()).collect();
                    node.add_events(&events, &[]).await.unwrap();
                    written += events.len();
                    // An event in the transaction of a change.
                    if writer < 3 {
                        assert!(node.end_all_sessions("ada", &event()).await.unwrap());
                        written += 1;
                    }
                }
                written
            }
        });
        let written: usize = join_all(writers).await.into_iter().sum();
        is_over.store(true, Ordering::SeqCst);
        written
    };
    let (ids, written) = tokio::join!(follow, write);
    assert_eq!(ids.len(), written, "events were missed");
    let expected: Vec<_> = (1..).take(written).collect();
    assert_eq!(ids, expected, "ids have gaps");
}
