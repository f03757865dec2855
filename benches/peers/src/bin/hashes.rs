//! The speed of the bare argon2 library. `hashes <threads> <seconds>` prints the hashes per second with Callgate's
//! default cost parameters.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use argon2::{Algorithm, Argon2, Params, Version};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let numbers: Vec<u64> = std::env::args()
        .skip(1)
        .map(|text| text.parse())
        .collect::<Result<_, _>>()?;
    let [threads, seconds] = numbers.try_into().map_err(|_| "usage: hashes <threads> <seconds>")?;
    let params = Params::new(19_456, 2, 1, None)?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let (done, began) = (AtomicU64::new(0), Instant::now());
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut output = [0; 32];
                while began.elapsed() < Duration::from_secs(seconds) {
                    if argon2
                        .hash_password_into(b"a password", b"sixteen bytes so", &mut output)
                        .is_ok()
                    {
                        done.fetch_add(1, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    println!("{:.2}", done.into_inner() as f64 / began.elapsed().as_secs_f64());
    Ok(())
}
