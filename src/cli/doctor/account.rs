//! Whether carriers take what is sent through the accounts.

use super::finding::Findings;
use crate::store::Store;
use crate::store::account::{self, Account, RestReason};

const WHAT: &str = "accounts";

/// Says of each account that rests why it does. A store that knows no accounts yet says nothing.
pub(super) async fn check(store: &Store, findings: &mut Findings) {
    let Ok(accounts) = account::all(store).await else { return };
    let resting: Vec<(&Account, &RestReason)> =
        accounts.iter().filter_map(|account| Some((account, account.rest.as_ref()?))).collect();
    if resting.is_empty() && !accounts.is_empty() {
        findings.good(WHAT, format!("{} in use", accounts.len()));
    }
    for (account, rest) in resting {
        let code = rest.code.map(|code| format!(" ({code})")).unwrap_or_default();
        let found = format!("{} {} rests: its carrier refuses it: {}{code}", account.provider, account.id, rest.reason);
        let advice = format!(
            "put it right there, then `switchboard account check {}`; for new credentials `switchboard account change`",
            account.id
        );
        findings.careful(WHAT, found, advice);
    }
}
