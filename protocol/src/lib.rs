//! What switch and manager say to each other: methods, parameters, results, events, error codes, roles.
//!
//! JSON-RPC 2.0 over one TLS WebSocket. [`method`] is the one table of methods: each names its parameters,
//! its result and the right it needs; the server enforces from it, the OpenRPC document ([`openrpc`]) is printed
//! from it, and clients call through it ([`client`]). Amounts are integers of micro-units, prices are decimal
//! strings, times are UTC milliseconds. Wire types only: no sockets, no threads, no clock, so that it builds
//! for the browser as it stands. Must not know SIP, SQL or the domain types of the switch.

pub mod account;
pub mod alert;
pub mod cdr;
pub mod client;
pub mod dialplan;
pub mod did;
pub mod error;
pub mod exchange;
pub mod gateway;
pub mod guard;
pub mod id;
pub mod inbound;
pub mod ledger;
pub mod list;
pub mod live;
pub mod login;
pub mod method;
pub mod openrpc;
pub mod recording;
pub mod role;
pub mod signalling;
pub mod simulate;
pub mod sip_trace;
pub mod system;
pub mod tariff;
pub mod upstream;
pub mod value;
pub mod wire;

pub use error::{ErrorCode, RpcError};
pub use id::{
    AccountId, AlertId, AuditId, CallId, DeviceId, DidId, EntryId, ExchangeRatioId, GatewayId,
    ListEntryId, LoginId, RateId, RouteId, RoutingGroupId, SourceId, SourceRuleId, TariffId,
    TraceId, UpstreamId,
};
pub use list::{Filter, ListParams, Op, Page, Sort};
pub use method::{METHODS, Method, MethodInfo};
pub use role::{Access, Area, Grant, Right, Role};
pub use value::{Micros, Price, Revision, UtcMs};
