//! The demo operator can place calls.

use crate::fixture::{Fixture, START};
use tandem_billing::{AccountId, ledger::Posted};
use tandem_call::journal::{Batch, Record};
use tandem_store::{
    EditError, List, ListQuery, Scope, login,
    record::{Rate, Resource},
    sample,
};

#[test]
fn the_sample_is_whole_and_loads_once() {
    let mut fixture = Fixture::empty();
    let hosts = ["127.0.0.1:5090", "127.0.0.1:5091", "[::1]:5092"];
    let made = sample::load(&fixture.writer(), hosts, "let me in now", START).unwrap();
    assert_eq!(made.phones.len(), 7);
    let count = |resource| {
        fixture
            .reader()
            .list(List::Of(resource), &ListQuery::all(Scope::All).page(0, 1))
            .unwrap()
            .total
            .unwrap()
    };
    let counts = [
        Resource::Account,
        Resource::Gateway,
        Resource::RoutingGroup,
        Resource::Login,
        Resource::Tariff,
    ]
    .map(count);
    assert_eq!(counts, [8, 3, 3, 3, 9]);
    let query = ListQuery::all(Scope::All).page(0, 1);
    assert!(
        fixture
            .reader()
            .records::<Rate>(&query)
            .unwrap()
            .total
            .unwrap()
            > 9 * 200
    );
    login::verify(&fixture.writer(), &made.admin.0, &made.admin.1, "", START).unwrap();

    let loaded = fixture.open().take_loaded().unwrap();
    let directory = loaded.directory;
    let mut ledger = loaded.ledger;
    for (seq, payment) in made.payments.into_iter().enumerate() {
        let Posted::Booked(entry) = ledger.post(payment).unwrap() else {
            panic!("booked before")
        };
        let batch = Batch {
            seq: loaded.next_seq + seq as u64,
            records: vec![Record::Posted(entry)],
        };
        fixture.writer().submit(batch).unwrap();
        fixture.events.durable(loaded.next_seq + seq as u64);
    }
    for phone in &made.phones {
        let account: AccountId = directory.devices[&phone.username].account;
        let chain = directory.chain(account).unwrap();
        for level in &chain {
            for number in ["4420123456", "491512345", "1001", "112"] {
                directory
                    .tariffs
                    .quote(level.tariff.unwrap(), number, START)
                    .unwrap_or_else(|error| panic!("{}: {error}", level.login));
            }
        }
        assert!(
            directory
                .groups
                .contains_key(&chain[0].routing_group.unwrap())
        );
    }
    let again = sample::load(&fixture.writer(), hosts, "let me in now", START);
    assert!(matches!(again, Err(EditError::Forbidden(_))));
    fixture.verify();
}
