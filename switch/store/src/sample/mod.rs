//! A demo operator: two resellers, accounts with phones, gateways, a dial plan and tariffs with some 230
//! prefixes. Made through the same edits as an operator's own, so that it is checked and audited like them.

mod money;
mod people;
mod plan;

use crate::{Actor, Edit, EditError, Edited, Writer, record::Record};
use tandem_billing::{Currency, UtcMs, ledger::Movement};

/// What the demo needs to place calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The phones.
    pub phones: Vec<SamplePhone>,
    /// Admin login and its password; an admin that was there before keeps its own.
    pub admin: (String, String),
    /// Payments to post through the core: balances move only there.
    pub payments: Vec<Movement>,
}

/// A phone of the sample operator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SamplePhone {
    /// Name it registers with.
    pub username: String,
    /// For its digest.
    pub password: String,
    /// What other phones dial: 1001, 1002, ... in order; its user name works too.
    pub extension: String,
    /// Name of the customer.
    pub owner: String,
}

/// Fills a store that has no account yet. `hosts` are the addresses of the three gateways, `host:port`;
/// `password` becomes that of every login, of at least 8 characters.
///
/// # Errors
/// If it is not empty, a host does not parse, or the store fails.
pub fn load(
    writer: &Writer,
    hosts: [&str; 3],
    password: &str,
    at: UtcMs,
) -> Result<Sample, EditError> {
    let maker = Maker { writer, at };
    maker.expect_empty()?;
    let tariffs = money::operator_tariffs(&maker)?;
    let plan = plan::load(&maker, &tariffs, hosts)?;
    people::load(&maker, &tariffs, &plan, password)
}

/// Makes edits as the sample loader.
struct Maker<'a> {
    writer: &'a Writer,
    at: UtcMs,
}

impl Maker<'_> {
    fn create<R: Record>(&self, record: &R) -> Result<Edited, EditError> {
        self.writer.edit(Edit::create(actor(), self.at, record))
    }

    fn expect_empty(&self) -> Result<(), EditError> {
        let query = crate::ListQuery::all(crate::Scope::All).page(0, 1);
        let accounts = self
            .writer
            .reader()
            .list(crate::List::Of(crate::record::Resource::Account), &query);
        match accounts
            .map_err(|error| EditError::Store(error.to_string()))?
            .total
        {
            Some(0) => Ok(()),
            _ => Err(EditError::Forbidden(
                "the sample operator is only loaded into an empty store".into(),
            )),
        }
    }
}

fn actor() -> Actor {
    Actor::system("sample")
}

fn euro() -> Result<Currency, EditError> {
    Currency::try_from("EUR".to_owned()).map_err(EditError::Store)
}
