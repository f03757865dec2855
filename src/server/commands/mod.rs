//! The command line.

mod call;
mod certificate;
mod cookie_file;
mod function;
mod site;
mod user;

use std::net::SocketAddr;

use clap::{Args, Parser, Subcommand};

use super::{
    log,
    settings::{self, Listen, LogFormat, Overrides, Settings},
    startup,
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
    /// Serve (what happens without a command, too)
    Serve(Serve),
    /// Make a local certificate authority, and a certificate for localhost and the loopback addresses
    Cert(certificate::Cert),
    /// Manage users; a password is asked for, or read from standard input
    #[command(subcommand)]
    User(user::User),
    /// The declared functions
    #[command(subcommand)]
    Function(function::Function),
    /// Call a function of a running server
    Call(call::Call),
    /// Print all settings with meaning, default and variable, as a file to start from
    Settings,
}

#[derive(Debug, Default, Args)]
struct Serve {
    /// Run as a demo, with users whose passwords are public; on loopback only
    #[arg(long)]
    demo: bool,

    /// The address to serve HTTPS at, such as 127.0.0.1:8443
    #[arg(long, value_name = "ADDRESS")]
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
            overrides.demo = serve.demo;
            overrides.https = serve.https;
            overrides.http = serve.http;
            overrides.log = serve.log;
            let settings = Settings::load(&overrides)?;
            log::start(&settings.log)?;
            startup::serve(settings).await
        }
        Command::Cert(cert) => cert.run(&overrides),
        Command::User(user) => {
            let settings = Settings::load(&overrides)?;
            log::start(&settings.log)?;
            user.run(settings).await
        }
        Command::Function(function) => function.run().await,
        Command::Call(call) => call.run(&overrides).await,
        Command::Settings => {
            print(settings::print());
            Ok(())
        }
    }
}

#[expect(clippy::print_stdout, reason = "this is the output of a command")]
fn print(text: impl std::fmt::Display) {
    println!("{}", text.to_string().trim_end());
}
