//! What every test starts from: a server of its own, a phone, a socket, a carrier.

pub mod carrier;
pub mod database;
pub mod forgotten;
pub mod identity;
pub mod mariadb;
pub mod meddler;
pub mod node;
pub mod phone;
pub mod port;
pub mod prism;
pub mod proxy;
pub mod python;
pub mod redis;
pub mod server;
pub mod skip;
pub mod socket;
pub mod telnyx;
pub mod termii;
pub mod time;

pub use carrier::Carrier;
pub use database::{Layout, stored};
pub use phone::{Digests, Phone};
pub use prism::Prism;
pub use server::{ADMIN, Builder, Server};
pub use socket::{Heard, Socket};
pub use telnyx::Telnyx;
pub use termii::Termii;
pub use time::{LONG, until};

pub type Result<T = ()> = anyhow::Result<T>;

/// The development user, who is in every database here.
pub const USER: &str = "111";
pub const PASSWORD: &str = "dummy_password";
pub const PHONE: &str = "+237123456789";

/// Runs a test on every engine, its user database shared with the store and apart from it.
#[macro_export]
macro_rules! on_every_layout {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            use $crate::harness::{Layout, Result};

            #[tokio::test(flavor = "multi_thread")]
            async fn sqlite_shared() -> Result {
                super::$name(Layout::SqliteShared).await
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn sqlite_separate() -> Result {
                super::$name(Layout::SqliteSeparate).await
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn mariadb_shared() -> Result {
                super::$name(Layout::MariadbShared).await
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn mariadb_separate() -> Result {
                super::$name(Layout::MariadbSeparate).await
            }
        }
    )+};
}

/// Runs a test on both engines, the user database shared: for what does not read users.
#[macro_export]
macro_rules! on_both_engines {
    ($($name:ident),+ $(,)?) => {$(
        mod $name {
            use $crate::harness::{Layout, Result};

            #[tokio::test(flavor = "multi_thread")]
            async fn sqlite() -> Result {
                super::$name(Layout::SqliteShared).await
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn mariadb() -> Result {
                super::$name(Layout::MariadbShared).await
            }
        }
    )+};
}

/// Runs tests on MariaDB behind a proxy that changes the session before each script. One where there was none fails.
#[macro_export]
macro_rules! in_foreign_sessions {
    ($($name:ident),+ $(,)?) => {
        mod in_foreign_sessions {$(
            mod $name {
                use $crate::harness::{Layout, Result, meddler};

                #[tokio::test(flavor = "multi_thread")]
                async fn no_backslash_escapes() -> Result {
                    super::super::$name(Layout::MariadbBehind(meddler::NO_ESCAPES)).await
                }

                #[tokio::test(flavor = "multi_thread")]
                async fn gbk() -> Result {
                    super::super::$name(Layout::MariadbBehind(meddler::GBK)).await
                }
            }
        )+}
    };
}
