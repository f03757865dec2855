//! The command line.

mod audit;
pub mod cert;
mod function;
pub mod output;
mod role;
mod session;
mod user;

use std::{
    io::{self, Write as _},
    net::SocketAddr,
};

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};

use crate::server::{
    config::{self, Listen, LogFormat, Overrides, Settings},
    run::{self, Signals},
    state::AppState,
    storage::OpenFor,
    telemetry::log,
};

/// Functions guarded by a login: serves them, and manages who may log in.
#[derive(Debug, Parser)]
#[command(name = "callgate", version, about)]
pub struct CommandLine {
    #[command(flatten)]
    settings: Overrides,

    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the server (the default without a command)
    Serve(Serve),
    /// Make a local certificate authority, and a certificate for localhost and the loopback addresses
    Cert(cert::Cert),
    /// Manage users; a password is asked for, or read from standard input
    User(On<user::User>),
    /// Manage roles: what users may do
    Role(On<role::Role>),
    /// Manage sessions: where users are logged in
    Session(On<session::Session>),
    /// Read the audit trail and the call log
    Audit(On<audit::Audit>),
    /// The declared functions
    #[command(subcommand)]
    Function(function::Function),
    /// Print all settings with meaning, default and variable, as a file to start from
    Settings,
}

/// A command on the database, which may be that of a running server.
#[derive(Debug, Args)]
#[command(
    after_help = "Works on the database of a running server, too: what is changed takes effect at the very next call.\n\
    Exit codes: 0 done, 1 failed, 2 not understood, 3 there is no such user, role, session or function, 4 it cannot be done as things are."
)]
struct On<C: Subcommand> {
    /// Print JSON: one object; for a list of users, one a line
    #[arg(long, global = true)]
    json: bool,

    #[command(subcommand)]
    command: C,
}

impl<C: Subcommand> On<C> {
    /// Opens the database for that, does what the command says, and closes it.
    async fn run(
        self,
        overrides: &Overrides,
        open_for: OpenFor,
        command: impl AsyncFnOnce(C, &AppState, bool) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let settings = Settings::load(overrides)?;
        log::start(&settings.log)?;
        let state = AppState::open(settings, open_for).await?;
        let done = command(self.command, &state, self.json).await;
        state.storage().close().await;
        done
    }
}

#[derive(Debug, Default, Args)]
struct Serve {
    /// Run as a demo, with users whose passwords are public; on loopback only
    #[arg(long)]
    demo: bool,

    /// The address to serve HTTPS at, such as 127.0.0.1:8443
    #[arg(long, value_name = "ADDRESS", value_parser = config::address)]
    https: Option<SocketAddr>,

    /// The address of the plain HTTP listener that leads to HTTPS, or "off"
    #[arg(long, value_name = "ADDRESS")]
    http: Option<Listen>,

    /// How a line of the log is written: for people, or as a JSON object for programs
    #[arg(long, value_name = "FORMAT")]
    log: Option<LogFormat>,
}

/// Reads the command line and does what it says.
///
/// # Errors
/// Says what went wrong and what to do.
pub async fn run() -> anyhow::Result<()> {
    let CommandLine {
        settings: mut overrides,
        command,
    } = CommandLine::parse();
    match command.unwrap_or(Command::Serve(Serve::default())) {
        Command::Serve(serve) => {
            // First of all: until then, a signal is lost where this is process 1 of a container (pid_namespaces(7)).
            let signals = Signals::listen().context("signals cannot be listened to")?;
            overrides.demo = serve.demo;
            overrides.https = serve.https;
            overrides.http = serve.http;
            overrides.log = serve.log;
            let settings = Settings::load(&overrides)?;
            log::start(&settings.log)?;
            config::log_ignored();
            run::serve(settings, signals).await
        }
        Command::Cert(cert) => cert.run(&overrides),
        Command::User(on) => {
            let open_for = on.command.open_for();
            on.run(&overrides, open_for, user::User::run).await
        }
        Command::Role(on) => {
            let open_for = on.command.open_for();
            on.run(&overrides, open_for, role::Role::run).await
        }
        Command::Session(on) => on.run(&overrides, OpenFor::Manage, session::Session::run).await,
        Command::Audit(on) => on.run(&overrides, OpenFor::Manage, audit::Audit::run).await,
        Command::Function(function) => function.run().await,
        Command::Settings => print(config::print()),
    }
}

/// Prints the output of a command.
///
/// # Errors
/// Where nobody takes it: [`output::is_unread`] tells a reader that has gone from a failure.
fn print(text: impl std::fmt::Display) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}", text.to_string().trim_end())?;
    out.flush()?;
    Ok(())
}
