//! Carries an edit out: old row, checks, new row, children, audit row, and what of the directory changed.

use super::{
    Actor, Change, EditError, Edited, Prepared,
    check::{Checked, Context, check, check_delete},
    reseller,
};
use crate::{
    Changes,
    directory::Table,
    query::{Scope, column_value, read_one},
    record::{Resource, View, view},
};
use rusqlite::{Connection, ErrorCode, params, params_from_iter, types::Value as Sql};
use serde_json::{Map, Value};
use tandem_billing::UtcMs;

type Object = Map<String, Value>;

pub(crate) fn apply(
    connection: &Connection,
    prepared: &Prepared,
    changes: &mut Changes,
) -> Result<Edited, EditError> {
    let (actor, at) = (&prepared.edit.actor, prepared.edit.at);
    let edit = Edit {
        connection,
        actor,
        at,
        hash: prepared.hash.as_deref(),
    };
    match &prepared.edit.change {
        Change::Create { resource, value } => edit.create(*resource, value, changes),
        Change::Update { resource, value } => edit.update(*resource, value, changes),
        Change::Delete {
            resource,
            id,
            revision,
        } => edit.delete(*resource, *id, *revision, changes),
    }
}

struct Edit<'a> {
    connection: &'a Connection,
    actor: &'a Actor,
    at: UtcMs,
    hash: Option<&'a str>,
}

impl Edit<'_> {
    fn create(
        &self,
        resource: Resource,
        value: &Object,
        changes: &mut Changes,
    ) -> Result<Edited, EditError> {
        let checked = check(&self.context(None), resource, value)?;
        let view = view(resource);
        let id =
            insert(self.connection, view, &checked).map_err(|error| refused(error, resource))?;
        self.finish(resource, id, &checked, None, value, changes)
    }

    fn update(
        &self,
        resource: Resource,
        value: &Object,
        changes: &mut Changes,
    ) -> Result<Edited, EditError> {
        let number = |field: &str| value.get(field).and_then(Value::as_i64).unwrap_or(0);
        let (id, expected) = (number("id"), number("revision"));
        let old = self.old(resource, id, expected)?;
        let checked = check(&self.context(Some(&old)), resource, value)?;
        update(self.connection, view(resource), id, &checked)
            .map_err(|error| refused(error, resource))?;
        self.finish(resource, id, &checked, Some(&old), value, changes)
    }

    fn finish(
        &self,
        resource: Resource,
        id: i64,
        checked: &Checked,
        old: Option<&Object>,
        given: &Object,
        changes: &mut Changes,
    ) -> Result<Edited, EditError> {
        write_children(self.connection, resource, id, checked)?;
        if resource == Resource::Account {
            reseller::check_after(self.connection, id)?;
        }
        let new = self.read(resource, id, Scope::All)?;
        note(changes, resource, id, old, Some(&new));
        let mut audited = new.clone();
        for secret in ["password", "auth_password", "contact_user"] {
            if given.get(secret).is_some_and(|value| !value.is_null()) {
                audited.insert(secret.to_owned(), Value::from("(changed)"));
            }
        }
        let action = if old.is_some() { "update" } else { "create" };
        let entry = Audit {
            action,
            resource,
            id,
            old,
            new: Some(&audited),
        };
        audit(self.connection, self.actor, self.at, &entry)?;
        Ok(Edited {
            resource,
            id,
            revision: new.get("revision").and_then(Value::as_i64).unwrap_or(0),
            value: Value::Object(new),
        })
    }

    fn delete(
        &self,
        resource: Resource,
        id: i64,
        expected: i64,
        changes: &mut Changes,
    ) -> Result<Edited, EditError> {
        let old = self.old(resource, id, expected)?;
        check_delete(&self.context(Some(&old)), resource, id)?;
        note(changes, resource, id, Some(&old), None);
        remove_children(self.connection, resource, id)?;
        let sql = format!("DELETE FROM {} WHERE id = ?1", view(resource).table);
        if let Err(error) = self.connection.execute(&sql, [id]) {
            return Err(in_use(self.connection, resource, id, error));
        }
        let entry = Audit {
            action: "delete",
            resource,
            id,
            old: Some(&old),
            new: None,
        };
        audit(self.connection, self.actor, self.at, &entry)?;
        Ok(Edited {
            resource,
            id,
            revision: 0,
            value: Value::Null,
        })
    }

    fn context<'a>(&'a self, old: Option<&'a Object>) -> Context<'a> {
        Context {
            connection: self.connection,
            actor: self.actor,
            at: self.at,
            hash: self.hash,
            old,
        }
    }

    /// The row as it is, if the actor may touch it and made the edit on this revision.
    fn old(&self, resource: Resource, id: i64, expected: i64) -> Result<Object, EditError> {
        let old = self.read(resource, id, self.actor.scope)?;
        let current = old.get("revision").and_then(Value::as_i64).unwrap_or(0);
        if current != expected {
            return Err(EditError::Conflict {
                resource: resource.name(),
                id,
                current,
                expected,
            });
        }
        Ok(old)
    }

    fn read(&self, resource: Resource, id: i64, scope: Scope) -> Result<Object, EditError> {
        let found = read_one(self.connection, view(resource), id, scope);
        let found = found.map_err(|error| EditError::Store(crate::writer::chain(&error)))?;
        found.ok_or(EditError::NotFound {
            resource: resource.name(),
            id,
        })
    }
}

pub(super) fn insert(
    connection: &Connection,
    view: &View,
    checked: &Checked,
) -> rusqlite::Result<i64> {
    let mut names = vec!["revision"];
    let mut values = vec![Sql::Integer(1)];
    for (name, value) in assignments(view, checked) {
        names.push(name);
        values.push(value);
    }
    let places: Vec<String> = (1..=values.len()).map(|n| format!("?{n}")).collect();
    let sql = format!(
        "INSERT INTO {} ({}) VALUES ({})",
        view.table,
        names.join(", "),
        places.join(", ")
    );
    connection
        .prepare_cached(&sql)?
        .execute(params_from_iter(values))?;
    Ok(connection.last_insert_rowid())
}

fn update(
    connection: &Connection,
    view: &View,
    id: i64,
    checked: &Checked,
) -> rusqlite::Result<()> {
    let mut sets = Vec::new();
    let mut values = vec![Sql::Integer(id)];
    for (name, value) in assignments(view, checked) {
        values.push(value);
        sets.push(format!("{name} = ?{}", values.len()));
    }
    let sql = format!(
        "UPDATE {} SET revision = revision + 1, {} WHERE id = ?1",
        view.table,
        sets.join(", ")
    );
    connection
        .prepare_cached(&sql)?
        .execute(params_from_iter(values))?;
    Ok(())
}

fn assignments(view: &View, checked: &Checked) -> Vec<(&'static str, Sql)> {
    let columns = view
        .columns()
        .filter(|field| !matches!(field.name, "id" | "revision"));
    let mut all: Vec<(&'static str, Sql)> = columns
        .map(|field| {
            (
                field.name,
                column_value(field, checked.value.get(field.name).unwrap_or(&Value::Null)),
            )
        })
        .collect();
    all.extend(checked.extra.iter().cloned());
    all
}

/// Rows that belong to a record and are edited with it.
fn write_children(
    connection: &Connection,
    resource: Resource,
    id: i64,
    checked: &Checked,
) -> rusqlite::Result<()> {
    let list = |name: &str| {
        checked
            .value
            .get(name)
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default()
    };
    match resource {
        Resource::Account => {
            connection.execute(
                "INSERT OR IGNORE INTO balance (account_id, amount) VALUES (?1, 0)",
                [id],
            )?;
            for (table, column, field) in GRANTS {
                connection.execute(&format!("DELETE FROM {table} WHERE account_id = ?1"), [id])?;
                let sql = format!("INSERT INTO {table} (account_id, {column}) VALUES (?1, ?2)");
                for granted in list(field) {
                    connection.execute(&sql, params![id, granted.as_i64()])?;
                }
            }
        }
        Resource::Gateway => {
            connection.execute("DELETE FROM gateway_host WHERE gateway_id = ?1", [id])?;
            for (position, host) in list("hosts").iter().enumerate() {
                let number = |name: &str| host.get(name).and_then(Value::as_i64);
                connection.execute(
                    "INSERT INTO gateway_host (gateway_id, position, host, port, priority, weight, transport) \
                     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                    params![
                        id,
                        position,
                        host.get("host").and_then(Value::as_str),
                        number("port"),
                        number("priority"),
                        number("weight"),
                        host.get("transport").and_then(Value::as_str),
                    ],
                )?;
            }
        }
        _ => {}
    }
    Ok(())
}

const GRANTS: [(&str, &str, &str); 2] = [
    ("reseller_tariff", "tariff_id", "granted_tariffs"),
    ("reseller_group", "routing_group_id", "granted_groups"),
];

fn remove_children(connection: &Connection, resource: Resource, id: i64) -> rusqlite::Result<()> {
    match resource {
        Resource::Account => {
            connection.execute(
                "DELETE FROM balance WHERE account_id = ?1 \
                 AND NOT EXISTS (SELECT 1 FROM ledger_entry WHERE account_id = ?1)",
                [id],
            )?;
            connection.execute(
                "DELETE FROM registration WHERE username IN (SELECT username FROM device WHERE account_id = ?1)",
                [id],
            )?;
        }
        Resource::Device => {
            connection.execute(
                "DELETE FROM registration WHERE username = (SELECT username FROM device WHERE id = ?1)",
                [id],
            )?;
        }
        Resource::Tariff => {
            connection.execute(
                "INSERT OR IGNORE INTO rate_sweep (tariff_id, generation) SELECT id, generation FROM tariff WHERE id = ?1",
                [id],
            )?;
        }
        _ => {}
    }
    Ok(())
}

pub(crate) struct Audit<'a> {
    pub action: &'a str,
    pub resource: Resource,
    pub id: i64,
    pub old: Option<&'a Object>,
    pub new: Option<&'a Object>,
}

/// Who did what to which row; in the transaction of the edit.
pub(crate) fn audit(
    connection: &Connection,
    actor: &Actor,
    at: UtcMs,
    entry: &Audit<'_>,
) -> rusqlite::Result<()> {
    let value =
        |object: Option<&Object>| object.map(|object| Value::Object(object.clone()).to_string());
    let row = entry.new.or(entry.old);
    let account = match entry.resource {
        Resource::Account => Some(entry.id),
        _ => row
            .and_then(|row| row.get("account_id").or(row.get("owner_id")))
            .and_then(Value::as_i64),
    };
    let place = (entry.action, entry.resource.name(), entry.id, account);
    write_line(
        connection,
        (actor, at),
        place,
        (value(entry.old), value(entry.new)),
    )
}

/// One line of the audit log: by whom and when, what was done to what of which account, old and new value.
pub(crate) fn write_line(
    connection: &Connection,
    (actor, at): (&Actor, UtcMs),
    (action, resource, id, account): (&str, &str, i64, Option<i64>),
    (old, new): (Option<String>, Option<String>),
) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO audit_log (at, login_id, who, address, action, resource, row_id, account_id, old_value, new_value) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?;
    statement.execute(params![
        at.0,
        actor.login.map(|login| login.0),
        actor.name,
        actor.address,
        action,
        resource,
        id,
        account,
        old,
        new,
    ])?;
    Ok(())
}

/// What of the directory an edit touches.
fn note(
    changes: &mut Changes,
    resource: Resource,
    id: i64,
    old: Option<&Object>,
    new: Option<&Object>,
) {
    let ids = |field: &str| {
        let of = |row: Option<&Object>| row.and_then(|row| row.get(field)).and_then(Value::as_i64);
        [of(old), of(new)]
            .into_iter()
            .flatten()
            .collect::<Vec<i64>>()
    };
    match resource {
        Resource::Account => {
            changes.accounts.insert(id);
            if new.is_none() {
                // Its devices, addresses and lists go with it.
                changes.devices.insert(id);
                changes.tables.extend([Table::Sources, Table::Lists]);
            }
        }
        Resource::Device => changes.devices.extend(ids("account_id")),
        Resource::SourceAddress => {
            changes.tables.insert(Table::Sources);
        }
        Resource::Gateway => {
            changes.gateways.insert(id);
        }
        Resource::Upstream => {
            changes.tables.insert(Table::Upstreams);
        }
        Resource::Did => {
            changes.tables.insert(Table::Dids);
        }
        Resource::RoutingGroup => {
            changes.groups.insert(id);
        }
        Resource::Route => changes.groups.extend(ids("routing_group_id")),
        Resource::Tariff => {
            changes.tariffs.insert(id);
        }
        Resource::Rate => changes.tariffs.extend(ids("tariff_id")),
        Resource::DnisTariff | Resource::AniTariff => changes.accounts.extend(ids("account_id")),
        Resource::Setting => {
            changes.tables.extend([Table::Settings, Table::Ratios]);
        }
        Resource::ExchangeRatio => {
            changes.tables.insert(Table::Ratios);
        }
        Resource::ListEntry => {
            changes.tables.insert(Table::Lists);
        }
        Resource::SourceRule => {
            changes.tables.insert(Table::SourceRules);
        }
        Resource::Login => {}
    }
}

/// A rule of the schema that no check foresaw, in words for the form.
fn refused(error: rusqlite::Error, resource: Resource) -> EditError {
    let rusqlite::Error::SqliteFailure(failure, Some(message)) = &error else {
        return error.into();
    };
    if failure.code != ErrorCode::ConstraintViolation {
        return error.into();
    }
    if message.contains("source_address_source") {
        return EditError::field(
            "network",
            "another account is recognised by the same address already",
        );
    }
    if message.contains("source_rule_network") {
        return EditError::field("network", "has a rule already: change that one");
    }
    if message.contains("list_entry_prefix") {
        return EditError::field("prefix", "is in this list already: change that entry");
    }
    if let Some(columns) = message.strip_prefix("UNIQUE constraint failed: ") {
        let last = columns.rsplit(['.', ' ']).next().unwrap_or(columns);
        return EditError::field(
            last,
            format!(
                "another {} has it already: choose a different one",
                resource.name()
            ),
        );
    }
    if message.contains("FOREIGN KEY") {
        return EditError::field("id", "refers to a row that does not exist");
    }
    EditError::field("id", message.clone())
}

/// Says what refers to a row that cannot be deleted.
fn in_use(
    connection: &Connection,
    resource: Resource,
    id: i64,
    error: rusqlite::Error,
) -> EditError {
    if error.sqlite_error_code() != Some(ErrorCode::ConstraintViolation) {
        return error.into();
    }
    let by = referring(connection, resource.name(), id).unwrap_or_default();
    let remedy = match resource {
        Resource::Account => "close it instead, its history stays",
        _ => "change or delete those first",
    };
    EditError::InUse {
        resource: resource.name(),
        id,
        by: format!("it is used by {}; {remedy}", by.join(", ")),
    }
}

fn referring(connection: &Connection, table: &str, id: i64) -> rusqlite::Result<Vec<String>> {
    let mut statement = connection.prepare(
        "SELECT s.name, f.\"from\" FROM sqlite_schema s JOIN pragma_foreign_key_list(s.name) f \
         WHERE s.type = 'table' AND f.\"table\" = ?1 AND f.on_delete <> 'CASCADE' ORDER BY 1, 2",
    )?;
    let columns: Vec<(String, String)> = statement
        .query_map([table], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    let mut found = Vec::new();
    for (name, column) in columns {
        let sql = format!("SELECT count(*) FROM {name} WHERE {column} = ?1");
        let count: i64 = connection.query_row(&sql, [id], |row| row.get(0))?;
        if count > 0 {
            found.push(format!("{count} {name}"));
        }
    }
    Ok(found)
}
