//! Masked conversations as an older system has them: two to fifty people, numbers chosen from a pool, texts and calls.

pub(super) mod signature;

/// Whether Twilio posts to a path: it comes from few addresses, and proves itself.
pub(super) fn is_carriers(path: &str) -> bool {
    let path = path.trim_end_matches('/');
    path == "/conversations-post-event" || path == "/inbound-call" || path.starts_with("/inbound-call/")
}
