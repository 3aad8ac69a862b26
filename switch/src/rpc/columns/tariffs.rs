//! Tariffs and rates.

use super::{How, Map, col, how, none_without, untouched};
use tandem_store::{List, record::Resource};

/// Tariffs.
pub const TARIFF: Map = Map {
    list: List::Of(Resource::Tariff),
    name: "tariff",
    columns: &[
        col("id", "id"),
        how("revision", "revision", How::Text),
        col("rate_count", "rates"),
        col("owner_login", "owner_login"),
        col("edit.name", "name"),
        col("edit.currency", "currency"),
        col("edit.time_zone", "time_zone"),
        col("edit.decimals", "decimals"),
        col("edit.band_policy", "band_policy"),
        col("edit.base.tariff", "base_tariff_id"),
        col("edit.base.percent", "base_percent"),
        col("edit.base.addition", "base_addition"),
        col("edit.holidays", "holidays"),
        col("edit.post_call_surcharge_pct", "post_call_surcharge_pct"),
        col("edit.min_charge", "min_charge"),
        col("edit.max_charge", "max_charge"),
        col("edit.defaults", "defaults"),
        col("edit.owner", "owner_id"),
        col("edit.notes", "notes"),
    ],
    finish: |wire| none_without(wire, "edit.base", "tariff"),
    prepare: untouched,
};

/// Rates.
pub const RATE: Map = Map {
    list: List::Of(Resource::Rate),
    name: "rate",
    columns: &[
        col("id", "id"),
        how("revision", "revision", How::Text),
        col("edit.tariff", "tariff_id"),
        col("edit.prefix", "prefix"),
        col("edit.description", "description"),
        col("edit.price", "price"),
        col("edit.terms.initial", "initial"),
        col("edit.terms.increment", "increment"),
        col("edit.terms.grace_period", "grace_period"),
        col("edit.terms.free_seconds", "free_seconds"),
        col("edit.terms.multiplier", "multiplier"),
        col("edit.terms.addition", "addition"),
        col("edit.terms.connect_fee", "connect_fee"),
        col("edit.terms.surcharge_time", "surcharge_time"),
        col("edit.terms.surcharge_amount", "surcharge_amount"),
        col(
            "edit.terms.post_call_surcharge_pct",
            "post_call_surcharge_pct",
        ),
        col("edit.terms.min_charge", "min_charge"),
        col("edit.terms.max_charge", "max_charge"),
        col("edit.span.from_day", "from_day"),
        col("edit.span.to_day", "to_day"),
        col("edit.span.from_minute", "from_minute"),
        col("edit.span.to_minute", "to_minute"),
        col("edit.span.holiday", "holiday"),
        col("edit.steps", "steps"),
        col("edit.effective_from", "effective_from"),
        col("edit.effective_to", "effective_to"),
        col("edit.blocked", "blocked"),
        col("edit.free_to_call", "free_to_call"),
    ],
    finish: untouched,
    prepare: untouched,
};

#[cfg(test)]
mod tests {
    use super::{RATE, TARIFF};
    use tandem_protocol::{
        TariffId,
        tariff::{Markup, RateEdit, Step, StepCharge, TariffEdit, Terms},
    };

    #[test]
    fn tariffs_survive_with_and_without_a_base() {
        let base = Markup {
            tariff: TariffId(2),
            percent: "10".into(),
            addition: "0".into(),
        };
        for base in [None, Some(base)] {
            let edit = TariffEdit {
                name: "a".into(),
                base,
                ..TariffEdit::default()
            };
            let row = TARIFF.to_row(serde_json::to_value(&edit).expect("writes"));
            let back = TARIFF.to_wire(row).get("edit").cloned().unwrap_or_default();
            assert_eq!(
                serde_json::from_value::<TariffEdit>(back).expect("a tariff"),
                edit
            );
        }
    }

    #[test]
    fn rates_are_the_stores_own() {
        let steps = vec![
            Step {
                from_second: 0,
                charge: StepCharge::Flat {
                    amount: "0.1".into(),
                },
            },
            Step {
                from_second: 60,
                charge: StepCharge::PerMinute {
                    price: "0.2".into(),
                    increment: 6,
                },
            },
        ];
        let terms = Terms {
            initial: Some(30),
            connect_fee: Some("0.05".into()),
            ..Terms::default()
        };
        let edit = RateEdit {
            tariff: TariffId(1),
            prefix: "44".into(),
            price: "0.0125".into(),
            terms,
            steps,
            ..RateEdit::default()
        };
        let row = RATE.to_row(serde_json::to_value(&edit).expect("writes"));
        let stored: tandem_store::record::Rate =
            serde_json::from_value(row.clone().into()).expect("a rate of the store");
        assert_eq!(
            (stored.price.to_string(), stored.terms.initial),
            ("0.0125".into(), Some(30))
        );
        let back = RATE.to_wire(row).get("edit").cloned().unwrap_or_default();
        assert_eq!(
            serde_json::from_value::<RateEdit>(back).expect("a rate"),
            edit
        );
    }
}
