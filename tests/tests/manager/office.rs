//! The real daemon on loopback with the sample operator, whose gateways are a carrier of ours.

use crate::phones::{Carrier, Customer};
use std::net::{Ipv4Addr, SocketAddr};
use tandem_billing::{AccountId, CallId, UtcMs};
use tandem_call::io::{Command, Reply};
use tandem_store::{
    Actor, Edit, List, ListQuery, Scope,
    record::{Account, SourceAddress},
    sample,
};
use tandem_switch::{
    config::{Config, ListenConfig, ListenTransport},
    daemon::Daemon,
};

pub const PASSWORD: &str = "correct horse";

pub struct Office {
    pub carrier: Carrier,
    config: Config,
    daemon: Option<Daemon>,
    _folder: tempfile::TempDir,
}

impl Office {
    pub fn open() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut config = Config {
            data: folder.path().join("data"),
            listen: vec![ListenConfig {
                transport: ListenTransport::Udp,
                address: any,
                advertised: None,
            }],
            ..Config::default()
        };
        config.rpc.address = any;
        let mut office = Self {
            carrier: Carrier::start(),
            config,
            daemon: None,
            _folder: folder,
        };
        office.start();
        office.move_in();
        office
    }

    /// Starts the daemon; the second time at the address it had before.
    pub fn start(&mut self) {
        let daemon = Daemon::start(&self.config).expect("the daemon starts");
        self.config.rpc.address = daemon.rpc().expect("it serves").address();
        self.daemon = Some(daemon);
    }

    pub fn stop(&mut self) {
        self.daemon.take().expect("it runs").drain(0);
    }

    /// Another certificate is made at the next start, as on a switch set up anew.
    pub fn lose_certificate(&self) {
        for name in ["rpc.cert.pem", "rpc.key.pem"] {
            std::fs::remove_file(self.config.data.join(name)).expect("it was made at the start");
        }
    }

    pub fn daemon(&self) -> &Daemon {
        self.daemon.as_ref().expect("it runs")
    }

    pub fn address(&self) -> String {
        self.config.rpc.address.to_string()
    }

    pub fn fingerprint(&self) -> String {
        self.daemon()
            .rpc()
            .expect("it serves")
            .fingerprint()
            .to_owned()
    }

    fn move_in(&self) {
        let daemon = self.daemon();
        let host = self.carrier.at.to_string();
        let writer = daemon.store().expect("open").writer();
        let sample = sample::load(&writer, [&host, &host, &host], PASSWORD, UtcMs(0));
        for movement in sample.expect("an empty store takes it").payments {
            let (done, posted) = std::sync::mpsc::channel();
            daemon.inbox().ask(Command::Post(movement), move |reply| {
                // The waiter is below and cannot have gone.
                let _ = done.send(matches!(reply, Reply::Posted(Ok(_))));
            });
            assert!(posted.recv().expect("the core answers"), "booked");
        }
    }

    /// Ends a call; false if it is not up.
    pub fn hang_up(&self, call: CallId) -> bool {
        let (done, ended) = std::sync::mpsc::channel();
        let command = Command::HangUp { call };
        self.daemon().inbox().ask(command, move |reply| {
            // The waiter is below and cannot have gone.
            let _ = done.send(matches!(reply, Reply::Done));
        });
        ended.recv().expect("the core answers")
    }

    pub fn account(&self, login: &str) -> AccountId {
        let reader = self.daemon().store().expect("open").reader();
        let equal = tandem_store::query::Op::Eq;
        let query = ListQuery::all(Scope::All).filter("login", equal, login.to_owned());
        let found = reader.records::<Account>(&query).expect("reads").rows;
        AccountId(found.first().expect("such an account").id)
    }

    /// A gateway of the account with this login.
    pub fn customer(&self, login: &str) -> Customer {
        let daemon = self.daemon();
        let store = daemon.store().expect("open");
        let customer = Customer::new(*daemon.sip().first().expect("a listener"));
        let source = SourceAddress {
            id: 0,
            revision: 0,
            account_id: self.account(login),
            network: customer.at.ip().to_string(),
            port: Some(customer.at.port()),
            transport: None,
            tech_prefix: String::new(),
        };
        let edit = Edit::create(Actor::system("test"), UtcMs(0), &source);
        store.writer().edit(edit).expect("it is sound");
        customer
    }

    /// CDRs kept so far.
    pub fn cdrs(&self) -> usize {
        let reader = self.daemon().store().expect("open").reader();
        let all = ListQuery::all(Scope::All);
        reader.list(List::Cdr, &all).expect("reads").rows.len()
    }
}
