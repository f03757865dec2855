//! The command line.

mod audit;
pub mod cert;
mod data;
mod doctor;
mod function;
mod identity;
mod node;
pub mod output;
mod provider;
mod role;
mod session;
mod user;

use std::{
    io::{self, Write as _},
    net::SocketAddr,
};

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};

use self::{
    audit::Audit, cert::Cert, data::Data, doctor::Doctor, function::Function, identity::Identity, node::Node,
    provider::ProviderCommand, role::Role, session::Session, user::User,
};
use crate::server::{
    config::{self, Listen, LogFormat, Overrides, Settings},
    run::{self, Signals},
    state::AppState,
    storage::OpenFor,
    telemetry::log,
};

/// Serves functions that are guarded by a login, and manages users, roles and sessions.
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
    /// Create a development certificate for localhost and the loopback addresses, and its local certificate authority
    Cert(Cert),
    /// Manage users; passwords are prompted for, or read from standard input
    User(DatabaseCommand<User>),
    /// Manage roles and their permissions
    Role(DatabaseCommand<Role>),
    /// Manage the sessions of users
    Session(DatabaseCommand<Session>),
    /// Manage the accounts at providers that are linked to users
    Identity(DatabaseCommand<Identity>),
    /// Show the nodes that share a PostgreSQL database
    Node(DatabaseCommand<Node>),
    /// Copy, back up and migrate the database
    Data(Data),
    /// Examine the settings and the database, and say what is wrong and what to do; changes nothing
    Doctor(Doctor),
    /// Read the audit log and the call log
    Audit(DatabaseCommand<Audit>),
    /// Test the providers of accounts that people log in with
    #[command(subcommand)]
    Provider(ProviderCommand),
    /// Show the declared functions
    #[command(subcommand)]
    Function(Function),
    /// Print all settings with meaning, default and variable, as a settings file to start from
    Settings,
}

/// A command on the database, with or without a running server.
#[derive(Debug, Args)]
#[command(
    after_help = "Also works on the database of a running server: changes take effect at the very next call.\n\
    Exit codes: 0 done, 1 failed, 2 invalid command line, 3 no such user, role, session or function, \
    4 not possible in the present state."
)]
struct DatabaseCommand<C: Subcommand> {
    /// Print one JSON object; for a list of users, one object per line
    #[arg(long, global = true)]
    json: bool,

    #[command(subcommand)]
    command: C,
}

impl<C: Subcommand> DatabaseCommand<C> {
    /// Opens the database, runs the command, and closes the database.
    async fn run(
        self,
        overrides: &Overrides,
        open_for: impl FnOnce(&C) -> OpenFor,
        run: impl AsyncFnOnce(C, &AppState, bool) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let settings = Settings::load(overrides)?;
        log::start(&settings.log)?;
        let state = AppState::open(settings, open_for(&self.command)).await?;
        let result = run(self.command, &state, self.json).await;
        state.storage().close().await;
        result
    }
}

#[derive(Debug, Default, Args)]
struct Serve {
    /// Run in demo mode, with users whose passwords are public; on loopback addresses only
    #[arg(long)]
    demo: bool,

    /// Address and port for HTTPS; also `CALLGATE_HTTPS_ADDRESS` (default: 127.0.0.1:8443)
    #[arg(long, value_name = "ADDRESS", value_parser = config::address)]
    https: Option<SocketAddr>,

    /// Address and port for plain HTTP, which redirects to HTTPS, or "off"; also `CALLGATE_HTTP_ADDRESS`
    /// (default: 127.0.0.1:8080)
    #[arg(long, value_name = "ADDRESS")]
    http: Option<Listen>,

    /// Format of the log; also `CALLGATE_LOG_FORMAT` (default: text)
    #[arg(long, value_name = "FORMAT")]
    log: Option<LogFormat>,
}

/// Parses the command line and runs the command.
pub async fn run() -> anyhow::Result<()> {
    let command_line = CommandLine::parse();
    let mut overrides = command_line.settings;
    match command_line.command.unwrap_or(Command::Serve(Serve::default())) {
        Command::Serve(serve) => {
            // First of all. Process 1 of a container ignores signals that it has no handler for (pid_namespaces(7)).
            let signals = Signals::listen().context("cannot install signal handlers")?;
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
        Command::User(user) => user.run(&overrides, User::open_for, User::run).await,
        Command::Role(role) => role.run(&overrides, Role::open_for, Role::run).await,
        Command::Session(session) => session.run(&overrides, |_| OpenFor::Manage, Session::run).await,
        Command::Identity(identity) => identity.run(&overrides, |_| OpenFor::Manage, Identity::run).await,
        Command::Node(node) => node.run(&overrides, |_| OpenFor::Manage, Node::run).await,
        Command::Data(data) => data.run(&overrides).await,
        Command::Doctor(doctor) => doctor.run(&overrides).await,
        Command::Audit(audit) => audit.run(&overrides, |_| OpenFor::Manage, Audit::run).await,
        Command::Provider(provider) => provider.run(&overrides).await,
        Command::Function(function) => function.run().await,
        Command::Settings => print(config::template()),
    }
}

/// Prints the output of a command. For a closed pipe, see [`output::is_broken_pipe`].
fn print(text: impl std::fmt::Display) -> anyhow::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{}", text.to_string().trim_end())?;
    out.flush()?;
    Ok(())
}
