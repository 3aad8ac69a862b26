//! A browser's side before its audio: ICE-lite finds the way, DTLS the keys.
//!
//! Nothing but a connectivity check with our credentials makes a source one of the peer's; only from such a
//! source is a handshake taken, and only then does one exist. The way the peer nominated last is used, for as
//! long as its checks go on (RFC 7675).
//!
//! A peer without ICE is where its description says, by the rules of the gate, which judges its packets before they
//! come here and after. Whoever begins a handshake from there has it alone until it fails; then another may begin.

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use tandem_sdp::{
    relay::DtlsSide,
    web::{Fingerprint, Setup},
};

use crate::{
    Micros,
    certificate::Certificates,
    handshake::{Handshake, Keys},
    stun,
};

/// Ways of one browser remembered.
const MAX_WAYS: usize = 8;
/// Without a check for this long the peer has taken its consent back (RFC 7675 section 5.1).
const CONSENT_US: Micros = 30_000_000;
/// Handshakes begun with a peer without ICE: anybody who writes its address can spoil one.
const MAX_BEGUN: u32 = 50;

/// One browser's side.
#[derive(Debug)]
pub(crate) struct Web {
    side: DtlsSide,
    certificates: Arc<Certificates>,
    ways: Vec<Way>,
    nominated: Option<SocketAddr>,
    state: State,
    begun: u32,
}

#[derive(Clone, Copy, Debug)]
struct Way {
    source: SocketAddr,
    checked_us: Micros,
}

#[derive(Debug)]
enum State {
    /// No check has come yet.
    Waiting,
    Shaking(Box<Handshake>),
    /// It went wrong: nothing passes until another description comes.
    Failed,
}

/// What a datagram led to.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// To be sent, in order.
    pub(crate) replies: Vec<(SocketAddr, Vec<u8>)>,
    /// The way to use from now on.
    pub(crate) nominated: Option<SocketAddr>,
    /// The handshake ended with these.
    pub(crate) keys: Option<Keys>,
    /// It was nothing of the peer's.
    pub(crate) foreign: bool,
}

/// Whether a datagram on a browser's port is audio; the rest is for [`Web::handle`] (RFC 7983).
pub(crate) fn is_media(packet: &[u8]) -> bool {
    packet
        .first()
        .is_some_and(|first| (128..192).contains(first))
}

impl Web {
    pub(crate) fn new(side: DtlsSide, certificates: Arc<Certificates>) -> Self {
        Self {
            side,
            certificates,
            ways: Vec::new(),
            nominated: None,
            state: State::Waiting,
            begun: 0,
        }
    }

    /// Whether the peer's place is found by its checks, and not told by its description.
    pub(crate) fn finds_its_way(&self) -> bool {
        self.side.peer.ice.is_some()
    }

    /// Takes a new description: other credentials restart ICE, another certificate the handshake too. True if the
    /// keys so far hold no longer.
    pub(crate) fn change(&mut self, side: DtlsSide) -> bool {
        let same = |a: &Fingerprint, b: &Fingerprint| a == b;
        let renewed = !same(&side.peer.fingerprint, &self.side.peer.fingerprint)
            || side.shown != self.side.shown
            || side.setup != self.side.setup
            || matches!(self.state, State::Failed);
        if side.ours != self.side.ours || side.peer.ice != self.side.peer.ice {
            self.ways.clear();
        }
        if renewed {
            self.state = State::Waiting;
            self.begun = 0;
        }
        // The other way of finding the peer begins anew.
        if side.peer.ice.is_some() != self.side.peer.ice.is_some() {
            self.nominated = None;
        }
        self.side = side;
        renewed
    }

    /// Takes a datagram that is no audio.
    pub(crate) fn handle(&mut self, packet: &[u8], source: SocketAddr, now_us: Micros) -> Outcome {
        let mut outcome = Outcome::default();
        // Both libraries read a stranger's bytes: a fault of theirs must end this call's audio, not all calls'.
        let sound = catch_unwind(AssertUnwindSafe(|| {
            if stun::is_stun(packet) {
                self.check(packet, source, now_us, &mut outcome);
            } else {
                self.shake(packet, source, now_us, &mut outcome);
            }
        }));
        if sound.is_err() {
            tracing::error!("a handshake panicked: the side is shut");
            self.state = State::Failed;
        }
        outcome
    }

    fn check(&mut self, packet: &[u8], source: SocketAddr, now_us: Micros, outcome: &mut Outcome) {
        let ice = self.side.peer.ice.as_ref();
        let Some(check) =
            ice.and_then(|ice| stun::answer(packet, source, &self.side.ours, &ice.ufrag))
        else {
            outcome.foreign = true;
            return;
        };
        self.remember(source, now_us);
        outcome.replies.push((source, check.answer));
        if check.nominates || self.nominated.is_none() {
            if self.nominated != Some(source) {
                outcome.nominated = Some(source);
            }
            self.nominated = Some(source);
        }
        self.begin(now_us);
        self.drain(outcome);
    }

    fn begin(&mut self, now_us: Micros) {
        if matches!(self.state, State::Waiting) {
            self.begun += 1;
            let promised = self.side.peer.fingerprint.clone();
            let certificate = self.certificates.of(self.side.shown);
            let begun = Handshake::new(certificate, self.side.setup, promised, now_us);
            self.state = begun.map_or(State::Failed, |begun| State::Shaking(Box::new(begun)));
        }
    }

    /// A peer without ICE takes packets there: the handshake begins, if it is ours to begin.
    pub(crate) fn call_on(&mut self, place: SocketAddr, now_us: Micros, outcome: &mut Outcome) {
        let waits = matches!(self.state, State::Waiting) && self.side.setup == Setup::Active;
        if waits && !self.finds_its_way() {
            self.nominated = Some(place);
            self.begin(now_us);
            self.drain(outcome);
        }
    }

    /// The way in use, for a packet that came by any proven one: a browser sends by a new way before it nominates it
    /// (RFC 8445 section 12.1). None for a stranger, or after the peer's consent has ended.
    pub(crate) fn way_of(&self, source: SocketAddr) -> Option<SocketAddr> {
        if !self.finds_its_way() {
            return Some(source);
        }
        let proven = self.ways.iter().any(|way| way.source == source);
        self.nominated.filter(|_| proven)
    }

    fn remember(&mut self, source: SocketAddr, now_us: Micros) {
        if let Some(way) = self.ways.iter_mut().find(|way| way.source == source) {
            way.checked_us = now_us;
            return;
        }
        if self.ways.len() >= MAX_WAYS {
            let oldest = (0..self.ways.len())
                .min_by_key(|at| self.ways.get(*at).map(|way| way.checked_us))
                .unwrap_or(0);
            self.ways.swap_remove(oldest);
        }
        self.ways.push(Way {
            source,
            checked_us: now_us,
        });
    }

    fn shake(&mut self, packet: &[u8], source: SocketAddr, now_us: Micros, outcome: &mut Outcome) {
        if !self.finds_its_way() && matches!(self.state, State::Waiting) {
            self.nominated = Some(source);
            self.begin(now_us);
        }
        let known = if self.finds_its_way() {
            self.ways.iter().any(|way| way.source == source)
        } else {
            self.nominated == Some(source)
        };
        let State::Shaking(handshake) = &mut self.state else {
            outcome.foreign = !known;
            return;
        };
        if !known {
            outcome.foreign = true;
            return;
        }
        match handshake.read(packet, now_us) {
            Ok(keys) => {
                outcome.keys = keys;
                self.drain(outcome);
            }
            Err(error) => {
                tracing::debug!(%error, "a browser's handshake failed");
                self.drain(outcome);
                self.fail();
            }
        }
    }

    /// Repeats lost flights; called once a second. False when the peer's consent has ended.
    pub(crate) fn tick(&mut self, now_us: Micros, outcome: &mut Outcome) -> bool {
        if let State::Shaking(handshake) = &mut self.state
            && let Err(error) = handshake.tick(now_us)
        {
            tracing::debug!(%error, "a browser's handshake was given up");
            self.fail();
        }
        self.drain(outcome);
        let fresh = |way: &Way| now_us.saturating_sub(way.checked_us) < CONSENT_US;
        let consents =
            self.nominated.is_none() || !self.finds_its_way() || self.ways.iter().any(fresh);
        if !consents {
            self.nominated = None;
        }
        consents
    }

    fn fail(&mut self) {
        let done = matches!(&self.state, State::Shaking(handshake) if handshake.is_done());
        let again = !done && !self.finds_its_way() && self.begun < MAX_BEGUN;
        self.state = if again { State::Waiting } else { State::Failed };
    }

    fn drain(&mut self, outcome: &mut Outcome) {
        let (State::Shaking(handshake), Some(way)) = (&mut self.state, self.nominated) else {
            return;
        };
        while let Some(packet) = handshake.poll() {
            outcome.replies.push((way, packet));
        }
    }
}
