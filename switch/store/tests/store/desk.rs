//! Journals calls as the core does, with the real ledger and real quotes.

use crate::fixture::Operator;
use std::sync::Arc;
use tandem_billing::{
    AccountId, CallId, Micros, Quote, TariffId, UtcMs,
    cdr::{Cdr, Cost, LevelCharge, MediaStats},
    ledger::{EntryKind, Ledger, Level, Movement, Posted},
};
use tandem_call::{
    Directory,
    journal::{Batch, OpenCall, Record},
};
use tandem_store::{
    List, ListQuery, Reader, Scope,
    query::{BalanceRow, CdrRow},
};

pub const NUMBER: &str = "4930123456";

pub struct Desk {
    pub operator: Operator,
    directory: Arc<Directory>,
    pub ledger: Ledger,
    pub seq: u64,
    pub next_call: i64,
}

impl Desk {
    pub fn new(operator: Operator, reader: &Reader, directory: Arc<Directory>) -> Self {
        let all = ListQuery::all(Scope::All);
        let balances = reader.rows::<BalanceRow>(List::Balance, &all).unwrap().rows;
        let calls = reader
            .rows::<CdrRow>(
                List::Cdr,
                &all.clone()
                    .sort("call_id", tandem_store::query::Order::Descending),
            )
            .unwrap()
            .rows;
        Self {
            operator,
            directory,
            ledger: Ledger::load(balances.iter().map(|row| (row.account_id, row.amount)), []),
            seq: 0,
            next_call: calls.first().map_or(1, |cdr| cdr.call_id.0 + 1),
        }
    }

    pub fn batch(&mut self, records: Vec<Record>) -> Batch {
        self.seq += 1;
        Batch {
            seq: self.seq,
            records,
        }
    }

    pub fn pay(&mut self, account: AccountId, amount: Micros, at: UtcMs) -> Batch {
        let movement = Movement {
            key: format!("pay:{account}:{}", self.seq),
            account,
            kind: EntryKind::Payment,
            amount,
            at,
            call: None,
            operator: None,
            note: "cash".to_owned(),
        };
        let Posted::Booked(entry) = self.ledger.post(movement).unwrap() else {
            panic!("repeated")
        };
        self.batch(vec![Record::Posted(entry)])
    }

    fn quote(&self, tariff: TariffId, at: UtcMs) -> Quote {
        self.directory.tariffs.quote(tariff, NUMBER, at).unwrap()
    }

    /// Client and, if it has one, its reseller.
    fn quotes(&self, account: AccountId, at: UtcMs) -> Vec<(AccountId, Quote)> {
        let chain = self.directory.chain(account).unwrap();
        chain
            .iter()
            .map(|account| (account.id, self.quote(account.tariff.unwrap(), at)))
            .collect()
    }

    fn levels(quotes: &[(AccountId, Quote)], seconds: u64) -> Vec<Level> {
        let level = |(account, quote): &(AccountId, Quote)| Level {
            account: *account,
            amount: quote.charge(seconds * 1000, 0).amount,
            credit_limit: Micros::ZERO,
        };
        quotes.iter().map(level).collect()
    }

    /// A call is admitted and so many seconds are held.
    pub fn open(&mut self, account: AccountId, at: UtcMs, seconds: u64) -> (OpenCall, Batch) {
        let call = CallId(self.next_call);
        self.next_call += 1;
        let quotes = self.quotes(account, at);
        let holds = Self::levels(&quotes, seconds);
        self.ledger.reserve(call, &holds).unwrap();
        let open = OpenCall {
            cdr: cdr(call, account, at),
            quotes,
            cost: None,
            holds,
            paid_until_s: seconds,
        };
        let batch = self.batch(vec![Record::Opened(Box::new(open.clone()))]);
        (open, batch)
    }

    pub fn answer(&mut self, open: &mut OpenCall, at: UtcMs) -> Batch {
        open.cdr.answered_at = Some(at);
        open.cdr.gateway = Some(self.operator.gateway);
        open.cost = Some((self.operator.gateway, self.quote(self.operator.cost, at)));
        let record = Record::Answered {
            call: open.cdr.call,
            at,
            open: Box::new(open.clone()),
        };
        self.batch(vec![record])
    }

    pub fn extend(&mut self, open: &mut OpenCall, seconds: u64) -> Batch {
        let levels = Self::levels(&open.quotes, seconds);
        self.ledger.extend(open.cdr.call, &levels).unwrap();
        open.holds.clone_from(&levels);
        open.paid_until_s = seconds;
        let record = Record::Extended {
            call: open.cdr.call,
            levels,
            paid_until_s: seconds,
        };
        self.batch(vec![record])
    }

    pub fn end(&mut self, open: &OpenCall, at: UtcMs) -> Batch {
        let mut cdr = open.cdr.clone();
        cdr.ended_at = at;
        let entries = match cdr.answered_at {
            None => {
                self.ledger.release(cdr.call).unwrap();
                cdr.cause = "caller.cancelled".to_owned();
                Vec::new()
            }
            Some(answered) => {
                cdr.duration_ms = (at.0 - answered.0) as u64;
                cdr.cause = "answered.caller_hangup".to_owned();
                cdr.charges = open
                    .quotes
                    .iter()
                    .map(|level| charge(level, cdr.duration_ms))
                    .collect();
                cdr.cost = open.cost.as_ref().map(|(gateway, quote)| Cost {
                    gateway: *gateway,
                    tariff: quote.tariff,
                    rate: quote.rate,
                    prefix: quote.prefix.clone(),
                    currency: quote.currency,
                    price_per_minute: quote.price_per_minute,
                    billed_secs: quote.charge(cdr.duration_ms, 0).billed_secs,
                    cost: quote.charge(cdr.duration_ms, 0).amount,
                });
                let booked: Vec<_> = cdr
                    .charges
                    .iter()
                    .map(|level| (level.account, level.charge))
                    .collect();
                self.ledger.settle(cdr.call, at, &booked).unwrap()
            }
        };
        self.batch(vec![Record::Ended {
            cdr: Box::new(cdr),
            entries,
        }])
    }

    /// A whole answered call of so many seconds.
    pub fn call(&mut self, account: AccountId, at: UtcMs, seconds: u64) -> Vec<Batch> {
        let (mut open, opened) = self.open(account, at, seconds);
        let answered = self.answer(&mut open, at.plus_ms(2_000));
        let ended = self.end(&open, at.plus_ms(2_000 + seconds as i64 * 1000));
        vec![opened, answered, ended]
    }
}

fn charge((account, quote): &(AccountId, Quote), duration_ms: u64) -> LevelCharge {
    let charge = quote.charge(duration_ms, 0);
    LevelCharge {
        account: *account,
        tariff: quote.tariff,
        rate: quote.rate,
        prefix: quote.prefix.clone(),
        description: quote.description.clone(),
        currency: quote.currency,
        price_per_minute: quote.price_per_minute,
        billed_secs: charge.billed_secs,
        charge: charge.amount,
    }
}

fn cdr(call: CallId, account: AccountId, at: UtcMs) -> Cdr {
    Cdr {
        call,
        a_call_id: format!("a-{call}@test"),
        b_call_id: None,
        attempts: 1,
        account: Some(account),
        source: "192.0.2.9:5060".to_owned(),
        caller: "100".to_owned(),
        dialled: NUMBER.to_owned(),
        sent_number: Some(NUMBER.to_owned()),
        rating_number: Some(NUMBER.to_owned()),
        started_at: at,
        ringing_at: Some(at.plus_ms(500)),
        answered_at: None,
        ended_at: at,
        duration_ms: 0,
        pdd_ms: Some(500),
        route: None,
        gateway: None,
        callee_account: None,
        transfer: None,
        cause: String::new(),
        sip_status: Some(200),
        codec: Some("pcma".to_owned()),
        codec_b: None,
        charges: Vec::new(),
        cost: None,
        exchange: None,
        recording: None,
        media_a: MediaStats::default(),
        media_b: MediaStats::default(),
        trace: r#"{"steps":[]}"#.to_owned(),
    }
}
