//! Attempts, at once and one after the other.

use std::net::Ipv4Addr;

use futures::{FutureExt as _, future::join_all};

use super::*;
use crate::server::config;

/// An address may fail often, and nobody is sent away for the machine being busy.
fn settings() -> Settings {
    let mut settings = Settings::defaults().unwrap();
    settings.throttle.address_failures = config::Count::new(1000).unwrap();
    settings.passwords.max_wait_ms = 19_000.try_into().unwrap();
    settings
}

async fn throttle() -> Throttle {
    Throttle::new(Storage::in_memory().await.unwrap(), &settings())
}

const SOMEWHERE: Option<IpAddr> = Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)));

async fn fail(throttle: &Throttle, name: &str, times: usize) {
    for _ in 0..times {
        throttle.attempt(name, SOMEWHERE).await.unwrap().failed();
    }
}

async fn is_throttled(throttle: &Throttle, name: &str) -> bool {
    match throttle.attempt(name, SOMEWHERE).await {
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
    throttle.limits = Limits::new(&Settings::defaults().unwrap().throttle);
    fail(&throttle, "ada", 4).await;
    throttle
        .attempt("ada", SOMEWHERE)
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
async fn of_a_hundred_attempts_at_once_five_are_let_through() {
    let throttle = throttle().await;
    let attempts = join_all((0..100).map(|_| async {
        match throttle.attempt("ada", SOMEWHERE).await {
            Ok(attempt) => {
                tokio::task::yield_now().await;
                attempt.failed();
                true
            }
            Err(_) => false,
        }
    }))
    .await;
    assert_eq!(attempts.into_iter().filter(|passed| *passed).count(), 5);
}

/// Each process lets one at a time look and count, but they do not wait for one another.
#[tokio::test]
async fn two_processes_on_one_database_let_no_more_through_than_one() {
    let one = throttle().await;
    let other = Throttle::new(one.storage.clone(), &settings());
    let attempts = join_all((0..100).map(|number| {
        let throttle = [&one, &other][number % 2];
        async move { throttle.attempt("ada", SOMEWHERE).await.map(Attempt::failed).is_ok() }
    }))
    .await;
    assert_eq!(attempts.into_iter().filter(|passed| *passed).count(), 5);
}

#[tokio::test]
async fn many_right_logins_at_once_wait_for_one_another() {
    let throttle = throttle().await;
    let attempts = join_all((0..30).map(|_| async {
        let attempt = throttle.attempt("ada", SOMEWHERE).await?;
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
    let mut under_way = Vec::new();
    for _ in 0..5 {
        under_way.push(throttle.attempt("ada", SOMEWHERE).await.unwrap());
    }
    let (sixth, ()) = tokio::join!(throttle.attempt("ada", SOMEWHERE), async {
        for attempt in under_way {
            attempt.succeeded().await.unwrap();
        }
    });
    sixth.unwrap().failed();
}

/// What is asked for before a look at the failures wakes who waits for it, also where all are through by then.
#[test]
fn who_asked_for_others_in_time_does_not_miss_that_they_leave() {
    let in_flight = InFlight::default();
    let buckets = [account("ada"), bucket_of(SOMEWHERE)];
    let ticket = in_flight.enter(buckets.clone());
    let others = in_flight.others(&buckets[0]).unwrap();
    drop(ticket);
    assert!(in_flight.others(&buckets[0]).is_none());
    assert!(others.left.now_or_never().is_some());
}

#[tokio::test]
async fn who_finds_no_place_in_time_is_sent_away_and_not_counted() {
    let throttle = throttle().await;
    let mut under_way = Vec::new();
    for name in 0..throttle.places.available_permits() {
        under_way.push(throttle.attempt(&name.to_string(), SOMEWHERE).await.unwrap());
    }
    tokio::time::pause();
    let late = throttle.attempt("late", SOMEWHERE).await;
    tokio::time::resume();
    assert!(matches!(late, Err(Refusal::Busy { .. })));
    let buckets = 2 * under_way.len() as u64;
    let counted = throttle.storage.sweep_failed_logins(Timestamp::now(), 0).await;
    assert_eq!(counted.unwrap(), buckets);
    under_way.pop();
    throttle.attempt("later", SOMEWHERE).await.unwrap().failed();
}

#[tokio::test]
async fn an_attempt_that_is_given_up_has_failed() {
    let throttle = throttle().await;
    for _ in 0..5 {
        drop(throttle.attempt("ada", SOMEWHERE).await.unwrap());
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
    let of = |address: &str| bucket_of(Some(address.parse().unwrap()));
    assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
    assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
    assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
}
