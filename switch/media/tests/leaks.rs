//! Ten thousand short calls of every kind: ports, descriptors, threads and memory are all back.
#![allow(clippy::unwrap_used)] // a test fails by panicking

mod rig;
#[path = "rig/web.rs"]
mod web;

use std::fs;
use std::net::{SocketAddr, UdpSocket};

use rig::{Phone, Rig, config, local, packet};
use tandem_media::RelayConfig;
use tandem_sdp::convert::{DigitsTo, Format};
use tandem_sdp::play::{PlayOrder, Talk, Until};
use tandem_sdp::relay::{DtlsSide, SdesKeys, Shown};
use tandem_sdp::sdes::{SrtpKey, SrtpSuite};
use tandem_sdp::web::{Fingerprint, FingerprintHash, Setup, WebPeer};
use tandem_sdp::{
    Conversion, Latch, Protection, RecordingOrder, RelayCommand, RelayId, RelayReport, Side, Sound,
    Stream, Tone,
};

const CALLS: u64 = 10_000;
/// Up at once.
const BATCH: u64 = 100;
/// After so many calls memory has what it needs.
const WARM: u64 = 3_000;

fn count(folder: &str) -> usize {
    fs::read_dir(folder).unwrap().count()
}

/// Bytes of memory this process has.
fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/statm").unwrap();
    let pages = status.split_whitespace().nth(1).unwrap();
    pages.parse::<usize>().unwrap() * 4_096
}

fn keys(fill: u8) -> Protection {
    let suite = SrtpSuite::Aes128Sha80;
    let key =
        |fill| SrtpKey::new(suite, vec![fill; suite.key_bytes() + suite.salt_bytes()]).unwrap();
    Protection::Sdes(Box::new(SdesKeys {
        ours: key(fill),
        theirs: key(fill + 1),
    }))
}

fn browser(checks: bool) -> Protection {
    Protection::Dtls(Box::new(DtlsSide {
        shown: Shown::First,
        ours: web::ice("ours"),
        setup: if checks {
            Setup::Passive
        } else {
            Setup::Active
        },
        peer: WebPeer {
            fingerprint: Fingerprint::new(FingerprintHash::Sha256, vec![7; 32]).unwrap(),
            setup: Setup::ActPass,
            ice: checks.then(|| web::ice("peer")),
        },
    }))
}

fn transcoding() -> Conversion {
    Conversion {
        passes: Vec::new(),
        decodes: vec![(0, Format::Pcmu)],
        encodes: Some((111, Format::Opus)),
        events: Vec::new(),
        listens: vec![(0, Format::Pcmu)],
        digits: DigitsTo::Core,
    }
}

fn beeps() -> PlayOrder {
    PlayOrder {
        sound: Sound::Tone(Tone::RECORDED),
        until: Until::Stopped,
        talk: Talk::Silenced,
        codec: (0, Format::Pcmu),
        events: Vec::new(),
    }
}

/// What a call of this number has beside two plain sides.
fn orders(number: u64) -> Vec<RelayCommand> {
    let id = RelayId(number);
    let transport = |protection, rtcp_mux| RelayCommand::SetTransport {
        id,
        side: Side::A,
        protection,
        rtcp_mux,
    };
    let stream = |stream| RelayCommand::SetStream { id, stream };
    match number % 10 {
        0 => vec![transport(keys(1), false)],
        1 => vec![transport(browser(true), true)],
        2 => vec![transport(browser(true), false)],
        3 => vec![transport(browser(false), true)],
        4 => vec![RelayCommand::SetRecording {
            id,
            recording: Some(Box::new(RecordingOrder {
                name: format!("{number}.wav"),
                a: vec![(0, Format::Pcmu)],
                b: vec![(0, Format::Pcmu)],
            })),
        }],
        5 => vec![RelayCommand::SetConversion {
            id,
            side: Side::A,
            conversion: Some(Box::new(transcoding())),
        }],
        6 => vec![RelayCommand::Play {
            id,
            side: Side::A,
            order: Box::new(beeps()),
        }],
        7 => vec![stream(Stream::Fax)],
        8 => vec![stream(Stream::Video), transport(keys(3), true)],
        _ => Vec::new(),
    }
}

#[test]
fn everything_is_given_back() {
    let folder = tempfile::tempdir().unwrap();
    let phones = [(); 2].map(|()| Phone::new(local()));
    let descriptors = count("/proc/self/fd");
    let rig = Rig::new(RelayConfig {
        // Enough for all calls: ports rest before they are used again.
        first_port: 16_000,
        recordings: Some(folder.path().to_owned()),
        ..config(2)
    });
    let check = web::check("oursfrag:peerfrag", &web::ice("ours").pwd);
    let threads = count("/proc/self/task");
    let mut warm = 0;
    for first in (0..CALLS).step_by(BATCH as usize) {
        let ports = open(&rig, first);
        for (number, ports) in &ports {
            talk(&rig, *number, (&phones, ports), &check);
        }
        close(&rig, first);
        phones.iter().for_each(drain);
        if first + BATCH == WARM {
            warm = resident();
        }
    }
    let grown = resident().saturating_sub(warm);
    assert!(grown < 30_000_000, "{grown} bytes more since call {WARM}");
    assert_eq!(rig.relay.stats().open, 0);
    assert_eq!(count("/proc/self/task"), threads);
    // The recorder closes its last files in its own time; its end waits for it.
    drop(rig);
    assert_eq!(count("/proc/self/fd"), descriptors);
    assert_eq!(count(folder.path().to_str().unwrap()) as u64, CALLS / 10);
}

/// Opens a batch; the A and B ports of each call.
fn open(rig: &Rig, first: u64) -> Vec<(u64, [u16; 2])> {
    for number in first..first + BATCH {
        rig.relay.send(RelayCommand::Open {
            id: RelayId(number),
            a_local: local(),
            b_local: local(),
        });
    }
    let mut opened = Vec::new();
    while opened.len() < BATCH as usize {
        match rig.next() {
            RelayReport::Opened { id, a_port, b_port } => opened.push((id.0, [a_port, b_port])),
            RelayReport::Refused { reason, .. } => panic!("{reason}"),
            _ => {}
        }
    }
    opened
}

fn talk(rig: &Rig, number: u64, (phones, ports): (&[Phone; 2], &[u16; 2]), check: &[u8]) {
    for order in orders(number) {
        rig.relay.send(order);
    }
    for (side, phone) in [(Side::A, &phones[0]), (Side::B, &phones[1])] {
        rig.target(number, side, phone.address(), Latch::FirstPacket);
    }
    let say = |socket: &UdpSocket, what: &[u8], port| {
        socket
            .send_to(what, SocketAddr::new(local(), port))
            .unwrap();
    };
    for (phone, port) in phones.iter().zip(ports) {
        say(&phone.rtp, &packet(1, 9), *port);
        say(&phone.rtp, check, *port);
        say(&phone.rtcp, check, port + 1);
    }
}

/// Once all B sides were heard, which are plain in every call.
fn close(rig: &Rig, first: u64) {
    let mut heard = 0;
    while heard < BATCH {
        let started = |report| matches!(report, RelayReport::Started { side: Side::B, .. });
        heard += u64::from(started(rig.next()));
    }
    for number in first..first + BATCH {
        rig.relay.send(RelayCommand::Close {
            id: RelayId(number),
        });
    }
    let mut closed = 0;
    while closed < BATCH {
        closed += u64::from(matches!(rig.next(), RelayReport::Closed { .. }));
    }
}

/// What came is of no account here.
fn drain(phone: &Phone) {
    for socket in [&phone.rtp, &phone.rtcp] {
        socket.set_nonblocking(true).unwrap();
        while socket.recv(&mut [0; 2_048]).is_ok() {}
        socket.set_nonblocking(false).unwrap();
    }
}
