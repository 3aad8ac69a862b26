//! Coming in: the certificate, the password, the waiting after failures, sessions that end; and the pages.

use crate::office::{self, BEGIN_MS, Office, PASSWORD};
use rustls::pki_types::ServerName;
use serde_json::json;
use std::sync::Arc;
use tandem_protocol::ErrorCode;
use tandem_switch::{
    rpc::client::{ClientError, RpcClient},
    web::certificate::{kept_fingerprint, load_or_make},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[test]
fn only_the_pinned_certificate_is_spoken_to() {
    office::open(|office| async move {
        let address = office.server.address();
        let wrong = vec!["00"; 32].join(":");
        let refused = RpcClient::connect(address, &wrong).await.map(|_| ());
        let Err(ClientError::OtherCertificate { shown, pinned }) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!((shown, pinned), (office.server.fingerprint(), wrong));
        assert_eq!(
            kept_fingerprint(office.folder.path()).ok(),
            Some(office.server.fingerprint())
        );
        let lower = office.server.fingerprint().to_lowercase();
        assert!(RpcClient::connect(address, &lower).await.is_ok());
    });
}

#[test]
fn another_certificate_is_shown_after_a_reload_and_nobody_is_cut_off() {
    office::open(|office| async move {
        let admin = office.admin().await;
        let before = office.server.fingerprint();
        assert!(!office.server.reload_certificate().expect("the same"));
        let other = tempfile::tempdir().expect("a folder");
        let new = load_or_make(other.path()).expect("made").fingerprint;
        for file in ["rpc.cert.pem", "rpc.key.pem"] {
            std::fs::copy(other.path().join(file), office.folder.path().join(file))
                .expect("put in place");
        }
        assert!(office.server.reload_certificate().expect("another"));
        assert_eq!(office.server.fingerprint(), new);
        admin.call("system.info", json!({})).await;
        let address = office.server.address();
        assert!(RpcClient::connect(address, &new).await.is_ok());
        assert!(RpcClient::connect(address, &before).await.is_err());

        std::fs::write(office.folder.path().join("rpc.cert.pem"), "nonsense").expect("written");
        assert!(office.server.reload_certificate().is_err());
        assert!(
            RpcClient::connect(address, &new).await.is_ok(),
            "the one in use stays"
        );
    });
}

#[test]
fn a_login_is_locked_after_failures_and_opens_with_time() {
    office::open(|office| async move {
        let desk = office.connect().await;
        for login in ["admin", "nobody"] {
            let error = desk
                .log_in(login, "wrong password")
                .await
                .expect_err("refused");
            assert_eq!(
                (error.code(), error.message.as_str()),
                (ErrorCode::BadCredentials, "name or password is wrong")
            );
        }
        let mut codes = Vec::new();
        for _ in 0..5 {
            codes.push(
                desk.log_in("admin", "wrong password")
                    .await
                    .expect_err("refused")
                    .code(),
            );
        }
        assert_eq!(codes.last(), Some(&ErrorCode::LockedOut));
        let error = desk
            .log_in("admin", PASSWORD)
            .await
            .expect_err("even the right one");
        assert_eq!(error.code(), ErrorCode::LockedOut);
        assert!(
            error
                .data
                .remedy
                .is_some_and(|text| text.starts_with("wait "))
        );
        assert_eq!(
            desk.refused("session.whoami", json!({})).await,
            ErrorCode::Unauthenticated
        );

        office.pass_ms(15 * 60_000);
        let session = desk
            .log_in("admin", PASSWORD)
            .await
            .expect("the lock is over");
        assert_eq!(session.name, "admin");
    });
}

#[test]
fn an_address_that_guesses_many_names_waits() {
    office::open(|office| async move {
        let desk = office.connect().await;
        for n in 0..20 {
            let error = desk
                .log_in(&format!("guess{n}"), "wrong password")
                .await
                .expect_err("refused");
            assert_eq!(error.code(), ErrorCode::BadCredentials, "guess {n}");
        }
        assert_eq!(
            desk.log_in("admin", PASSWORD)
                .await
                .expect_err("waits")
                .code(),
            ErrorCode::LockedOut
        );
        office.pass_ms(60_000);
        assert!(desk.log_in("admin", PASSWORD).await.is_ok());
    });
}

#[test]
fn sessions_end_by_logging_out_idling_and_being_changed() {
    office::open(|office| async move {
        let admin = office.admin().await;
        let edit = json!({ "name": "olga", "password": PASSWORD, "role": "operator" });
        let olga_id = admin.create("login.create", edit).await;

        let olga = office.log_in("olga").await;
        olga.call("session.logout", json!({})).await;
        assert_eq!(
            olga.refused("account.list", json!({})).await,
            ErrorCode::Unauthenticated
        );

        olga.log_in("olga", PASSWORD).await.expect("again");
        let stored = admin.call("login.get", json!({ "id": olga_id })).await;
        let mut edit = stored["edit"].clone();
        edit["enabled"] = json!(false);
        admin
            .call(
                "login.update",
                json!({ "id": olga_id, "revision": stored["revision"], "edit": edit }),
            )
            .await;
        assert_eq!(
            olga.refused("account.list", json!({})).await,
            ErrorCode::Unauthenticated
        );
        assert_eq!(
            olga.log_in("olga", PASSWORD)
                .await
                .expect_err("disabled")
                .code(),
            ErrorCode::BadCredentials
        );

        office.pass_ms(600_001);
        assert_eq!(
            admin.refused("account.list", json!({})).await,
            ErrorCode::Unauthenticated
        );
    });
}

#[test]
fn one_changes_the_own_password_and_other_sessions_end() {
    office::open(|office| async move {
        let (here, there) = (office.admin().await, office.admin().await);
        let change = |old: &str, new: &str| json!({ "old": old, "new": new });
        let wrong = here
            .try_call(
                "session.change_password",
                change("wrong password", "battery staple"),
            )
            .await;
        let error = wrong.expect_err("refused");
        assert_eq!(
            (error.code(), error.data.field.as_deref()),
            (ErrorCode::BadCredentials, Some("old"))
        );
        let short = here
            .try_call("session.change_password", change(PASSWORD, "x"))
            .await
            .expect_err("too short");
        assert_eq!(
            (short.code(), short.data.field.as_deref()),
            (ErrorCode::Invalid, Some("new"))
        );

        here.call(
            "session.change_password",
            change(PASSWORD, "battery staple"),
        )
        .await;
        here.call("session.whoami", json!({})).await;
        assert_eq!(
            there.refused("session.whoami", json!({})).await,
            ErrorCode::Unauthenticated
        );
        assert_eq!(
            there
                .log_in("admin", PASSWORD)
                .await
                .expect_err("old")
                .code(),
            ErrorCode::BadCredentials
        );
        assert!(there.log_in("admin", "battery staple").await.is_ok());
    });
}

/// One HTTPS request, as a program without our client sends it.
async fn fetch(office: &Arc<Office>, path: &str) -> String {
    let mut roots = rustls::RootCertStore::empty();
    let pem = std::fs::read(office.folder.path().join("rpc.cert.pem")).expect("kept");
    let certificate = <rustls::pki_types::CertificateDer<'_> as rustls::pki_types::pem::PemObject>::from_pem_slice(&pem);
    roots
        .add(certificate.expect("a certificate"))
        .expect("a root");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = tokio::net::TcpStream::connect(office.server.address())
        .await
        .expect("the port");
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let name = ServerName::try_from("localhost").expect("a name");
    let mut stream = connector
        .connect(name, stream)
        .await
        .expect("TLS by the usual rules");
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    // A peer that closes without saying so is no fault of the answer.
    let _ = stream.read_to_string(&mut answer).await;
    answer
}

#[test]
fn the_same_port_tells_health_figures_and_where_to_go() {
    office::open(|office| async move {
        for (path, status, part) in [
            ("/", "200", "Tandem switch"),
            ("/health", "200", "\"ok\""),
            ("/metrics", "200", "tandem_calls 0"),
            ("/nothing", "404", "not found"),
        ] {
            let answer = fetch(&office, path).await;
            assert!(
                answer.starts_with(&format!("HTTP/1.1 {status}")),
                "{path}: {answer}"
            );
            assert!(answer.contains(part), "{path}: {answer}");
            assert!(
                answer.contains("x-content-type-options: nosniff"),
                "{path}: {answer}"
            );
        }
        assert!(
            !fetch(&office, "/rpc").await.starts_with("HTTP/1.1 200"),
            "no WebSocket"
        );
    });
}

#[test]
fn the_switch_tells_its_clock() {
    office::open(|office| async move {
        let admin = office.admin().await;
        office.pass_ms(5);
        let info = admin.call("system.info", json!({})).await;
        assert_eq!(
            (&info["started_at"], &info["now"]),
            (&json!(BEGIN_MS), &json!(BEGIN_MS + 5))
        );
    });
}
