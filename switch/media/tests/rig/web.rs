//! A browser's credentials and its connectivity checks.
#![allow(clippy::unwrap_used, dead_code)] // a test fails by panicking; no one of them uses all

use rtc_dtls::crypto_provider::default_provider;
use rtc_stun::attributes::{ATTR_USE_CANDIDATE, ATTR_USERNAME};
use rtc_stun::fingerprint::FINGERPRINT;
use rtc_stun::integrity::MessageIntegrity;
use rtc_stun::message::{BINDING_REQUEST, Message, Setter};
use tandem_sdp::web::IceCredentials;

pub fn ice(name: &str) -> IceCredentials {
    IceCredentials {
        ufrag: format!("{name}frag"),
        pwd: format!("{name}-password-of-some-length"),
    }
}

pub fn check(username: &str, pwd: &str) -> Vec<u8> {
    check_of(username, pwd, true)
}

pub fn check_of(username: &str, pwd: &str, nominates: bool) -> Vec<u8> {
    let provider = default_provider().unwrap();
    let mut message = Message::new();
    message.new_transaction_id().unwrap();
    message.set_type(BINDING_REQUEST);
    message.write_header();
    message.add(ATTR_USERNAME, username.as_bytes());
    if nominates {
        message.add(ATTR_USE_CANDIDATE, &[]);
    }
    MessageIntegrity::new_short_term_integrity_with_provider(pwd.to_owned(), provider.crypto())
        .add_to(&mut message)
        .unwrap();
    FINGERPRINT.add_to(&mut message).unwrap();
    message.raw
}
