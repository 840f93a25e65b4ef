//! What an order comes to once its service and the settings have had their say, and what no order may be.

use std::ops::RangeInclusive;

use super::order::sender_text;
use super::{ServiceSettings, VerificationExtra, VerificationOrder, Verifications, service_settings};
use crate::model::verification::CODE_LENGTH;
use crate::model::{
    AddressKind, CallOptions, ClientId, CodeChannel, DurationSetting, Millis, Secret, VerificationRefusal,
    VerificationTemplateId,
};
use crate::service::{Error, Result};

/// How long a code may open its verification: no longer than its text is worth sending.
pub const TTL_MS: RangeInclusive<Millis> = 5_000..=86_400_000;
/// How many codes may be tried for one verification, and how often its code may be sent.
pub const COUNTS: RangeInclusive<u8> = 1..=100;
/// What a client keeps with it is small: bytes of JSON at most.
const LONGEST_JSON: usize = 4_096;
/// Characters of a name, and of an `auth_id`.
const NAME: usize = 64;
const AUTH_ID: usize = 120;

/// An order as it is carried out.
pub(super) struct CodeTerms {
    pub(super) code_length: u8,
    pub(super) ttl_ms: Millis,
    pub(super) max_checks: u8,
    pub(super) max_sends: u8,
    pub(super) extra: VerificationExtra,
    /// The caller's own code, or that of a test number.
    pub(super) code: Option<Secret>,
    pub(super) service: ServiceSettings,
}

/// What is wrong with an order, whoever gives it.
pub(super) fn check(order: &VerificationOrder) -> Result<()> {
    if order.to.kind() != AddressKind::Phone {
        return Err(Error::invalid("to", "must be a phone number"));
    }
    if let Some(code) = &order.code {
        let digits = code.expose();
        if !CODE_LENGTH.contains(&digits.len()) || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(Error::invalid("code", "must be 4 to 10 digits"));
        }
        if order.code_length.is_some_and(|length| usize::from(length) != digits.len()) {
            return Err(Error::invalid("code_length", "must be as many digits as the code has"));
        }
    }
    check_length("code_length", order.code_length)?;
    check_ttl("ttl", order.ttl.map(DurationSetting::as_ms))?;
    for (field, count) in [("max_checks", order.max_checks), ("max_sends", order.max_sends)] {
        check_count(field, count)?;
    }
    if order.name.as_deref().is_some_and(|name| name.trim().is_empty() || name.chars().count() > NAME) {
        return Err(Error::invalid("name", format!("must be 1 to {NAME} characters")));
    }
    if order.auth_id.as_deref().is_some_and(|id| !(1..=AUTH_ID).contains(&id.chars().count())) {
        return Err(Error::invalid("auth_id", format!("must be 1 to {AUTH_ID} characters")));
    }
    for (field, map) in [("metadata", &order.metadata), ("tags", &order.tags)] {
        let text = map.as_ref().and_then(|map| serde_json::to_string(map).ok());
        if text.is_some_and(|text| text.len() > LONGEST_JSON) {
            return Err(Error::invalid(field, format!("must be at most {LONGEST_JSON} characters of JSON")));
        }
    }
    if order.send_digits.as_deref().is_some_and(|digits| !CallOptions::can_press(digits)) {
        return Err(Error::invalid("send_digits", "must be up to 32 of 0-9, A-D, #, *, w and W"));
    }
    check_fallback(order.channel, &order.fallback)
}

fn check_fallback(channel: CodeChannel, fallback: &[CodeChannel]) -> Result<()> {
    let is_again = |nth: usize| fallback[nth] == channel || fallback[..nth].contains(&fallback[nth]);
    if (0..fallback.len()).any(is_again) {
        return Err(Error::invalid("fallback", "must name other channels than the first, each once"));
    }
    Ok(())
}

/// How many digits a code may have, where somebody says it.
pub(super) fn check_length(field: &'static str, length: Option<u8>) -> Result<()> {
    if length.is_some_and(|length| !CODE_LENGTH.contains(&usize::from(length))) {
        return Err(Error::invalid(field, "must be 4 to 10"));
    }
    Ok(())
}

/// How long it may live.
pub(super) fn check_ttl(field: &'static str, ttl_ms: Option<Millis>) -> Result<()> {
    if ttl_ms.is_some_and(|ttl_ms| !TTL_MS.contains(&ttl_ms)) {
        return Err(Error::invalid(field, "must be 5s to 24h"));
    }
    Ok(())
}

/// How often something may be done with it.
pub(super) fn check_count(field: &'static str, count: Option<u8>) -> Result<()> {
    if count.is_some_and(|count| !COUNTS.contains(&count)) {
        return Err(Error::invalid(field, "must be 1 to 100"));
    }
    Ok(())
}

impl Verifications {
    /// An order as it is carried out: what it does not say is its service's, or the settings'.
    pub(super) async fn terms(&self, client: ClientId, order: &VerificationOrder) -> Result<CodeTerms> {
        let settings = &self.parts.settings;
        let found = match order.service {
            Some(id) => Some(service_settings::known(&self.parts.store, client, id).await?),
            None => None,
        };
        let name = order.name.clone().or_else(|| found.as_ref().map(|service| service.name.clone()));
        let name = name.unwrap_or_else(|| self.client_name(client));
        let service = found.map(|service| service.settings).unwrap_or_default();
        let may_choose = if order.service.is_some() { service.custom_code } else { settings.custom_codes };
        if order.code.is_some() && !may_choose {
            let reason = "codes of your own are not allowed here: it takes the setting of the service, `custom_code`, or \
                          without one `verification.custom_codes`";
            return Err(Error::verification(VerificationRefusal::CustomCode, reason).about("code"));
        }
        let test = self.test_code(&order.to).cloned();
        let extra = extra(order, name, &service, test.is_some());
        let code = test.or_else(|| order.code.clone());
        let said = code.as_ref().and_then(|code| u8::try_from(code.expose().len()).ok());
        let length = order.code_length.or(service.code_length).unwrap_or(settings.code_length);
        let ttl_ms = order.ttl.map(DurationSetting::as_ms).or(service.ttl_ms);
        Ok(CodeTerms {
            code_length: said.unwrap_or(length),
            ttl_ms: ttl_ms.unwrap_or_else(|| settings.ttl.as_ms()),
            max_checks: order.max_checks.or(service.max_checks).unwrap_or(settings.max_checks),
            max_sends: order.max_sends.or(service.max_sends).unwrap_or(settings.max_sends),
            extra,
            code,
            service,
        })
    }
}

fn extra(order: &VerificationOrder, name: String, service: &ServiceSettings, is_test: bool) -> VerificationExtra {
    let own = order.template.map(VerificationTemplateId::hex);
    // a login in it is a secret, and further texts do without
    let callback_url = order.callback_url.clone().filter(|url| !url.contains('@'));
    VerificationExtra {
        locale: order.locale.clone().or_else(|| service.locale.clone()),
        template: own.or_else(|| service.template.clone()),
        name: Some(name).filter(|name| !name.is_empty()),
        message: order.message.clone(),
        substitutions: order.substitutions.clone(),
        app_hash: order.app_hash.clone().or_else(|| service.app_hash.clone()),
        web_otp_host: order.web_otp_host.clone().or_else(|| service.web_otp_host.clone()),
        rate_limits: order.rate_limits.clone(),
        fallback: order.fallback.clone(),
        device_ip: order.device_ip,
        from: order.from.as_ref().map(sender_text),
        is_unguarded: !order.risk_check,
        send_digits: order.send_digits.clone(),
        metadata: order.metadata.clone(),
        tags: order.tags.clone(),
        callback_url,
        warnings: Vec::new(),
        is_custom: order.code.is_some(),
        is_test,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Address, VerificationDoor};

    fn order() -> VerificationOrder {
        VerificationOrder::new(Address::stored("+12065550110"), CodeChannel::Sms, VerificationDoor::V1)
    }

    fn wrong(order: &VerificationOrder) -> Option<&'static str> {
        check(order).err().and_then(|error| error.field)
    }

    #[test]
    fn each_bound_is_told_by_its_field() {
        let ttl = |ms| Some(DurationSetting::from_millis(ms));
        let code = |text: &str| Some(Secret::new(text.to_owned()));
        for (order, field) in [
            (order(), None),
            (VerificationOrder { to: Address::stored("40404"), ..order() }, Some("to")),
            (VerificationOrder { code: code("123"), ..order() }, Some("code")),
            (VerificationOrder { code: code("0123456789"), ..order() }, None),
            (VerificationOrder { code: code("01234567890"), ..order() }, Some("code")),
            (VerificationOrder { code: code("12a4"), ..order() }, Some("code")),
            (VerificationOrder { code: code("1234"), code_length: Some(6), ..order() }, Some("code_length")),
            (VerificationOrder { code_length: Some(3), ..order() }, Some("code_length")),
            (VerificationOrder { code_length: Some(11), ..order() }, Some("code_length")),
            (VerificationOrder { ttl: ttl(4_999), ..order() }, Some("ttl")),
            (VerificationOrder { ttl: ttl(86_400_000), ..order() }, None),
            (VerificationOrder { ttl: ttl(86_400_001), ..order() }, Some("ttl")),
            (VerificationOrder { max_checks: Some(0), ..order() }, Some("max_checks")),
            (VerificationOrder { max_sends: Some(101), ..order() }, Some("max_sends")),
            (VerificationOrder { name: Some(" ".to_owned()), ..order() }, Some("name")),
            (VerificationOrder { auth_id: Some("x".repeat(121)), ..order() }, Some("auth_id")),
            (VerificationOrder { send_digits: Some("ww1#".to_owned()), ..order() }, None),
            (VerificationOrder { send_digits: Some("1 2".to_owned()), ..order() }, Some("send_digits")),
            (VerificationOrder { fallback: vec![CodeChannel::Sms], ..order() }, Some("fallback")),
            (VerificationOrder { fallback: vec![CodeChannel::Call; 2], ..order() }, Some("fallback")),
            (VerificationOrder { fallback: vec![CodeChannel::Whatsapp, CodeChannel::Call], ..order() }, None),
        ] {
            assert_eq!(wrong(&order), field, "{order:?}");
        }
    }
}
