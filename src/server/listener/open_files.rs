//! The system's limit on open files (`RLIMIT_NOFILE`). Every connection is an open file.
//!
//! A server at that limit can neither accept connections nor open its database. So the server raises its soft limit if
//! it can, and otherwise allows fewer connections.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Files other than connections: the database, files of the browser part, standard streams, timers.
const RESERVED_FILES: usize = 128;

/// Raises the soft limit of this process for `wanted` connections, and returns how many connections it allows.
pub fn raise_limit(wanted: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    let needed = u64::try_from(wanted.saturating_add(RESERVED_FILES)).unwrap_or(u64::MAX);
    let raised = limit.maximum.map_or(needed, |maximum| maximum.min(needed));
    let open_files = match limit.current {
        Some(current) if current < raised => {
            let new = Rlimit {
                current: Some(raised),
                ..limit
            };
            setrlimit(Resource::Nofile, new).map_or(current, |()| raised)
        }
        current => current.unwrap_or(needed),
    };
    let allowed = connections(open_files, wanted);
    if allowed < wanted {
        tracing::warn!(
            open_files,
            "the system's limit on open files allows only {allowed} of the {wanted} connections of limits.connections; \
             raise it (LimitNOFILE= in a systemd unit, ulimit -n in a shell)"
        );
    }
    allowed
}

/// The connections that a limit on open files allows: at least two, because each listener reserves one permit for the
/// next connection.
fn connections(open_files: u64, wanted: usize) -> usize {
    let open_files = usize::try_from(open_files).unwrap_or(usize::MAX);
    open_files.saturating_sub(RESERVED_FILES).clamp(2, wanted.max(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_get_what_other_files_leave() {
        for (open_files, wanted, expected) in [
            (1024, 4096, 896),
            (8192, 4096, 4096),
            (256, 4096, 128),
            (20, 4096, 2),
            (u64::MAX, 2, 2),
        ] {
            assert_eq!(connections(open_files, wanted), expected, "{open_files} {wanted}");
        }
    }
}
