//! Parameters of Twilio's that we do not carry: taken and passed over they would be worse than refused.

/// A parameter, and those of its values, in any case, that ask for no more than what happens anyway.
pub(super) type IgnoredParameter = (&'static str, &'static [&'static str]);

/// Of a message. `Attempt` asks for nothing: it only tells how often its sender has tried.
pub(super) const MESSAGE: [IgnoredParameter; 15] = [
    ("AddressRetention", &["retain"]),
    ("ApplicationSid", &[]),
    ("ContentRetention", &["retain"]),
    ("ContentSid", &[]),
    ("ContentVariables", &["{}"]),
    ("FallbackFrom", &[]),
    ("ForceDelivery", &["false"]),
    ("MaxPrice", &[]),
    ("PersistentAction", &[]),
    ("ProvideFeedback", &["false"]),
    ("RiskCheck", &["disable"]),
    ("SendAsMms", &["false"]),
    ("ShortenUrls", &["false"]),
    ("TrafficType", &[]),
    ("UrgentMessage", &["false"]),
];

/// Of a call.
pub(super) const CALL: [IgnoredParameter; 23] = [
    ("ApplicationSid", &[]),
    ("AsyncAmd", &["false"]),
    ("AsyncAmdStatusCallback", &[]),
    // without the callbacks that they are of, these two ask for nothing
    ("AsyncAmdStatusCallbackMethod", &["GET", "POST"]),
    ("Byoc", &[]),
    ("CallReason", &[]),
    ("CallToken", &[]),
    ("CallerId", &[]),
    ("ClientNotificationUrl", &[]),
    ("MachineDetectionSilenceTimeout", &["5000"]),
    ("MachineDetectionSpeechEndThreshold", &["1200"]),
    ("MachineDetectionSpeechThreshold", &["2400"]),
    ("MachineDetectionTimeout", &["30"]),
    ("RecordingChannels", &["mono"]),
    ("RecordingStatusCallback", &[]),
    ("RecordingStatusCallbackEvent", &["completed"]),
    ("RecordingStatusCallbackMethod", &["GET", "POST"]),
    ("RecordingTrack", &["both"]),
    ("SipAuthPassword", &[]),
    ("SipAuthUsername", &[]),
    ("StatusCallbackMethod", &["POST"]),
    ("TimeLimit", &[]),
    ("Trim", &["trim-silence"]),
];

/// Why a request is refused: the first of these parameters that asks for something. One whose name Twilio does not
/// know is passed over, as there.
pub(super) fn refusal(not_carried: &[IgnoredParameter], fields: &[(String, String)]) -> Option<String> {
    let asks = |value: &str, usual: &[&str]| {
        let value = value.trim();
        !value.is_empty() && !usual.iter().any(|usual| usual.eq_ignore_ascii_case(value))
    };
    let is_asked =
        |(name, usual): &&IgnoredParameter| fields.iter().any(|(known, value)| known == name && asks(value, usual));
    let (name, usual) = not_carried.iter().find(is_asked)?;
    let only = match usual.split_last() {
        None => "can only be left out".to_owned(),
        Some((last, [])) => format!("can only be {last} or left out"),
        Some((last, rest)) => format!("can only be {}, {last} or left out", rest.join(", ")),
    };
    Some(format!("{name} is not supported: it {only}"))
}
