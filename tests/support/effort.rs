//! How much of an attack is made: enough to see that it fails, or, with `ATTACK=full` (as `make attack` says), all of it.

/// `short` in `make test`, `full` in `make attack`.
pub fn rounds(short: usize, full: usize) -> usize {
    match std::env::var("ATTACK").as_deref() {
        Ok("full") => full,
        _ => short,
    }
}
