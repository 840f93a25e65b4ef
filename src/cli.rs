//! The command line: one file per command.

mod account;
mod admin;
mod api;
mod audit;
mod client;
mod device;
mod doctor;
mod endpoint;
mod escape;
mod event;
mod health;
mod import;
mod key;
mod keys;
mod ledger;
mod log;
mod message;
mod migrate;
mod number;
mod opt_out;
mod output;
mod phone;
mod pool;
mod rate;
mod remote;
mod route;
mod secret;
mod seed;
mod send;
mod serve;
mod session;
mod sync;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{self, Config, ConfigSources};

/// One self-hosted SMS gateway: sends texts and calls for API clients, masks numbers, pairs phones.
///
/// Start with `switchboard serve --dev` and open the page that it names.
#[derive(Parser)]
#[command(version, max_term_width = 100)]
struct Arguments {
    /// Settings to lay over the defaults [default: switchboard.toml, where there is one]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// One setting, such as --set sync.rotate_every=5s; may be repeated
    #[arg(long = "set", global = true, value_name = "KEY=VALUE", value_parser = setting)]
    settings: Vec<(String, String)>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Serve(serve::ServeCommand),
    Migrate(migrate::MigrateCommand),
    Seed(seed::SeedCommand),
    Keys(keys::ServerKeysCommand),
    Sync(sync::SyncCommand),
    Device(device::DeviceCommand),
    Account(account::AccountCommand),
    Number(number::NumberCommand),
    Pool(pool::PoolCommand),
    Session(session::SessionCommand),
    Verify(verify::VerifyCommand),
    Import(import::ImportCommand),
    Route(route::RouteCommand),
    Rate(rate::RateCommand),
    Ledger(ledger::LedgerCommand),
    Message(message::MessageCommand),
    Client(client::ClientCommand),
    Key(key::KeyCommand),
    OptOut(opt_out::OptOutCommand),
    Endpoint(endpoint::EndpointCommand),
    Event(event::EventCommand),
    Admin(admin::AdminCommand),
    Audit(audit::AuditCommand),
    Doctor(doctor::DoctorCommand),
    Health(health::HealthCommand),
}

fn setting(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write it as key=value, such as sync.rotations=5")?;
    Ok((key.trim().to_owned(), value.trim().to_owned()))
}

/// What a command failed with: shown, never parsed.
type CommandResult = anyhow::Result<ExitCode>;

/// Runs the command that the arguments name.
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    // rustls-based clients (HTTP, Redis, MySQL) want to be told once which cryptography to use
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    let mut flags = arguments.settings;
    if let Command::Serve(serve) = &arguments.command {
        flags.extend(serve.flags());
    }
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let sources = ConfigSources { file: arguments.config, flags, environment };
    let result = config::load(&sources).map_err(anyhow::Error::from).and_then(|(mut config, layers)| {
        if let Command::Serve(serve) = &arguments.command {
            if serve.print_config {
                output::put(escape::json(&layers.show()));
                return Ok(ExitCode::SUCCESS);
            }
            config.is_dev = serve.dev;
        }
        let log = log::start(&config, matches!(arguments.command, Command::Serve(_)))?;
        let reload = LogReload { sources, log };
        runtime(&arguments.command)?.block_on(dispatch(arguments.command, config, reload))
    });
    result.unwrap_or_else(|error| {
        output::note(format!("{}: {}", output::bad("error"), escape::lines(&told(&error))));
        ExitCode::FAILURE
    })
}

/// What a server needs to read its log level again.
struct LogReload {
    sources: ConfigSources,
    log: log::ProcessLog,
}

/// An error with its causes, each told once: many a message quotes its cause already.
fn told(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |told, cause| match told {
        told if told.is_empty() => cause,
        told if told.contains(&cause) => told,
        told => format!("{told}: {cause}"),
    })
}

fn runtime(command: &Command) -> anyhow::Result<tokio::runtime::Runtime> {
    let mut builder = match command {
        Command::Serve(_) => tokio::runtime::Builder::new_multi_thread(),
        _ => tokio::runtime::Builder::new_current_thread(),
    };
    Ok(builder.enable_all().build()?)
}

async fn dispatch(command: Command, config: Config, reload: LogReload) -> CommandResult {
    match command {
        // all of the server is in it
        Command::Serve(command) => Box::pin(command.run(config, reload)).await,
        Command::Migrate(command) => command.run(config).await,
        Command::Seed(command) => command.run(config).await,
        Command::Keys(command) => command.run(config).await,
        Command::Sync(command) => command.run(config).await,
        Command::Device(command) => command.run(config).await,
        Command::Account(command) => command.run(config).await,
        Command::Number(command) => command.run(config).await,
        Command::Pool(command) => command.run(config).await,
        Command::Session(command) => command.run(config).await,
        Command::Verify(command) => command.run(config).await,
        Command::Import(command) => command.run(config).await,
        Command::Route(command) => command.run(config).await,
        Command::Rate(command) => command.run(config).await,
        Command::Ledger(command) => command.run(config).await,
        Command::Message(command) => command.run(config).await,
        Command::Client(command) => command.run(config).await,
        Command::Key(command) => command.run(config).await,
        Command::OptOut(command) => command.run(config).await,
        Command::Endpoint(command) => command.run(config).await,
        Command::Event(command) => command.run(config).await,
        Command::Admin(command) => command.run(config).await,
        Command::Audit(command) => command.run(config).await,
        Command::Doctor(command) => command.run(config).await,
        Command::Health(command) => command.run(config).await,
    }
}
