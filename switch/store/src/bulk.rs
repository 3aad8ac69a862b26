//! Whole rate sheets: written beside the old one in short steps, then live at once.

use crate::{Actor, EditError, Writer, record::Rate};
use tandem_billing::{TariffId, UtcMs};

/// What a replacement made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replaced {
    /// New revision of the tariff.
    pub revision: i64,
    /// Rows in force now.
    pub rates: u64,
    /// Rows that were in force before.
    pub before: u64,
}

impl Writer {
    /// Replaces all rates of a tariff and returns when they are in force; ids, revisions and tariff ids of
    /// the given rates are ignored. Calls go on being journalled meanwhile. Blocks.
    ///
    /// # Errors
    /// All faults of the sheet at once (the first 100), or a conflict; nothing is changed then.
    pub fn replace_rates(
        &self,
        actor: Actor,
        at: UtcMs,
        tariff: TariffId,
        revision: i64,
        rates: impl IntoIterator<Item = Rate>,
    ) -> Result<Replaced, EditError> {
        todo!()
    }
}
