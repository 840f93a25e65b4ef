//! A carrier for tests and benchmarks: Twilio's API of messages and calls, with faults on command and a record that outlives it.
//!
//! What was accepted stands in `--file`, one JSON object a line, before anything is answered; a carrier
//! started again on the same file lists it again. Commands are under `/carrier/` (see `command.rs`).

mod behaviour;
mod call;
mod callback;
mod command;
mod list;
mod log;
mod message;
mod reply;
mod route;
mod send;
mod signature;
mod state;

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Parser;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;

use state::Carrier;

#[derive(Parser)]
struct Arguments {
    /// Where to listen; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// The record of what was accepted; read again at start
    #[arg(long)]
    file: PathBuf,
    /// The account's SID
    #[arg(long)]
    account: String,
    /// The account's auth token, which also signs webhooks
    #[arg(long)]
    token: String,
    /// End when standard input does, so that nothing is left over where the parent was killed
    #[arg(long)]
    until_stdin_closes: bool,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    if arguments.until_stdin_closes {
        std::thread::spawn(|| {
            let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
            std::process::exit(0);
        });
    }
    // one thread: half a core is all it may take from what is measured
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(serve(arguments))
}

async fn serve(arguments: Arguments) -> anyhow::Result<()> {
    // a second provider cannot be there yet: the process has just begun
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    let carrier = Arc::new(Carrier::open(&arguments.file, arguments.account, &arguments.token)?);
    let listener = TcpListener::bind(arguments.listen).await?;
    println!("listening on {}", listener.local_addr()?);
    std::io::stdout().flush()?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let carrier = carrier.clone();
        tokio::spawn(async move {
            let service = service_fn(|request| route::answer(&carrier, request));
            // its error is the sender's hanging up, or a cut that was commanded
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}
