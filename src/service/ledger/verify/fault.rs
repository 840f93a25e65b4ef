//! What may be wrong with a ledger, and how that is told.

use crate::model::{ClientId, EntryId, MessageId, Money};

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerFault {
    /// The balance is not what its entries come to.
    #[error("{client}: the balance is {balance}, its entries make {entered}")]
    Sum { client: ClientId, balance: Money, entered: Money },
    /// The balance is lower than the client may owe.
    #[error("{client}: the balance is {balance}, below the credit limit of {credit}")]
    BelowCredit { client: ClientId, balance: Money, credit: Money },
    /// There are entries of a client that has no balance.
    #[error("{client}: has entries and no balance")]
    NoBalance { client: ClientId },
    /// A debit or a refund that names no message, or a debit that is not its message's.
    #[error("{client}: {entry} is of no message")]
    Stray { client: ClientId, entry: EntryId },
    /// A debit of a message that is not there.
    #[error("{client}: {entry} is of a message that is not there")]
    NoMessage { client: ClientId, entry: EntryId },
    /// A debit that is not what its message cost.
    #[error("{client}: {entry} took {entered} for a message that {}", .cost.map_or_else(free, at_cost))]
    OtherCost { client: ClientId, entry: EntryId, entered: Money, cost: Option<Money> },
    /// A message that cost something, and was not paid for.
    #[error("{client}: {message} cost {cost}, and has no debit of that")]
    NoDebit { client: ClientId, message: MessageId, cost: Money },
    /// A refund of a message that was not paid for.
    #[error("{client}: {entry} gives back what nobody took")]
    RefundWithoutDebit { client: ClientId, entry: EntryId },
    /// A refund that is not what was paid.
    #[error("{client}: {entry} gives back {refunded} of {debited}")]
    OtherRefund { client: ClientId, entry: EntryId, refunded: Money, debited: Money },
    /// A message that came to nothing, and was not given back.
    #[error("{client}: {message} came to nothing, and its {cost} were not given back")]
    NotRefunded { client: ClientId, message: MessageId, cost: Money },
    /// A message that was given back more than once.
    #[error("{client}: {message} was given back more than once")]
    RefundedTwice { client: ClientId, message: MessageId },
    /// A message that was given back, and has not failed.
    #[error("{client}: {message} was given back, and has not failed")]
    RefundedUnfailed { client: ClientId, message: MessageId },
    /// Its row says otherwise of its refund than the ledger does.
    #[error("{client}: {message} and the ledger differ on whether it was given back")]
    Unmarked { client: ClientId, message: MessageId },
}

fn free() -> String {
    "is free, or another client's".to_owned()
}

fn at_cost(cost: Money) -> String {
    format!("cost {cost}")
}
