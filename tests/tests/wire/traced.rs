//! A trace of an address has every message both ways, over every transport, with the addresses it travelled between.

use crate::rig::{Family, Rig, TRANSPORTS};
use std::net::{IpAddr, Ipv4Addr};
use tandem_billing::{LoginId, UtcMs};
use tandem_switch::trace::{self, Direction, Order, Secrets, Subject, View};

#[test]
fn both_ways_over_every_transport_and_nothing_once_it_is_over() {
    let rig = Rig::start();
    let tracer = rig.daemon.tracer();
    assert!(rig.is_alive());
    let order = Order {
        subject: Subject::Source(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        view: View::All,
        login: LoginId(1),
        by: "ann".into(),
        secrets: Secrets::Masked,
        bytes: 1 << 20,
        from: UtcMs(0),
        until: UtcMs(i64::MAX),
    };
    let id = tracer.start(order).unwrap().id;
    for (transport, _) in TRANSPORTS {
        let mut peer = rig.client(transport);
        let proof = "Authorization: Digest username=\"a\", response=\"0123abcd\"\r\n";
        let request = peer.request("OPTIONS", proof);
        assert!(peer.send(request.as_bytes()));
        assert!(peer.receive_message().is_some(), "{transport:?}");
        let (_, kept) = tracer.read(id, View::All, 0, usize::MAX).unwrap();
        let [asked, answered] = kept.last_chunk().unwrap();
        for (message, direction) in [(asked, Direction::In), (answered, Direction::Out)] {
            assert_eq!(message.direction, direction, "{transport:?}");
            assert_eq!(message.transport, transport);
            assert_eq!(message.remote, peer.local, "{transport:?}");
            assert_eq!(message.local, rig.address(transport, Family::V4));
        }
        assert!(asked.summary().starts_with("OPTIONS "));
        assert_eq!(answered.summary(), "SIP/2.0 200 OK");
        let shown = String::from_utf8(asked.bytes.to_vec()).unwrap();
        assert!(shown.contains("response=\"********\""), "{shown}");
        assert_eq!(shown.len(), request.len());
        let packets = trace::capture(&kept);
        assert!(packets.len() > kept.iter().map(|kept| kept.bytes.len() + 44).sum());
    }
    let kept = tracer.stop(id, View::All, UtcMs(0)).unwrap().messages;
    assert!(!tracer.is_on());
    assert!(rig.is_alive());
    assert_eq!(tracer.list(View::All, UtcMs(0))[0].messages, kept);
}
