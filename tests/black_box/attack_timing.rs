//! Tries to tell from the time that a refused login takes whether its user exists (security check 50). Only under
//! `make attack`: how long something takes depends on what else the machine does.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::{
    effort::rounds,
    server::{Place, Server, UNTHROTTLED},
};

async fn time_of(server: &Server, user: &str) -> Duration {
    let client = server.client();
    let body = json!({"user_id": user, "password": "wrong and long enough"}).to_string();
    let began = Instant::now();
    assert_eq!(client.json("/api/login", &body).await.status, 401);
    began.elapsed()
}

/// The chance that a sample of the one kind is larger than one of the other: a half where nothing can be told (the area
/// under the ROC curve).
fn chance_of_larger(one: &[Duration], other: &[Duration]) -> f64 {
    let larger = one
        .iter()
        .flat_map(|a| other.iter().map(move |b| (a, b)))
        .map(|(a, b)| match a.cmp(b) {
            std::cmp::Ordering::Greater => 2_u32,
            std::cmp::Ordering::Equal => 1,
            std::cmp::Ordering::Less => 0,
        })
        .sum::<u32>();
    let pairs = u32::try_from(one.len() * other.len()).unwrap();
    f64::from(larger) / 2.0 / f64::from(pairs)
}

#[tokio::test]
async fn attack_the_time_of_a_refused_login_does_not_tell_whether_its_user_exists() {
    let server = Place::new().demo(UNTHROTTLED).await;
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for number in 0..rounds(3, 1000) {
        // Interleaved, and in turn first and second, so that a drift of the machine touches both alike.
        let users = match number % 2 {
            0 => ["user01", "nobody"],
            _ => ["nobody", "user01"],
        };
        for user in users {
            let took = time_of(&server, user).await;
            match user {
                "user01" => known.push(took),
                _ => unknown.push(took),
            }
        }
    }
    if rounds(0, 1) == 1 {
        let chance = chance_of_larger(&known, &unknown);
        println!(
            "a known user takes longer than an unknown one in {:.1} % of the pairs",
            chance * 100.0
        );
        assert!((0.45..=0.55).contains(&chance), "{chance}");
    }
}
