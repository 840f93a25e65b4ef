//! What a batch of codes writes, decided by what stands under their names.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::{CodeTurn, NewCode, PermittedCode};
use crate::model::{ClientId, Millis, VerificationId, VerificationStatus};
use crate::store::audit::{self, AuditEntry};
use crate::store::verification::end::{VerificationEnd, give_up};
use crate::store::verification::pending::{self, PendingKey, key_of};
use crate::store::verification::{INSERT, Verification, send};
use crate::store::{Change, Query, Result, Row, Store, Value, idempotency, opt_out, params};

/// How a verification stands whose code goes out again.
struct StandingVerification {
    is_pending: bool,
    sends: i64,
    max_sends: i64,
    expires_ms: Millis,
}

/// The rows of one batch.
#[derive(Default)]
pub(super) struct CodeRows {
    pub(super) now_ms: Millis,
    /// What stands under each name by now, and how often that has changed.
    names: HashMap<PendingKey, (VerificationId, i64)>,
    standing: HashMap<VerificationId, StandingVerification>,
    /// Who wants no texts from a number of which client.
    opted_out: HashSet<(String, ClientId)>,
    /// Those that this batch makes, or that give way in it: whoever read them looks again.
    changed: BTreeSet<VerificationId>,
    /// What gives way, and is still pending.
    given_up: Vec<(Verification, VerificationEnd)>,
    verifications: Vec<Vec<Value>>,
    pending: Vec<Vec<Value>>,
    /// New owners of names: whose it was, whose it is, and until when.
    renamed: Vec<(PendingKey, VerificationId, VerificationId, Millis)>,
    /// What goes out once more: how often in this batch, and on which channel last.
    again: BTreeMap<VerificationId, (i64, &'static str)>,
    extras: Vec<(VerificationId, String)>,
    sends: Vec<Vec<Value>>,
    kept: Vec<Vec<Value>>,
    entries: Vec<Vec<Value>>,
}

impl CodeRows {
    /// What stands under the names of these, and who wants no texts.
    pub(super) async fn look_up<T>(store: &Store, items: &[PermittedCode<T>]) -> Result<Self> {
        let is_first = |item: &&PermittedCode<T>| matches!(item.new.turn, CodeTurn::First { .. });
        let keys: Vec<Value> = items.iter().filter(is_first).map(|item| item.key.into()).collect();
        let again = items.iter().filter(|item| !is_first(item));
        let ids: Vec<Value> = again.map(|item| item.new.verification.id.into()).collect();
        let texted = items.iter().filter_map(PermittedCode::texted).flat_map(|(_, forms)| forms);
        let people: Vec<Value> = texted.map(Value::from).collect();
        let names = "SELECT p.pending_key, p.verification_id, v.sequence FROM sb_verification_pending p \
                     JOIN sb_verification v ON v.id = p.verification_id WHERE p.pending_key IN ({})";
        let standing = "SELECT id, status, sends, max_sends, expires_ms FROM sb_verification WHERE id IN ({})";
        let is_any = [!keys.is_empty(), !ids.is_empty(), !people.is_empty()];
        let all = [Query::over(names, &[], keys), Query::over(standing, &[], ids), opt_out::stopped_by(people)];
        let wanted = all.into_iter().zip(is_any).filter(|(_, is_any)| *is_any).map(|(query, _)| query).collect();
        let mut answers = store.look_up(wanted).await?.into_iter();
        let [held, again, stopped] =
            is_any.map(|is_any| if is_any { answers.next().unwrap_or_default() } else { Vec::new() });
        let mut rows = Self::default();
        for row in held {
            rows.names.insert(key_of(&row, 0)?, (row.id(1)?, row.int(2)?));
        }
        for row in again {
            rows.standing.insert(row.id(0)?, standing_of(&row)?);
        }
        for row in stopped {
            rows.opted_out.insert((row.text(0)?.to_owned(), row.id(1)?));
        }
        Ok(rows)
    }

    /// Whether whom it is texted to has opted out of texts from a number of its client's: no other of them gets round
    /// that.
    pub(super) fn is_out<T>(&self, item: &PermittedCode<T>) -> bool {
        let is_out = |(client, forms): (ClientId, Vec<String>)| {
            forms.into_iter().any(|form| self.opted_out.contains(&(form, client)))
        };
        !self.opted_out.is_empty() && item.texted().is_some_and(is_out)
    }

    /// Whether what stands under its name is what its caller has read, and its code may go out.
    pub(super) fn stands<T>(&self, item: &PermittedCode<T>) -> bool {
        let id = item.new.verification.id;
        match &item.new.turn {
            CodeTurn::First { before, .. } => {
                let read = before.as_ref().map(|before| (before.0.id, before.0.sequence));
                self.names.get(&item.key).copied() == read && read.is_none_or(|(id, _)| !self.changed.contains(&id))
            }
            CodeTurn::Again { .. } => {
                let may_go = |one: &StandingVerification| {
                    one.is_pending && one.sends < one.max_sends && one.expires_ms > self.now_ms
                };
                !self.changed.contains(&id) && self.standing.get(&id).is_some_and(may_go)
            }
        }
    }

    /// Adds one that may be written; how often its code was sent with that.
    pub(super) fn add<T>(&mut self, item: &PermittedCode<T>) -> i64 {
        let new = &item.new;
        let of = &new.verification;
        let sends = match &new.turn {
            CodeTurn::First { sealed, before } => {
                self.changed.insert(of.id);
                self.verifications.push(of.values(sealed));
                self.name(item.key, of, before.as_deref());
                of.sends
            }
            CodeTurn::Again { extra } => {
                let (count, channel) = self.again.entry(of.id).or_default();
                *count += 1;
                *channel = of.channel.name();
                self.extras.extend(extra.as_ref().map(|extra| (of.id, extra.text())));
                self.standing.get_mut(&of.id).map_or(of.sends, |one| {
                    one.sends += 1;
                    one.sends
                })
            }
        };
        let text = item.text.as_ref().map(|text| text.new.message.id);
        let row = text.map(|text| send::values(text, of, of.channel, new.country.as_deref(), sends, new.at_ms));
        self.sends.extend(row);
        self.keep(new);
        sends
    }

    fn keep(&mut self, new: &NewCode) {
        self.entries.extend(new.entry.as_ref().map(AuditEntry::values));
        self.kept.extend(new.kept.as_ref().map(|kept| kept.named.values(&kept.reply, self.now_ms)));
    }

    /// Gives a name to a new verification: to nobody else it belonged, or to one that is over, or gives way.
    fn name(&mut self, key: PendingKey, of: &Verification, before: Option<&(Verification, VerificationStatus)>) {
        self.names.insert(key, (of.id, of.sequence));
        let Some((before, status)) = before else {
            self.pending.push(params![key, of.id, of.expires_ms]);
            return;
        };
        self.changed.insert(before.id);
        self.renamed.push((key, before.id, of.id, of.expires_ms));
        if !before.status.is_over() {
            let end = VerificationEnd { status: *status, at_ms: self.now_ms };
            self.given_up.push((before.clone(), end));
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.verifications.is_empty() && self.again.is_empty()
    }

    pub(super) fn write(self, change: Change) -> Change {
        let erases = !self.given_up.is_empty();
        let written = self.verifications.first().and_then(|row| row.first()).cloned();
        let sent = self.sends.first().and_then(|row| row.first()).cloned();
        let change = self.given_up.into_iter().fold(change, |change, (before, end)| give_up(change, &before, end));
        let change = change.insert(INSERT, self.verifications).insert(pending::INSERT, self.pending);
        let mut change = self.renamed.into_iter().fold(change, |change, (key, was, is, expires_ms)| {
            let sql = "UPDATE sb_verification_pending SET verification_id = ?, expires_ms = ? \
                       WHERE pending_key = ? AND verification_id = ?";
            change.one(sql, params![is, expires_ms, key, was])
        });
        let mut alike: BTreeMap<(i64, &'static str), Vec<Value>> = BTreeMap::new();
        for (id, turns) in self.again {
            alike.entry(turns).or_default().push(id.into());
        }
        for ((count, channel), ids) in alike {
            let sql = "UPDATE sb_verification SET sends = sends + ?, channel = ?, changed_ms = ? \
                       WHERE status = 'pending' AND sends + ? <= max_sends AND expires_ms > ? AND id IN ({})";
            let before = [count.into(), channel.into(), self.now_ms.into(), count.into(), self.now_ms.into()];
            change = change.each(sql, &before, &ids);
        }
        for (id, extra) in self.extras {
            change = change.one("UPDATE sb_verification SET extra = ? WHERE id = ?", params![extra, id]);
        }
        let change = change
            .insert(send::INSERT, self.sends)
            .insert(idempotency::INSERT, self.kept)
            .insert(audit::INSERT, self.entries);
        let change = if erases { change.erasing() } else { change };
        match (written, sent) {
            (Some(id), _) => change.settled_by("SELECT 1 FROM sb_verification WHERE id = ?", vec![id]),
            (None, Some(id)) => change.settled_by("SELECT 1 FROM sb_verification_send WHERE message_id = ?", vec![id]),
            (None, None) => change,
        }
    }
}

fn standing_of(row: &Row) -> Result<StandingVerification> {
    Ok(StandingVerification {
        is_pending: row.text(1)? == VerificationStatus::Pending.name(),
        sends: row.int(2)?,
        max_sends: row.int(3)?,
        expires_ms: row.int(4)?,
    })
}
