//! Enums whose variants have names: in the store, in the API, on the command line. `strum` knows them.

/// Gives such enums their names, and reads them.
macro_rules! named {
    ($($kind:ty),+) => {$(
        impl $kind {
            pub fn name(self) -> &'static str {
                self.into()
            }

            pub fn parse(name: &str) -> Option<Self> {
                name.parse().ok()
            }
        }
    )+};
}

pub(crate) use named;
