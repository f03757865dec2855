//! Users whose rights change, and the model of what they may do.

use std::time::Duration;

use serde_json::json;
use tokio::time::{MissedTickBehavior, interval};

use super::{Soak, faults::Site};
use crate::{
    cluster::{client, logged_in},
    support::{client::Client, random::Random},
};

/// The shortest time between the calls of a user.
const INTERVAL: Duration = Duration::from_millis(50);

/// Adds a user, who may list users and has the password of user01.
const ADD: &str = "
    INSERT INTO roles (role, description) VALUES ('reader', '') ON CONFLICT DO NOTHING;
    INSERT INTO role_permissions (role, permission) VALUES ('reader', 'users.read') ON CONFLICT DO NOTHING;
    INSERT INTO users (user_id, password_hash, active, demo, created_at, changed_at)
      SELECT 'USER', password_hash, TRUE, TRUE, created_at, changed_at FROM users WHERE user_id = 'user01';
    INSERT INTO user_roles (user_id, role) VALUES ('USER', 'reader')";

/// What all acknowledged changes together have made of a user.
#[derive(Debug, Clone, Copy)]
struct Rights {
    is_active: bool,
    may_list: bool,
    is_logged_in: bool,
}

impl Rights {
    /// The status of a call when nothing fails.
    fn status(self, function: &str) -> u16 {
        if !self.is_logged_in {
            401
        } else if function == "list_users" && !self.may_list {
            403
        } else {
            200
        }
    }

    fn after(self, change: Change) -> Self {
        match change {
            Change::Disable => Self {
                is_active: false,
                is_logged_in: false,
                ..self
            },
            Change::Enable => Self {
                is_active: true,
                ..self
            },
            Change::Take | Change::Give => Self {
                may_list: matches!(change, Change::Give),
                ..self
            },
            Change::Logout | Change::Revoke => Self {
                is_logged_in: false,
                ..self
            },
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Change {
    Disable,
    Enable,
    Take,
    Give,
    Logout,
    Revoke,
}

/// A user, who does one thing after the other.
pub struct User<'a> {
    soak: &'a Soak,
    name: String,
    rights: Rights,
    /// With the cookies of the latest login. It calls the first node.
    client: Client,
    /// At the first node.
    admin: Client,
    random: Random,
}

impl<'a> User<'a> {
    pub async fn add(soak: &'a Soak, site: &Site, number: usize, random: Random) -> Self {
        let name = format!("soak{number}");
        site.execute(&ADD.replace("USER", &name)).await;
        let [node, _] = &site.nodes;
        Self {
            soak,
            name,
            rights: Rights {
                is_active: true,
                may_list: true,
                is_logged_in: false,
            },
            client: client(node),
            admin: logged_in(node, "user03", "user_03").await,
            random,
        }
    }

    pub async fn run(&mut self) {
        let mut ticks = interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !self.soak.is_over.get() {
            self.change().await;
            for _ in 0..=self.random.below(15) {
                ticks.tick().await;
                self.call(&[self.rights]).await;
            }
        }
    }

    async fn change(&mut self) {
        let Rights {
            is_active,
            may_list,
            is_logged_in,
        } = self.rights;
        let of_role = if may_list { Change::Take } else { Change::Give };
        let change = if !is_active {
            Change::Enable
        } else if is_logged_in {
            self.random
                .choose(&[Change::Disable, of_role, of_role, Change::Logout, Change::Revoke])
        } else {
            self.log_in().await;
            return;
        };
        let after = self.rights.after(change);
        while !self.is_acknowledged(change).await {
            // Either it was made or not.
            self.call(&[self.rights, after]).await;
        }
        self.rights = after;
        self.soak.changes.set(self.soak.changes.get() + 1);
        // The very next call.
        self.call(&[self.rights]).await;
    }

    /// Logs in at any node.
    async fn log_in(&mut self) {
        loop {
            let node = self.random.choose(&self.soak.addresses);
            let client = self.client.clone().at(node);
            let login = json!({"user_id": self.name, "password": "user_01", "remember": false});
            let phase = self.soak.phase.get();
            let reply = client.call("login", login).await;
            self.soak.check(&reply, phase);
            if reply.status == 200 {
                self.client = client.at(self.soak.addresses[0]);
                self.rights.is_logged_in = true;
                return;
            }
            assert_eq!(reply.status, 503, "{}", reply.body);
            self.call(&[self.rights]).await;
        }
    }

    /// Makes a change at the first node. One that was made already is acknowledged again.
    async fn is_acknowledged(&self, change: Change) -> bool {
        let user = json!({"user_id": self.name});
        let role = json!({"user_id": self.name, "role": "reader"});
        let own = self.client.clone();
        let (caller, function, arguments) = match change {
            Change::Disable => (&self.admin, "disable_user", user),
            Change::Enable => (&self.admin, "enable_user", user),
            Change::Revoke => (&self.admin, "revoke_sessions", user),
            Change::Take => (&self.admin, "take_role", role),
            Change::Give => (&self.admin, "give_role", role),
            Change::Logout => (&own, "logout", json!({})),
        };
        let phase = self.soak.phase.get();
        let reply = caller.call(function, arguments).await;
        self.soak.check(&reply, phase);
        match (change, reply.status) {
            (_, 503) => false,
            (Change::Logout, 401) => true,
            (_, status) => {
                assert_eq!(status, 200, "{change:?}: {}", reply.body);
                true
            }
        }
    }

    /// Calls at both nodes, and fails if a reply fits none of these rights.
    async fn call(&mut self, possible: &[Rights]) {
        let function = self.random.choose(&["auth_func", "list_users"]);
        let call = async |node| {
            let phase = self.soak.phase.get();
            // A copy, which loses its cookies when the session has ended.
            let reply = self.client.clone().at(node).call(function, json!({})).await;
            self.soak.check(&reply, phase);
            let is_right = possible.iter().any(|rights| rights.status(function) == reply.status);
            assert!(
                is_right || reply.status == 503,
                "{} {function} {possible:?}: {} {}",
                self.name,
                reply.status,
                reply.body
            );
        };
        let [first, second] = self.soak.addresses;
        tokio::join!(Box::pin(call(first)), Box::pin(call(second)));
    }
}
