//! Keeps it: the SQLite file, the directory snapshot, the one writer, and everything that is read back.
//!
//! [`Store::open`] migrates the file, closes what a crash left open, and loads what the call core starts from
//! ([`Loaded`]). [`Writer`] takes journal batches of the core and edits of operators on one thread, commits
//! what queued while the last commit ran, and says when it is durable ([`Event`]). [`Reader`] lists and counts
//! on read-only connections. [`record`] is what is edited, [`query`] what is read, [`edit`] how an edit is
//! checked, [`login`] who may come in, [`verify`] whether the books are right, [`backup`] a copy while running,
//! [`sample`] a demo operator. Nothing outside this crate contains SQL. Must not know SIP messages, sockets
//! or JSON-RPC.

pub mod backup;
mod bulk;
mod connection;
mod directory;
pub mod edit;
mod error;
mod journal;
pub mod login;
mod migrate;
pub mod query;
pub mod record;
mod recovery;
pub mod sample;
mod store;
pub mod verify;
mod writer;

pub use bulk::Replaced;
pub use directory::{Changes, Found, Resolve, Table, Wanted};
pub use edit::{Act, Actor, AddedDids, Change, Edit, EditError, Edited, FieldError, MAX_DID_RANGE};
pub use error::StoreError;
pub use journal::{Committer, Rejected};
pub use query::{List, ListQuery, Page, Reader, Scope};
pub use recovery::{ClosedCall, RecoveryReport};
pub use store::{Loaded, Store, StoreOptions};
pub use writer::{Event, Full, Writer};
