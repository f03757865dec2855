//! Warnings at the start about settings of providers that do not fit the stored users and roles.

use crate::server::{config::Provision, state::AppState, telemetry::error::InternalError};

/// Logs what the operator should know: roles that do not exist, providers that let everybody in, and users who have lost
/// their only way to log in.
pub async fn log(state: &AppState) -> Result<(), InternalError> {
    let stored = state.storage().list_roles().await?;
    for settings in &state.settings().providers {
        let provider = settings.key.as_str();
        let mapped = settings.roles.iter().map(|rule| &rule.role);
        for role in mapped.chain(&settings.default_roles) {
            if stored.iter().all(|stored| stored.role != *role) {
                tracing::warn!(
                    provider,
                    role,
                    "the settings of a provider name a role that does not exist"
                );
            }
        }
        if settings.provision == Provision::Open && settings.allow.is_empty() {
            let name = settings.name.as_str();
            tracing::warn!(
                provider,
                "anybody with an account at {name} gets a user here, because allow is empty"
            );
        }
    }
    let stranded = state.storage().count_stranded().await?;
    if stranded.users > 0 {
        tracing::warn!(
            users = stranded.users,
            administrators = stranded.admins,
            "users cannot log in: they have no password, and their accounts are at providers that are not configured"
        );
    }
    Ok(())
}
