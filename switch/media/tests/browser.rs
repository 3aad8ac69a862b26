//! A browser's side against the relay's own sockets: checks, handshake, audio both ways, and what must not pass.
#![allow(clippy::unwrap_used)] // a test fails by panicking

#[path = "rig/web.rs"]
mod web;

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use rtc_dtls::config::ConfigBuilder;
use rtc_dtls::crypto::Certificate;
use rtc_dtls::crypto_provider::default_provider;
use rtc_dtls::endpoint::{Endpoint, EndpointEvent};
use rtc_dtls::extension::extension_use_srtp::SrtpProtectionProfile;
use rtc_shared::TransportProtocol;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{BINDING_SUCCESS, Message};
use sha2::{Digest, Sha256};
use tandem_media::gate::Channel;
use tandem_media::srtp::{Receiver, Sender};
use tandem_media::{Relay, RelayConfig};
use tandem_sdp::relay::{DtlsSide, Shown};
use tandem_sdp::sdes::{SrtpKey, SrtpSuite};
use tandem_sdp::web::{Fingerprint, FingerprintHash, IceCredentials, Setup, WebPeer};
use tandem_sdp::{Counters, Latch, Protection, RelayCommand, RelayId, RelayReport, Side};
use web::{check, check_of, ice};

const PATIENCE: Duration = Duration::from_secs(20);
const ID: RelayId = RelayId(1);

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket
}

fn audio(sequence: u16) -> Vec<u8> {
    let mut packet = vec![0x80, 0];
    packet.extend(sequence.to_be_bytes());
    packet.extend((u32::from(sequence) * 160).to_be_bytes());
    packet.extend(77u32.to_be_bytes());
    packet.extend([0x55; 160]);
    packet
}

struct Call {
    relay: Relay,
    reports: std::sync::mpsc::Receiver<RelayReport>,
    browser: UdpSocket,
    phone: UdpSocket,
    /// Where the phone takes RTCP.
    phone_reports: UdpSocket,
    ports: (u16, u16),
}

/// A call from a browser that promised a certificate to a plain phone.
fn call(promised: Fingerprint) -> Call {
    let nowhere = SocketAddr::from((Ipv4Addr::UNSPECIFIED, 9));
    call_of(promised, (socket(), nowhere), Some(ice("peer")), true)
}

/// The same from any socket, of a peer at `place`, with or without checks, and RTCP on the port of RTP or not.
fn call_of(
    promised: Fingerprint,
    (browser, place): (UdpSocket, SocketAddr),
    checks: Option<IceCredentials>,
    rtcp_mux: bool,
) -> Call {
    let (sender, reports) = channel();
    let config = RelayConfig {
        first_port: 40_000,
        last_port: 60_000,
        threads: 1,
        inactive_after_s: 0,
        progress_every_s: 0,
        recordings: None,
        sounds: None,
    };
    let relay = Relay::start(config, move |report| drop(sender.send(report))).unwrap();
    let local = Ipv4Addr::LOCALHOST.into();
    relay.send(RelayCommand::Open {
        id: ID,
        a_local: local,
        b_local: local,
    });
    let RelayReport::Opened { a_port, b_port, .. } = reports.recv_timeout(PATIENCE).unwrap() else {
        panic!("not opened")
    };
    let (phone, phone_reports) = pair();
    let side = DtlsSide {
        shown: Shown::First,
        ours: ice("ours"),
        setup: Setup::Passive,
        peer: WebPeer {
            fingerprint: promised,
            setup: Setup::ActPass,
            ice: checks,
        },
    };
    relay.send(RelayCommand::SetTransport {
        id: ID,
        side: Side::A,
        protection: Protection::Dtls(Box::new(side)),
        rtcp_mux,
    });
    for (side, rtp) in [(Side::A, place), (Side::B, phone.local_addr().unwrap())] {
        relay.send(RelayCommand::SetTarget {
            id: ID,
            side,
            rtp,
            rtcp: SocketAddr::new(rtp.ip(), rtp.port() + 1),
            latch: Latch::FirstPacket,
            signalling: local,
        });
    }
    Call {
        relay,
        reports,
        browser,
        phone,
        phone_reports,
        ports: (a_port, b_port),
    }
}

impl Call {
    fn say(&self, packet: &[u8]) {
        self.browser
            .send_to(packet, (Ipv4Addr::LOCALHOST, self.ports.0))
            .unwrap();
    }

    fn next_at_browser(&self) -> Vec<u8> {
        let mut buffer = [0; 2_048];
        let length = self.browser.recv(&mut buffer).unwrap();
        buffer[..length].to_vec()
    }

    fn prove_the_way(&self) {
        self.say(&check("oursfrag:peerfrag", &ice("ours").pwd));
        let mut answer = Message::new();
        answer.unmarshal_binary(&self.next_at_browser()).unwrap();
        assert_eq!(answer.typ, BINDING_SUCCESS);
        let provider = default_provider().unwrap();
        MessageIntegrity::check(&mut answer, ice("ours").pwd.as_bytes(), provider.crypto())
            .unwrap();
    }

    fn close(&self) -> (Counters, Counters) {
        self.relay.send(RelayCommand::Close { id: ID });
        loop {
            if let RelayReport::Closed { a, b, .. } = self.reports.recv_timeout(PATIENCE).unwrap() {
                return (a, b);
            }
        }
    }

    /// The browser's handshake; its sending and receiving key.
    fn shake(&self, certificate: Certificate) -> (SrtpKey, SrtpKey) {
        self.shake_by(&self.browser, self.ports.0, certificate)
    }

    /// The same by another socket to another port of the relay's.
    fn shake_by(
        &self,
        socket: &UdpSocket,
        port: u16,
        certificate: Certificate,
    ) -> (SrtpKey, SrtpKey) {
        let ours = self.relay.fingerprint(Shown::First).clone();
        let verify = move |chain: &[Vec<u8>], _: &[_]| {
            assert_eq!(Sha256::digest(&chain[0]).as_slice(), ours.digest());
            Ok(())
        };
        let config = ConfigBuilder::default()
            .with_crypto_provider(default_provider().unwrap())
            .with_certificates(vec![certificate])
            .with_srtp_protection_profiles(vec![SrtpProtectionProfile::Srtp_Aes128_Cm_Hmac_Sha1_80])
            .with_insecure_skip_verify(true)
            .with_verify_peer_certificate(Some(Arc::new(verify)))
            .build(true, None)
            .unwrap();
        let relay = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let local = socket.local_addr().unwrap();
        let mut endpoint = Endpoint::new(local, TransportProtocol::UDP, None);
        endpoint
            .connect(Instant::now(), relay, Arc::new(config), None)
            .unwrap();
        loop {
            while let Some(transmit) = endpoint.poll_transmit() {
                socket.send_to(&transmit.message, relay).unwrap();
            }
            let mut buffer = [0; 2_048];
            let length = socket.recv(&mut buffer).unwrap();
            let packet = BytesMut::from(&buffer[..length]);
            let events = endpoint.read(Instant::now(), relay, None, packet).unwrap();
            if events
                .iter()
                .any(|event| matches!(event, EndpointEvent::HandshakeComplete))
            {
                break;
            }
        }
        while let Some(transmit) = endpoint.poll_transmit() {
            socket.send_to(&transmit.message, relay).unwrap();
        }
        let state = endpoint.get_connection_state(relay).unwrap();
        let material = state
            .export_keying_material("EXTRACTOR-dtls_srtp", &[], 60)
            .unwrap()
            .into_bytes();
        let key = |key: std::ops::Range<usize>, salt: std::ops::Range<usize>| {
            SrtpKey::new(
                SrtpSuite::Aes128Sha80,
                [&material[key], &material[salt]].concat(),
            )
            .unwrap()
        };
        (key(0..16, 32..46), key(16..32, 46..60))
    }
}

fn certificate() -> (Certificate, Fingerprint) {
    let provider = default_provider().unwrap();
    let certificate =
        Certificate::generate_self_signed(["browser".to_owned()], provider.crypto()).unwrap();
    let digest = Sha256::digest(&certificate.certificate[0]).to_vec();
    (
        certificate,
        Fingerprint::new(FingerprintHash::Sha256, digest).unwrap(),
    )
}

#[test]
fn a_browser_and_a_phone_hear_each_other() {
    let (certificate, fingerprint) = certificate();
    let call = call(fingerprint);
    // Before the way is proven, and without the right words: no answer, no state.
    call.say(&[22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0]);
    call.say(&check("oursfrag:peerfrag", "a wrong password, quite long"));
    call.say(&check("oursfrag:other", &ice("ours").pwd));
    call.prove_the_way();
    let (ours, theirs) = call.shake(certificate);
    let (mut sender, mut receiver) = (Sender::new(ours).unwrap(), Receiver::new(theirs));

    call.say(&audio(1)); // plain: dropped
    call.say(&sender.seal(Channel::Rtp, &audio(2)).unwrap());
    let mut buffer = [0; 2_048];
    let (length, from) = call.phone.recv_from(&mut buffer).unwrap();
    assert_eq!(
        (&buffer[..length], from.port()),
        (audio(2).as_slice(), call.ports.1)
    );

    call.phone
        .send_to(&audio(9), (Ipv4Addr::LOCALHOST, call.ports.1))
        .unwrap();
    let mut sealed = call.next_at_browser();
    let length = sealed.len();
    assert_ne!(sealed, audio(9));
    let opened = receiver.open(Channel::Rtp, &mut sealed, length, 0).unwrap();
    assert_eq!(sealed[..opened], audio(9));

    let (a, b) = call.close();
    assert_eq!((a.packets, a.forged, a.foreign), (1, 1, 3));
    assert_eq!((b.packets, b.forged), (1, 0));
}

/// Audio both ways between `near`, with these keys, and the phone.
fn exchange(call: &Call, near: &UdpSocket, (ours, theirs): (SrtpKey, SrtpKey)) {
    let (mut sender, mut receiver) = (Sender::new(ours).unwrap(), Receiver::new(theirs));
    let sealed = sender.seal(Channel::Rtp, &audio(2)).unwrap();
    near.send_to(&sealed, (Ipv4Addr::LOCALHOST, call.ports.0))
        .unwrap();
    let mut buffer = [0; 2_048];
    let length = call.phone.recv(&mut buffer).unwrap();
    assert_eq!(&buffer[..length], audio(2).as_slice());
    call.phone
        .send_to(&audio(9), (Ipv4Addr::LOCALHOST, call.ports.1))
        .unwrap();
    let length = near.recv(&mut buffer).unwrap();
    let opened = receiver.open(Channel::Rtp, &mut buffer, length, 0).unwrap();
    assert_eq!(buffer[..opened], audio(9));
}

/// RFC 5763 without ICE: the peer is where its description says.
#[test]
fn a_phone_without_checks_shakes_hands_from_where_it_says_it_is() {
    let (certificate, fingerprint) = certificate();
    let near = socket();
    let place = near.local_addr().unwrap();
    let call = call_of(fingerprint, (near, place), None, true);
    call.say(&check("oursfrag:peerfrag", &ice("ours").pwd)); // it has promised none
    let keys = call.shake(certificate);
    // Another one of its address has no part in it.
    let other = socket();
    let hello = [22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0];
    other
        .send_to(&hello, (Ipv4Addr::LOCALHOST, call.ports.0))
        .unwrap();
    exchange(&call, &call.browser, keys);
    let (a, _) = call.close();
    assert_eq!((a.packets, a.forged, a.foreign), (1, 0, 2));
}

/// RFC 5764 section 3: RTCP on a port of its own has a handshake of its own, and its own checks before it.
#[test]
fn rtcp_on_its_own_port_has_its_own_keys() {
    for checks in [Some(ice("peer")), None] {
        let (certificate, fingerprint) = certificate();
        let (near, reports) = pair();
        let place = near.local_addr().unwrap();
        let call = call_of(fingerprint, (near, place), checks.clone(), false);
        if checks.is_some() {
            call.prove_the_way();
            let relay = (Ipv4Addr::LOCALHOST, call.ports.0 + 1);
            let check = check("oursfrag:peerfrag", &ice("ours").pwd);
            reports.send_to(&check, relay).unwrap();
            reports.recv(&mut [0; 2_048]).unwrap();
        }
        let keys = call.shake(certificate.clone());
        let (ours, _) = call.shake_by(&reports, call.ports.0 + 1, certificate);
        assert!(ours != keys.0, "other keys");
        exchange(&call, &call.browser, keys.clone());
        let report = [0x80, 201, 0, 1, 0, 0, 0, 77];
        let mut wrong = Sender::new(keys.0).unwrap();
        let mut right = Sender::new(ours).unwrap();
        for sender in [&mut wrong, &mut right] {
            let sealed = sender.seal(Channel::Rtcp, &report).unwrap();
            reports
                .send_to(&sealed, (Ipv4Addr::LOCALHOST, call.ports.0 + 1))
                .unwrap();
        }
        let length = call.phone_reports.recv(&mut [0; 2_048]).unwrap();
        assert_eq!(length, report.len());
        let (a, _) = call.close();
        assert_eq!((a.packets, a.forged, a.foreign), (1, 1, 0), "{checks:?}");
    }
}

/// Two neighbouring ports.
fn pair() -> (UdpSocket, UdpSocket) {
    loop {
        let rtp = socket();
        let port = rtp.local_addr().unwrap().port();
        let Ok(rtcp) = UdpSocket::bind((Ipv4Addr::LOCALHOST, port.wrapping_add(1))) else {
            continue;
        };
        rtcp.set_read_timeout(Some(PATIENCE)).unwrap();
        return (rtp, rtcp);
    }
}

/// RFC 8445 section 12.1: a browser that changes its way sends by the new one before it nominates it.
#[test]
fn audio_passes_by_each_proven_way_and_by_no_other() {
    let (certificate, fingerprint) = certificate();
    let call = call(fingerprint);
    call.prove_the_way();
    let (ours, _) = call.shake(certificate);
    let mut sender = Sender::new(ours).unwrap();
    let relay = (Ipv4Addr::LOCALHOST, call.ports.0);
    let (other_way, stranger) = (socket(), socket());
    let unnominated = check_of("oursfrag:peerfrag", &ice("ours").pwd, false);
    other_way.send_to(&unnominated, relay).unwrap();
    other_way.recv(&mut [0; 2_048]).unwrap();

    let mut sealed = |sequence| sender.seal(Channel::Rtp, &audio(sequence)).unwrap();
    stranger.send_to(&sealed(1), relay).unwrap();
    other_way.send_to(&sealed(2), relay).unwrap();
    call.say(&sealed(3));
    let mut buffer = [0; 2_048];
    for sequence in [2, 3] {
        let length = call.phone.recv(&mut buffer).unwrap();
        assert_eq!(buffer[..length], audio(sequence));
    }
    let (a, _) = call.close();
    assert_eq!((a.packets, a.forged, a.foreign), (2, 0, 1));
}

#[test]
fn another_certificate_than_promised_gets_no_keys() {
    let (certificate, _) = certificate();
    let promised = Fingerprint::new(FingerprintHash::Sha256, vec![7; 32]).unwrap();
    let call = call(promised);
    call.prove_the_way();
    let refused = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let (ours, _) = call.shake(certificate);
        ours
    }));
    assert!(refused.is_err(), "the handshake ends with an alert");
    let (a, _) = call.close();
    assert_eq!(a.packets, 0);
}
