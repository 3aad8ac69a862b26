//! Whose a message is that is part of no call: what a trace for one branch may and may not be shown.

use super::{ALICE, GATE, TRUNK, at, plan};
use crate::kit::World;
use tandem_billing::AccountId;
use tandem_call::switch::Stated;
use tandem_sip::Transport;

#[test]
fn a_known_address_says_more_than_a_name_anyone_can_give() {
    let plan = plan().source(1, "198.51.100.11:5060").tech_prefix("77");
    let world = World::new(plan.build(), &[]);
    for (name, remote, user, dialled, expected) in [
        ("a phone", ALICE, "alice", "442071234", vec![2]),
        ("a trunk", TRUNK, "4930123", "442071234", vec![1]),
        (
            "a trunk under a phone's name",
            TRUNK,
            "alice",
            "442071234",
            vec![1],
        ),
        (
            "a trunk told by its prefix",
            "198.51.100.11:5060",
            "alice",
            "77442071234",
            vec![1],
        ),
        (
            "a gateway under a phone's name",
            GATE,
            "alice",
            "442071234",
            vec![],
        ),
        ("a stranger", ALICE, "mallory", "442071234", vec![]),
    ] {
        let belonging = world.switch.belonging(Stated {
            call_id: "not-open",
            user: Some(user),
            dialled,
            remote: at(remote),
            transport: Transport::Udp,
        });
        let expected: Vec<AccountId> = expected.into_iter().map(AccountId).collect();
        assert_eq!((belonging.leg, belonging.call), (expected, None), "{name}");
    }
}
