//! One TLS port for everything people and programs ask of the switch: `/rpc` is the JSON-RPC WebSocket, `/health`
//! and `/metrics` are for monitoring, `/` is a page that says where to go.
//!
//! [`certificate`] makes the self-signed certificate at the first start; [`line`] bounds what a connection may
//! hold; [`server`] accepts and hands over to [`crate::rpc`] or to the [`pages`]. It has an async runtime of its
//! own, apart from the core's thread and the relay's. Must not know methods.

pub mod certificate;
mod line;
mod metrics;
mod pages;
mod server;

pub use server::{MetricsAudience, Server, WebConfig, WebError};
