//! What an import came to: said as it goes, and as a whole at its end.

use std::io::{IsTerminal as _, stderr};
use std::process::ExitCode;

use serde_json::{Value, json};

use crate::cli::escape;
use crate::cli::output::{self, OutputArguments};

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

    fn words(self, what: &str) -> String {
        format!("{} new {what} ({} known)", self.added, self.known)
    }
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
    pub(super) fn progress(&mut self, what: &str, at: usize, total: usize) {
        let is_step = at.is_multiple_of(10) || at == total;
        if is_step && stderr().is_terminal() && !self.output.is_json() {
            output::ask(format!("\r{at} of {total} {}  ", escape::line(what)));
            self.is_under_way = true;
        }
    }

    fn end_progress(&mut self) {
        if std::mem::take(&mut self.is_under_way) {
            output::note("");
        }
    }

    fn json(&self) -> Value {
        let refused = self.refused.iter().map(|(what, why)| json!({"what": what, "why": why}));
        json!({
            "is_dry_run": self.is_dry,
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
        let (pools, numbers) = (self.pools.words("pools"), self.numbers.words("numbers"));
        let (sessions, refused) = (self.sessions.words("sessions"), self.refused.len());
        format!("{done} {pools}, {numbers}, {sessions}; {} sessions were over, {refused} refused", self.over)
    }

    /// Says it as a whole; a failure where something was not taken.
    pub(super) fn finish(mut self) -> ExitCode {
        self.end_progress();
        self.output.show(&self.json(), |_| self.words());
        if self.refused.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}
