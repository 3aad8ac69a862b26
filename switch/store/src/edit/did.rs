//! Numbers at which others call in. Stock is the operator's; a reseller says where the numbers of its accounts lead.

use super::{
    Actor, EditError,
    account::belongs_to_customer,
    apply::{insert, write_line},
    check::{Checked, Context, Faults, text_of},
    tariff::priced_by,
};
use crate::{
    Changes, Committer, Writer,
    directory::Table,
    query::Scope,
    record::{Did, DidTarget, Resource, view},
    writer::chain,
};
use rusqlite::{Connection, OptionalExtension, params};
use serde_json::{Value, json};
use tandem_billing::{GatewayId, UpstreamId, UtcMs};

/// Digits of a number: E.164 has fifteen at most, and a short number two at least.
const DIGITS: std::ops::RangeInclusive<usize> = 2..=15;
/// Numbers added at once: some 0.1 s, for which a journal batch waits.
pub const MAX_RANGE: u64 = 10_000;

pub(super) fn did(context: &Context<'_>, mut did: Did) -> Result<Checked, EditError> {
    let mut faults = Faults::default();
    keep_only_target(&mut did);
    match context.actor.scope {
        Scope::All => {}
        Scope::Branch(_) => keep_operators(context, &mut did, &mut faults)?,
    }
    if digits(&did.number).is_none() {
        faults.add("number", NO_NUMBER);
    }
    source(context, &did, &mut faults)?;
    if let Some(account) = did.account_id {
        belongs_to_customer(context, account.0, &mut faults)?;
    }
    target(&did, &mut faults);
    match (did.tariff_id, did.account_id) {
        (Some(tariff), Some(account)) => {
            priced_by(context, &mut faults, account.0, tariff)?;
        }
        (Some(_), None) => faults.add("tariff_id", "is for a number that an account has"),
        (None, _) => {}
    }
    faults.expect(
        did.note.chars().count() <= 500,
        "note",
        "must be at most 500 characters",
    );
    faults.finish(&did)
}

const NO_NUMBER: &str = "must be 2 to 15 digits, country code first, without + or leading zeros";

/// A number's value, if it is one of E.164.
fn digits(number: &str) -> Option<u64> {
    let plain = DIGITS.contains(&number.len())
        && !number.starts_with('0')
        && number.bytes().all(|byte| byte.is_ascii_digit());
    number.parse().ok().filter(|_| plain)
}

/// Fields of other kinds of target are emptied, so that a form may leave them filled.
fn keep_only_target(did: &mut Did) {
    if did.target != DidTarget::Forward {
        did.forward_to = None;
    }
    if did.target != DidTarget::Refuse {
        (did.refuse_status, did.refuse_reason) = (None, String::new());
    }
    if did.target != DidTarget::Phones {
        did.tariff_id = None;
    }
}

/// Which number it is, where it comes from and whether it works is not a reseller's to say, nor always to see.
fn keep_operators(
    context: &Context<'_>,
    did: &mut Did,
    faults: &mut Faults,
) -> Result<(), EditError> {
    if context.old.is_none() {
        return Err(EditError::Forbidden(
            "numbers come from the operator's stock".to_owned(),
        ));
    }
    type Kept = (String, bool, Option<i64>, Option<i64>);
    let mut statement = context.connection.prepare_cached(
        "SELECT number, disabled, source_gateway_id, source_upstream_id FROM did WHERE id = ?1",
    )?;
    let (number, disabled, gateway, upstream): Kept = statement.query_row([did.id], |row| {
        Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
    })?;
    did.source_gateway_id = gateway.map(GatewayId);
    did.source_upstream_id = upstream.map(UpstreamId);
    faults.expect(
        number == did.number,
        "number",
        "is the operator's to change",
    );
    faults.expect(
        disabled == did.disabled,
        "disabled",
        "is the operator's to change: let it be refused instead",
    );
    Ok(())
}

fn source(context: &Context<'_>, did: &Did, faults: &mut Faults) -> Result<(), EditError> {
    let gateway = did.source_gateway_id.map(|id| id.0);
    let upstream = did.source_upstream_id.map(|id| id.0);
    for (field, id, sql) in [
        (
            "source_gateway_id",
            gateway,
            "SELECT name FROM gateway WHERE id = ?1",
        ),
        (
            "source_upstream_id",
            upstream,
            "SELECT name FROM upstream WHERE id = ?1",
        ),
    ] {
        if let Some(id) = id {
            let known = text_of(context.connection, sql, id)?;
            faults.expect(known.is_some(), field, "does not exist");
        }
    }
    faults.expect(
        gateway.is_none() || upstream.is_none(),
        "source_upstream_id",
        "must be empty where a gateway is named: calls come from one of them",
    );
    Ok(())
}

fn target(did: &Did, faults: &mut Faults) {
    match did.target {
        DidTarget::Phones => {}
        DidTarget::Forward => {
            let to = did.forward_to.as_deref().unwrap_or_default();
            faults.name("forward_to", to);
            faults.expect(
                to.trim_start_matches('+') != did.number,
                "forward_to",
                "is the number itself",
            );
            faults.expect(
                did.max_calls > 0,
                "max_calls",
                "must be 1 at least: a call that is sent on may come back to the number",
            );
        }
        DidTarget::Refuse => {
            let fits = did
                .refuse_status
                .is_some_and(|status| (400..=699).contains(&status));
            faults.expect(fits, "refuse_status", "must be 400 to 699");
            let printable =
                did.refuse_reason.len() <= 100 && !did.refuse_reason.chars().any(char::is_control);
            faults.expect(
                printable,
                "refuse_reason",
                "must be at most 100 printable characters",
            );
        }
    }
}

/// A reseller's accounts come and go with their numbers; the numbers stay the operator's.
pub(super) fn may_delete(context: &Context<'_>) -> Result<(), EditError> {
    match context.actor.scope {
        Scope::All => Ok(()),
        Scope::Branch(_) => Err(EditError::Forbidden(
            "numbers belong to the operator".to_owned(),
        )),
    }
}

/// Numbers that were added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddedDids {
    /// How many.
    pub count: u64,
}

impl Writer {
    /// Adds each number from `template.number` to `last`, all alike but for the number, all or none; answers when
    /// calls find them. Blocks.
    ///
    /// # Errors
    /// What is wrong, as with one number; a range that holds a number there is already.
    pub fn add_dids(
        &self,
        actor: Actor,
        at: UtcMs,
        template: Did,
        last: String,
    ) -> Result<AddedDids, EditError> {
        let work = move |committer: &mut Committer| {
            committer.transact(|transaction| add_range(transaction, (&actor, at), template, &last))
        };
        let done = self.call(work);
        let added = done.map_err(|error| EditError::Store(chain(&error)))??;
        self.publish(Changes {
            tables: [Table::Dids].into(),
            ..Changes::default()
        });
        Ok(added)
    }
}

fn add_range(
    connection: &Connection,
    (actor, at): (&Actor, UtcMs),
    template: Did,
    last: &str,
) -> Result<AddedDids, EditError> {
    let context = Context {
        connection,
        actor,
        at,
        hash: None,
        old: None,
    };
    let first = template.number.clone();
    let mut checked = did(&context, template)?;
    let ends = digits(&first).zip(digits(last).filter(|_| last.len() == first.len()));
    let Some((from, to)) = ends.filter(|(from, to)| from <= to) else {
        return Err(EditError::field(
            "last",
            "must be a number of as many digits as the first one, and not before it",
        ));
    };
    let count = to - from + 1;
    if count > MAX_RANGE {
        let reason = format!("makes {count} numbers: at most {MAX_RANGE} are added at once");
        return Err(EditError::field("last", reason));
    }
    let taken: Option<String> = connection
        .prepare_cached(
            "SELECT number FROM did WHERE number BETWEEN ?1 AND ?2 AND length(number) = ?3 LIMIT 1",
        )?
        .query_row(params![first, last, first.len()], |row| row.get(0))
        .optional()?;
    if let Some(number) = taken {
        return Err(EditError::field(
            "number",
            format!("{number} is there already"),
        ));
    }
    let view = view(Resource::Did);
    let mut first_id = None;
    for number in from..=to {
        let number = Value::from(number.to_string());
        checked.value.insert("number".to_owned(), number);
        let id = insert(connection, view, &checked)?;
        first_id.get_or_insert(id);
    }
    checked.value.insert("number".to_owned(), json!(first));
    checked.value.insert("last".to_owned(), json!(last));
    let account = checked.value.get("account_id").and_then(Value::as_i64);
    let new = Value::Object(checked.value).to_string();
    let place = ("create_range", view.table, first_id.unwrap_or(0), account);
    write_line(connection, (actor, at), place, (None, Some(new)))?;
    Ok(AddedDids { count })
}
