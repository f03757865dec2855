//! Who may call what, and why, as decided by the guards for sample callers.
//!
//! Only guards are checked; no function is called.

use std::collections::BTreeMap;

use super::{Function, guard_matrix};
use crate::{
    contract::{
        Message, Refusal,
        audit::Action,
        moment,
        role::{AccessByRole, AccessRow, Explanation},
        user::UserState,
    },
    message,
    server::{
        auth::{
            caller::Caller,
            guard::granted::Permissions,
            sample_caller::{self, PasswordGiven},
        },
        model::{clock::Timestamp, event::Event},
        registry,
        state::AppState,
        storage::{
            Storage,
            roles::{ADMIN, Precondition, PutOutcome, UpdateOutcome},
            users::NewUser,
        },
        telemetry::error::InternalError,
    },
};

/// The decisions of all guards for nobody, a user without a role, and a user of each role, all with a fresh login.
pub async fn table(state: &AppState) -> Result<AccessByRole, Refusal> {
    let stored = state.storage().list_roles().await?;
    let roles: Vec<String> = stored.into_iter().map(|role| role.role).collect();
    let sample = state_with_user_per_role(state, &roles).await?;
    let mut callers = vec![sample_caller::nobody(&sample)];
    for user in 0..=roles.len() {
        callers.push(sample_caller::logged_in(&sample, &user.to_string(), PasswordGiven::JustNow).await?);
    }
    let mut functions = Vec::new();
    for function in registry::all() {
        let mut decisions = Vec::new();
        for caller in &callers {
            decisions.push(guard_matrix::decision(function, caller).await?);
        }
        functions.push(AccessRow {
            function: function.name().to_owned(),
            guard: function.rule.name.clone(),
            words: function.rule.words.clone(),
            answers: decisions,
        });
    }
    let kinds = ["nobody", "no role"].map(str::to_owned).into_iter();
    Ok(AccessByRole {
        callers: kinds.chain(roles).collect(),
        functions,
    })
}

/// The functions whose guards refuse a logged-in caller, apart from those that ask to confirm the login first. `None` if nobody
/// is logged in.
pub async fn refused_functions(caller: &Caller) -> Result<Option<Vec<String>>, Refusal> {
    if caller.login().await?.is_none() {
        return Ok(None);
    }
    let mut decisions = BTreeMap::new();
    let mut refused = Vec::new();
    for function in registry::all() {
        let guard = &function.rule.name;
        if !decisions.contains_key(guard) {
            let decision = guard_matrix::decision(function, caller).await?;
            let is_allowed = [guard_matrix::ALLOWED, Refusal::FreshLoginRequired.code()].contains(&decision.as_str());
            decisions.insert(guard, is_allowed);
        }
        if decisions.get(guard) == Some(&false) {
            refused.push(function.name().to_owned());
        }
    }
    Ok(Some(refused))
}

/// Copies the roles into an in-memory database where user 0 has no role, user 1 has the first, and so on.
async fn state_with_user_per_role(state: &AppState, roles: &[String]) -> Result<AppState, Refusal> {
    let failed = |error: anyhow::Error| InternalError::new("copying the roles", error);
    let copy = Storage::in_memory().await.map_err(failed)?;
    let event = Event::by_operator(Action::RoleChanged);
    for (number, role) in (1..).zip(roles) {
        if role != ADMIN {
            let permissions = state.storage().permissions_of(role).await?;
            let put = copy
                .put_role(role, "", &permissions, Precondition::Absent, &[], &event)
                .await?;
            debug_assert_eq!(put, PutOutcome::Done, "this database is new");
        }
        let user = NewUser {
            user_id: &i32::to_string(&number),
            roles: std::slice::from_ref(role),
            ..NewUser::default()
        };
        let added = copy.add_user(&user, Timestamp::now(), &[]).await?;
        debug_assert_eq!(added, UpdateOutcome::Done, "this database is new");
    }
    Ok(state.with_storage(copy))
}

/// Explains why a user can or cannot call a function, assuming a fresh login.
///
/// # Errors
/// [`Refusal::NotFound`] for an unknown user or function.
pub async fn explain(state: &AppState, user_id: &str, name: &str) -> Result<Explanation, Refusal> {
    let storage = state.storage();
    let user = storage
        .find_listed(user_id)
        .await?
        .ok_or_else(|| Refusal::NotFound(message!("user")))?;
    let function = registry::find(name).ok_or_else(|| Refusal::NotFound(message!("function")))?;
    let roles = storage.roles_of(user_id).await?;
    let fresh = sample_caller::logged_in(state, user_id, PasswordGiven::JustNow).await?;
    let decision = guard_matrix::decision(function, &fresh).await?;
    let remembered = sample_caller::logged_in(state, user_id, PasswordGiven::Never).await?;
    let remembered_decision = guard_matrix::decision(function, &remembered).await?;
    let is_open = function.rule.refusals.is_empty();
    let allowed = decision == guard_matrix::ALLOWED && (is_open || user.state() == UserState::Active);

    let mut reasons = vec![message!(
        "Who can call {name}: {words}.",
        name,
        words = function.rule.words
    )];
    match user.state() {
        UserState::Active => {}
        _ if is_open => {}
        UserState::Disabled => reasons.push(message!("{user_id} is disabled and cannot log in.", user_id)),
        UserState::Invited => reasons.push(message!(
            "{user_id} has neither a password nor an account elsewhere, and cannot log in yet.",
            user_id
        )),
    }
    reasons.push(describe_permissions(state, user_id, &roles).await?);
    reasons.push(match decision.as_str() {
        guard_matrix::ALLOWED => message!("The guard allows {user_id}.", user_id),
        code => describe_refusal(function, user_id, code, state, &fresh).await?,
    });
    if decision == guard_matrix::ALLOWED && remembered_decision != guard_matrix::ALLOWED {
        reasons.push(message!(
            "The password must have been entered within the last {time}.",
            time = moment::duration(state.settings().sessions.fresh_seconds.duration().as_secs())
        ));
    }
    Ok(Explanation {
        user_id: user_id.to_owned(),
        function: name.to_owned(),
        allowed,
        reasons,
    })
}

async fn describe_permissions(state: &AppState, user_id: &str, roles: &[String]) -> Result<Message, Refusal> {
    let permissions = Permissions::by_roles(state.storage(), roles).await?.names();
    Ok(match roles {
        [] => message!("{user_id} has no roles, and so no permissions.", user_id),
        roles if roles.iter().any(|role| role == ADMIN) => message!(
            "{user_id} has the role {role}, which has every permission.",
            user_id,
            role = ADMIN
        ),
        roles if permissions.is_empty() => message!(
            "Roles of {user_id}: {roles}. They have no permissions.",
            user_id,
            roles = roles.join(", ")
        ),
        roles => message!(
            "Roles of {user_id}: {roles}. Their permissions: {permissions}.",
            user_id,
            roles = roles.join(", "),
            permissions = permissions.join(", ")
        ),
    })
}

/// Describes what the user lacks and which roles have it.
async fn describe_refusal(
    function: &Function,
    user_id: &str,
    code: &str,
    state: &AppState,
    caller: &Caller,
) -> Result<Message, Refusal> {
    let Err(Refusal::PermissionRequired(missing)) = function.check(caller).await else {
        return Ok(message!("The guard refuses {user_id} with {code}.", user_id, code));
    };
    let storage = state.storage();
    if missing.names().all(|name| name.starts_with("role:")) {
        return Ok(message!(
            "{user_id} needs {missing}.",
            user_id,
            missing = missing.words()
        ));
    }
    let mut granting = vec![ADMIN.to_owned()];
    for role in storage.list_roles().await? {
        let permissions = storage.permissions_of(&role.role).await?;
        let grants = |name: &str| match name.strip_prefix("role:") {
            Some(required) => required == role.role,
            None => permissions.iter().any(|permission| permission == name),
        };
        if role.role != ADMIN && missing.names().any(grants) {
            granting.push(role.role);
        }
    }
    Ok(message!(
        "{user_id} needs {missing}. Roles that have it: {roles}.",
        user_id,
        missing = missing.words(),
        roles = granting.join(", ")
    ))
}
