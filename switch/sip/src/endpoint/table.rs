//! Where transactions are kept and how a message finds its own.
//!
//! [`Slab`] hands out ids that are never reused. [`Index`] maps keyed 128-bit fingerprints (SipHash with a
//! key from the seed) of what identifies a transaction on the wire to its id: no strings are kept, and a
//! peer that chooses its branches cannot make entries collide.

use siphasher::sip128::{Hasher128, SipHasher13};
use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
    net::IpAddr,
};

/// Slots are the low bits of an id; the rest is a serial number.
const SLOT_BITS: u32 = 24;
const SLOT_MASK: u64 = (1 << SLOT_BITS) - 1;

/// Values by ids that grow and are never reused; at most 2^24 at once.
#[derive(Debug)]
pub(super) struct Slab<T> {
    slots: Vec<(u64, Option<Box<T>>)>,
    free: Vec<u32>,
    serial: u64,
}

impl<T> Default for Slab<T> {
    fn default() -> Self {
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            serial: 0,
        }
    }
}

impl<T> Slab<T> {
    pub(super) fn insert(&mut self, value: T) -> u64 {
        self.serial += 1;
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push((0, None));
            u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
        });
        let id = (self.serial << SLOT_BITS) | u64::from(slot);
        if let Some(entry) = self.slots.get_mut(slot as usize) {
            *entry = (id, Some(Box::new(value)));
        }
        id
    }

    /// An id that will never be found, for what ended before it began.
    pub(super) fn spent_id(&mut self) -> u64 {
        self.serial += 1;
        (self.serial << SLOT_BITS) | SLOT_MASK
    }

    pub(super) fn get(&self, id: u64) -> Option<&T> {
        let (kept, value) = self.slots.get((id & SLOT_MASK) as usize)?;
        if *kept == id { value.as_deref() } else { None }
    }

    pub(super) fn get_mut(&mut self, id: u64) -> Option<&mut T> {
        let (kept, value) = self.slots.get_mut((id & SLOT_MASK) as usize)?;
        if *kept == id {
            value.as_deref_mut()
        } else {
            None
        }
    }

    pub(super) fn remove(&mut self, id: u64) -> Option<T> {
        let slot = id & SLOT_MASK;
        let (kept, value) = self.slots.get_mut(slot as usize)?;
        if *kept != id {
            return None;
        }
        let value = value.take()?;
        self.free.push(u32::try_from(slot).unwrap_or(u32::MAX));
        Some(*value)
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }
}

/// What identifies something on the wire, hashed with a secret key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Fingerprint(u128);

impl Fingerprint {
    /// Sixty-four of its bits: a value a peer can neither choose nor guess.
    pub(super) fn low_bits(self) -> u64 {
        (self.0 & u128::from(u64::MAX)) as u64
    }
}

/// Fingerprints are uniform already; hashing them again would be work for nothing.
#[derive(Default)]
pub(super) struct Uniform(u64);

impl Hasher for Uniform {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }
    fn write_u128(&mut self, value: u128) {
        self.0 = (value & u128::from(u64::MAX)) as u64;
    }
}

/// A map looked up by fingerprint and never iterated.
pub(super) type Index<V> = HashMap<Fingerprint, V, BuildHasherDefault<Uniform>>;

/// Makes fingerprints.
#[derive(Debug)]
pub(super) struct Keys(u64, u64);

impl Keys {
    pub(super) fn new(k0: u64, k1: u64) -> Self {
        Self(k0, k1)
    }

    fn of(&self, domain: u8, parts: &[&str], number: u64) -> Fingerprint {
        let mut hasher = SipHasher13::new_with_keys(self.0, self.1);
        hasher.write_u8(domain);
        hasher.write_u64(number);
        for part in parts {
            hasher.write_usize(part.len());
            hasher.write(part.as_bytes());
        }
        Fingerprint(hasher.finish128().as_u128())
    }

    /// A transaction by RFC 3261 section 17.2.3: branch, sent-by, method. Sent-by is compared as written,
    /// since a repeated request repeats it.
    pub(super) fn transaction(
        &self,
        branch: &str,
        (host, port): (&str, Option<u16>),
        method: &str,
    ) -> Fingerprint {
        self.of(1, &[branch, host, method], port.map_or(u64::MAX, u64::from))
    }

    /// The same for a peer without the magic cookie. The To tag is left out: an ACK has ours and the
    /// INVITE has none, and the rest tells them apart.
    pub(super) fn legacy(&self, parts: [&str; 5], cseq: u32) -> Fingerprint {
        self.of(2, &parts, u64::from(cseq))
    }

    /// The ACK to a 2xx: Call-ID, remote tag, local tag and the INVITE's CSeq.
    pub(super) fn ack(&self, call_id: &str, remote: &str, local: &str, cseq: u32) -> Fingerprint {
        self.of(3, &[call_id, remote, local], u64::from(cseq))
    }

    /// A tag that is the same each time the same stateless answer is given.
    pub(super) fn stateless_tag(&self, of: Fingerprint) -> String {
        let mut hasher = SipHasher13::new_with_keys(self.0, self.1);
        hasher.write_u8(4);
        hasher.write_u128(of.0);
        format!(
            "{:016x}",
            Fingerprint(hasher.finish128().as_u128()).low_bits()
        )
    }

    pub(super) fn source(&self, address: IpAddr) -> Fingerprint {
        let mut hasher = SipHasher13::new_with_keys(self.0, self.1);
        match address {
            IpAddr::V4(v4) => hasher.write(&v4.octets()),
            // A peer with IPv6 owns a /64 at least.
            IpAddr::V6(v6) => hasher.write(v6.octets().get(..8).unwrap_or_default()),
        }
        hasher.write_u8(5);
        Fingerprint(hasher.finish128().as_u128())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_never_reused_though_slots_are() {
        let mut slab = Slab::default();
        let a = slab.insert('a');
        assert_eq!(slab.remove(a), Some('a'));
        let b = slab.insert('b');
        assert_ne!(a, b);
        assert_eq!(
            (slab.get(a), slab.get(b), slab.len()),
            (None, Some(&'b'), 1)
        );
        assert_eq!(slab.remove(a), None);
        let spent = slab.spent_id();
        assert!(slab.get(spent).is_none() && spent > b);
    }

    #[test]
    fn fingerprints_depend_on_key_and_on_part_borders() {
        let keys = Keys::new(1, 2);
        let one = keys.transaction("z9hG4bKab", ("c", None), "INVITE");
        assert_eq!(one, keys.transaction("z9hG4bKab", ("c", None), "INVITE"));
        assert_ne!(one, keys.transaction("z9hG4bKa", ("bc", None), "INVITE"));
        assert_ne!(
            one,
            Keys::new(1, 3).transaction("z9hG4bKab", ("c", None), "INVITE")
        );
    }
}
