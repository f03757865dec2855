//! Stored files that pages load, which nodes that run different versions of the program serve for each other.

use std::time::Duration;

use super::{
    Storage,
    database::{
        errors::database_error,
        query::{QueryBuilder, Value, query, query_scalar},
    },
};
use crate::server::{model::clock::Timestamp, telemetry::error::InternalError};

/// How long a file is kept after a node that has it was last seen.
pub const KEPT_FOR: Duration = Duration::from_hours(7 * 24);

/// A file to store. Files with the same path are equal, because the path contains a hash of the content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramFile {
    /// The file name. That of a compressed file ends in `.br`.
    pub path: String,
    pub bytes: Vec<u8>,
}

impl Storage {
    /// Records that a node that has the file runs. `false` if the file is not stored.
    pub async fn touch_program_file(&self, path: &str, now: Timestamp) -> Result<bool, InternalError> {
        query("UPDATE program_files SET seen_at = $1 WHERE path = $2")
            .bind(now.0)
            .bind(path)
            .execute(&self.background)
            .await
            .map(|rows| rows > 0)
            .map_err(database_error("recording that a program file is in use"))
    }

    /// Stores files, all or none. To avoid deadlocks between nodes, they must be in the order of their paths.
    pub async fn add_program_files(&self, files: Vec<ProgramFile>, now: Timestamp) -> Result<(), InternalError> {
        if files.is_empty() {
            return Ok(());
        }
        let mut insert = QueryBuilder::new("INSERT INTO program_files (path, bytes, seen_at) VALUES ");
        insert.push_rows(files.into_iter().map(|file| {
            [
                Value::from(file.path),
                Value::from(file.bytes),
                Value::Integer(Some(now.0)),
            ]
        }));
        // Another node may have stored them meanwhile.
        insert.push(" ON CONFLICT (path) DO UPDATE SET seen_at = excluded.seen_at");
        insert
            .build()
            .execute(&self.background)
            .await
            .map(drop)
            .map_err(database_error("storing program files"))
    }

    /// The paths of all stored files.
    pub async fn list_program_files(&self) -> Result<Vec<String>, InternalError> {
        query_scalar("SELECT path FROM program_files")
            .fetch_all(&self.reader)
            .await
            .map_err(database_error("listing program files"))
    }

    /// The content of a stored file.
    pub async fn find_program_file(&self, path: &str) -> Result<Option<Vec<u8>>, InternalError> {
        query_scalar("SELECT bytes FROM program_files WHERE path = $1")
            .bind(path)
            .fetch_optional(&self.reader)
            .await
            .map_err(database_error("reading a program file"))
    }

    /// Deletes the files that no node has had since `before`, and returns their number.
    pub async fn sweep_program_files(&self, before: Timestamp) -> Result<u64, InternalError> {
        let delete = query("DELETE FROM program_files WHERE seen_at < $1").bind(before.0);
        self.execute("sweeping program files", delete).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, bytes: &[u8]) -> ProgramFile {
        ProgramFile {
            path: path.to_owned(),
            bytes: bytes.to_owned(),
        }
    }

    #[tokio::test]
    async fn files_are_kept_while_nodes_that_have_them_are_seen() {
        let storage = Storage::in_memory().await.unwrap();
        assert!(!storage.touch_program_file("a", Timestamp(1)).await.unwrap());
        let files = vec![file("a", b"\0\xff"), file("b", b"b")];
        storage.add_program_files(files, Timestamp(1)).await.unwrap();
        assert_eq!(
            storage.find_program_file("a").await.unwrap().as_deref(),
            Some(&b"\0\xff"[..])
        );
        assert_eq!(storage.find_program_file("c").await.unwrap(), None);

        assert!(storage.touch_program_file("a", Timestamp(3)).await.unwrap());
        assert_eq!(storage.sweep_program_files(Timestamp(3)).await.unwrap(), 1);
        assert_eq!(storage.list_program_files().await.unwrap(), ["a"]);
        // Stored by another node at the same time.
        storage
            .add_program_files(vec![file("a", b"\0\xff")], Timestamp(5))
            .await
            .unwrap();
        assert_eq!(storage.sweep_program_files(Timestamp(5)).await.unwrap(), 0);
    }
}
