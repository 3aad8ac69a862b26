//! The store as the daemon uses it, on real files.

mod bulk;
mod crash;
mod desk;
mod directory;
mod edits;
mod fixture;
mod journal;
mod lists;
mod logins;
mod sample;
mod scope;
mod writer;
