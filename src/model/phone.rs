//! A phone number in E.164, accepted by its shape.

use std::fmt;
use std::str::FromStr;

/// `+` and 7 to 15 digits. Written whole only where it is sent; logs show a mask.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Phone(String);

#[derive(Debug, thiserror::Error)]
#[error("a phone number is + and 7 to 15 digits, such as +237123456789")]
pub struct NotAPhone;

impl Phone {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Phone {
    type Err = NotAPhone;

    fn from_str(text: &str) -> Result<Self, NotAPhone> {
        let digits = text.strip_prefix('+').ok_or(NotAPhone)?;
        let shaped = (7..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
        if shaped { Ok(Self(text.to_owned())) } else { Err(NotAPhone) }
    }
}

/// `+2371***789`: enough to recognise, too little to call.
impl fmt::Display for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (head, tail) = (&self.0[..self.0.len().min(5)], &self.0[self.0.len().saturating_sub(3)..]);
        write!(f, "{head}***{tail}")
    }
}

impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shape_decides() {
        for good in ["+1234567", "+237123456789", "+123456789012345"] {
            assert!(good.parse::<Phone>().is_ok(), "{good}");
        }
        for bad in ["", "+", "237123456789", "+123456", "+1234567890123456", "+23712345678a", "+２３７１２３４５"]
        {
            assert!(bad.parse::<Phone>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_printed_phone_is_masked() -> Result<(), NotAPhone> {
        let phone: Phone = "+237123456789".parse()?;
        assert_eq!(format!("{phone} {phone:?}"), "+2371***789 +2371***789");
        Ok(())
    }
}
