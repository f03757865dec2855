//! Concurrent and sequential attempts.

use std::net::Ipv4Addr;

use futures::{FutureExt as _, future::join_all};

use super::*;
use crate::server::config;

/// Client IPs may fail often, and no attempt is refused because the server is busy.
fn settings() -> Settings {
    let mut settings = Settings::defaults().unwrap();
    settings.throttle.address_failures = config::Count::new(1000).unwrap();
    settings.passwords.max_wait_ms = 19_000.try_into().unwrap();
    settings
}

async fn throttle() -> Throttle {
    Throttle::new(Storage::in_memory().await.unwrap(), &settings())
}

const ADDRESS: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)));

async fn fail(throttle: &Throttle, name: &str, times: usize) {
    for _ in 0..times {
        throttle.attempt(name, ADDRESS).await.unwrap().failed();
    }
}

async fn is_throttled(throttle: &Throttle, name: &str) -> bool {
    match throttle.attempt(name, ADDRESS).await {
        Ok(attempt) => {
            attempt.withdraw().await;
            false
        }
        Err(Refusal::TooManyAttempts { retry_after }) => {
            assert!(retry_after > 0);
            true
        }
        Err(refusal) => panic!("{refusal:?}"),
    }
}

#[tokio::test]
async fn after_five_failures_the_sixth_attempt_waits() {
    let throttle = throttle().await;
    fail(&throttle, "ada", 4).await;
    assert!(!is_throttled(&throttle, "ada").await);
    fail(&throttle, "ada", 1).await;
    assert!(is_throttled(&throttle, "ada").await);
    assert!(!is_throttled(&throttle, "bob").await);
}

#[tokio::test]
async fn spellings_of_one_name_share_their_failures() {
    let throttle = throttle().await;
    for name in ["Ada", "ada", " ada", "ADA\t", "\u{ff41}da"] {
        fail(&throttle, name, 1).await;
    }
    assert!(is_throttled(&throttle, "ada").await);
}

#[tokio::test]
async fn a_success_forgives_the_account_and_not_the_address() {
    let mut throttle = throttle().await;
    throttle.limits = Limits(Settings::defaults().unwrap().throttle);
    fail(&throttle, "ada", 4).await;
    throttle
        .attempt("ada", ADDRESS)
        .await
        .unwrap()
        .succeeded()
        .await
        .unwrap();
    fail(&throttle, "ada", 4).await;
    assert!(!is_throttled(&throttle, "ada").await);
    fail(&throttle, "bob", 2).await;
    assert!(is_throttled(&throttle, "cleo").await);
}

#[tokio::test]
async fn of_a_hundred_concurrent_attempts_five_are_allowed() {
    let throttle = throttle().await;
    let attempts = join_all((0..100).map(|_| async {
        match throttle.attempt("ada", ADDRESS).await {
            Ok(attempt) => {
                tokio::task::yield_now().await;
                attempt.failed();
                true
            }
            Err(_) => false,
        }
    }))
    .await;
    assert_eq!(attempts.into_iter().filter(|allowed| *allowed).count(), 5);
}

/// Each process counts one attempt at a time, but processes do not wait for each other.
#[tokio::test]
async fn two_processes_on_one_database_allow_no_more_than_one() {
    let one = throttle().await;
    let other = Throttle::new(one.storage.clone(), &settings());
    let attempts = join_all((0..100).map(|number| {
        let throttle = [&one, &other][number % 2];
        async move { throttle.attempt("ada", ADDRESS).await.map(Attempt::failed).is_ok() }
    }))
    .await;
    assert_eq!(attempts.into_iter().filter(|allowed| *allowed).count(), 5);
}

#[tokio::test]
async fn many_right_logins_at_once_wait_for_one_another() {
    let throttle = throttle().await;
    let attempts = join_all((0..30).map(|_| async {
        let attempt = throttle.attempt("ada", ADDRESS).await?;
        tokio::task::yield_now().await;
        attempt.succeeded().await.map_err(Refusal::from)
    }))
    .await;
    for attempt in attempts {
        attempt.unwrap();
    }
}

#[tokio::test]
async fn an_attempt_waits_for_others_that_may_still_turn_out_right() {
    let throttle = throttle().await;
    let mut in_flight = Vec::new();
    for _ in 0..5 {
        in_flight.push(throttle.attempt("ada", ADDRESS).await.unwrap());
    }
    let (sixth, ()) = tokio::join!(throttle.attempt("ada", ADDRESS), async {
        for attempt in in_flight {
            attempt.succeeded().await.unwrap();
        }
    });
    sixth.unwrap().failed();
}

/// A waiter that was created before the others finished is woken, even if none is in flight any more.
#[test]
fn a_waiter_does_not_miss_attempts_that_finish_before_it_waits() {
    let attempts = InFlight::default();
    let buckets = [account_bucket("ada"), address_bucket(ADDRESS)];
    let ticket = attempts.enter(buckets.clone());
    let others = attempts.others(&buckets[0]).unwrap();
    drop(ticket);
    assert!(attempts.others(&buckets[0]).is_none());
    assert!(others.finished.now_or_never().is_some());
}

#[tokio::test]
async fn an_attempt_that_gets_no_slot_in_time_is_refused_and_not_counted() {
    let throttle = throttle().await;
    let mut in_flight = Vec::new();
    for name in 0..throttle.slots.available_permits() {
        in_flight.push(throttle.attempt(&name.to_string(), ADDRESS).await.unwrap());
    }
    tokio::time::pause();
    let late = throttle.attempt("late", ADDRESS).await;
    tokio::time::resume();
    assert!(matches!(late, Err(Refusal::Busy { .. })));
    let buckets = 2 * in_flight.len() as u64;
    let counted = throttle.storage.sweep_failed_logins(Timestamp::now(), 0).await;
    assert_eq!(counted.unwrap(), buckets);
    in_flight.pop();
    throttle.attempt("later", ADDRESS).await.unwrap().failed();
}

#[tokio::test]
async fn an_attempt_that_is_given_up_has_failed() {
    let throttle = throttle().await;
    for _ in 0..5 {
        drop(throttle.attempt("ada", ADDRESS).await.unwrap());
    }
    assert!(is_throttled(&throttle, "ada").await);
}

#[tokio::test]
async fn the_oldest_failures_go_where_there_are_too_many() {
    let throttle = throttle().await;
    for name in 0..20 {
        fail(&throttle, &name.to_string(), 1).await;
    }
    let storage = &throttle.storage;
    assert_eq!(storage.sweep_failed_logins(Timestamp::now(), 1000).await.unwrap(), 0);
    assert!(storage.sweep_failed_logins(Timestamp::now(), 10).await.unwrap() >= 30);
}

#[test]
fn ipv6_counts_by_its_network() {
    let bucket = |address: &str| address_bucket(Some(address.parse().unwrap()));
    assert_eq!(bucket("2001:db8:1:2::1"), bucket("2001:db8:1:2:ffff::9"));
    assert_ne!(bucket("2001:db8:1:2::1"), bucket("2001:db8:1:3::1"));
    assert_eq!(bucket("::ffff:192.0.2.1"), bucket("192.0.2.1"));
    assert_ne!(bucket("192.0.2.1"), bucket("192.0.2.2"));
}
