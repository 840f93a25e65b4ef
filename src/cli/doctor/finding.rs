//! What the doctor found, how bad it is, and how to mend it.

use serde_json::json;

use crate::cli::{escape, output};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Good,
    Careful,
    Bad,
}

struct Finding {
    verdict: Verdict,
    what: &'static str,
    found: String,
    /// How to mend it.
    advice: Option<String>,
}

/// All that was found, in order.
#[derive(Default)]
pub(super) struct Findings(Vec<Finding>);

impl Findings {
    pub(super) fn good(&mut self, what: &'static str, found: impl ToString) {
        self.0.push(Finding { verdict: Verdict::Good, what, found: found.to_string(), advice: None });
    }

    pub(super) fn careful(&mut self, what: &'static str, found: impl ToString, advice: impl ToString) {
        self.add(Verdict::Careful, what, found, advice);
    }

    pub(super) fn bad(&mut self, what: &'static str, found: impl ToString, advice: impl ToString) {
        self.add(Verdict::Bad, what, found, advice);
    }

    fn add(&mut self, verdict: Verdict, what: &'static str, found: impl ToString, advice: impl ToString) {
        self.0.push(Finding { verdict, what, found: found.to_string(), advice: Some(advice.to_string()) });
    }

    /// Whether something keeps the server from serving.
    pub(super) fn is_bad(&self) -> bool {
        self.0.iter().any(|finding| finding.verdict == Verdict::Bad)
    }

    pub(super) fn print(&self, as_json: bool) {
        if as_json {
            let word = |verdict| match verdict {
                Verdict::Good => "good",
                Verdict::Careful => "careful",
                Verdict::Bad => "bad",
            };
            let rows = self
                .0
                .iter()
                .map(|f| json!({"verdict": word(f.verdict), "what": f.what, "found": f.found, "advice": f.advice}));
            return output::say_json(&json!({ "findings": rows.collect::<Vec<_>>() }));
        }
        for finding in &self.0 {
            let mark = match finding.verdict {
                Verdict::Good => output::good("good   "),
                Verdict::Careful => output::careful("careful"),
                Verdict::Bad => output::bad("bad    "),
            };
            output::say(format!("{mark} {:14} {}", finding.what, escape::line(&finding.found)));
            if let Some(advice) = &finding.advice {
                output::say(format!("{:23}{}", "", output::dim(escape::line(advice))));
            }
        }
    }
}
