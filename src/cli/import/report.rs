//! What an import came to: said as it goes, and as a whole at its end.

use std::io::{IsTerminal as _, stderr};
use std::process::ExitCode;

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::cli::output::{self, OutputArguments};
use crate::cli::{CommandResult, escape};

/// How many of a kind were taken over, and how many were here before.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct ImportCount {
    pub(super) added: u64,
    pub(super) known: u64,
}

impl ImportCount {
    pub(super) fn add(&mut self, is_new: bool) {
        *if is_new { &mut self.added } else { &mut self.known } += 1;
    }

    fn json(self) -> Value {
        json!({"added": self.added, "known": self.known})
    }

    /// `one`: what one of them is called.
    fn words(self, one: &str) -> String {
        format!("{} new {} ({} known)", self.added, noun(self.added, one), self.known)
    }
}

/// What so many are called.
fn noun(count: u64, one: &str) -> String {
    if count == 1 { one.to_owned() } else { format!("{one}s") }
}

fn over(sessions: u64) -> String {
    let were = if sessions == 1 { "was" } else { "were" };
    format!("{sessions} {} {were} over", noun(sessions, "session"))
}

/// What an import came to.
pub(super) struct ImportReport {
    output: OutputArguments,
    is_dry: bool,
    pub(super) pools: ImportCount,
    pub(super) numbers: ImportCount,
    pub(super) sessions: ImportCount,
    /// Sessions whose time was over.
    pub(super) over: u64,
    /// What a dry run would do.
    steps: Vec<String>,
    /// What was not taken, and why.
    refused: Vec<(String, String)>,
    /// A line of progress stands on the terminal.
    is_under_way: bool,
}

impl ImportReport {
    pub(super) fn new(output: OutputArguments, is_dry: bool) -> Self {
        Self {
            output,
            is_dry,
            pools: ImportCount::default(),
            numbers: ImportCount::default(),
            sessions: ImportCount::default(),
            over: 0,
            steps: Vec::new(),
            refused: Vec::new(),
            is_under_way: false,
        }
    }

    /// Something that a dry run would do.
    pub(super) fn step(&mut self, step: String) {
        if !self.output.is_json() {
            self.end_progress();
            output::say(format!("{} {}", output::careful("would"), escape::line(&step)));
        }
        self.steps.push(step);
    }

    /// Something that is not taken; all else is.
    pub(super) fn refuse(&mut self, what: String, why: String) {
        if !self.output.is_json() {
            self.end_progress();
            output::note(format!("{} {}: {}", output::bad("refused"), escape::line(&what), escape::line(&why)));
        }
        self.refused.push((what, why));
    }

    /// How far it is, where a person looks.
    pub(super) fn progress(&mut self, what: &str, at: usize, total: Option<usize>) {
        let is_step = at.is_multiple_of(10) || Some(at) == total;
        if is_step && stderr().is_terminal() && !self.output.is_json() {
            let of = total.map(|total| format!(" of {total}")).unwrap_or_default();
            output::ask(format!("\r{at}{of} {}  ", escape::line(what)));
            self.is_under_way = true;
        }
    }

    fn end_progress(&mut self) {
        if std::mem::take(&mut self.is_under_way) {
            output::note("");
        }
    }

    fn json(&self, is_whole: bool) -> Value {
        let refused = self.refused.iter().map(|(what, why)| json!({"what": what, "why": why}));
        json!({
            "is_dry_run": self.is_dry,
            "is_whole": is_whole,
            "pools": self.pools.json(),
            "numbers": self.numbers.json(),
            "sessions": self.sessions.json(),
            "sessions_over": self.over,
            "steps": self.steps,
            "refused": refused.collect::<Vec<_>>(),
        })
    }

    fn words(&self) -> String {
        let done = if self.is_dry { output::careful("would import") } else { output::good("imported") };
        let (pools, numbers) = (self.pools.words("pool"), self.numbers.words("number"));
        let (sessions, over, refused) = (self.sessions.words("session"), over(self.over), self.refused.len());
        format!("{done} {pools}, {numbers}, {sessions}; {over}, {refused} refused")
    }

    /// Whether there is anything to say of it.
    fn has_begun(&self) -> bool {
        let is_any = |count: &ImportCount| count.added + count.known > 0;
        [self.pools, self.numbers, self.sessions].iter().any(is_any) || self.over > 0 || !self.refused.is_empty()
    }

    /// Says it as a whole; a failure where something was not taken. `ended`: why not all was looked at, which is told
    /// behind what was done until then.
    pub(super) fn finish(mut self, ended: anyhow::Result<()>) -> CommandResult {
        self.end_progress();
        let is_begun = self.has_begun();
        if ended.is_ok() || is_begun {
            self.output.show(&self.json(ended.is_ok()), |_| self.words());
        }
        match ended {
            Err(error) if !is_begun => return Err(error),
            ended => ended.context("the import has not come to its end; run again, it takes what is left")?,
        }
        Ok(if self.refused.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_one_and_others_are_several() {
        let words = |added| ImportCount { added, known: 1 }.words("pool");
        assert_eq!([0, 1, 2].map(words), ["0 new pools (1 known)", "1 new pool (1 known)", "2 new pools (1 known)"]);
        assert_eq!([0, 1].map(over), ["0 sessions were over", "1 session was over"]);
    }
}
