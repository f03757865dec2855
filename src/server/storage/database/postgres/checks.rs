//! Examines a PostgreSQL database.

use std::time::Duration;

use sqlx::{ConnectOptions as _, PgConnection, postgres::PgConnectOptions};
use tokio::time::timeout;

use super::{
    address::{self, Address},
    connections_per_node,
    errors::with_hint,
    pool::timed_out,
    schema, server,
};
use crate::server::{
    config,
    model::clock::{Timestamp, machine_time},
    storage::database::{findings::Finding, migrations},
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Connections for commands and for people, beside those of the nodes.
const SPARE_CONNECTIONS: i64 = 10;
/// A difference of the clocks that is reported.
const NOTABLE_OFFSET: i64 = 1000;

/// A node that has reported lately.
type Node = (String, String);

pub async fn examine(settings: &config::Database, gone_after: Duration) -> Vec<Finding> {
    let address = match Address::of(settings) {
        Ok(address) => address,
        Err(error) => return vec![Finding::error("database", error)],
    };
    let mut findings = Vec::new();
    let mut connection = None;
    let mut has_primary = false;
    for host in &address.hosts {
        let name = address::host_name(host);
        match connect(host).await {
            Ok((opened, is_writable)) => {
                findings.push(Finding::ok("host", describe(host, &name, is_writable)));
                if (is_writable && !has_primary) || connection.is_none() {
                    connection = Some(opened);
                }
                has_primary |= is_writable;
            }
            Err(error) => {
                let error = anyhow::Error::from_boxed(with_hint(error)).context(name);
                findings.push(Finding::error("host", error));
            }
        }
    }
    let Some(mut connection) = connection else {
        return findings;
    };
    if has_primary {
        findings.push(Finding::ok("primary", "a host accepts writes"));
    } else {
        findings.push(Finding::wrong(
            "primary",
            "no host accepts writes: all are standbys, or default_transaction_read_only is on",
            "name the primary in database.url, or allow writes on it",
        ));
    }
    match examine_database(&mut connection, settings, gone_after, &mut findings).await {
        Ok(()) => {}
        Err(error) => findings.push(Finding::error("database", error)),
    }
    findings
}

/// Connects to a host. Also says whether it accepts writes.
async fn connect(host: &PgConnectOptions) -> sqlx::Result<(PgConnection, bool)> {
    let connect = async {
        let mut connection = host.connect().await?;
        let is_writable = sqlx::query_scalar("SELECT current_setting('transaction_read_only') = 'off'");
        let is_writable = is_writable.fetch_one(&mut connection).await?;
        Ok((connection, is_writable))
    };
    timeout(CONNECT_TIMEOUT, connect)
        .await
        .unwrap_or_else(|_| Err(timed_out()))
}

fn describe(host: &PgConnectOptions, name: &str, is_writable: bool) -> String {
    let role = if is_writable { "accepts writes" } else { "is read-only" };
    let tls = if address::uses_tls(host) {
        "TLS, name and certificate verified"
    } else {
        "without TLS, because it is on this machine"
    };
    format!("{name} {role}; {tls}")
}

async fn examine_database(
    connection: &mut PgConnection,
    settings: &config::Database,
    gone_after: Duration,
    findings: &mut Vec<Finding>,
) -> anyhow::Result<()> {
    let version = server::setting(connection, "server_version").await?;
    let result = server::check_version(connection).await;
    findings.push(found("version", format!("PostgreSQL {version}"), result));
    let result = server::check_encoding(connection).await;
    findings.push(found("encoding", "UTF8", result));
    let commits = server::setting(connection, "synchronous_commit").await?;
    let result = server::check_commits(connection).await;
    findings.push(found("synchronous_commit", commits, result));
    findings.push(privileges(connection).await?);
    findings.push(timeouts(connection).await?);
    findings.push(clock(connection).await?);
    let applied = schema::applied(connection).await?;
    let nodes = if applied.versions.is_empty() {
        Vec::new()
    } else {
        nodes(connection, gone_after).await?
    };
    findings.push(connections(connection, settings, nodes.len()).await?);
    findings.push(migrations::describe(&schema::migrator(), &applied));
    if applied.versions.is_empty() {
        return Ok(());
    }
    findings.push(collation(connection).await?);
    findings.push(list(nodes));
    let (sessions, last_used_at) = sqlx::query_as("SELECT COUNT(*), MAX(last_used_at) FROM sessions")
        .fetch_one(connection)
        .await?;
    findings.push(Finding::of_sessions(sessions, last_used_at));
    Ok(())
}

fn found(check: &'static str, text: impl Into<String>, result: anyhow::Result<()>) -> Finding {
    match result {
        Ok(()) => Finding::ok(check, text),
        Err(error) => Finding::error(check, error),
    }
}

/// Whether the user can migrate the schema. It needs nothing else.
async fn privileges(connection: &mut PgConnection) -> sqlx::Result<Finding> {
    const CHECK: &str = "privileges";
    let (user, schema, may_create, foreign, is_superuser): (String, Option<String>, bool, i64, bool) = sqlx::query_as(
        "SELECT current_user::TEXT, current_schema()::TEXT,
                COALESCE(has_schema_privilege(current_schema(), 'CREATE'), FALSE),
                (SELECT COUNT(*) FROM pg_tables
                 WHERE schemaname = current_schema() AND NOT pg_has_role(tableowner, 'USAGE')),
                (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)",
    )
    .fetch_one(connection)
    .await?;
    let schema = schema.unwrap_or_else(|| "public".to_owned());
    Ok(if !may_create {
        Finding::wrong(
            CHECK,
            format!("the user {user} may not create tables in the schema {schema}"),
            format!("GRANT CREATE, USAGE ON SCHEMA {schema} TO \"{user}\", or make the user the owner of the database"),
        )
    } else if foreign > 0 {
        Finding::wrong(
            CHECK,
            format!("{foreign} tables belong to another user than {user}, so they cannot be migrated"),
            format!("ALTER TABLE … OWNER TO \"{user}\""),
        )
    } else if is_superuser {
        Finding::note(
            CHECK,
            format!("the user {user} is a superuser"),
            "use a user that only owns the database",
        )
    } else {
        Finding::ok(CHECK, format!("the user {user} may create tables and is no superuser"))
    })
}

/// Whether the limits that are asked for at the beginning of a connection are in force. A pooler can drop them.
async fn timeouts(connection: &mut PgConnection) -> sqlx::Result<Finding> {
    const CHECK: &str = "time-outs";
    let (mut present, mut missing) = (Vec::new(), Vec::new());
    for (name, wanted) in address::SESSION_TIMEOUTS {
        let value = server::setting(connection, name).await?;
        let text = format!("{name} = {value}");
        if value == wanted {
            present.push(text);
        } else {
            missing.push(format!("{text} instead of {wanted}"));
        }
    }
    Ok(if missing.is_empty() {
        Finding::ok(CHECK, present.join(", "))
    } else {
        Finding::wrong(
            CHECK,
            missing.join(", "),
            "a pooler in between drops them; set them for the user of database.url: ALTER ROLE user SET …",
        )
    })
}

async fn clock(connection: &mut PgConnection) -> sqlx::Result<Finding> {
    const CHECK: &str = "clock";
    let before = machine_time();
    let time: i64 = sqlx::query_scalar(server::TIME).fetch_one(connection).await?;
    let offset = time - i64::midpoint(before, machine_time());
    let text = format!("the database is {offset} ms ahead of this machine");
    Ok(if offset.abs() < NOTABLE_OFFSET {
        Finding::ok(CHECK, text)
    } else {
        Finding::wrong(
            CHECK,
            text,
            "synchronize the clocks of both machines (NTP); see `timedatectl`",
        )
    })
}

/// Whether the server allows as many connections as all nodes use.
async fn connections(
    connection: &mut PgConnection,
    settings: &config::Database,
    nodes: usize,
) -> anyhow::Result<Finding> {
    const CHECK: &str = "connections";
    let nodes = i64::try_from(nodes.max(1))?;
    let per_node = i64::try_from(connections_per_node(settings))?;
    let needed = nodes * per_node + SPARE_CONNECTIONS;
    let limits: [Option<i64>; 3] = sqlx::query_as::<_, (i64, i64, i64)>(
        "SELECT current_setting('max_connections')::BIGINT,
                (SELECT rolconnlimit::BIGINT FROM pg_roles WHERE rolname = current_user),
                (SELECT datconnlimit::BIGINT FROM pg_database WHERE datname = current_database())",
    )
    .fetch_one(connection)
    .await
    // -1 stands for no limit.
    .map(|(server, user, database)| [server, user, database].map(|limit| (limit >= 0).then_some(limit)))?;
    let names = ["max_connections", "the limit of the user", "the limit of the database"];
    let limits = names.into_iter().zip(limits);
    let lowest = limits
        .filter_map(|(name, limit)| Some((name, limit?)))
        .min_by_key(|(_, limit)| *limit);
    let (name, limit) = lowest.unwrap_or(("no limit", i64::MAX));
    let need = format!("{nodes} nodes × {per_node} connections + {SPARE_CONNECTIONS} = {needed}");
    Ok(if limit < needed {
        Finding::wrong(
            CHECK,
            format!("{name} is {limit}, and {need} are needed"),
            "raise it, or lower database.read_connections and database.write_connections",
        )
    } else {
        Finding::ok(CHECK, format!("{name} is {limit}; {need} are needed"))
    })
}

async fn collation(connection: &mut PgConnection) -> sqlx::Result<Finding> {
    const CHECK: &str = "collation";
    let collation: Option<String> = sqlx::query_scalar(
        "SELECT pg_collation.collname::TEXT FROM pg_attribute JOIN pg_collation ON pg_collation.oid = attcollation
         WHERE attrelid = to_regclass('users') AND attname = 'user_id'",
    )
    .fetch_optional(connection)
    .await?;
    Ok(match collation.as_deref() {
        Some("C") => Finding::ok(CHECK, "users.user_id is compared by its bytes"),
        other => Finding::wrong(
            CHECK,
            format!("users.user_id has the collation {}", other.unwrap_or("unknown")),
            "ALTER TABLE users ALTER COLUMN user_id TYPE TEXT COLLATE \"C\"",
        ),
    })
}

async fn nodes(connection: &mut PgConnection, gone_after: Duration) -> anyhow::Result<Vec<Node>> {
    let now: i64 = sqlx::query_scalar(server::TIME).fetch_one(&mut *connection).await?;
    let nodes = sqlx::query_as("SELECT name, version FROM nodes WHERE seen_at >= $1 ORDER BY name")
        .bind(Timestamp(now).minus(gone_after).0)
        .fetch_all(connection)
        .await?;
    Ok(nodes)
}

fn list(nodes: Vec<Node>) -> Finding {
    let list: Vec<_> = nodes
        .iter()
        .map(|(name, version)| format!("{name} ({version})"))
        .collect();
    let text = if list.is_empty() {
        "none runs".to_owned()
    } else {
        list.join(", ")
    };
    let is_mixed = nodes.windows(2).any(|pair| pair[0].1 != pair[1].1);
    if is_mixed {
        Finding::note("nodes", text, "the nodes run different versions; finish the upgrade")
    } else {
        Finding::ok("nodes", text)
    }
}
