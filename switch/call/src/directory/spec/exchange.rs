//! What currencies are worth, as JSON writes it.

use super::Faults;
use serde::{Deserialize, Serialize};
use tandem_billing::{Currency, UtcMs, exchange::Ratios};

/// What currencies are worth in a base currency.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExchangeSpec {
    /// EUR if left out.
    pub base: Currency,
    /// In any order.
    pub ratios: Vec<RatioSpec>,
}

/// One ratio.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RatioSpec {
    /// Of one unit of it.
    pub currency: Currency,
    /// In units of the base, above 0.
    pub ratio: rust_decimal::Decimal,
    /// In force from then on; always if left out.
    #[serde(default)]
    pub valid_from: UtcMs,
}

impl Default for ExchangeSpec {
    fn default() -> Self {
        Self {
            base: euro(),
            ratios: Vec::new(),
        }
    }
}

impl ExchangeSpec {
    pub(super) fn build(self, faults: &mut Faults) -> Ratios {
        let mut ratios = Ratios::new(self.base);
        for (at, spec) in self.ratios.into_iter().enumerate() {
            if let Err(error) = ratios.set(spec.currency, spec.valid_from, spec.ratio) {
                faults.add(format!("exchange.ratios[{at}].ratio"), error);
            }
        }
        ratios
    }
}

/// The base currency where none is set.
fn euro() -> Currency {
    "EUR".parse().expect("three capital letters")
}
