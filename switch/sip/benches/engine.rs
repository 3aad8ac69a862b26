//! What a call costs the transaction layer, both its ends together, and what a binding weighs:
//! `cargo bench -p tandem-sip --bench engine`.

use bytes::Bytes;
use divan::{AllocProfiler, Bencher, black_box, counter::ItemsCount};
use std::time::Duration;
use tandem_sip::{
    Flow, Message, Mono, Parsed, Transport,
    dialog::Dialog,
    endpoint::{Endpoint, EndpointConfig, EndpointOutput, Event, Listener, RequestOut, Timers},
    message::Draft,
    registrar::{Registrar, RegistrarConfig},
    value::{Method, NameAddr, Uri},
};

#[global_allocator]
static ALLOC: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

fn address(text: &str) -> std::net::SocketAddr {
    text.parse().expect("an address")
}

fn endpoint(seed: u8) -> Endpoint {
    let local = address("192.0.2.1:5060");
    let listener = Listener {
        transport: Transport::Udp,
        local,
        advertised: local,
    };
    let config = EndpointConfig {
        listeners: vec![listener],
        timers: Timers::default(),
        max_transactions: 1_000_000,
        product: "Tandem".into(),
    };
    Endpoint::new(config, [seed; 32])
}

/// A caller and a callee joined without loss; the clock moves 1 ms a call, so that old transactions end
/// while new ones begin, as at 1,000 calls a second.
struct Pair {
    caller: Endpoint,
    callee: Endpoint,
    now: Mono,
    flow: Flow,
    open: Option<Dialog>,
    ended: usize,
}

impl Pair {
    fn new() -> Self {
        let remote = address("198.51.100.9:5060");
        let flow = Flow {
            transport: Transport::Udp,
            listener: 0,
            connection: 0,
            remote,
        };
        let (caller, callee) = (endpoint(1), endpoint(2));
        Self {
            caller,
            callee,
            now: Mono(0),
            flow,
            open: None,
            ended: 0,
        }
    }

    fn call(&mut self) {
        self.now = self.now + Duration::from_millis(1);
        self.caller.handle_timeout(self.now);
        self.callee.handle_timeout(self.now);
        let tag = self.caller.new_tag();
        let from = Uri::parse("sip:alice@192.0.2.1").expect("a URI");
        let uri = Uri::parse("sip:bob@198.51.100.9").expect("a URI");
        let request = RequestOut {
            method: Method::Invite,
            from: NameAddr::new(from).with_param("tag", Some(&tag)),
            to: NameAddr::new(uri.clone()),
            uri,
            call_id: self.caller.new_call_id(),
            cseq: 1,
            routes: Vec::new(),
            max_forwards: 70,
            draft: Draft::new()
                .header("Contact", "<sip:alice@192.0.2.1>")
                .body("application/sdp", Bytes::from_static(&[b'a'; 220])),
        };
        self.caller.request(self.now, self.flow, request);
        self.settle();
        let mut dialog = self.open.take().expect("answered");
        self.caller
            .request_in_dialog(self.now, self.flow, &mut dialog, Method::Bye, Draft::new());
        self.settle();
    }

    fn settle(&mut self) {
        loop {
            if let Some(output) = self.caller.poll_output() {
                self.caller_output(output);
            } else if let Some(output) = self.callee.poll_output() {
                self.callee_output(output);
            } else {
                return;
            }
        }
    }

    fn caller_output(&mut self, output: EndpointOutput) {
        match output {
            EndpointOutput::Transmit { bytes, .. } => {
                self.callee.handle_message(self.now, self.flow, bytes);
            }
            EndpointOutput::Event(Event::Response { txn, message }) => match message.method() {
                Method::Invite if message.status() == Some(200) => {
                    let request = self.caller.client_request(txn).expect("alive");
                    let dialog = Dialog::from_response(request, &message).expect("a dialog");
                    self.caller
                        .ack(self.now, txn, self.flow, &dialog, Draft::new());
                    self.open = Some(dialog);
                }
                Method::Bye => self.ended += 1,
                _ => {}
            },
            EndpointOutput::Event(_) => {}
        }
    }

    fn callee_output(&mut self, output: EndpointOutput) {
        match output {
            EndpointOutput::Transmit { bytes, .. } => {
                self.caller.handle_message(self.now, self.flow, bytes);
            }
            EndpointOutput::Event(Event::Request { txn, message, .. }) => {
                let statuses: &[u16] = match message.method() {
                    Method::Invite => &[100, 180, 200],
                    _ => &[200],
                };
                let tag = self.callee.new_tag();
                for status in statuses {
                    let draft = Draft::new().header("Contact", "<sip:bob@198.51.100.9>");
                    self.callee.respond(self.now, txn, *status, "", &tag, draft);
                }
            }
            EndpointOutput::Event(_) => {}
        }
    }
}

/// INVITE, 100, 180, 200, ACK, BYE, 200: both ends, parsing and printing included. 40,000 calls, so that
/// the tables are as full as 1,000 calls a second make them.
#[divan::bench(sample_count = 3, sample_size = 1)]
fn call_40_000(bencher: Bencher) {
    bencher
        .counter(ItemsCount::new(40_000_u32))
        .with_inputs(Pair::new)
        .bench_values(|mut pair| {
            for _ in 0..40_000 {
                pair.call();
            }
            assert_eq!(pair.ended, 40_000);
            black_box(pair.caller.open_transactions())
        });
}

fn register(n: u32) -> Message {
    let text = format!(
        "REGISTER sip:sip.example.net SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.9:5060;rport;branch=z9hG4bK{n}\r\n\
         Max-Forwards: 70\r\nFrom: <sip:{n}@sip.example.net>;tag=t{n}\r\nTo: <sip:{n}@sip.example.net>\r\n\
         Call-ID: 8NnD1x0V7x7yY1fJk3mZ2w-{n}@10.0.0.9\r\nCSeq: 1 REGISTER\r\nUser-Agent: Bench Phone 5.6.1\r\n\
         Contact: <sip:{n}@10.0.0.9:5060;transport=udp>;expires=3600\r\nContent-Length: 0\r\n\r\n"
    );
    match Message::parse(Bytes::from(text)) {
        Parsed::Message(message) => message,
        other => panic!("{other:?}"),
    }
}

/// A hundred thousand phones; the allocator's peak over it is what the bindings weigh.
#[divan::bench(sample_count = 3, sample_size = 1)]
fn bind_100_000(bencher: Bencher) {
    let requests: Vec<Message> = (0..100_000).map(register).collect();
    let users: Vec<String> = (0..100_000).map(|n| n.to_string()).collect();
    let config = RegistrarConfig {
        min_expires_s: 60,
        max_expires_s: 3600,
        default_expires_s: 3600,
        max_bindings_per_user: 10,
        max_users: 1_000_000,
    };
    let flow = Pair::new().flow;
    bencher
        .counter(ItemsCount::new(100_000_u32))
        .bench_local(|| {
            let mut registrar = Registrar::new(config);
            for (user, request) in users.iter().zip(&requests) {
                registrar.handle_register(Mono(0), user, flow, request);
            }
            assert_eq!(registrar.len(), 100_000);
            registrar
        });
}
