//! Enums whose variants have names: in the store, in the API, on the command line. `strum` knows them.

/// Gives such enums their names, and reads them; behind the enum may stand its variants, which are then its `ALL`.
macro_rules! named {
    ($kind:ty $(, $($variant:ident),+)?) => {
        impl $kind {
            $(
                pub const ALL: [Self; [$(stringify!($variant)),+].len()] = [$(Self::$variant),+];
            )?

            pub fn name(self) -> &'static str {
                self.into()
            }

            pub fn parse(name: &str) -> Option<Self> {
                name.parse().ok()
            }
        }
    };
}

pub(crate) use named;
