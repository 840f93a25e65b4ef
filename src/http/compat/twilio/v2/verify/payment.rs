//! What a payment's verification says of it (PSD2): whoever confirms it has read to whom how much goes, and the check
//! must name the same.

use serde_json::{Map, Value, json};

use super::error::{FEATURE, PARAMETER, PAYMENT};
use crate::http::compat::twilio::error::Result;
use crate::http::compat::twilio::form::TwilioForm;
use crate::service::verification::{ServiceSettings, Verification};

/// Characters of each.
const LONGEST: usize = 60;
/// Under these names the verification's metadata holds them.
const AMOUNT: &str = "amount";
const PAYEE: &str = "payee";

/// How much, and to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ConfirmedPayment {
    pub(super) amount: String,
    pub(super) payee: String,
}

fn read(form: &TwilioForm, name: &str) -> Result<Option<String>> {
    let Some(text) = form.one(name) else { return Ok(None) };
    // a brace would be read as the place of something
    if text.chars().count() > LONGEST || text.contains(['{', '}']) || text.chars().any(char::is_control) {
        let reason = format!("{name} must be {LONGEST} characters at most, without braces or control characters");
        return Err(PARAMETER.because(&reason));
    }
    Ok(Some(text.to_owned()))
}

impl ConfirmedPayment {
    /// What a form says of it: all, where the service is for payments, and else nothing.
    pub(super) fn of(form: &TwilioForm, settings: &ServiceSettings) -> Result<Option<Self>> {
        match (settings.psd2, read(form, "Amount")?, read(form, "Payee")?) {
            (true, Some(amount), Some(payee)) => Ok(Some(Self { amount, payee })),
            (true, _, _) => Err(PAYMENT.into()),
            (false, None, None) => Ok(None),
            (false, _, _) => Err(FEATURE.because("Amount and Payee are for services with Psd2Enabled")),
        }
    }

    /// What a verification was asked for with.
    pub(super) fn kept(verification: &Verification) -> Option<Self> {
        let metadata = verification.extra.metadata.as_ref()?;
        let text = |name: &str| metadata.get(name).and_then(Value::as_str).map(str::to_owned);
        Some(Self { amount: text(AMOUNT)?, payee: text(PAYEE)? })
    }

    pub(super) fn metadata(&self) -> Map<String, Value> {
        [(AMOUNT, &self.amount), (PAYEE, &self.payee)]
            .map(|(name, text)| (name.to_owned(), json!(text)))
            .into_iter()
            .collect()
    }

    /// What the person reads, where the caller has no text of its own.
    pub(super) fn text(&self) -> String {
        format!("Your {{name}} verification code for {} to {} is: {{code}}", self.amount, self.payee)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_what_was_asked_with() {
        let payment = ConfirmedPayment { amount: "€39.99".to_owned(), payee: "Acme".to_owned() };
        let metadata = payment.metadata();
        assert_eq!((&metadata["amount"], &metadata["payee"]), (&json!("€39.99"), &json!("Acme")));
        assert_eq!(payment.text(), "Your {name} verification code for €39.99 to Acme is: {code}");
    }
}
