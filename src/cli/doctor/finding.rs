//! What the doctor found, how bad it is, and how to mend it.

use serde::Serialize;
use serde_json::json;

use crate::cli::{escape, output};

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum FindingVerdict {
    Good,
    Careful,
    Bad,
}

struct Finding {
    verdict: FindingVerdict,
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
        self.0.push(Finding { verdict: FindingVerdict::Good, what, found: found.to_string(), advice: None });
    }

    pub(super) fn careful(&mut self, what: &'static str, found: impl ToString, advice: impl ToString) {
        self.add(FindingVerdict::Careful, what, found, advice);
    }

    pub(super) fn bad(&mut self, what: &'static str, found: impl ToString, advice: impl ToString) {
        self.add(FindingVerdict::Bad, what, found, advice);
    }

    fn add(&mut self, verdict: FindingVerdict, what: &'static str, found: impl ToString, advice: impl ToString) {
        self.0.push(Finding { verdict, what, found: found.to_string(), advice: Some(advice.to_string()) });
    }

    /// Whether something keeps the server from serving.
    pub(super) fn is_bad(&self) -> bool {
        self.0.iter().any(|finding| finding.verdict == FindingVerdict::Bad)
    }

    pub(super) fn print(&self, as_json: bool) {
        if as_json {
            let row = |f: &Finding| json!({"verdict": f.verdict, "what": f.what, "found": f.found, "advice": f.advice});
            return output::say_json(&json!({ "findings": self.0.iter().map(row).collect::<Vec<_>>() }));
        }
        for finding in &self.0 {
            let mark = match finding.verdict {
                FindingVerdict::Good => output::good("good   "),
                FindingVerdict::Careful => output::careful("careful"),
                FindingVerdict::Bad => output::bad("bad    "),
            };
            output::say(format!("{mark} {:14} {}", finding.what, escape::line(&finding.found)));
            if let Some(advice) = &finding.advice {
                output::say(format!("{:23}{}", "", output::dim(escape::line(advice))));
            }
        }
    }
}
