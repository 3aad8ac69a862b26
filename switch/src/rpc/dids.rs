//! Ranges of DIDs.

use super::{Api, Caller, columns::DID, fault, lists};
use serde_json::Value;
use std::sync::Arc;
use tandem_protocol::{
    RpcError,
    did::{DidRangeParams, DidRangeResult},
};
use tandem_store::EditError;

/// Adds the numbers from that of the edit to the last one.
///
/// # Errors
/// What is wrong with them, field by field; none is added then.
pub async fn add_range(
    api: Arc<Api>,
    caller: Arc<Caller>,
    params: DidRangeParams,
) -> Result<DidRangeResult, RpcError> {
    let row = DID.to_row(lists::json(&DID, &params.edit)?);
    let template = serde_json::from_value(Value::Object(row));
    let template = template.map_err(|error| fault::internal(DID.name, error))?;
    let (writer, actor, at) = (api.writer.clone(), caller.actor(), api.clock.now());
    let added = api
        .blocking(move || writer.add_dids(actor, at, template, params.last))
        .await?;
    let added = added.map_err(|error: EditError| fault::edit(&DID, error))?;
    Ok(DidRangeResult { count: added.count })
}
