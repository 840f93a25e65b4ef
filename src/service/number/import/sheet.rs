//! Numbers as CSV: `number`, and in any order what else is to be said of them.

use std::collections::HashMap;

use super::{NamedThings, NumberDefaults};
use crate::model::address::{self, Address, AddressRole};
use crate::model::{AccountId, Millis, NumberId, PoolId, form};
use crate::service::number::{InboundTextPolicy, NumberCapability, check_use, ordered};
use crate::service::sheet::{BadSheetLine, BadSheetLines, LineFault, SheetColumns, SheetContents, SheetLine};
use crate::store::CorePace;
use crate::store::number::Number;

const COLUMNS: SheetColumns = SheetColumns {
    names: &["number", "account_id", "capabilities", "meaning", "platform", "rate", "pool_id", "reserved"],
    needed: 1,
    same: "is the same number as",
};
const NUMBER: usize = 0;
const ACCOUNT: usize = 1;
const CAPABILITIES: usize = 2;
const MEANING: usize = 3;
const PLATFORM: usize = 4;
const RATE: usize = 5;
const POOL: usize = 6;
const RESERVED: usize = 7;

pub(super) fn read(
    text: &[u8],
    known: &NamedThings,
    defaults: NumberDefaults,
    now_ms: Millis,
) -> SheetContents<Number> {
    COLUMNS.read(text, |line| number(line, known, defaults, now_ms), |number: &Number| number.address.clone())
}

/// Those of a file, where nothing is wrong with it and none of them is taken already; `taken` says why one cannot be.
pub(super) fn free(
    contents: SheetContents<Number>,
    mut taken: HashMap<String, &'static str>,
) -> Result<Vec<Number>, BadSheetLines> {
    let (SheetContents { lines, mut wrong }, mut pace) = (contents, CorePace::default());
    for (line, number) in &lines {
        pace.step();
        if let Some(reason) = taken.remove(&number.address) {
            wrong.push(BadSheetLine { line: *line, field: Some(COLUMNS.names[NUMBER]), reason: reason.to_owned() });
        }
    }
    wrong.first.sort_by_key(|one| one.line);
    SheetContents { lines, wrong }.whole()
}

fn number(
    line: &SheetLine<'_>,
    known: &NamedThings,
    defaults: NumberDefaults,
    now_ms: Millis,
) -> Result<Number, LineFault> {
    let (channel, address) = Address::read(line.text(NUMBER)?, AddressRole::Sender, defaults.country)
        .map_err(|error| line.wrong(NUMBER, error.to_string()))?;
    let capabilities = capabilities(line)?;
    if channel.is_some_and(|channel| !capabilities.iter().any(|it| it.name() == channel.name())) {
        return Err(line.wrong(NUMBER, "must not name a channel that is none of its capabilities"));
    }
    let account = match line.text(ACCOUNT)? {
        "" => defaults.account.ok_or_else(|| line.wrong(ACCOUNT, "must name an account"))?,
        id => id.parse::<AccountId>().map_err(|_| line.wrong(ACCOUNT, "no such account"))?,
    };
    known.entries.handle(account).ok_or_else(|| line.wrong(ACCOUNT, "no such account"))?;
    let pool = match line.text(POOL)? {
        "" => defaults.pool,
        id => Some(id.parse::<PoolId>().map_err(|_| line.wrong(POOL, "no such pool"))?),
    };
    if pool.is_some_and(|pool| !known.pools.contains_key(&pool)) {
        return Err(line.wrong(POOL, "no such pool"));
    }
    let meaning = match line.text(MEANING)? {
        "" => InboundTextPolicy::Forward,
        name => InboundTextPolicy::parse(&name.to_lowercase())
            .ok_or_else(|| line.wrong(MEANING, "must be forward or encrypted"))?,
    };
    let platform = Some(line.text(PLATFORM)?).filter(|name| !name.is_empty());
    check_use(address.as_str(), &capabilities, meaning, platform, &known.platforms)
        .map_err(|(field, reason)| (Some(field), reason.to_owned()))?;
    Ok(Number {
        id: NumberId::new(now_ms),
        client: known.client,
        account,
        country: address::country_of(&address),
        address: address.as_str().to_owned(),
        capabilities,
        meaning,
        rate: rate(line)?,
        platform: platform.map(str::to_owned),
        pool,
        created_ms: now_ms,
        is_reserved: is_reserved(line)?,
    })
}

/// `sms,voice`, or with blanks, semicolons, bars or slashes between.
fn capabilities(line: &SheetLine<'_>) -> Result<Vec<NumberCapability>, LineFault> {
    let text = line.text(CAPABILITIES)?.to_lowercase();
    let names = text.split([',', ';', '|', '/', ' ']).filter(|name| !name.is_empty());
    let wrong = || line.wrong(CAPABILITIES, "must be of sms, mms, voice and whatsapp");
    let given: Vec<_> = names.map(|name| NumberCapability::parse(name).ok_or_else(wrong)).collect::<Result<_, _>>()?;
    Ok(if given.is_empty() { vec![NumberCapability::Sms] } else { ordered(&given) })
}

fn rate(line: &SheetLine<'_>) -> Result<i64, LineFault> {
    match line.text(RATE)? {
        "" => Ok(0),
        text => text
            .parse::<u32>()
            .map(i64::from)
            .map_err(|_| line.wrong(RATE, "must be so many segments a second; 0: no limit")),
    }
}

fn is_reserved(line: &SheetLine<'_>) -> Result<bool, LineFault> {
    match line.text(RESERVED)? {
        "" => Ok(false),
        text => form::flag(text).ok_or_else(|| line.wrong(RESERVED, "must be true or false")),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::model::ClientId;
    use crate::service::directory::DirectoryEntries;

    fn known() -> NamedThings {
        NamedThings {
            client: ClientId::OPERATOR,
            entries: Arc::new(DirectoryEntries::default()),
            pools: HashMap::new(),
            platforms: vec!["one".to_owned()],
        }
    }

    fn bad(text: &str) -> Vec<String> {
        let found = read(text.as_bytes(), &known(), NumberDefaults::default(), 1_000);
        found.wrong.first.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn every_bad_line_is_named() {
        let text = "number;capabilities\n12;\nwhatsapp:+14155550100;sms\n+14155550101;fax\n+14155550102;voice sms\n";
        assert_eq!(
            bad(text)[1..],
            [
                "line 3: number: must not name a channel that is none of its capabilities",
                "line 4: capabilities: must be of sms, mms, voice and whatsapp",
                "line 5: account_id: must name an account",
            ]
        );
        assert!(bad(text)[0].starts_with("line 2: number: "), "{:?}", bad(text));
        let account = "acc_0123456789abcdef0123456789abcdef";
        let text = format!("account_id,number\n{account},+14155550100\nx,+14155550101\n");
        assert_eq!(bad(&text), ["line 2: account_id: no such account", "line 3: account_id: no such account"]);
        assert_eq!(bad("account_id\n"), ["line 1: the column `number` is missing"]);
        assert_eq!(bad("number,colour\n").len(), 1);
    }
}
