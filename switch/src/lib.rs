//! The headless switch and billing daemon: configuration, sockets, threads, RPC, command line.
//!
//! Everything that decides is in the crates below; here it meets sockets, files, clocks and people.
//! [`daemon`] puts the parts together, [`engine`] runs the call core, [`rpc`] is what operators ask, [`web`]
//! the port they ask at, [`cli`] is the command line.

pub mod cli;
pub mod config;
pub mod daemon;
mod demo;
pub mod engine;
pub mod rpc;
pub mod trace;
pub mod web;
