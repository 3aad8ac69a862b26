//! One call at every level: the client and the resellers above it, each with its own tariff (`rating.md` section 2).
//!
//! A call has a price only if every level has one. Margins are differences of booked amounts.

use crate::{
    AccountId, Currency, Micros, Quote, QuoteError, TariffBook, TariffId, UtcMs, ledger::Level,
    quote::Charge,
};

/// Who pays at a level, and by which tariff its rating number is priced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payer {
    /// Whose balance.
    pub account: AccountId,
    /// After DNIS and ANI overrides.
    pub tariff: TariffId,
    /// After the account's `TP:` rules.
    pub rating_number: String,
    /// 0 means none.
    pub credit_limit: Micros,
}

/// The price of a call at every level, the client first.
#[derive(Clone, Debug, PartialEq)]
pub struct Chain {
    /// As many as payers were asked for.
    pub levels: Vec<(Payer, Quote)>,
}

/// A level that has no price.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("level {level} (account {account}): {error}")]
pub struct ChainError {
    /// 0 the client, then its resellers upward.
    pub level: usize,
    /// Who pays there.
    pub account: AccountId,
    /// What its tariff said.
    #[source]
    pub error: QuoteError,
}

impl Chain {
    /// Quotes all levels for a call answered at `at`.
    ///
    /// # Errors
    /// The first level without a price, from the client up.
    pub fn quote(book: &TariffBook, payers: Vec<Payer>, at: UtcMs) -> Result<Self, ChainError> {
        let quoted = |(level, payer): (usize, Payer)| match book.quote(
            payer.tariff,
            &payer.rating_number,
            at,
        ) {
            Ok(quote) => Ok((payer, quote)),
            Err(error) => Err(ChainError {
                level,
                account: payer.account,
                error,
            }),
        };
        let levels = payers.into_iter().enumerate().map(quoted);
        Ok(Self {
            levels: levels.collect::<Result<_, _>>()?,
        })
    }

    /// What every level is charged for a call of this length; bundles are the client's only.
    pub fn charges(&self, answered_ms: u64, bundle_secs: u64) -> Vec<Charge> {
        let charge = |(level, (_, quote)): (usize, &(Payer, Quote))| {
            let bundle = if level == 0 { bundle_secs } else { 0 };
            quote.charge(answered_ms, bundle)
        };
        self.levels.iter().enumerate().map(charge).collect()
    }

    /// What a hold must be for the call to last `secs`, for [`Ledger::reserve`](crate::ledger::Ledger::reserve).
    pub fn holds(&self, secs: u64) -> Vec<Level> {
        let hold = |(payer, quote): &(Payer, Quote)| Level {
            account: payer.account,
            amount: quote.charge_secs(secs),
            credit_limit: payer.credit_limit,
        };
        self.levels.iter().map(hold).collect()
    }

    /// What admission must reserve for: the end of the latest first block.
    pub fn first_block_secs(&self) -> u64 {
        let ends = self
            .levels
            .iter()
            .map(|(_, quote)| quote.first_block_secs());
        ends.max().unwrap_or(0)
    }
}

/// What is left at each level: its amount less that of the next, and of the topmost less `cost`. `amounts` and
/// `cost` are booked amounts of one currency, or converted to one (see [`crate::exchange`]). None out of range.
pub fn margins(amounts: &[Micros], cost: Micros) -> Option<Vec<Micros>> {
    let paid = amounts.iter().skip(1).chain(std::iter::once(&cost));
    amounts
        .iter()
        .zip(paid)
        .map(|(taken, paid)| taken.checked_sub(*paid))
        .collect()
}

/// Whether all levels book in one currency, so that margins need no conversion.
pub fn common_currency(chain: &Chain) -> Option<Currency> {
    let mut currencies = chain.levels.iter().map(|(_, quote)| quote.currency);
    let first = currencies.next()?;
    currencies.all(|other| other == first).then_some(first)
}
