//! Peers that connect too often, say nothing, never finish, or do not listen leave others unharmed.

use crate::{
    client::{self, Client, DEADLINE},
    rig::{Family, Rig},
};
use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};
use tandem_sip::Transport;

#[test]
fn one_source_has_its_share_of_connections_and_no_more() {
    let rig = Rig::start_with(|config| config.limits.max_connections_per_source = 5);
    let address = rig.address(Transport::Tcp, Family::V4);
    let mut held: Vec<Client> = (0..5)
        .map(|_| Client::connect(Transport::Tcp, address))
        .collect();
    assert!(held.iter_mut().all(|peer| peer.options().is_some()));
    let mut sixth = Client::connect(Transport::Tcp, address);
    assert!(sixth.is_closed(), "taken and closed at once");
    assert!(held.iter_mut().all(|peer| peer.options().is_some()));
    let other = Client::connect(Transport::Tcp, rig.address(Transport::Tcp, Family::V6)).options();
    assert!(other.is_some(), "another source has its own share");
    held.clear();
    let mut again = rig.client(Transport::Tcp);
    while again.options().is_none() {
        again = rig.client(Transport::Tcp);
    }
}

#[test]
fn a_stream_that_cannot_be_cut_is_answered_if_it_can_be_and_closed() {
    let rig = Rig::start();
    let rows = [
        ("Content-Length: -5\r\n", Some(400)),
        ("Content-Length: 70000\r\n", Some(400)),
        ("", None),
    ];
    for transport in [Transport::Tcp, Transport::Tls] {
        for (line, expected) in rows {
            let mut peer = rig.client(transport);
            let request = peer
                .request("OPTIONS", "")
                .replace("Content-Length: 0\r\n", line);
            peer.send(request.as_bytes());
            let answer = peer.receive_message();
            assert_eq!(
                answer.and_then(|answer| answer.status()),
                expected,
                "{line}"
            );
            assert!(peer.is_closed(), "{line}");
        }
    }
    assert!(rig.is_alive());
}

#[test]
fn an_endless_header_section_ends_the_connection() {
    let rig = Rig::start();
    for transport in [
        Transport::Tcp,
        Transport::Tls,
        Transport::Ws,
        Transport::Wss,
    ] {
        let mut peer = rig.client(transport);
        let line = vec![b'a'; 200_000];
        peer.send(&line);
        assert!(peer.is_closed(), "{transport:?}");
    }
    assert!(rig.is_alive());
}

#[test]
fn what_is_no_tls_at_all_is_closed() {
    let rig = Rig::start();
    for transport in [Transport::Tls, Transport::Wss] {
        let mut tcp = TcpStream::connect(rig.address(transport, Family::V4)).unwrap();
        tcp.set_read_timeout(Some(DEADLINE)).unwrap();
        tcp.write_all(b"OPTIONS sip:a SIP/2.0\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        // An alert, then the end; a reset is an end too.
        let _ = tcp.read_to_end(&mut answer);
        assert!(!answer.starts_with(b"SIP/2.0"));
    }
    assert!(rig.is_alive());
}

#[test]
fn a_peer_that_asks_and_does_not_listen_is_closed() {
    let rig = Rig::start();
    let (tcp, mut stream) = client::stream(Transport::Tcp, rig.address(Transport::Tcp, Family::V4));
    tcp.set_write_timeout(Some(Duration::from_secs(5))).unwrap();
    let sample = rig.client(Transport::Tcp);
    // Answers gather in our buffers and the kernel's until the limit; then writing fails.
    let mut asked = 0_u32;
    while asked < 500_000 {
        let many: String = (0..50).map(|_| sample.request("OPTIONS", "")).collect();
        if stream.write_all(many.as_bytes()).is_err() {
            break;
        }
        asked += 50;
    }
    assert!(asked < 500_000, "the connection was closed");
    assert!(rig.is_alive());
}
