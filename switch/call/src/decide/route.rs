//! Which routes fit, which are left out and why: the dial plan, row by row.

use super::{
    Call, Candidate, Codecs, LegTarget, LevelQuote, Refusal, Trace, admit::Numbers, order, refuse,
    trace::Step,
};
use crate::{
    cause,
    directory::{
        Account, Gateway, InboundReach, Limits, LossPolicy, MediaMode, Route, RoutingGroup,
        RoutingPolicy, Target,
    },
};
use rust_decimal::Decimal;
use std::sync::Arc;
use tandem_billing::{
    AccountId, GatewayId, Quote, UpstreamId, exchange::ExchangeError, number_rule::RuleKey,
};
use tandem_sdp::convert::Format;

/// Groups that a group may inherit from, one after the other.
const MAX_INHERITANCE: usize = 8;

/// Rows of one prefix of one group: candidates are ordered within it.
struct Stage<'a> {
    group: &'a RoutingGroup,
    prefix: &'a str,
    rows: &'a [Arc<Route>],
}

/// The hunt list, at least one long. Every row that fits the number is in the trace, kept or dropped.
pub(super) fn candidates(
    call: &Call<'_>,
    (chain, reach): (&[Arc<Account>], InboundReach),
    numbers: &Numbers,
    levels: &[LevelQuote],
    trace: &mut Trace,
) -> Result<Vec<Candidate>, Refusal> {
    let stages = stages(call, chain, &numbers.plan);
    if stages.is_empty() {
        return Err(refuse(
            trace,
            &cause::NO_ROUTE,
            format!("number {}", numbers.plan),
        ));
    }
    let settings = &call.directory.settings;
    let hunt = Hunt {
        call,
        account: &chain[0],
        reach,
        numbers,
        sale: levels.last().map(|top| &top.quote),
    };
    let mut kept: Vec<Candidate> = Vec::new();
    for stage in stages {
        let mut in_prefix = 0;
        for candidate in hunt.stage(&stage, trace) {
            match candidate {
                Found::Reject {
                    route,
                    status,
                    reason,
                } if kept.is_empty() => {
                    return Err(Refusal {
                        status: Some((status, reason)),
                        ..by_plan(trace, &route)
                    });
                }
                Found::Reject { .. } => return Ok(kept),
                Found::Leg(candidate) => {
                    if in_prefix >= settings.max_hops_per_prefix
                        || kept.len() >= usize::from(settings.max_hops)
                    {
                        if let Some(route) = &candidate.route {
                            drop_route(trace, call, route, "hop limit");
                        }
                        continue;
                    }
                    in_prefix += 1;
                    keep(trace, &candidate);
                    kept.push(*candidate);
                }
            }
        }
    }
    if kept.is_empty() {
        return Err(unusable(trace, numbers));
    }
    Ok(kept)
}

/// All rows dropped: if none of them had any phone registered, the callee is away; else the plan is at fault.
fn unusable(trace: &mut Trace, numbers: &Numbers) -> Refusal {
    let dropped = trace.steps.iter().filter_map(|step| match step {
        Step::Dropped { reason, .. } => Some(reason.as_str()),
        _ => None,
    });
    let reasons: Vec<&str> = dropped.collect();
    let cause = if reasons
        .iter()
        .all(|reason| *reason == NOT_REGISTERED || *reason == NOT_THAT_DEVICE)
    {
        if reasons.contains(&NOT_REGISTERED) {
            &cause::NOT_REGISTERED
        } else {
            &cause::NO_ROUTE
        }
    } else if reasons.iter().all(|reason| *reason == NO_CODEC) {
        &cause::MEDIA_UNACCEPTABLE
    } else if reasons
        .iter()
        .all(|reason| reason.starts_with(GATEWAY_DOWN))
    {
        &cause::GATEWAY_DOWN
    } else {
        &cause::ROUTES_UNUSABLE
    };
    refuse(trace, cause, format!("number {}", numbers.plan))
}

const NOT_REGISTERED: &str = "no phone is registered";
const NOT_THAT_DEVICE: &str = "no device or extension has this number";
const INBOUND_ONLY: &str = "calls in from there reach their account's phones only";
pub(super) const NO_CODEC: &str = "no codec in common";
/// How the reason begins that is given for a gateway none of whose hosts works.
pub(crate) const GATEWAY_DOWN: &str = "gateway is down";

fn by_plan(trace: &mut Trace, route: &Route) -> Refusal {
    refuse(trace, &cause::PLAN_REJECTS, format!("route {}", route.id))
}

/// Longest prefix first; within one prefix the account's own group before those it inherits from.
fn stages<'a>(call: &Call<'a>, chain: &[Arc<Account>], number: &'a str) -> Vec<Stage<'a>> {
    let directory = call.directory;
    let mut next = chain.iter().find_map(|account| account.routing_group);
    let mut stages: Vec<Stage<'a>> = Vec::new();
    for _ in 0..MAX_INHERITANCE {
        let Some(group) = next.and_then(|id| directory.groups.get(&id)) else {
            break;
        };
        let group: &'a RoutingGroup = group;
        stages.extend(group.routes.matches(number).map(|(prefix, rows)| Stage {
            group,
            prefix,
            rows,
        }));
        next = group.inherits;
    }
    stages.sort_by_key(|stage| std::cmp::Reverse(stage.prefix.len()));
    stages
}

enum Found {
    Leg(Box<Candidate>),
    Reject {
        route: Arc<Route>,
        status: u16,
        reason: String,
    },
}

pub(super) struct Hunt<'a> {
    pub call: &'a Call<'a>,
    pub account: &'a Account,
    /// Where the call may go: not everywhere where the far side made its number up.
    pub reach: InboundReach,
    pub numbers: &'a Numbers,
    /// What the operator is paid: the topmost level.
    pub sale: Option<&'a Quote>,
}

impl Hunt<'_> {
    /// The usable rows of a stage in the order to try them.
    fn stage(&self, stage: &Stage<'_>, trace: &mut Trace) -> Vec<Found> {
        let mut found = Vec::with_capacity(stage.rows.len());
        for route in stage.rows {
            match self.consider(route) {
                Ok(usable) => found.push((self.key(route, &usable), usable)),
                Err(reason) => drop_route(trace, self.call, route, &reason),
            }
        }
        let quality = |gateway: GatewayId| self.call.usage.quality(gateway);
        match stage.group.policy {
            RoutingPolicy::AsListed => order::as_listed(&mut found, self.call.facts.draw),
            RoutingPolicy::LeastCost | RoutingPolicy::Margin => order::cheapest_first(&mut found),
            RoutingPolicy::Quality => order::best_first(&mut found, quality),
        }
        found.into_iter().map(|(_, usable)| usable).collect()
    }

    fn consider(&self, route: &Arc<Route>) -> Result<Found, String> {
        if !route.enabled {
            return Err("row is disabled".to_owned());
        }
        if !route.hours.covers(self.call.facts.at) {
            return Err("outside its days and hours".to_owned());
        }
        let limit = route.limits.max_calls;
        if limit != 0 && self.call.usage.route_calls(route.id) >= limit {
            return Err(format!("row's limit of {limit} calls"));
        }
        match &route.target {
            Target::Reject { status, reason } => Ok(Found::Reject {
                route: Arc::clone(route),
                status: *status,
                reason: reason.clone(),
            }),
            Target::Gateway(id) => self.gateway(route, *id),
            Target::Upstream(id) => self.upstream(route, *id),
            Target::Account(id) => {
                let names = self
                    .call
                    .directory
                    .account_devices
                    .get(id)
                    .map_or(&[][..], Vec::as_slice);
                self.devices(route, *id, names)
            }
            Target::LocalDevice => {
                let number = route.rules.apply(RuleKey::ToGateway, &self.numbers.plan);
                let device = self
                    .call
                    .directory
                    .device_by_number(&number)
                    .ok_or(NOT_THAT_DEVICE)?;
                self.devices(
                    route,
                    device.account,
                    std::slice::from_ref(&device.username),
                )
            }
        }
    }

    fn devices(
        &self,
        route: &Arc<Route>,
        account: AccountId,
        names: &[String],
    ) -> Result<Found, String> {
        let phones = self.phones(account, names)?;
        Ok(Found::Leg(Box::new(Candidate {
            number: route.rules.apply(RuleKey::ToGateway, &phones.number),
            caller: route.rules.apply(RuleKey::Caller, &phones.caller),
            route: Some(Arc::clone(route)),
            ..phones
        })))
    }

    /// Those that are registered, by no row of the dial plan.
    pub(super) fn phones(&self, account: AccountId, names: &[String]) -> Result<Candidate, String> {
        if self.reach != InboundReach::Anywhere && account != self.account.id {
            return Err(INBOUND_ONLY.to_owned());
        }
        let called = self
            .call
            .directory
            .accounts
            .get(&account)
            .ok_or("its account does not exist")?;
        let usernames: Vec<String> = names
            .iter()
            .filter(|name| self.call.usage.is_registered(name))
            .cloned()
            .collect();
        if usernames.is_empty() {
            return Err(NOT_REGISTERED.to_owned());
        }
        let codecs = self.codecs(&called.codecs)?;
        Ok(Candidate {
            leg: LegTarget::Devices { account, usernames },
            number: self.numbers.plan.clone(),
            caller: self.numbers.caller.clone(),
            cost: None,
            media: media((self.account.media, called.media), &codecs),
            codecs,
            route: None,
        })
    }

    fn gateway(&self, route: &Arc<Route>, id: GatewayId) -> Result<Found, String> {
        let gateways = &self.call.directory.gateways;
        let gateway = gateways.get(&id).ok_or("its gateway does not exist")?;
        self.by(route, gateway)
    }

    fn upstream(&self, route: &Arc<Route>, id: UpstreamId) -> Result<Found, String> {
        let upstreams = &self.call.directory.upstreams;
        let upstream = upstreams.get(id).ok_or("its upstream does not exist")?;
        let way = upstreams.way(id).ok_or("its upstream has no gateway")?;
        if !upstream.enabled {
            return Err("upstream is disabled".to_owned());
        }
        if let Some(why) = self.call.usage.upstream_down(id) {
            return Err(format!("upstream is {why}"));
        }
        self.by(route, way)
    }

    fn by(&self, route: &Arc<Route>, gateway: &Arc<Gateway>) -> Result<Found, String> {
        if self.reach != InboundReach::Anywhere {
            return Err(INBOUND_ONLY.to_owned());
        }
        self.check_gateway(gateway)?;
        let codecs = self.codecs(&gateway.codecs)?;
        let routed = route.rules.apply(RuleKey::ToGateway, &self.numbers.plan);
        let number = gateway.rules.apply(RuleKey::ToGateway, &routed);
        if number.is_empty() {
            return Err("its rules leave no number".to_owned());
        }
        let caller = route.rules.apply(RuleKey::Caller, &self.numbers.caller);
        let cost = self.cost(gateway, route)?;
        Ok(Found::Leg(Box::new(Candidate {
            leg: LegTarget::Gateway(Arc::clone(gateway)),
            caller: gateway.rules.apply(RuleKey::Caller, &caller),
            number,
            cost,
            media: media((self.account.media, gateway.media), &codecs),
            codecs,
            route: Some(Arc::clone(route)),
        })))
    }

    /// What both sides allow, and what the switch adds to it where it may code audio anew. Refused when the
    /// caller's offer has none of it.
    fn codecs(&self, target: &[String]) -> Result<Codecs, String> {
        let (offer, account) = (&self.call.facts.codecs, &self.account.codecs);
        let own = shared(account, target);
        let fits = own.as_ref().is_none_or(|own| {
            !own.is_empty() && (offer.is_empty() || own.iter().any(|codec| offer.contains(codec)))
        });
        let (limits, usage) = (&self.call.directory.settings.media, self.call.usage);
        let coded = if limits.may_code(usage.transcoded_calls(), usage.coding_percent()) {
            (codable(account), codable(target))
        } else {
            Default::default()
        };
        let is_codable =
            |name: &String| Format::of_name(name).is_some_and(|format| coded.0.contains(&format));
        let can = !coded.1.is_empty() && (offer.is_empty() || offer.iter().any(is_codable));
        if fits || can {
            Ok(Codecs { own, coded, fits })
        } else {
            Err(NO_CODEC.to_owned())
        }
    }

    fn check_gateway(&self, gateway: &Gateway) -> Result<(), String> {
        let usage = self.call.usage;
        let Limits { max_calls, max_cps } = gateway.limits;
        if !gateway.enabled {
            Err("gateway is disabled".to_owned())
        } else if gateway.hosts.is_empty() {
            Err("gateway has no address".to_owned())
        } else if !gateway.hours.covers(self.call.facts.at) {
            Err("outside the gateway's days and hours".to_owned())
        } else if let Some(why) = usage.gateway_down(gateway.id) {
            Err(format!("{GATEWAY_DOWN} ({why})"))
        } else if max_calls != 0 && usage.gateway_calls(gateway.id) >= max_calls {
            Err(format!("gateway's limit of {max_calls} calls"))
        } else if max_cps != 0 && usage.gateway_cps(gateway.id) >= max_cps {
            Err(format!("gateway's limit of {max_cps} calls a second"))
        } else {
            Ok(())
        }
    }

    /// The terminator's price and the loss guard. Its rating number is the client's after the `TP:` rules of
    /// the row and the gateway: each sees the result before.
    fn cost(&self, gateway: &Gateway, route: &Route) -> Result<Option<Quote>, String> {
        let Some(tariff) = gateway.cost_tariff else {
            return Ok(None);
        };
        let by_row = route.rules.apply(RuleKey::Rating, &self.numbers.rating);
        let rated = gateway.rules.apply(RuleKey::Rating, &by_row);
        let cost = self
            .call
            .directory
            .tariffs
            .quote(tariff, &rated, self.call.facts.at)
            .map_err(|e| e.to_string())?;
        if self.account.loss_allowed == LossPolicy::Allow {
            return Ok(Some(cost));
        }
        let Some(sale) = self.sale else {
            return Ok(Some(cost));
        };
        let price = self
            .in_sale_currency(&cost)
            .map_err(|error| format!("loss guard: {error}"))?;
        if price > sale.price_per_minute {
            return Err(format!(
                "loss guard: costs {} {}, sells at {} {}",
                cost.price_per_minute, cost.currency, sale.price_per_minute, sale.currency
            ));
        }
        Ok(Some(cost))
    }

    /// A cost per minute as it compares with the sale's, at the ratios of now.
    fn in_sale_currency(&self, cost: &Quote) -> Result<Decimal, ExchangeError> {
        let price = cost.price_per_minute;
        match self.sale {
            None => Ok(price),
            Some(sale) => self.call.directory.ratios.price(
                price,
                cost.currency,
                sale.currency,
                self.call.facts.at,
            ),
        }
    }

    /// A cost that cannot be compared counts as the dearest.
    fn key(&self, route: &Route, found: &Found) -> order::Key {
        let price = |cost: &Quote| self.in_sale_currency(cost).unwrap_or(Decimal::MAX);
        let (gateway, price) = match found {
            Found::Leg(candidate) => match &candidate.leg {
                LegTarget::Gateway(gateway) => {
                    (Some(gateway.id), candidate.cost.as_ref().map(price))
                }
                LegTarget::Devices { .. } => (None, None),
            },
            Found::Reject { .. } => (None, None),
        };
        order::Key::of(route, gateway, price)
    }
}

/// Direct where both sides allow it, unless their audio has to be coded anew.
fn media((a, b): (MediaMode, MediaMode), codecs: &Codecs) -> MediaMode {
    if a == MediaMode::Direct && b == MediaMode::Direct && codecs.fits {
        MediaMode::Direct
    } else {
        MediaMode::Relay
    }
}

/// What both sides allow, in the account's order; None without lists: everything.
fn shared(account: &[String], target: &[String]) -> Option<Vec<String>> {
    match (account.is_empty(), target.is_empty()) {
        (true, true) => None,
        (false, true) => Some(account.to_vec()),
        (true, false) => Some(target.to_vec()),
        (false, false) => {
            let both = account.iter().filter(|codec| target.contains(codec));
            Some(both.cloned().collect())
        }
    }
}

/// What the switch can code among the codecs of a list, in its order.
fn codable(list: &[String]) -> Vec<Format> {
    if list.is_empty() {
        return Format::ALL.to_vec();
    }
    list.iter()
        .filter_map(|name| Format::of_name(name))
        .collect()
}

pub(super) fn keep(trace: &mut Trace, candidate: &Candidate) {
    let route = candidate.route.as_deref();
    let target = match &candidate.leg {
        LegTarget::Gateway(gateway) => gateway.name.clone(),
        LegTarget::Devices { usernames, .. } => usernames.join(", "),
    };
    trace.steps.push(Step::Kept {
        route: route.map(|route| route.id),
        target,
        prefix: route.map(|route| route.prefix.clone()).unwrap_or_default(),
        priority: route.map_or(0, |route| route.priority),
        number: candidate.number.clone(),
        cost_per_minute: candidate.cost.as_ref().map(|quote| quote.price_per_minute),
    });
}

fn drop_route(trace: &mut Trace, call: &Call<'_>, route: &Route, reason: &str) {
    trace.steps.push(Step::Dropped {
        route: route.id,
        target: call.directory.target_name(&route.target),
        prefix: route.prefix.clone(),
        priority: route.priority,
        reason: reason.to_owned(),
    });
}
