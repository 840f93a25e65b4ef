//! Why a change did not go through, and what a server's error numbers mean.

use crate::store::engine::Error;

/// What is done next.
pub(super) enum MysqlFailure {
    /// Another writer was quicker: nothing was written, another try may go through.
    Again(Error),
    /// This server does not write, and wrote nothing: another may stand behind the address by now.
    Elsewhere(Error),
    /// The connection was lost during `COMMIT`, or the transaction before it: it may have been written.
    Unsettled(Error),
    Final(Error),
}

impl MysqlFailure {
    pub(super) fn into_error(self) -> Error {
        match self {
            Self::Again(error) | Self::Elsewhere(error) | Self::Unsettled(error) | Self::Final(error) => error,
        }
    }
}

/// Deadlock, lock time-out, a row that has changed since it was read; at a commit on Galera too: another node's
/// change came first.
const CONFLICT: [u16; 3] = [1020, 1205, 1213];

/// Read-only by an option, by its engine (which says it of the table too), by its transactions; a Galera node that
/// is apart from its cluster. What such a transaction held has been rolled back.
const ELSEWHERE: [u16; 5] = [1036, 1047, 1290, 1792, 1836];

/// Server errors that mean "not now": disk full, too many connections, shutting down, timed out, killed; a proxy
/// without a server.
const NOT_NOW: [u16; 11] = [1021, 1040, 1053, 1114, 1158, 1159, 1161, 1317, 1927, 1969, 9001];

pub(super) fn is_elsewhere(error: &mysql_async::Error) -> bool {
    matches!(error, mysql_async::Error::Server(server) if ELSEWHERE.contains(&server.code))
}

pub(super) fn classify(error: mysql_async::Error) -> MysqlFailure {
    match &error {
        mysql_async::Error::Server(server) if CONFLICT.contains(&server.code) => MysqlFailure::Again(error.into()),
        _ if is_elsewhere(&error) => MysqlFailure::Elsewhere(error.into()),
        _ => MysqlFailure::Final(error.into()),
    }
}

impl From<mysql_async::Error> for Error {
    fn from(error: mysql_async::Error) -> Self {
        match &error {
            mysql_async::Error::Server(server) => match server.code {
                1062 => Self::Conflict,
                code if CONFLICT.contains(&code) => Self::Busy(server.message.clone()),
                code if ELSEWHERE.contains(&code) || NOT_NOW.contains(&code) => {
                    Self::Unavailable(server.message.clone())
                }
                _ => Self::Refused(error.to_string()),
            },
            mysql_async::Error::Io(_) | mysql_async::Error::Driver(_) => Self::Unavailable(error.to_string()),
            _ => Self::Refused(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(code: u16) -> MysqlFailure {
        let (message, state) = ("said".to_owned(), "HY000".to_owned());
        classify(mysql_async::Error::Server(mysql_async::ServerError { code, message, state }))
    }

    #[test]
    fn numbers_say_what_is_done_next() {
        for code in [1020, 1205, 1213] {
            assert!(matches!(of(code), MysqlFailure::Again(Error::Busy(_))), "{code}");
        }
        for code in [1036, 1047, 1290, 1792, 1836] {
            assert!(matches!(of(code), MysqlFailure::Elsewhere(Error::Unavailable(_))), "{code}");
        }
        for code in [1021, 1040, 1053, 1114, 1317, 9001] {
            assert!(matches!(of(code), MysqlFailure::Final(Error::Unavailable(_))), "{code}");
        }
        assert!(matches!(of(1062), MysqlFailure::Final(Error::Conflict)));
        for code in [1045, 1054, 1064, 1142, 1406] {
            assert!(matches!(of(code), MysqlFailure::Final(Error::Refused(_))), "{code}");
        }
    }
}
