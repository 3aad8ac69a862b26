//! The sample's tariffs: costs of three carriers, what the operator sells for, what resellers pay.

use super::{Maker, actor, euro};
use crate::{
    EditError,
    record::{Rate, Tariff},
};
use rust_decimal::{Decimal, RoundingStrategy};
use tandem_billing::{
    AccountId, TariffId,
    tariff::{BandPolicy, Span, Terms},
};

/// Prefix, description and price per minute of a carrier in the middle of the market.
const DESTINATIONS: &str = include_str!("destinations.csv");

/// The operator's tariffs.
pub(super) struct Tariffs {
    pub costs: [TariffId; 3],
    pub retail: TariffId,
    pub wholesale: TariffId,
    /// What resellers of the first level pay.
    pub reseller: TariffId,
}

/// How a sheet is made from the destinations.
pub(super) struct Sheet<'a> {
    pub name: &'a str,
    pub owner: Option<AccountId>,
    /// Price over the destinations' cost, in percent.
    pub percent: i64,
    /// Seconds of the first and each further block.
    pub blocks: (u32, u32),
    pub connect_fee: Decimal,
    /// Price per minute between the operator's own phones: free for its own customers, a little for those of
    /// resellers.
    pub on_net: Decimal,
    /// Digits after the point of a charge.
    pub decimals: u8,
}

pub(super) fn operator_tariffs(maker: &Maker<'_>) -> Result<Tariffs, EditError> {
    let sheet = |name, percent, blocks| Sheet {
        name,
        owner: None,
        percent,
        blocks,
        connect_fee: Decimal::ZERO,
        on_net: Decimal::ZERO,
        decimals: 6,
    };
    let cost = |name, percent| create(maker, &sheet(name, percent, (1, 1)));
    Ok(Tariffs {
        costs: [
            cost("Cost Alpha", 100)?,
            cost("Cost Beta", 106)?,
            cost("Cost Gamma", 121)?,
        ],
        retail: create(
            maker,
            &Sheet {
                connect_fee: Decimal::new(1, 2),
                decimals: 4,
                ..sheet("Retail EUR", 210, (60, 60))
            },
        )?,
        wholesale: create(maker, &sheet("Wholesale EUR", 128, (1, 1)))?,
        reseller: create(maker, &sheet("Resellers EUR", 135, (6, 6)))?,
    })
}

/// Creates a tariff with a rate for every destination, and what every sheet has besides.
pub(super) fn create(maker: &Maker<'_>, sheet: &Sheet<'_>) -> Result<TariffId, EditError> {
    let created = maker.create(&Tariff {
        id: 0,
        revision: 0,
        name: sheet.name.to_owned(),
        currency: euro()?,
        owner_id: sheet.owner,
        time_zone: "Europe/Berlin".to_owned(),
        decimals: sheet.decimals,
        band_policy: BandPolicy::Split,
        base_tariff_id: None,
        base_percent: Decimal::ZERO,
        base_addition: Decimal::ZERO,
        holidays: Vec::new(),
        post_call_surcharge_pct: Decimal::ZERO,
        min_charge: None,
        max_charge: None,
        defaults: Terms {
            initial: Some(sheet.blocks.0),
            increment: Some(sheet.blocks.1),
            connect_fee: Some(sheet.connect_fee),
            ..Terms::default()
        },
        notes: String::new(),
    })?;
    let id = TariffId(created.id);
    maker
        .writer
        .replace_rates(actor(), maker.at, id, created.revision, rates(sheet, id)?)?;
    Ok(id)
}

fn rates(sheet: &Sheet<'_>, tariff: TariffId) -> Result<Vec<Rate>, EditError> {
    let free = Terms {
        connect_fee: Some(Decimal::ZERO),
        ..Terms::default()
    };
    let plain = |prefix: &str, description: &str, price, terms: &Terms| Rate {
        id: 0,
        revision: 0,
        tariff_id: tariff,
        prefix: prefix.to_owned(),
        description: description.to_owned(),
        price,
        terms: terms.clone(),
        span: Span::default(),
        steps: Vec::new(),
        effective_from: None,
        effective_to: None,
        blocked: false,
        free_to_call: false,
    };
    let mut rates = vec![
        plain("10", "Own phones", sheet.on_net, &free),
        Rate {
            free_to_call: true,
            ..plain("112", "Emergency", Decimal::ZERO, &free)
        },
        Rate {
            blocked: true,
            ..plain(
                "4470",
                "United Kingdom Personal Numbers",
                Decimal::ZERO,
                &free,
            )
        },
    ];
    let broken =
        |line: &str| EditError::Store(format!("sample destination {line:?} does not parse"));
    for line in DESTINATIONS.lines().skip(1) {
        let mut cells = line.split(';');
        let (Some(prefix), Some(description), Some(cost)) =
            (cells.next(), cells.next(), cells.next())
        else {
            return Err(broken(line));
        };
        let cost: Decimal = cost.parse().map_err(|_| broken(line))?;
        let price = cost * Decimal::new(sheet.percent, 2);
        let price = price.round_dp_with_strategy(4, RoundingStrategy::MidpointAwayFromZero);
        if prefix != "4470" {
            rates.push(plain(prefix, description, price, &Terms::default()));
        }
    }
    Ok(rates)
}
