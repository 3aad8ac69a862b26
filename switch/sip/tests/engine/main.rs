//! The transaction layer on virtual time: each arc of RFC 3261 figures 5 to 8 and RFC 6026, races, forks,
//! floods, and a pair of endpoints on a network that loses and reorders.

mod client_invite;
mod client_other;
mod flood;
mod network;
mod rig;
mod server_invite;
mod server_other;
