//! Examines the database that the settings name, without changing it.

use std::{path::Path, time::Duration};

use super::{findings::Finding, postgres, sqlite};
use crate::server::config;

/// Examines the database. Nodes count as gone if they have not reported for `gone_after`.
pub async fn examine(folder: &Path, settings: &config::Database, gone_after: Duration) -> Vec<Finding> {
    if settings.is_shared() {
        postgres::checks::examine(settings, gone_after).await
    } else {
        sqlite::checks::examine(folder).await
    }
}
