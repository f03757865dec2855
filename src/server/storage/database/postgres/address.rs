//! The address of the database: `postgres://user:password@host:port,host:port/database`.

use std::{env, fmt, fs, net::IpAddr};

use anyhow::{Context as _, bail, ensure};
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use url::Url;

use crate::server::config;

const FORM: &str = "it must have the form postgres://user:password@host:5432/database";

/// The variables that sqlx reads for what it has not been given.
const VARIABLES: [&str; 11] = [
    "PGHOST",
    "PGHOSTADDR",
    "PGPORT",
    "PGUSER",
    "PGPASSWORD",
    "PGDATABASE",
    "PGSSLMODE",
    "PGSSLROOTCERT",
    "PGSSLCERT",
    "PGSSLKEY",
    "PGOPTIONS",
];

/// What the server is asked to limit for each connection.
pub const SESSION_TIMEOUTS: [(&str, &str); 4] = [
    ("statement_timeout", "5s"),
    ("lock_timeout", "2s"),
    // A node that stops in the middle of a transaction keeps the write lock no longer than this.
    ("idle_in_transaction_session_timeout", "2s"),
    ("client_connection_check_interval", "1s"),
];
/// When the server begins to test whether an idle connection is alive, in seconds. It has no value on a Unix socket.
const KEEPALIVE: (&str, &str) = ("tcp_keepalives_idle", "10");

/// The hosts of one database, to be tried in this order.
#[derive(Clone)]
pub struct Address {
    pub hosts: Vec<PgConnectOptions>,
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

impl Address {
    /// Reads the address in the settings.
    ///
    /// # Errors
    /// An address that is malformed, or that would be used without verified TLS. The error contains no password.
    pub fn of(settings: &config::Database) -> anyhow::Result<Self> {
        reject_variables(|name| env::var_os(name).is_some_and(|value| !value.is_empty()))?;
        let (key, url) = match (&settings.url, &settings.url_file) {
            (Some(url), _) => ("database.url", url.reveal().to_owned()),
            (None, Some(file)) => {
                let url = fs::read_to_string(file);
                (
                    "database.url_file",
                    url.with_context(|| format!("cannot read {}", file.display()))?,
                )
            }
            (None, None) => bail!("database.url is not set"),
        };
        Ok(Self {
            hosts: parse(url.trim(), settings).with_context(|| format!("{key} is invalid"))?,
        })
    }

    /// Whether all hosts are this machine.
    pub fn is_local(&self) -> bool {
        self.hosts.iter().all(is_local)
    }

    /// The address for the programs of PostgreSQL, without the password, which they ask for.
    pub fn for_clients(&self, settings: &config::Database) -> String {
        let Some(first) = self.hosts.first() else {
            return String::new();
        };
        let (mut hosts, mut parameters) = (Vec::new(), Vec::new());
        for host in &self.hosts {
            match host.get_socket() {
                Some(folder) => parameters.push(format!("host={}", encoded(&folder.to_string_lossy()))),
                None => hosts.push(host_name(host)),
            }
        }
        if self.hosts.len() > 1 {
            parameters.push("target_session_attrs=read-write".to_owned());
        }
        if uses_tls(first) {
            parameters.push("sslmode=verify-full".to_owned());
            let files = [
                ("sslrootcert", &settings.ca_file),
                ("sslcert", &settings.certificate_file),
                ("sslkey", &settings.key_file),
            ];
            for (name, file) in files {
                if let Some(file) = file {
                    parameters.push(format!("{name}={}", encoded(&file.to_string_lossy())));
                }
            }
        }
        let separator = if parameters.is_empty() { "" } else { "?" };
        format!(
            "postgres://{}@{}/{}{separator}{}",
            encoded(first.get_username()),
            hosts.join(","),
            encoded(first.get_database().unwrap_or_default()),
            parameters.join("&")
        )
    }

    /// The database, in words and without secrets.
    pub fn name(&self) -> String {
        let hosts: Vec<_> = self.hosts.iter().map(host_name).collect();
        let database = self.hosts.first().and_then(PgConnectOptions::get_database);
        format!(
            "the PostgreSQL database {} on {}",
            database.unwrap_or_default(),
            hosts.join(" and ")
        )
    }
}

fn encoded(text: &str) -> impl fmt::Display {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC)
}

fn is_local(host: &PgConnectOptions) -> bool {
    let is_loopback = |address: IpAddr| address.is_loopback();
    host.get_socket().is_some() || host.get_host().parse().is_ok_and(is_loopback)
}

/// The host and port, or the folder of the socket.
pub fn host_name(host: &PgConnectOptions) -> String {
    match host.get_socket() {
        Some(folder) => folder.display().to_string(),
        None => format!("{}:{}", host.get_host(), host.get_port()),
    }
}

/// Whether connections are encrypted. Then the certificate and the name of the server are verified.
pub fn uses_tls(host: &PgConnectOptions) -> bool {
    matches!(host.get_ssl_mode(), PgSslMode::VerifyFull)
}

fn reject_variables(is_set: impl Fn(&str) -> bool) -> anyhow::Result<()> {
    let set: Vec<_> = VARIABLES.into_iter().filter(|name| is_set(name)).collect();
    ensure!(
        set.is_empty(),
        "the database driver would read the variable {}; unset it and use the settings database.*",
        set.join(", ")
    );
    Ok(())
}

fn parse(url: &str, settings: &config::Database) -> anyhow::Result<Vec<PgConnectOptions>> {
    let (scheme, rest) = url.split_once("://").context(FORM)?;
    ensure!(["postgres", "postgresql"].contains(&scheme), FORM);
    let (authority, path) = rest.split_once('/').context(FORM)?;
    let (user, hosts) = authority.rsplit_once('@').context(FORM)?;
    let hosts = hosts.split(',').map(|host| {
        // The parser of addresses knows one host only.
        let host = if host.is_empty() { "socket" } else { host };
        let url = Url::parse(&format!("{scheme}://{user}@{host}/{path}"))?;
        options(&url, settings)
    });
    hosts.collect()
}

fn options(url: &Url, settings: &config::Database) -> anyhow::Result<PgConnectOptions> {
    let database = decoded(url.path().trim_start_matches('/'))?;
    ensure!(!database.is_empty() && !url.username().is_empty(), FORM);
    let host = url.host_str().context(FORM)?.trim_matches(['[', ']']);
    let mut options = PgConnectOptions::new_without_pgpass()
        .host(host)
        .port(url.port().unwrap_or(5432))
        .username(&decoded(url.username())?)
        .database(&database)
        .application_name("callgate")
        .options(SESSION_TIMEOUTS)
        .options([KEEPALIVE]);
    if let Some(password) = url.password() {
        options = options.password(&decoded(password)?);
    }
    for (name, value) in url.query_pairs() {
        ensure!(
            name == "host" && value.starts_with('/'),
            "it has the parameter {name}; only host=/FOLDER is known, for a Unix socket. TLS is always verified, and \
             database.ca_file names your certificate authority"
        );
        options = options.socket(&*value);
    }
    ensure!(host != "socket" || options.get_socket().is_some(), FORM);
    // Loopback and Unix sockets do not leave the machine. Anything else is encrypted, and the name of the server verified.
    if is_local(&options) && settings.ca_file.is_none() {
        return Ok(options.ssl_mode(PgSslMode::Disable));
    }
    options = options.ssl_mode(PgSslMode::VerifyFull);
    if let Some(file) = &settings.ca_file {
        options = options.ssl_root_cert(file);
    }
    if let (Some(certificate), Some(key)) = (&settings.certificate_file, &settings.key_file) {
        options = options.ssl_client_cert(certificate).ssl_client_key(key);
    }
    Ok(options)
}

fn decoded(text: &str) -> anyhow::Result<String> {
    let text = percent_encoding::percent_decode_str(text).decode_utf8();
    Ok(text.context(FORM)?.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> config::Database {
        config::Settings::defaults().unwrap().database
    }

    fn parsed(url: &str) -> Result<Vec<PgConnectOptions>, String> {
        parse(url, &settings()).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn an_address_has_one_or_more_hosts() {
        let hosts = parsed("postgres://app:s%40crt@db1.example,db2.example:6000,[::1]/calls").unwrap();
        let names: Vec<_> = hosts.iter().map(host_name).collect();
        assert_eq!(names, ["db1.example:5432", "db2.example:6000", "::1:5432"]);
        assert!(
            hosts
                .iter()
                .all(|host| host.get_database() == Some("calls") && host.get_username() == "app")
        );
        let modes: Vec<_> = hosts.iter().map(PgConnectOptions::get_ssl_mode).collect();
        assert!(matches!(
            modes[..],
            [PgSslMode::VerifyFull, PgSslMode::VerifyFull, PgSslMode::Disable]
        ));

        let socket = parsed("postgres://app@/calls?host=/run/postgresql").unwrap();
        assert_eq!(host_name(&socket[0]), "/run/postgresql");
        assert!(matches!(socket[0].get_ssl_mode(), PgSslMode::Disable));
    }

    #[test]
    fn a_name_that_means_this_machine_is_verified_like_any_other() {
        let hosts = parsed("postgres://app@localhost/calls").unwrap();
        assert!(matches!(hosts[0].get_ssl_mode(), PgSslMode::VerifyFull));
    }

    #[test]
    fn what_would_weaken_tls_is_refused() {
        for parameter in [
            "sslmode=disable",
            "sslmode=require",
            "sslrootcert=x",
            "hostaddr=127.0.0.1",
            "host=other",
        ] {
            let refusal = parsed(&format!("postgres://app:secret@db.example/calls?{parameter}")).unwrap_err();
            assert!(
                refusal.contains("TLS is always verified") && !refusal.contains("secret"),
                "{refusal}"
            );
        }
    }

    #[test]
    fn a_malformed_address_is_refused_without_its_password() {
        for url in [
            "mysql://app:secret@db/calls",
            "postgres://app:secret@db",
            "postgres://app:secret@db/",
            "postgres://db.example/calls",
            "postgres://app:secret@/calls",
            "postgres://app:secret@db:port/calls",
            "app:secret@db/calls",
        ] {
            let refusal = parsed(url).map(|_| ()).unwrap_err();
            assert!(!refusal.contains("secret"), "{url}: {refusal}");
        }
    }

    #[test]
    fn variables_that_the_driver_reads_are_refused() {
        reject_variables(|_| false).unwrap();
        let refusal = reject_variables(|name| name == "PGSSLMODE").unwrap_err().to_string();
        assert!(refusal.contains("PGSSLMODE"), "{refusal}");
    }
}
