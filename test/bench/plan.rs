//! How long the parts measure. `--short` only tries whether they work: its figures say nothing.

use std::time::Duration;

use crate::harness::Result;

#[derive(Clone, Copy)]
pub struct Plan {
    /// Runs of which the median is shown.
    pub rounds: usize,
    /// Of one of them.
    pub span: Duration,
    /// Of a step on the way to a rate that can be held.
    pub trial: Duration,
    /// How long a rate must then be held.
    pub hold: Duration,
    /// Messages in the store of `make bench-large`.
    pub stored: usize,
    pub is_short: bool,
}

impl Plan {
    pub fn new(is_short: bool) -> Self {
        let (rounds, [span, trial, hold], stored) =
            if is_short { (1, [1, 2, 4], 50_000) } else { (3, [5, 6, 60], 5_000_000) };
        let [span, trial, hold] = [span, trial, hold].map(Duration::from_secs);
        Self { rounds, span, trial, hold, stored, is_short }
    }
}

/// A whole number as `rate` is one: what is behind the point does not matter.
pub fn whole(rate: f64) -> Result<u32> {
    Ok(format!("{rate:.0}").parse()?)
}
