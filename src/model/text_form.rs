//! Types that have a text: what serde reads them from, and what logs show of them.

/// Reads such types from their text, as `FromStr` does.
macro_rules! read_from_text {
    ($kind:ty) => {
        impl<'de> serde::Deserialize<'de> for $kind {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                <String as serde::Deserialize>::deserialize(from)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

/// Shows such types to a log as to a person: what is hidden there is hidden here.
macro_rules! debug_as_display {
    ($kind:ty) => {
        impl std::fmt::Debug for $kind {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }
    };
}

pub(crate) use {debug_as_display, read_from_text};
