//! The native transport against a TLS WebSocket server on loopback.

use futures_util::{SinkExt, StreamExt};
use sha2::{Digest, Sha256};
use std::{
    sync::{Arc, mpsc},
    time::Duration,
};
use tandem_manager::transport::{Ask, Told, Transport, native::Native};
use tandem_protocol::{
    ErrorCode,
    live::{FeedEvent, LiveDelta},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{self, ServerConfig, pki_types::PrivateKeyDer},
};
use tokio_tungstenite::{accept_async, tungstenite::Message};

/// Echoes a method's name, sends one event, closes at `bye`, never answers `silence`.
struct Server {
    address: String,
    fingerprint: String,
    /// Connections that got past TLS.
    upgraded: mpsc::Receiver<()>,
    _runtime: tokio::runtime::Runtime,
}

fn serve() -> Server {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime");
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).expect("a certificate");
    let certificate = made.cert.der().clone();
    let pairs: Vec<String> = Sha256::digest(&certificate)
        .iter()
        .map(|byte| format!("{byte:02X}"))
        .collect();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .expect("usable");
    let (tell, upgraded) = mpsc::channel();
    let listener = runtime
        .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
        .expect("a port");
    let address = listener.local_addr().expect("bound").to_string();
    runtime.spawn(async move {
        let acceptor = TlsAcceptor::from(Arc::new(config));
        while let Ok((tcp, _)) = listener.accept().await {
            let (acceptor, tell) = (acceptor.clone(), tell.clone());
            tokio::spawn(async move {
                let Ok(tls) = acceptor.accept(tcp).await else {
                    return;
                };
                let Ok(mut line) = accept_async(tls).await else {
                    return;
                };
                tell.send(()).ok();
                while let Some(Ok(frame)) = line.next().await {
                    let Message::Text(text) = frame else { continue };
                    for reply in replies(&text) {
                        if line.send(reply).await.is_err() {
                            return;
                        }
                    }
                }
            });
        }
    });
    Server {
        address,
        fingerprint: pairs.join(":"),
        upgraded,
        _runtime: runtime,
    }
}

fn replies(text: &str) -> Vec<Message> {
    let request: serde_json::Value = serde_json::from_str(text).expect("JSON");
    let (id, method) = (
        &request["id"],
        request["method"].as_str().expect("a method"),
    );
    let event = r#"{"jsonrpc":"2.0","method":"live.event","params":{"subscription":1,"result":{"feed":"delta","from":1,"to":2}}}"#;
    let answer = serde_json::json!({ "jsonrpc": "2.0", "id": id, "result": method });
    match method {
        "silence" => Vec::new(),
        "bye" => vec![Message::Close(None)],
        _ => vec![
            Message::text("not json"),
            Message::text(event),
            Message::text(answer.to_string()),
        ],
    }
}

/// The transport, and what wakes this thread when it has something to say.
fn native() -> (Native, mpsc::Receiver<()>) {
    let (wake, woken) = mpsc::channel();
    let wake = std::sync::Mutex::new(wake);
    let native = Native::start(move || {
        if let Ok(wake) = wake.lock() {
            wake.send(()).ok();
        }
    });
    (native.expect("starts"), woken)
}

fn told(native: &mut Native, woken: &mpsc::Receiver<()>) -> Told {
    loop {
        if let Some(told) = native.poll() {
            return told;
        }
        woken
            .recv_timeout(Duration::from_secs(20))
            .expect("the transport says something");
    }
}

fn connect(native: &mut Native, server: &Server, pin: Option<String>) {
    native.ask(Ask::Connect {
        address: server.address.clone(),
        pin,
    });
}

fn call(native: &mut Native, id: u64, method: &'static str, deadline_ms: u64) {
    let params = serde_json::json!({});
    native.ask(Ask::Call {
        id,
        method,
        params,
        deadline_ms,
    });
}

#[test]
fn without_a_pin_only_the_fingerprint_is_learnt() {
    let (server, (mut native, woken)) = (serve(), native());
    connect(&mut native, &server, None);
    let fingerprint = server.fingerprint.clone();
    assert_eq!(told(&mut native, &woken), Told::Unpinned { fingerprint });
    assert!(
        server.upgraded.try_recv().is_err(),
        "nothing was sent over the line"
    );
}

#[test]
fn another_certificate_than_the_pinned_one_is_refused() {
    let (server, (mut native, woken)) = (serve(), native());
    let pinned = "00:11".to_owned();
    connect(&mut native, &server, Some(pinned.clone()));
    let shown = server.fingerprint.clone();
    assert_eq!(
        told(&mut native, &woken),
        Told::PinChanged { pinned, shown }
    );
    assert!(server.upgraded.try_recv().is_err());
}

#[test]
fn calls_events_deadlines_and_the_end_of_the_line() {
    let (server, (mut native, woken)) = (serve(), native());
    connect(&mut native, &server, Some(server.fingerprint.clone()));
    assert_eq!(told(&mut native, &woken), Told::Connected);

    call(&mut native, 1, "system.info", 15_000);
    let delta = LiveDelta {
        from: 1,
        to: 2,
        ..LiveDelta::default()
    };
    assert_eq!(
        told(&mut native, &woken),
        Told::Live(Box::new(FeedEvent::Delta(Box::new(delta))))
    );
    let result = Ok(serde_json::json!("system.info"));
    assert_eq!(told(&mut native, &woken), Told::Answer { id: 1, result });

    call(&mut native, 2, "silence", 50);
    let Told::Answer {
        id: 2,
        result: Err(error),
    } = told(&mut native, &woken)
    else {
        panic!("the deadline passes")
    };
    assert_eq!(error.code(), ErrorCode::Unavailable);

    call(&mut native, 3, "silence", 15_000);
    call(&mut native, 4, "bye", 15_000);
    let mut failed = Vec::new();
    loop {
        match told(&mut native, &woken) {
            Told::Answer { id, result: Err(_) } => failed.push(id),
            Told::Lost { .. } => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(failed, [3, 4], "what waited fails before the loss is told");
    call(&mut native, 5, "system.info", 15_000);
    assert!(matches!(
        told(&mut native, &woken),
        Told::Answer {
            id: 5,
            result: Err(_)
        }
    ));
}

#[test]
fn a_dead_port_is_told_with_its_reason() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("bound").to_string();
    drop(listener);
    let (mut native, woken) = native();
    native.ask(Ask::Connect { address, pin: None });
    let Told::Lost { reason } = told(&mut native, &woken) else {
        panic!("refused")
    };
    assert!(reason.contains("cannot reach 127.0.0.1"), "{reason}");
}
