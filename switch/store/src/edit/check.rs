//! What every record must be, whoever edits it: shared tools, and which check belongs to which resource.

use super::{
    Actor, EditError, FieldError, account, dial_plan, did, object, operator, reseller,
    source_address, tariff, upstream,
};
use crate::record::{Record, Resource};
use rusqlite::{Connection, OptionalExtension, types::Value as Sql};
use serde_json::{Map, Value};
use std::net::IpAddr;
use tandem_billing::{UtcMs, number_rule::NumberRules, tariff::Span};
use tandem_call::directory::Signalling;

/// What a check knows.
pub(super) struct Context<'a> {
    pub connection: &'a Connection,
    pub actor: &'a Actor,
    pub at: UtcMs,
    /// Of a login's new password.
    pub hash: Option<&'a str>,
    pub old: Option<&'a Map<String, Value>>,
}

/// A record as it will be stored.
pub(super) struct Checked {
    pub value: Map<String, Value>,
    /// Columns that are not fields of the record.
    pub extra: Vec<(&'static str, Sql)>,
}

/// Checks a record; all faults at once.
pub(super) fn check(
    context: &Context<'_>,
    resource: Resource,
    value: &Map<String, Value>,
) -> Result<Checked, EditError> {
    reseller::may_edit(context, resource, value)?;
    match resource {
        Resource::Account => account::account(context, typed(value)?),
        Resource::Device => account::device(context, typed(value)?),
        Resource::SourceAddress => source_address::source_address(context, typed(value)?),
        Resource::Login => operator::login(context, typed(value)?),
        Resource::Setting => operator::setting(context, typed(value)?),
        Resource::ExchangeRatio => operator::exchange_ratio(typed(value)?),
        Resource::SourceRule => operator::source_rule(context, typed(value)?),
        Resource::Gateway => dial_plan::gateway(context, typed(value)?),
        Resource::Upstream => upstream::upstream(context, typed(value)?),
        Resource::Did => did::did(context, typed(value)?),
        Resource::RoutingGroup => dial_plan::routing_group(context, typed(value)?),
        Resource::Route => dial_plan::route(context, typed(value)?),
        Resource::ListEntry => dial_plan::list_entry(typed(value)?),
        Resource::Tariff => tariff::tariff(context, typed(value)?),
        Resource::Rate => tariff::rate(context, typed(value)?),
        Resource::DnisTariff => tariff::dnis_tariff(context, typed(value)?),
        Resource::AniTariff => tariff::ani_tariff(context, typed(value)?),
    }
}

/// What may not be deleted although nothing refers to it.
pub(super) fn check_delete(
    context: &Context<'_>,
    resource: Resource,
    id: i64,
) -> Result<(), EditError> {
    if let Some(old) = context.old {
        reseller::may_edit(context, resource, old)?;
    }
    match resource {
        Resource::Setting => Err(EditError::Forbidden(
            "settings can be changed, not deleted".into(),
        )),
        Resource::Login => operator::check_last_admin(context.connection, id),
        Resource::Did => did::may_delete(context),
        _ => Ok(()),
    }
}

fn typed<R: Record>(value: &Map<String, Value>) -> Result<R, EditError> {
    serde_json::from_value(Value::Object(value.clone())).map_err(|error| {
        let text = error.to_string();
        // serde names the field only in some messages.
        let field = text
            .split('`')
            .nth(1)
            .filter(|_| text.starts_with("missing field"));
        EditError::field(field.unwrap_or("record"), text.clone())
    })
}

/// Collects faults.
#[derive(Default)]
pub(super) struct Faults(Vec<FieldError>);

impl Faults {
    pub fn add(&mut self, field: &str, reason: impl Into<String>) {
        self.0.push(FieldError {
            field: field.to_owned(),
            reason: reason.into(),
        });
    }
    /// A fault unless the condition holds.
    pub fn expect(&mut self, holds: bool, field: &str, reason: &str) {
        if !holds {
            self.add(field, reason);
        }
    }
    /// 1 to 64 characters without white space or control characters.
    pub fn name(&mut self, field: &str, name: &str) {
        let plain = name.chars().all(|c| !c.is_whitespace() && !c.is_control());
        let fits = (1..=64).contains(&name.chars().count());
        self.expect(
            fits && plain,
            field,
            "must be 1 to 64 characters without spaces",
        );
    }
    /// 1 to 100 characters, not only spaces.
    pub fn title(&mut self, field: &str, title: &str) {
        let fits = !title.trim().is_empty()
            && title.chars().count() <= 100
            && !title.chars().any(char::is_control);
        self.expect(fits, field, "must be 1 to 100 characters");
    }
    pub fn rules(&mut self, field: &str, rules: &str) {
        if let Err(fault) = NumberRules::parse(rules) {
            self.add(field, fault.to_string());
        }
    }
    /// Header rules that could harm a message.
    pub fn signalling(&mut self, signalling: &Signalling) {
        if let Err((field, reason)) = signalling.check() {
            self.add(&format!("signalling.{field}"), reason);
        }
    }
    /// A number prefix: no white space.
    pub fn prefix(&mut self, field: &str, prefix: &str) {
        let plain = prefix.len() <= 64
            && prefix
                .chars()
                .all(|c| !c.is_whitespace() && !c.is_control());
        self.expect(plain, field, "must be at most 64 characters without spaces");
    }
    pub fn zone(&mut self, field: &str, zone: &str) {
        if let Err(reason) = parse_zone(zone) {
            self.add(field, reason);
        }
    }
    pub fn span(&mut self, span: &Span) {
        self.expect(
            span.from_day <= 6,
            "from_day",
            "must be 0 (Monday) to 6 (Sunday)",
        );
        self.expect(
            span.to_day <= 6,
            "to_day",
            "must be 0 (Monday) to 6 (Sunday)",
        );
        self.expect(
            span.from_minute <= 1440,
            "from_minute",
            "must be 0 to 1440 minutes after midnight",
        );
        self.expect(
            span.to_minute <= 1440,
            "to_minute",
            "must be 0 to 1440 minutes after midnight",
        );
    }
    /// Normalises a list of codec names.
    pub fn codecs(&mut self, codecs: &mut [String]) {
        for codec in codecs {
            *codec = codec.trim().to_lowercase();
            self.expect(
                !codec.is_empty() && codec.len() <= 32,
                "codecs",
                "has an empty or overlong name",
            );
        }
    }
    /// A field that cannot change after creation.
    pub fn fixed(&mut self, context: &Context<'_>, field: &str, new: &Map<String, Value>) {
        let Some(old) = context.old else { return };
        if old.get(field) != new.get(field) {
            self.add(field, "is fixed at creation: create another one instead");
        }
    }
    /// All that is wrong.
    pub fn result(self) -> Result<(), EditError> {
        if self.0.is_empty() {
            return Ok(());
        }
        Err(EditError::Invalid(self.0))
    }
    /// The record, or all that is wrong with it.
    pub fn finish(self, record: &impl Record) -> Result<Checked, EditError> {
        self.finish_with(record, Vec::new())
    }
    pub fn finish_with(
        self,
        record: &impl Record,
        extra: Vec<(&'static str, Sql)>,
    ) -> Result<Checked, EditError> {
        self.result()?;
        Ok(Checked {
            value: object(record),
            extra,
        })
    }
}

/// One text column of a row, if the row exists.
pub(super) fn text_of(
    connection: &Connection,
    sql: &str,
    id: i64,
) -> Result<Option<String>, EditError> {
    let mut statement = connection.prepare_cached(sql)?;
    Ok(statement.query_row([id], |row| row.get(0)).optional()?)
}

/// `192.0.2.0/24` or an address alone; bits after the prefix must be 0.
pub(crate) fn parse_network(text: &str) -> Result<(IpAddr, u8), String> {
    let (address, length) = match text.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (text, None),
    };
    let address: IpAddr = address.trim().parse().map_err(|_| {
        format!(
            "{text:?} is not an address or network: write 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32"
        )
    })?;
    let bits = if address.is_ipv4() { 32 } else { 128 };
    let length = match length {
        None => bits,
        Some(length) => length
            .trim()
            .parse()
            .ok()
            .filter(|length| *length <= bits)
            .ok_or_else(|| format!("{text:?}: the number after / must be 0 to {bits}"))?,
    };
    let value = match address {
        IpAddr::V4(v4) => u128::from(v4.to_bits()) << 96,
        IpAddr::V6(v6) => v6.to_bits(),
    };
    let host_bits = if length == 0 {
        value
    } else {
        value.checked_shl(u32::from(length)).unwrap_or(0)
    };
    if host_bits != 0 {
        return Err(format!(
            "{text:?} has bits set after its first {length}: they must be 0"
        ));
    }
    Ok((address, length))
}

/// An account's zone; UTC where none is set.
pub(crate) fn zone_of(name: &str) -> Result<jiff::tz::TimeZone, String> {
    if name.is_empty() {
        return Ok(jiff::tz::TimeZone::UTC);
    }
    parse_zone(name)
}

/// A zone of the IANA data base.
pub(crate) fn parse_zone(name: &str) -> Result<jiff::tz::TimeZone, String> {
    jiff::tz::TimeZone::get(name).map_err(|_| {
        format!("{name:?} is not a time zone: write an IANA name such as Europe/Berlin or UTC")
    })
}
