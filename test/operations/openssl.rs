//! The `openssl` command: keys and certificates of other people's making.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, ensure};
use openssl::asn1::{Asn1Integer, Asn1Time};
use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::x509::X509;
use openssl::x509::extension::SubjectAlternativeName;

use crate::harness::Result;

/// What the command writes for this input.
pub fn run(arguments: &[&str], input: &[u8]) -> Result<Vec<u8>> {
    let mut child = Command::new("openssl")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("the openssl command")?;
    // what is written here is smaller than a pipe holds, and one that reads nothing closes it
    let _ = child.stdin.take().context("no stdin")?.write_all(input);
    let output = child.wait_with_output()?;
    ensure!(output.status.success(), "openssl {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(output.stdout)
}

/// A self-signed certificate and its key.
pub struct Certificate {
    pub cert: PathBuf,
    pub key: PathBuf,
}

/// Makes a certificate for `names` such as `DNS:localhost,IP:127.0.0.1`; `kind` is what `-newkey` takes.
pub fn certificate(folder: &Path, name: &str, kind: &[&str], names: &str) -> Result<Certificate> {
    let made =
        Certificate { cert: folder.join(format!("{name}.cert.pem")), key: folder.join(format!("{name}.key.pem")) };
    let settings = folder.join(format!("{name}.cnf"));
    // a leaf: clients refuse an authority's own certificate as a server's
    let text = format!(
        "[req]\nprompt = no\ndistinguished_name = dn\nx509_extensions = leaf\n[dn]\nCN = switchboard test\n\
         [leaf]\nsubjectAltName = {names}\nbasicConstraints = critical,CA:FALSE\n"
    );
    std::fs::write(&settings, text)?;
    let paths = [&settings, &made.key, &made.cert].map(|path| path.to_string_lossy().into_owned());
    let [settings, key, cert] = paths.each_ref().map(String::as_str);
    let fixed = ["req", "-x509", "-nodes", "-days", "2", "-config", settings, "-keyout", key, "-out", cert, "-newkey"];
    run(&[&fixed, kind].concat(), b"")?;
    Ok(made)
}

/// Another certificate for a key that is there, with so many days left: it has expired where they are below zero.
pub fn renewed(of: &Certificate, path: PathBuf, days: i64) -> Result<Certificate> {
    let old = X509::from_pem(&std::fs::read(&of.cert)?)?;
    let key = PKey::private_key_from_pem(&std::fs::read(&of.key)?)?;
    let mut new = X509::builder()?;
    new.set_version(2)?;
    new.set_subject_name(old.subject_name())?;
    new.set_issuer_name(old.subject_name())?;
    new.set_serial_number(Asn1Integer::from_bn(BigNum::from_u32(rand::random::<u32>() | 1)?.as_ref())?.as_ref())?;
    let (now, day) = (SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs().cast_signed(), 86_400);
    new.set_not_before(Asn1Time::from_unix(now - 10 * day)?.as_ref())?;
    new.set_not_after(Asn1Time::from_unix(now + days * day)?.as_ref())?;
    new.set_pubkey(&key)?;
    let context = new.x509v3_context(None, None);
    let names = SubjectAlternativeName::new().dns("localhost").ip("127.0.0.1").build(&context)?;
    new.append_extension(names)?;
    new.sign(&key, MessageDigest::sha256())?;
    std::fs::write(&path, new.build().to_pem()?)?;
    Ok(Certificate { cert: path, key: of.key.clone() })
}

pub const RSA: &[&str] = &["rsa:2048"];
pub const EC: &[&str] = &["ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
