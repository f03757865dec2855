//! What users have chosen for themselves.

use sqlx::FromRow;

use super::{
    Storage,
    database::{
        errors::database_error,
        query::{query, query_as},
    },
};
use crate::server::{model::profile::Profile, telemetry::error::InternalError};

#[derive(Debug, Clone, FromRow)]
pub struct StoredProfile {
    language: Option<String>,
    time_zone: Option<String>,
    display_name: Option<String>,
}

impl From<StoredProfile> for Profile {
    fn from(stored: StoredProfile) -> Self {
        Self {
            // A later version may know more languages.
            language: stored.language.and_then(|tag| tag.parse().ok()),
            time_zone: stored.time_zone,
            display_name: stored.display_name,
        }
    }
}

impl Storage {
    /// What the user has chosen. `None` if there is no such user.
    pub async fn find_profile(&self, user_id: &str) -> Result<Option<Profile>, InternalError> {
        let stored: Option<StoredProfile> =
            query_as("SELECT language, time_zone, display_name FROM users WHERE user_id = $1")
                .bind(user_id)
                .fetch_optional(&self.reader)
                .await
                .map_err(database_error("looking up a profile"))?;
        Ok(stored.map(Profile::from))
    }

    /// Sets the language tag of a user. `None` removes it.
    pub async fn set_language(&self, user_id: &str, tag: Option<&str>) -> Result<(), InternalError> {
        let update = query("UPDATE users SET language = $1 WHERE user_id = $2")
            .bind(tag)
            .bind(user_id);
        self.execute_locked("setting a language", &update).await.map(drop)
    }

    /// Sets the display name and the time zone of a user. `None` removes them.
    pub async fn set_profile(
        &self,
        user_id: &str,
        display_name: Option<&str>,
        time_zone: Option<&str>,
    ) -> Result<(), InternalError> {
        let update = query("UPDATE users SET display_name = $1, time_zone = $2 WHERE user_id = $3")
            .bind(display_name)
            .bind(time_zone)
            .bind(user_id);
        self.execute_locked("setting a profile", &update).await.map(drop)
    }
}
