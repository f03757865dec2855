//! Starting and stopping the server.

use std::{
    future::pending,
    io::{self, Write as _},
    net::TcpListener,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::bail;
use axum_server::Handle;
use futures::FutureExt as _;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::server::{
    accounts::{demo, one_time_links},
    config::{self, Settings},
    http::{self, embedded_assets::Site},
    listener::{
        self,
        cert_reload::{Reloader, Seen},
        certificate::InUse,
        connection_limit::ConnectionLimiter,
        dev_certificates::Certificates,
        open_files::make_room,
        socket::{InheritedSockets, Listener, Peer, bind},
    },
    model::clock::Timestamp,
    registry,
    runtime::supervise::supervise,
    state::AppState,
    storage::{OpenFor, Storage},
    sweeper::sweep_forever,
};

/// How long the audit trail is written at the stop.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// Serves until the process is told to stop, and then until the calls under way are done.
///
/// # Errors
/// What keeps the server from starting, and what to do about it.
pub async fn serve(settings: Settings, mut signals: Signals) -> anyhow::Result<()> {
    // In a task of its own: whatever a start waits for, a signal ends it.
    let mut starting = tokio::spawn(start(settings));
    tokio::select! {
        started = &mut starting => started??.serve(signals).await,
        () = signals.stop.next() => {
            tracing::info!("stopping; the server was not ready yet");
            starting.abort();
            Ok(())
        }
    }
}

/// A server that is ready to serve.
struct Started {
    state: AppState,
    site: Site,
    certificate: InUse,
    seen: Seen,
    secure: TcpListener,
    plain: Option<TcpListener>,
    first_admin: Option<String>,
}

async fn start(mut settings: Settings) -> anyhow::Result<Started> {
    if let Err(stray) = registry::check() {
        bail!(stray);
    }
    let inherited = InheritedSockets::take()?;
    if let Some(socket) = &inherited.https {
        settings.https.address = socket.local_addr()?;
    }
    let site = Site::of(&settings)?;
    if inherited.https.is_some() && settings.site.origin.is_none() && !settings.demo {
        bail!("site.origin: the socket was handed over, so nothing here says what visitors call this site; set it");
    }
    Storage::make_place(&settings.data)?;
    // Before the database is opened, and so changed by a newer version: one that cannot serve must leave it alone.
    let certificates = certificates(&settings)?;
    // Before they are read, so that what is renewed meanwhile is seen to be new.
    let seen = Seen::now(&certificates).await;
    let certificate = InUse::load(certificates, &settings).await?;
    certificate.warn(Timestamp::now());
    let (secure, plain) = sockets(&settings, inherited)?;
    let state = AppState::open(settings, OpenFor::Serve).await?;
    let settings = state.settings();
    let first_admin = if settings.demo {
        demo::add_users(&state).await?;
        None
    } else {
        demo::refuse_users(&state).await?;
        one_time_links::for_first_admin(state.storage(), settings).await?
    };
    Ok(Started {
        state,
        site,
        certificate,
        seen,
        secure,
        plain,
        first_admin,
    })
}

impl Started {
    async fn serve(self, signals: Signals) -> anyhow::Result<()> {
        let Self { state, certificate, .. } = self;
        let settings = state.settings();
        let shutdown = state.shutdown();
        let limiter = limiter(settings);
        let (open, closed) = tokio::sync::mpsc::channel(1);
        let listener = |socket| Listener::new(socket, Arc::clone(&limiter), shutdown.clone(), open.clone());
        let (secure, plain) = (listener(self.secure)?, self.plain.map(listener).transpose()?);
        drop(open);

        let sweep_period = settings.sessions.sweep_seconds.duration();
        let sweeper = supervise("sweeper", state.clone(), move |state| {
            sweep_forever(state, sweep_period).boxed()
        });
        let (tls, ca) = (certificate.tls(), certificate.files().ca.clone());
        let reloader = Reloader::new(certificate, self.seen, signals.hangup);
        let reload_period = settings.https.reload_seconds.duration();
        let reloading = supervise("certificate reloader", reloader, move |reloader| {
            reloader.run(reload_period).boxed()
        });
        let router = http::router(&state, &self.site);
        let (handle, plain_handle) = (Handle::new(), Handle::new());
        let handles = [plain_handle.clone(), handle.clone()];
        let stopper = tokio::spawn(stop_when_told(
            signals.stop,
            shutdown.clone(),
            closed,
            handles.clone(),
            settings.https.farewell_ms.duration(),
            settings.https.drain_seconds.duration(),
        ));

        let writer = supervise("audit writer", state.clone(), |state| {
            state.audit().write_forever().boxed()
        });
        announce(settings, &ca, self.first_admin.as_deref());
        let serving = listener::serve(secure, tls, router, &settings.https, handle);
        match plain {
            Some(plain) => {
                let router = http::redirect::router(&state);
                let leading = listener::serve_plain(plain, router, &settings.https, plain_handle);
                tokio::try_join!(serving, leading)?;
            }
            None => serving.await?,
        }
        stopper.abort();
        // Calls that are broken off now are noted when their connections go.
        listener::wait_for_connections(handles.each_ref(), FLUSH_TIMEOUT).await;
        sweeper.abort();
        reloading.abort();
        // Before the writer is stopped: stopped while it commits, it would not know that its lines are stored.
        state.audit().write_all(FLUSH_TIMEOUT).await;
        writer.abort();
        state.storage().close().await;
        Ok(())
    }
}

/// The sockets to listen on, for HTTPS and for plain HTTP: those that were handed over, or those of the settings.
fn sockets(settings: &Settings, inherited: InheritedSockets) -> anyhow::Result<(TcpListener, Option<TcpListener>)> {
    let secure = match inherited.https {
        Some(socket) => {
            let address = socket.local_addr()?;
            if settings.demo && !address.ip().is_loopback() {
                bail!(
                    "demo: the demo users have public passwords, so a demo listens on loopback only; the socket that \
                       was handed over is {address}"
                );
            }
            socket
        }
        None => bind(settings.https.address, "https.address (--https)")?,
    };
    let plain = match (inherited.http, settings.http.address) {
        (Some(socket), _) => Some(socket),
        (None, config::Listen::On(address)) => Some(bind(address, "http.address (--http, or --http off)")?),
        (None, config::Listen::Off) => None,
    };
    Ok((secure, plain))
}

/// The limiter of all connections, as many as the system has room for.
fn limiter(settings: &Settings) -> Arc<ConnectionLimiter> {
    let limits = &settings.limits;
    let connections = make_room(limits.connections.get());
    let per_address = limits.connections_per_address.get();
    if per_address >= connections {
        tracing::warn!(
            "limits.connections_per_address is not less than the {connections} connections that there is room for: one \
             address can take them all"
        );
    }
    ConnectionLimiter::new(connections, per_address, settings.proxies.clone())
}

/// Waits for a signal, and then stops what the handles serve: no more connections at once, no more requests after
/// `farewell`, and no more calls under way after `drain`.
async fn stop_when_told(
    mut signals: StopSignals,
    shutdown: CancellationToken,
    mut closed: tokio::sync::mpsc::Receiver<()>,
    handles: [Handle<Peer>; 2],
    farewell: Duration,
    drain: Duration,
) {
    signals.next().await;
    tracing::info!("stopping; calls under way may finish");
    shutdown.cancel();
    let gracefully = async {
        // Until the sockets are closed, a connection that waits in their queue is accepted, and then counted.
        closed.recv().await;
        listener::wait_for_connections(handles.each_ref(), farewell).await;
        for handle in &handles {
            handle.graceful_shutdown(Some(drain));
        }
        pending::<()>().await;
    };
    // A second signal does not wait.
    tokio::select! {
        () = gracefully => {}
        () = signals.next() => {}
    }
    for handle in &handles {
        handle.shutdown();
    }
}

/// The signals that the server minds. They are listened to from when this is made.
#[derive(Debug)]
pub struct Signals {
    stop: StopSignals,
    /// SIGHUP: the certificate is to be looked at.
    hangup: Signal,
}

impl Signals {
    /// Listens to them. From here on none of them ends the process by itself.
    ///
    /// # Errors
    /// Where signals cannot be listened to.
    pub fn listen() -> io::Result<Self> {
        Ok(Self {
            stop: StopSignals {
                terminate: signal(SignalKind::terminate())?,
                interrupt: signal(SignalKind::interrupt())?,
            },
            hangup: signal(SignalKind::hangup())?,
        })
    }
}

/// The signals that stop the server.
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

/// The certificate of the settings, or the development certificate. A demo makes itself one.
fn certificates(settings: &Settings) -> anyhow::Result<Certificates> {
    if let (Some(certificate), Some(key)) = (&settings.https.certificate, &settings.https.key) {
        return Ok(Certificates {
            ca: PathBuf::new(),
            certificate: certificate.clone(),
            key: key.clone(),
        });
    }
    let folder = settings.certs();
    if settings.demo {
        return Certificates::good_or_made(&folder);
    }
    let certificates = Certificates::in_folder(&folder);
    if certificates.are_there() {
        return Ok(certificates);
    }
    bail!(
        "there is no certificate to serve with. Set https.certificate and https.key, or make a development certificate \
         with `callgate cert --certs {}`",
        folder.display()
    );
}

/// A few calm lines for the person who started it.
fn announce(settings: &Settings, ca: &Path, first_admin: Option<&str>) {
    let (listening, origin) = (settings.listening(), settings.origin());
    let visitors = if listening == origin {
        String::new()
    } else {
        format!(" for {origin}")
    };
    let mut lines = vec![format!("Callgate is ready at {listening}{visitors}")];
    if settings.demo {
        let logins = demo::USERS.map(|(user, password)| format!("{user} / {password}"));
        lines.push(format!("  Demo logins:  {}", logins.join("   ")));
    }
    if settings.https.certificate.is_none() {
        lines.push(format!("  Trust this CA certificate:  {}", ca.display()));
    }
    if let Some(link) = first_admin {
        lines.push("  There is no user yet. Create the first administrator within an hour, with this link:".to_owned());
        lines.push(format!("    {link}"));
    }
    lines.push("  Stop it with Ctrl+C".to_owned());
    // Where nobody takes them, the server serves all the same.
    let _ = writeln!(io::stdout(), "{}", lines.join("\n"));
}
