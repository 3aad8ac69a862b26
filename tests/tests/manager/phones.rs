//! A carrier that answers every call and a customer that calls, over real sockets: plain text, as phones write it.

use bytes::Bytes;
use std::{
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};
use tandem_sip::{Message, Parsed, value::Method};
use tandem_tests::kit::sip::{G711, respond, sdp};

/// How soon the carrier notices that it shall stop, and how long a caller waits for an answer.
const NOTICE: Duration = Duration::from_millis(50);
const PATIENCE: Duration = Duration::from_secs(20);

fn bind() -> (UdpSocket, SocketAddr) {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let at = socket.local_addr().expect("bound");
    (socket, at)
}

fn read(bytes: &[u8]) -> Option<Message> {
    match Message::parse(Bytes::copy_from_slice(bytes)) {
        Parsed::Message(message) => Some(message),
        _ => None,
    }
}

/// Answers what it is asked until dropped.
pub struct Carrier {
    pub at: SocketAddr,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Carrier {
    pub fn start() -> Self {
        let (socket, at) = bind();
        socket.set_read_timeout(Some(NOTICE)).expect("settable");
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let mut buffer = [0; 8_192];
            while !seen.load(Ordering::Acquire) {
                let Ok((length, from)) = socket.recv_from(&mut buffer) else {
                    continue;
                };
                for text in read(&buffer[..length])
                    .iter()
                    .flat_map(|m| Self::say(m, at))
                {
                    socket
                        .send_to(text.as_bytes(), from)
                        .expect("loopback takes it");
                }
            }
        });
        Self {
            at,
            stop,
            thread: Some(thread),
        }
    }

    fn say(message: &Message, at: SocketAddr) -> Vec<String> {
        let answer =
            |status: &str, body: Option<&str>| respond(message, status, "carrier", at, body);
        match message.method() {
            _ if !message.is_request() => Vec::new(),
            Method::Ack => Vec::new(),
            Method::Invite => {
                let body = sdp(SocketAddr::new(at.ip(), 9), G711);
                vec![answer("180 Ringing", None), answer("200 OK", Some(&body))]
            }
            _ => vec![answer("200 OK", None)],
        }
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the carrier ends well");
        }
    }
}

/// A customer's gateway, known by its address.
pub struct Customer {
    pub at: SocketAddr,
    socket: UdpSocket,
    switch: SocketAddr,
}

impl Customer {
    pub fn new(switch: SocketAddr) -> Self {
        let (socket, at) = bind();
        socket.set_read_timeout(Some(PATIENCE)).expect("settable");
        Self { at, socket, switch }
    }

    /// Calls a number; returns when it was answered and acknowledged.
    pub fn call(&self, number: &str) {
        let body = sdp(SocketAddr::new(self.at.ip(), 9), G711);
        let to = format!("<sip:{number}@{}>", self.switch);
        let head = self.request("INVITE", number, "invite", &to, &body);
        self.send(&head);
        let answer = self.expect("200");
        let to = answer.header("To").expect("an answer has it").to_owned();
        self.send(&self.request("ACK", number, "ack", &to, ""));
    }

    /// Takes the BYE of a call that the switch ended.
    pub fn is_hung_up(&self) {
        let bye = self.expect("BYE");
        self.send(&respond(&bye, "200 OK", "customer", self.at, None));
    }

    fn request(&self, method: &str, number: &str, branch: &str, to: &str, body: &str) -> String {
        let kind = if body.is_empty() {
            ""
        } else {
            "Content-Type: application/sdp\r\n"
        };
        format!(
            "{method} sip:{number}@{} SIP/2.0\r\nVia: SIP/2.0/UDP {};branch=z9hG4bK-{branch};rport\r\nMax-Forwards: 70\r\n\
             From: <sip:493012345@{}>;tag=customer\r\nTo: {to}\r\nCall-ID: one@customer\r\nCSeq: 1 {method}\r\n\
             Contact: <sip:customer@{}>\r\n{kind}Content-Length: {}\r\n\r\n{body}",
            self.switch,
            self.at,
            self.at,
            self.at,
            body.len()
        )
    }

    fn send(&self, text: &str) {
        self.socket
            .send_to(text.as_bytes(), self.switch)
            .expect("loopback takes it");
    }

    /// The next message that is this status or this request.
    fn expect(&self, what: &str) -> Message {
        let mut buffer = [0; 8_192];
        loop {
            let length = self
                .socket
                .recv(&mut buffer)
                .unwrap_or_else(|error| panic!("waiting for {what}: {error}"));
            let message = read(&buffer[..length]).expect("the switch writes SIP");
            let status = message.status();
            let said = status.map_or_else(
                || message.method().as_str().to_owned(),
                |status| status.to_string(),
            );
            if said == what {
                return message;
            }
            assert!(
                status.is_none_or(|status| status < 300),
                "the call failed: {said}"
            );
        }
    }
}
