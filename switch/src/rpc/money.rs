//! Payments: booked by the call core, which alone moves balances, and answered when they are on disk.

use super::{
    Api, Caller,
    columns::{LEDGER, PAYMENT},
    fault, lists,
};
use std::sync::Arc;
use tandem_billing::{
    AccountId, Micros,
    ledger::{Entry, EntryKind, LedgerError, Movement},
};
use tandem_call::io::{Command, Reply};
use tandem_protocol::{
    ErrorCode, Micros as WireMicros, Role, RpcError, UtcMs,
    exchange::ExchangeRatioEdit,
    ledger::{EntryKind as WireKind, LedgerEntry, PaymentKind, PaymentParams, PaymentResult},
};
use tandem_store::{ListQuery, Scope, query};

/// Longest note, characters.
const NOTE: usize = 500;
/// Shortest and longest request id.
const REQUEST_ID: std::ops::RangeInclusive<usize> = 8..=64;

/// Books a payment once per request id.
pub async fn pay(
    api: Arc<Api>,
    caller: Arc<Caller>,
    params: PaymentParams,
) -> Result<PaymentResult, RpcError> {
    let movement = movement(&api, &caller, params)?;
    // The ledger in memory knows the latest keys only.
    if let Some(entry) = stored(&api, &movement.key).await? {
        return same(&movement, entry);
    }
    match api
        .core
        .ask(Command::Post(movement.clone()))
        .await
        .map_err(fault::core)?
    {
        Reply::Posted(Ok(entry)) => Ok(PaymentResult {
            entry: wire_entry(entry),
            repeated: false,
        }),
        Reply::Posted(Err(error)) => Err(refused(error)),
        Reply::Repeated => repeated(&api, &movement).await,
        Reply::NotFound => Err(fault::not_found("account", movement.account)),
        other => Err(fault::unexpected("payment.create", &other)),
    }
}

/// An exchange ratio without a date is in force from now on.
pub fn dated(api: &Api, edit: ExchangeRatioEdit) -> ExchangeRatioEdit {
    let now = UtcMs(api.clock.now().0);
    ExchangeRatioEdit {
        valid_from: Some(edit.valid_from.unwrap_or(now)),
        ..edit
    }
}

fn movement(api: &Api, caller: &Caller, params: PaymentParams) -> Result<Movement, RpcError> {
    let account = AccountId(params.account.0);
    if !api.in_scope(account, caller) {
        return Err(fault::not_found("account", account));
    }
    if caller.role == Role::Reseller && caller.branch == Some(account) {
        let reason = "a reseller cannot book on its own account: whoever is above it does";
        return Err(RpcError::new(ErrorCode::Forbidden, reason).at("account"));
    }
    check_request(&params.request_id, &params.note)?;
    let (kind, amount) = signed(params.kind, params.amount)?;
    Ok(Movement {
        key: format!("payment:{account}:{}", params.request_id),
        account,
        kind,
        amount,
        at: api.clock.now(),
        call: None,
        operator: Some(caller.login),
        note: params.note,
    })
}

/// What every request that books must have.
pub(super) fn check_request(id: &str, note: &str) -> Result<(), RpcError> {
    if !REQUEST_ID.contains(&id.len()) || !id.bytes().all(|b| b.is_ascii_graphic()) {
        let reason = format!(
            "a request id has {} to {} ASCII characters",
            REQUEST_ID.start(),
            REQUEST_ID.end()
        );
        return Err(RpcError::invalid("request_id", reason));
    }
    if note.chars().count() > NOTE {
        return Err(RpcError::invalid(
            "note",
            format!("longer than {NOTE} characters"),
        ));
    }
    Ok(())
}

/// What is given back is written as it is counted, and booked as it is taken off.
fn signed(kind: PaymentKind, amount: WireMicros) -> Result<(EntryKind, Micros), RpcError> {
    let (kind, micros) = match kind {
        PaymentKind::Payment => (EntryKind::Payment, Some(amount.0)),
        PaymentKind::Credit => (EntryKind::Credit, Some(amount.0)),
        PaymentKind::Return => (EntryKind::Return, amount.0.checked_neg()),
        PaymentKind::ReturnCredit => (EntryKind::ReturnCredit, amount.0.checked_neg()),
        PaymentKind::Adjustment => (EntryKind::Adjustment, Some(amount.0)),
    };
    let fits = micros.map(Micros).filter(|amount| kind.allows(*amount));
    let amount =
        fits.ok_or_else(|| RpcError::invalid("amount", format!("{amount} cannot be booked so")))?;
    Ok((kind, amount))
}

fn refused(error: LedgerError) -> RpcError {
    match error {
        LedgerError::OutOfRange | LedgerError::BadAmount { .. } | LedgerError::Short(_) => {
            RpcError::invalid("amount", error.to_string())
        }
        LedgerError::AlreadyHeld(_) | LedgerError::NoHold(_) => {
            fault::internal("payment.create", error)
        }
    }
}

/// What was booked under a key, however long ago.
pub(super) async fn stored(api: &Arc<Api>, key: &str) -> Result<Option<LedgerEntry>, RpcError> {
    let query = ListQuery::all(Scope::All)
        .filter("key", query::Op::Eq, key)
        .page(0, 1);
    let reader = api.reader.clone();
    let page = api
        .blocking(move || reader.list(LEDGER.list, &query))
        .await?
        .map_err(|e| fault::query(&LEDGER, e))?;
    let row = page.rows.into_iter().next();
    row.map(|row| lists::typed(&PAYMENT, row)).transpose()
}

/// The answer to a request that came before.
async fn repeated(api: &Arc<Api>, movement: &Movement) -> Result<PaymentResult, RpcError> {
    match stored(api, &movement.key).await? {
        Some(entry) => same(movement, entry),
        None => {
            let reason = "this payment is being booked by an earlier request";
            Err(RpcError::new(ErrorCode::Unavailable, reason).remedy("ask again in a moment"))
        }
    }
}

/// What was booked, if that is what is asked for now.
fn same(movement: &Movement, entry: LedgerEntry) -> Result<PaymentResult, RpcError> {
    if entry.amount.0 != movement.amount.0 || entry.kind != wire_kind(movement.kind) {
        let reason = format!(
            "the request id was used for another payment: {} of {}",
            entry.amount, movement.account
        );
        return Err(used_otherwise(reason));
    }
    Ok(PaymentResult {
        entry,
        repeated: true,
    })
}

pub(super) fn used_otherwise(reason: String) -> RpcError {
    RpcError::new(ErrorCode::Conflict, reason)
        .at("request_id")
        .remedy("take a new request id")
}

pub(super) fn wire_entry(entry: Entry) -> LedgerEntry {
    LedgerEntry {
        id: None,
        key: entry.key,
        account: entry.account.0.into(),
        account_login: None,
        currency: None,
        kind: wire_kind(entry.kind),
        amount: WireMicros(entry.amount.0),
        balance_after: WireMicros(entry.balance_after.0),
        at: UtcMs(entry.at.0),
        call: entry.call.map(|id| id.0.into()),
        operator: entry.operator.map(|id| id.0.into()),
        operator_name: None,
        note: entry.note,
    }
}

fn wire_kind(kind: EntryKind) -> WireKind {
    match kind {
        EntryKind::Payment => WireKind::Payment,
        EntryKind::Credit => WireKind::Credit,
        EntryKind::Return => WireKind::Return,
        EntryKind::ReturnCredit => WireKind::ReturnCredit,
        EntryKind::Adjustment => WireKind::Adjustment,
        EntryKind::Refund => WireKind::Refund,
        EntryKind::CallCharge => WireKind::CallCharge,
        EntryKind::Rerate => WireKind::Rerate,
        EntryKind::Fee => WireKind::Fee,
        EntryKind::Voucher => WireKind::Voucher,
    }
}

#[cfg(test)]
mod tests {
    use super::signed;
    use tandem_billing::{Micros, ledger::EntryKind};
    use tandem_protocol::{Micros as WireMicros, ledger::PaymentKind};

    #[test]
    fn amounts_get_their_sign_or_are_refused() {
        use PaymentKind::{Adjustment, Credit, Payment, Return, ReturnCredit};
        for (kind, amount, expected) in [
            (Payment, 5, Some((EntryKind::Payment, 5))),
            (Payment, 0, None),
            (Payment, -5, None),
            (Credit, 5, Some((EntryKind::Credit, 5))),
            (Return, 5, Some((EntryKind::Return, -5))),
            (Return, -5, None),
            (Return, i64::MIN, None),
            (ReturnCredit, 5, Some((EntryKind::ReturnCredit, -5))),
            (Adjustment, -5, Some((EntryKind::Adjustment, -5))),
            (Adjustment, 0, None),
        ] {
            let booked = signed(kind, WireMicros(amount)).ok();
            assert_eq!(
                booked,
                expected.map(|(kind, micros)| (kind, Micros(micros))),
                "{kind:?} {amount}"
            );
        }
    }
}
