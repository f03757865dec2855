//! The process of a server as the system sees it: signals, limits, memory and open files.

use std::{fs, process::Command};

use crate::support::{poll::until, server::Server};

impl Server {
    /// Sends a signal, such as TERM.
    pub fn signal(&self, signal: &str) {
        run("kill", &[&format!("-{signal}"), &self.id().to_string()]);
    }

    /// Stops its process (SIGSTOP): the system accepts connections for it, and nothing is answered.
    pub async fn freeze(&self) {
        self.signal("STOP");
        let status = format!("/proc/{}/status", self.id());
        until("the server to be stopped", async || {
            fs::read_to_string(&status).unwrap().contains("\nState:\tT")
        })
        .await;
    }

    /// Continues it after `freeze`.
    pub fn thaw(&self) {
        self.signal("CONT");
    }

    /// Limits the size of the files that the server writes to, or removes the limit. For servers on inherited sockets.
    pub fn limit_files(&self, bytes: Option<u64>) {
        let soft = bytes.map_or("unlimited".to_owned(), |bytes| bytes.to_string());
        run(
            "prlimit",
            &["--pid", &self.id().to_string(), &format!("--fsize={soft}:")],
        );
    }

    /// The number of open files whose name begins with `start`: a path, or `socket:` (proc(5)).
    pub fn open_files(&self, start: &str) -> usize {
        let open = fs::read_dir(format!("/proc/{}/fd", self.id())).unwrap();
        let targets = open.filter_map(|file| fs::read_link(file.unwrap().path()).ok());
        targets
            .filter(|target| target.to_string_lossy().starts_with(start))
            .count()
    }

    /// Resets the peak that `memory_kib` returns as `VmHWM` (proc(5), `clear_refs`).
    pub fn forget_memory_peak(&self) {
        fs::write(format!("/proc/{}/clear_refs", self.id()), "5").unwrap();
    }

    /// The current (`VmRSS`) or peak (`VmHWM`) memory in KiB (proc(5)).
    pub fn memory_kib(&self, field: &str) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
        let number = line.trim_matches([':', '\t', ' ']).trim_end_matches(" kB");
        number.parse().unwrap()
    }
}

fn run(program: &str, arguments: &[&str]) {
    let status = Command::new(program).args(arguments).status();
    assert!(status.expect(program).success());
}
