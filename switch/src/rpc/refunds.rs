//! Refunds: a CDR's charge paid back at every level, booked by the call core and answered when on disk.

use super::{
    Api, Caller,
    columns::CDR,
    fault, lists,
    money::{check_request, stored, used_otherwise, wire_entry},
};
use std::sync::Arc;
use tandem_billing::{
    CallId, Micros,
    ledger::refund::{RefundError, RefundLevel, RefundRequest},
};
use tandem_call::io::{Command, Reply};
use tandem_protocol::{
    ErrorCode, Role, RpcError,
    ledger::{LedgerEntry, RefundParams, RefundResult},
};

/// Pays a call back once per request id.
pub async fn refund(
    api: Arc<Api>,
    caller: Arc<Caller>,
    params: RefundParams,
) -> Result<RefundResult, RpcError> {
    if caller.role == Role::Reseller {
        let reason =
            "a refund pays back the levels above a reseller too: only the operator makes one";
        return Err(RpcError::new(ErrorCode::Forbidden, reason)
            .remedy("book a credit to the account, or ask the operator"));
    }
    check_request(&params.request_id, &params.note)?;
    let call = params.call.0;
    lists::row(&api, &CDR, &caller, call).await?;
    // Refunds of one call must see each other: one at a time, each until it is on disk.
    let _turn = api.refunding.lock().await;
    let reader = api.reader.clone();
    let levels = api
        .blocking(move || reader.refund_levels(CallId(call)))
        .await?
        .map_err(|e| fault::query(&CDR, e))?;
    let request = RefundRequest {
        id: format!("{call}:{}", params.request_id),
        call: CallId(call),
        amount: params.amount.map(|amount| Micros(amount.0)),
        at: api.clock.now(),
        operator: Some(caller.login),
        note: params.note,
    };
    let before = booked_before(&api, &request, &levels).await?;
    if !before.is_empty() {
        return repeated(&request, &levels, before);
    }
    let command = Command::Refund { request, levels };
    match api.core.ask(command).await.map_err(fault::core)? {
        Reply::Refunded(Ok(entries)) => Ok(RefundResult {
            entries: entries.into_iter().map(wire_entry).collect(),
            repeated: false,
        }),
        Reply::Refunded(Err(error)) => Err(refused(error)),
        other => Err(fault::unexpected("refund.create", &other)),
    }
}

async fn booked_before(
    api: &Arc<Api>,
    request: &RefundRequest,
    levels: &[RefundLevel],
) -> Result<Vec<LedgerEntry>, RpcError> {
    let mut entries = Vec::new();
    for level in 0..levels.len() {
        entries.extend(stored(api, &request.key(level)).await?);
    }
    Ok(entries)
}

/// The same answer again, unless another amount is asked for now.
fn repeated(
    request: &RefundRequest,
    levels: &[RefundLevel],
    entries: Vec<LedgerEntry>,
) -> Result<RefundResult, RpcError> {
    let client = levels.first().map(|level| level.account.0);
    let given = entries.iter().find(|entry| Some(entry.account.0) == client);
    if let (Some(asked), Some(given)) = (request.amount, given)
        && asked.0 != given.amount.0
    {
        let reason = format!("the request id was used to refund {}", given.amount);
        return Err(used_otherwise(reason));
    }
    Ok(RefundResult {
        entries,
        repeated: true,
    })
}

fn refused(error: RefundError) -> RpcError {
    match error {
        RefundError::TooMuch { left, .. } if left <= Micros::ZERO => {
            RpcError::invalid("call", "nothing is left to refund")
        }
        RefundError::TooMuch { left, .. } => RpcError::invalid(
            "amount",
            format!("must be above 0 and at most {left}, what is left"),
        ),
        RefundError::Ledger(error) => RpcError::invalid("amount", error.to_string()),
    }
}
