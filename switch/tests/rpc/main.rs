//! The RPC server in one process with a real store, TLS and sockets; the call core alone is played.

mod access;
mod asked;
mod books;
mod branch;
mod dids;
mod edits;
mod entry;
mod feed;
mod guard;
mod office;
mod recordings;
mod simulator;
mod sounds;
mod traces;
