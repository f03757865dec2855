//! Backups of a database that may be in use.

use std::{
    fs::{self, File},
    os::unix::fs::OpenOptionsExt as _,
    path::{self, Path},
};

use anyhow::{Context as _, bail, ensure};
use sqlx::{ConnectOptions as _, Connection as _, sqlite::SqliteConnectOptions};

use super::{connect, exists, is_damage, no_database};

/// Writes a copy of the database in `folder` to `target`, which must not exist. Only its owner can read it. Servers go on
/// reading and writing meanwhile.
pub async fn back_up(folder: &Path, target: &Path) -> anyhow::Result<()> {
    ensure!(exists(folder), no_database(folder));
    let target = path::absolute(target).with_context(|| format!("cannot use the path {}", target.display()))?;
    let name = target.to_str().context("the path of the backup is not UTF-8")?;
    // SQLite accepts an empty file, and keeps its permissions.
    let created = File::options().write(true).create_new(true).mode(0o600).open(&target);
    let created = created.with_context(|| format!("cannot create the backup {name}"))?;
    let result = write(folder, name).await;
    let result = result.and_then(|()| {
        let folder = target.parent().unwrap_or(Path::new("/"));
        let synced = created.sync_all().and_then(|()| File::open(folder)?.sync_all());
        synced.context("cannot write the backup to the disk")
    });
    if result.is_err() {
        // The error says more than a second one from here could.
        let _ = fs::remove_file(&target);
    }
    result
}

async fn write(folder: &Path, target: &str) -> anyhow::Result<()> {
    let mut connection = connect(folder).await.context("cannot open the database")?;
    let vacuum = sqlx::query("VACUUM INTO $1")
        .bind(target)
        .execute(&mut connection)
        .await;
    if let Err(error) = vacuum {
        let is_damaged = is_damage(&error);
        let error = anyhow::Error::new(error).context("cannot write the backup");
        return Err(if is_damaged {
            error.context("the database is damaged; restore an earlier backup")
        } else {
            error
        });
    }
    connection.close().await.context("cannot close the database")?;
    let options = SqliteConnectOptions::new().filename(target).read_only(true);
    let mut backup = options.connect().await.context("cannot open the backup")?;
    let result: String = sqlx::query_scalar("PRAGMA quick_check(1)")
        .fetch_one(&mut backup)
        .await?;
    backup.close().await?;
    if result != "ok" {
        bail!("the backup is damaged, so it was removed: {result}");
    }
    Ok(())
}
