//! SIP traces: messages kept on demand, for one call, account, gateway or source address.

use crate::{
    id::{AccountId, CallId, GatewayId, TraceId},
    value::UtcMs,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;

/// Whose messages are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TraceSubject {
    /// One open call, both legs.
    Call(CallId),
    /// An account's calls and registrations, and those of the accounts below it. What is not yet a call is
    /// recognised by its From or source address, unchecked.
    Account(AccountId),
    /// Messages from and to a gateway's addresses; the caller's leg from the moment the gateway is chosen.
    Gateway(GatewayId),
    /// Messages from and to an address, and the other legs of its calls.
    Source(IpAddr),
}

/// Whether passwords' proofs and keys are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TraceSecrets {
    /// Digest responses, SRTP keys and ICE passwords are overwritten with `*`, lengths kept.
    #[default]
    Masked,
    /// As they travelled. For admins only.
    Kept,
}

/// A trace to begin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TraceStartParams {
    /// Whose.
    pub subject: TraceSubject,
    /// It ends by itself after so many seconds, 1 to 86400.
    #[serde(default = "seconds")]
    #[schemars(range(min = 1, max = 86400))]
    pub seconds: u32,
    /// Bytes kept, 4096 to 16777216; beyond it the oldest messages go.
    #[serde(default = "bytes")]
    #[schemars(range(min = 4096, max = 16_777_216))]
    pub bytes: u32,
    /// Secrets.
    #[serde(default)]
    pub secrets: TraceSecrets,
}
fn seconds() -> u32 {
    600
}
fn bytes() -> u32 {
    1 << 20
}

/// Which trace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TraceRef {
    /// Id.
    pub id: TraceId,
}

/// A trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SipTrace {
    /// Id; counts from 1 with every start of the switch, and traces end with it.
    pub id: TraceId,
    /// Whose.
    pub subject: TraceSubject,
    /// Secrets.
    pub secrets: TraceSecrets,
    /// Name of the login that began it.
    pub by: String,
    /// Begun.
    pub from: UtcMs,
    /// Ends, or ended.
    pub until: UtcMs,
    /// Whether it still keeps messages.
    pub running: bool,
    /// Messages in it.
    pub messages: u32,
    /// Their bytes.
    pub bytes: u32,
    /// Messages that had to go for newer ones.
    pub dropped: u64,
}

/// Which messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TraceReadParams {
    /// Id.
    pub id: TraceId,
    /// Only those with a higher number.
    #[serde(default)]
    pub after: u64,
    /// At most so many, 1 to 500.
    #[serde(default = "limit")]
    #[schemars(range(min = 1, max = 500))]
    pub limit: u32,
}
fn limit() -> u32 {
    100
}

/// Messages of a trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TraceMessages {
    /// The trace as it is now.
    pub trace: SipTrace,
    /// Oldest first.
    pub messages: Vec<TraceMessage>,
}

/// Which way a message went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TraceDirection {
    /// To the switch.
    In,
    /// From the switch.
    Out,
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TraceMessage {
    /// Counts from 1 in its trace.
    pub number: u64,
    /// When.
    pub at: UtcMs,
    /// Which way.
    pub direction: TraceDirection,
    /// `UDP`, `TCP`, `TLS`, `WS` or `WSS`.
    pub transport: String,
    /// The switch's address and port.
    pub local: String,
    /// The peer's address and port.
    pub remote: String,
    /// The call it is part of.
    pub call: Option<CallId>,
    /// Its first line.
    pub summary: String,
    /// All of it; bytes that are not UTF-8 are replaced.
    pub text: String,
}

/// As what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TraceFormat {
    /// A ladder, then every message.
    Text,
    /// For Wireshark: raw IP packets with UDP, whatever the transport was.
    Pcap,
}

/// A file to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TraceExportParams {
    /// Id.
    pub id: TraceId,
    /// As what.
    pub format: TraceFormat,
}

/// A file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TraceFile {
    /// A name for it.
    pub name: String,
    /// Its content, in Base64.
    pub base64: String,
}
