//! How far ahead a hold should reach: far when there is money, in short fair slices when it runs low
//! (rating.md section 3).

use tandem_billing::{Micros, Quote};

/// What one level has for one call.
pub(crate) struct Funds<'a> {
    pub(crate) quote: &'a Quote,
    /// Held for this call already.
    pub(crate) held: Micros,
    /// What the account could add.
    pub(crate) spendable: Micros,
    /// Calls that draw on it, this one included.
    pub(crate) calls: usize,
}

/// The seconds a hold should pay for next, when `paid_s` are: at least to the end of the next block of the
/// level with the shortest blocks, at most `slice_s` further and `longest_s` in all, and no more than this
/// call's share of each level's money beyond that block. Always above `paid_s` if `longest_s` is.
pub(crate) fn next_end(levels: &[Funds<'_>], paid_s: u64, slice_s: u64, longest_s: u64) -> u64 {
    let least = nearest_block_end(levels, paid_s).min(longest_s);
    let wanted = paid_s
        .saturating_add(slice_s)
        .clamp(least, longest_s.max(least));
    let affordable = levels.iter().fold(wanted, |end, level| {
        let share = level.held.saturating_add(share(level));
        end.min(level.quote.affordable_secs(share, end).unwrap_or(0))
    });
    if affordable <= least {
        return least;
    }
    // The rest of a block that is paid for anyway.
    nearest_block_end(levels, affordable - 1).clamp(affordable, longest_s.max(affordable))
}

fn nearest_block_end(levels: &[Funds<'_>], after_s: u64) -> u64 {
    let ends = levels.iter().map(|level| match after_s {
        0 => level.quote.first_block_secs(),
        _ => level.quote.block_end_secs(after_s),
    });
    ends.min()
        .unwrap_or(u64::MAX)
        .max(after_s.saturating_add(1))
}

/// One part for each call and one for the next to come: slices get shorter as money runs low.
fn share(level: &Funds<'_>) -> Micros {
    let calls = i64::try_from(level.calls).unwrap_or(i64::MAX).max(1);
    Micros(level.spendable.0.max(0) / calls.saturating_add(1))
}
