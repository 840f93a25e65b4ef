//! `switchboard device`: pairs as a phone would; lists and revokes devices of a running server.

use std::io::{IsTerminal as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::output::{self, OutputArguments, field};
use super::phone::{PhoneOaepDigests, SimulatedPhone};
use super::{CommandResult, api, send};
use crate::config::Config;
use crate::model::{DeviceId, DigestAlgorithm, Secret, UserId};
use crate::service::sync::HandshakeFlavour;

/// Play a phone, or manage paired ones
#[derive(Args)]
pub(super) struct DeviceCommand {
    #[command(subcommand)]
    action: DeviceAction,
}

#[derive(Subcommand)]
enum DeviceAction {
    Pair(PairDeviceArguments),
    Send(send::SendAsPhone),
    /// List a user's devices, newest first
    List {
        user: UserId,
        #[command(flatten)]
        server: api::ServerUrlArguments,
        #[command(flatten)]
        output: OutputArguments,
    },
    /// Empty a device's key and close its user's open pages
    Revoke {
        device: DeviceId,
        #[command(flatten)]
        server: api::ServerUrlArguments,
    },
}

/// Pair as a phone would, with the URL that a code holds
#[derive(Args)]
struct PairDeviceArguments {
    /// What the QR code says: http(s):// or app(s)://…/v2/sync/users/<uid>/sessions/<sid>/
    url: String,
    /// The user's password [default: asked for]
    #[arg(long, env = "SWITCHBOARD_DEVICE_PASSWORD", hide_env_values = true)]
    password: Option<String>,
    #[arg(long, value_parser = flavour(), default_value = "one")]
    flavour: HandshakeFlavour,
    /// OAEP digest
    #[arg(long, value_parser = digest(), default_value = "sha256")]
    oaep: DigestAlgorithm,
    /// MGF1 digest under which the password is encrypted
    #[arg(long, value_parser = digest(), default_value = "sha1")]
    mgf1: DigestAlgorithm,
    /// MGF1 digest under which the shared key comes back
    #[arg(long, value_parser = digest(), default_value = "sha1")]
    mgf1_answer: DigestAlgorithm,
    /// A certificate to trust, PEM, where the server's is not from a public authority
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Write the shared key to a new file, mode 0600
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// For a script
    #[arg(long)]
    json: bool,
}

fn flavour() -> impl TypedValueParser<Value = HandshakeFlavour> {
    let names = PossibleValuesParser::new(["one", "two"]);
    names.map(|name| if name == "two" { HandshakeFlavour::TwoStep } else { HandshakeFlavour::OneStep })
}

fn digest() -> impl TypedValueParser<Value = DigestAlgorithm> {
    let names = PossibleValuesParser::new([DigestAlgorithm::Sha1, DigestAlgorithm::Sha256].map(DigestAlgorithm::name));
    names.map(|name| DigestAlgorithm::of_oaep(Some(&name)))
}

impl DeviceCommand {
    pub(super) async fn run(self, config: Config) -> CommandResult {
        match self.action {
            DeviceAction::Pair(pair) => pair.run().await?,
            DeviceAction::Send(send) => return send.run(config).await,
            DeviceAction::List { user, server, output } => {
                let path = format!("/v1/users/{}/devices", user.segment());
                let devices = server.api(&config)?.list(&path, &[], usize::MAX).await?;
                output.list(&devices, &format!("user {user} has no devices"), line);
            }
            DeviceAction::Revoke { device, server } => {
                server.api(&config)?.delete(&format!("/v1/devices/{device}")).await?;
                output::say(format!("{} {device}", output::good("revoked")));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl PairDeviceArguments {
    async fn run(self) -> anyhow::Result<()> {
        let url = match self.url.split_once("://") {
            Some(("app", rest)) => format!("http://{rest}"),
            Some(("apps", rest)) => format!("https://{rest}"),
            _ => self.url.clone(),
        };
        anyhow::ensure!(
            url.contains("/v2/sync/users/"),
            "this is not the URL of a code: …/v2/sync/users/<uid>/sessions/<sid>/"
        );
        let phone = SimulatedPhone {
            client: api::client(self.ca.as_ref())?,
            ca: self.ca.clone(),
            session_url: url.trim_end_matches('/').to_owned(),
            password: self.password()?,
            digests: PhoneOaepDigests { oaep: self.oaep, password_mgf1: self.mgf1, answer_mgf1: self.mgf1_answer },
        };
        // before pairing: a device whose key nobody has would be left behind
        let saved = self.save.as_ref().map(create).transpose()?;
        let paired = phone.pair(self.flavour).await;
        if let (Err(_), Some(path)) = (&paired, &self.save) {
            let _ = std::fs::remove_file(path);
        }
        let paired = paired?;
        if let Some(mut file) = saved {
            file.write_all(paired.shared_key.as_bytes())?;
        }
        let fingerprint = paired.shared_key.fingerprint();
        if self.json {
            let out = json!({"fingerprint": fingerprint, "user_platforms": paired.answer["user_platforms"]});
            output::say_json_line(&out);
        } else {
            output::say(format!("{} fingerprint: {fingerprint}", output::good("paired")));
        }
        Ok(())
    }

    fn password(&self) -> anyhow::Result<Secret> {
        if let Some(password) = &self.password {
            return Ok(Secret::new(password.clone()));
        }
        if std::io::stdin().is_terminal() {
            output::ask("password: ");
        }
        let mut line = String::new();
        std::io::stdin().read_line(&mut line)?;
        Ok(Secret::new(line.trim_end_matches(['\r', '\n']).to_owned()))
    }
}

/// A new file that only its owner may read.
fn create(path: &PathBuf) -> anyhow::Result<std::fs::File> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600).open(path).with_context(|| path.display().to_string())
}

fn line(device: &Value) -> String {
    let (id, flavour, paired_at) = (field(device, "id"), field(device, "flavour"), field(device, "paired_at"));
    let (fingerprint, state) = (output::strong(field(device, "fingerprint")), output::liveness(device));
    format!("{id}  {fingerprint}  {flavour:8}  paired {paired_at}  {state}")
}
