//! Seeded mutations of the torture messages against the daemon: it goes on answering, and does not grow.
//!
//! The count of each run is small here; `TANDEM_MUTATIONS=20000 cargo test -p tandem-tests --test wire mutations
//! --release -- --nocapture` runs the whole and prints what it measured.

use crate::{
    client::{Client, DEADLINE},
    rig::Rig,
    torture,
};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::{
    fs,
    time::{Duration, Instant},
};
use tandem_sip::Transport;

/// Bytes that parsers stumble over.
const SPICE: &[&[u8]] = &[
    b"\r\n",
    b"\n",
    b"\r",
    b"\0",
    b" ",
    b"\"",
    b"<",
    b">",
    b";",
    b",",
    b":",
    b"%",
    b"@",
    b"\\",
    b"=",
    b"\r\n ",
    b"\xff",
    b"\xc3\xa9",
    b"[",
    b"]",
    b"\r\n\r\n",
    b"Content-Length: 99999999999\r\n",
    b"l: 3\r\n",
    b"sip:",
    b"*",
    b"\r\nVia: SIP/2.0/UDP a",
    b"\r\nContact: *",
    b";tag=",
    b"4294967296",
    b"SIP/2.0 ",
    b"INVITE",
    b"ACK",
    b"CANCEL",
    b"BYE",
];
/// What the process may grow by.
const GROWTH_KB: u64 = 20 << 10;

fn count() -> usize {
    let set = std::env::var("TANDEM_MUTATIONS").ok();
    set.and_then(|text| text.parse().ok()).unwrap_or(600)
}

fn mutate(rng: &mut ChaCha8Rng, seed: &[u8], other: &[u8]) -> Vec<u8> {
    let mut out = seed.to_vec();
    for _ in 0..rng.random_range(1..=6) {
        let at = rng.random_range(0..=out.len());
        let end = (at + rng.random_range(0..12)).min(out.len());
        let spice = SPICE[rng.random_range(0..SPICE.len())].iter().copied();
        match rng.random_range(0..6) {
            0 => drop(out.splice(at..end, spice)),
            1 => drop(out.splice(at..at, spice)),
            2 => out[at..end]
                .iter_mut()
                .for_each(|byte| *byte = rng.random()),
            3 => drop(out.drain(at..end)),
            4 => {
                let from = rng.random_range(0..other.len());
                let to = (from + rng.random_range(0..64)).min(other.len());
                drop(out.splice(at..end, other[from..to].iter().copied()));
            }
            _ => {
                let copied = out[at..end].to_vec();
                drop(out.splice(at..at, copied));
            }
        }
    }
    out
}

fn resident_kb() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

struct Figures {
    sent: usize,
    slowest: Duration,
    grown_kb: u64,
}

impl Figures {
    fn print(&self, what: &str) {
        eprintln!(
            "{what}: {} mutations, slowest OPTIONS {:?}, memory grew {} kB",
            self.sent, self.slowest, self.grown_kb
        );
        assert!(self.grown_kb <= GROWTH_KB, "{what}: {} kB", self.grown_kb);
    }
}

/// Sends `count` mutations, `send` each, asking OPTIONS after every hundred.
fn run(rig: &Rig, seed: u64, count: usize, mut send: impl FnMut(&[u8])) -> Figures {
    let corpus = torture::all();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut asking = rig.client(Transport::Udp);
    assert!(asking.options().is_some());
    // What is allocated once (buffers, tables up to their bounds) is there before counting begins.
    for _ in 0..count / 10 {
        let at = rng.random_range(0..corpus.len());
        send(&corpus[at]);
    }
    let before = resident_kb();
    let mut slowest = Duration::ZERO;
    for round in 0..count {
        let other = rng.random_range(0..corpus.len());
        send(&mutate(
            &mut rng,
            &corpus[round % corpus.len()],
            &corpus[other],
        ));
        if round % 100 == 99 {
            let asked = Instant::now();
            let answer = asking.options();
            assert!(
                answer.is_some(),
                "no answer within {DEADLINE:?} after {round} mutations"
            );
            slowest = slowest.max(asked.elapsed());
        }
    }
    Figures {
        sent: count,
        slowest,
        grown_kb: resident_kb().saturating_sub(before),
    }
}

#[test]
fn datagrams() {
    let rig = Rig::start();
    for seed in [4475, 5118, 3261] {
        let mut peer = rig.client(Transport::Udp);
        run(&rig, seed, count(), |bytes| {
            peer.send(bytes);
        })
        .print("UDP");
    }
}

#[test]
fn streams() {
    let rig = Rig::start();
    for transport in [Transport::Tcp, Transport::Tls, Transport::Wss] {
        let mut peer: Option<Client> = None;
        let figures = run(&rig, 4475, count() / 4, |bytes| {
            let mut open = peer.take().unwrap_or_else(|| rig.client(transport));
            // A stream that lost its place is closed: the next mutation opens another.
            if open.send(bytes) {
                peer = Some(open);
            }
        });
        figures.print(&format!("{transport:?}"));
    }
}
