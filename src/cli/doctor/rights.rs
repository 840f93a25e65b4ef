//! Who besides the server's own user may use its files.

use super::finding::Findings;
use crate::config::Config;
use crate::gateway::rights;

/// Says of each file and folder what its group may do, or others until the next start; and of the user database what
/// others may do, which no start changes.
pub(super) fn check(config: &Config, findings: &mut Findings) {
    for open in rights::open(config) {
        let (path, mode) = (open.path.display(), open.mode);
        let who = if open.is_to_others() { "others" } else { "its group" };
        let closed = if open.path.is_dir() { 700 } else { 600 };
        findings.careful("rights", format!("{who} may use {path} (mode {mode:04o})"), format!("chmod {closed} {path}"));
    }
    for open in rights::open_backend(config) {
        let (path, mode) = (open.path.display(), open.mode);
        let advice = format!("chmod o= {path}, unless another program needs it so");
        findings.careful("rights", format!("others may use {path} (mode {mode:04o})"), advice);
    }
}
