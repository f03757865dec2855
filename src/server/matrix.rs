//! Functions × kinds of caller: who is let in where.
//!
//! Nothing of it is written down by hand: for each kind a caller is made up, on a database in memory, and each guard is
//! really asked.

use std::{net::IpAddr, sync::Arc};

use axum::http::HeaderMap;
use tower_sessions::{MemoryStore, Session};

use super::{
    caller::{Arrival, Caller},
    clock::Timestamp,
    function,
    services::Services,
    sessions::{self, Login},
    settings::Settings,
};
use crate::contract::Refusal;

/// The kinds of caller: the name of the column, and how long ago the password was given, in seconds. `None` is nobody.
const KINDS: [(&str, Option<PasswordGiven>); 4] = [
    ("NOBODY", None),
    ("REMEMBERED", Some(PasswordGiven::Never)),
    ("LOGGED IN", Some(PasswordGiven::Earlier)),
    ("JUST LOGGED IN", Some(PasswordGiven::JustNow)),
];

/// When a made-up caller gave the password.
#[derive(Debug, Clone, Copy)]
pub(super) enum PasswordGiven {
    /// Not in this session: a remembered browser was logged in again.
    Never,
    /// Too long ago to be fresh.
    Earlier,
    /// Just now.
    JustNow,
}

/// The table, with its head: "yes", or the code of the refusal.
///
/// # Errors
/// Where the guards cannot be asked.
pub async fn rows() -> anyhow::Result<Vec<Vec<String>>> {
    let services = Services::in_memory(Settings::defaults()?).await?;
    let mut head = vec!["FUNCTION".to_owned(), "GUARD".to_owned()];
    head.extend(KINDS.map(|(kind, _)| kind.to_owned()));
    let mut rows = vec![head];
    for function in function::all() {
        let mut row = vec![function.name().to_owned(), function.rule().name.clone()];
        for (_, given) in KINDS {
            let caller = caller(&services, given).await?;
            row.push(match function.admit(&caller).await {
                Ok(()) => "yes".to_owned(),
                Err(refusal) => answer(&refusal)?,
            });
        }
        rows.push(row);
    }
    Ok(rows)
}

fn answer(refusal: &Refusal) -> anyhow::Result<String> {
    anyhow::ensure!(
        !refusal.is_failure(),
        "a guard could not be asked: {}",
        refusal.message()
    );
    Ok(refusal.code().to_owned())
}

/// A caller made up for a guard to be asked: one who gave the password at some time, or nobody.
pub(super) async fn caller(services: &Services, given: Option<PasswordGiven>) -> anyhow::Result<Caller> {
    let now = Timestamp::now();
    let store = Arc::new(MemoryStore::default());
    let mut session = Session::new(None, Arc::clone(&store), None);
    if let Some(given) = given {
        let fresh = services.settings().sessions.fresh();
        let login = Login {
            user_id: "somebody".to_owned(),
            at: now.0,
            password_at: match given {
                PasswordGiven::Never => None,
                PasswordGiven::Earlier => Some(now.minus(fresh).0),
                PasswordGiven::JustNow => Some(now.0),
            },
            series: None,
            user_changed_at: 0,
            origin: sessions::Origin::default(),
        };
        session = sessions::begin(store, &login).await?.unwrap_or(session);
    }
    let arrival = Arrival {
        address: None::<IpAddr>,
        at: now,
        last_told: now,
    };
    Ok(Caller::new(services.clone(), &HeaderMap::new(), session, arrival))
}
