//! The rules of `latch` as scripts: time in ms, what happens, what must come of it.
#![allow(clippy::unwrap_used)] // a test fails by panicking

use tandem_media::gate::{Channel, Gate, rule_for};
use tandem_media::latch::{Latch, Mode, Rule, Verdict};

/// One line a step: `MS first|signalled TARGET SIGNALLING -> DESTINATION` or `MS SOURCE SSRC ok|no -> DESTINATION`.
fn run(name: &str, script: &str) {
    let mut latch = Latch::default();
    for line in script
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
    {
        let (step, destination) = line.split_once(" -> ").unwrap();
        let words: Vec<&str> = step.split_whitespace().collect();
        let now_us = words[0].parse::<u64>().unwrap() * 1_000;
        match words[1] {
            mode @ ("first" | "signalled") => {
                let mode = if mode == "first" {
                    Mode::FirstPacket
                } else {
                    Mode::Signalled
                };
                let rule = Rule {
                    target: words[2].parse().unwrap(),
                    mode,
                    signalling: words[3].parse().unwrap(),
                };
                latch.update(rule, now_us);
            }
            source => {
                let verdict =
                    latch.judge(source.parse().unwrap(), words[2].parse().unwrap(), now_us);
                let expected = if words[3] == "ok" {
                    Verdict::Accepted
                } else {
                    Verdict::Foreign
                };
                assert_eq!(verdict, expected, "{name}: {line}");
            }
        }
        let found = latch
            .destination()
            .map_or("none".to_owned(), |address| address.to_string());
        assert_eq!(found, destination.trim(), "{name}: {line}");
    }
}

#[test]
fn rules() {
    for (name, script) in [
        (
            "1: nothing before a target",
            "0 198.51.100.7:4000 1 no -> none",
        ),
        (
            "2, 7: a gateway is heard from the address of its SDP, any port, and always answered there",
            "0    signalled 198.51.100.7:4000 198.51.100.1 -> 198.51.100.7:4000
             10   198.51.100.1:4000 9 no -> 198.51.100.7:4000
             20   203.0.113.66:4000 9 no -> 198.51.100.7:4000
             30   198.51.100.7:9999 1 ok -> 198.51.100.7:4000
             40   198.51.100.7:4000 1 ok -> 198.51.100.7:4000",
        ),
        (
            "2, 4: a phone behind NAT latches by the address of its signalling, any port",
            "0    first 10.0.0.5:4000 203.0.113.9 -> none
             10   198.51.100.66:4000 9 no -> none
             20   203.0.113.9:61000 1 ok -> 203.0.113.9:61000
             40   203.0.113.9:61000 1 ok -> 203.0.113.9:61000
             50   198.51.100.66:61000 1 no -> 203.0.113.9:61000",
        ),
        (
            "4: a phone with a public address is sent to before it sends",
            "0    first 203.0.113.9:4000 203.0.113.9 -> 203.0.113.9:4000
             10   203.0.113.9:4000 1 ok -> 203.0.113.9:4000",
        ),
        (
            "5: an outsider of another address never gets in, however long it is silent",
            "0       first 10.0.0.5:4000 203.0.113.9 -> none
             10      203.0.113.9:61000 1 ok -> 203.0.113.9:61000
             20      198.51.100.66:61000 1 no -> 203.0.113.9:61000
             9000000 198.51.100.66:61000 1 no -> 203.0.113.9:61000",
        ),
        (
            "5: a neighbour behind the same NAT does not steal a stream that runs",
            "0    first 10.0.0.5:4000 203.0.113.9 -> none
             10   203.0.113.9:61000 1 ok -> 203.0.113.9:61000
             20   203.0.113.9:62000 2 no -> 203.0.113.9:61000
             30   203.0.113.9:61000 1 ok -> 203.0.113.9:61000
             4900 203.0.113.9:61000 1 ok -> 203.0.113.9:61000
             5020 203.0.113.9:62000 2 no -> 203.0.113.9:61000",
        ),
        (
            "5: a NAT that changes its port goes on with the same stream",
            "0    first 10.0.0.5:4000 203.0.113.9 -> none
             10   203.0.113.9:61000 1 ok -> 203.0.113.9:61000
             509  203.0.113.9:62000 1 no -> 203.0.113.9:61000
             510  203.0.113.9:62000 1 ok -> 203.0.113.9:62000
             520  203.0.113.9:61000 1 no -> 203.0.113.9:62000",
        ),
        (
            "5: a phone that began anew takes over after five seconds",
            "0    first 10.0.0.5:4000 203.0.113.9 -> none
             10   203.0.113.9:61000 1 ok -> 203.0.113.9:61000
             5009 203.0.113.9:62000 2 no -> 203.0.113.9:61000
             5010 203.0.113.9:62000 2 ok -> 203.0.113.9:62000",
        ),
        (
            "a latched source may change its SSRC (transfer inside the phone)",
            "0    first 10.0.0.5:4000 203.0.113.9 -> none
             10   203.0.113.9:61000 1 ok -> 203.0.113.9:61000
             20   203.0.113.9:61000 2 ok -> 203.0.113.9:61000",
        ),
        (
            "3: the exact address of the SDP wins at once",
            "0    first 203.0.113.9:4000 203.0.113.9 -> 203.0.113.9:4000
             10   203.0.113.9:62000 2 no -> 203.0.113.9:4000
             20   203.0.113.9:4000 1 ok -> 203.0.113.9:4000
             400  203.0.113.9:62000 2 no -> 203.0.113.9:4000",
        ),
        (
            "3: also over another one that was latched before",
            "0    first 203.0.113.9:4000 203.0.113.9 -> 203.0.113.9:4000
             10   203.0.113.9:62000 2 no -> 203.0.113.9:4000
             259  203.0.113.9:62000 2 no -> 203.0.113.9:4000
             260  203.0.113.9:62000 2 ok -> 203.0.113.9:62000
             300  203.0.113.9:4000 1 ok -> 203.0.113.9:4000
             320  203.0.113.9:62000 2 no -> 203.0.113.9:4000",
        ),
        (
            "4: a media server beside the signalling is waited for before the signalling's own address latches",
            "0    first 198.51.100.9:4000 198.51.100.1 -> 198.51.100.9:4000
             10   198.51.100.1:5000 2 no -> 198.51.100.9:4000
             20   198.51.100.9:4000 1 ok -> 198.51.100.9:4000
             300  198.51.100.1:5000 2 no -> 198.51.100.9:4000",
        ),
        (
            "4: a new target is waited for afresh",
            "0    first 203.0.113.9:4000 203.0.113.9 -> 203.0.113.9:4000
             10   203.0.113.9:62000 2 no -> 203.0.113.9:4000
             300  first 203.0.113.9:4002 203.0.113.9 -> 203.0.113.9:4002
             310  203.0.113.9:62000 2 no -> 203.0.113.9:4002
             320  203.0.113.9:4002 1 ok -> 203.0.113.9:4002",
        ),
        (
            "6: a new target opens the latch; late packets of the old source do not lock it",
            "0    first 10.0.0.5:4000 203.0.113.9 -> none
             10   203.0.113.9:61000 1 ok -> 203.0.113.9:61000
             100  first 10.0.0.5:4002 203.0.113.9 -> 203.0.113.9:61000
             110  203.0.113.9:61000 1 ok -> 203.0.113.9:61000
             120  203.0.113.9:62000 2 ok -> 203.0.113.9:62000
             130  203.0.113.9:61000 1 no -> 203.0.113.9:62000",
        ),
        (
            "6: the old source latches again after the grace if nothing else came",
            "0    first 10.0.0.5:4000 203.0.113.9 -> none
             10   203.0.113.9:61000 1 ok -> 203.0.113.9:61000
             100  first 203.0.113.9:4002 203.0.113.9 -> 203.0.113.9:4002
             1099 203.0.113.9:61000 1 ok -> 203.0.113.9:4002
             1100 203.0.113.9:61000 1 ok -> 203.0.113.9:61000",
        ),
        (
            "6: an old source of another address is passed on for the grace only",
            "0    signalled 198.51.100.7:4000 198.51.100.1 -> 198.51.100.7:4000
             10   198.51.100.7:4000 1 ok -> 198.51.100.7:4000
             100  signalled 198.51.100.8:4000 198.51.100.1 -> 198.51.100.8:4000
             1099 198.51.100.7:4000 1 ok -> 198.51.100.8:4000
             1100 198.51.100.7:4000 1 no -> 198.51.100.8:4000
             1110 198.51.100.8:4000 2 ok -> 198.51.100.8:4000
             1120 198.51.100.7:4000 1 no -> 198.51.100.8:4000",
        ),
        (
            "6: the same target again changes nothing; hold mutes and keeps the latch",
            "0    first 10.0.0.5:4000 203.0.113.9 -> none
             10   203.0.113.9:61000 1 ok -> 203.0.113.9:61000
             20   first 10.0.0.5:4000 203.0.113.9 -> 203.0.113.9:61000
             30   203.0.113.9:62000 2 no -> 203.0.113.9:61000
             40   first 0.0.0.0:4000 203.0.113.9 -> none
             50   203.0.113.9:61000 1 ok -> none
             60   198.51.100.66:61000 1 no -> none
             70   first 10.0.0.5:4000 203.0.113.9 -> 203.0.113.9:61000",
        ),
        (
            "7: nothing goes to a private address behind a public one",
            "0 first 192.168.1.9:4000 203.0.113.9 -> none",
        ),
        (
            "7: nor to carrier NAT space",
            "0 first 100.64.0.9:4000 203.0.113.9 -> none",
        ),
        (
            "7: a private network among itself is fine",
            "0 first 192.168.1.9:4000 192.168.1.9 -> 192.168.1.9:4000",
        ),
        (
            "7: a media server beside the signalling is fine",
            "0 first 198.51.100.9:4000 198.51.100.1 -> 198.51.100.9:4000",
        ),
        (
            "8: never our own loopback",
            "0 signalled 127.0.0.1:5432 198.51.100.1 -> none",
        ),
        (
            "8: nor for a phone in our network",
            "0 first 127.0.0.1:5432 192.168.1.9 -> none",
        ),
        (
            "port 0 takes nothing",
            "0 signalled 198.51.100.7:0 198.51.100.1 -> none",
        ),
        (
            "a carrier NAT pool: media from another public address stays out until the phone names it",
            "0    first 10.0.0.5:4000 203.0.113.9 -> none
             10   203.0.113.10:61000 1 no -> none
             20   first 203.0.113.10:61000 203.0.113.9 -> 203.0.113.10:61000
             30   203.0.113.10:61000 1 ok -> 203.0.113.10:61000",
        ),
        (
            "IPv6",
            "0    first [2001:db8::5]:4000 2001:db8::5 -> [2001:db8::5]:4000
             10   [2001:db8::66]:4000 1 no -> [2001:db8::5]:4000
             20   [2001:db8::5]:4001 1 no -> [2001:db8::5]:4000
             300  [2001:db8::5]:4001 1 ok -> [2001:db8::5]:4001",
        ),
    ] {
        run(name, script);
    }
}

fn rtp(sequence: u16) -> Vec<u8> {
    let [high, low] = sequence.to_be_bytes();
    [
        &[0x80, 0, high, low, 0, 0, 0, 0, 0, 0, 0, 1][..],
        &[0x55; 160],
    ]
    .concat()
}

fn gate() -> Gate {
    let mut gate = Gate::default();
    let rule = rule_for(
        "192.0.2.1".parse().unwrap(),
        "198.51.100.7:4000".parse().unwrap(),
        Mode::Signalled,
        "198.51.100.1".parse().unwrap(),
    );
    gate.set_target(rule, "198.51.100.7:4001".parse().unwrap(), 0);
    gate
}

#[test]
fn a_gate_counts_what_it_refuses() {
    let mut gate = gate();
    let (peer, stranger) = (
        "198.51.100.7:4000".parse().unwrap(),
        "203.0.113.66:4000".parse().unwrap(),
    );
    assert!(gate.admit(Channel::Rtp, &rtp(1), peer, 20_000));
    assert!(gate.admit(Channel::Rtp, &rtp(3), peer, 60_000));
    assert!(!gate.admit(Channel::Rtp, &rtp(2), stranger, 60_000));
    assert!(!gate.admit(Channel::Rtp, b"\0\x01\0\0", peer, 60_000));
    assert!(!gate.admit(Channel::Rtp, b"", peer, 60_000));
    assert!(gate.admit(
        Channel::Rtcp,
        &[0x80, 201, 0, 1, 0, 0, 0, 7],
        "198.51.100.7:4001".parse().unwrap(),
        60_000
    ));
    assert!(!gate.admit(
        Channel::Rtcp,
        &[0x80, 201, 0, 1, 0, 0, 0, 7],
        stranger,
        60_000
    ));
    assert!(!gate.admit(Channel::Rtcp, &rtp(4), peer, 60_000));
    let counters = gate.counters();
    assert_eq!(
        (counters.packets, counters.bytes, counters.lost),
        (2, 344, 1)
    );
    assert_eq!(
        (counters.foreign, counters.malformed, counters.excess),
        (2, 3, 0)
    );
}

#[test]
fn a_gate_bounds_a_flood() {
    let mut gate = gate();
    let peer = "198.51.100.7:4000".parse().unwrap();
    let passed = (0..100_000u32)
        .filter(|number| {
            gate.admit(
                Channel::Rtp,
                &rtp(*number as u16),
                peer,
                u64::from(*number) * 100,
            )
        })
        .count();
    assert!(
        (4_380..=4_420).contains(&passed),
        "10 s of 10,000 a second: 400 a second and a burst, not {passed}"
    );
    assert_eq!(gate.counters().excess + gate.counters().packets, 100_000);
}

/// Nothing of RTCP is known before its first packet, so that anybody who writes the side's address can send it.
#[test]
fn a_flood_of_reports_takes_nothing_from_audio() {
    let mut gate = gate();
    let peer = "198.51.100.7:4000".parse().unwrap();
    let flood = "198.51.100.7:666".parse().unwrap();
    let report = [0x80, 201, 0, 1, 0, 0, 0, 7];
    let (mut reports, mut audio) = (0, 0);
    for number in 0..1_000u32 {
        let now_us = u64::from(number) * 20_000;
        for _ in 0..100 {
            reports += u32::from(gate.admit(Channel::Rtcp, &report, flood, now_us));
        }
        audio += u32::from(gate.admit(Channel::Rtp, &rtp(number as u16), peer, now_us));
    }
    assert_eq!(audio, 1_000);
    assert!(
        reports < 9_000,
        "20 s: 400 a second and a burst, not {reports}"
    );
}

#[test]
fn another_family_takes_nothing() {
    let rule = rule_for(
        "192.0.2.1".parse().unwrap(),
        "[2001:db8::5]:4000".parse().unwrap(),
        Mode::Signalled,
        "192.0.2.9".parse().unwrap(),
    );
    let mut latch = Latch::default();
    latch.update(rule, 0);
    assert_eq!(latch.destination(), None);
}
