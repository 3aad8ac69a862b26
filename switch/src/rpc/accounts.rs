//! Accounts: their tariff overrides are rows of their own in the store and part of the account on the wire.

use super::{
    Api, Caller,
    columns::{ACCOUNT, ANI_TARIFF, DNIS_TARIFF, Map},
    fault, lists, sounds,
};
use serde_json::{Map as Object, Value, json};
use std::{collections::BTreeMap, sync::Arc};
use tandem_billing::AccountId as StoreAccountId;
use tandem_call::io::{Command, Reply};
use tandem_protocol::{
    AccountId, ListParams, Micros, Page, RpcError,
    account::{Account, AccountEdit, Balance, BalanceParams, PrefixTariff},
    system::{Create, Update},
};
use tandem_store::{Change, ListQuery, query};

/// Overrides of one account, each way.
const MAX_OVERRIDES: usize = 200;
/// Accounts of one balance call.
const MAX_BALANCES: usize = 1_000;

const OVERRIDES: [&Map; 2] = [&DNIS_TARIFF, &ANI_TARIFF];

/// A page of accounts.
pub async fn list(
    api: Arc<Api>,
    caller: Arc<Caller>,
    params: ListParams,
) -> Result<Page<Account>, RpcError> {
    let mut page: Page<Account> = lists::list(&api, &ACCOUNT, &caller, params).await?;
    for part in page.rows.chunks_mut(MAX_OVERRIDES) {
        fill(&api, &caller, part).await?;
    }
    Ok(page)
}

/// One account.
pub async fn get(api: &Arc<Api>, caller: &Caller, id: i64) -> Result<Account, RpcError> {
    let mut account: [Account; 1] = [lists::get(api, &ACCOUNT, caller, id).await?];
    fill(api, caller, &mut account).await?;
    let [account] = account;
    Ok(account)
}

/// Makes an account, then its overrides; if they are at fault the account is taken back.
pub async fn create(
    api: Arc<Api>,
    caller: Arc<Caller>,
    params: Create<AccountEdit>,
) -> Result<Account, RpcError> {
    let edit = params.edit;
    bounded(&edit)?;
    sounds::check_music(&api, &caller, &edit.signalling).await?;
    let made: Account = lists::create(&api, &ACCOUNT, &caller, &edit).await?;
    let changes = override_changes(&api, &caller, made.id.0, &edit).await?;
    if let Err(error) = write_overrides(&api, &caller, changes).await {
        lists::delete(&api, &ACCOUNT, &caller, made.id.0).await?;
        return Err(error);
    }
    get(&api, &caller, made.id.0).await
}

/// Changes an account and its overrides in one transaction.
pub async fn update(
    api: Arc<Api>,
    caller: Arc<Caller>,
    params: Update<AccountId, AccountEdit>,
) -> Result<Account, RpcError> {
    let id = params.id.0;
    bounded(&params.edit)?;
    sounds::check_music(&api, &caller, &params.edit.signalling).await?;
    let mut changes =
        vec![lists::change(&api, &ACCOUNT, &caller, (id, params.revision), &params.edit).await?];
    changes.extend(override_changes(&api, &caller, id, &params.edit).await?);
    lists::write(&api, &ACCOUNT, &caller, changes).await?;
    get(&api, &caller, id).await
}

/// Deletes an account with its overrides.
pub async fn delete(api: &Arc<Api>, caller: &Caller, id: i64) -> Result<(), RpcError> {
    let stored = lists::row(api, &ACCOUNT, caller, id).await?;
    let mut changes = override_changes(api, caller, id, &AccountEdit::default()).await?;
    changes.push(Change::Delete {
        resource: ACCOUNT.resource()?,
        id,
        revision: revision(&stored),
    });
    lists::write(api, &ACCOUNT, caller, changes).await?;
    Ok(())
}

fn bounded(edit: &AccountEdit) -> Result<(), RpcError> {
    let most = edit
        .numbers
        .dnis_tariffs
        .len()
        .max(edit.numbers.ani_tariffs.len());
    if most > MAX_OVERRIDES {
        let reason = format!("{most} tariffs by prefix are more than {MAX_OVERRIDES}");
        return Err(RpcError::invalid("edit.numbers", reason));
    }
    Ok(())
}

async fn write_overrides(
    api: &Arc<Api>,
    caller: &Caller,
    changes: Vec<Change>,
) -> Result<(), RpcError> {
    if changes.is_empty() {
        return Ok(());
    }
    lists::write(api, &DNIS_TARIFF, caller, changes)
        .await
        .map(|_| ())
}

/// What makes the stored overrides of an account those of the edit.
async fn override_changes(
    api: &Arc<Api>,
    caller: &Caller,
    account: i64,
    edit: &AccountEdit,
) -> Result<Vec<Change>, RpcError> {
    let mut changes = Vec::new();
    for (map, wanted) in OVERRIDES
        .into_iter()
        .zip([&edit.numbers.dnis_tariffs, &edit.numbers.ani_tariffs])
    {
        let resource = map.resource()?;
        let mut wanted: BTreeMap<&str, i64> = wanted
            .iter()
            .map(|w| (w.prefix.as_str(), w.tariff.0))
            .collect();
        for row in stored(api, map, caller, &[account]).await? {
            let (prefix, tariff) = (
                row.get("prefix").and_then(Value::as_str),
                row.get("tariff_id"),
            );
            let kept =
                prefix.is_some_and(|p| wanted.get(p).copied() == tariff.and_then(Value::as_i64));
            if kept {
                prefix.map(|prefix| wanted.remove(prefix));
                continue;
            }
            let id = row.get("id").and_then(Value::as_i64).unwrap_or_default();
            changes.push(Change::Delete {
                resource,
                id,
                revision: revision(&row),
            });
        }
        changes.extend(wanted.into_iter().map(|(prefix, tariff)| {
            let pairs = [
                ("account_id", json!(account)),
                ("prefix", json!(prefix)),
                ("tariff_id", json!(tariff)),
            ];
            let value = pairs
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect();
            Change::Create { resource, value }
        }));
    }
    Ok(changes)
}

/// Puts the overrides into accounts.
async fn fill(api: &Arc<Api>, caller: &Caller, accounts: &mut [Account]) -> Result<(), RpcError> {
    let ids: Vec<i64> = accounts.iter().map(|account| account.id.0).collect();
    for (position, map) in OVERRIDES.into_iter().enumerate() {
        for row in stored(api, map, caller, &ids).await? {
            let owner = row.get("account_id").and_then(Value::as_i64);
            let Some(account) = accounts.iter_mut().find(|a| Some(a.id.0) == owner) else {
                continue;
            };
            let numbers = &mut account.edit.numbers;
            let into = if position == 0 {
                &mut numbers.dnis_tariffs
            } else {
                &mut numbers.ani_tariffs
            };
            let edit = map.to_wire(row).get("edit").cloned().unwrap_or_default();
            into.push(PrefixTariff {
                prefix: edit
                    .get("prefix")
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned(),
                tariff: edit
                    .get("tariff")
                    .and_then(Value::as_i64)
                    .unwrap_or_default()
                    .into(),
            });
        }
    }
    Ok(())
}

async fn stored(
    api: &Arc<Api>,
    map: &'static Map,
    caller: &Caller,
    accounts: &[i64],
) -> Result<Vec<Object<String, Value>>, RpcError> {
    let query = ListQuery::all(caller.scope())
        .filter("account_id", query::Op::In, json!(accounts))
        .sort("prefix", query::Order::Ascending)
        .page(0, ListQuery::MAX_LIMIT);
    let reader = api.reader.clone();
    let page = api
        .blocking(move || reader.list(map.list, &query))
        .await?
        .map_err(|e| fault::query(map, e))?;
    Ok(page.rows)
}

fn revision(row: &Object<String, Value>) -> i64 {
    row.get("revision")
        .and_then(Value::as_i64)
        .unwrap_or_default()
}

/// Balances and holds as the call core has them now.
pub async fn balances(
    api: Arc<Api>,
    caller: Arc<Caller>,
    params: BalanceParams,
) -> Result<Vec<Balance>, RpcError> {
    if params.accounts.len() > MAX_BALANCES {
        let reason = format!(
            "{} accounts are more than {MAX_BALANCES}",
            params.accounts.len()
        );
        return Err(RpcError::invalid("accounts", reason));
    }
    let mut accounts = Vec::with_capacity(params.accounts.len());
    for account in params.accounts {
        let account = StoreAccountId(account.0);
        if !api.in_scope(account, &caller) {
            return Err(fault::not_found(ACCOUNT.name, account));
        }
        accounts.push(account);
    }
    match api
        .core
        .ask(Command::Balances(accounts))
        .await
        .map_err(fault::core)?
    {
        Reply::Balances(rows) => Ok(rows.into_iter().map(wire_balance).collect()),
        other => Err(fault::unexpected("account.balance", &other)),
    }
}

fn wire_balance(
    (account, balance, held): (
        StoreAccountId,
        tandem_billing::Micros,
        tandem_billing::Micros,
    ),
) -> Balance {
    Balance {
        account: AccountId(account.0),
        balance: Micros(balance.0),
        held: Micros(held.0),
    }
}
