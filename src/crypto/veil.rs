//! Ids for whoever may hold them and learn nothing from them: sealed by HMAC alone, with a synthetic IV as in SIV
//! (RFC 5297), so that the same id looks the same each time.

use subtle::ConstantTimeEq as _;

use super::HashKey;

/// Bytes of an id, and of its proof.
const HALF: usize = 16;

/// 64 hex digits for an id.
pub fn seal(key: &HashKey, id: u128) -> String {
    let proof: [u8; HALF] = key.short(&[b"proof", &id.to_be_bytes()]);
    let hidden = id ^ u128::from_be_bytes(key.short(&[b"veil", &proof]));
    hex::encode([proof, hidden.to_be_bytes()].concat())
}

/// The id again. `None`: these are not hex digits of ours.
pub fn open(key: &HashKey, text: &str) -> Option<u128> {
    let mut bytes = [0; 2 * HALF];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    let (proof, hidden) = bytes.split_first_chunk::<HALF>()?;
    let id = u128::from_be_bytes(hidden.try_into().ok()?) ^ u128::from_be_bytes(key.short(&[b"veil", proof]));
    let is_ours: bool = key.short::<HALF>(&[b"proof", &id.to_be_bytes()]).ct_eq(proof).into();
    is_ours.then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_comes_back_and_is_not_seen_on_the_way() {
        let (key, id) = (HashKey::generate(), 0x0190_0000_0000_7abc_8def_0123_4567_89ab_u128);
        let sealed = seal(&key, id);
        assert_eq!((sealed.len(), open(&key, &sealed), seal(&key, id)), (64, Some(id), sealed.clone()));
        assert!(!sealed.contains("01900000"), "{sealed}");
        assert_ne!(sealed[..32], seal(&key, id + 1)[..32]);
    }

    #[test]
    fn what_is_not_ours_is_refused() {
        let (key, id) = (HashKey::generate(), 7);
        let mut sealed = seal(&key, id);
        assert_eq!(open(&HashKey::generate(), &sealed), None);
        assert_eq!((open(&key, &sealed[2..]), open(&key, "")), (None, None));
        let last = if sealed.pop() == Some('0') { '1' } else { '0' };
        sealed.push(last);
        assert_eq!(open(&key, &sealed), None);
    }
}
