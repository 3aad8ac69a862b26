//! The directory snapshot: built at start, rebuilt in its changed parts after an edit.
use crate::{Event, StoreError};
use rusqlite::Connection;
use std::{collections::BTreeSet, net::SocketAddr, sync::Arc};
use tandem_call::Directory;

/// Parts of the directory that were edited.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Row ids.
    pub accounts: BTreeSet<i64>,
    /// Accounts whose devices changed.
    pub devices: BTreeSet<i64>,
    /// Row ids.
    pub gateways: BTreeSet<i64>,
    /// Row ids.
    pub groups: BTreeSet<i64>,
    /// Row ids.
    pub tariffs: BTreeSet<i64>,
    /// Small tables that are read whole.
    pub tables: BTreeSet<Table>,
}
/// A small table that is read whole when it changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Table {
    /// Source addresses.
    Sources,
    /// Settings and blocklists.
    Settings,
}
pub(crate) type Resolve = Arc<dyn Fn(&str, u16) -> Vec<SocketAddr> + Send + Sync>;
pub(crate) struct Catalogue {
    resolve: Resolve,
}
impl Catalogue {
    pub fn new(resolve: Resolve) -> Self {
        Self { resolve }
    }
    pub fn load(&mut self, connection: &Connection) -> Result<Arc<Directory>, StoreError> {
        todo!()
    }
}
pub(crate) struct Publisher {
    catalogue: Catalogue,
    connection: Connection,
}
impl Publisher {
    pub fn new(catalogue: Catalogue, connection: Connection) -> Self {
        Self {
            catalogue,
            connection,
        }
    }
    pub fn run(mut self, todo: &Published, on_event: &(dyn Fn(Event) + Send + Sync)) {
        todo!()
    }
}
#[derive(Debug, Default)]
pub(crate) struct Published {}
impl Published {
    pub fn add(&self, changes: Changes, then: Box<dyn FnOnce() + Send>) {
        todo!()
    }
    pub fn stop(&self) {
        todo!()
    }
}
