//! One name looked up as RFC 3263 section 4 says: NAPTR, then SRV, then addresses; with a port, addresses alone.

use super::{MAX_TTL, MIN_TTL};
use hickory_resolver::{
    TokioResolver,
    config::{ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolverConfig},
    net::runtime::TokioRuntimeProvider,
    proto::rr::{RData, RecordType, rdata::SRV},
};
use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};
use tandem_sip::Transport;
use tandem_store::{Found, Wanted};

/// For one question to one server.
const QUESTION: Duration = Duration::from_secs(3);
/// SRV records and their addresses taken of one name: a carrier has a dozen.
const MAX_TARGETS: usize = 32;

/// What a name leads to.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) found: Vec<Found>,
    pub(super) valid_until: Instant,
}

/// Asks `servers`, or the system's.
pub(super) fn resolver(servers: &[SocketAddr]) -> Result<TokioResolver, String> {
    let mut builder = if servers.is_empty() {
        TokioResolver::builder_tokio().map_err(|error| error.to_string())?
    } else {
        let servers = servers.iter().map(|server| {
            let port = |mut connection: ConnectionConfig| {
                connection.port = server.port();
                connection
            };
            let both = vec![port(ConnectionConfig::udp()), port(ConnectionConfig::tcp())];
            NameServerConfig::new(server.ip(), true, both)
        });
        let config = ResolverConfig::from_parts(None, Vec::new(), servers.collect());
        TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
    };
    let options = builder.options_mut();
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    options.timeout = QUESTION;
    options.positive_min_ttl = Some(MIN_TTL);
    options.positive_max_ttl = Some(MAX_TTL);
    options.negative_max_ttl = Some(MIN_TTL);
    builder.build().map_err(|error| error.to_string())
}

/// Addresses of a gateway's host.
///
/// # Errors
/// Why there are none.
pub(super) async fn find(dns: &TokioResolver, wanted: &Wanted) -> Result<Answer, String> {
    if wanted.port != 0 {
        return addresses(dns, &wanted.host, wanted.port).await;
    }
    let mut services = by_naptr(dns, wanted).await;
    if services.is_empty() {
        services.push(format!("{}.{}", srv_prefix(wanted.transport), wanted.host));
    }
    for service in services {
        if let Some(answer) = by_srv(dns, &service).await {
            return Ok(answer);
        }
    }
    addresses(dns, &wanted.host, default_port(wanted.transport)).await
}

fn srv_prefix(transport: Transport) -> &'static str {
    match transport {
        Transport::Udp => "_sip._udp",
        Transport::Tcp | Transport::Ws => "_sip._tcp",
        Transport::Tls | Transport::Wss => "_sips._tcp",
    }
}

fn naptr_service(transport: Transport) -> &'static str {
    match transport {
        Transport::Udp => "SIP+D2U",
        Transport::Tcp | Transport::Ws => "SIP+D2T",
        Transport::Tls | Transport::Wss => "SIPS+D2T",
    }
}

fn default_port(transport: Transport) -> u16 {
    match transport {
        Transport::Udp | Transport::Tcp | Transport::Ws => 5060,
        Transport::Tls | Transport::Wss => 5061,
    }
}

/// The SRV names that NAPTR gives for the gateway's transport, in order.
async fn by_naptr(dns: &TokioResolver, wanted: &Wanted) -> Vec<String> {
    let Ok(found) = dns.lookup(absolute(&wanted.host), RecordType::NAPTR).await else {
        return Vec::new();
    };
    let service = naptr_service(wanted.transport).as_bytes();
    let mut fitting: Vec<(u16, u16, String)> = found
        .answers()
        .iter()
        .filter_map(|record| match &record.data {
            RData::NAPTR(naptr)
                if naptr.flags.eq_ignore_ascii_case(b"s")
                    && naptr.services.eq_ignore_ascii_case(service) =>
            {
                Some((naptr.order, naptr.preference, naptr.replacement.to_utf8()))
            }
            _ => None,
        })
        .take(MAX_TARGETS)
        .collect();
    fitting.sort();
    fitting.into_iter().map(|(_, _, name)| name).collect()
}

async fn by_srv(dns: &TokioResolver, service: &str) -> Option<Answer> {
    let records = dns.srv_lookup(absolute(service)).await.ok()?;
    let mut answer = Answer {
        found: Vec::new(),
        valid_until: records.valid_until(),
    };
    let targets = records
        .answers()
        .iter()
        .filter_map(|record| match &record.data {
            RData::SRV(srv) if !srv.target.is_root() => Some(srv),
            _ => None,
        });
    for srv in targets.take(MAX_TARGETS) {
        let SRV {
            priority,
            weight,
            port,
            ref target,
            ..
        } = *srv;
        // A target without an address is passed over: the others may do.
        let Ok(of_target) = addresses(dns, &target.to_utf8(), port).await else {
            continue;
        };
        answer.valid_until = answer.valid_until.min(of_target.valid_until);
        answer
            .found
            .extend(of_target.found.into_iter().map(|found| Found {
                priority,
                weight: Some(weight),
                ..found
            }));
    }
    (!answer.found.is_empty()).then_some(answer)
}

async fn addresses(dns: &TokioResolver, host: &str, port: u16) -> Result<Answer, String> {
    let found = dns
        .lookup_ip(host)
        .await
        .map_err(|error| error.to_string())?;
    let answer = Answer {
        found: found
            .iter()
            .take(MAX_TARGETS)
            .map(|ip| Found {
                address: SocketAddr::new(ip, port),
                priority: 0,
                weight: None,
            })
            .collect(),
        valid_until: found.valid_until(),
    };
    if answer.found.is_empty() {
        return Err("it has no address".to_owned());
    }
    Ok(answer)
}

/// Services are never searched for in the machine's own domain.
fn absolute(name: &str) -> String {
    format!("{}.", name.trim_end_matches('.'))
}
