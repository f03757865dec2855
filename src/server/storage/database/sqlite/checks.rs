//! Examines an SQLite database.

use std::{
    fs, io,
    os::unix::{ffi::OsStrExt as _, fs::PermissionsExt as _},
    path::Path,
};

use sqlx::{Connection as _, SqliteConnection};

use super::{applied, connect, exists, file, migrator, no_database};
use crate::server::storage::database::{findings::Finding, migrations};

/// Free space that is enough, in bytes.
const ENOUGH_SPACE: u64 = 100 << 20;

pub async fn examine(folder: &Path) -> Vec<Finding> {
    if !exists(folder) {
        return vec![Finding::wrong("database", no_database(folder), "start the server")];
    }
    let file = file(folder);
    let mut findings = vec![mode(folder), mode(&file), space(folder)];
    let opened = connect(folder).await;
    let result = match opened {
        Ok(connection) => examine_database(connection, &mut findings).await,
        Err(error) => Err(error),
    };
    if let Err(error) = result {
        findings.push(Finding::wrong(
            "database",
            format!("{}: {error}", file.display()),
            "restore a backup if the file is damaged",
        ));
    }
    findings
}

async fn examine_database(mut connection: SqliteConnection, findings: &mut Vec<Finding>) -> sqlx::Result<()> {
    let mode: String = sqlx::query_scalar("PRAGMA journal_mode")
        .fetch_one(&mut connection)
        .await?;
    findings.push(if mode == "wal" {
        Finding::ok("journal", "WAL")
    } else {
        Finding::note(
            "journal",
            format!("{mode}, as in a backup"),
            "the server changes it to WAL when it starts",
        )
    });
    let damage: Vec<String> = sqlx::query_scalar("PRAGMA quick_check(5)")
        .fetch_all(&mut connection)
        .await?;
    findings.push(if damage == ["ok"] {
        Finding::ok("integrity", "no damage found")
    } else {
        Finding::wrong("integrity", damage.join("; "), "restore a backup")
    });
    let applied = applied(&mut connection).await?;
    findings.push(migrations::describe(&migrator(), &applied));
    if !applied.versions.is_empty() {
        let (sessions, last_used_at) = sqlx::query_as("SELECT COUNT(*), MAX(last_used_at) FROM sessions")
            .fetch_one(&mut connection)
            .await?;
        findings.push(Finding::of_sessions(sessions, last_used_at));
    }
    connection.close().await
}

/// Whether only the owner can read a file.
fn mode(path: &Path) -> Finding {
    const CHECK: &str = "file mode";
    let name = path.display();
    match fs::metadata(path) {
        Err(error) => Finding::error(CHECK, anyhow::Error::from(error).context(name.to_string())),
        Ok(metadata) => {
            let mode = metadata.permissions().mode() & 0o777;
            let text = format!("{name} has the mode {mode:o}");
            let of_others = mode & 0o077;
            if of_others == 0 {
                Finding::ok(CHECK, text)
            } else {
                Finding::wrong(
                    CHECK,
                    format!("{text}: others can open it"),
                    format!("chmod go= {name}"),
                )
            }
        }
    }
}

fn space(folder: &Path) -> Finding {
    const CHECK: &str = "free space";
    match rustix::fs::statvfs(folder.as_os_str().as_bytes()) {
        Err(error) => Finding::error(CHECK, io::Error::from_raw_os_error(error.raw_os_error())),
        Ok(system) => {
            let free = system.f_bavail.saturating_mul(system.f_frsize);
            let text = format!("{} MB", free >> 20);
            if free >= ENOUGH_SPACE {
                Finding::ok(CHECK, text)
            } else {
                Finding::wrong(CHECK, text, "free space, or logins and changes will be refused")
            }
        }
    }
}
