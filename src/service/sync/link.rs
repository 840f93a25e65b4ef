//! The URLs of a sync session, as phones and pages expect them.

use crate::crypto::SyncSessionId;
use crate::model::{PublicOrigin, UserId};

/// Makes links under one public address.
#[derive(Clone, Debug)]
pub struct PairingLinkBuilder {
    pub origin: PublicOrigin,
}

/// What a QR code and a mobile link hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PairingLink {
    pub qr_url: String,
    pub mobile_url: String,
}

impl PairingLinkBuilder {
    /// `ws(s)://host:port/v2/sync/init/<uid>/<sid>`: the socket that shows the codes.
    pub fn sync_url(&self, user: &UserId, sid: SyncSessionId) -> String {
        format!("{}/v2/sync/init/{}/{sid}", self.origin.socket(), user.segment())
    }

    /// Where a phone posts its handshake, for the camera and for the app.
    pub fn session(&self, user: &UserId, sid: SyncSessionId) -> PairingLink {
        let path = format!("/v2/sync/users/{}/sessions/{sid}/", user.segment());
        PairingLink { qr_url: format!("{}{path}", self.origin), mobile_url: format!("{}{path}", self.origin.mobile()) }
    }
}

/// Where a two-step phone posts its password: without host, without trailing slash.
pub fn verification_path(user: &UserId, sid: SyncSessionId) -> String {
    format!("/v2/sync/users/{}/sessions/{sid}", user.segment())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_have_the_contract_s_shape() -> Result<(), Box<dyn std::error::Error>> {
        let links = PairingLinkBuilder { origin: "https://sms.example.org".parse()? };
        let user: UserId = "11 1".parse()?;
        assert_eq!(links.sync_url(&user, SyncSessionId::DEV), "wss://sms.example.org:443/v2/sync/init/11%201/000");
        let link = links.session(&user, SyncSessionId::DEV);
        assert_eq!(link.qr_url, "https://sms.example.org:443/v2/sync/users/11%201/sessions/000/");
        assert_eq!(link.mobile_url, "apps://sms.example.org:443/v2/sync/users/11%201/sessions/000/");
        assert_eq!(verification_path(&user, SyncSessionId::DEV), "/v2/sync/users/11%201/sessions/000");
        Ok(())
    }
}
