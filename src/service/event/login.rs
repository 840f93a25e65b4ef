//! The logins of callback URLs: sealed apart from their messages, and erased when nobody needs them any more.

use super::Events;
use crate::model::{MessageId, login};
use crate::service::Result;
use crate::service::retention::RemovalThrottle;
use crate::store::callback;
use crate::store::sweep::RetentionCursor;

impl Events {
    /// A callback URL as its message keeps it; and sealed, where it brings a login.
    pub(in crate::service) fn part_login(&self, message: MessageId, url: String) -> Result<(String, Option<Vec<u8>>)> {
        let shown = login::shown(url.clone());
        let sealed = (shown != url).then(|| callback::seal(&self.parts.master, message, &url)).transpose()?;
        Ok((shown, sealed))
    }

    /// Erases logins that nobody needs any more, and all of messages that have not changed for `keep_events`.
    pub async fn sweep_logins(&self) -> Result<()> {
        let (store, now_ms) = (&self.parts.store, self.parts.clock.now_ms());
        let before_ms = now_ms - self.parts.settings.keep_events.as_ms();
        let (mut walk, mut throttle) = (RetentionCursor::before(now_ms), RemovalThrottle::default());
        while callback::sweep(store, &mut walk, before_ms).await? {
            throttle.rest().await;
        }
        Ok(())
    }
}
