//! While a carrier's token is being changed: the one before is believed for a while, and so is the next one ahead.

use super::CarrierKind;
use super::manage::{AccountChange, Accounts, known};
use crate::model::{AccountId, DurationSetting, Millis, Secret, TokenId};
use crate::provider::Credentials;
use crate::service::{Error, Result};
use crate::store::account::token::{TokenRotationRole, place};
use crate::store::account::{Account, AccountWebhookToken, place as credentials_place};

/// How long the token before is believed, unless somebody says otherwise, and at most.
const KEPT: DurationSetting = DurationSetting::from_millis(15 * 60_000);
const LONGEST: DurationSetting = DurationSetting::from_millis(24 * 3_600_000);
/// How long one that is entered ahead is believed, unless it takes its place before.
const AHEAD: DurationSetting = DurationSetting::from_millis(7 * 24 * 3_600_000);
/// Tokens before its own that an account has at most: who mistypes one changes it again.
const EARLIER: usize = 4;

/// Whether a span is one for which a token may be kept.
fn check(span: Option<DurationSetting>) -> Result<()> {
    if span.is_some_and(|span| span > LONGEST) {
        return Err(Error::invalid("previous_valid_for", "must be from 0s to 24h"));
    }
    Ok(())
}

impl Accounts {
    /// The new credentials of a change that has some, asked about where that is wanted.
    pub(super) async fn credentials(&self, id: AccountId, change: &AccountChange) -> Result<Option<Credentials>> {
        check(change.previous_valid_for)?;
        // another node may just have been given a path
        self.directory.refresh().await?;
        let account = self.find(id).await?;
        let kind = CarrierKind::parse(&account.provider).ok_or_else(|| Error::not_found("account"))?;
        let wrong = |reason: String| Error::invalid("credentials", reason);
        let new = match (&change.credentials, change.is_promoted) {
            (None, false) => return Ok(None),
            (Some(_), true) => return Err(Error::invalid("promote", "and credentials cannot both be there")),
            (None, true) => self.promoted(&account)?,
            (Some(json), false) => {
                Credentials::from_json(kind, json.expose().as_bytes()).map_err(|error| wrong(error.to_string()))?
            }
        };
        // what was sent through it is asked for, and reported, under its name at the carrier
        if let Some(field) = kind.profile().account_field
            && new.external_id() != account.external_id
        {
            return Err(wrong(format!("{field} is another account's: add that as one of its own")));
        }
        if let Some(path) = new.secret_path() {
            self.check_path(id, path)?;
        }
        if change.is_checked {
            self.ask(kind, new.to_json().as_bytes()).await?;
        }
        Ok(Some(new))
    }

    fn opened(&self, account: &Account) -> Result<Credentials> {
        let kind = CarrierKind::parse(&account.provider).ok_or_else(|| Error::not_found("account"))?;
        let plain = self.directory.master.open(credentials_place(&account.id.hex()), &account.credentials)?;
        Credentials::from_sealed(kind, &plain).map_err(|error| Error::invalid("credentials", error.to_string()))
    }

    /// The token itself; `None`: it cannot be read with our keys.
    fn secret(&self, token: &AccountWebhookToken) -> Option<Secret> {
        let plain = self.directory.master.open(place(&token.id.hex()), &token.token).ok()?;
        Some(Secret::new(String::from_utf8_lossy(&plain).into_owned()))
    }

    fn token(&self, role: TokenRotationRole, secret: &Secret, until_ms: Millis) -> Result<AccountWebhookToken> {
        let id = TokenId::new(self.clock.now_ms());
        let token = self.directory.master.seal(place(&id.hex()), secret.expose().as_bytes())?;
        Ok(AccountWebhookToken { id, role, token, until_ms, uses: 0, used_ms: None })
    }

    /// The account's credentials with the token that was entered ahead in place of its own.
    pub(super) fn promoted(&self, account: &Account) -> Result<Credentials> {
        let next = account.tokens.iter().find(|token| token.role == TokenRotationRole::Next);
        let next = next.and_then(|token| self.secret(token));
        let next = next.ok_or_else(|| Error::invalid("promote", "there is no next_token that could take its place"))?;
        self.opened(account)?.with_proof(next).map_err(|error| Error::invalid("promote", error.to_string()))
    }

    /// What becomes of the account's tokens: `new` are its credentials from now on, where they change.
    pub(super) fn exchange(
        &self,
        before: &Account,
        account: &mut Account,
        new: Option<&Credentials>,
        change: &AccountChange,
    ) -> Result<()> {
        let now_ms = self.clock.now_ms();
        match new {
            Some(new) => self.keep(before, account, new, change.previous_valid_for.unwrap_or(KEPT))?,
            None => prolong(account, change.previous_valid_for, now_ms)?,
        }
        if let Some(next) = &change.next_token {
            account.tokens.retain(|token| token.role != TokenRotationRole::Next);
            if !next.is_empty() {
                self.check_next(account, next)?;
                account.tokens.push(self.token(TokenRotationRole::Next, next, now_ms + AHEAD.as_ms())?);
            }
        }
        Ok(())
    }

    /// Keeps the token that is replaced; for no time at all, it has leaked, and those before it are good no longer.
    fn keep(&self, before: &Account, account: &mut Account, new: &Credentials, span: DurationSetting) -> Result<()> {
        // what cannot be read with our keys could not be used either
        let old = self.opened(before).ok();
        let old = old.as_ref().and_then(Credentials::proof).filter(|old| Some(*old) != new.proof());
        account.tokens.retain(|token| self.secret(token).as_ref() != new.proof());
        if span.as_ms() == 0 {
            account.tokens.retain(|token| token.role != TokenRotationRole::Earlier);
        } else if let Some(old) = old {
            account.tokens.push(self.token(TokenRotationRole::Earlier, old, self.clock.now_ms() + span.as_ms())?);
        }
        let earlier = account.tokens.iter().filter(|token| token.role == TokenRotationRole::Earlier).count();
        let mut too_many = earlier.saturating_sub(EARLIER);
        // they come in the order in which they end
        account.tokens.retain(|token| {
            let goes = too_many > 0 && token.role == TokenRotationRole::Earlier;
            too_many -= usize::from(goes);
            !goes
        });
        Ok(())
    }

    fn check_next(&self, account: &Account, next: &Secret) -> Result<()> {
        let own = self.opened(account)?;
        if own.proof() == Some(next) {
            return Err(Error::invalid("next_token", "is the account's own already"));
        }
        if own.proof().is_none() {
            return Err(Error::invalid("next_token", "is not for this provider: nobody posts for it"));
        }
        // nobody asks the provider about it: what was pasted with a line's end would never fit
        if next.expose().contains(|c: char| c.is_whitespace() || c.is_control()) {
            return Err(Error::invalid("next_token", "must be without blanks and line ends"));
        }
        own.with_proof(next.clone()).map_err(|error| Error::invalid("next_token", error.to_string()))?;
        self.check_path(account.id, next)
    }

    /// A path of webhooks leads to one account: those before and after its own are no other's.
    pub(super) fn check_path(&self, account: AccountId, path: &Secret) -> Result<()> {
        let now_ms = self.clock.now_ms();
        let entries = self.directory.current();
        let others = entries.handles().filter(|handle| handle.account.id != account);
        let mut others = others.filter(|handle| handle.connector.kind().profile().has_secret_path);
        let is_taken = others.any(|handle| handle.knows(now_ms, path));
        if is_taken { Err(known()) } else { Ok(()) }
    }
}

/// Gives the tokens before the account's own another end.
fn prolong(account: &mut Account, span: Option<DurationSetting>, now_ms: Millis) -> Result<()> {
    let Some(span) = span else { return Ok(()) };
    if !account.tokens.iter().any(|token| token.role == TokenRotationRole::Earlier) {
        return Err(Error::invalid(
            "previous_valid_for",
            "goes with credentials or promote: there is no earlier token",
        ));
    }
    if span.as_ms() == 0 {
        account.tokens.retain(|token| token.role != TokenRotationRole::Earlier);
    }
    for token in account.tokens.iter_mut().filter(|token| token.role == TokenRotationRole::Earlier) {
        token.until_ms = now_ms + span.as_ms();
    }
    Ok(())
}
