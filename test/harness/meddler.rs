//! A proxy that speaks MySQL's packets, and changes the session under those who use it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use anyhow::ensure;
use mysql_async::Opts;
use switchboard::model::lock::lock;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::Result;
use super::database::mariadb;

/// A backslash is a character, and what stands between double quotes a name.
pub const NO_ESCAPES: &str = "SET sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES'";

/// Two bytes may be one character, the second of them a backslash.
pub const GBK: &str = "SET NAMES gbk";

/// What is done to a script: a text of several statements.
#[derive(Clone, Copy, Debug)]
pub enum Meddling {
    Nothing,
    /// This is said on the same connection before it.
    Before(&'static str),
    /// It begins with this instead of the session that it asks for.
    Instead(&'static str),
    /// Once, the first statement that begins so is not run: in its place the transaction is given up, and nobody is told.
    Lose(&'static str),
}

/// Stands before the test's MariaDB until the test ends.
pub struct Meddler {
    port: u16,
    now: Arc<Mutex<Meddling>>,
    scripts: Arc<AtomicUsize>,
}

impl Meddler {
    pub async fn start(meddling: Meddling) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let meddler =
            Self { port: listener.local_addr()?.port(), now: Arc::new(Mutex::new(meddling)), scripts: Arc::default() };
        let (now, scripts) = (meddler.now.clone(), meddler.scripts.clone());
        let server = Opts::from_url(&mariadb()?)?;
        let address = (server.ip_or_hostname().to_owned(), server.tcp_port());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (now, scripts, address) = (now.clone(), scripts.clone(), address.clone());
                tokio::spawn(async move {
                    let server = TcpStream::connect(address).await?;
                    let carried = carry(client, server, &now, &scripts).await;
                    carried.inspect_err(|error| eprintln!("the meddler: {error:#}"))
                });
            }
        });
        Ok(meddler)
    }

    /// The server, by way of this.
    pub fn url(&self) -> Result<String> {
        let direct = mariadb()?;
        Ok(direct.replace(&format!(":{}", Opts::from_url(&direct)?.tcp_port()), &format!(":{}", self.port)))
    }

    pub fn turn(&self, to: Meddling) {
        *lock(&self.now) = to;
    }

    /// How many scripts were meddled with.
    pub fn scripts(&self) -> usize {
        self.scripts.load(Ordering::Relaxed)
    }
}

async fn carry(mut client: TcpStream, mut server: TcpStream, now: &Mutex<Meddling>, scripts: &AtomicUsize) -> Result {
    let (mut said, mut answered, mut waiting) = (vec![0; 64 * 1024], vec![0; 64 * 1024], Vec::new());
    loop {
        tokio::select! {
            count = client.read(&mut said) => {
                let Ok(count @ 1..) = count else { return Ok(()) };
                waiting.extend_from_slice(&said[..count]);
                while let Some(packet) = first(&mut waiting) {
                    let how = *lock(now);
                    let packet = match (script(&packet), how) {
                        (Some(text), Meddling::Lose(begin)) => match lose(text, begin) {
                            Some(lost) => {
                                *lock(now) = Meddling::Nothing;
                                scripts.fetch_add(1, Ordering::Relaxed);
                                lost
                            }
                            None => packet,
                        },
                        (Some(text), Meddling::Before(_) | Meddling::Instead(_)) => {
                            scripts.fetch_add(1, Ordering::Relaxed);
                            meddle(&mut server, text, how).await?
                        }
                        _ => packet,
                    };
                    server.write_all(&packet).await?;
                }
            }
            count = server.read(&mut answered) => {
                let Ok(count @ 1..) = count else { return Ok(()) };
                client.write_all(&answered[..count]).await?;
            }
        }
    }
}

/// The script as it goes on.
async fn meddle(server: &mut TcpStream, text: &[u8], how: Meddling) -> Result<Vec<u8>> {
    let first = text.split(|byte| *byte == b';').next().unwrap_or_default();
    match how {
        Meddling::Instead(sql) if first.starts_with(b"SET") => {
            return Ok(query(&[sql.as_bytes(), &text[first.len()..]].concat()));
        }
        // who listens has read all answers by now: the next one is for this
        Meddling::Before(sql) | Meddling::Instead(sql) => {
            server.write_all(&query(sql.as_bytes())).await?;
            let mut head = [0; 4];
            server.read_exact(&mut head).await?;
            let mut answer = vec![0; length(&head)];
            server.read_exact(&mut answer).await?;
            ensure!(answer.first() == Some(&0), "{sql}: {}", String::from_utf8_lossy(&answer));
        }
        Meddling::Nothing | Meddling::Lose(_) => {}
    }
    Ok(query(text))
}

/// The script, where it holds such a statement. No value of the test's holds a semicolon.
fn lose(text: &[u8], begin: &str) -> Option<Vec<u8>> {
    let mut statements: Vec<&[u8]> = text.split(|byte| *byte == b';').collect();
    let lost = statements.iter().position(|statement| statement.starts_with(begin.as_bytes()))?;
    statements[lost] = b"ROLLBACK";
    Some(query(&statements.join(&b';')))
}

fn length(head: &[u8]) -> usize {
    usize::from_le_bytes([head[0], head[1], head[2], 0, 0, 0, 0, 0])
}

/// Takes the first packet of what has come, where it is there as a whole.
fn first(waiting: &mut Vec<u8>) -> Option<Vec<u8>> {
    let whole = 4 + waiting.get(..4).map(length)?;
    (waiting.len() >= whole).then(|| waiting.drain(..whole).collect())
}

/// A packet that asks for this.
fn query(text: &[u8]) -> Vec<u8> {
    let [a, b, c, _] = u32::try_from(1 + text.len()).unwrap_or(0).to_le_bytes();
    [&[a, b, c, 0, 3][..], text].concat()
}

/// The text of a script; those that make tables are none.
fn script(packet: &[u8]) -> Option<&[u8]> {
    let text = packet.get(3..)?.strip_prefix(&[0, 3])?;
    let begins = ["SET NAMES", "SELECT", "INSERT", "UPDATE", "DELETE"];
    let is_script = begins.iter().any(|word| text.starts_with(word.as_bytes())) && text.contains(&b';');
    is_script.then_some(text)
}
