//! Two nodes with a primary, a standby and networks in between that can all fail.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection as _, PgConnection};
use tokio::time::interval;

use crate::{
    cluster::node,
    support::{
        faulty_proxy::FaultyProxy,
        poll::until,
        postgres::{PostgresDatabase, PostgresServer},
        server::Server,
    },
};

#[derive(Debug, Clone, Copy)]
pub enum Fault {
    /// The connections of the second node are reset.
    Reset,
    /// They are closed.
    Close,
    /// The second node is cut off.
    CutOff,
    /// Everything arrives late at the second node and from it.
    Delay,
    /// PostgreSQL hangs.
    Pause,
    /// PostgreSQL accepts no connections, and those of the second node are reset.
    PausePostmaster,
    /// The primary is killed, and the standby takes over.
    Kill,
    /// The same, but the machine of the primary is gone without a word.
    Vanish,
    /// Every connection is ended, over and over.
    Terminate,
    /// Others use up the connections that PostgreSQL allows.
    Exhaust,
}

pub const FAULTS: &[Fault] = &[
    Fault::Reset,
    Fault::Close,
    Fault::CutOff,
    Fault::Delay,
    Fault::Pause,
    Fault::PausePostmaster,
    Fault::Kill,
    Fault::Vanish,
    Fault::Terminate,
    Fault::Exhaust,
];

impl Fault {
    /// How long after its end calls may be refused.
    pub fn time_to_heal(self) -> Duration {
        match self {
            Self::Kill | Self::Vanish => Duration::from_secs(5),
            _ => Duration::from_secs(1),
        }
    }
}

/// More than the nodes and the tests need.
const MAX_CONNECTIONS: &str = "60";
const STANDBYS: &str = "synchronous_standby_names";

/// A node reaches each of two places for a server through a network of its own.
pub struct Site {
    pub nodes: [Server; 2],
    pub state: State,
}

/// What faults change.
pub struct State {
    /// By place. A place is empty between the loss of a server and the start of another one.
    servers: [Option<PostgresServer>; 2],
    /// By node and place.
    networks: [[FaultyProxy; 2]; 2],
    /// The place of the primary.
    primary: usize,
    database: String,
}

impl Site {
    pub async fn start(settings: &[(&str, &str)]) -> Self {
        let primary = PostgresServer::start_with(&[("max_connections", MAX_CONNECTIONS)]).await;
        let database = primary.create_database().await.name().to_owned();
        let network = async || FaultyProxy::start(primary.address()).await;
        let networks = [[network().await, network().await], [network().await, network().await]];
        let mut state = State {
            servers: [Some(primary), None],
            networks,
            primary: 0,
            database,
        };
        state.add_standby().await;
        let url = |of_node: usize| {
            let [first, second] = &state.networks[of_node];
            let (first, second) = (first.address(), second.address());
            format!("postgres://callgate@{first},{second}/{}", state.database)
        };
        let nodes = [node(&url(0), settings).await, node(&url(1), settings).await];
        Self { nodes, state }
    }

    /// Executes statements.
    pub async fn execute(&self, statements: &str) {
        let mut connection = self.state.database().connect().await;
        let statements = sqlx::raw_sql(AssertSqlSafe(statements.to_owned()));
        statements.execute(&mut connection).await.unwrap();
    }

    /// Fails if the nodes have more connections than they may have, or have left a transaction open.
    pub async fn assert_connections_are_level(&self) {
        let of_nodes = "datname = current_database() AND application_name = 'callgate'";
        let count = async |condition: &str| {
            let query = format!("SELECT count(*) FROM pg_stat_activity WHERE {of_nodes}{condition}");
            self.state.database().number(&query).await
        };
        let connections = count("").await;
        assert!(connections <= 26, "{connections} connections");
        until("transactions to end", async || {
            count(" AND state LIKE 'idle in transaction%' AND state_change < now() - interval '2.5 s'").await == 0
        })
        .await;
    }
}

impl State {
    fn primary(&mut self) -> &mut PostgresServer {
        self.servers[self.primary].as_mut().expect("there is always a primary")
    }

    fn database(&self) -> PostgresDatabase {
        let primary = self.servers[self.primary].as_ref();
        primary.expect("there is always a primary").database(&self.database)
    }

    /// The networks of the second node.
    fn of_second_node(&self) -> &[FaultyProxy; 2] {
        &self.networks[1]
    }

    /// Makes a fault that lasts for as long as `during` takes. Returns at its end.
    pub async fn make(&mut self, fault: Fault, during: impl Future<Output = ()> + Unpin) {
        match fault {
            Fault::Reset | Fault::Close => {
                self.end_connections(fault);
                during.await;
                self.end_connections(fault);
            }
            Fault::CutOff | Fault::Delay => {
                for network in self.of_second_node() {
                    match fault {
                        Fault::CutOff => network.stop(),
                        _ => network.delay(Duration::from_millis(900)),
                    }
                }
                during.await;
                for network in self.of_second_node() {
                    network.heal();
                }
            }
            Fault::Pause => {
                self.primary().pause().await;
                during.await;
                self.primary().resume();
            }
            Fault::PausePostmaster => {
                self.primary().pause_postmaster().await;
                self.end_connections(Fault::Reset);
                during.await;
                self.primary().resume();
            }
            Fault::Kill | Fault::Vanish => self.fail_over(fault, during).await,
            Fault::Terminate => self.terminate(during).await,
            Fault::Exhaust => {
                let database = self.database();
                database.terminate_backends().await;
                let mut others = Vec::new();
                while let Ok(connection) = PgConnection::connect(&database.url()).await {
                    others.push(connection);
                }
                during.await;
            }
        }
    }

    fn end_connections(&self, fault: Fault) {
        for network in self.of_second_node() {
            match fault {
                Fault::Close => network.close(),
                _ => network.reset(),
            }
        }
    }

    /// Has the standby take over from the primary after some time.
    async fn fail_over(&mut self, fault: Fault, during: impl Future<Output = ()>) {
        let (old, new) = (self.primary, 1 - self.primary);
        if matches!(fault, Fault::Vanish) {
            for of_node in &self.networks {
                of_node[old].stop();
            }
        }
        self.primary().kill().await;
        during.await;
        self.primary = new;
        self.primary().promote().await;
        self.servers[old] = None;
    }

    /// Puts a standby into the place that is empty, if one is.
    pub async fn add_standby(&mut self) {
        let place = 1 - self.primary;
        if self.servers[place].is_some() {
            return;
        }
        let standby = self.primary().standby().await;
        for of_node in &self.networks {
            of_node[place].set_target(standby.address());
            // Connections to the server that was there before.
            of_node[place].reset();
            of_node[place].heal();
        }
        self.servers[place] = Some(standby);
        let primary = self.primary().database("postgres");
        until("the standby to follow", async || {
            let following = "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'";
            primary.number(following).await == 1
        })
        .await;
        // From now on, no commit is acknowledged that the standby does not have.
        self.primary().configure(STANDBYS, "standby").await;
    }

    async fn terminate(&self, during: impl Future<Output = ()> + Unpin) {
        let database = self.database();
        let over_and_over = async {
            let mut ticks = interval(Duration::from_millis(100));
            loop {
                ticks.tick().await;
                database.terminate_backends().await;
            }
        };
        tokio::select! {
            () = during => {}
            () = over_and_over => {}
        }
    }
}
