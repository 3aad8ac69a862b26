//! One endpoint on virtual time with everything it says written down, line by line: comparing the whole log
//! asserts the silences too.

use bytes::Bytes;
use std::{collections::VecDeque, time::Duration};
use tandem_sip::{
    Flow, Message, Mono, Parsed, Transport,
    dialog::Dialog,
    endpoint::{
        ClientTxn, Endpoint, EndpointConfig, EndpointOutput, Event, Listener, RequestOut,
        ServerTxn, Timers,
    },
    message::{Draft, response},
    value::{Method, NameAddr, Uri},
};

pub const UDP: u16 = 0;
pub const TCP: u16 = 1;

pub fn config() -> EndpointConfig {
    let listener = |transport, address: &str| {
        let local = address.parse().expect(address);
        Listener {
            transport,
            local,
            advertised: local,
        }
    };
    EndpointConfig {
        listeners: vec![
            listener(Transport::Udp, "192.0.2.1:5060"),
            listener(Transport::Tcp, "192.0.2.1:5062"),
        ],
        timers: Timers::default(),
        max_transactions: 100,
        product: String::new(),
    }
}

pub fn flow(listener: u16) -> Flow {
    let (transport, connection) = if listener == TCP {
        (Transport::Tcp, 7)
    } else {
        (Transport::Udp, 0)
    };
    Flow {
        transport,
        listener,
        connection,
        remote: "198.51.100.9:5060".parse().expect("address"),
    }
}

pub fn ms(at: u64) -> Mono {
    Mono(0) + Duration::from_millis(at)
}

pub fn parse(bytes: &Bytes) -> Message {
    match Message::parse(bytes.clone()) {
        Parsed::Message(message) => message,
        other => panic!("{other:?}: {}", String::from_utf8_lossy(bytes)),
    }
}

pub fn addr(text: &str) -> NameAddr {
    NameAddr::parse(text).expect(text)
}

pub struct Rig {
    pub ep: Endpoint,
    pub now: Mono,
    pub flow: Flow,
    log: Vec<String>,
    pub wire: VecDeque<(Flow, Bytes)>,
    pub events: VecDeque<Event>,
}

impl Rig {
    pub fn new(listener: u16) -> Self {
        Self::with(config(), listener)
    }

    pub fn with(config: EndpointConfig, listener: u16) -> Self {
        Self {
            ep: Endpoint::new(config, [7; 32]),
            now: Mono(0),
            flow: flow(listener),
            log: Vec::new(),
            wire: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    fn drain(&mut self) {
        let at = self.now.0 / 1000;
        while let Some(output) = self.ep.poll_output() {
            match output {
                EndpointOutput::Transmit { flow, bytes } => {
                    let what = match Message::parse(bytes.clone()) {
                        Parsed::Message(message) => match message.status() {
                            Some(status) => format!("{status} {}", message.method()),
                            None => message.method().to_string(),
                        },
                        // The parser's own rejection quotes what it could not read.
                        _ => String::from_utf8_lossy(&bytes)
                            .lines()
                            .next()
                            .unwrap_or("")
                            .to_owned(),
                    };
                    self.log.push(format!("{at} > {what}"));
                    self.wire.push_back((flow, bytes));
                }
                EndpointOutput::Event(event) => {
                    let what = match &event {
                        Event::Request { message, .. } => message.method().to_string(),
                        Event::Cancelled { .. } => "cancelled".into(),
                        Event::Acked { .. } => "acked".into(),
                        Event::AckTimeout { .. } => "ack timeout".into(),
                        Event::Response { message, .. } => {
                            format!(
                                "{} {}",
                                message.status().expect("response"),
                                message.method()
                            )
                        }
                        Event::Timeout { .. } => "timeout".into(),
                        Event::TransportFailed { .. } => "transport failed".into(),
                    };
                    self.log.push(format!("{at} * {what}"));
                    self.events.push_back(event);
                }
            }
        }
    }

    /// Lets the clock run to `at` milliseconds, firing what is due on the way, each at its own time.
    pub fn run_to(&mut self, at: u64) {
        let end = ms(at);
        while let Some(due) = self.ep.poll_deadline().filter(|due| *due <= end) {
            self.now = due.max(self.now);
            self.ep.handle_timeout(self.now);
            self.drain();
        }
        self.now = end;
    }

    pub fn feed(&mut self, bytes: impl Into<Bytes>) {
        let flow = self.flow;
        self.feed_on(flow, bytes);
    }

    pub fn feed_on(&mut self, flow: Flow, bytes: impl Into<Bytes>) {
        self.ep.handle_message(self.now, flow, bytes.into());
        self.drain();
    }

    pub fn fail_flow(&mut self) {
        self.ep.handle_flow_failed(self.now, self.flow);
        self.drain();
    }

    /// Everything said since the last look, in order, and nothing else.
    #[track_caller]
    pub fn expect(&mut self, want: &[&str]) {
        assert_eq!(self.log, want);
        self.log.clear();
    }

    pub fn respond(&mut self, txn: ServerTxn, status: u16) {
        self.ep
            .respond(self.now, txn, status, "", "ours", Draft::new());
        self.drain();
    }

    pub fn trying(&mut self, txn: ServerTxn) {
        self.ep.trying(self.now, txn);
        self.drain();
    }

    pub fn send(&mut self, method: Method) -> ClientTxn {
        let request = RequestOut {
            method,
            uri: Uri::parse("sip:bob@198.51.100.9").expect("uri"),
            from: addr("<sip:alice@192.0.2.1>;tag=ours"),
            to: addr("<sip:bob@198.51.100.9>"),
            call_id: self.ep.new_call_id(),
            cseq: 1,
            routes: Vec::new(),
            max_forwards: 70,
            draft: Draft::new().header("Contact", "<sip:alice@192.0.2.1>"),
        };
        let txn = self.ep.request(self.now, self.flow, request);
        self.drain();
        txn
    }

    pub fn cancel(&mut self, txn: ClientTxn) {
        self.ep.cancel(self.now, txn);
        self.drain();
    }

    pub fn ack(&mut self, txn: ClientTxn, dialog: &Dialog) {
        self.ep.ack(self.now, txn, self.flow, dialog, Draft::new());
        self.drain();
    }

    /// Answers the last request of `method` that went out.
    pub fn answer(&mut self, method: &Method, status: u16, tag: &str) {
        let request = self.last(method);
        let draft = Draft::new().header("Contact", format!("<sip:bob-{tag}@198.51.100.9>"));
        self.feed(response(&request, status, "", tag, &draft));
    }

    /// The last message of this method that went out.
    pub fn last(&self, method: &Method) -> Message {
        let sent = self.wire.iter().rev().map(|(_, bytes)| parse(bytes));
        let mut of_method = sent.filter(|message| message.is_method(method));
        of_method.next().expect("a message was sent")
    }

    pub fn request_txn(&mut self) -> ServerTxn {
        loop {
            match self.events.pop_front().expect("a request came") {
                Event::Request { txn, .. } => return txn,
                _ => continue,
            }
        }
    }

    pub fn response(&mut self) -> Message {
        loop {
            match self.events.pop_back().expect("a response came") {
                Event::Response { message, .. } => return message,
                _ => continue,
            }
        }
    }
}

/// A request of the peer; `branch` may lack the magic cookie. CSeq is 1.
pub fn request(method: &str, branch: &str) -> String {
    request_with(method, branch, "<sip:us@192.0.2.1>", 1)
}

pub fn request_with(method: &str, branch: &str, to: &str, cseq: u32) -> String {
    format!(
        "{method} sip:us@192.0.2.1 SIP/2.0\r\n\
         Via: SIP/2.0/UDP 198.51.100.9:5060;rport;branch={branch}\r\n\
         Max-Forwards: 70\r\n\
         From: <sip:peer@198.51.100.9>;tag=theirs\r\n\
         To: {to}\r\n\
         Call-ID: call-1\r\n\
         CSeq: {cseq} {method}\r\n\
         Contact: <sip:peer@198.51.100.9>\r\n\
         Content-Length: 0\r\n\r\n"
    )
}
