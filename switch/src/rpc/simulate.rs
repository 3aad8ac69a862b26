//! The questions that change nothing: the call simulator, pricing, number rules. All of them ask the same
//! functions a live call asks.

use super::{Api, Caller, fault, live::Board};
use std::{net::SocketAddr, sync::Arc};
use tandem_billing::{
    AccountId, Quote, TariffId, UtcMs,
    number_rule::{NumberRules, RuleKey as BillingRuleKey},
};
use tandem_call::{
    Directory,
    decide::{self, Admission, CallFacts, Candidate, LegTarget, LevelQuote, Step, Usage},
};
use tandem_protocol::{
    Micros, Price, Role, RpcError,
    account::Transport,
    cdr::{Cost, LevelCharge},
    simulate::{
        Candidate as WireCandidate, CauseInfo, DecideParams, DecideResult, Outcome, RateParams,
        RateResult, RatedLevel, RuleFault, RuleKey, TraceStep, TryRuleParams, TryRuleResult,
        UsageMode,
    },
};

/// Longest number, name or rule string looked at.
const LONGEST: usize = 4_096;
/// Draws are below.
const DRAWS: u16 = 10_000;

/// What the switch would do with a call.
pub async fn decide(
    api: Arc<Api>,
    caller: Arc<Caller>,
    params: DecideParams,
) -> Result<DecideResult, RpcError> {
    let directory = api.directory();
    let facts = facts(&api, &caller, &directory, &params)?;
    api.feed.renew_unless_fresh().await.map_err(fault::core)?;
    let usage = LiveUsage {
        board: &api.board,
        now: api.clock.now(),
        mode: params.usage,
    };
    let decision = decide::decide(&directory, &facts, &usage);
    let mine = decision
        .account
        .as_ref()
        .is_none_or(|account| api.in_scope(account.id, &caller));
    if !mine {
        return Err(fault::not_found(
            "account of this call, in your branch,",
            facts.dialled,
        ));
    }
    let (outcome, refusal, admission) = match decision.outcome {
        decide::Outcome::Admitted(admission) => (Outcome::Admitted, None, Some(admission)),
        decide::Outcome::Refused(refusal) => (Outcome::Refused, Some(refusal), None),
        decide::Outcome::Challenge => (Outcome::Challenge, None, None),
    };
    let cause = refusal.map(|refusal| CauseInfo {
        sip_status: refusal.answer().0,
        ..cause_info(refusal.cause)
    });
    let result = DecideResult {
        outcome,
        cause,
        account: decision.account.map(|account| wire_account(account.id)),
        rating_number: admission.as_ref().map(|a| a.rating_number.clone()),
        levels: Vec::new(),
        candidates: Vec::new(),
        max_duration_s: admission.as_ref().map(|a| a.max_duration_s),
        trace: decision.trace.steps.iter().map(wire_step).collect(),
    };
    Ok(scoped(
        &api,
        &caller,
        admitted(&directory, result, admission, params.duration_s),
    ))
}

fn admitted(
    directory: &Directory,
    mut result: DecideResult,
    admission: Option<Box<Admission>>,
    duration_s: Option<u32>,
) -> DecideResult {
    let ms = u64::from(duration_s.unwrap_or(0)) * 1_000;
    if let Some(admission) = admission {
        result.levels = admission
            .levels
            .iter()
            .map(|level| charge(level, ms))
            .collect();
        result.candidates = admission
            .candidates
            .iter()
            .map(|c| candidate(directory, c, ms))
            .collect();
    }
    result
}

/// Leaves out what a reseller must not see: levels above its branch, gateways and costs.
fn scoped(api: &Api, caller: &Caller, mut result: DecideResult) -> DecideResult {
    if caller.role != Role::Reseller {
        return result;
    }
    let mine = |id: tandem_protocol::AccountId| api.in_scope(AccountId(id.0), caller);
    result.levels.retain(|level| mine(level.account));
    result.candidates.clear();
    result.trace.retain(|step| match step {
        TraceStep::Recognised { .. } | TraceStep::Refused { .. } => true,
        TraceStep::Rewritten { stage, .. } => {
            stage == "account" || stage == "tech prefix" || stage.starts_with("DID ")
        }
        TraceStep::Quoted { account, .. } => mine(*account),
        TraceStep::Listed { account, .. } => account.is_some_and(mine),
        TraceStep::Kept { .. }
        | TraceStep::Dropped { .. }
        | TraceStep::Redirected { .. }
        | TraceStep::Tried { .. }
        | TraceStep::Transferred { .. }
        | TraceStep::Replaced { .. }
        | TraceStep::Unrecorded { .. }
        | TraceStep::Unplayed { .. }
        | TraceStep::Reason { .. }
        | TraceStep::Omitted { .. }
        | TraceStep::Other { .. } => false,
    });
    result
}

fn facts(
    api: &Api,
    caller: &Caller,
    directory: &Directory,
    params: &DecideParams,
) -> Result<CallFacts, RpcError> {
    for (field, text) in [("dialled", &params.dialled), ("caller", &params.caller)] {
        if text.len() > LONGEST {
            return Err(RpcError::invalid(
                field,
                format!("longer than {LONGEST} bytes"),
            ));
        }
    }
    if params.draw.is_some_and(|draw| draw >= DRAWS) {
        return Err(RpcError::invalid("draw", format!("not below {DRAWS}")));
    }
    let account = params.account.map(|id| AccountId(id.0));
    if let Some(id) = account {
        known_account(api, caller, directory, id)?;
    }
    if caller.role == Role::Reseller && account.is_none() {
        return Err(RpcError::invalid("account", "name the account that calls"));
    }
    let source: Option<SocketAddr> = match params.source.as_deref() {
        None => None,
        Some(text) => Some(text.parse().map_err(|_| {
            RpcError::invalid(
                "source",
                format!("{text:?} is not an address with a port such as 192.0.2.7:5060"),
            )
        })?),
    };
    Ok(CallFacts {
        via: None,
        remote: source.unwrap_or(SocketAddr::from(([0, 0, 0, 0], 0))),
        transport: transport(params.transport),
        device: params.device.clone(),
        as_account: account,
        caller: params.caller.clone(),
        asserted: None,
        dialled: params.dialled.clone(),
        at: params.at.map_or_else(|| api.clock.now(), |at| UtcMs(at.0)),
        codecs: params.codecs.iter().take(64).cloned().collect(),
        draw: params.draw.unwrap_or(0),
    })
}

fn known_account(
    api: &Api,
    caller: &Caller,
    directory: &Directory,
    id: AccountId,
) -> Result<(), RpcError> {
    if directory.accounts.contains_key(&id) && api.in_scope(id, caller) {
        return Ok(());
    }
    Err(fault::not_found("account", id))
}

fn transport(transport: Transport) -> tandem_sip::Transport {
    match transport {
        Transport::Udp => tandem_sip::Transport::Udp,
        Transport::Tcp => tandem_sip::Transport::Tcp,
        Transport::Tls => tandem_sip::Transport::Tls,
        Transport::Ws => tandem_sip::Transport::Ws,
        Transport::Wss => tandem_sip::Transport::Wss,
    }
}

/// What a number and duration cost.
pub async fn rate(
    api: Arc<Api>,
    caller: Arc<Caller>,
    params: RateParams,
) -> Result<RateResult, RpcError> {
    if params.number.len() > LONGEST || params.caller.len() > LONGEST {
        return Err(RpcError::invalid(
            "number",
            format!("longer than {LONGEST} bytes"),
        ));
    }
    let at = params.at.map_or_else(|| api.clock.now(), |at| UtcMs(at.0));
    match (params.tariff, params.account) {
        (Some(tariff), None) => rate_tariff(&api, &caller, TariffId(tariff.0), &params, at).await,
        (None, Some(account)) => rate_account(&api, &caller, AccountId(account.0), &params, at),
        (Some(_), Some(_)) | (None, None) => Err(RpcError::invalid(
            "tariff",
            "give either a tariff or an account",
        )),
    }
}

async fn rate_tariff(
    api: &Arc<Api>,
    caller: &Caller,
    tariff: TariffId,
    params: &RateParams,
    at: UtcMs,
) -> Result<RateResult, RpcError> {
    super::lists::row(api, &super::columns::TARIFF, caller, tariff.0).await?;
    let quote = api.directory().tariffs.quote(tariff, &params.number, at);
    let quote = quote.map_err(|e| RpcError::invalid("number", e.to_string()))?;
    let level = RatedLevel {
        account: None,
        charge: level_charge(AccountId(0), None, &quote, params.duration_ms),
        first_block_s: quote.first_block_secs(),
    };
    Ok(RateResult {
        rating_number: params.number.clone(),
        levels: vec![level],
    })
}

fn rate_account(
    api: &Api,
    caller: &Caller,
    account: AccountId,
    params: &RateParams,
    at: UtcMs,
) -> Result<RateResult, RpcError> {
    let directory = api.directory();
    known_account(api, caller, &directory, account)?;
    let facts = CallFacts {
        remote: SocketAddr::from(([0, 0, 0, 0], 0)),
        transport: tandem_sip::Transport::Udp,
        device: None,
        via: None,
        as_account: Some(account),
        caller: params.caller.clone(),
        asserted: None,
        dialled: params.number.clone(),
        at,
        codecs: Vec::new(),
        draw: 0,
    };
    let levels = decide::quote_levels(&directory, &facts).map_err(|refusal| {
        RpcError::invalid("number", refusal.cause.text).remedy(refusal.cause.remedy)
    })?;
    let rated = levels
        .iter()
        .filter(|level| api.in_scope(level.account.id, caller))
        .map(|level| RatedLevel {
            account: Some(wire_account(level.account.id)),
            charge: charge(level, params.duration_ms),
            first_block_s: level.quote.first_block_secs(),
        });
    Ok(RateResult {
        rating_number: levels
            .first()
            .map(|level| level.number.clone())
            .unwrap_or_default(),
        levels: rated.collect(),
    })
}

/// Tries number rules on a number.
pub async fn try_rule(
    _: Arc<Api>,
    _: Arc<Caller>,
    params: TryRuleParams,
) -> Result<TryRuleResult, RpcError> {
    if params.rules.len() > LONGEST || params.number.len() > LONGEST {
        return Err(RpcError::invalid(
            "rules",
            format!("longer than {LONGEST} bytes"),
        ));
    }
    let key = match params.key {
        RuleKey::ToPlan => BillingRuleKey::ToPlan,
        RuleKey::ToGateway => BillingRuleKey::ToGateway,
        RuleKey::Rating => BillingRuleKey::Rating,
        RuleKey::Caller => BillingRuleKey::Caller,
    };
    Ok(match NumberRules::parse(&params.rules) {
        Ok(rules) => TryRuleResult {
            number: Some(rules.apply(key, &params.number)),
            fault: None,
        },
        Err(error) => {
            let at = u32::try_from(error.at).unwrap_or(u32::MAX);
            TryRuleResult {
                number: None,
                fault: Some(RuleFault {
                    at,
                    reason: error.reason,
                }),
            }
        }
    })
}

fn wire_account(id: AccountId) -> tandem_protocol::AccountId {
    tandem_protocol::AccountId(id.0)
}

fn charge(level: &LevelQuote, ms: u64) -> LevelCharge {
    level_charge(
        level.account.id,
        Some(level.account.login.clone()),
        &level.quote,
        ms,
    )
}

fn level_charge(account: AccountId, login: Option<String>, quote: &Quote, ms: u64) -> LevelCharge {
    let charge = quote.charge(ms, 0);
    LevelCharge {
        account: wire_account(account),
        account_login: login,
        tariff: quote.tariff.0.into(),
        rate: quote.rate.0.into(),
        prefix: quote.prefix.clone(),
        description: quote.description.clone(),
        currency: quote.currency.to_string(),
        price_per_minute: price(quote.price_per_minute),
        billed_secs: charge.billed_secs,
        charge: Micros(charge.amount.0),
    }
}

fn price(price: rust_decimal::Decimal) -> Price {
    Price(price.normalize().to_string())
}

fn candidate(directory: &Directory, candidate: &Candidate, ms: u64) -> WireCandidate {
    let gateway = match &candidate.leg {
        LegTarget::Gateway(gateway) => Some(gateway.id),
        LegTarget::Devices { .. } => None,
    };
    let cost = candidate
        .cost
        .as_ref()
        .zip(gateway)
        .map(|(quote, gateway)| {
            let charge = quote.charge(ms, 0);
            Cost {
                gateway: gateway.0.into(),
                tariff: quote.tariff.0.into(),
                rate: quote.rate.0.into(),
                prefix: quote.prefix.clone(),
                currency: quote.currency.to_string(),
                price_per_minute: price(quote.price_per_minute),
                billed_secs: charge.billed_secs,
                cost: Micros(charge.amount.0),
            }
        });
    WireCandidate {
        route: candidate.route.as_ref().map(|route| route.id.0.into()),
        gateway: gateway.map(|id| id.0.into()),
        target: target_name(directory, candidate),
        number: candidate.number.clone(),
        caller: candidate.caller.clone(),
        cost,
        codecs: candidate.codecs.names(),
    }
}

fn target_name(directory: &Directory, candidate: &Candidate) -> String {
    match (&candidate.route, &candidate.leg) {
        (Some(route), _) => directory.target_name(&route.target),
        (None, LegTarget::Devices { account, .. }) => {
            let account = directory.accounts.get(account);
            account.map_or_else(String::new, |account| account.login.clone())
        }
        (None, LegTarget::Gateway(gateway)) => gateway.name.clone(),
    }
}

/// A cause of the catalogue for people.
#[must_use]
pub fn cause_info(cause: &tandem_call::cause::Cause) -> CauseInfo {
    CauseInfo {
        code: cause.code.to_owned(),
        sip_status: cause.sip_status,
        text: cause.text.to_owned(),
        remedy: cause.remedy.to_owned(),
    }
}

/// A step as the protocol writes it: both have one JSON form, and an unknown one stays readable.
#[must_use]
pub fn wire_step(step: &Step) -> TraceStep {
    serde_json::to_value(step).map_or_else(
        |e| TraceStep::Other {
            text: e.to_string(),
        },
        step_of,
    )
}

/// A stored step.
#[must_use]
pub fn step_of(json: serde_json::Value) -> TraceStep {
    let text = json.to_string();
    serde_json::from_value(json).unwrap_or(TraceStep::Other { text })
}

/// Live counts as the monitor has them.
struct LiveUsage<'a> {
    board: &'a Board,
    now: UtcMs,
    mode: UsageMode,
}

impl LiveUsage<'_> {
    fn live<T: Default>(&self, count: impl FnOnce(&Board) -> T) -> T {
        match self.mode {
            UsageMode::Idle => T::default(),
            UsageMode::Live => count(self.board),
        }
    }
}

impl Usage for LiveUsage<'_> {
    fn account_calls(&self, account: AccountId) -> u32 {
        self.live(|board| board.count(|call| call.chain.contains(&account)))
    }
    fn account_cps(&self, account: AccountId) -> u32 {
        let since = self.now.plus_ms(-1_000);
        self.live(|board| {
            board.count(|call| call.started_at > since && call.chain.contains(&account))
        })
    }
    fn gateway_calls(&self, gateway: tandem_billing::GatewayId) -> u32 {
        self.live(|board| board.count(|call| call.gateway == Some(gateway)))
    }
    fn gateway_cps(&self, gateway: tandem_billing::GatewayId) -> u32 {
        let since = self.now.plus_ms(-1_000);
        self.live(|board| {
            board.count(|call| call.started_at > since && call.gateway == Some(gateway))
        })
    }
    fn route_calls(&self, route: tandem_billing::RouteId) -> u32 {
        self.live(|board| board.count(|call| call.route == Some(route)))
    }
    fn did_calls(&self, did: tandem_billing::DidId) -> u32 {
        self.live(|board| board.count(|call| call.did == Some(did)))
    }
    fn total_calls(&self) -> u32 {
        self.live(|board| board.count(|_| true))
    }
    fn total_cps(&self) -> u32 {
        let since = self.now.plus_ms(-1_000);
        self.live(|board| board.count(|call| call.started_at > since))
    }
    fn transcoded_calls(&self) -> u32 {
        self.live(|board| board.count(|call| call.codec_b.is_some() && call.codec != call.codec_b))
    }
    fn coding_percent(&self) -> u32 {
        self.live(|board| board.totals().coding_percent)
    }
    fn quality(&self, gateway: tandem_billing::GatewayId) -> (u64, u64, u64) {
        self.live(|board| board.quality(gateway))
    }
    fn gateway_down(&self, gateway: tandem_billing::GatewayId) -> Option<String> {
        self.live(|board| board.gateway_down(gateway))
    }
    fn upstream_down(&self, upstream: tandem_billing::UpstreamId) -> Option<String> {
        self.live(|board| board.upstream_down(upstream))
    }
    fn is_registered(&self, username: &str) -> bool {
        self.board.is_registered(username)
    }
}
