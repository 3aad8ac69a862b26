//! The directory snapshot: built at start, rebuilt in its changed parts after an edit.
//!
//! [`Catalogue`] keeps the last snapshot and the built tariffs; a rebuild reads only what [`Changes`] names and
//! shares the rest. [`Publisher`] does that on a thread of its own, so that a large tariff neither holds up
//! the journal nor is read for an edit of something else; edits that come meanwhile are taken together.

mod accounts;
mod dial_plan;
mod dids;
mod publisher;
mod row;
mod tariffs;
mod upstreams;

pub(crate) use publisher::{Published, Publisher};
pub(crate) use tariffs::{load_header, load_prefix, load_staged, rate_of, spec_of};

use crate::{StoreError, edit::read_settings};
use rusqlite::Connection;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::SocketAddr,
    sync::Arc,
};
use tandem_billing::{Tariff, TariffBook, TariffId};
use tandem_call::{Directory, directory::Upstreams};
use tandem_sip::Transport;

/// Parts of the directory that were edited.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Row ids.
    pub accounts: BTreeSet<i64>,
    /// Accounts whose devices changed.
    pub devices: BTreeSet<i64>,
    /// Row ids.
    pub gateways: BTreeSet<i64>,
    /// Row ids; their dial plan rows are meant as well.
    pub groups: BTreeSet<i64>,
    /// Row ids; their rates are meant as well.
    pub tariffs: BTreeSet<i64>,
    /// Small tables that are read whole.
    pub tables: BTreeSet<Table>,
}

/// A small table that is read whole when it changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Table {
    /// Source addresses.
    Sources,
    /// Settings.
    Settings,
    /// Block- and allowlists.
    Lists,
    /// Exchange ratios.
    Ratios,
    /// All gateways: a name leads elsewhere.
    Gateways,
    /// Rules about source addresses.
    SourceRules,
    /// Upstream registrations.
    Upstreams,
    /// Numbers at which others call in.
    Dids,
}

impl Changes {
    /// These and those.
    pub fn merge(&mut self, mut other: Self) {
        self.accounts.append(&mut other.accounts);
        self.devices.append(&mut other.devices);
        self.gateways.append(&mut other.gateways);
        self.groups.append(&mut other.groups);
        self.tariffs.append(&mut other.tariffs);
        self.tables.append(&mut other.tables);
    }
    /// An upstream registration, or a gateway that one may be bound to.
    fn touch_upstreams(&self) -> bool {
        let tables = [Table::Upstreams, Table::Gateways];
        !self.gateways.is_empty() || tables.iter().any(|table| self.tables.contains(table))
    }
    /// Whether the directory stays as it is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Which rows of a table are read.
#[derive(Clone, Copy)]
enum Which<'a> {
    All,
    Ids(&'a BTreeSet<i64>),
}

impl Which<'_> {
    /// SQL that keeps the rows whose `column` is wanted. Ids are our own integers.
    fn condition(self, column: &str) -> String {
        match self {
            Which::All => "1".to_owned(),
            Which::Ids(ids) => {
                let ids: Vec<String> = ids.iter().map(ToString::to_string).collect();
                format!("{column} IN ({})", ids.join(","))
            }
        }
    }
}

/// A gateway's host name to be found in DNS.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wanted {
    /// No address.
    pub host: String,
    /// 0 for what its SRV records say.
    pub port: u16,
    /// How the gateway is reached.
    pub transport: Transport,
}

/// One of its addresses.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// With the port to send to.
    pub address: SocketAddr,
    /// Lower first.
    pub priority: u16,
    /// Share among equal priority; None takes that of the gateway's row.
    pub weight: Option<u16>,
}

/// Addresses of a host name.
pub type Resolve = Arc<dyn Fn(&Wanted) -> Vec<Found> + Send + Sync>;

/// The snapshot in force and what the next one is made from.
pub(crate) struct Catalogue {
    resolve: Resolve,
    tariffs: BTreeMap<TariffId, Arc<Tariff>>,
    current: Option<Arc<Directory>>,
}

impl Catalogue {
    pub fn new(resolve: Resolve) -> Self {
        Self {
            resolve,
            tariffs: BTreeMap::new(),
            current: None,
        }
    }

    /// All of it, under one read transaction.
    pub fn load(&mut self, connection: &Connection) -> Result<Arc<Directory>, StoreError> {
        let reading = connection.unchecked_transaction()?;
        self.tariffs = tariffs::load(&reading, Which::All)?;
        let mut directory = Directory {
            version: 1,
            accounts: accounts::load(&reading, Which::All)?,
            devices: HashMap::new(),
            account_devices: BTreeMap::new(),
            extensions: HashMap::new(),
            sources: accounts::load_sources(&reading)?,
            gateways: dial_plan::load_gateways(&reading, Which::All, &*self.resolve)?,
            upstreams: Upstreams::default(),
            dids: dids::load(&reading)?,
            groups: dial_plan::load_groups(&reading, Which::All)?,
            tariffs: self.book()?,
            lists: dial_plan::load_lists(&reading)?,
            source_rules: row::source_rules(&reading)?,
            ratios: dial_plan::load_ratios(&reading)?,
            settings: read_settings(&reading)?,
        };
        directory.upstreams = upstreams::load(&reading, &directory.gateways)?;
        accounts::load_devices(&reading, Which::All, &mut directory)?;
        drop(reading);
        Ok(self.put(directory))
    }

    /// The current one with the changed parts read again, all else shared. Tariffs that are `ready` were
    /// built by who wrote them; one that changed since is in `changes` as well and read.
    pub fn reload(
        &mut self,
        connection: &Connection,
        changes: &Changes,
        ready: Vec<Arc<Tariff>>,
    ) -> Result<Arc<Directory>, StoreError> {
        let Some(current) = self.current.clone() else {
            return self.load(connection);
        };
        let reading = connection.unchecked_transaction()?;
        let mut next = Directory::clone(&current);
        next.version += 1;
        if !changes.accounts.is_empty() {
            next.accounts
                .retain(|id, _| !changes.accounts.contains(&id.0));
            next.accounts
                .extend(accounts::load(&reading, Which::Ids(&changes.accounts))?);
        }
        if !changes.devices.is_empty() {
            accounts::forget_devices(&changes.devices, &mut next);
            accounts::load_devices(&reading, Which::Ids(&changes.devices), &mut next)?;
        }
        self.reload_gateways(&reading, changes, &mut next)?;
        if !changes.groups.is_empty() {
            next.groups.retain(|id, _| !changes.groups.contains(&id.0));
            next.groups.extend(dial_plan::load_groups(
                &reading,
                Which::Ids(&changes.groups),
            )?);
        }
        let repriced = !ready.is_empty() || !changes.tariffs.is_empty();
        self.tariffs
            .extend(ready.into_iter().map(|tariff| (tariff.spec().id, tariff)));
        if !changes.tariffs.is_empty() {
            let fresh = tariffs::load(&reading, Which::Ids(&changes.tariffs))?;
            self.tariffs
                .retain(|id, _| !changes.tariffs.contains(&id.0));
            self.tariffs.extend(fresh);
        }
        if repriced {
            next.tariffs = self.book()?;
        }
        if changes.tables.contains(&Table::Sources) {
            next.sources = accounts::load_sources(&reading)?;
        }
        if changes.tables.contains(&Table::Settings) {
            next.settings = read_settings(&reading)?;
        }
        if changes.tables.contains(&Table::Ratios) {
            next.ratios = dial_plan::load_ratios(&reading)?;
        }
        if changes.tables.contains(&Table::Lists) {
            next.lists = dial_plan::load_lists(&reading)?;
        }
        if changes.tables.contains(&Table::Dids) {
            next.dids = dids::load(&reading)?;
        }
        if changes.tables.contains(&Table::SourceRules) {
            next.source_rules = row::source_rules(&reading)?;
        }
        drop(reading);
        Ok(self.put(next))
    }

    /// Gateways, and the upstream registrations bound to them.
    fn reload_gateways(
        &self,
        reading: &Connection,
        changes: &Changes,
        next: &mut Directory,
    ) -> Result<(), StoreError> {
        if changes.tables.contains(&Table::Gateways) {
            next.gateways = dial_plan::load_gateways(reading, Which::All, &*self.resolve)?;
        } else if !changes.gateways.is_empty() {
            next.gateways
                .retain(|id, _| !changes.gateways.contains(&id.0));
            let which = Which::Ids(&changes.gateways);
            next.gateways
                .extend(dial_plan::load_gateways(reading, which, &*self.resolve)?);
        }
        if changes.touch_upstreams() {
            next.upstreams = upstreams::load(reading, &next.gateways)?;
        }
        Ok(())
    }

    fn book(&self) -> Result<TariffBook, StoreError> {
        let tariffs = self.tariffs.values().cloned().collect();
        TariffBook::build(tariffs).map_err(|faults| {
            let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
            StoreError::corrupt("tariffs", faults.join("; "))
        })
    }

    fn put(&mut self, directory: Directory) -> Arc<Directory> {
        let directory = Arc::new(directory);
        self.current = Some(Arc::clone(&directory));
        directory
    }
}
