//! May this account place this call? Status, numbers, lists and limits, before any price or route.

use super::{Call, Refusal, Step, Trace, recognise::Known, refuse};
use crate::{
    cause,
    directory::{
        Account, AccountStatus, CallerIdRule, DidTarget, Directory,
        lists::{ListSide, ListVerdict},
    },
};
use std::sync::Arc;
use tandem_billing::{AccountId, number_rule::RuleKey};

/// Longest number taken, in bytes, before and after rewriting.
const MAX_NUMBER_BYTES: usize = 128;

/// The numbers of a call after the account's rules.
pub(super) struct Numbers {
    /// As the caller dialled it, without a tech prefix.
    pub dialled: String,
    /// Toward the dial plan.
    pub plan: String,
    /// Toward the tariff.
    pub rating: String,
    /// Caller ID.
    pub caller: String,
    /// An emergency number: passes the lists.
    pub emergency: bool,
    /// Its own, called in by others, for its phones: what it may call itself does not matter.
    pub own: bool,
}

pub(super) fn check_chain(
    call: &Call<'_>,
    account: &Arc<Account>,
    trace: &mut Trace,
) -> Result<Vec<Arc<Account>>, Refusal> {
    let Some(chain) = call.directory.chain(account.id) else {
        return Err(refuse(
            trace,
            &cause::BROKEN_CHAIN,
            format!("account {}", account.login),
        ));
    };
    for (level, member) in chain.iter().enumerate() {
        let expired = member.expires_at.is_some_and(|end| end <= call.facts.at);
        let cause = match (member.status, expired, level) {
            (AccountStatus::Active, false, _) => continue,
            (_, _, 1..) => &cause::RESELLER_BLOCKED,
            (AccountStatus::Expired, _, 0) | (AccountStatus::Active, true, 0) => {
                &cause::ACCOUNT_EXPIRED
            }
            (AccountStatus::Blocked | AccountStatus::Closed, _, 0) => &cause::ACCOUNT_BLOCKED,
        };
        return Err(refuse(
            trace,
            cause,
            format!("{} is {:?}", member.login, member.status),
        ));
    }
    Ok(chain)
}

pub(super) fn rewrite(
    call: &Call<'_>,
    known: &Known,
    trace: &mut Trace,
) -> Result<Numbers, Refusal> {
    let account = &known.account;
    let dialled = extension_of(call.directory, &known.dialled).to_owned();
    trace.rewritten("device name", "dialled", &known.dialled, &dialled);
    let plan = account.rules.apply(RuleKey::ToPlan, &dialled);
    let rating = account.rules.apply(RuleKey::Rating, &dialled);
    let given = given_caller(&account.caller_id, call.facts.caller_of(account));
    let caller = account.rules.apply(RuleKey::Caller, given);
    trace.rewritten("account", "dialled", &dialled, &plan);
    trace.rewritten("account", "rating", &dialled, &rating);
    trace.rewritten("account", "caller", &call.facts.caller, &caller);
    for number in [&dialled, &plan, &rating] {
        if number.is_empty() || number.len() > MAX_NUMBER_BYTES {
            return Err(refuse(
                trace,
                &cause::BAD_NUMBER,
                format!("{} bytes after rewriting", number.len()),
            ));
        }
    }
    let emergency = call
        .directory
        .settings
        .emergency_numbers
        .iter()
        .any(|n| *n == dialled || *n == plan);
    Ok(Numbers {
        dialled,
        plan,
        rating,
        caller,
        emergency,
        own: known
            .inbound
            .as_ref()
            .is_some_and(|inbound| inbound.did.target == DidTarget::Phones),
    })
}

/// A phone dialled by its name is called and priced by its extension, if it has one. A name without a letter
/// is left alone: it may be a number that the dial plan knows.
fn extension_of<'a>(directory: &'a Directory, dialled: &'a str) -> &'a str {
    let is_name = dialled.bytes().any(|byte| byte.is_ascii_alphabetic());
    let device = is_name.then(|| directory.devices.get(dialled)).flatten();
    device
        .and_then(|device| device.extension.as_deref())
        .unwrap_or(dialled)
}

fn given_caller<'a>(rule: &'a CallerIdRule, sent: &'a str) -> &'a str {
    match rule {
        CallerIdRule::Pass => sent,
        CallerIdRule::Fixed(number) => number,
        CallerIdRule::OneOf(numbers) => numbers
            .iter()
            .find(|n| *n == sent)
            .or(numbers.first())
            .map_or(sent, String::as_str),
    }
}

/// Emergency numbers pass; else the lists of every scope must let both numbers pass, and so must the prefixes
/// of the account and the resellers above it.
pub(super) fn check_lists(
    call: &Call<'_>,
    chain: &[Arc<Account>],
    numbers: &Numbers,
    trace: &mut Trace,
) -> Result<(), Refusal> {
    if numbers.emergency {
        return Ok(());
    }
    let sent = call.facts.caller.as_str();
    let believed = chain
        .first()
        .map_or(sent, |account| call.facts.caller_of(account));
    let callers = if believed == sent {
        &[sent][..]
    } else {
        &[sent, believed]
    };
    check_side(call, chain, (ListSide::Caller, callers), trace)?;
    let dialled = [numbers.dialled.as_str(), numbers.plan.as_str()];
    check_side(call, chain, (ListSide::Dialled, &dialled), trace)?;
    for member in chain.iter().filter(|_| !numbers.own) {
        check_prefixes(member, numbers, trace)?;
    }
    Ok(())
}

fn check_side(
    call: &Call<'_>,
    chain: &[Arc<Account>],
    (side, numbers): (ListSide, &[&str]),
    trace: &mut Trace,
) -> Result<(), Refusal> {
    let ids: Vec<AccountId> = chain.iter().map(|account| account.id).collect();
    for listed in call.directory.lists.decide(&ids, side, numbers) {
        let owner = chain.iter().find(|a| Some(a.id) == listed.account);
        let owner = owner.map_or("every call", |account| account.login.as_str());
        let detail = format!("list entry {}, {} of {owner}", listed.id, listed.prefix);
        trace.steps.push(Step::Listed {
            entry: listed.id,
            account: listed.account,
            side,
            prefix: listed.prefix,
            verdict: listed.verdict,
        });
        let cause = match (listed.verdict, side) {
            (ListVerdict::Allow, _) => continue,
            (ListVerdict::Block, ListSide::Caller) => &cause::CALLER_BLOCKED,
            (ListVerdict::Block, ListSide::Dialled) => &cause::NUMBER_BLOCKED,
        };
        return Err(refuse(trace, cause, detail));
    }
    Ok(())
}

fn check_prefixes(account: &Account, numbers: &Numbers, trace: &mut Trace) -> Result<(), Refusal> {
    let begins = |list: &[String], number: &str| {
        list.iter()
            .any(|p| !p.is_empty() && number.starts_with(p.as_str()))
    };
    let blocked = &account.blocked_prefixes;
    let reason = if begins(blocked, &numbers.dialled) || begins(blocked, &numbers.plan) {
        "a blocked prefix"
    } else if !account.allowed_prefixes.is_empty()
        && !begins(&account.allowed_prefixes, &numbers.plan)
    {
        "no allowed prefix"
    } else {
        return Ok(());
    };
    let detail = format!("{} has {reason} of {}", numbers.plan, account.login);
    Err(refuse(trace, &cause::NUMBER_BLOCKED, detail))
}

pub(super) fn check_limits(
    call: &Call<'_>,
    chain: &[Arc<Account>],
    trace: &mut Trace,
) -> Result<(), Refusal> {
    let usage = call.usage;
    let global = call.directory.settings.global_limits;
    if global.max_calls != 0 && usage.total_calls() >= global.max_calls {
        return Err(refuse(
            trace,
            &cause::SWITCH_FULL,
            format!("{} calls up", global.max_calls),
        ));
    }
    if global.max_cps != 0 && usage.total_cps() >= global.max_cps {
        return Err(refuse(
            trace,
            &cause::CPS_LIMIT,
            format!("the switch's {} a second", global.max_cps),
        ));
    }
    for member in chain {
        let limits = member.limits;
        if limits.max_calls != 0 && usage.account_calls(member.id) >= limits.max_calls {
            return Err(refuse(
                trace,
                &cause::CHANNEL_LIMIT,
                format!("{}: {} calls", member.login, limits.max_calls),
            ));
        }
        if limits.max_cps != 0 && usage.account_cps(member.id) >= limits.max_cps {
            return Err(refuse(
                trace,
                &cause::CPS_LIMIT,
                format!("{}: {} a second", member.login, limits.max_cps),
            ));
        }
    }
    Ok(())
}
