//! Tries to find out from the duration of a refused login whether its user exists.

use std::{
    cmp::Ordering,
    time::{Duration, Instant},
};

use serde_json::json;

use crate::support::{
    place::Place,
    server::{Server, UNTHROTTLED},
};

async fn time_of(server: &Server, user: &str) -> Duration {
    let client = server.client();
    let body = json!({"user_id": user, "password": "wrong and long enough"}).to_string();
    let began = Instant::now();
    assert_eq!(client.json("/api/login", &body).await.status, 401);
    began.elapsed()
}

/// The probability that a sample of one kind is larger than one of the other (the area under the ROC curve): 0.5 if the two
/// cannot be distinguished.
fn chance_of_larger(one: &[Duration], other: &[Duration]) -> f64 {
    let pairs = one.iter().flat_map(|a| other.iter().map(move |b| a.cmp(b)));
    let larger = pairs.map(|order| match order {
        Ordering::Greater => 1.0,
        Ordering::Equal => 0.5,
        Ordering::Less => 0.0,
    });
    larger.sum::<f64>() / f64::from(u32::try_from(one.len() * other.len()).unwrap())
}

#[tokio::test]
async fn the_time_of_a_refused_login_does_not_reveal_whether_its_user_exists() {
    let server = Place::with_default_settings().demo(UNTHROTTLED).await;
    let mut times = [Vec::new(), Vec::new()];
    for number in 0..1000 {
        // Alternates which comes first, so that a drift of the machine affects both equally.
        let first = number % 2;
        for kind in [first, 1 - first] {
            times[kind].push(time_of(&server, ["user01", "nobody"][kind]).await);
        }
    }
    let chance = chance_of_larger(&times[0], &times[1]);
    println!(
        "a known user takes longer than an unknown one in {:.1} % of the pairs",
        chance * 100.0
    );
    assert!((0.45..=0.55).contains(&chance), "{chance}");
}
