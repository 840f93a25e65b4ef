//! The logins of callback URLs: sealed apart from their messages, and erased when nobody needs them any more.

use super::{Error, Events};
use crate::model::{MessageId, Millis};
use crate::provider::webhook;
use crate::service::keep::Pace;
use crate::service::outbound::Extra;
use crate::store::callback::{self, Clear, Sealed};
use crate::store::sweep::Walk;
use crate::store::{self, meta};

/// Names in `sb_meta` that no message of before holds a login in the clear.
const ALL_SEALED: &str = "callback_logins";

impl Events {
    /// A callback URL as its message keeps it; and sealed, where it brings a login.
    pub(in crate::service) fn part_login(
        &self,
        message: MessageId,
        url: String,
    ) -> Result<(String, Option<Vec<u8>>), store::Error> {
        let shown = webhook::shown(url.clone());
        let sealed = (shown != url).then(|| callback::seal(&self.parts.master, message, &url)).transpose()?;
        Ok((shown, sealed))
    }

    /// Erases logins that nobody needs any more, and all of messages that have not changed for `keep_events`.
    pub async fn sweep_logins(&self) -> Result<(), Error> {
        let (store, now_ms) = (&self.parts.store, self.parts.clock.now_ms());
        let before_ms = now_ms - self.parts.settings.keep_events.as_ms();
        self.seal_clear(now_ms, before_ms).await?;
        let (mut walk, mut pace) = (Walk::before(now_ms), Pace::default());
        while callback::sweep(store, &mut walk, before_ms).await? {
            pace.rest().await;
        }
        Ok(())
    }

    /// Seals what a version before this one left in the clear, until there is none: a node of that version may still run.
    async fn seal_clear(&self, now_ms: Millis, before_ms: Millis) -> Result<(), Error> {
        let store = &self.parts.store;
        if meta::value_of(store, ALL_SEALED).await?.is_some() {
            return Ok(());
        }
        let (mut walk, mut pace, mut is_any) = (Walk::before(now_ms), Pace::default(), false);
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
            pace.rest().await;
        }
        if is_any {
            tracing::info!("sealed the logins of callbacks that lay in the clear");
        } else {
            meta::value_or_insert(store, ALL_SEALED, "sealed").await?;
        }
        Ok(())
    }

    fn without_login(&self, clear: Clear, before_ms: Millis) -> Result<Option<Sealed>, store::Error> {
        let extra = Extra::parse(Some(&clear.extra));
        let Some(url) = extra.callback_url.clone() else { return Ok(None) };
        let (shown, sealed) = self.part_login(clear.message, url)?;
        let Some(sealed) = sealed else { return Ok(None) };
        let url = Some(sealed).filter(|_| clear.changed_ms >= before_ms);
        let extra = Extra { callback_url: Some(shown), ..extra }.text();
        Ok(Some(Sealed { clear, extra, url }))
    }
}
