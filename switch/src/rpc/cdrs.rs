//! CDRs with all that is kept of the call.

use super::{Api, Caller, columns::CDR, fault, lists, live_row::media, simulate};
use std::sync::Arc;
use tandem_billing::CallId;
use tandem_protocol::{
    Micros, Price, RpcError,
    cdr::{CdrDetail, CdrMedia, Cost, KeptRatios, LevelCharge},
    simulate::TraceStep,
};
use tandem_store::query::ChargeRow;

/// One CDR.
pub async fn get(api: Arc<Api>, caller: Arc<Caller>, call: i64) -> Result<CdrDetail, RpcError> {
    let cdr = lists::get::<tandem_protocol::cdr::Cdr>(&api, &CDR, &caller, call).await?;
    let (reader, scope) = (api.reader.clone(), caller.scope());
    let found = api
        .blocking(move || reader.cdr(CallId(call), scope))
        .await?;
    let detail = found
        .map_err(|e| fault::query(&CDR, e))?
        .ok_or_else(|| fault::not_found(CDR.name, call))?;
    Ok(CdrDetail {
        cause_info: tandem_call::cause::by_code(&cdr.cause).map(simulate::cause_info),
        cdr,
        charges: detail.charges.into_iter().map(level).collect(),
        cost: detail.cost.map(cost),
        exchange: detail.exchange.map(ratios),
        media: CdrMedia {
            a: media(&detail.media.a),
            b: media(&detail.media.b),
        },
        trace: detail.trace.map(steps).unwrap_or_default(),
    })
}

fn level(row: ChargeRow) -> LevelCharge {
    LevelCharge {
        account: row.account_id.0.into(),
        account_login: Some(row.account_login),
        tariff: row.tariff_id.0.into(),
        rate: row.rate_id.0.into(),
        prefix: row.prefix,
        description: row.description,
        currency: row.currency.to_string(),
        price_per_minute: Price(row.price_per_minute.to_string()),
        billed_secs: row.billed_secs,
        charge: Micros(row.charge.0),
    }
}

fn cost(cost: tandem_billing::cdr::Cost) -> Cost {
    Cost {
        gateway: cost.gateway.0.into(),
        tariff: cost.tariff.0.into(),
        rate: cost.rate.0.into(),
        prefix: cost.prefix,
        currency: cost.currency.to_string(),
        price_per_minute: Price(cost.price_per_minute.to_string()),
        billed_secs: cost.billed_secs,
        cost: Micros(cost.cost.0),
    }
}

fn ratios(kept: tandem_billing::exchange::KeptRatios) -> KeptRatios {
    let ratios = kept.ratios.into_iter();
    KeptRatios {
        base: kept.base.to_string(),
        ratios: ratios
            .map(|(currency, ratio)| (currency.to_string(), Price(ratio.normalize().to_string())))
            .collect(),
    }
}

/// The steps of a stored trace; one this version does not know stays readable.
fn steps(mut trace: serde_json::Value) -> Vec<TraceStep> {
    match trace.get_mut("steps").map(serde_json::Value::take) {
        Some(serde_json::Value::Array(steps)) => steps.into_iter().map(simulate::step_of).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::steps;
    use serde_json::json;
    use tandem_protocol::simulate::TraceStep;

    #[test]
    fn known_steps_are_typed_and_others_stay_readable() {
        let stored = json!({ "steps": [
            { "step": "refused", "code": "refused.no_rate", "detail": "acme" },
            { "step": "prayed", "to": "nobody" },
        ] });
        let [TraceStep::Refused { code, .. }, TraceStep::Other { text }] = &steps(stored)[..]
        else {
            panic!("two steps");
        };
        assert_eq!(code, "refused.no_rate");
        assert!(text.contains("prayed"));
        assert!(steps(json!(null)).is_empty());
    }

    #[test]
    fn every_step_of_the_core_is_known_to_the_protocol() {
        use tandem_billing::{AccountId, CallId, RateId, RouteId, TariffId};
        use tandem_call::{
            decide::Step,
            directory::lists::{ListSide, ListVerdict},
        };
        let text = || "x".to_owned();
        let all = [
            Step::Recognised {
                account: AccountId(1),
                by: text(),
            },
            Step::Rewritten {
                stage: text(),
                number: text(),
                from: text(),
                to: text(),
            },
            Step::Listed {
                entry: 1,
                account: None,
                side: ListSide::Caller,
                prefix: text(),
                verdict: ListVerdict::Allow,
            },
            Step::Quoted {
                account: AccountId(1),
                tariff: TariffId(1),
                rate: RateId(1),
                prefix: text(),
                price_per_minute: rust_decimal::Decimal::ONE,
            },
            Step::Kept {
                route: Some(RouteId(1)),
                target: text(),
                prefix: text(),
                priority: 1,
                number: text(),
                cost_per_minute: Some(rust_decimal::Decimal::ONE),
            },
            Step::Dropped {
                route: RouteId(1),
                target: text(),
                prefix: text(),
                priority: 1,
                reason: text(),
            },
            Step::Refused {
                code: text(),
                detail: text(),
            },
            Step::Redirected {
                by: text(),
                number: text(),
                outcome: text(),
            },
            Step::Transferred {
                by: text(),
                number: text(),
                call: CallId(1),
                outcome: text(),
            },
            Step::Replaced {
                side: text(),
                by: text(),
            },
            Step::Unrecorded { reason: text() },
            Step::Unplayed { reason: text() },
            Step::Reason {
                side: text(),
                said: text(),
            },
            Step::Omitted { steps: 1 },
            Step::Tried {
                route: Some(RouteId(1)),
                target: text(),
                outcome: text(),
                after_ms: 1,
            },
        ];
        for step in &all {
            let wire = super::simulate::wire_step(step);
            assert!(!matches!(wire, TraceStep::Other { .. }), "{step:?}");
        }
    }
}
