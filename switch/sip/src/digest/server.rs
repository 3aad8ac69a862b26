//! The server side: keyed nonces, their counts, and the check itself.

use super::{Algorithm, Credentials, Ha1, Quality, Stale, Verdict, hex};
use crate::{
    time::Mono,
    value::{Method, quote},
};
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, net::IpAddr, time::Duration};

/// Nonces whose counts are remembered. Only nonces used with the right secret take a place; when all are
/// taken the oldest is forgotten *and* refused from then on, which costs its phone one more challenge.
pub const MAX_NONCES: usize = 131_072;

/// Counts of one nonce already used: the highest, and the 64 up to it as bits (datagrams overtake each
/// other).
#[derive(Clone, Copy, Debug)]
struct Counts {
    issued: Mono,
    highest: u32,
    window: u64,
}

/// Makes and checks nonces: keyed, expiring, with the nonce count remembered in a bounded table.
///
/// A nonce is its issue time and serial with an HMAC over both, the realm and the peer's address if one is given, so
/// that it holds where it was made for and until its time is over, without being stored. The key must be fresh at each
/// start of the program, since used counts are not kept over a restart.
pub struct Authenticator {
    key: [u8; 32],
    life: Duration,
    algorithms: Vec<Algorithm>,
    next_serial: u64,
    /// Serials below were forgotten or expired: never valid again.
    floor: u64,
    used: BTreeMap<u64, Counts>,
    capacity: usize,
}

/// A nonce of ours, read back.
struct Nonce {
    issued: Mono,
    serial: u64,
}

/// For whom a nonce holds.
#[derive(Clone, Copy)]
struct Audience<'a> {
    realm: &'a str,
    peer: Option<IpAddr>,
}

impl Authenticator {
    /// Offers SHA-256, then MD5.
    #[must_use]
    pub const fn new(key: [u8; 32], nonce_life_ms: u64) -> Self {
        Self {
            key,
            life: Duration::from_millis(nonce_life_ms),
            algorithms: Vec::new(),
            next_serial: 0,
            floor: 0,
            used: BTreeMap::new(),
            capacity: MAX_NONCES,
        }
    }

    /// Offers only these, in this order (RFC 8760 section 2.4: the most preferred first). Credentials with
    /// another algorithm are invalid then.
    #[must_use]
    pub fn with_algorithms(mut self, algorithms: &[Algorithm]) -> Self {
        self.offer(algorithms);
        self
    }

    /// As [`Self::with_algorithms`], from now on; nonces that were handed out hold.
    pub fn offer(&mut self, algorithms: &[Algorithm]) {
        self.algorithms = algorithms.to_vec();
    }

    fn offered(&self) -> &[Algorithm] {
        match self.algorithms.as_slice() {
            [] => &[Algorithm::Sha256, Algorithm::Md5],
            chosen => chosen,
        }
    }

    /// The values of WWW-/Proxy-Authenticate to send, one per algorithm (SHA-256 first). With a `peer` the nonce
    /// holds for it alone: at any other it is stale.
    pub fn challenge(
        &mut self,
        now: Mono,
        realm: &str,
        stale: Stale,
        peer: Option<IpAddr>,
    ) -> Vec<String> {
        let serial = self.next_serial;
        self.next_serial += 1;
        let nonce = self.nonce(
            &Nonce {
                issued: now,
                serial,
            },
            Audience { realm, peer },
        );
        let realm = quote(realm);
        let stale = match stale {
            Stale::Yes => ", stale=true",
            Stale::No => "",
        };
        let value = |algorithm: &Algorithm| {
            format!(
                r#"Digest realm={realm}, nonce="{nonce}", algorithm={}, qop="auth"{stale}"#,
                algorithm.name()
            )
        };
        self.offered().iter().map(value).collect()
    }

    /// Checks credentials. `ha1` None (unknown user) takes the same time and is Invalid.
    ///
    /// Without qop (RFC 2069) a nonce holds for one request only. `peer` is as in [`Self::challenge`].
    pub fn verify(
        &mut self,
        now: Mono,
        method: &Method,
        credentials: &Credentials,
        ha1: Option<&Ha1>,
        peer: Option<IpAddr>,
    ) -> Verdict {
        let nobody = Ha1 {
            md5: "0".repeat(32),
            sha256: "0".repeat(64),
        };
        let quality = match (
            credentials.qop.as_deref(),
            credentials.nc,
            credentials.cnonce.as_deref(),
        ) {
            (None, _, _) => Ok(None),
            (Some(qop), Some(nc), Some(cnonce)) if qop.eq_ignore_ascii_case("auth") => {
                Ok(Some(Quality { nc, cnonce }))
            }
            (Some(_), _, _) => Err(()),
        };
        let (is_formed, quality) = (quality.is_ok(), quality.unwrap_or(None));
        let expected = credentials.expected(method, ha1.unwrap_or(&nobody), quality.as_ref());
        let is_right = is_same(expected.as_bytes(), credentials.response.as_bytes());
        let nonce = self.read_nonce(credentials, peer);
        if !is_right
            || ha1.is_none()
            || !is_formed
            || !self.offered().contains(&credentials.algorithm)
        {
            return Verdict::Invalid;
        }
        self.forget_expired(now);
        match nonce {
            Some(nonce) if nonce.issued <= now && now.since(nonce.issued) <= self.life => {
                self.use_count(&nonce, quality.map(|q| q.nc))
            }
            Some(_) | None => Verdict::Stale,
        }
    }

    /// Takes the count, or for None the whole nonce.
    fn use_count(&mut self, nonce: &Nonce, nc: Option<u32>) -> Verdict {
        let &Nonce { issued, serial } = nonce;
        if serial < self.floor {
            return Verdict::Stale;
        }
        let next = match (self.used.get(&serial), nc) {
            (_, Some(0)) => return Verdict::Invalid,
            (None, Some(nc)) => Counts {
                issued,
                highest: nc,
                window: 1,
            },
            (None, None) => Counts {
                issued,
                highest: u32::MAX,
                window: u64::MAX,
            },
            (Some(_), None) => return Verdict::Stale,
            (Some(seen), Some(nc)) => match seen.with(nc) {
                Some(next) => next,
                None => return Verdict::Stale,
            },
        };
        self.used.insert(serial, next);
        if self.used.len() > self.capacity
            && let Some((oldest, _)) = self.used.pop_first()
        {
            self.floor = oldest + 1;
        }
        Verdict::Valid
    }

    /// Serials rise with time, so what expired is at the front; it needs no count, its time stamp refuses it.
    fn forget_expired(&mut self, now: Mono) {
        while let Some(oldest) = self.used.first_entry() {
            if now.since(oldest.get().issued) <= self.life {
                break;
            }
            oldest.remove();
        }
    }

    /// Whether the nonce was made for `peer`, however old it is: whoever gives it back has received it.
    #[must_use]
    pub fn is_own_nonce(&self, credentials: &Credentials, peer: Option<IpAddr>) -> bool {
        self.read_nonce(credentials, peer).is_some()
    }

    fn nonce(&self, nonce: &Nonce, audience: Audience<'_>) -> String {
        let mac = self.mac(nonce, audience);
        format!(
            "{:016x}{:016x}{}",
            nonce.issued.0,
            nonce.serial,
            hex(mac.get(..16).unwrap_or(&mac))
        )
    }

    fn read_nonce(&self, credentials: &Credentials, peer: Option<IpAddr>) -> Option<Nonce> {
        let text = credentials.nonce.as_str();
        let number = |from, to| u64::from_str_radix(text.get(from..to)?, 16).ok();
        let nonce = Nonce {
            issued: Mono(number(0, 16)?),
            serial: number(16, 32)?,
        };
        let audience = Audience {
            realm: &credentials.realm,
            peer,
        };
        is_same(self.nonce(&nonce, audience).as_bytes(), text.as_bytes()).then_some(nonce)
    }

    /// HMAC-SHA-256 (RFC 2104) over time, serial, peer and realm.
    fn mac(&self, nonce: &Nonce, audience: Audience<'_>) -> [u8; 32] {
        let (family, address) = match audience.peer {
            None => (0, [0; 16]),
            Some(IpAddr::V4(v4)) => (4, v4.to_ipv6_mapped().octets()),
            Some(IpAddr::V6(v6)) => (6, v6.octets()),
        };
        let pad = |with: u8| {
            let mut block = [with; 64];
            for (b, k) in block.iter_mut().zip(self.key) {
                *b ^= k;
            }
            block
        };
        let inner = Sha256::new()
            .chain_update(pad(0x36))
            .chain_update(nonce.issued.0.to_be_bytes())
            .chain_update(nonce.serial.to_be_bytes())
            .chain_update([family])
            .chain_update(address)
            .chain_update(audience.realm.as_bytes())
            .finalize();
        Sha256::new()
            .chain_update(pad(0x5c))
            .chain_update(inner)
            .finalize()
            .into()
    }
}

impl Counts {
    /// With `nc` marked used; None if it was, or is too far behind to know.
    fn with(self, nc: u32) -> Option<Self> {
        if nc > self.highest {
            let window = self.window.checked_shl(nc - self.highest).unwrap_or(0) | 1;
            return Some(Self {
                highest: nc,
                window,
                ..self
            });
        }
        let bit = 1_u64.checked_shl(self.highest - nc)?;
        (self.window & bit == 0).then_some(Self {
            window: self.window | bit,
            ..self
        })
    }
}

/// Compares without telling by its time where the first difference is.
fn is_same(a: &[u8], b: &[u8]) -> bool {
    let difference = a
        .iter()
        .zip(b)
        .fold(0, |all, (x, y)| std::hint::black_box(all | (x ^ y)));
    a.len() == b.len() && difference == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIFE_MS: u64 = 60_000;

    fn credentials(
        authenticator: &mut Authenticator,
        now: Mono,
        nc: Option<u32>,
        algorithm: Algorithm,
    ) -> Credentials {
        let challenge = authenticator.challenge(now, "tandem", Stale::No, None);
        let nonce = challenge[0]
            .split("nonce=\"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap()
            .to_owned();
        again(&nonce, nc, algorithm)
    }

    fn again(nonce: &str, nc: Option<u32>, algorithm: Algorithm) -> Credentials {
        let ha1 = Ha1::new("alice", "tandem", "secret");
        let mut made = Credentials {
            username: "alice".into(),
            realm: "tandem".into(),
            nonce: nonce.into(),
            uri: "sip:tandem".into(),
            response: String::new(),
            algorithm,
            qop: nc.map(|_| "auth".into()),
            cnonce: nc.map(|_| "0a4f113b".into()),
            nc,
        };
        let quality = nc.map(|nc| Quality {
            nc,
            cnonce: "0a4f113b",
        });
        made.response = made.expected(&Method::Register, &ha1, quality.as_ref());
        made
    }

    fn check(authenticator: &mut Authenticator, at_ms: u64, credentials: &Credentials) -> Verdict {
        let ha1 = Ha1::new("alice", "tandem", "secret");
        authenticator.verify(
            Mono(at_ms * 1000),
            &Method::Register,
            credentials,
            Some(&ha1),
            None,
        )
    }

    #[test]
    fn both_algorithms_are_valid_once_per_count() {
        for algorithm in [Algorithm::Md5, Algorithm::Sha256] {
            let mut a = Authenticator::new([7; 32], LIFE_MS);
            let first = credentials(&mut a, Mono(0), Some(1), algorithm);
            assert_eq!(check(&mut a, 10, &first), Verdict::Valid);
            assert_eq!(check(&mut a, 11, &first), Verdict::Stale, "replayed");
            for (nc, want) in [
                (3, Verdict::Valid),
                (2, Verdict::Valid),
                (3, Verdict::Stale),
                (100, Verdict::Valid),
                (36, Verdict::Stale),
                (37, Verdict::Valid),
                (0, Verdict::Invalid),
            ] {
                assert_eq!(
                    check(&mut a, 12, &again(&first.nonce, Some(nc), algorithm)),
                    want,
                    "{nc}"
                );
            }
        }
    }

    #[test]
    fn a_nonce_without_qop_is_valid_once() {
        let mut a = Authenticator::new([7; 32], LIFE_MS);
        let old = credentials(&mut a, Mono(0), None, Algorithm::Md5);
        assert_eq!(check(&mut a, 1, &old), Verdict::Valid);
        assert_eq!(check(&mut a, 2, &old), Verdict::Stale);
        assert_eq!(
            check(&mut a, 3, &again(&old.nonce, Some(1), Algorithm::Md5)),
            Verdict::Stale
        );
        let counted = credentials(&mut a, Mono(0), Some(1), Algorithm::Md5);
        assert_eq!(check(&mut a, 4, &counted), Verdict::Valid);
        assert_eq!(
            check(&mut a, 5, &again(&counted.nonce, None, Algorithm::Md5)),
            Verdict::Stale
        );
    }

    #[test]
    fn an_expired_future_or_foreign_nonce_is_stale_only_with_the_right_secret() {
        let mut a = Authenticator::new([7; 32], LIFE_MS);
        let mut good = credentials(&mut a, Mono(0), Some(1), Algorithm::Sha256);
        assert_eq!(check(&mut a, LIFE_MS + 1, &good), Verdict::Stale);
        assert_eq!(check(&mut a, LIFE_MS, &good), Verdict::Valid);
        let future = credentials(&mut a, Mono(5_000_000), Some(1), Algorithm::Sha256);
        assert_eq!(check(&mut a, 1, &future), Verdict::Stale);
        let foreign = credentials(
            &mut Authenticator::new([8; 32], LIFE_MS),
            Mono(0),
            Some(1),
            Algorithm::Md5,
        );
        assert_eq!(check(&mut a, 1, &foreign), Verdict::Stale);
        good.response.replace_range(
            0..1,
            if good.response.starts_with('0') {
                "1"
            } else {
                "0"
            },
        );
        assert_eq!(check(&mut a, LIFE_MS + 1, &good), Verdict::Invalid);
    }

    #[test]
    fn wrong_method_unknown_user_wrong_qop_and_unoffered_algorithm_are_invalid() {
        let mut a = Authenticator::new([7; 32], LIFE_MS);
        let good = credentials(&mut a, Mono(0), Some(1), Algorithm::Md5);
        let ha1 = Ha1::new("alice", "tandem", "secret");
        assert_eq!(
            a.verify(Mono(1), &Method::Invite, &good, Some(&ha1), None),
            Verdict::Invalid
        );
        assert_eq!(
            a.verify(Mono(1), &Method::Register, &good, None, None),
            Verdict::Invalid
        );
        let zeros = Ha1 {
            md5: "0".repeat(32),
            sha256: "0".repeat(64),
        };
        let quality = Quality {
            nc: 1,
            cnonce: "0a4f113b",
        };
        let guessed = Credentials {
            response: good.expected(&Method::Register, &zeros, Some(&quality)),
            ..good.clone()
        };
        assert_eq!(
            a.verify(Mono(1), &Method::Register, &guessed, None, None),
            Verdict::Invalid,
            "the stand-in is no key"
        );
        let integrity = Credentials {
            qop: Some("auth-int".into()),
            ..good.clone()
        };
        assert_eq!(check(&mut a, 1, &integrity), Verdict::Invalid);
        let uncounted = Credentials {
            nc: None,
            ..good.clone()
        };
        assert_eq!(check(&mut a, 1, &uncounted), Verdict::Invalid);
        let mut strict = Authenticator::new([7; 32], LIFE_MS).with_algorithms(&[Algorithm::Sha256]);
        assert_eq!(
            strict.challenge(Mono(0), "tandem", Stale::No, None).len(),
            1
        );
        assert_eq!(check(&mut strict, 1, &good), Verdict::Invalid);
        assert_eq!(check(&mut a, 1, &good), Verdict::Valid);
    }

    #[test]
    fn a_nonce_holds_for_its_realm_and_for_its_peer_only() {
        let mut a = Authenticator::new([7; 32], LIFE_MS);
        let ha1 = Ha1::new("alice", "tandem", "secret");
        let peers = ["192.0.2.1", "192.0.2.2", "2001:db8::"];
        let peers = peers.map(|text| Some(text.parse::<IpAddr>().unwrap()));
        let nonce_of = |made: &[String]| {
            let (_, after) = made[0].split_once("nonce=\"").unwrap();
            after.split('"').next().unwrap().to_owned()
        };
        for (given, back) in (0..3).flat_map(|x| (0..3).map(move |y| (x, y))) {
            let made = a.challenge(Mono(0), "tandem", Stale::No, peers[given]);
            let good = again(&nonce_of(&made), Some(1), Algorithm::Md5);
            let is_own = a.is_own_nonce(&good, peers[back]);
            assert_eq!(is_own, given == back);
            let verdict = a.verify(Mono(1), &Method::Register, &good, Some(&ha1), peers[back]);
            let want = if given == back {
                Verdict::Valid
            } else {
                Verdict::Stale
            };
            assert_eq!(verdict, want, "{given} {back}");
            assert!(!a.is_own_nonce(&good, None));
        }
        let other = a.challenge(Mono(0), "elsewhere", Stale::No, None);
        let foreign = again(&nonce_of(&other), Some(1), Algorithm::Md5);
        assert_eq!(
            check(&mut a, 1, &foreign),
            Verdict::Stale,
            "of another realm"
        );
        let mut longer = again(&nonce_of(&other), Some(1), Algorithm::Md5);
        for nonce in [
            "",
            "00",
            "0000000000000000000000000000000",
            &"f".repeat(64),
            &"é".repeat(32),
        ] {
            longer.nonce = nonce.to_owned();
            assert!(!a.is_own_nonce(&longer, None), "{nonce}");
        }
    }

    #[test]
    fn a_full_table_forgets_the_oldest_and_refuses_it() {
        let mut a = Authenticator {
            capacity: 2,
            ..Authenticator::new([7; 32], LIFE_MS)
        };
        let nonces: Vec<_> = (0..3)
            .map(|n| credentials(&mut a, Mono(n), Some(1), Algorithm::Md5))
            .collect();
        for one in &nonces {
            assert_eq!(check(&mut a, 1, one), Verdict::Valid);
        }
        assert_eq!(a.used.len(), 2);
        assert_eq!(check(&mut a, 2, &nonces[0]), Verdict::Stale);
        assert_eq!(
            check(&mut a, 2, &again(&nonces[0].nonce, Some(2), Algorithm::Md5)),
            Verdict::Stale
        );
        let late = credentials(&mut a, Mono(LIFE_MS * 2_000), Some(1), Algorithm::Md5);
        assert_eq!(check(&mut a, LIFE_MS * 2, &late), Verdict::Valid);
        assert_eq!(a.used.len(), 1, "expired counts are forgotten");
    }

    #[test]
    fn challenges_offer_sha256_first_and_quote_the_realm() {
        let mut a = Authenticator::new([7; 32], LIFE_MS);
        let made = a.challenge(Mono(1), "a\"b\r\nX: y", Stale::Yes, None);
        assert_eq!(made.len(), 2);
        assert!(
            made[0].starts_with(r#"Digest realm="a\"b  X: y", nonce=""#),
            "{}",
            made[0]
        );
        assert!(made[0].ends_with(r#"algorithm=SHA-256, qop="auth", stale=true"#));
        assert!(made[1].contains("algorithm=MD5"));
    }
}
