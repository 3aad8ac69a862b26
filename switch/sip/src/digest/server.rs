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

/// Wrong secrets under one nonce, then it holds no longer: one that was overheard is soon of no use to whoever writes
/// its owner's address.
const MAX_FAILED: u8 = 3;

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
/// A nonce is its issue time and serial with an HMAC over both and the realm, and another one over the peer's address
/// as well, so that it holds until its time is over, and tells whether it was made for who gives it back, without being
/// stored. The key must be fresh at each start of the program, since used counts are not kept over a restart.
///
/// A secret is looked at only under a nonce that holds, and under each nonce only a few times: who guesses must come
/// for nonces, and learns nothing with any other. So no answer to a nonce that does not hold depends on the secret
/// (RFC 7616 section 3.3 asks for no more than that the nonce is invalid).
pub struct Authenticator {
    key: [u8; 32],
    life: Duration,
    algorithms: Vec<Algorithm>,
    next_serial: u64,
    /// Serials below were forgotten or expired: never valid again.
    floor: u64,
    used: BTreeMap<u64, Counts>,
    /// Secrets that were wrong, by serial.
    failed: BTreeMap<u64, u8>,
    /// Responses worked out.
    worked: u64,
    capacity: usize,
}

/// A nonce of ours that holds.
#[derive(Clone, Copy, Debug)]
pub struct Nonce {
    issued: Mono,
    serial: u64,
    is_for_peer: bool,
}

impl Nonce {
    /// Whether it was made for who gives it back: that one has received it.
    #[must_use]
    pub fn is_for_peer(&self) -> bool {
        self.is_for_peer
    }
}

/// Whose nonces hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// Those made for the peer alone.
    FromPeer,
    /// Those made for anybody.
    FromAnybody,
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
            failed: BTreeMap::new(),
            worked: 0,
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

    /// The values of WWW-/Proxy-Authenticate to send to `peer`, one per algorithm (SHA-256 first).
    pub fn challenge(&mut self, now: Mono, realm: &str, stale: Stale, peer: IpAddr) -> Vec<String> {
        let serial = self.next_serial;
        self.next_serial += 1;
        let nonce = self.nonce((now, serial), realm, peer);
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

    /// The nonce of credentials that `peer` gives, if it holds: else they are stale, whatever the secret.
    pub fn held(
        &mut self,
        now: Mono,
        credentials: &Credentials,
        peer: IpAddr,
        taken: Taken,
    ) -> Option<Nonce> {
        self.forget_expired(now);
        let nonce = self.read_nonce(credentials, peer)?;
        let lives = nonce.issued <= now && now.since(nonce.issued) <= self.life;
        let failed = self.failed.get(&nonce.serial).copied().unwrap_or(0);
        let fits = taken == Taken::FromAnybody || nonce.is_for_peer;
        (lives && fits && nonce.serial >= self.floor && failed < MAX_FAILED).then_some(nonce)
    }

    /// Checks credentials under their nonce. `ha1` None (unknown user) takes the same work and is Invalid.
    ///
    /// Without qop (RFC 2069) a nonce holds for one request only.
    pub fn verify(
        &mut self,
        method: &Method,
        credentials: &Credentials,
        nonce: &Nonce,
        ha1: Option<&Ha1>,
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
        self.worked += 1;
        let expected = credentials.expected(method, ha1.unwrap_or(&nobody), quality.as_ref());
        let is_right = is_same(expected.as_bytes(), credentials.response.as_bytes());
        if !is_right
            || ha1.is_none()
            || !is_formed
            || !self.offered().contains(&credentials.algorithm)
        {
            self.fail(nonce);
            return Verdict::Invalid;
        }
        self.use_count(nonce, quality.map(|q| q.nc))
    }

    /// Responses worked out since start: one for each secret that was looked at.
    #[must_use]
    pub fn worked(&self) -> u64 {
        self.worked
    }

    /// When all places are taken the oldest is forgotten: its nonce may fail again, which gains nothing over a new one.
    fn fail(&mut self, nonce: &Nonce) {
        let failed = self.failed.entry(nonce.serial).or_default();
        *failed = failed.saturating_add(1);
        if self.failed.len() > self.capacity {
            self.failed.pop_first();
        }
    }

    /// Takes the count, or for None the whole nonce.
    fn use_count(&mut self, nonce: &Nonce, nc: Option<u32>) -> Verdict {
        let &Nonce { issued, serial, .. } = nonce;
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

    fn nonce(&self, made: (Mono, u64), realm: &str, peer: IpAddr) -> String {
        let text = |mac: [u8; 32]| hex(mac.get(..16).unwrap_or(&mac));
        format!(
            "{:016x}{:016x}{}{}",
            made.0.0,
            made.1,
            text(self.mac(made, realm, None)),
            text(self.mac(made, realm, Some(peer)))
        )
    }

    fn read_nonce(&self, credentials: &Credentials, peer: IpAddr) -> Option<Nonce> {
        let text = credentials.nonce.as_str();
        let number = |from, to| u64::from_str_radix(text.get(from..to)?, 16).ok();
        let (issued, serial) = (Mono(number(0, 16)?), number(16, 32)?);
        let made = self.nonce((issued, serial), &credentials.realm, peer);
        if text.len() != made.len() {
            return None;
        }
        let (given, for_whom) = text.as_bytes().split_at_checked(64)?;
        let (ours, for_peer) = made.as_bytes().split_at_checked(64)?;
        is_same(given, ours).then_some(Nonce {
            issued,
            serial,
            is_for_peer: is_same(for_whom, for_peer),
        })
    }

    /// HMAC-SHA-256 (RFC 2104) over time, serial, peer and realm.
    fn mac(&self, (issued, serial): (Mono, u64), realm: &str, peer: Option<IpAddr>) -> [u8; 32] {
        let (family, address) = match peer {
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
            .chain_update(issued.0.to_be_bytes())
            .chain_update(serial.to_be_bytes())
            .chain_update([family])
            .chain_update(address)
            .chain_update(realm.as_bytes())
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
    const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    fn credentials(
        authenticator: &mut Authenticator,
        now: Mono,
        nc: Option<u32>,
        algorithm: Algorithm,
    ) -> Credentials {
        let challenge = authenticator.challenge(now, "tandem", Stale::No, PEER);
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
        let now = Mono(at_ms * 1000);
        check_as(authenticator, now, credentials, Some(&ha1))
    }

    fn check_as(
        authenticator: &mut Authenticator,
        now: Mono,
        credentials: &Credentials,
        ha1: Option<&Ha1>,
    ) -> Verdict {
        let Some(nonce) = authenticator.held(now, credentials, PEER, Taken::FromPeer) else {
            return Verdict::Stale;
        };
        authenticator.verify(&Method::Register, credentials, &nonce, ha1)
    }

    fn wrong(credentials: &Credentials) -> Credentials {
        let digit = |c: char| if c == '0' { '1' } else { '0' };
        Credentials {
            response: credentials.response.chars().map(digit).collect(),
            ..credentials.clone()
        }
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

    /// No answer to a nonce that does not hold tells anything of the secret or the user, and no hash is worked out.
    #[test]
    fn under_a_nonce_that_does_not_hold_right_and_wrong_known_and_unknown_are_alike() {
        for algorithm in [Algorithm::Md5, Algorithm::Sha256] {
            let mut a = Authenticator::new([7; 32], LIFE_MS);
            let good = credentials(&mut a, Mono(0), Some(1), algorithm);
            let future = credentials(&mut a, Mono(500_000_000), Some(1), algorithm);
            let mut other = Authenticator::new([8; 32], LIFE_MS);
            let foreign = credentials(&mut other, Mono(0), Some(1), algorithm);
            let made_up = again("00", Some(1), algorithm);
            let cases = [
                (&good, LIFE_MS + 1),
                (&future, 1),
                (&foreign, 1),
                (&made_up, 1),
            ];
            let ha1 = Ha1::new("alice", "tandem", "secret");
            for (given, at_ms) in cases {
                for given in [given.clone(), wrong(given)] {
                    for ha1 in [Some(&ha1), None] {
                        let verdict = check_as(&mut a, Mono(at_ms * 1000), &given, ha1);
                        assert_eq!(verdict, Verdict::Stale);
                    }
                }
            }
            assert_eq!(a.worked(), 0);
            assert_eq!(check(&mut a, LIFE_MS, &good), Verdict::Valid);
            assert_eq!(check(&mut a, LIFE_MS, &wrong(&good)), Verdict::Invalid);
        }
    }

    /// Work is counted, not timed.
    #[test]
    fn a_known_and_an_unknown_user_take_the_same_work() {
        for algorithm in [Algorithm::Md5, Algorithm::Sha256] {
            for nc in [Some(1), None] {
                let mut a = Authenticator::new([7; 32], LIFE_MS);
                let ha1 = Ha1::new("alice", "tandem", "secret");
                for ha1 in [Some(&ha1), None] {
                    let given = wrong(&credentials(&mut a, Mono(0), nc, algorithm));
                    let before = (a.worked(), super::super::hashed());
                    let verdict = check_as(&mut a, Mono(1), &given, ha1);
                    assert_eq!(verdict, Verdict::Invalid);
                    assert_eq!(a.worked() - before.0, 1);
                    assert_eq!(
                        super::super::hashed() - before.1,
                        2,
                        "of the request, of all"
                    );
                }
            }
        }
    }

    #[test]
    fn a_nonce_holds_for_a_few_wrong_secrets_and_their_number_has_an_end() {
        let mut a = Authenticator {
            capacity: 2,
            ..Authenticator::new([7; 32], LIFE_MS)
        };
        let good = credentials(&mut a, Mono(0), Some(1), Algorithm::Md5);
        for _ in 0..MAX_FAILED {
            assert_eq!(check(&mut a, 1, &wrong(&good)), Verdict::Invalid);
        }
        assert_eq!(check(&mut a, 1, &wrong(&good)), Verdict::Stale);
        assert_eq!(check(&mut a, 1, &good), Verdict::Stale);
        for _ in 0..10 {
            let next = credentials(&mut a, Mono(0), Some(1), Algorithm::Md5);
            assert_eq!(check(&mut a, 1, &wrong(&next)), Verdict::Invalid);
            assert!(a.failed.len() <= 2);
            assert_eq!(check(&mut a, 1, &next), Verdict::Valid);
        }
    }

    #[test]
    fn wrong_method_unknown_user_wrong_qop_and_unoffered_algorithm_are_invalid() {
        let mut a = Authenticator::new([7; 32], LIFE_MS);
        let good = credentials(&mut a, Mono(0), Some(1), Algorithm::Md5);
        let ha1 = Ha1::new("alice", "tandem", "secret");
        let nonce = a.held(Mono(1), &good, PEER, Taken::FromPeer).unwrap();
        let verdict = a.verify(&Method::Invite, &good, &nonce, Some(&ha1));
        assert_eq!(verdict, Verdict::Invalid);
        assert_eq!(check_as(&mut a, Mono(1), &good, None), Verdict::Invalid);
        let mut fresh = |nc| credentials(&mut a, Mono(0), nc, Algorithm::Md5);
        let (stood_in, good) = (fresh(Some(1)), fresh(Some(1)));
        let zeros = Ha1 {
            md5: "0".repeat(32),
            sha256: "0".repeat(64),
        };
        let quality = Quality {
            nc: 1,
            cnonce: "0a4f113b",
        };
        let guessed = Credentials {
            response: stood_in.expected(&Method::Register, &zeros, Some(&quality)),
            ..stood_in
        };
        assert_eq!(
            check_as(&mut a, Mono(1), &guessed, None),
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
            strict.challenge(Mono(0), "tandem", Stale::No, PEER).len(),
            1
        );
        assert_eq!(check(&mut strict, 1, &good), Verdict::Invalid);
        assert_eq!(check(&mut a, 1, &good), Verdict::Valid);
    }

    #[test]
    fn a_nonce_holds_for_its_realm_and_tells_for_whom_it_was_made() {
        let mut a = Authenticator::new([7; 32], LIFE_MS);
        let peers = ["192.0.2.1", "192.0.2.2", "2001:db8::"].map(|text| text.parse().unwrap());
        let nonce_of = |made: &[String]| {
            let (_, after) = made[0].split_once("nonce=\"").unwrap();
            after.split('"').next().unwrap().to_owned()
        };
        for (given, back) in (0..3).flat_map(|x| (0..3).map(move |y| (x, y))) {
            let made = a.challenge(Mono(0), "tandem", Stale::No, peers[given]);
            let good = again(&nonce_of(&made), Some(1), Algorithm::Md5);
            let bound = a.held(Mono(1), &good, peers[back], Taken::FromPeer);
            assert_eq!(bound.is_some(), given == back, "{given} {back}");
            let nonce = a.held(Mono(1), &good, peers[back], Taken::FromAnybody);
            assert_eq!(nonce.unwrap().is_for_peer(), given == back);
        }
        let other = a.challenge(Mono(0), "elsewhere", Stale::No, PEER);
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
            &"f".repeat(96),
            &"é".repeat(32),
            &"é".repeat(48),
        ] {
            longer.nonce = nonce.to_owned();
            assert_eq!(check(&mut a, 1, &longer), Verdict::Stale, "{nonce}");
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
        let made = a.challenge(Mono(1), "a\"b\r\nX: y", Stale::Yes, PEER);
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
