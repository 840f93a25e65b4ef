//! The mark that some editors and libraries write before a text: it says nothing of it.

/// A JSON text without a mark before it (RFC 8259, section 8.1: who reads may pass over it).
pub fn skip(json: &[u8]) -> &[u8] {
    json.strip_prefix(b"\xef\xbb\xbf").unwrap_or(json)
}
