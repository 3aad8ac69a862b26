//! The relay's own share of a packet, and the whole of it with the kernel's.
#![allow(clippy::unwrap_used, missing_docs)] // a bench fails by panicking; divan's entry points are generated

use std::net::{SocketAddr, UdpSocket};

use divan::Bencher;
use tandem_media::gate::{Channel, Gate, rule_for};
use tandem_media::latch::Mode;

fn main() {
    divan::main();
}

fn packet(sequence: u32) -> [u8; 172] {
    let mut packet = [0x55; 172];
    let [_, _, high, low] = sequence.to_be_bytes();
    packet[..4].copy_from_slice(&[0x80, 0, high, low]);
    packet[4..8].copy_from_slice(&(sequence * 160).to_be_bytes());
    packet[8..12].copy_from_slice(&[0, 0, 0, 1]);
    packet
}

/// Header, latch, counters, destination: all that is ours.
#[divan::bench]
fn judge_and_count(bencher: Bencher) {
    let peer: SocketAddr = "198.51.100.7:4000".parse().unwrap();
    let rule = rule_for(
        "192.0.2.1".parse().unwrap(),
        peer,
        Mode::FirstPacket,
        peer.ip(),
    );
    let (mut near, mut far) = (Gate::default(), Gate::default());
    near.set_target(rule, "198.51.100.7:4001".parse().unwrap(), 0);
    far.set_target(rule, "198.51.100.7:4001".parse().unwrap(), 0);
    let mut sequence = 0u32;
    bencher.bench_local(|| {
        sequence = sequence.wrapping_add(1) & 0xff_ffff;
        let now_us = u64::from(sequence) * 20_000;
        let admitted = near.admit(
            Channel::Rtp,
            divan::black_box(&packet(sequence)),
            peer,
            now_us,
        );
        (admitted, far.destination(Channel::Rtp))
    });
}

/// One datagram through the kernel twice, for comparison.
#[divan::bench]
fn loopback_twice(bencher: Bencher) {
    let sockets: [UdpSocket; 3] = std::array::from_fn(|_| UdpSocket::bind("127.0.0.1:0").unwrap());
    let [phone, relay, far] = &sockets;
    let (relay_at, far_at) = (relay.local_addr().unwrap(), far.local_addr().unwrap());
    let mut buffer = [0; 2_048];
    bencher.bench_local(|| {
        phone.send_to(&packet(1), relay_at).unwrap();
        let (length, _) = relay.recv_from(&mut buffer).unwrap();
        relay.send_to(&buffer[..length], far_at).unwrap();
        far.recv_from(&mut buffer).unwrap()
    });
}
