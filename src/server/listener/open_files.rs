//! The system's limit on open files: every connection is one.
//!
//! A server that runs into it can neither accept connections nor open its database. So it takes what it needs, where the
//! system lets it, and otherwise makes do with fewer connections.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What the rest of the server opens: the database, files of the browser part, standard streams, timers.
const FOR_THE_REST: usize = 128;

/// Raises the limit of this process so that `wanted` connections have room, and gives how many of them do.
pub fn make_room(wanted: usize) -> usize {
    let limit = getrlimit(Resource::Nofile);
    let needed = as_limit(wanted.saturating_add(FOR_THE_REST));
    let raised = limit.maximum.map_or(needed, |maximum| maximum.min(needed));
    let now = match limit.current {
        Some(current) if current < raised => {
            let new = Rlimit {
                current: Some(raised),
                ..limit
            };
            setrlimit(Resource::Nofile, new).map_or(current, |()| raised)
        }
        current => current.unwrap_or(needed),
    };
    let room = room(now, wanted);
    if room < wanted {
        tracing::warn!(
            open_files = now,
            "the system's limit on open files leaves room for {room} of the {wanted} connections of limits.connections; \
             raise it (LimitNOFILE= in a systemd unit, ulimit -n in a shell)"
        );
    }
    room
}

/// How many of the wanted connections have room under a limit. Two at least: each listener holds a place for the next one.
fn room(open_files: u64, wanted: usize) -> usize {
    let open_files = usize::try_from(open_files).unwrap_or(usize::MAX);
    open_files.saturating_sub(FOR_THE_REST).clamp(2, wanted.max(2))
}

fn as_limit(files: usize) -> u64 {
    u64::try_from(files).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_get_what_the_rest_leaves() {
        for (open_files, wanted, expected) in [
            (1024, 4096, 896),
            (8192, 4096, 4096),
            (256, 4096, 128),
            (20, 4096, 2),
            (u64::MAX, 2, 2),
        ] {
            assert_eq!(room(open_files, wanted), expected, "{open_files} {wanted}");
        }
    }
}
