//! Codes in orders: measured as they will be sent, and stored without.

use std::borrow::Cow;

use super::Order;
use crate::model::SecretReference;
use crate::model::verification::CODE_MARK;

impl Order {
    /// A text as long as what is sent: digits stand where its code will.
    pub(super) fn measured(&self) -> Cow<'_, str> {
        match self.secret {
            Some(secret) => self.body.replace(CODE_MARK, &"0".repeat(secret.length)).into(),
            None => Cow::Borrowed(&self.body),
        }
    }

    /// Leaves its text as it is stored, and says where its code belongs.
    pub(super) fn part_secret(&mut self) -> Option<SecretReference> {
        let secret = self.secret?;
        let (reference, stored) = SecretReference::take_out(secret.verification, secret.length, &self.body);
        self.body = stored;
        Some(reference)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Address, Channel, DurationSetting, Segments, TextEncoding, VerificationId};
    use crate::service::message::{OrderSecret, limits};

    fn order(body: &str, length: usize) -> Order {
        let secret = OrderSecret { verification: VerificationId::new(1), length };
        let body = body.replace('#', &CODE_MARK.to_string());
        Order { body, secret: Some(secret), ..Order::new(Channel::Sms, Address::stored("+14155550100")) }
    }

    #[test]
    fn it_takes_as_many_segments_as_what_is_sent() {
        // of 160 characters of the 7-bit alphabet ten are the code's
        let long = format!("{}#", "x".repeat(150));
        for (length, segments) in [(10, 1), (11, 2)] {
            let found = Segments::of(&order(&long, length).measured());
            assert_eq!((found.encoding, found.count), (TextEncoding::Gsm7, segments), "{length}");
        }
        assert_eq!(order("# and again #", 4).measured(), "0000 and again 0000");
    }

    #[test]
    fn it_is_worth_sending_for_as_long_as_codes_live() {
        let limited = |order: Order, ms| limits(&Order { valid_for: Some(DurationSetting::from_millis(ms)), ..order });
        assert!(limited(order("#", 6), 86_400_000).is_ok() && limited(order("#", 6), 86_400_001).is_err());
        assert!(limited(Order { secret: None, ..order("#", 6) }, 86_400_000).is_err());
    }

    #[test]
    fn it_is_stored_without() {
        let mut order = order("Your code is #.", 6);
        let reference = order.part_secret().unwrap();
        assert_eq!((order.body.as_str(), reference.length), ("Your code is ••••.", 6));
        assert_eq!(reference.put_in(&order.body, "123456"), "Your code is 123456.");
        let mut plain = Order { secret: None, ..order };
        assert_eq!(plain.measured(), "Your code is ••••.");
        assert_eq!(plain.part_secret(), None);
    }
}
