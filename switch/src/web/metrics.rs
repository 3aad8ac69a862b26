//! The figures as Prometheus and OpenMetrics read them.

use crate::rpc::Api;
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};
use tandem_call::monitor::{GatewayState, Totals, UpstreamState};

/// Of the text.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The figures of now.
///
/// # Errors
/// The core does not answer.
pub async fn text(api: &Api) -> Result<String, String> {
    let (totals, gateways, upstreams) = api.figures().await.map_err(|e| e.to_string())?;
    let mut registry = Registry::with_prefix("tandem");
    gauges(&mut registry, &totals);
    counters(&mut registry, &totals);
    by_gateway(&mut registry, &gateways);
    by_upstream(&mut registry, &upstreams);
    let mut text = String::new();
    encode(&mut text, &registry).map_err(|e| e.to_string())?;
    Ok(text)
}

fn gauges(registry: &mut Registry, totals: &Totals) {
    for (name, help, value) in [
        ("calls", "Open calls", totals.calls),
        ("calls_ringing", "Calls ringing", totals.ringing),
        (
            "calls_connected",
            "Calls answered and open",
            totals.connected,
        ),
        ("registrations", "Registered phones", totals.registrations),
        (
            "blocked_sources",
            "Sources that the guard blocks",
            totals.guarded.blocked_sources,
        ),
        (
            "coding_percent",
            "Percent of one processor core that coding audio anew takes",
            totals.coding_percent,
        ),
    ] {
        let gauge: Gauge = Gauge::default();
        gauge.set(i64::from(value));
        registry.register(name, help, gauge);
    }
}

fn counters(registry: &mut Registry, totals: &Totals) {
    for (name, help, value) in [
        ("calls_attempted", "Calls attempted", totals.attempts),
        ("calls_answered", "Calls answered", totals.answered),
        ("calls_refused", "Calls refused", totals.refused),
        (
            "requests_challenged",
            "INVITEs and REGISTERs answered with a challenge",
            totals.challenged,
        ),
        (
            "answered_milliseconds",
            "Milliseconds of answered calls",
            totals.answered_ms,
        ),
        (
            "pdd_milliseconds",
            "Sum of post-dial delays",
            totals.pdd_ms_sum,
        ),
        (
            "sip_messages_received",
            "SIP messages in",
            totals.messages_in,
        ),
        ("sip_messages_sent", "SIP messages out", totals.messages_out),
        (
            "sip_messages_rejected",
            "SIP messages answered as malformed",
            totals.rejected,
        ),
        (
            "sip_messages_dropped",
            "SIP messages dropped",
            totals.dropped,
        ),
        (
            "sip_messages_ignored",
            "SIP messages of blocked or slowed sources, dropped unread",
            totals.guarded.ignored,
        ),
        (
            "sources_blocked",
            "Blocks that the guard began",
            totals.guarded.blocks,
        ),
        (
            "secrets_tried",
            "Secrets of phones that were compared, right and wrong",
            totals.guarded.secrets_tried,
        ),
        (
            "calls_one_way",
            "Answered calls where only one side was heard",
            totals.one_way,
        ),
        (
            "calls_transcoded",
            "Calls whose audio was coded anew",
            totals.transcoded,
        ),
    ] {
        let counter: Counter = Counter::default();
        counter.inc_by(value);
        registry.register(name, help, counter);
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfGateway {
    gateway: String,
}

fn by_gateway(registry: &mut Registry, gateways: &[GatewayState]) {
    let open = Family::<OfGateway, Gauge>::default();
    let up = Family::<OfGateway, Gauge>::default();
    let hosts_up = Family::<OfGateway, Gauge>::default();
    let [attempts, answered, failed] = [(); 3].map(|()| Family::<OfGateway, Counter>::default());
    for state in gateways {
        let label = OfGateway {
            gateway: state.name.clone(),
        };
        open.get_or_create(&label).set(i64::from(state.calls));
        let health = &state.health;
        let is_up = health.enabled && health.down_since.is_none();
        up.get_or_create(&label).set(i64::from(is_up));
        let working = health.hosts.iter().filter(|host| host.down_since.is_none());
        let working = i64::try_from(working.count()).unwrap_or(i64::MAX);
        hosts_up.get_or_create(&label).set(working);
        for (family, value) in [
            (&attempts, state.attempts),
            (&answered, state.answered),
            (&failed, state.failed),
        ] {
            family.get_or_create(&label).inc_by(value);
        }
    }
    registry.register("gateway_calls", "Open calls by gateway", open);
    registry.register("gateway_up", "Whether a gateway takes calls", up);
    registry.register("gateway_hosts_up", "Hosts of a gateway that work", hosts_up);
    registry.register("gateway_attempts", "Calls sent by gateway", attempts);
    registry.register("gateway_answered", "Calls answered by gateway", answered);
    registry.register("gateway_failed", "Calls failed by gateway", failed);
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfUpstream {
    upstream: String,
}

fn by_upstream(registry: &mut Registry, upstreams: &[UpstreamState]) {
    let registered = Family::<OfUpstream, Gauge>::default();
    for state in upstreams {
        let label = OfUpstream {
            upstream: state.name.clone(),
        };
        let holds = i64::from(state.registered_until.is_some());
        registered.get_or_create(&label).set(holds);
    }
    registry.register(
        "upstream_registered",
        "Whether an upstream registration holds",
        registered,
    );
}

#[cfg(test)]
mod tests {
    use super::{GatewayState, Registry, Totals, by_gateway, counters, encode, gauges};
    use tandem_call::monitor::GatewayHealth;

    #[test]
    fn figures_print_with_their_types_and_labels() {
        let totals = Totals {
            calls: 3,
            attempts: 7,
            ..Totals::default()
        };
        let gateway = GatewayState {
            gateway: tandem_billing::GatewayId(1),
            name: "a \"b\"".into(),
            calls: 2,
            attempts: 5,
            answered: 4,
            failed: 1,
            answered_ms: 0,
            pdd_ms_sum: 0,
            health: GatewayHealth {
                enabled: true,
                ..GatewayHealth::default()
            },
        };
        let mut registry = Registry::with_prefix("tandem");
        gauges(&mut registry, &totals);
        counters(&mut registry, &totals);
        by_gateway(&mut registry, &[gateway]);
        let mut text = String::new();
        encode(&mut text, &registry).expect("prints");
        for line in [
            "# TYPE tandem_calls gauge",
            "tandem_calls 3",
            "tandem_calls_attempted_total 7",
            "tandem_gateway_up{gateway=\"a \\\"b\\\"\"} 1",
            "tandem_gateway_calls{gateway=\"a \\\"b\\\"\"} 2",
        ] {
            assert!(text.lines().any(|l| l == line), "{line} in\n{text}");
        }
    }
}
