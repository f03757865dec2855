//! Roles from the claims of a provider, updated at each login.

use std::collections::BTreeMap;

use super::provisioning::matches;
use crate::{
    contract::audit::Action,
    server::{
        auth::security_log::{self, about_provider},
        config,
        model::event::Event,
        oidc::Account,
        state::AppState,
        storage::{
            mapped_roles::{RoleChange, RoleClaims},
            roles::ADMIN,
        },
        telemetry::error::InternalError,
    },
};

/// Gives and takes the roles of a user as the claims say.
pub async fn apply(
    state: &AppState,
    settings: &config::Provider,
    account: &Account,
    user_id: &str,
) -> Result<(), InternalError> {
    let provider = settings.key.as_str();
    let claims = role_claims(settings, account);
    for role in &claims.unknown {
        tracing::warn!(
            provider,
            user = user_id,
            role,
            "the claim that decides about a role is absent; the role stays as it is"
        );
    }
    let event = Event::by(user_id, Action::RolesMapped).to(user_id);
    let event = event.about(about_provider(provider));
    let storage = state.storage();
    let change = storage.map_roles(user_id, settings.issuer(), &claims, &event).await?;
    log(provider, user_id, &change);
    if !change.is_empty() {
        let words = format!("{}: {}", event.about, change.in_words());
        security_log::changed(&event.about(words));
    }
    Ok(())
}

fn log(provider: &str, user: &str, change: &RoleChange) {
    for role in &change.missing {
        tracing::warn!(
            provider,
            user,
            role,
            "the settings of a provider map a role that does not exist"
        );
    }
    if change.keeps_admin {
        tracing::warn!(
            provider,
            user,
            "the claims no longer give the role admin; the last administrator who can log in keeps it"
        );
    }
}

/// What the claims say about each role that the settings map. A claim that is absent says nothing, while an empty one says
/// that the role is not given.
fn role_claims(settings: &config::Provider, account: &Account) -> RoleClaims {
    // Whether a claim gives the role. `None` if all claims about it are absent.
    let mut roles: BTreeMap<&str, Option<bool>> = BTreeMap::new();
    let mut absent = Vec::new();
    for rule in &settings.roles {
        if rule.role == ADMIN && !settings.may_map_admin {
            continue;
        }
        let is_given = roles.entry(&rule.role).or_default();
        // A provider should omit a claim that it does not return, but some write null (OpenID Connect Core 1.0, 5.3.2).
        match account.claim(&rule.claim).filter(|claim| !claim.is_null()) {
            Some(claim) => *is_given = Some(is_given.unwrap_or_default() || matches(claim, &rule.value)),
            None => absent.push(rule.role.as_str()),
        }
    }
    let mut claims = RoleClaims::default();
    for (role, is_given) in roles {
        if is_given == Some(true) {
            claims.given.push(role.to_owned());
        } else if absent.contains(&role) {
            claims.unknown.push(role.to_owned());
        }
    }
    claims
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn claims(rules: &str, claims: Value) -> RoleClaims {
        let text = format!("key = \"a\"\nname = \"A\"\nclient_id = \"c\"\n{rules}");
        let settings: config::Provider = toml::from_str(&text).unwrap();
        let Value::Object(claims) = claims else {
            panic!("claims are an object");
        };
        let account = Account {
            subject: "s".to_owned(),
            claims,
            auth_time: None,
            sid: None,
        };
        role_claims(&settings, &account)
    }

    fn expected(given: &[&str], unknown: &[&str]) -> RoleClaims {
        let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect();
        RoleClaims {
            given: names(given),
            unknown: names(unknown),
        }
    }

    #[test]
    fn absent_is_not_empty() {
        let rules = "roles = [
            { claim = \"/groups\", value = \"ops\", role = \"support\" },
            { claim = \"/groups\", value = \"dev\", role = \"developer\" },
            { claim = \"/team\", value = \"dev\", role = \"developer\" },
        ]";
        for (found, given, unknown) in [
            (
                json!({"groups": ["ops", "dev"], "team": []}),
                vec!["developer", "support"],
                vec![],
            ),
            (json!({"groups": "ops", "team": "x"}), vec!["support"], vec![]),
            (json!({"groups": [], "team": "dev"}), vec!["developer"], vec![]),
            (json!({"groups": []}), vec![], vec!["developer"]),
            (json!({"groups": ["dev"]}), vec!["developer"], vec![]),
            (json!({}), vec![], vec!["developer", "support"]),
            (json!({"groups": null, "team": 7}), vec![], vec!["developer", "support"]),
            (json!({"groups": {}, "team": 7}), vec![], vec![]),
        ] {
            assert_eq!(claims(rules, found.clone()), expected(&given, &unknown), "{found}");
        }
    }

    #[test]
    fn admin_is_mapped_only_with_permission() {
        let rule = "roles = [{ claim = \"/groups\", value = \"ops\", role = \"admin\" }]";
        let found = json!({"groups": "ops"});
        assert_eq!(claims(rule, found.clone()), expected(&[], &[]));
        let permitted = format!("{rule}\nmay_map_admin = true");
        assert_eq!(claims(&permitted, found), expected(&["admin"], &[]));
    }
}
