//! Start-up and shutdown of the server.

use std::{
    future::pending,
    io::{self, Write as _},
    net::TcpListener,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::bail;
use futures::FutureExt as _;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    time::{sleep, timeout},
};
use tokio_util::task::TaskTracker;

use crate::server::{
    accounts::{
        demo,
        one_time_links::{self, FirstAdmin},
        provider_warnings,
    },
    config::{self, Settings},
    http::{self, embedded_assets::Site, program_files},
    listener::{
        self,
        cert_reload::{FileHashes, Reloader},
        certificate::ServedCertificate,
        connection_limit::ConnectionLimiter,
        dev_certificates::CertificateFiles,
        open_files,
        socket::{InheritedSockets, Listener, bind},
    },
    model::clock::Timestamp,
    oidc::Providers,
    registry,
    runtime::{shutdown::ShutdownSteps, supervise::supervise},
    state::AppState,
    storage::{self, OpenFor},
    sweeper::sweep_forever,
};

/// How long the shutdown waits for the last connections, and then for the audit log to be written.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// Serves until a signal stops the process, and then until running calls have finished.
pub async fn serve(settings: Settings, mut signals: Signals) -> anyhow::Result<()> {
    // In a separate task, so that a signal can end it at any await point.
    let mut starting = tokio::spawn(start(settings));
    tokio::select! {
        server = &mut starting => server??.serve(signals).await,
        () = signals.stop.next() => {
            tracing::info!("stopping; the server was not ready yet");
            starting.abort();
            Ok(())
        }
    }
}

/// A server that is ready to serve.
struct ReadyServer {
    state: AppState,
    site: Site,
    certificate: ServedCertificate,
    hashes: FileHashes,
    tls_socket: TcpListener,
    plain_socket: Option<TcpListener>,
    /// How long connections are accepted after the shutdown has begun.
    accept_after_signal: Duration,
    first_admin: FirstAdmin,
}

async fn start(mut settings: Settings) -> anyhow::Result<ReadyServer> {
    registry::check().map_err(anyhow::Error::msg)?;
    let inherited = InheritedSockets::take()?;
    if let Some(socket) = &inherited.https {
        settings.https.address = socket.local_addr()?;
    }
    let site = Site::of(&settings)?;
    if inherited.https.is_some() && settings.site.origin.is_none() && !settings.demo {
        bail!(
            "site.origin is required with an inherited socket: its address need not be the one that visitors use; set \
             site.origin to the public address of the site"
        );
    }
    storage::create_files(&settings.data, &settings.database)?;
    // Before the database is opened, which migrates it. A start that fails must leave the database of an older server
    // that still runs unchanged.
    let files = certificate_files(&settings)?;
    let hashes = FileHashes::read(&files).await;
    let certificate = ServedCertificate::load(files, &settings).await?;
    certificate.warn(Timestamp::now());
    let accept_after_signal = accept_after_signal(&settings, &inherited);
    let (tls_socket, plain_socket) = sockets(&settings, inherited)?;
    let state = AppState::open(settings, OpenFor::Serve).await?;
    state.node().join(state.storage()).await?;
    let settings = state.settings();
    let first_admin = if settings.demo {
        demo::add_users(&state).await?;
        FirstAdmin::NotNeeded
    } else {
        demo::refuse_users(&state).await?;
        one_time_links::for_first_admin(&state).await?
    };
    provider_warnings::log(&state).await?;
    Ok(ReadyServer {
        state,
        site,
        certificate,
        hashes,
        tls_socket,
        plain_socket,
        accept_after_signal,
        first_admin,
    })
}

impl ReadyServer {
    async fn serve(self, signals: Signals) -> anyhow::Result<()> {
        let Self { state, certificate, .. } = self;
        let settings = state.settings();
        let server = listener::Server {
            https: settings.https.clone(),
            shutdown: ShutdownSteps::default(),
            connections: TaskTracker::new(),
        };
        let limiter = limiter(settings);
        let close = &server.shutdown.close_sockets;
        let listener = |socket| Listener::new(socket, Arc::clone(&limiter), close.clone());
        let tls_listener = listener(self.tls_socket)?;
        let plain_listener = self.plain_socket.map(listener).transpose()?;

        let sweep_period = settings.sessions.sweep_seconds.duration();
        let sweeper = supervise("sweeper", state.clone(), move |state| {
            sweep_forever(state, sweep_period).boxed()
        });
        let (tls, ca) = (certificate.tls.clone(), certificate.files.ca.clone());
        let reloader = Reloader {
            certificate,
            hashes: self.hashes,
            hangup: signals.hangup,
        };
        let reload_period = settings.https.reload_seconds.duration();
        let reloader = supervise("certificate reloader", reloader, move |reloader| {
            reloader.run(reload_period).boxed()
        });
        let providers = (state.providers().clone(), signals.provider_hangup);
        let provider_refresher = supervise("provider refresher", providers, |(providers, hangup)| {
            refresh_providers(providers, hangup).boxed()
        });
        let reporter = supervise("node reporter", state.clone(), |state| {
            state.node().report_forever(state.storage()).boxed()
        });
        let shared = (state.clone(), self.site.clone());
        let file_sharer = supervise("program files", shared, |(state, site)| {
            program_files::share_forever(state.storage(), site).boxed()
        });
        let writer = supervise("audit writer", state.clone(), |state| {
            state.audit().write_forever().boxed()
        });
        announce(settings, &ca, &self.first_admin);
        let https = server.serve(tls_listener, tls, http::router(&state, &self.site));
        let http = async {
            if let Some(listener) = plain_listener {
                server.serve_plain(listener, http::redirect::router(&state)).await;
            }
        };
        let accepting = async {
            tokio::join!(https, http);
            server.shutdown.sockets_closed.cancel();
        };
        tokio::join!(
            accepting,
            shut_down_on_signal(signals.stop, &state, &server, self.accept_after_signal)
        );
        // Calls that were aborted are recorded when their connections close.
        wait_for_connections(&server, FLUSH_TIMEOUT).await;
        sweeper.abort();
        reloader.abort();
        provider_refresher.abort();
        file_sharer.abort();
        // Before the writer is aborted: aborted during a commit, it would not know that its entries are stored.
        state.audit().write_all(FLUSH_TIMEOUT).await;
        writer.abort();
        reporter.abort();
        state.node().leave(state.storage()).await;
        state.storage().close().await;
        Ok(())
    }
}

/// Reads the secrets of the providers again at each SIGHUP, and never returns.
async fn refresh_providers(providers: &Providers, hangup: &mut Signal) {
    while hangup.recv().await.is_some() {
        providers.reload_secrets();
    }
    pending::<()>().await;
}

/// The sockets for HTTPS and plain HTTP: inherited, or bound as the settings say.
fn sockets(settings: &Settings, inherited: InheritedSockets) -> anyhow::Result<(TcpListener, Option<TcpListener>)> {
    let https = match inherited.https {
        Some(socket) => {
            let address = socket.local_addr()?;
            if settings.demo && !address.ip().is_loopback() {
                bail!(
                    "demo: the demo users have public passwords, so a demo listens on loopback only; the inherited \
                     socket listens on {address}"
                );
            }
            socket
        }
        None => bind(settings.https.address, "https.address (--https)")?,
    };
    let http = match (inherited.http, settings.http.address) {
        (Some(socket), _) => Some(socket),
        (None, config::Listen::On(address)) => Some(bind(address, "http.address (--http, or --http off)")?),
        (None, config::Listen::Off) => None,
    };
    Ok((https, http))
}

/// The connection limiter, within the system's limit on open files.
fn limiter(settings: &Settings) -> Arc<ConnectionLimiter> {
    let limits = &settings.limits;
    let connections = open_files::raise_limit(limits.connections.get());
    let per_address = limits.connections_per_address.get();
    if per_address >= connections {
        tracing::warn!(
            "limits.connections_per_address is not below the limit of {connections} connections in all, so one address \
             can use them all"
        );
    }
    ConnectionLimiter::new(connections, per_address, settings.proxies.clone())
}

/// How long connections are accepted after the shutdown has begun.
fn accept_after_signal(settings: &Settings, inherited: &InheritedSockets) -> Duration {
    let setting = settings.https.linger_seconds.duration();
    if inherited.https.is_none() || setting.is_zero() {
        return setting;
    }
    tracing::warn!(
        "https.linger_seconds has no effect: the sockets are inherited, so the next server accepts the connections that \
         arrive during a shutdown"
    );
    Duration::ZERO
}

/// Waits for a signal and then shuts down: answers that the server is not ready, accepts no connections after
/// `accept_after_signal` and no requests after `https.farewell_ms`, and aborts running calls after
/// `https.drain_seconds`. A further signal ends the time during which connections are accepted. Another one aborts
/// running calls at once.
async fn shut_down_on_signal(
    mut signals: StopSignals,
    state: &AppState,
    server: &listener::Server,
    accept_after_signal: Duration,
) {
    let (https, steps) = (&state.settings().https, &server.shutdown);
    signals.next().await;
    state.shutdown().cancel();
    if !accept_after_signal.is_zero() {
        tracing::info!(
            "stopping; not ready any more, but accepting connections for another {} s (https.linger_seconds)",
            accept_after_signal.as_secs()
        );
        steps.end_http2.cancel();
        tokio::select! {
            () = sleep(accept_after_signal) => {}
            () = signals.next() => {}
        }
    }
    tracing::info!("stopping; running calls may finish");
    steps.close_sockets.cancel();
    let graceful_shutdown = async {
        // Until the sockets are closed, queued connections are still accepted and counted.
        steps.sockets_closed.cancelled().await;
        wait_for_connections(server, https.farewell_ms.duration()).await;
        steps.end_connections();
        wait_for_connections(server, https.drain_seconds.duration()).await;
    };
    tokio::select! {
        () = graceful_shutdown => {}
        () = signals.next() => {}
    }
    steps.abort();
}

/// Waits until all connections have closed, for at most `limit`. The caller decides what happens to the others.
async fn wait_for_connections(server: &listener::Server, limit: Duration) {
    server.connections.close();
    let _ = timeout(limit, server.connections.wait()).await;
}

/// The signals that the server handles.
#[derive(Debug)]
pub struct Signals {
    stop: StopSignals,
    /// SIGHUP reloads the certificate.
    hangup: Signal,
    /// SIGHUP also reloads the secrets of providers.
    provider_hangup: Signal,
}

impl Signals {
    /// Installs the handlers. From here on, none of the signals ends the process by default.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            stop: StopSignals {
                terminate: signal(SignalKind::terminate())?,
                interrupt: signal(SignalKind::interrupt())?,
            },
            hangup: signal(SignalKind::hangup())?,
            provider_hangup: signal(SignalKind::hangup())?,
        })
    }
}

/// SIGTERM and SIGINT, which stop the server.
#[derive(Debug)]
struct StopSignals {
    terminate: Signal,
    interrupt: Signal,
}

impl StopSignals {
    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// The certificate from the settings, or the development certificate. A demo creates the latter if needed.
fn certificate_files(settings: &Settings) -> anyhow::Result<CertificateFiles> {
    if let (Some(certificate), Some(key)) = (&settings.https.certificate, &settings.https.key) {
        return Ok(CertificateFiles {
            ca: PathBuf::new(),
            certificate: certificate.clone(),
            key: key.clone(),
        });
    }
    let folder = settings.certs();
    if settings.demo {
        return CertificateFiles::valid_or_created(&folder);
    }
    let files = CertificateFiles::in_folder(&folder);
    if files.exist() {
        return Ok(files);
    }
    bail!(
        "there is no certificate. Set https.certificate and https.key, or create a development certificate with \
         `callgate cert --certs {}`",
        folder.display()
    );
}

/// Prints a few lines for the person who started the server.
fn announce(settings: &Settings, ca: &Path, first_admin: &FirstAdmin) {
    let (listen_origin, origin) = (settings.listen_origin(), settings.origin());
    let visitors = if listen_origin == origin {
        String::new()
    } else {
        format!(" for {origin}")
    };
    let mut lines = vec![format!("Callgate is ready at {listen_origin}{visitors}")];
    if settings.demo {
        let logins = demo::USERS.map(|(user, password)| format!("{user} / {password}"));
        lines.push(format!("  Demo logins:  {}", logins.join("   ")));
    }
    if settings.https.certificate.is_none() {
        lines.push(format!("  Trust this CA certificate:  {}", ca.display()));
    }
    match first_admin {
        FirstAdmin::Link(link) => {
            let message = "  There is no user yet. Create the first administrator within an hour, with this link:";
            lines.push(message.to_owned());
            lines.push(format!("    {link}"));
        }
        FirstAdmin::LinkOfOther => lines.push(
            "  There is no user yet. Another node has just printed the link for the first administrator. Use that link, or \
             restart in a minute for a new one"
                .to_owned(),
        ),
        FirstAdmin::NotNeeded => {}
    }
    lines.push("  Stop it with Ctrl+C".to_owned());
    // The server also runs if standard output is closed.
    let _ = writeln!(io::stdout(), "{}", lines.join("\n"));
}
