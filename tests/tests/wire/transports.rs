//! Every transport carries SIP both ways, over IPv4 and IPv6, and is kept alive as its RFC says.

use crate::{
    client::{self, Client},
    rig::{Family, Rig, TRANSPORTS},
};
use std::io::{Read, Write};
use tandem_sip::Transport;

#[test]
fn options_is_answered_over_every_transport_and_family() {
    let rig = Rig::start();
    for family in [Family::V4, Family::V6] {
        for (transport, _) in TRANSPORTS {
            let mut peer = Client::connect(transport, rig.address(transport, family));
            for _ in 0..3 {
                let answer = peer
                    .options()
                    .unwrap_or_else(|| panic!("{transport:?} {family:?}"));
                assert_eq!(answer.status(), Some(200), "{transport:?} {family:?}");
                let via = answer.top_via();
                let ip = peer.local.ip().to_string();
                assert_eq!(
                    via.response_address(),
                    Some(peer.local),
                    "{transport:?} {family:?}"
                );
                if matches!(transport, Transport::Ws | Transport::Wss) {
                    assert_eq!(via.received, Some(&*ip));
                }
            }
        }
    }
}

#[test]
fn a_contact_names_the_transport_it_is_reached_by() {
    let rig = Rig::start();
    for (transport, expected) in [
        (Transport::Udp, None),
        (Transport::Tcp, Some("tcp")),
        (Transport::Tls, Some("tls")),
        (Transport::Ws, Some("ws")),
        (Transport::Wss, Some("ws")),
    ] {
        let answer = rig.client(transport).options().unwrap();
        let contact = answer.contacts().first().cloned().unwrap();
        assert_eq!(contact.uri.param("transport"), expected, "{transport:?}");
        let address = rig.address(transport, Family::V4);
        assert_eq!(contact.uri.port, Some(address.port()), "{transport:?}");
    }
}

/// RFC 5626 section 3.5.1, RFC 7118 section 6.
#[test]
fn a_double_line_end_is_answered_by_one() {
    let rig = Rig::start();
    for (transport, _) in TRANSPORTS.iter().filter(|(own, _)| own.is_reliable()) {
        let mut peer = rig.client(*transport);
        assert!(peer.options().is_some());
        peer.send(b"\r\n\r\n");
        assert_eq!(
            peer.receive().as_deref(),
            Some(&b"\r\n"[..]),
            "{transport:?}"
        );
        assert!(peer.options().is_some(), "{transport:?}");
    }
}

/// RFC 5626 section 8.
#[test]
fn stun_on_the_udp_port_tells_the_address() {
    let rig = Rig::start();
    for family in [Family::V4, Family::V6] {
        let mut peer = Client::connect(Transport::Udp, rig.address(Transport::Udp, family));
        let mut request = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
        request.extend([9; 12]);
        peer.send(&request);
        let answer = peer.receive().unwrap();
        assert_eq!(answer[..2], [1, 1]);
        assert_eq!(answer[8..20], [9; 12]);
        let port = u16::from_be_bytes([answer[26] ^ 0x21, answer[27] ^ 0x12]);
        assert_eq!(port, peer.local.port());
        assert!(peer.options().is_some());
    }
}

#[test]
fn many_messages_in_one_write_and_one_message_in_many_are_all_answered() {
    let rig = Rig::start();
    for transport in [Transport::Tcp, Transport::Tls] {
        let mut peer = rig.client(transport);
        let requests: Vec<String> = (0..50).map(|_| peer.request("OPTIONS", "")).collect();
        peer.send(requests.concat().as_bytes());
        for _ in &requests {
            assert_eq!(peer.receive_message().unwrap().status(), Some(200));
        }
        let request = peer.request("OPTIONS", "");
        for byte in request.as_bytes() {
            peer.send(&[*byte]);
        }
        assert_eq!(peer.receive_message().unwrap().status(), Some(200));
    }
}

#[test]
fn a_websocket_without_the_subprotocol_is_refused_with_the_reason() {
    let rig = Rig::start();
    for transport in [Transport::Ws, Transport::Wss] {
        for offered in [None, Some("chat")] {
            let (_tcp, stream) = client::stream(transport, rig.address(transport, Family::V4));
            let error = client::open(stream, offered).err().unwrap();
            assert!(error.contains("426"), "{transport:?} {offered:?}: {error}");
        }
        let (_tcp, mut stream) = client::stream(transport, rig.address(transport, Family::V4));
        stream
            .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            .unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8(answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 426 "), "{answer}");
        assert!(answer.ends_with("subprotocol sip is needed"), "{answer}");
    }
    assert!(rig.is_alive());
}

#[test]
fn a_websocket_pings_closes_and_cuts_messages_as_it_likes() {
    use tungstenite::protocol::frame::{
        Frame,
        coding::{Data, OpCode},
    };
    let rig = Rig::start();
    let mut peer = rig.client(Transport::Ws);
    let request = peer.request("OPTIONS", "");
    let client::Line::Socket(socket) = &mut peer.line else {
        panic!("a WebSocket");
    };
    let parts: Vec<&[u8]> = request.as_bytes().chunks(40).collect();
    for (at, part) in parts.iter().enumerate() {
        let code = if at == 0 { Data::Text } else { Data::Continue };
        let last = at + 1 == parts.len();
        let frame = Frame::message(part.to_vec(), OpCode::Data(code), last);
        socket.send(tungstenite::Message::Frame(frame)).unwrap();
        socket
            .send(tungstenite::Message::Ping(vec![at as u8].into()))
            .unwrap();
    }
    let mut answers = Vec::new();
    while answers.len() <= parts.len() {
        answers.push(peer.receive().unwrap());
    }
    let pongs = answers.iter().filter(|answer| answer.len() == 1).count();
    assert_eq!(pongs, parts.len());
    assert!(
        answers
            .iter()
            .any(|answer| answer.starts_with(b"SIP/2.0 200"))
    );
    let client::Line::Socket(socket) = &mut peer.line else {
        panic!("a WebSocket");
    };
    socket.close(None).unwrap();
    assert!(peer.is_closed());
}

#[test]
fn the_certificate_is_replaced_without_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let make = |name: &str| {
        let data = folder.path().join(name);
        std::fs::create_dir(&data).unwrap();
        tandem_switch::web::certificate::load_or_make(&data).unwrap();
        tandem_switch::web::certificate::files(&data)
    };
    let (first, second) = (make("first"), make("second"));
    let rig = Rig::start_with(|config| {
        config.tls.certificate = Some(first.0.clone());
        config.tls.key = Some(first.1.clone());
    });
    let shown = || {
        let (config, seen) = client::tls();
        let name = rustls::pki_types::ServerName::try_from("localhost").unwrap();
        let mut session = rustls::ClientConnection::new(config, name).unwrap();
        let mut tcp =
            std::net::TcpStream::connect(rig.address(Transport::Tls, Family::V4)).unwrap();
        session.complete_io(&mut tcp).unwrap();
        let seen = seen.lock().unwrap().take().unwrap();
        tandem_switch::web::certificate::fingerprint(&seen)
    };
    let print = |name| {
        tandem_switch::web::certificate::kept_fingerprint(&folder.path().join(name)).unwrap()
    };
    let (old, new) = (print("first"), print("second"));
    assert_eq!(shown(), old);
    std::fs::copy(&second.0, &first.0).unwrap();
    let halfway = rig.daemon.reload_certificate();
    assert!(halfway.is_err(), "the key is not its own");
    assert_eq!(shown(), old);
    std::fs::copy(&second.1, &first.1).unwrap();
    rig.daemon.reload_certificate().unwrap();
    assert_eq!(shown(), new);
}
