//! The logins of callback URLs: sealed apart from their messages, and erased when nobody needs them any more.

use super::Events;
use crate::model::{MessageId, Millis, Span, login};
use crate::service::Error;
use crate::service::retention::Throttle;
use crate::store::callback::{self, Clear, Sealed};
use crate::store::sweep::Walk;
use crate::store::{self, meta};

/// Names in `sb_meta` up to when no message holds a login in the clear: the milliseconds of a walk over all before.
const SEALED_UNTIL: &str = "callback_logins";

/// So far behind that a walk begins, and so often it is written how far one came: a node of a version before this one
/// may still run, and what it accepts is committed soon after its id was made.
const AGAIN: Span = Span::from_millis(600_000);

impl Events {
    /// A callback URL as its message keeps it; and sealed, where it brings a login.
    pub(in crate::service) fn part_login(
        &self,
        message: MessageId,
        url: String,
    ) -> Result<(String, Option<Vec<u8>>), store::Error> {
        let shown = login::shown(url.clone());
        let sealed = (shown != url).then(|| callback::seal(&self.parts.master, message, &url)).transpose()?;
        Ok((shown, sealed))
    }

    /// Erases logins that nobody needs any more, and all of messages that have not changed for `keep_events`.
    pub async fn sweep_logins(&self) -> Result<(), Error> {
        let (store, now_ms) = (&self.parts.store, self.parts.clock.now_ms());
        let before_ms = now_ms - self.parts.settings.keep_events.as_ms();
        self.seal_clear(now_ms, before_ms).await?;
        let (mut walk, mut throttle) = (Walk::before(now_ms), Throttle::default());
        while callback::sweep(store, &mut walk, before_ms).await? {
            throttle.rest().await;
        }
        Ok(())
    }

    /// Seals what a version before this one left in the clear: all of it first, then what it may have written since.
    async fn seal_clear(&self, now_ms: Millis, before_ms: Millis) -> Result<(), Error> {
        let store = &self.parts.store;
        let until_ms: Option<Millis> = meta::value_of(store, SEALED_UNTIL).await?.and_then(|text| text.parse().ok());
        let all = Walk::before(now_ms);
        let mut walk = match until_ms {
            Some(until_ms) => all.since(until_ms - AGAIN.as_ms()),
            None => all,
        };
        let (mut throttle, mut is_any) = (Throttle::default(), false);
        loop {
            let (found, may_be_more) = callback::clear(store, &mut walk).await?;
            let found = found.into_iter().filter_map(|clear| self.without_login(clear, before_ms).transpose());
            let found = found.collect::<Result<Vec<_>, _>>()?;
            if !found.is_empty() {
                is_any = true;
                callback::replace(store, found).await?;
            }
            if !may_be_more {
                break;
            }
            throttle.rest().await;
        }
        if is_any {
            tracing::info!("sealed the logins of callbacks that lay in the clear");
        }
        if until_ms.is_none_or(|until_ms| now_ms - until_ms >= AGAIN.as_ms()) {
            meta::set(store, SEALED_UNTIL, &now_ms.to_string()).await?;
        }
        Ok(())
    }

    fn without_login(&self, mut clear: Clear, before_ms: Millis) -> Result<Option<Sealed>, store::Error> {
        let Some(url) = clear.content.callback_url.take() else { return Ok(None) };
        let (shown, sealed) = self.part_login(clear.message, url)?;
        let Some(sealed) = sealed else { return Ok(None) };
        let url = Some(sealed).filter(|_| clear.changed_ms >= before_ms);
        clear.content.callback_url = Some(shown);
        Ok(Some(Sealed { clear, url }))
    }
}
