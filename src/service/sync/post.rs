//! What phones post to pair, and what they are answered.

use std::net::IpAddr;

use tokio::time::Instant;

use crate::crypto::{SyncSessionId, hash};
use crate::model::platform::UserPublishingPlatforms;
use crate::model::{DigestAlgorithm, OaepDigests, UserId};

#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::IntoStaticStr)]
pub enum HandshakeFlavour {
    #[strum(serialize = "one")]
    OneStep,
    #[strum(serialize = "two")]
    TwoStep,
}

impl HandshakeFlavour {
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// A posted password, with (O) or without (T2) the phone's public key.
pub struct HandshakeRequest {
    pub user: UserId,
    pub sid: String,
    pub public_key: Option<String>,
    /// Base64, perhaps wrapped.
    pub password: String,
    pub password_digests: OaepDigests,
    pub answer_mgf1: DigestAlgorithm,
    /// SHA-256 of the whole body: tells a repeat from another try.
    pub body_hash: String,
    pub address: IpAddr,
    pub arrived: Instant,
}

impl HandshakeRequest {
    pub(super) fn flavour(&self) -> HandshakeFlavour {
        if self.public_key.is_some() { HandshakeFlavour::OneStep } else { HandshakeFlavour::TwoStep }
    }
}

/// What T1 answers.
pub struct ServerPublicKeyOffer {
    pub public_key: String,
    pub sid: SyncSessionId,
}

/// What a completed handshake answers.
#[derive(Debug)]
pub struct CompletedHandshake {
    pub flavour: HandshakeFlavour,
    /// Encrypted to the phone, base64.
    pub shared_key: String,
    pub phone_hash: String,
    pub platforms: UserPublishingPlatforms,
}

/// The hash by which a repeat of a body is known.
pub fn body_hash(body: &[u8]) -> String {
    hash::sha256_hex(body)
}
