//! What the server itself counts of messages out.

use std::time::{Duration, Instant};

use anyhow::ensure;

use crate::harness::{ADMIN, Result, Server};

const ACCEPTED: &str = "switchboard_messages_accepted_total";
const OVER: &str = "switchboard_messages_over_total";
const SENT: &str = "switchboard_messages_over_total{state=\"sent\"}";

#[derive(Clone, Copy, Default)]
pub struct Counts {
    pub accepted: f64,
    pub sent: f64,
    /// Over, but not sent.
    pub lost: f64,
}

impl Counts {
    pub fn backlog(&self) -> f64 {
        // the one is read a moment before the other
        (self.accepted - self.sent).max(0.0)
    }
}

pub async fn counts(server: &Server) -> Result<Counts> {
    let text = server.http.get(server.url("/metrics")).bearer_auth(ADMIN).send().await?.text().await?;
    let mut counts = Counts::default();
    for line in text.lines() {
        let Some((name, value)) = line.rsplit_once(' ') else { continue };
        match name {
            ACCEPTED => counts.accepted = value.parse()?,
            SENT => counts.sent = value.parse()?,
            _ if name.starts_with(OVER) => counts.lost += value.parse::<f64>()?,
            _ => {}
        }
    }
    Ok(counts)
}

/// Waits until everything accepted has been sent.
pub async fn drained(server: &Server) -> Result {
    let begun = Instant::now();
    loop {
        let Counts { accepted, sent, lost } = counts(server).await?;
        ensure!(lost == 0.0, "{lost} of {accepted} ended without being sent");
        if sent >= accepted {
            eprintln!("  {accepted:.0} accepted and sent; drained after {:.1} s", begun.elapsed().as_secs_f64());
            return Ok(());
        }
        ensure!(begun.elapsed() < Duration::from_secs(180), "{accepted} accepted, {sent} sent");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
