//! Request ids. A caller quotes the id to the operator, who searches the log for it.
//!
//! The server generates an id for every request and never takes one from the client. The id is in every log line of the
//! request (`request_id`), in the `X-Request-Id` header of the response, and in every refusal. It is not secret and
//! grants no access.

use std::{
    fmt,
    hash::{BuildHasher as _, RandomState},
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

/// Thirteen characters of five bits each encode 64 bits.
const LENGTH: usize = 13;

/// Letters and digits that are not easily confused when read aloud.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RequestId([u8; LENGTH]);

impl RequestId {
    /// Generates an id, as the keyed hash of a counter. Ids must be distinct but not unguessable. So they do not need
    /// the random numbers of the operating system, which are slower.
    pub fn generate() -> Self {
        static KEY: LazyLock<RandomState> = LazyLock::new(RandomState::new);
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let mut bits = KEY.hash_one(COUNTER.fetch_add(1, Ordering::Relaxed));
        Self([0; LENGTH].map(|_: u8| {
            let letter = ALPHABET[(bits % 32) as usize];
            bits /= 32;
            letter
        }))
    }

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
    fn request_ids_are_short_and_distinct() {
        let mut all: Vec<_> = (0..1000).map(|_| RequestId::generate().to_string()).collect();
        assert!(all.iter().all(|request_id| request_id.len() == LENGTH));
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 1000);
    }
}
