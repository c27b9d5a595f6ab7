// SPDX-License-Identifier: LGPL-2.1-or-later
//! Which key stands behind which handle. Keys are wiped when their [`LongKey`] is dropped.
use super::Unavailable;
use std::sync::{PoisonError, RwLock};
use zeroize::Zeroizing;

/// As long as no secret that TLS with SHA-256 or SHA-384 derives, so that look-ups are rare.
pub(super) const HANDLE_LEN: usize = 64;

struct Entry {
    handle: Zeroizing<[u8; HANDLE_LEN]>,
    key: Zeroizing<Vec<u8>>,
}

static ENTRIES: RwLock<Vec<Entry>> = RwLock::new(Vec::new());

/// A registered key. Dropping it takes the key out of the registry and wipes it.
pub(in crate::sys) struct LongKey {
    handle: Zeroizing<[u8; HANDLE_LEN]>,
}

impl LongKey {
    /// Registers `key` under a fresh random handle.
    pub(in crate::sys) fn register(key: &[u8]) -> Result<Self, Unavailable> {
        let mut handle = Zeroizing::new([0u8; HANDLE_LEN]);
        // SAFETY: the buffer is as long as said.
        let filled = unsafe { openssl_sys::RAND_bytes(handle.as_mut_ptr(), HANDLE_LEN as libc::c_int) };
        if filled != 1 {
            return Err(Unavailable("OpenSSL has no random numbers"));
        }
        let entry = Entry { handle: handle.clone(), key: Zeroizing::new(key.to_vec()) };
        ENTRIES.write().unwrap_or_else(PoisonError::into_inner).push(entry);
        Ok(Self { handle })
    }

    /// What libssl is to be given as the key.
    pub(in crate::sys) fn handle(&self) -> &[u8] {
        self.handle.as_slice()
    }
}

impl Drop for LongKey {
    fn drop(&mut self) {
        let mut entries = ENTRIES.write().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|entry| *entry.handle != *self.handle);
    }
}

/// What has to take the place of a derivation's secret; None when it holds no handle.
pub(super) type Substitute = fn(&[u8]) -> Option<Zeroizing<Vec<u8>>>;

/// TLS 1.3: the `key` of TLS13-KDF is the PSK itself.
pub(super) fn substitute_tls13(key: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    if key.len() != HANDLE_LEN {
        return None;
    }
    let entries = ENTRIES.read().unwrap_or_else(PoisonError::into_inner);
    entries.iter().find(|entry| key == entry.handle.as_slice()).map(|entry| entry.key.clone())
}

/// TLS 1.2: the `secret` of TLS1-PRF is the premaster secret of RFC 4279, section 2: length, other secret,
/// length, PSK. For plain PSK the other secret is as many zero bytes as the PSK has.
pub(super) fn substitute_tls12(secret: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (head, handle) = secret.split_last_chunk::<HANDLE_LEN>()?;
    let entries = ENTRIES.read().unwrap_or_else(PoisonError::into_inner);
    let key = &entries.iter().find(|entry| *entry.handle == *handle)?.key;
    let (other_len, rest) = head.split_first_chunk::<2>()?;
    let (other, _handle_len) = rest.split_at_checked(usize::from(u16::from_be_bytes(*other_len)))?;
    if rest.len() != other.len() + 2 {
        return None;
    }
    let key_len = u16::try_from(key.len()).ok()?;
    let plain_psk = other.len() == HANDLE_LEN && other.iter().all(|byte| *byte == 0);
    let other_len = if plain_psk { key.len() } else { other.len() };
    let mut premaster = Zeroizing::new(Vec::with_capacity(4 + other_len + key.len()));
    premaster.extend_from_slice(&u16::try_from(other_len).ok()?.to_be_bytes());
    if plain_psk {
        premaster.resize(2 + other_len, 0);
    } else {
        premaster.extend_from_slice(other);
    }
    premaster.extend_from_slice(&key_len.to_be_bytes());
    premaster.extend_from_slice(key);
    Some(premaster)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn premaster(other: &[u8], psk: &[u8]) -> Vec<u8> {
        let mut secret = (other.len() as u16).to_be_bytes().to_vec();
        secret.extend_from_slice(other);
        secret.extend_from_slice(&(psk.len() as u16).to_be_bytes());
        secret.extend_from_slice(psk);
        secret
    }

    #[test]
    fn a_handle_stands_for_its_key_until_dropped() {
        let key = vec![7u8; 600];
        let registered = LongKey::register(&key).unwrap();
        let handle = registered.handle().to_vec();
        assert_eq!(substitute_tls13(&handle).unwrap().as_slice(), key);
        drop(registered);
        assert!(substitute_tls13(&handle).is_none());
    }

    #[test]
    fn premaster_secrets_are_rebuilt_with_the_real_length() {
        let key = vec![9u8; 4096];
        let registered = LongKey::register(&key).unwrap();
        let plain = substitute_tls12(&premaster(&[0; HANDLE_LEN], registered.handle())).unwrap();
        assert_eq!(plain.as_slice(), premaster(&vec![0; 4096], &key));
        let dhe = substitute_tls12(&premaster(&[1; 256], registered.handle())).unwrap();
        assert_eq!(dhe.as_slice(), premaster(&[1; 256], &key));
    }

    #[test]
    fn other_secrets_are_left_alone() {
        let registered = LongKey::register(&[9u8; 513]).unwrap();
        assert!(substitute_tls13(&[0; 32]).is_none());
        assert!(substitute_tls13(&[0; HANDLE_LEN]).is_none());
        assert!(substitute_tls12(&[]).is_none());
        assert!(substitute_tls12(registered.handle()).is_none());
        let mut lying = premaster(&[1; 8], registered.handle());
        lying[1] = 200;
        assert!(substitute_tls12(&lying).is_none());
    }
}
