//! The store as the daemon uses it, on real files.
#![allow(clippy::unwrap_used)] // a test fails by panicking

mod bulk;
mod checks;
mod crash;
mod desk;
mod dids;
mod directory;
mod edits;
mod fixture;
mod full_disk;
mod journal;
mod lists;
mod logins;
mod rights;
mod rules;
mod sample;
mod scope;
mod upstreams;
mod writer;
