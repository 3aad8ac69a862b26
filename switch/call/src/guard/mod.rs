//! Who is heard at all: scanners and password guessing are slowed, then blocked, by source address.
//!
//! What each source does wrong earns it points that fade ([`score`]); over a first threshold it is heard only now
//! and then, over a second not at all for a time that doubles with each repetition. An operator's rules go first;
//! gateways' and customers' own addresses count as rules that allow, but that wrong secrets from there are tried more
//! slowly. Of rules the narrowest holds; to the addresses of resellers' customers any rule goes before.
//!
//! UDP lets anybody write anybody's address. So what could be forged ([`Origin::Claimed`]) counts only against
//! sources from which no phone has proved itself of late; what cannot, since it came over a connection or with a
//! nonce that was sent to that very address ([`Origin::Shown`]), counts against all, but a proved source is shown
//! [`PATIENCE`] times the patience, and the user name that fails there is slowed instead. A name that fails from many
//! sources is slowed at all but those where it has proved itself; each has one try even so, so that nobody can lock
//! another out. Must not know messages.

mod proofs;
mod score;
mod standing;
mod table;

pub(crate) use score::{Allowance, Pace};
pub(crate) use standing::{Evidence, Origin};

use crate::{
    directory::{
        Directory, SourceAddress,
        guard::{
            GuardSettings, Network, NetworkMap, RuleOrigin, SourceRule, SourceRules, SourceVerdict,
        },
    },
    io::Now,
};
use proofs::{Name, Proofs};
use score::POINT;
use standing::{Attempts, Standing};
use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
    time::Duration,
};
use table::Table;
use tandem_billing::UtcMs;
use tandem_sip::Mono;

/// Sources with points. An entry takes some 200 bytes.
const MAX_SOURCES: usize = 20_000;
/// User names that fail at proved sources, and as many that fail anywhere.
const MAX_NAMES: usize = 10_000;
/// Blocks of the guard's own in force.
const MAX_BLOCKED: usize = 10_000;
/// New blocks: each is a row in the store.
const BLOCKS: Pace = Pace {
    every: Duration::from_millis(50),
    burst: 200,
};
/// Alerts of blocks.
const ALERTS: Pace = Pace {
    every: Duration::from_secs(60),
    burst: 10,
};
/// Messages taken from a slowed source.
const SLOW: Pace = Pace {
    every: Duration::from_millis(500),
    burst: 4,
};
/// Tries of a user name that keeps failing at a proved source.
const SLOW_NAME: Pace = Pace {
    every: Duration::from_secs(10),
    burst: 1,
};
/// How much more a proved source may do wrong.
const PATIENCE: u64 = 5;
/// Points that a right secret makes good.
const FORGIVEN: u64 = 20 * POINT;
/// Failures of a name at one source at which it is slowed there.
const NAME_SLOW_AT: u64 = 10 * POINT;
/// Failures of a name anywhere at which it is slowed.
const GUESSED_SLOW_AT: u64 = 30 * POINT;

/// What is done with a message before it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    Pass,
    Drop,
}

/// A block that begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Blocking {
    pub(crate) network: Network,
    pub(crate) lasts: Duration,
    pub(crate) repeats: u32,
    pub(crate) reason: String,
    /// The block that made room for it.
    pub(crate) instead_of: Option<Network>,
}

#[derive(Clone, Copy, Debug)]
struct Block {
    until: Mono,
    /// The journal batch that has it: directories that know this batch tell whether it still stands.
    seq: u64,
}

/// What has been dropped since start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) dropped: u64,
    pub(crate) blocks: u64,
}

/// All sources.
pub(crate) struct Guard {
    /// What operators said, and that gateways' hosts and customers' addresses are heard.
    rules: NetworkMap<Ruling>,
    /// Addresses of resellers' customers: where no rule says anything.
    below: NetworkMap<()>,
    /// Some of them block.
    rules_block: bool,
    known: Arc<SourceRules>,
    sources: Table<Network, Standing>,
    /// Those of them that are slowed.
    slowed: BTreeMap<Network, Allowance>,
    names: Table<(Network, Name), Attempts>,
    guessed: Table<Name, Attempts>,
    proofs: Proofs,
    blocked: BTreeMap<Network, Block>,
    ends: BTreeSet<(Mono, Network)>,
    pace: Allowance,
    telling: Allowance,
    untold: u32,
    counts: Counts,
}

/// What was said of an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    /// An operator says so.
    Block,
    /// An operator says so.
    Allow,
    /// It is a gateway's or a customer's.
    Known,
}

#[derive(Clone, Copy, Debug)]
struct Ruling {
    word: Word,
    until: Option<Mono>,
}

impl Ruling {
    const KNOWN: Self = Self {
        word: Word::Known,
        until: None,
    };

    fn holds(&self, now: Mono) -> bool {
        self.until.is_none_or(|until| until > now)
    }
}

impl Default for Guard {
    fn default() -> Self {
        Self {
            rules: NetworkMap::default(),
            below: NetworkMap::default(),
            rules_block: false,
            known: Arc::default(),
            sources: Table::new(MAX_SOURCES),
            slowed: BTreeMap::new(),
            names: Table::new(MAX_NAMES),
            guessed: Table::new(MAX_NAMES),
            proofs: Proofs::default(),
            blocked: BTreeMap::new(),
            ends: BTreeSet::new(),
            pace: Allowance::default(),
            telling: Allowance::default(),
            untold: 0,
            counts: Counts::default(),
        }
    }
}

impl Guard {
    /// Puts a directory's rules in force; what is blocked from now on that was not before comes back.
    pub(crate) fn take_directory(&mut self, directory: &Directory, now: Now) -> Vec<Network> {
        let hosts = directory
            .gateways
            .values()
            .flat_map(|gateway| &gateway.hosts);
        let hosts = hosts.map(|host| (Network::of_source(host.address.ip()), Ruling::KNOWN));
        let network = |row: &SourceAddress| Network::new(row.network, row.prefix_len);
        let below = directory.sources.iter();
        let below = below.filter(|row| directory.is_below_reseller(row.account));
        self.below = NetworkMap::build(below.map(|row| (network(row), ())));
        let own = directory.sources.iter();
        let own = own.filter(|row| !directory.is_below_reseller(row.account));
        let own = own.map(|row| (network(row), Ruling::KNOWN));
        let by_hand = |rule: &&SourceRule| rule.origin == RuleOrigin::Operator;
        let ruling = |rule: &SourceRule| {
            let until = rule.expires_at.map(|at| mono(now, at));
            let word = match rule.verdict {
                SourceVerdict::Block => Word::Block,
                SourceVerdict::Allow => Word::Allow,
            };
            (rule.network, Ruling { word, until })
        };
        let rows = directory.source_rules.rows.iter().filter(by_hand);
        self.rules = NetworkMap::build(hosts.chain(own).chain(rows.clone().map(ruling)));
        if Arc::ptr_eq(&self.known, &directory.source_rules) {
            return Vec::new();
        }
        self.known = Arc::clone(&directory.source_rules);
        self.take_blocks(now);
        let shut = rows.filter(|rule| rule.verdict == SourceVerdict::Block);
        let shut: Vec<Network> = shut.map(|rule| rule.network).collect();
        self.rules_block = !shut.is_empty();
        shut
    }

    /// The guard's own rows: those an operator removed end, those of an earlier run go on.
    fn take_blocks(&mut self, now: Now) {
        let known = Arc::clone(&self.known);
        let own = known.rows.iter();
        let own = own.filter(|rule| rule.origin == RuleOrigin::Guard);
        let rows: BTreeMap<Network, &SourceRule> = own.map(|rule| (rule.network, rule)).collect();
        let lifted: Vec<Network> = self
            .blocked
            .iter()
            .filter(|(network, block)| block.seq <= known.as_of && !rows.contains_key(*network))
            .map(|(network, _)| *network)
            .collect();
        for network in lifted {
            self.unblock(network);
            self.sources.remove(&network);
            self.slowed.remove(&network);
        }
        for (network, rule) in rows {
            let until = rule.expires_at.map_or(Mono(u64::MAX), |at| mono(now, at));
            self.remember(network, rule.repeats, until, now.mono);
            if until > now.mono {
                self.block(network, until, 0);
            }
        }
    }

    fn remember(&mut self, network: Network, repeats: u32, until: Mono, now: Mono) {
        let standing = self.sources.entry(network, Standing::default, |standing| {
            standing.worth(now, standing::half_life(&GuardSettings::default()))
        });
        standing.blocked_before(repeats, until);
    }

    /// Whether a message from there is read. Costs nothing while nobody is slowed or blocked.
    pub(crate) fn admit(
        &mut self,
        settings: &GuardSettings,
        (from, origin): (IpAddr, Origin),
        now: Mono,
    ) -> Admission {
        if self.blocked.is_empty() && self.slowed.is_empty() && !self.rules_block {
            return Admission::Pass;
        }
        match self.ruling(from, now) {
            Some(Word::Allow | Word::Known) => return Admission::Pass,
            Some(Word::Block) => return self.drop_one(),
            None => {}
        }
        if !judges(settings, from) {
            return Admission::Pass;
        }
        let source = Network::of_source(from);
        if self.blocked.contains_key(&source) {
            return self.drop_one();
        }
        if self.is_too_fast(settings, (source, origin), now) {
            return self.drop_one();
        }
        Admission::Pass
    }

    fn drop_one(&mut self) -> Admission {
        self.counts.dropped += 1;
        Admission::Drop
    }

    /// Whoever goes on at the same pace earns the block with it: no polite phone does.
    fn is_too_fast(
        &mut self,
        settings: &GuardSettings,
        (source, origin): (Network, Origin),
        now: Mono,
    ) -> bool {
        let proved = self.is_proved(settings, source, now);
        if proved && origin == Origin::Claimed {
            // Else a forger could use up what its phones are left.
            return false;
        }
        let Some(allowance) = self.slowed.get_mut(&source) else {
            return false;
        };
        let mut standing = self.sources.get_mut(&source);
        let points = standing
            .as_ref()
            .map_or(0, |standing| standing.points(settings, proved, now));
        if points < u64::from(settings.slow_at) * POINT {
            self.slowed.remove(&source);
            return false;
        }
        let too_fast = !allowance.take(SLOW, now);
        if let Some(standing) = standing.as_mut().filter(|_| too_fast) {
            standing.add(&Evidence::Hasty, origin, settings, now);
        }
        too_fast
    }

    /// Whether new connections from there are refused.
    pub(crate) fn is_blocked(&self, settings: &GuardSettings, from: IpAddr, now: Mono) -> bool {
        match self.ruling(from, now) {
            Some(word) => word == Word::Block,
            None => judges(settings, from) && self.blocked.contains_key(&Network::of_source(from)),
        }
    }

    /// What was said of it.
    fn ruling(&self, from: IpAddr, now: Mono) -> Option<Word> {
        let found = self.rules.find(from, |ruling| ruling.holds(now));
        let below = || self.below.find(from, |()| true).map(|()| Word::Known);
        found.map(|ruling| ruling.word).or_else(below)
    }

    fn is_proved(&self, settings: &GuardSettings, source: Network, now: Mono) -> bool {
        self.proofs.has_any(source, proof_life(settings), now)
    }

    /// A phone has proved itself from there.
    pub(crate) fn prove(&mut self, settings: &GuardSettings, from: IpAddr, user: &str, now: Mono) {
        let (source, name) = (Network::of_source(from), Name::of(user));
        self.names.remove(&(source, name));
        if let Some(standing) = self.sources.get_mut(&source) {
            standing.forgive(FORGIVEN, settings, now);
        }
        self.proofs.add(source, name, (proof_life(settings), now));
    }

    /// Whether a secret given for `user` is tried at all. Always, but for names that keep failing at a source where
    /// others succeed or from many sources, and for customers whose addresses guess.
    pub(crate) fn may_try(
        &mut self,
        settings: &GuardSettings,
        from: IpAddr,
        user: &str,
        now: Mono,
    ) -> bool {
        if !settings.enabled {
            return true;
        }
        let (source, name) = (Network::of_source(from), Name::of(user));
        let here = self.names.get_mut(&(source, name));
        if here.is_some_and(|here| !here.may_try(settings, NAME_SLOW_AT, now)) {
            return false;
        }
        if self.proofs.has(source, name, (proof_life(settings), now)) {
            return true;
        }
        let is_known = self.ruling(from, now) == Some(Word::Known);
        let standing = self.sources.get_mut(&source);
        let has_failed = standing.as_ref().is_some_and(|one| one.has_failed(name));
        if is_known && standing.is_some_and(|one| !one.may_try(settings, now)) {
            return false;
        }
        let anywhere = self.guessed.get_mut(&name).filter(|_| has_failed);
        anywhere.is_none_or(|anywhere| anywhere.may_try(settings, GUESSED_SLOW_AT, now))
    }

    /// Whether nonces made for others are taken from there: a guesser with them could not be told from a forger.
    pub(crate) fn may_borrow(&mut self, settings: &GuardSettings, from: IpAddr, now: Mono) -> bool {
        let standing = self.sources.get_mut(&Network::of_source(from));
        let limit = u64::from(settings.slow_at) * POINT;
        standing.is_none_or(|standing| standing.claimed(settings, now) < limit)
    }

    /// Somebody there did wrong. A block that begins is to be written down, and its connections to be closed.
    pub(crate) fn note(
        &mut self,
        settings: &GuardSettings,
        from: IpAddr,
        (evidence, origin): (&Evidence<'_>, Origin),
        now: Mono,
    ) -> Option<Blocking> {
        let word = self.ruling(from, now);
        let is_guess = matches!(evidence, Evidence::Wrong { .. });
        if !judges(settings, from) || word.is_some() && !is_guess {
            return None;
        }
        let source = Network::of_source(from);
        let proved = word.is_some() || self.is_proved(settings, source, now);
        if let Evidence::Wrong { user } = evidence {
            let here = proved && origin == Origin::Shown;
            self.count_name(settings, (source, Name::of(user)), here, now);
        }
        let half_life = standing::half_life(settings);
        let standing = self
            .sources
            .entry(source, Standing::default, |held| held.worth(now, half_life));
        standing.add(evidence, origin, settings, now);
        if word.is_some() || proved && origin == Origin::Claimed {
            return None;
        }
        let points = standing.points(settings, proved, now);
        if points >= u64::from(settings.block_at) * POINT && self.pace.take(BLOCKS, now) {
            return Some(self.begin(settings, source, now));
        }
        if points >= u64::from(settings.slow_at) * POINT {
            self.slow(source);
        }
        None
    }

    /// A name failed: at a source where others succeed, where that is sure, and in all, but where it is at home.
    fn count_name(
        &mut self,
        settings: &GuardSettings,
        (source, name): (Network, Name),
        here: bool,
        now: Mono,
    ) {
        let half_life = standing::half_life(settings);
        let worth = |held: &Attempts| held.worth(now, half_life);
        if here {
            let here = self.names.entry((source, name), Attempts::default, worth);
            here.failed(settings, now);
        }
        if !self.proofs.has(source, name, (proof_life(settings), now)) {
            let anywhere = self.guessed.entry(name, Attempts::default, worth);
            anywhere.failed(settings, now);
        }
    }

    /// A table full of slowed sources begins anew: each comes back with the next thing it does wrong.
    fn slow(&mut self, source: Network) {
        if self.slowed.len() >= MAX_SOURCES {
            self.slowed.clear();
        }
        self.slowed.entry(source).or_default();
    }

    fn begin(&mut self, settings: &GuardSettings, source: Network, now: Mono) -> Blocking {
        let longest = Duration::from_secs(u64::from(settings.longest_block_s));
        let first = Duration::from_secs(u64::from(settings.block_s));
        let (mut repeats, mut reason) = (1, String::new());
        let mut lasts = first.min(longest);
        if let Some(standing) = self.sources.get_mut(&source) {
            repeats = standing.repeats_within(longest, now).saturating_add(1);
            let factor = 1_u32.checked_shl(repeats - 1).unwrap_or(u32::MAX);
            lasts = first.saturating_mul(factor).min(longest);
            reason = standing.reason();
            standing.begin_anew(repeats, now + lasts);
        }
        self.slowed.remove(&source);
        let instead_of = self.make_room();
        self.block(source, now + lasts, u64::MAX);
        self.counts.blocks += 1;
        Blocking {
            network: source,
            lasts,
            repeats,
            reason,
            instead_of,
        }
    }

    /// Ends the block that would end first, if there is no room for another.
    fn make_room(&mut self) -> Option<Network> {
        if self.blocked.len() < MAX_BLOCKED {
            return None;
        }
        let (_, network) = self.ends.first().copied()?;
        self.unblock(network);
        Some(network)
    }

    /// A block's row is in this batch of the journal.
    pub(crate) fn journalled(&mut self, network: Network, seq: u64) {
        if let Some(block) = self.blocked.get_mut(&network) {
            block.seq = seq;
        }
    }

    fn block(&mut self, network: Network, until: Mono, seq: u64) {
        if let Some(old) = self.blocked.insert(network, Block { until, seq }) {
            self.ends.remove(&(old.until, network));
        }
        self.ends.insert((until, network));
    }

    fn unblock(&mut self, network: Network) {
        if let Some(block) = self.blocked.remove(&network) {
            self.ends.remove(&(block.until, network));
        }
    }

    /// Whether an alert of a block may be raised now; if so, of how many none was.
    pub(crate) fn may_tell(&mut self, now: Mono) -> Option<u32> {
        if self.telling.take(ALERTS, now) {
            return Some(std::mem::take(&mut self.untold));
        }
        self.untold = self.untold.saturating_add(1);
        None
    }

    /// When the next block ends.
    pub(crate) fn poll_deadline(&self) -> Option<Mono> {
        let (until, _) = self.ends.first()?;
        (*until < Mono(u64::MAX)).then_some(*until)
    }

    /// Ends blocks whose time is over.
    pub(crate) fn handle_timeout(&mut self, now: Mono) {
        while let Some((until, network)) = self.ends.first().copied() {
            if until > now {
                break;
            }
            self.unblock(network);
        }
    }

    /// Since start.
    pub(crate) fn counts(&self) -> Counts {
        self.counts
    }

    /// Sources that the guard blocks now.
    pub(crate) fn blocked(&self) -> usize {
        self.blocked.len()
    }
}

/// Whether points are counted for it, if nobody said anything of it.
fn judges(settings: &GuardSettings, from: IpAddr) -> bool {
    settings.enabled && (settings.loopback || !from.to_canonical().is_loopback())
}

fn proof_life(settings: &GuardSettings) -> Duration {
    Duration::from_secs(u64::from(settings.proof_h) * 3_600)
}

fn mono(now: Now, at: UtcMs) -> Mono {
    let left_ms = u64::try_from(at.0.saturating_sub(now.utc.0)).unwrap_or(0);
    now.mono + Duration::from_millis(left_ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn source(n: u32) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from(0x0b00_0000 + n))
    }

    fn wrong<'a>(user: &'a str) -> (Evidence<'a>, Origin) {
        (Evidence::Wrong { user }, Origin::Shown)
    }

    fn note(guard: &mut Guard, from: IpAddr, what: &(Evidence<'_>, Origin), now: Mono) -> bool {
        let settings = GuardSettings::default();
        guard
            .note(&settings, from, (&what.0, what.1), now)
            .is_some()
    }

    #[test]
    fn sources_and_slowed_ones_have_an_end() {
        let mut guard = Guard::default();
        for n in 0..50_000 {
            for user in ["a", "b", "c", "d", "e", "f"] {
                note(&mut guard, source(n), &wrong(user), Mono(0));
            }
            assert!(guard.sources.len() <= MAX_SOURCES && guard.slowed.len() <= MAX_SOURCES);
        }
        assert!(guard.slowed.len() > 1_000, "they were slowed");
    }

    #[test]
    fn names_at_a_proved_source_have_an_end() {
        let mut guard = Guard::default();
        let settings = GuardSettings {
            block_at: 1_000_000_000,
            ..GuardSettings::default()
        };
        guard.prove(&settings, source(1), "alice", Mono(0));
        for n in 0..30_000 {
            let user = n.to_string();
            let (evidence, origin) = wrong(&user);
            assert_eq!(
                guard.note(&settings, source(1), (&evidence, origin), Mono(0)),
                None
            );
            assert!(guard.names.len() <= MAX_NAMES);
        }
    }

    #[test]
    fn names_that_fail_anywhere_have_an_end_and_the_guessed_one_stays() {
        let mut guard = Guard::default();
        for n in 0..200 {
            note(&mut guard, source(n), &wrong("alice"), Mono(0));
        }
        for n in 0..100_000 {
            note(&mut guard, source(n), &wrong(&n.to_string()), Mono(0));
            assert!(guard.guessed.len() <= MAX_NAMES);
        }
        assert!(guard.guessed.get(&Name::of("alice")).is_some());
    }

    #[test]
    fn blocks_have_an_end_and_the_one_that_ends_first_gives_way() {
        let mut guard = Guard::default();
        let mut gone = Vec::new();
        for n in 0..MAX_BLOCKED as u32 + 10 {
            let now = Mono(u64::from(n) * 60_000);
            for user in 0..11 {
                let user = user.to_string();
                let (evidence, origin) = wrong(&user);
                let settings = GuardSettings {
                    block_s: 2_000_000,
                    longest_block_s: 2_000_000,
                    ..GuardSettings::default()
                };
                let begun = guard.note(&settings, source(n), (&evidence, origin), now);
                gone.extend(begun.and_then(|begun| begun.instead_of));
            }
        }
        assert_eq!(guard.blocked(), MAX_BLOCKED);
        assert_eq!(guard.ends.len(), MAX_BLOCKED);
        let first: Vec<Network> = (0..10).map(|n| Network::of_source(source(n))).collect();
        assert_eq!(gone, first);
    }
}
