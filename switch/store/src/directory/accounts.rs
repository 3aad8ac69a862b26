//! Accounts and how their calls are recognised.

use super::{Which, row};
use crate::{
    StoreError,
    edit::{parse_network, zone_of},
    record::{self, CallerIdMode},
};
use rusqlite::{Connection, Row};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use tandem_billing::{AccountId, Micros, RoutingGroupId, TariffId, UtcMs, prefix::PrefixMap};
use tandem_call::directory::{
    Account, AccountKind, AccountStatus, CallerIdRule, Device, Directory, Limits, LossPolicy,
    MediaMode, SourceAddress,
};
use tandem_sip::{Transport, digest::Ha1};

type Overrides = BTreeMap<i64, Vec<(String, TariffId)>>;

pub(super) fn load(
    connection: &Connection,
    which: Which<'_>,
) -> Result<BTreeMap<AccountId, Arc<Account>>, StoreError> {
    let mut dnis = overrides(connection, "dnis_tariff", which)?;
    let mut ani = overrides(connection, "ani_tariff", which)?;
    let sql = format!(
        "SELECT id, login, kind, status, currency, credit_limit, tariff_id, routing_group_id, reseller_id, rules, \
         caller_id_mode, caller_ids, signalling, allowed_prefixes, blocked_prefixes, max_calls, max_cps, max_duration_s, \
         max_rate_per_minute, daily_spend_limit, low_balance_at, time_zone, codecs, media, srtp, loss_policy, expires_at \
         FROM account WHERE {}",
        which.condition("id")
    );
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([])?;
    let mut accounts = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let mut account = account(row)?;
        account.dnis_tariffs = PrefixMap::build(dnis.remove(&account.id.0).unwrap_or_default());
        account.ani_tariffs = PrefixMap::build(ani.remove(&account.id.0).unwrap_or_default());
        accounts.insert(account.id, Arc::new(account));
    }
    Ok(accounts)
}

fn overrides(
    connection: &Connection,
    table: &str,
    which: Which<'_>,
) -> Result<Overrides, StoreError> {
    let sql = format!(
        "SELECT account_id, prefix, tariff_id FROM {table} WHERE {}",
        which.condition("account_id")
    );
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([])?;
    let mut overrides = Overrides::new();
    while let Some(row) = rows.next()? {
        let entry = (row.get(1)?, TariffId(row.get(2)?));
        overrides.entry(row.get(0)?).or_default().push(entry);
    }
    Ok(overrides)
}

fn account(row: &Row<'_>) -> Result<Account, StoreError> {
    let id: i64 = row.get("id")?;
    let (mode, ids) = (
        row::named(row, "caller_id_mode")?,
        row::texts(row, "caller_ids")?,
    );
    Ok(Account {
        id: AccountId(id),
        login: row.get("login")?,
        kind: kind(row::named(row, "kind")?),
        status: status(row::named(row, "status")?),
        currency: row::named(row, "currency")?,
        credit_limit: Micros(row.get("credit_limit")?),
        tariff: row.get::<_, Option<i64>>("tariff_id")?.map(TariffId),
        routing_group: row
            .get::<_, Option<i64>>("routing_group_id")?
            .map(RoutingGroupId),
        reseller: row.get::<_, Option<i64>>("reseller_id")?.map(AccountId),
        rules: row::rules(row, "rules")?,
        caller_id: caller_id(mode, ids),
        signalling: row::document(row, "signalling")?,
        allowed_prefixes: row::texts(row, "allowed_prefixes")?,
        blocked_prefixes: row::texts(row, "blocked_prefixes")?,
        limits: limits(row)?,
        max_duration_s: row.get("max_duration_s")?,
        max_rate_per_minute: row
            .get::<_, Option<i64>>("max_rate_per_minute")?
            .map(Micros),
        daily_spend_limit: row.get::<_, Option<i64>>("daily_spend_limit")?.map(Micros),
        low_balance_at: row.get::<_, Option<i64>>("low_balance_at")?.map(Micros),
        time_zone: zone_of(&row.get::<_, String>("time_zone")?).map_err(row::bad("account", id))?,
        codecs: row::texts(row, "codecs")?,
        media: media(row::named(row, "media")?),
        srtp: row::named(row, "srtp")?,
        loss_allowed: match row::named(row, "loss_policy")? {
            record::LossPolicy::Refuse => LossPolicy::Refuse,
            record::LossPolicy::Allow => LossPolicy::Allow,
        },
        expires_at: row.get::<_, Option<i64>>("expires_at")?.map(UtcMs),
        dnis_tariffs: PrefixMap::default(),
        ani_tariffs: PrefixMap::default(),
    })
}

pub(super) fn limits(row: &Row<'_>) -> Result<Limits, StoreError> {
    Ok(Limits {
        max_calls: row.get("max_calls")?,
        max_cps: row.get("max_cps")?,
    })
}

fn kind(kind: record::AccountKind) -> AccountKind {
    match kind {
        record::AccountKind::Wholesale => AccountKind::Wholesale,
        record::AccountKind::Retail => AccountKind::Retail,
        record::AccountKind::CallingCard => AccountKind::CallingCard,
        record::AccountKind::Callback => AccountKind::Callback,
        record::AccountKind::CallShop => AccountKind::CallShop,
        record::AccountKind::Common => AccountKind::Common,
        record::AccountKind::Reseller1 => AccountKind::Reseller { level: 1 },
        record::AccountKind::Reseller2 => AccountKind::Reseller { level: 2 },
        record::AccountKind::Reseller3 => AccountKind::Reseller { level: 3 },
    }
}

fn status(status: record::AccountStatus) -> AccountStatus {
    match status {
        record::AccountStatus::Active => AccountStatus::Active,
        record::AccountStatus::Blocked => AccountStatus::Blocked,
        record::AccountStatus::Expired => AccountStatus::Expired,
        record::AccountStatus::Closed => AccountStatus::Closed,
    }
}

pub(super) fn media(media: record::MediaMode) -> MediaMode {
    match media {
        record::MediaMode::Relay => MediaMode::Relay,
        record::MediaMode::Direct => MediaMode::Direct,
    }
}

pub(super) fn transport(transport: record::Transport) -> Transport {
    match transport {
        record::Transport::Udp => Transport::Udp,
        record::Transport::Tcp => Transport::Tcp,
        record::Transport::Tls => Transport::Tls,
        record::Transport::Ws => Transport::Ws,
        record::Transport::Wss => Transport::Wss,
    }
}

fn caller_id(mode: CallerIdMode, mut ids: Vec<String>) -> CallerIdRule {
    match mode {
        CallerIdMode::Fixed if !ids.is_empty() => CallerIdRule::Fixed(ids.swap_remove(0)),
        CallerIdMode::OneOf if !ids.is_empty() => CallerIdRule::OneOf(ids),
        CallerIdMode::Pass | CallerIdMode::Fixed | CallerIdMode::OneOf => CallerIdRule::Pass,
    }
}

pub(super) fn load_sources(connection: &Connection) -> Result<Vec<SourceAddress>, StoreError> {
    let mut statement = connection
        .prepare("SELECT id, account_id, network, port, transport, tech_prefix FROM source_address ORDER BY id")?;
    let mut rows = statement.query([])?;
    let mut sources = Vec::new();
    while let Some(row) = rows.next()? {
        let text: String = row.get("network")?;
        let bad = row::bad("source_address", row.get("id")?);
        let (network, prefix_len) = parse_network(&text).map_err(bad)?;
        let has_transport = row.get::<_, Option<String>>("transport")?.is_some();
        sources.push(SourceAddress {
            account: AccountId(row.get("account_id")?),
            network,
            prefix_len,
            port: row.get("port")?,
            transport: if has_transport {
                Some(transport(row::named(row, "transport")?))
            } else {
                None
            },
            tech_prefix: row.get("tech_prefix")?,
        });
    }
    Ok(sources)
}

/// Takes out the devices of these accounts.
pub(super) fn forget_devices(accounts: &BTreeSet<i64>, directory: &mut Directory) {
    for account in accounts {
        for username in directory
            .account_devices
            .remove(&AccountId(*account))
            .unwrap_or_default()
        {
            if let Some(device) = directory.devices.remove(&username)
                && let Some(extension) = &device.extension
            {
                directory.extensions.remove(extension);
            }
        }
    }
}

/// Adds devices that are not disabled.
pub(super) fn load_devices(
    connection: &Connection,
    which: Which<'_>,
    directory: &mut Directory,
) -> Result<(), StoreError> {
    let sql = format!(
        "SELECT username, account_id, ha1_md5, ha1_sha256, extension FROM device WHERE disabled = 0 AND {} \
         ORDER BY id",
        which.condition("account_id")
    );
    let mut statement = connection.prepare(&sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let device = Device {
            username: row.get(0)?,
            account: AccountId(row.get(1)?),
            ha1: Ha1 {
                md5: row.get(2)?,
                sha256: row.get(3)?,
            },
            extension: row.get(4)?,
        };
        if let Some(extension) = &device.extension {
            directory
                .extensions
                .insert(extension.clone(), device.username.clone());
        }
        directory
            .account_devices
            .entry(device.account)
            .or_default()
            .push(device.username.clone());
        directory
            .devices
            .insert(device.username.clone(), Arc::new(device));
    }
    Ok(())
}
