//! SRTP as a side of the relay does it: known answers, streams, roll-over, repeats and changes of key.
#![allow(clippy::unwrap_used)] // a test fails by panicking

use proptest::prelude::*;
use tandem_media::gate::Channel;
use tandem_media::srtp::{Receiver, Sender};
use tandem_sdp::sdes::{SrtpKey, SrtpSuite};

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn key(suite: SrtpSuite, fill: u8) -> SrtpKey {
    SrtpKey::new(suite, vec![fill; suite.key_bytes() + suite.salt_bytes()]).unwrap()
}

fn audio(ssrc: u32, sequence: u16) -> Vec<u8> {
    let mut packet = vec![0x80, 0];
    packet.extend(sequence.to_be_bytes());
    packet.extend((u32::from(sequence) * 160).to_be_bytes());
    packet.extend(ssrc.to_be_bytes());
    packet.extend([0x55; 20]);
    packet
}

fn report(ssrc: u32) -> Vec<u8> {
    let mut packet = vec![0x80, 201, 0, 1];
    packet.extend(ssrc.to_be_bytes());
    packet
}

/// The plain packet, if the receiver takes the protected one.
fn open(receiver: &mut Receiver, channel: Channel, packet: &[u8], now_us: u64) -> Option<Vec<u8>> {
    let mut buffer = packet.to_vec();
    let length = receiver.open(channel, &mut buffer, packet.len(), now_us)?;
    buffer.truncate(length);
    Some(buffer)
}

/// The packets libsrtp checks itself by, with the keys of RFC 3711, 6188 and 7714 examples.
#[test]
fn known_answers() {
    let plain = hex("800f1234 decafbad cafebabe abababab abababab abababab abababab");
    for (suite, keys, answer) in [
        (
            SrtpSuite::Aes128Sha80,
            "e1f97a0d3e018be0d64fa32c06de4139 0ec675ad498afeebb6960b3aabe6",
            "4e55dc4ce79978d88ca4d215949d2402 b78d6acc99ea179b8dbb",
        ),
        (
            SrtpSuite::Aes128Sha32,
            "e1f97a0d3e018be0d64fa32c06de4139 0ec675ad498afeebb6960b3aabe6",
            "4e55dc4ce79978d88ca4d215949d2402 b78d6acc",
        ),
        (
            SrtpSuite::Aes256Sha80,
            "f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6 3b04803de51ee7c96423ab5b78d2",
            "f1d9de17ff251ff1aa007774b0b4b40d a08d9d9a5b3a55d8873b",
        ),
        (
            SrtpSuite::Aes128Gcm,
            "000102030405060708090a0b0c0d0e0f a0a1a2a3a4a5a6a7a8a9aaab",
            "c5002ede04cfdd2eb91159e0880aa06e d2976826f796b201df3131a127e8a392",
        ),
    ] {
        let key = SrtpKey::new(suite, hex(keys)).unwrap();
        let sealed = Sender::new(key.clone())
            .unwrap()
            .seal(Channel::Rtp, &plain)
            .unwrap();
        assert_eq!(sealed[..12], plain[..12], "{suite:?}");
        assert_eq!(sealed[12..], hex(answer), "{suite:?}");
        assert_eq!(
            open(&mut Receiver::new(key), Channel::Rtp, &sealed, 0),
            Some(plain.clone())
        );
    }
}

#[test]
fn every_suite_both_channels() {
    for suite in SrtpSuite::ALL {
        let (mut sender, mut receiver) = (
            Sender::new(key(suite, 7)).unwrap(),
            Receiver::new(key(suite, 7)),
        );
        for sequence in 0..50 {
            let plain = audio(9, sequence);
            let sealed = sender.seal(Channel::Rtp, &plain).unwrap();
            assert_ne!(sealed[12..32], plain[12..32], "{suite:?}");
            assert_eq!(open(&mut receiver, Channel::Rtp, &sealed, 0), Some(plain));
            let plain = report(9);
            let sealed = sender.seal(Channel::Rtcp, &plain).unwrap();
            assert_eq!(open(&mut receiver, Channel::Rtcp, &sealed, 0), Some(plain));
        }
    }
}

#[test]
fn seventy_thousand_packets_roll_over_with_losses() {
    for suite in [SrtpSuite::Aes128Sha80, SrtpSuite::Aes256Gcm] {
        let (mut sender, mut receiver) = (
            Sender::new(key(suite, 7)).unwrap(),
            Receiver::new(key(suite, 7)),
        );
        for number in 0..140_000u32 {
            let plain = audio(9, (number + 65_000) as u16);
            let sealed = sender.seal(Channel::Rtp, &plain).unwrap();
            if number % 97 != 0 {
                assert_eq!(
                    open(&mut receiver, Channel::Rtp, &sealed, 0),
                    Some(plain),
                    "{number}"
                );
            }
        }
    }
}

#[test]
fn what_does_not_bear_the_key_is_refused() {
    let suite = SrtpSuite::Aes128Sha80;
    let (mut sender, mut receiver) = (
        Sender::new(key(suite, 7)).unwrap(),
        Receiver::new(key(suite, 7)),
    );
    let sealed = sender.seal(Channel::Rtp, &audio(9, 1)).unwrap();
    let mut bent = sealed.clone();
    bent[20] ^= 1;
    let foreign = Sender::new(key(suite, 8))
        .unwrap()
        .seal(Channel::Rtp, &audio(9, 1))
        .unwrap();
    for (name, packet) in [
        ("plain", audio(9, 1)),
        ("bent", bent),
        ("another key", foreign),
        ("cut", sealed[..sealed.len() - 1].to_vec()),
        ("header alone", sealed[..12].to_vec()),
        ("nothing", Vec::new()),
    ] {
        assert_eq!(
            open(&mut receiver, Channel::Rtp, &packet, 0),
            None,
            "{name}"
        );
    }
    assert_eq!(
        open(&mut receiver, Channel::Rtp, &sealed, 0),
        Some(audio(9, 1))
    );
    assert_eq!(
        open(&mut receiver, Channel::Rtp, &sealed, 0),
        None,
        "repeated"
    );
    let report_sealed = sender.seal(Channel::Rtcp, &report(9)).unwrap();
    assert_eq!(
        open(&mut receiver, Channel::Rtcp, &report(9), 0),
        None,
        "plain report"
    );
    assert!(open(&mut receiver, Channel::Rtcp, &report_sealed, 0).is_some());
    assert_eq!(
        open(&mut receiver, Channel::Rtcp, &report_sealed, 0),
        None,
        "repeated report"
    );
}

#[test]
fn a_new_key_takes_over_and_the_old_one_fades() {
    let suite = SrtpSuite::Aes128Sha80;
    let (mut before, mut after) = (
        Sender::new(key(suite, 7)).unwrap(),
        Sender::new(key(suite, 8)).unwrap(),
    );
    let mut receiver = Receiver::new(key(suite, 7));
    let take = |receiver: &mut Receiver, sender: &mut Sender, sequence, now_us| {
        let sealed = sender.seal(Channel::Rtp, &audio(9, sequence)).unwrap();
        open(receiver, Channel::Rtp, &sealed, now_us).is_some()
    };
    assert!(take(&mut receiver, &mut before, 1, 0));
    receiver.set_key(key(suite, 7), 0);
    receiver.set_key(key(suite, 8), 1_000);
    assert!(
        take(&mut receiver, &mut before, 2, 2_000),
        "under way at the change"
    );
    assert!(take(&mut receiver, &mut after, 3, 3_000));
    assert!(
        !take(&mut receiver, &mut before, 4, 5_000_000),
        "long after"
    );
}

/// A peer that invents streams is stopped before it costs memory, one that forges them costs none.
#[test]
fn streams_are_bounded() {
    let suite = SrtpSuite::Aes128Sha80;
    let (mut sender, mut receiver) = (
        Sender::new(key(suite, 7)).unwrap(),
        Receiver::new(key(suite, 7)),
    );
    let first = sender.seal(Channel::Rtp, &audio(0, 1)).unwrap();
    let sealed = (1..1_000)
        .filter_map(|ssrc| sender.seal(Channel::Rtp, &audio(ssrc, 1)))
        .count();
    assert_eq!(sealed, 63);
    for ssrc in 1..1_000 {
        assert_eq!(open(&mut receiver, Channel::Rtp, &audio(ssrc, 1), 0), None);
    }
    assert!(open(&mut receiver, Channel::Rtp, &first, 0).is_some());
}

/// Header extensions and sources travel as they came, whatever is in them.
#[test]
fn odd_headers() {
    let suite = SrtpSuite::Aes128Gcm;
    let (mut sender, mut receiver) = (
        Sender::new(key(suite, 7)).unwrap(),
        Receiver::new(key(suite, 7)),
    );
    let base = audio(9, 1);
    for (first, tail) in [
        (0x82u8, vec![1; 8]),
        (0x90, vec![0xbe, 0xde, 0, 1, 0x1f, 1, 2, 3]),
        (0x90, vec![0xbe, 0xde, 0, 1, 0, 0, 0, 0]),
        (0x90, vec![0x10, 0x00, 0, 1, 5, 200, 1, 1]),
        (0x91, vec![7, 7, 7, 7, 0xab, 0xac, 0, 0]),
        (0xb0, vec![0xbe, 0xde, 0, 0, 1, 2, 3, 4]),
    ] {
        let mut packet = base[..12].to_vec();
        packet[0] = first;
        packet.extend(tail);
        packet[3] = first.wrapping_add(packet[16]);
        let sealed = sender.seal(Channel::Rtp, &packet).unwrap();
        assert_eq!(open(&mut receiver, Channel::Rtp, &sealed, 0), Some(packet));
    }
}

/// A report that says it is not encrypted is not taken for that reason without its tag being looked at.
#[test]
fn an_unencrypted_report_is_refused() {
    for suite in SrtpSuite::ALL {
        let mut forged = report(9);
        forged.extend([0; 14]);
        assert_eq!(
            open(&mut Receiver::new(key(suite, 7)), Channel::Rtcp, &forged, 0),
            None,
            "{suite:?}"
        );
    }
}

proptest! {
    #[test]
    fn any_bytes(mut packet in proptest::collection::vec(any::<u8>(), 0..80), rtcp in any::<bool>(), likely in 0..4u8) {
        let channel = if rtcp { Channel::Rtcp } else { Channel::Rtp };
        // Most look like what they claim to be.
        if let (1.., Some(first)) = (likely, packet.first_mut()) {
            *first = *first & 0x3f | 0x80;
        }
        if let (true, 2.., Some(kind)) = (rtcp, likely, packet.get_mut(1)) {
            *kind = *kind & 0x1f | 0xc0;
        }
        for suite in SrtpSuite::ALL {
            prop_assert_eq!(open(&mut Receiver::new(key(suite, 7)), channel, &packet, 0), None);
            if let Some(sealed) = Sender::new(key(suite, 7)).unwrap().seal(channel, &packet) {
                prop_assert_eq!(open(&mut Receiver::new(key(suite, 7)), channel, &sealed, 0), Some(packet.clone()));
            }
        }
    }
}
