//! The hash functions of RSA-OAEP, by the names that phones send.

use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, strum::IntoStaticStr)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum DigestAlgorithm {
    Sha1,
    Sha256,
}

impl DigestAlgorithm {
    /// The MGF1 digest: absent means SHA-1, any name but `sha1` means SHA-256
    /// (phones spell it `sha256`, `SHA-256`, `MGF1-SHA256`…).
    pub fn of_mgf1(name: Option<&str>) -> Self {
        match name {
            None => Self::Sha1,
            Some(name) if is_sha1(name) => Self::Sha1,
            Some(_) => Self::Sha256,
        }
    }

    /// The OAEP digest: absent means SHA-256, only `sha1` means SHA-1.
    pub fn of_oaep(name: Option<&str>) -> Self {
        if name.is_some_and(is_sha1) { Self::Sha1 } else { Self::Sha256 }
    }

    pub fn name(self) -> &'static str {
        self.into()
    }
}

fn is_sha1(name: &str) -> bool {
    name == "sha1"
}

/// The two hash functions of one OAEP encryption (RFC 8017, section 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OaepDigests {
    pub oaep: DigestAlgorithm,
    pub mgf1: DigestAlgorithm,
}

impl OaepDigests {
    pub const ALL: [Self; 4] = [
        Self { oaep: DigestAlgorithm::Sha1, mgf1: DigestAlgorithm::Sha1 },
        Self { oaep: DigestAlgorithm::Sha1, mgf1: DigestAlgorithm::Sha256 },
        Self { oaep: DigestAlgorithm::Sha256, mgf1: DigestAlgorithm::Sha1 },
        Self { oaep: DigestAlgorithm::Sha256, mgf1: DigestAlgorithm::Sha256 },
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absent_digests_take_the_contract_s_defaults() {
        assert_eq!(DigestAlgorithm::of_mgf1(None), DigestAlgorithm::Sha1);
        assert_eq!(DigestAlgorithm::of_oaep(None), DigestAlgorithm::Sha256);
    }

    #[test]
    fn any_mgf1_name_but_sha1_means_sha256() {
        assert_eq!(DigestAlgorithm::of_mgf1(Some("sha1")), DigestAlgorithm::Sha1);
        for name in ["sha256", "", "whirlpool", "SHA-256", "SHA1"] {
            assert_eq!(DigestAlgorithm::of_mgf1(Some(name)), DigestAlgorithm::Sha256, "{name}");
        }
    }
}
