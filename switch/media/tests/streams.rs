//! Digits and fax through the relay's sockets: real packets, reports awaited, nothing slept for.
#![allow(clippy::unwrap_used)] // a test fails by panicking

mod rig;

use std::net::UdpSocket;

use rig::{Phone, Rig, config, local, packet};
use tandem_media::gate::{Channel, Gate, rule_for};
use tandem_sdp::{
    Conversion, Digit, Latch, RelayCommand, RelayId, RelayReport, Side, Stream, convert::DigitsTo,
};

/// A telephone-event with the time stamp of its beginning.
fn event(sequence: u16, code: u8, ends: bool, ticks: u16) -> Vec<u8> {
    let [[high, low], [d1, d2]] = [sequence.to_be_bytes(), ticks.to_be_bytes()];
    let flags = if ends { 0x8a } else { 10 };
    let begun = [0, 0, code, 0];
    [
        &[0x80, 101, high, low][..],
        &begun,
        &[0, 0, 0, 7],
        &[code, flags, d1, d2],
    ]
    .concat()
}

#[test]
fn digits_go_to_the_core_and_come_from_it() {
    let rig = Rig::new(config(1));
    let (a, b) = (Phone::new(local()), Phone::new(local()));
    let (a_port, _) = rig.open(1, local());
    rig.target(1, Side::A, a.address(), Latch::Signalled);
    rig.target(1, Side::B, b.address(), Latch::Signalled);
    let plan = |digits| Conversion {
        passes: vec![(0, 0)],
        decodes: Vec::new(),
        encodes: None,
        events: vec![(101, 8_000)],
        listens: Vec::new(),
        digits,
    };
    let to_events = DigitsTo::Events {
        number: 96,
        clock_rate: 8_000,
    };
    for (side, digits) in [(Side::A, DigitsTo::Core), (Side::B, to_events)] {
        rig.relay.send(RelayCommand::SetConversion {
            id: RelayId(1),
            side,
            conversion: Some(Box::new(plan(digits))),
        });
    }
    rig.settled(1);
    a.say(1, 7, (local(), a_port));
    for (sequence, code, ends, ticks) in [
        (2, 5, false, 320),
        (3, 5, true, 800),
        (4, 5, true, 800),
        // Its end is lost: the clock ends it.
        (5, 9, false, 640),
    ] {
        a.rtp
            .send_to(&event(sequence, code, ends, ticks), (local(), a_port))
            .unwrap();
    }
    let mut pressed = Vec::new();
    while pressed.len() < 2 {
        if let RelayReport::Pressed { side, digit, .. } = rig.next() {
            pressed.push((side, digit.key(), digit.duration_ms()));
        }
    }
    assert_eq!(pressed, [(Side::A, '5', 100), (Side::A, '9', 80)]);
    assert_eq!(b.hear().0, 1, "the audio, and no event");
    a.say(6, 7, (local(), a_port));
    assert_eq!(b.hear().0, 2, "without a gap");
    b.hears_nothing_more();

    rig.relay.send(RelayCommand::PlayDigit {
        id: RelayId(1),
        side: Side::A,
        digit: Digit::new('#', 60).unwrap(),
    });
    let mut buffer = [0; 400];
    let mut ticks = Vec::new();
    while ticks.len() < 5 {
        let (length, _) = a.rtp.recv_from(&mut buffer).unwrap();
        assert_eq!((length, buffer[1] & 0x7f, buffer[12]), (16, 96, 11));
        ticks.push((
            buffer[13] & 0x80 != 0,
            u16::from_be_bytes([buffer[14], buffer[15]]),
        ));
    }
    let expected = [
        (false, 160),
        (false, 320),
        (true, 480),
        (true, 480),
        (true, 480),
    ];
    assert_eq!(ticks, expected);
    rig.close(1);
}

#[test]
fn fax_passes_byte_for_byte_and_from_its_own_place_only() {
    let rig = Rig::new(config(1));
    let (a, b) = (Phone::new(local()), Phone::new(local()));
    let (a_port, b_port) = rig.open(1, local());
    for latch in [Latch::Signalled, Latch::FirstPacket] {
        rig.target(1, Side::A, a.address(), latch);
        rig.target(1, Side::B, b.address(), latch);
    }
    let stream = |stream| {
        rig.relay.send(RelayCommand::SetStream {
            id: RelayId(1),
            stream,
        });
        rig.settled(1);
    };
    stream(Stream::Fax);
    let datagrams: [&[u8]; 5] = [
        &[0, 1],
        &[0x80, 200, 0, 6, 1, 2, 3, 4],
        &[0, 7, 1, 0xff, 0, 0],
        &[9; 1_400],
        &[0, 0, 0x21, 0x12, 0xa4, 0x42],
    ];
    let stranger = UdpSocket::bind("127.0.0.2:0").unwrap();
    let mut buffer = [0; 2_000];
    for (from, to, port) in [(&a, &b, a_port), (&b, &a, b_port)] {
        for datagram in datagrams {
            stranger.send_to(&[1, 2, 3], (local(), port)).unwrap();
            from.rtp.send_to(datagram, (local(), port)).unwrap();
            let (length, _) = to.rtp.recv_from(&mut buffer).unwrap();
            assert_eq!(&buffer[..length], datagram);
        }
    }
    stream(Stream::Audio);
    a.rtp.send_to(&[0, 1, 2], (local(), a_port)).unwrap();
    a.rtp.send_to(&packet(5, 7), (local(), a_port)).unwrap();
    assert_eq!(b.hear().0, 5, "audio again");
    b.hears_nothing_more();
    let (from_a, from_b) = rig.close(1);
    assert_eq!((from_a.packets, from_b.packets), (6, 5));
    assert_eq!((from_a.foreign, from_a.malformed, from_a.lost), (5, 1, 0));
}

#[test]
fn pictures_may_come_faster_than_audio() {
    let peer = "198.51.100.7:4000".parse().unwrap();
    for (stream, let_through) in [(Stream::Audio, false), (Stream::Video, true)] {
        let mut gate = Gate::default();
        gate.set_stream(stream);
        let rule = rule_for(local(), peer, Latch::Signalled, peer.ip());
        gate.set_target(rule, peer, 0);
        // 3,000 packets a second, for two seconds.
        for at in 0..6_000u64 {
            let packet = packet(at as u16, 7);
            gate.admit(Channel::Rtp, &packet, peer, at * 333);
        }
        assert_eq!(gate.counters().excess == 0, let_through, "{stream:?}");
    }
}
