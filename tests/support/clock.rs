//! A clock that a test moves while its server runs: libfaketime, loaded into the server's process (Debian's package
//! `faketime`). Only the time of day moves; the monotonic clock that timers use goes on, as it does when somebody sets a
//! machine's clock.

use std::{fs, path::PathBuf, sync::Arc};

use crate::support::{place::Place, server::Server};

pub const MINUTE: i64 = 60;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;

/// The clock of the servers that were started with it.
pub struct Clock {
    file: PathBuf,
    library: PathBuf,
}

impl Clock {
    /// One that shows the real time.
    pub fn new(place: &Place) -> Self {
        let (file, library) = (place.path("clock"), library());
        let clock = Self { file, library };
        clock.set(0);
        clock
    }

    /// A demo in a new place whose clock this is, with cheap passwords and these settings.
    pub async fn demo(settings: &[(&str, &str)]) -> (Self, Server) {
        let place = Place::new();
        let clock = Self::new(&place);
        let server = clock.start(&place, settings).await;
        (clock, server)
    }

    /// The same in a place that is there already.
    pub async fn start(&self, place: &Arc<Place>, settings: &[(&str, &str)]) -> Server {
        place.demo(&[&self.variables(), settings].concat()).await
    }

    /// A server in earnest.
    pub async fn serve(&self, place: &Arc<Place>) -> Server {
        place.serve(&self.variables()).await
    }

    /// What a program is started with to have this clock.
    pub fn variables(&self) -> [(&str, &str); 5] {
        [
            ("LD_PRELOAD", self.library.to_str().unwrap()),
            ("FAKETIME_TIMESTAMP_FILE", self.file.to_str().unwrap()),
            ("FAKETIME_NO_CACHE", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
            ("NO_FAKE_STAT", "1"),
        ]
    }

    /// Sets the clock to `seconds` from the real time.
    pub fn set(&self, seconds: i64) {
        // In one step: the server may be reading it.
        let new = self.file.with_extension("new");
        fs::write(&new, format!("{seconds:+}s\n")).unwrap();
        fs::rename(&new, &self.file).unwrap();
    }
}

/// The library for programs with several threads. Debian puts it into a folder that is named after the machine.
fn library() -> PathBuf {
    let folders = fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    folders
        .map(|folder| folder.path())
        .chain([PathBuf::from("/usr/lib")])
        .map(|folder| folder.join("faketime/libfaketimeMT.so.1"))
        .find(|library| library.is_file())
        .expect("libfaketime is missing: install the package \"faketime\", or run tools/setup.sh test")
}
