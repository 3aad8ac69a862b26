//! What each level pays: `rating.md` section 1, level by level.

use super::{Call, LevelQuote, Refusal, Trace, admit::Numbers, refuse, trace::Step};
use crate::{cause, directory::Account};
use rust_decimal::Decimal;
use std::sync::Arc;
use tandem_billing::{Micros, QuoteError, TariffId, number_rule::RuleKey};

pub(super) fn quote_levels(
    call: &Call<'_>,
    chain: &[Arc<Account>],
    numbers: &Numbers,
    trace: &mut Trace,
) -> Result<Vec<LevelQuote>, Refusal> {
    let mut levels = Vec::with_capacity(chain.len());
    let sent = call.facts.caller.as_str();
    // Who pays is who is believed: an asserted identity prices a trusted account's call.
    let caller = chain
        .first()
        .map_or(sent, |client| call.facts.caller_of(client));
    for (level, account) in chain.iter().enumerate() {
        let number = if level == 0 {
            numbers.rating.clone()
        } else {
            account.rules.apply(RuleKey::Rating, &numbers.rating)
        };
        levels.push(quote_level(
            call,
            account,
            number,
            (numbers, caller),
            trace,
        )?);
    }
    check_maximum(&levels, trace)?;
    Ok(levels)
}

fn quote_level(
    call: &Call<'_>,
    account: &Arc<Account>,
    number: String,
    (numbers, caller): (&Numbers, &str),
    trace: &mut Trace,
) -> Result<LevelQuote, Refusal> {
    let Some(tariff) = tariff_of(account, &numbers.dialled, caller) else {
        return Err(refuse(trace, &cause::NO_TARIFF, account.login.clone()));
    };
    let quote = call
        .directory
        .tariffs
        .quote(tariff, &number, call.facts.at)
        .map_err(|error| {
            let cause = match error {
                QuoteError::NoTariff(_) => &cause::NO_TARIFF,
                QuoteError::NoRate { .. } => &cause::NO_RATE,
                QuoteError::Blocked { .. } => &cause::RATE_BLOCKED,
                QuoteError::Overflow { .. } => &cause::INTERNAL,
            };
            refuse(trace, cause, format!("{}: {error}", account.login))
        })?;
    if quote.currency != account.currency {
        let detail = format!(
            "{}: tariff {tariff} is in {}, the account in {}",
            account.login, quote.currency, account.currency
        );
        return Err(refuse(trace, &cause::NO_TARIFF, detail));
    }
    trace.steps.push(Step::Quoted {
        account: account.id,
        tariff: quote.tariff,
        rate: quote.rate,
        prefix: quote.prefix.clone(),
        price_per_minute: quote.price_per_minute,
    });
    Ok(LevelQuote {
        account: Arc::clone(account),
        quote,
        number,
    })
}

/// A DNIS override, else an ANI override, else the account's own (rating.md section 1.2).
fn tariff_of(account: &Account, dialled: &str, caller: &str) -> Option<TariffId> {
    let by_dnis = account
        .dnis_tariffs
        .longest(dialled)
        .map(|(_, tariff)| *tariff);
    by_dnis
        .or_else(|| {
            account
                .ani_tariffs
                .longest(caller)
                .map(|(_, tariff)| *tariff)
        })
        .or(account.tariff)
}

fn check_maximum(levels: &[LevelQuote], trace: &mut Trace) -> Result<(), Refusal> {
    for level in levels {
        let Some(maximum) = level.account.max_rate_per_minute else {
            continue;
        };
        if level.quote.price_per_minute > decimal(maximum) {
            let detail = format!(
                "{}: {} a minute",
                level.account.login, level.quote.price_per_minute
            );
            return Err(refuse(trace, &cause::RATE_ABOVE_MAXIMUM, detail));
        }
    }
    Ok(())
}

fn decimal(amount: Micros) -> Decimal {
    Decimal::new(amount.0, 6)
}
