//! The demo users. Their passwords are public, so only a server started with `--demo` accepts them, on loopback only.

use anyhow::bail;

use crate::{
    contract::{Refusal, audit::Action, login::Password},
    server::{
        model::{clock::Timestamp, event::Event},
        state::AppState,
        storage::{
            self,
            roles::{ADMIN, UpdateOutcome},
            users::NewUser,
        },
    },
};

/// Names and passwords.
pub const USERS: [(&str, &str); 3] = [("user01", "user_01"), ("user02", "user_02"), ("user03", "user_03")];

const ADMINISTRATOR: &str = "user03";

pub async fn add_users(state: &AppState) -> anyhow::Result<()> {
    for (user_id, password) in USERS {
        if state.storage().find_user(user_id).await?.is_some() {
            continue;
        }
        let hash = state
            .passwords()
            .hash_at_startup(Password::new(password.to_owned()))
            .await
            .map_err(|refusal: Refusal| anyhow::anyhow!(refusal.message().english().to_owned()))?;
        let role = (user_id == ADMINISTRATOR).then(|| ADMIN.to_owned());
        let user = NewUser {
            user_id,
            password_hash: &hash,
            demo: true,
            roles: role.as_slice(),
            link: None,
        };
        let event = Event::by_operator(Action::UserAdded).to(user_id).about("demo");
        let added = state.storage().add_user(&user, Timestamp::now(), &[event]).await?;
        // Another process that starts at the same time may have added the user.
        if added != UpdateOutcome::Done && state.storage().find_user(user_id).await?.is_none() {
            bail!("the demo user {user_id} cannot be added: there is already a user whose name looks too much like it");
        }
    }
    Ok(())
}

/// Fails if there are demo users, because the server does not run as a demo.
pub async fn refuse_users(state: &AppState) -> anyhow::Result<()> {
    let mut users = state.storage().list_users().await?;
    users.retain(|user| user.demo);
    if !users.is_empty() {
        let names: Vec<String> = users.into_iter().map(|user| user.user_id).collect();
        bail!(
            "{} contains demo users, whose passwords are public: {}. Start with --demo, change their \
             passwords (`callgate user passwd NAME`), or delete them (`callgate user delete NAME`). Before you delete \
             the last administrator, add another one (`callgate user add NAME --role admin`)",
            storage::name(&state.settings().data, &state.settings().database),
            names.join(", ")
        );
    }
    Ok(())
}
