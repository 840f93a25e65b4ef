//! Why a text is no address, in words for whoever wrote it.

/// Follows the field's name. [`NotAnAddress::TwoReadings`] holds whole numbers: it is told to who wrote them, and
/// never logged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAnAddress {
    #[error("must not be empty: write a number such as +12025550150")]
    Empty,
    #[error(
        "must be a phone number such as +12025550150, or a short code: it holds letters, which only a sender's name may"
    )]
    Letters,
    #[error("must be a number without an extension, which cannot be texted: write the number alone")]
    Extension,
    #[error(
        "must be a phone number, a short code, or a name of 1 to 11 of A-Z a-z 0-9, space and & - _ . +, with a letter \
         among them and no + first"
    )]
    Name,
    #[error("must be a number of digits, with + first; blanks, dashes, dots, slashes and brackets may stand between")]
    Character,
    #[error("must have one + at most, before the first digit")]
    Plus,
    #[error("must have a country code behind the +, and none begins with 0")]
    Zero,
    #[error("must have 7 to 15 digits behind the +")]
    Length,
    #[error("must name its country: write + and the country code, or set number.country")]
    NoCountry,
    #[error("must be a number of {0}, or have + and the country code first")]
    NotNational(String),
    #[error("may be {0} or {1}: write + and the country code")]
    TwoReadings(String, String),
    #[error("must be a phone number such as +12025550150")]
    NoPhone,
}
