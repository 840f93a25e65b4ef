//! What a carrier says that an account has.

use std::collections::HashSet;
use std::sync::Arc;

use super::{ImportedNumbers, NamedThings, NumberImports, broken};
use crate::model::address::{self, Address};
use crate::model::{AccountId, ClientId, NumberId, PoolId};
use crate::provider::{AskError, CarrierNumber};
use crate::service::audit::AuditContext;
use crate::service::number::{InboundTextPolicy, NumberCapability};
use crate::service::{Error, ErrorKind, Result};
use crate::store::CorePace;
use crate::store::number::Number;
use crate::store::number_import::{self, TakenAddress};

/// A number that a carrier's account has.
pub struct CarriedNumber {
    pub address: Address,
    pub country: Option<String>,
    /// What the carrier says that it can do.
    pub capabilities: Vec<NumberCapability>,
    /// Somebody here has it already.
    pub is_known: bool,
}

/// What an answer that is none comes to. Who refused would again, if it were asked again.
fn unanswered(error: AskError) -> Error {
    match error {
        AskError::Unsupported => Error::conflict("this account's provider lists no numbers"),
        AskError::Denied { .. } | AskError::Refused { .. } => Error::conflict(error.to_string()),
        AskError::Throttled { .. } | AskError::Unreachable { .. } => {
            Error::new(ErrorKind::Unavailable, error.to_string())
        }
    }
}

/// What it can do of what numbers of ours do.
fn capabilities(number: &CarrierNumber) -> Vec<NumberCapability> {
    let can = [
        (NumberCapability::Sms, number.can_text),
        (NumberCapability::Mms, number.can_mms),
        (NumberCapability::Voice, number.can_call),
    ];
    can.into_iter().filter(|(_, can)| *can).map(|(what, _)| what).collect()
}

/// Those that can be texted, each once.
fn distinct(mut listed: Vec<CarrierNumber>) -> Vec<CarrierNumber> {
    let mut seen = HashSet::new();
    let mut pace = CorePace::default();
    listed.retain(|number| {
        pace.step();
        number.address.can_be_texted() && seen.insert(number.address.clone())
    });
    listed
}

/// Those that can do something for us: others only fax.
fn read(listed: Vec<CarrierNumber>, taken: Vec<TakenAddress>) -> Vec<CarriedNumber> {
    let taken: HashSet<String> = taken.into_iter().map(|one| one.address).collect();
    let mut pace = CorePace::default();
    let carried = listed.into_iter().inspect(|_| pace.step()).map(|number| CarriedNumber {
        country: address::country_of(&number.address),
        capabilities: capabilities(&number),
        is_known: taken.contains(number.address.as_str()),
        address: number.address,
    });
    carried.filter(|number| !number.capabilities.is_empty()).collect()
}

impl NumberImports {
    /// Asks an account's provider which numbers it has, in its order.
    pub async fn carried(&self, account: AccountId) -> Result<Vec<CarriedNumber>> {
        self.directory.refresh().await?;
        // not the directory as a whole: the carrier may take long
        let handle = self.directory.current().handle(account).cloned().ok_or_else(|| Error::not_found("account"))?;
        let listed = handle.connector.numbers().await.map_err(unanswered)?;
        // what is done to each of a hundred thousand takes a while
        let listed = tokio::task::spawn_blocking(move || distinct(listed)).await.map_err(broken)?;
        let addresses: Vec<&str> = listed.iter().map(|number| number.address.as_str()).collect();
        let taken = number_import::taken(self.store(), &addresses).await?;
        let read = tokio::task::spawn_blocking(move || read(listed, taken));
        read.await.map_err(broken)
    }

    /// Takes in those of an account's numbers that nobody here has, as [`NumberImports::from_sheet`] does.
    pub async fn from_carrier(
        self: &Arc<Self>,
        client: ClientId,
        account: AccountId,
        pool: Option<PoolId>,
        audit: AuditContext<'static, ImportedNumbers>,
    ) -> Result<ImportedNumbers> {
        let NamedThings { pools, .. } = self.known(client).await?;
        if pool.is_some_and(|pool| !pools.contains_key(&pool)) {
            return Err(Error::invalid("pool_id", "no such pool"));
        }
        let (carried, now_ms) = (self.carried(account).await?, self.clock.now_ms());
        let number = move |number: CarriedNumber| Number {
            id: NumberId::new(now_ms),
            client,
            account,
            address: number.address.as_str().to_owned(),
            capabilities: number.capabilities,
            meaning: InboundTextPolicy::Forward,
            rate: 0,
            platform: None,
            country: number.country,
            pool,
            created_ms: now_ms,
            is_reserved: false,
        };
        let new = tokio::task::spawn_blocking(move || -> Vec<Number> {
            carried.into_iter().filter(|number| !number.is_known).map(number).collect()
        });
        self.take_in(client, pools, new.await.map_err(broken)?, audit).await
    }
}
