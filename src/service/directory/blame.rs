//! Whose fault a refusal is that does not say so: the message's, unless it comes again and again to others too.

use std::sync::Mutex;

use crate::model::ClientId;
use crate::model::lock::lock;
use crate::provider::SendOutcome;

/// So many in a row, to so many people, and from so many senders or clients, are the account's.
const MANY: usize = 3;

/// Whose message was refused, from what and to whom.
#[derive(Clone, Copy, Debug)]
pub struct BlamedSend<'a> {
    pub client: ClientId,
    pub from: &'a str,
    pub to: &'a str,
}

/// Who got such refusals since the last good answer; of each kind no more than are counted.
#[derive(Debug, Default)]
struct RefusalStreak {
    refusals: usize,
    to: Vec<String>,
    from: Vec<String>,
    clients: Vec<ClientId>,
}

fn note<T: PartialEq>(known: &mut Vec<T>, one: T) {
    if known.len() < MANY && !known.contains(&one) {
        known.push(one);
    }
}

impl RefusalStreak {
    /// One more; whether they are the account's by now.
    fn add(&mut self, sent: BlamedSend<'_>) -> bool {
        self.refusals = self.refusals.saturating_add(1);
        note(&mut self.to, sent.to.to_owned());
        note(&mut self.from, sent.from.to_owned());
        note(&mut self.clients, sent.client);
        let is_wide = self.from.len() >= MANY || self.clients.len() >= MANY;
        self.refusals >= MANY && self.to.len() >= MANY && is_wide
    }
}

/// What an account's unexplained refusals come to.
#[derive(Debug, Default)]
pub struct Blame(Mutex<RefusalStreak>);

impl Blame {
    /// The account is known to be good: what was refused before says nothing.
    pub fn forget(&self) {
        *lock(&self.0) = RefusalStreak::default();
    }

    /// An answer as what it means: one that is unexplained is the message's or, where the account rests as its carrier
    /// refuses it, or after enough of them, the account's.
    pub fn judge(&self, answer: SendOutcome, sent: BlamedSend<'_>, is_denied: bool) -> SendOutcome {
        let mut row = lock(&self.0);
        match answer {
            SendOutcome::Forbidden { code, reason } => {
                let is_accounts = row.add(sent) || is_denied;
                if is_accounts { SendOutcome::Denied { code, reason } } else { SendOutcome::Refused { code, reason } }
            }
            // the carrier has looked at a message: the account is good
            SendOutcome::Accepted { .. } | SendOutcome::Refused { .. } | SendOutcome::Failed { .. } => {
                if row.refusals > 0 {
                    *row = RefusalStreak::default();
                }
                answer
            }
            SendOutcome::Denied { .. }
            | SendOutcome::Throttled { .. }
            | SendOutcome::Unreachable { .. }
            | SendOutcome::Uncertain { .. } => answer,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent<'a>((client, from, to): (i64, &'a str, &'a str)) -> BlamedSend<'a> {
        BlamedSend { client: ClientId::first_of(client), from, to }
    }

    fn forbidden() -> SendOutcome {
        SendOutcome::Forbidden { code: None, reason: "403".into() }
    }

    fn is_accounts(blame: &Blame, who: (i64, &str, &str)) -> bool {
        let judged = blame.judge(forbidden(), sent(who), false);
        assert!(matches!(judged, SendOutcome::Denied { .. } | SendOutcome::Refused { .. }), "{judged:?}");
        matches!(judged, SendOutcome::Denied { .. })
    }

    #[test]
    fn three_people_and_three_senders_or_clients_make_it_the_accounts() {
        for (who, wanted) in [
            ([(1, "a", "x"), (1, "b", "y"), (1, "c", "z")], true),
            ([(1, "a", "x"), (2, "a", "y"), (3, "a", "z")], true),
            ([(1, "a", "x"), (1, "a", "y"), (1, "a", "z")], false),
            ([(1, "a", "x"), (2, "b", "y"), (1, "a", "z")], false),
            ([(1, "a", "x"), (2, "b", "x"), (3, "c", "x")], false),
            ([(1, "a", "x"), (2, "b", "y"), (3, "c", "y")], false),
        ] {
            let blame = Blame::default();
            assert_eq!(who.map(|one| is_accounts(&blame, one)), [false, false, wanted], "{who:?}");
        }
    }

    #[test]
    fn a_good_answer_between_begins_anew_and_others_do_not() {
        let good = [
            SendOutcome::Accepted { provider_id: "SM1".into(), segments: None },
            SendOutcome::Refused { code: Some(21_211), reason: String::new() },
        ];
        let other = [
            SendOutcome::Throttled { after: None, reason: String::new() },
            SendOutcome::Unreachable { after: None, reason: String::new() },
            SendOutcome::Uncertain { reason: String::new() },
        ];
        for (between, wanted) in
            good.into_iter().map(|one| (one, false)).chain(other.into_iter().map(|one| (one, true)))
        {
            let blame = Blame::default();
            assert!(!is_accounts(&blame, (1, "a", "x")) && !is_accounts(&blame, (2, "b", "y")));
            assert_eq!(blame.judge(between.clone(), sent((1, "a", "x")), false), between);
            assert_eq!(is_accounts(&blame, (3, "c", "z")), wanted, "{between:?}");
        }
    }

    #[test]
    fn while_the_account_rests_it_is_the_accounts() {
        let judged = Blame::default().judge(forbidden(), sent((1, "a", "x")), true);
        assert!(matches!(judged, SendOutcome::Denied { .. }));
    }
}
