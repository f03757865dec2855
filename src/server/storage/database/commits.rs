//! Tells without a query whether something may have been committed since a moment.
//!
//! SQLite updates the header of the WAL index, the `-shm` file, with every commit of every process
//! (<https://sqlite.org/walformat.html>, section 2.1). While the header stays the same, nothing was committed.
//!
//! With PostgreSQL other nodes commit without a trace on this machine. There, nothing is known without a query, except
//! that the operator may allow what was read within the last `database.trust_ms`.

use std::{fs::File, io, mem::ManuallyDrop, os::unix::fs::FileExt as _, path::Path, time::Duration};

use rustix::time::{ClockId, clock_gettime};

/// The first of the two copies of the WAL index header. SQLite writes this one last.
type Header = [u8; 48];

#[derive(Debug)]
pub enum CommitWatch {
    /// The WAL index. Never closed: closing any descriptor of a file drops all POSIX (`fcntl`) locks of the process on
    /// it, including SQLite's.
    WalIndex(ManuallyDrop<File>),
    /// How long what was read counts as the present state.
    Trust(Duration),
}

/// A moment that a [`CommitWatch`] can compare with now.
#[derive(Debug, Clone, Copy)]
pub enum Moment {
    WalIndex(Header),
    /// The time since the machine was started.
    SinceBoot(Duration),
}

impl CommitWatch {
    /// Watches the SQLite database in `file`, to which a connection must stay open: SQLite deletes the index file with
    /// the last connection, and a new file would never be noticed.
    pub fn of_sqlite(file: &Path) -> io::Result<Self> {
        let mut index = file.as_os_str().to_owned();
        index.push("-shm");
        let watch = Self::WalIndex(ManuallyDrop::new(File::open(index)?));
        watch.now()?;
        Ok(watch)
    }

    pub fn now(&self) -> io::Result<Moment> {
        match self {
            Self::WalIndex(index) => {
                let mut header = [0; 48];
                index.read_exact_at(&mut header, 0)?;
                Ok(Moment::WalIndex(header))
            }
            Self::Trust(_) => Ok(Moment::SinceBoot(since_boot())),
        }
    }

    /// Whether what was read at `moment` counts as the present state. `false` if that is not known.
    pub fn is_unchanged_since(&self, moment: &Moment) -> bool {
        match (self, moment) {
            (Self::WalIndex(_), Moment::WalIndex(header)) => {
                matches!(self.now(), Ok(Moment::WalIndex(now)) if now == *header)
            }
            (Self::Trust(trust), Moment::SinceBoot(then)) => since_boot().saturating_sub(*then) < *trust,
            _ => false,
        }
    }
}

/// The time since the machine was started, including the time that it was suspended. `Instant` leaves that out, so a node
/// that was suspended would trust an old state.
pub fn since_boot() -> Duration {
    let time = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanos = u32::try_from(time.tv_nsec).unwrap_or_default();
    Duration::new(seconds, nanos)
}
