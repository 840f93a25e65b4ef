//! Whom something may be sent to, in memory: what the operator allows, and what each client narrows that to.

use std::collections::HashMap;

use crate::model::permission::{PermissionRefusal, PlannedNumber};
use crate::model::{Address, ClientId, Clock, CodeChannel, NumberType, PermissionRules, VerificationRefusal};
use crate::service::audit::AuditContext;
use crate::service::race::settled;
use crate::service::snapshot::{self, Snapshot};
use crate::service::{Error, Result};
use crate::store::permission::{self, ClientPermissions};
use crate::store::version::{self, CachedDataset};
use crate::store::{self, Store};

/// Where the rules are changed, for those who are refused by one.
const PATH: &str = "/v1/guard/countries";
/// Prefixes of one kind at most.
const PREFIXES: usize = 1_000;
/// Digits of a prefix at most.
const PREFIX: usize = 15;

/// What each client may send to; the operator's rules are everybody's.
type KnownPermissions = HashMap<ClientId, PermissionRules>;

/// Who does something to a client's rules, for the audit log.
type PermissionAudit<'a> = AuditContext<'a, PermissionRules>;

pub struct Permissions {
    store: Store,
    clock: Clock,
    known: Snapshot<KnownPermissions>,
}

/// What refuses a number, and whose rules do.
struct Refused {
    by: PermissionRefusal,
    is_own: bool,
}

impl Refused {
    fn told(&self) -> String {
        let whose = if self.is_own { "this client's " } else { "" };
        let setting = |name: &str| format!("{whose}`{name}` ({PATH})");
        match self.by {
            PermissionRefusal::Prefix => {
                format!("this number is not allowed: it begins with one of {}", setting("refused_prefixes"))
            }
            PermissionRefusal::Country(Some(region)) => {
                format!("{region} is not allowed: it is not among {}", setting("countries"))
            }
            PermissionRefusal::Country(None) => {
                format!("this number is of no country, and only those of {} are allowed", setting("countries"))
            }
            PermissionRefusal::Dear(kind) => {
                format!(
                    "this number costs more than others ({}), and {} does not name that",
                    kind.name(),
                    setting("premium")
                )
            }
        }
    }

    fn error(&self) -> Error {
        let why = match self.by {
            PermissionRefusal::Dear(_) => VerificationRefusal::Premium,
            PermissionRefusal::Prefix | PermissionRefusal::Country(_) => VerificationRefusal::Country,
        };
        Error::verification(why, self.told()).about("to")
    }
}

impl Permissions {
    /// The rules of the store.
    pub async fn open(store: Store, clock: Clock) -> store::Result<Self> {
        version::begin(&store, CachedDataset::SendRules).await?;
        let permissions = Self { store, clock, known: Snapshot::default() };
        permissions.refresh().await?;
        Ok(permissions)
    }

    /// Reads what has changed since they were read last.
    pub async fn refresh(&self) -> store::Result<()> {
        self.known.refresh(version::current(&self.store, CachedDataset::SendRules), |_| self.read()).await
    }

    async fn read(&self) -> store::Result<KnownPermissions> {
        let all = permission::all(&self.store).await?;
        Ok(all.into_iter().map(|one| (one.client, one.rules)).collect())
    }

    /// Whether a code may go there for this client, and on this channel. Of whom the guard never blocks nobody asks.
    pub fn check(
        &self,
        client: ClientId,
        number: PlannedNumber<'_>,
        channel: CodeChannel,
        skips_landlines: bool,
    ) -> Result<()> {
        if let Some(refused) = refused(&self.known.current(), client, number) {
            return Err(refused.error());
        }
        if channel == CodeChannel::Sms && skips_landlines && number.kind == NumberType::FixedLine {
            let told = "this is a fixed line, and `skip_sms_to_landlines` is set";
            return Err(Error::verification(VerificationRefusal::Landline, told).about("to"));
        }
        Ok(())
    }

    /// The same of a plain message or call, where its client wants it so.
    pub fn check_message(&self, client: ClientId, to: &Address) -> Result<()> {
        let known = self.known.current();
        if known.get(&client).is_none_or(|rules| !rules.messages) {
            return Ok(());
        }
        let refused = PlannedNumber::of(to).and_then(|number| refused(&known, client, number));
        refused.map_or(Ok(()), |refused| Err(refused.error()))
    }

    /// A client's own rules as they now are; those without any allow all that the operator does.
    pub async fn find(&self, client: ClientId) -> Result<PermissionRules> {
        Ok(permission::find(&self.store, client).await?.map(|found| found.rules).unwrap_or_default())
    }

    /// Puts other rules in the place of a client's own. The rules as they now are.
    pub async fn put(
        &self,
        client: ClientId,
        rules: &PermissionRules,
        audit: &PermissionAudit<'_>,
    ) -> Result<PermissionRules> {
        hold(rules)?;
        settled("these permissions", || async {
            let before = permission::find(&self.store, client).await?;
            let was = before.as_ref().map(|before| &before.rules);
            if was.unwrap_or(&PermissionRules::default()) == rules {
                return Ok(());
            }
            let now_ms = self.clock.now_ms();
            let entry = audit.entry(now_ms, client, was, Some(rules));
            // two that were written are never of one millisecond: by that they are told apart
            let changed_ms = before.as_ref().map_or(now_ms, |before| now_ms.max(before.changed_ms + 1));
            let after = ClientPermissions { client, rules: rules.clone(), changed_ms };
            Ok(permission::put(&self.store, before.as_ref(), &after, entry).await?)
        })
        .await?;
        snapshot::renewed("permissions", self.refresh().await);
        Ok(rules.clone())
    }
}

/// By the operator's rules, and then by the client's own.
fn refused(known: &KnownPermissions, client: ClientId, number: PlannedNumber<'_>) -> Option<Refused> {
    let none = PermissionRules::default();
    let everybodys = known.get(&ClientId::OPERATOR).unwrap_or(&none);
    if let Some(by) = everybodys.refusal(number, false) {
        return Some(Refused { by, is_own: false });
    }
    let own = known.get(&client).filter(|_| client != ClientId::OPERATOR)?;
    own.refusal(number, true).map(|by| Refused { by, is_own: true })
}

/// Whether rules can be kept: countries and kinds are read before, prefixes are not.
fn hold(rules: &PermissionRules) -> Result<()> {
    for (field, prefixes) in [("prefixes", &rules.prefixes), ("refused_prefixes", &rules.refused_prefixes)] {
        if prefixes.len() > PREFIXES {
            return Err(Error::invalid(field, format!("must be {PREFIXES} at most")));
        }
        if !prefixes.iter().all(|prefix| is_prefix(prefix)) {
            return Err(Error::invalid(field, "must each be + and the first digits of numbers, 15 at most"));
        }
    }
    Ok(())
}

fn is_prefix(text: &str) -> bool {
    text.strip_prefix('+').is_some_and(|digits| {
        (1..=PREFIX).contains(&digits.len())
            && digits.bytes().all(|digit| digit.is_ascii_digit())
            && !digits.starts_with('0')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(rules: &[(ClientId, PermissionRules)]) -> KnownPermissions {
        rules.iter().cloned().collect()
    }

    fn of(countries: &[&str]) -> PermissionRules {
        let countries = countries.iter().map(|name| (*name).to_owned()).collect();
        PermissionRules { countries: Some(countries), ..PermissionRules::default() }
    }

    fn told(known: &KnownPermissions, client: ClientId, to: &str) -> Option<String> {
        let address = Address::stored(to);
        let number = PlannedNumber::of(&address)?;
        refused(known, client, number).map(|refused| refused.told())
    }

    #[test]
    fn a_client_narrows_what_the_operator_allows_and_does_not_widen_it() {
        let (client, other) = (ClientId::new(7), ClientId::new(8));
        let known = known(&[(ClientId::OPERATOR, of(&["US", "FR"])), (client, of(&["FR", "DE"]))]);
        assert_eq!(told(&known, client, "+33612345678"), None);
        let own = told(&known, client, "+12125550100");
        assert_eq!(
            own.as_deref(),
            Some("US is not allowed: it is not among this client's `countries` (/v1/guard/countries)")
        );
        let everybodys = told(&known, client, "+491712345678");
        assert_eq!(everybodys.as_deref(), Some("DE is not allowed: it is not among `countries` (/v1/guard/countries)"));
        assert_eq!(told(&known, other, "+12125550100"), None);
        assert_eq!(told(&known, ClientId::OPERATOR, "+12125550100"), None);
    }

    #[test]
    fn what_is_dear_is_named() {
        let said = told(&KnownPermissions::new(), ClientId::new(7), "+447012345678");
        let wanted =
            "this number costs more than others (personal), and `premium` (/v1/guard/countries) does not name that";
        assert_eq!(said.as_deref(), Some(wanted));
    }

    #[test]
    fn prefixes_are_the_first_digits_of_numbers() {
        for good in ["+1", "+4470", "+123456789012345"] {
            assert!(is_prefix(good), "{good}");
        }
        for bad in ["", "+", "44", "+0", "+44 7", "+1234567890123456", "++1"] {
            assert!(!is_prefix(bad), "{bad}");
        }
    }
}
