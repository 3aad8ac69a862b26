//! Tariffs, rates, and the maps that choose another tariff.

use super::{
    EditError, FieldError,
    check::{Checked, Context, Faults, text_of},
    object, reseller,
};
use crate::{
    directory::{load_header, load_prefix, rate_of, spec_of},
    record::{AniTariff, DnisTariff, Rate, Record, Tariff},
    writer::chain,
};
use rusqlite::{OptionalExtension, types::Value as Sql};
use tandem_billing::{
    TariffId, UtcMs,
    tariff::{TariffError, TariffSpec},
};

/// Tariffs a tariff may derive from, one after the other.
const MAX_DEPTH: usize = 8;

pub(super) fn tariff(context: &Context<'_>, tariff: Tariff) -> Result<Checked, EditError> {
    let mut faults = Faults::default();
    faults.title("name", &tariff.name);
    let new = object(&tariff);
    faults.fixed(context, "currency", &new);
    faults.fixed(context, "owner_id", &new);
    if let Some(owner) = tariff.owner_id {
        let kind =
            "SELECT CASE WHEN kind LIKE 'reseller%' THEN login END FROM account WHERE id = ?1";
        let mut statement = context.connection.prepare_cached(kind)?;
        let login: Option<Option<String>> = statement
            .query_row([owner.0], |row| row.get(0))
            .optional()?;
        match login.flatten() {
            None => faults.add("owner_id", format!("account {owner} is not a reseller")),
            Some(login) if !tariff.name.starts_with(&login) => {
                faults.add(
                    "name",
                    format!(
                        "a tariff of this reseller must begin with {login:?}, e.g. \"{login} {}\"",
                        tariff.name
                    ),
                );
            }
            Some(_) => {}
        }
    }
    base(context, &tariff, &mut faults)?;
    if let Err(found) = tandem_billing::Tariff::build(spec_of(&tariff)) {
        add_tariff_faults(&mut faults, &found);
    }
    faults.finish(&tariff)
}

fn base(context: &Context<'_>, tariff: &Tariff, faults: &mut Faults) -> Result<(), EditError> {
    let Some(base) = tariff.base_tariff_id else {
        return Ok(());
    };
    reseller::tariff_given(
        context,
        faults,
        "base_tariff_id",
        tariff.owner_id.map(|id| id.0),
        base.0,
    )?;
    let currency = text_of(
        context.connection,
        "SELECT currency FROM tariff WHERE id = ?1",
        base.0,
    )?;
    if currency.is_some_and(|currency| currency != tariff.currency.to_string()) {
        faults.add("base_tariff_id", "must be in the same currency");
    }
    let mut statement = context
        .connection
        .prepare_cached("SELECT base_tariff_id FROM tariff WHERE id = ?1")?;
    let (mut next, mut depth) = (Some(base.0), 0);
    while let Some(id) = next {
        depth += 1;
        if depth > MAX_DEPTH || (tariff.id != 0 && id == tariff.id) {
            faults.add(
                "base_tariff_id",
                format!(
                    "goes round in a circle or is deeper than {MAX_DEPTH}: choose another tariff"
                ),
            );
            break;
        }
        next = statement
            .query_row([id], |row| row.get::<_, Option<i64>>(0))
            .optional()?
            .flatten();
    }
    Ok(())
}

fn add_tariff_faults(faults: &mut Faults, found: &[TariffError]) {
    for fault in found {
        faults.add(&fault.field, fault.reason.clone());
    }
}

/// A rate is checked together with the rows of the same prefix: they must not contradict each other.
pub(super) fn rate(context: &Context<'_>, rate: Rate) -> Result<Checked, EditError> {
    let mut faults = Faults::default();
    faults.prefix("prefix", &rate.prefix);
    faults.expect(
        rate.description.chars().count() <= 100,
        "description",
        "must be at most 100 characters",
    );
    faults.fixed(context, "tariff_id", &object(&rate));
    let store = |error| EditError::Store(chain(&error));
    let Some((header, generation)) =
        load_header(context.connection, rate.tariff_id).map_err(store)?
    else {
        return Err(EditError::field(
            "tariff_id",
            format!("tariff {} does not exist", rate.tariff_id),
        ));
    };
    let own = rate_of(&rate);
    let same_prefix = load_prefix(context.connection, rate.tariff_id, generation, &rate.prefix);
    let twin = same_prefix
        .map_err(store)?
        .into_iter()
        .find(|other| other.id.0 != rate.id && same_place(other, &own));
    if let Some(twin) = twin {
        faults.add(
            "prefix",
            format!(
                "rate {} has the same prefix, hours and begin: change that one, or let this one begin later",
                twin.id
            ),
        );
    }
    let mut spec = spec_of(&header);
    spec.rates = vec![own];
    if let Err(found) = tandem_billing::Tariff::build(spec) {
        for fault in found {
            // `rates[0] (prefix 44) increment`: the form knows the row, the field is the last word.
            let field = fault.field.rsplit(' ').next().unwrap_or_default();
            faults.add(field, fault.reason.clone());
        }
    }
    faults.finish_with(&rate, vec![("generation", Sql::Integer(generation))])
}

pub(super) fn dnis_tariff(context: &Context<'_>, row: DnisTariff) -> Result<Checked, EditError> {
    let mut faults = Faults::default();
    mapped(
        context,
        &mut faults,
        row.account_id.0,
        &row.prefix,
        row.tariff_id,
    )?;
    finish_map(faults, &row)
}

pub(super) fn ani_tariff(context: &Context<'_>, row: AniTariff) -> Result<Checked, EditError> {
    let mut faults = Faults::default();
    mapped(
        context,
        &mut faults,
        row.account_id.0,
        &row.prefix,
        row.tariff_id,
    )?;
    finish_map(faults, &row)
}

fn finish_map(faults: Faults, row: &impl Record) -> Result<Checked, EditError> {
    faults.finish(row)
}

fn mapped(
    context: &Context<'_>,
    faults: &mut Faults,
    account: i64,
    prefix: &str,
    tariff: TariffId,
) -> Result<(), EditError> {
    faults.prefix("prefix", prefix);
    faults.expect(
        !prefix.is_empty(),
        "prefix",
        "must not be empty: set the account's tariff instead",
    );
    priced_by(context, faults, account, tariff)
}

/// A fault unless the account's calls may have this tariff.
pub(super) fn priced_by(
    context: &Context<'_>,
    faults: &mut Faults,
    account: i64,
    tariff: TariffId,
) -> Result<(), EditError> {
    let mut statement = context
        .connection
        .prepare_cached("SELECT currency, reseller_id FROM account WHERE id = ?1")?;
    let account_row: Option<(String, Option<i64>)> = statement
        .query_row([account], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((currency, above)) = account_row else {
        faults.add("account_id", format!("account {account} does not exist"));
        return Ok(());
    };
    reseller::tariff_given(context, faults, "tariff_id", above, tariff.0)?;
    let other = text_of(
        context.connection,
        "SELECT currency FROM tariff WHERE id = ?1",
        tariff.0,
    )?;
    if let Some(other) = other.filter(|other| *other != currency) {
        faults.add("tariff_id", format!("tariff {tariff} is in {other}, the account in {currency}: choose one in the same currency"));
    }
    Ok(())
}

/// Whether two rates claim the same calls from the same instant on.
fn same_place(one: &tandem_billing::tariff::Rate, other: &tandem_billing::tariff::Rate) -> bool {
    place(one) == place(other)
}

/// Prefix, days, hours, holiday and begin.
type Place<'a> = (&'a str, [u16; 4], bool, Option<UtcMs>);

fn place(rate: &tandem_billing::tariff::Rate) -> Place<'_> {
    let span = &rate.span;
    let hours = [
        u16::from(span.from_day),
        u16::from(span.to_day),
        span.from_minute,
        span.to_minute,
    ];
    (&rate.prefix, hours, span.holiday, rate.effective_from)
}

/// Builds a whole sheet, or says what is wrong with it: the first `most` faults, by row as given.
pub(crate) fn build_sheet(
    spec: TariffSpec,
    most: usize,
) -> Result<tandem_billing::Tariff, EditError> {
    let mut faults = duplicates(&spec, most);
    match tandem_billing::Tariff::build(spec) {
        Ok(tariff) if faults.is_empty() => Ok(tariff),
        Ok(_) => Err(EditError::Invalid(faults)),
        Err(found) => {
            let found = found.into_iter().map(|fault| FieldError {
                field: fault.field,
                reason: fault.reason,
            });
            faults.extend(found);
            faults.truncate(most);
            Err(EditError::Invalid(faults))
        }
    }
}

fn duplicates(spec: &TariffSpec, most: usize) -> Vec<FieldError> {
    let rates = &spec.rates;
    let mut order: Vec<(_, usize)> = rates
        .iter()
        .enumerate()
        .map(|(index, rate)| (place(rate), index))
        .collect();
    order.sort_unstable();
    let twins = order.windows(2).filter_map(|pair| match pair {
        [(one, first), (other, second)] if one == other => Some((one.0, first, second)),
        _ => None,
    });
    let fault = |(prefix, first, second)| FieldError {
        field: format!("rates[{second}] (prefix {prefix}) prefix"),
        reason: format!("is the same as rates[{first}]: same prefix, hours and begin"),
    };
    twins.take(most).map(fault).collect()
}
