//! A peer over any transport: bytes out, whole messages in. Blocking, with a generous deadline.

use rustls::{
    ClientConfig, ClientConnection, DigitallySignedStruct, Error as TlsError, SignatureScheme,
    StreamOwned,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream, UdpSocket},
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tandem_sip::{
    Message, Parsed, Transport,
    framing::{Frame, Framer},
};
use tungstenite::{
    Message as Packet, WebSocket,
    client::IntoClientRequest,
    http::{HeaderValue, Response},
};

/// An answer is waited for no longer: far above what a loaded machine needs.
pub const DEADLINE: Duration = Duration::from_secs(20);
static NUMBER: AtomicU64 = AtomicU64::new(1);

/// A byte stream, with TLS or without.
pub trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

pub enum Line {
    Datagram(UdpSocket),
    Stream(Box<dyn Stream>, Framer),
    Socket(Box<WebSocket<Box<dyn Stream>>>),
}

/// One peer.
pub struct Client {
    pub transport: Transport,
    pub local: SocketAddr,
    pub remote: SocketAddr,
    pub line: Line,
    tcp: Option<TcpStream>,
}

impl Client {
    pub fn connect(transport: Transport, remote: SocketAddr) -> Self {
        if transport == Transport::Udp {
            let any: SocketAddr = SocketAddr::new(remote.ip(), 0);
            let socket = UdpSocket::bind(any).unwrap();
            socket.connect(remote).unwrap();
            socket.set_read_timeout(Some(DEADLINE)).unwrap();
            let local = socket.local_addr().unwrap();
            let line = Line::Datagram(socket);
            return Self {
                transport,
                local,
                remote,
                line,
                tcp: None,
            };
        }
        let (tcp, stream) = stream(transport, remote);
        let local = tcp.local_addr().unwrap();
        let line = match transport {
            Transport::Ws | Transport::Wss => {
                let (socket, answer) = open(stream, Some("sip")).unwrap();
                let chosen = answer.headers().get("Sec-WebSocket-Protocol");
                assert_eq!(chosen, Some(&HeaderValue::from_static("sip")));
                Line::Socket(Box::new(socket))
            }
            Transport::Udp | Transport::Tcp | Transport::Tls => Line::Stream(stream, Framer::new()),
        };
        Self {
            transport,
            local,
            remote,
            line,
            tcp: Some(tcp),
        }
    }

    pub fn send(&mut self, bytes: &[u8]) -> bool {
        match &mut self.line {
            Line::Datagram(socket) => socket.send(bytes).is_ok(),
            Line::Stream(stream, _) => stream
                .write_all(bytes)
                .and_then(|()| stream.flush())
                .is_ok(),
            Line::Socket(socket) => {
                let packet = match std::str::from_utf8(bytes) {
                    Ok(text) => Packet::text(text),
                    Err(_) => Packet::binary(bytes.to_vec()),
                };
                socket.send(packet).is_ok()
            }
        }
    }

    /// The next message or keep-alive answer; None at the deadline or when the peer closed.
    pub fn receive(&mut self) -> Option<Vec<u8>> {
        match &mut self.line {
            Line::Datagram(socket) => {
                let mut buffer = vec![0; 65_535];
                let length = socket.recv(&mut buffer).ok()?;
                buffer.truncate(length);
                Some(buffer)
            }
            Line::Stream(stream, framer) => loop {
                match framer.next_frame().unwrap() {
                    Some(Frame::Message(message)) => return Some(message.to_vec()),
                    Some(Frame::Ping) => return Some(b"\r\n\r\n".to_vec()),
                    None => {}
                }
                let mut buffer = [0; 4096];
                let length = stream.read(&mut buffer).ok().filter(|length| *length > 0)?;
                if &buffer[..length] == b"\r\n" {
                    return Some(b"\r\n".to_vec());
                }
                framer.push(&buffer[..length]).unwrap();
            },
            Line::Socket(socket) => loop {
                match socket.read().ok()? {
                    Packet::Text(text) => return Some(text.as_bytes().to_vec()),
                    Packet::Binary(bytes) => return Some(bytes.to_vec()),
                    Packet::Pong(bytes) => return Some(bytes.to_vec()),
                    Packet::Ping(_) | Packet::Close(_) | Packet::Frame(_) => {}
                }
            },
        }
    }

    pub fn receive_message(&mut self) -> Option<Message> {
        match Message::parse(self.receive()?.into()) {
            Parsed::Message(message) => Some(message),
            other => panic!("the switch writes what can be read: {other:?}"),
        }
    }

    /// Whether the peer has closed.
    pub fn is_closed(&mut self) -> bool {
        match &mut self.line {
            Line::Datagram(_) => false,
            Line::Stream(stream, _) => {
                let mut buffer = [0; 4096];
                loop {
                    match stream.read(&mut buffer) {
                        Ok(0) => return true,
                        Ok(_) => {}
                        Err(error) => return !is_timeout(&error),
                    }
                }
            }
            Line::Socket(socket) => loop {
                match socket.read() {
                    Ok(_) => {}
                    Err(tungstenite::Error::Io(error)) => return !is_timeout(&error),
                    Err(_) => return true,
                }
            },
        }
    }

    /// Says that nothing more will be sent; answers still come.
    pub fn finish(&self) {
        if let Some(tcp) = &self.tcp {
            tcp.shutdown(std::net::Shutdown::Write).unwrap();
        }
    }

    /// A request of ours, in no dialog.
    pub fn request(&self, method: &str, extra: &str) -> String {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        // A browser does not know its address (RFC 7118 section 5).
        let (host, via) = match self.transport {
            Transport::Ws => ("df7jal23ls0d.invalid".to_owned(), "WS"),
            Transport::Wss => ("df7jal23ls0d.invalid".to_owned(), "WSS"),
            other => (self.local.to_string(), other.via_name()),
        };
        format!(
            "{method} sip:{} SIP/2.0\r\nVia: SIP/2.0/{via} {host};branch=z9hG4bK-{number};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:t@example.com>;tag={number}\r\nTo: <sip:t@example.com>\r\n\
             Call-ID: {number}@wire\r\nCSeq: 1 {method}\r\n{extra}Content-Length: 0\r\n\r\n",
            self.remote
        )
    }

    /// Asks OPTIONS; the answer, if it is one to this.
    pub fn options(&mut self) -> Option<Message> {
        let request = self.request("OPTIONS", "");
        self.send(request.as_bytes()).then_some(())?;
        let wanted = request.lines().find(|line| line.starts_with("Call-ID: "))?;
        loop {
            let answer = self.receive_message()?;
            if wanted.ends_with(answer.call_id()) {
                return Some(answer);
            }
        }
    }
}

fn is_timeout(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{TimedOut, WouldBlock};
    matches!(error.kind(), TimedOut | WouldBlock)
}

/// A connection with TLS on it where the transport has it.
pub fn stream(transport: Transport, remote: SocketAddr) -> (TcpStream, Box<dyn Stream>) {
    let tcp = TcpStream::connect(remote).unwrap();
    tcp.set_read_timeout(Some(DEADLINE)).unwrap();
    tcp.set_write_timeout(Some(DEADLINE)).unwrap();
    tcp.set_nodelay(true).unwrap();
    let own = tcp.try_clone().unwrap();
    if !matches!(transport, Transport::Tls | Transport::Wss) {
        return (own, Box::new(tcp));
    }
    let (config, _) = tls();
    let name = ServerName::try_from("localhost").unwrap();
    let session = ClientConnection::new(config, name).unwrap();
    (own, Box::new(StreamOwned::new(session, tcp)))
}

type Opened = (WebSocket<Box<dyn Stream>>, Response<Option<Vec<u8>>>);

/// Opens a WebSocket on a stream.
pub fn open(stream: Box<dyn Stream>, subprotocol: Option<&str>) -> Result<Opened, String> {
    let mut request = "ws://localhost/".into_client_request().unwrap();
    if let Some(subprotocol) = subprotocol {
        let value = HeaderValue::from_str(subprotocol).unwrap();
        request
            .headers_mut()
            .insert("Sec-WebSocket-Protocol", value);
    }
    tungstenite::client(request, stream).map_err(|error| error.to_string())
}

/// The certificate the server showed last.
pub type Seen = Arc<Mutex<Option<Vec<u8>>>>;

/// A configuration that takes any certificate and keeps it.
pub fn tls() -> (Arc<ClientConfig>, Seen) {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let seen = Seen::default();
    let any = AnyCertificate {
        seen: Arc::clone(&seen),
        schemes: provider
            .signature_verification_algorithms
            .supported_schemes(),
    };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(any))
        .with_no_client_auth();
    (Arc::new(config), seen)
}

#[derive(Debug)]
struct AnyCertificate {
    seen: Seen,
    schemes: Vec<SignatureScheme>,
}

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, TlsError> {
        *self.seen.lock().unwrap() = Some(end_entity.to_vec());
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, TlsError> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.schemes.clone()
    }
}
