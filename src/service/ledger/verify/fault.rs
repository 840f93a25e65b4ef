//! What may be wrong with a ledger, and how that is told.

use std::fmt;

use crate::model::{ClientId, EntryId, MessageId, Money};

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LedgerFault {
    /// The balance is not what its entries come to.
    Sum { client: ClientId, balance: Money, entered: Money },
    /// The balance is lower than the client may owe.
    BelowCredit { client: ClientId, balance: Money, credit: Money },
    /// There are entries of a client that has no balance.
    NoBalance { client: ClientId },
    /// A debit or a refund that names no message, or a debit that is not its message's.
    Stray { client: ClientId, entry: EntryId },
    /// A debit of a message that is not there.
    NoMessage { client: ClientId, entry: EntryId },
    /// A debit that is not what its message cost.
    OtherCost { client: ClientId, entry: EntryId, entered: Money, cost: Option<Money> },
    /// A message that cost something, and was not paid for.
    NoDebit { client: ClientId, message: MessageId, cost: Money },
    /// A refund of a message that was not paid for.
    RefundWithoutDebit { client: ClientId, entry: EntryId },
    /// A refund that is not what was paid.
    OtherRefund { client: ClientId, entry: EntryId, refunded: Money, debited: Money },
    /// A message that came to nothing, and was not given back.
    NotRefunded { client: ClientId, message: MessageId, cost: Money },
    /// A message that was given back more than once.
    RefundedTwice { client: ClientId, message: MessageId },
    /// A message that was given back, and has not failed.
    RefundedUnfailed { client: ClientId, message: MessageId },
    /// Its row says otherwise of its refund than the ledger does.
    Unmarked { client: ClientId, message: MessageId },
}

impl fmt::Display for LedgerFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sum { client, balance, entered } => {
                write!(f, "{client}: the balance is {balance}, its entries make {entered}")
            }
            Self::BelowCredit { client, balance, credit } => {
                write!(f, "{client}: the balance is {balance}, below the credit limit of {credit}")
            }
            Self::NoBalance { client } => write!(f, "{client}: has entries and no balance"),
            Self::Stray { client, entry } => write!(f, "{client}: {entry} is of no message"),
            Self::NoMessage { client, entry } => write!(f, "{client}: {entry} is of a message that is not there"),
            Self::OtherCost { client, entry, entered, cost: Some(cost) } => {
                write!(f, "{client}: {entry} took {entered} for a message that cost {cost}")
            }
            Self::OtherCost { client, entry, entered, cost: None } => {
                write!(f, "{client}: {entry} took {entered} for a message that is free, or another client's")
            }
            Self::NoDebit { client, message, cost } => {
                write!(f, "{client}: {message} cost {cost}, and has no debit of that")
            }
            Self::RefundWithoutDebit { client, entry } => write!(f, "{client}: {entry} gives back what nobody took"),
            Self::OtherRefund { client, entry, refunded, debited } => {
                write!(f, "{client}: {entry} gives back {refunded} of {debited}")
            }
            Self::NotRefunded { client, message, cost } => {
                write!(f, "{client}: {message} came to nothing, and its {cost} were not given back")
            }
            Self::RefundedTwice { client, message } => write!(f, "{client}: {message} was given back more than once"),
            Self::RefundedUnfailed { client, message } => {
                write!(f, "{client}: {message} was given back, and has not failed")
            }
            Self::Unmarked { client, message } => {
                write!(f, "{client}: {message} and the ledger differ on whether it was given back")
            }
        }
    }
}
