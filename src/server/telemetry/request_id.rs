//! The reference of a request: what a caller quotes to the operator, and what the operator searches the log for.
//!
//! Every request has one, made here and never taken from the client. It is on every line that the request leaves in the
//! log (`request_id`), on its answer (`X-Request-Id`), and in every refusal. It is no secret and opens nothing.

use std::{
    fmt,
    hash::{BuildHasher as _, RandomState},
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

/// Thirteen characters of five bits each hold 64 bits.
const LENGTH: usize = 13;

/// Letters and digits that are not mistaken for one another when they are read out.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

/// A reference.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RequestId([u8; LENGTH]);

impl RequestId {
    /// A new one: the keyed hash of a count. It needs to be different from all others, and not to be unguessable; the
    /// operating system's random numbers are dear and left to what is secret.
    pub fn random() -> Self {
        static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let mut bits = KEY.hash_one(COUNT.fetch_add(1, Ordering::Relaxed));
        Self([0; LENGTH].map(|_: u8| {
            let letter = ALPHABET[(bits % 32) as usize];
            bits /= 32;
            letter
        }))
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        str::from_utf8(&self.0).expect("the alphabet is ASCII")
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_short_and_never_the_same() {
        let mut all: Vec<_> = (0..1000).map(|_| RequestId::random().to_string()).collect();
        assert!(all.iter().all(|reference| reference.len() == LENGTH));
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 1000);
    }
}
