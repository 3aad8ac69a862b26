//! The relay on loopback sockets: real packets, reports awaited, nothing slept for.
#![allow(clippy::unwrap_used)] // a test fails by panicking

mod rig;

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use rig::{PATIENCE, Phone, Rig, config, local};
use tandem_media::{Relay, RelayConfig, raise_descriptor_limit};
use tandem_sdp::{Latch, RelayCommand, RelayId, RelayReport, Side};

fn both_ways(ip: IpAddr, latch: Latch) {
    let rig = Rig::new(config(1));
    let (a, b) = (Phone::new(ip), Phone::new(ip));
    let (a_port, b_port) = rig.open(1, ip);
    assert!(a_port % 2 == 0 && b_port % 2 == 0 && a_port != b_port);
    rig.target(1, Side::A, a.address(), latch);
    rig.target(1, Side::B, b.address(), latch);
    rig.settled(1);

    a.say(1, 7, (ip, a_port));
    assert_eq!(b.hear(), (1, 7, SocketAddr::new(ip, b_port)));
    assert_eq!(
        rig.next(),
        RelayReport::Started {
            id: RelayId(1),
            side: Side::A
        }
    );
    b.say(9, 8, (ip, b_port));
    assert_eq!(a.hear(), (9, 8, SocketAddr::new(ip, a_port)));
    assert_eq!(
        rig.next(),
        RelayReport::Started {
            id: RelayId(1),
            side: Side::B
        }
    );
    a.say(3, 7, (ip, a_port));
    assert_eq!(b.hear().0, 3);

    let report = [0x80, 201, 0, 1, 0, 0, 0, 7];
    a.rtcp.send_to(&report, (ip, a_port + 1)).unwrap();
    let mut buffer = [0; 100];
    assert_eq!(
        b.rtcp.recv_from(&mut buffer).unwrap(),
        (8, SocketAddr::new(ip, b_port + 1))
    );

    let (from_a, from_b) = rig.close(1);
    assert_eq!((from_a.packets, from_a.bytes, from_a.lost), (2, 344, 1));
    assert_eq!((from_b.packets, from_b.bytes, from_b.lost), (1, 172, 0));
    assert_eq!(
        (
            from_a.foreign,
            from_a.malformed,
            from_b.foreign,
            from_b.malformed
        ),
        (0, 0, 0, 0)
    );
    assert_eq!(rig.relay.stats().relayed, 4);
}

#[test]
fn what_a_side_says_of_the_audio_it_was_sent_is_read_as_it_passes() {
    let rig = Rig::new(config(1));
    let (a, b) = (Phone::new(local()), Phone::new(local()));
    let (a_port, b_port) = rig.open(1, local());
    rig.target(1, Side::A, a.address(), Latch::Signalled);
    rig.target(1, Side::B, b.address(), Latch::Signalled);
    rig.settled(1);
    for sequence in 1..=40 {
        a.say(sequence, 7, (local(), a_port));
        b.hear();
    }
    let sent = [&[0x80, 200, 0, 6, 0, 0, 0, 7][..], &[5; 20]].concat();
    a.rtcp.send_to(&sent, (local(), a_port + 1)).unwrap();
    let mut buffer = [0; 100];
    b.rtcp.recv_from(&mut buffer).unwrap();
    let block = |ssrc: u8, lost: u8| {
        let mut block = vec![0, 0, 0, ssrc, 12, 0, 0, lost, 0, 0, 0, 40];
        // Jitter of 160 ticks; the sender report named by the middle of its time; answered at once.
        block.extend([0, 0, 0, 160, 5, 5, 5, 5, 0, 0, 0, 0]);
        block
    };
    let header = [0x82, 201, 0, 13, 0, 0, 0, 9];
    let heard = [&header[..], &block(3, 77), &block(7, 5)].concat();
    b.rtcp.send_to(&heard, (local(), b_port + 1)).unwrap();
    a.rtcp.recv_from(&mut buffer).unwrap();
    let (from_a, from_b) = rig.close(1);
    assert_eq!((from_a.packets, from_a.heard.reports), (40, 0));
    let heard = from_b.heard;
    assert_eq!((heard.reports, heard.lost, heard.jitter_us), (1, 5, 20_000));
    assert!((1..PATIENCE.as_micros() as u32).contains(&heard.round_trip_us));
}

#[test]
fn audio_and_rtcp_go_both_ways() {
    both_ways(local(), Latch::Signalled);
    both_ways(local(), Latch::FirstPacket);
}

#[test]
fn audio_and_rtcp_go_both_ways_over_ipv6() {
    let ip: IpAddr = "::1".parse().unwrap();
    if UdpSocket::bind((ip, 0)).is_err() {
        eprintln!("this machine has no IPv6 loopback");
        return;
    }
    both_ways(ip, Latch::Signalled);
    both_ways(ip, Latch::FirstPacket);
}

#[test]
fn one_side_each_family() {
    let v6: IpAddr = "::1".parse().unwrap();
    if UdpSocket::bind((v6, 0)).is_err() {
        eprintln!("this machine has no IPv6 loopback");
        return;
    }
    let rig = Rig::new(config(1));
    let (a, b) = (Phone::new(local()), Phone::new(v6));
    rig.relay.send(RelayCommand::Open {
        id: RelayId(1),
        a_local: local(),
        b_local: v6,
    });
    let RelayReport::Opened { a_port, b_port, .. } = rig.next() else {
        panic!("not opened")
    };
    rig.target(1, Side::A, a.address(), Latch::Signalled);
    rig.target(1, Side::B, b.address(), Latch::Signalled);
    rig.settled(1);
    a.say(1, 7, (local(), a_port));
    assert_eq!(b.hear(), (1, 7, SocketAddr::new(v6, b_port)));
    b.say(2, 8, (v6, b_port));
    assert_eq!(a.hear(), (2, 8, SocketAddr::new(local(), a_port)));
}

#[test]
fn an_outsider_neither_steals_nor_injects() {
    let rig = Rig::new(config(1));
    let stranger_ip: IpAddr = "127.0.0.66".parse().unwrap();
    let (a, b, stranger) = (
        Phone::new(local()),
        Phone::new(local()),
        Phone::new(stranger_ip),
    );
    let neighbour = Phone::new(local());
    let (a_port, b_port) = rig.open(1, local());
    for (side, phone) in [(Side::A, &a), (Side::B, &b)] {
        rig.target(1, side, phone.address(), Latch::FirstPacket);
    }
    rig.settled(1);

    // First of all, before the phone itself has sent: all ports of the call, from another address and from
    // another port of the phones' own.
    for outsider in [&stranger, &neighbour] {
        for port in [a_port, a_port + 1, b_port, b_port + 1] {
            outsider.say(1, 66, (local(), port));
        }
    }
    a.say(1, 1, (local(), a_port));
    assert_eq!(b.hear().1, 1);
    b.say(1, 2, (local(), b_port));
    assert_eq!(a.hear().1, 2);
    // Then in the midst of the call, from another address and from another port of the phone's own address.
    for round in 2..50 {
        for outsider in [&stranger, &neighbour] {
            outsider.say(round, 66, (local(), a_port));
            outsider.say(round, 66, (local(), b_port));
            outsider
                .rtcp
                .send_to(&[0x80, 201, 0, 1, 0, 0, 0, 7], (local(), a_port))
                .unwrap();
        }
        stranger
            .rtcp
            .send_to(&[0x80, 201, 0, 1, 0, 0, 0, 7], (local(), a_port + 1))
            .unwrap();
        a.say(round, 1, (local(), a_port));
        b.say(round, 2, (local(), b_port));
        assert_eq!(b.hear().1, 1, "b hears a only");
        assert_eq!(a.hear().1, 2, "a hears b only, and still does");
    }
    let (from_a, from_b) = rig.close(1);
    assert_eq!((from_a.packets, from_b.packets), (49, 49));
    assert_eq!(
        (from_a.foreign, from_a.malformed, from_b.foreign),
        (2 + 48 * 3, 2 + 48 * 2, 2 + 48 * 2)
    );
    for phone in [&a, &b, &stranger, &neighbour] {
        phone.hears_nothing_more();
    }
}

#[test]
fn a_re_invite_moves_a_side() {
    let rig = Rig::new(config(1));
    let (a, b, moved) = (
        Phone::new(local()),
        Phone::new(local()),
        Phone::new("127.0.0.3".parse().unwrap()),
    );
    let (a_port, b_port) = rig.open(1, local());
    rig.target(1, Side::A, a.address(), Latch::Signalled);
    rig.target(1, Side::B, b.address(), Latch::Signalled);
    rig.settled(1);
    b.say(1, 2, (local(), b_port));
    assert_eq!(a.hear().1, 2);
    moved.say(1, 3, (local(), a_port));
    rig.target(1, Side::A, moved.address(), Latch::Signalled);
    rig.settled(1);
    b.say(2, 2, (local(), b_port));
    assert_eq!(moved.hear().0, 2);
    moved.say(2, 3, (local(), a_port));
    assert_eq!(b.hear().1, 3);
    a.hears_nothing_more();
}

#[test]
fn silence_is_reported_and_hold_suspends_it() {
    let rig = Rig::new(RelayConfig {
        inactive_after_s: 1,
        progress_every_s: 1,
        ..config(1)
    });
    let (a, b) = (Phone::new(local()), Phone::new(local()));
    for id in [1, 2] {
        rig.open(id, local());
        rig.target(id, Side::A, a.address(), Latch::Signalled);
        rig.target(id, Side::B, b.address(), Latch::Signalled);
    }
    rig.relay.send(RelayCommand::SetHold {
        id: RelayId(2),
        held: true,
    });
    rig.open(3, local());
    let mut inactive = 0;
    let mut progress = 0;
    // Six progress reports are two rounds of three calls; in them the first call is silent, the second held, the
    // third has no sides yet.
    while inactive < 2 || progress < 6 {
        match rig.next() {
            RelayReport::Inactive { id, silent_s } => {
                assert_eq!(id, RelayId(1));
                assert!(silent_s >= 1);
                inactive += 1;
            }
            RelayReport::Progress { .. } => progress += 1,
            other => panic!("{other:?}"),
        }
    }
    rig.relay.send(RelayCommand::SetHold {
        id: RelayId(2),
        held: false,
    });
    rig.relay.send(RelayCommand::Close { id: RelayId(1) });
    while !matches!(rig.next(), RelayReport::Inactive { id: RelayId(2), .. }) {}
}

#[test]
fn a_side_held_by_the_unspecified_address_is_not_sent_to_but_heard() {
    let rig = Rig::new(config(1));
    let (a, b) = (Phone::new(local()), Phone::new(local()));
    let (a_port, b_port) = rig.open(1, local());
    rig.target(1, Side::A, a.address(), Latch::FirstPacket);
    rig.target(1, Side::B, b.address(), Latch::FirstPacket);
    rig.relay.send(RelayCommand::SetTarget {
        id: RelayId(1),
        side: Side::A,
        rtp: "0.0.0.0:4000".parse().unwrap(),
        rtcp: "0.0.0.0:4001".parse().unwrap(),
        latch: Latch::FirstPacket,
        signalling: local(),
    });
    rig.settled(1);
    b.say(1, 2, (local(), b_port));
    a.say(1, 1, (local(), a_port));
    assert_eq!(b.hear().1, 1, "music of the holding side passes");
    rig.target(1, Side::A, a.address(), Latch::FirstPacket);
    rig.settled(1);
    b.say(2, 2, (local(), b_port));
    assert_eq!(a.hear().0, 2, "what was said during hold did not come");
}

#[test]
fn ports_run_out_and_come_back_and_strange_orders_do_no_harm() {
    let rig = Rig::new(config(1));
    assert!(
        matches!(Relay::start(RelayConfig { threads: 0, ..config(1) }, drop), Err(error) if error.kind() == ErrorKind::InvalidInput)
    );
    assert!(
        Relay::start(
            RelayConfig {
                first_port: 61_000,
                last_port: 61_002,
                ..config(1)
            },
            drop
        )
        .is_err()
    );
    rig.relay.send(RelayCommand::Close { id: RelayId(9) });
    rig.relay.send(RelayCommand::SetHold {
        id: RelayId(9),
        held: true,
    });
    rig.target(
        9,
        Side::A,
        "127.0.0.1:4000".parse().unwrap(),
        Latch::Signalled,
    );
    rig.open(1, local());
    assert_eq!(rig.relay.stats().unknown, 3);
    rig.settled(1);
    rig.relay.send(RelayCommand::Open {
        id: RelayId(2),
        a_local: "192.0.2.1".parse().unwrap(),
        b_local: local(),
    });
    assert!(
        matches!(rig.next(), RelayReport::Refused { id: RelayId(2), .. }),
        "not an address of this machine"
    );
    rig.close(1);
    rig.open(1, local());
    assert_eq!(rig.relay.stats().open, 1);

    let small = Rig::new(RelayConfig {
        first_port: 60_990,
        last_port: 60_997,
        ..config(1)
    });
    let mut opened = 0;
    for id in 0..3 {
        small.relay.send(RelayCommand::Open {
            id: RelayId(id),
            a_local: local(),
            b_local: local(),
        });
        opened += usize::from(matches!(small.next(), RelayReport::Opened { .. }));
    }
    assert!(opened <= 2, "four pairs hold two calls");
}

/// Every call's own packets come out at its own far end, 500 at once, then all is given back, twice.
#[test]
fn five_hundred_calls() {
    const CALLS: u64 = 500;
    const ROUNDS: u16 = 20;
    raise_descriptor_limit().unwrap();
    let rig = Rig::new(config(2));
    let begun = Instant::now();
    let (a, b) = (Phone::new(local()), Phone::new(local()));
    for _ in 0..2 {
        let mut ports = Vec::new();
        for id in 0..CALLS {
            let (a_port, b_port) = rig.open(id, local());
            rig.target(id, Side::A, a.address(), Latch::Signalled);
            rig.target(id, Side::B, b.address(), Latch::Signalled);
            ports.push((a_port, b_port));
        }
        for id in 0..2 {
            rig.settled(id);
        }
        for round in 0..ROUNDS {
            for (a_port, b_port) in &ports {
                a.say(round, 1, (local(), *a_port));
                let (sequence, tag, from) = b.hear();
                assert_eq!((sequence, tag, from.port()), (round, 1, *b_port));
            }
        }
        for id in 0..CALLS {
            let (from_a, from_b) = rig.close(id);
            assert_eq!(
                (from_a.packets, from_a.lost, from_b.packets),
                (u64::from(ROUNDS), 0, 0)
            );
        }
        assert_eq!(rig.relay.stats().open, 0);
    }
    assert!(
        begun.elapsed() < Duration::from_secs(120),
        "{:?}",
        begun.elapsed()
    );
}
