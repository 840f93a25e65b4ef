//! Ports that nobody else takes between being chosen and being listened on, nor over a restart.
//!
//! A port that the kernel gave (port 0) is any program's again once it is let go: a client's
//! connection or another test may get it next. These lie below the range that the kernel gives
//! from, in blocks; whoever listens on a block's first port at 127.0.0.2 has the whole block, and
//! loses it with its process.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::Mutex;

use anyhow::Context as _;

use super::Result;

/// Linux gives ports from 32768 on by default; `scripts/services.sh` takes those from 20000 on.
const FIRST: u16 = 10_000;
const BLOCK: u16 = 250;
const BLOCKS: u16 = 40;

/// A block of ports that is this process's own.
struct Block {
    _claim: TcpListener,
    next: u16,
    end: u16,
}

impl Block {
    fn claim() -> Result<Self> {
        // not all from the first: a process that has just ended leaves its connections' ends there
        let start = std::process::id() % u32::from(BLOCKS);
        let blocks = (start..start + u32::from(BLOCKS)).map(|n| n % u32::from(BLOCKS));
        let mut firsts = blocks.filter_map(|n| Some(FIRST + BLOCK * u16::try_from(n).ok()?));
        let claimed = firsts.find_map(|first| Some((TcpListener::bind((CLAIMS, first)).ok()?, first)));
        let (claim, first) = claimed.context("every block of ports is claimed")?;
        Ok(Self { _claim: claim, next: first + 1, end: first + BLOCK })
    }

    /// The next port on which one can listen at this moment: another program may have been here first.
    fn next(&mut self) -> Option<u16> {
        let free = (self.next..self.end).find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())?;
        self.next = free + 1;
        Some(free)
    }
}

/// Beside the address that servers listen on, so that a claim is in nobody's way.
const CLAIMS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

static BLOCKS_HERE: Mutex<Vec<Block>> = Mutex::new(Vec::new());

/// A port of 127.0.0.1 that nobody listens on, and nobody will but who was given it.
pub fn free_port() -> Result<u16> {
    let mut blocks = BLOCKS_HERE.lock().map_err(|_| anyhow::anyhow!("a test panicked while it chose a port"))?;
    if let Some(port) = blocks.last_mut().and_then(Block::next) {
        return Ok(port);
    }
    let mut block = Block::claim()?;
    let port = block.next().context("a whole block of ports is in use")?;
    blocks.push(block);
    Ok(port)
}
