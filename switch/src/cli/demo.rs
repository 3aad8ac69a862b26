//! `demo`: a sample operator whose phones place real calls, so that a newcomer sees money move.

use super::{Failure, Place, run, say};
use crate::{
    config::{Config, ListenConfig, ListenTransport},
    daemon::Daemon,
    demo::{Gateways, Running},
    engine::utc_now,
};
use clap::Args;
use signal_hook::{
    consts::{SIGINT, SIGTERM},
    iterator::Signals,
};
use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket},
    path::PathBuf,
    process::ExitCode,
    sync::mpsc::{Receiver, channel},
    time::Duration,
};
use tandem_billing::{CallId, Micros, UtcMs};
use tandem_call::io::{Command, Reply};
use tandem_store::{
    List, ListQuery, Scope,
    query::{CdrRow, Op, Order},
    sample,
};

#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    /// End by itself after so many seconds; 0 runs until interrupted.
    #[arg(long, default_value_t = 0)]
    seconds: u64,
}

/// Log-in and phone password of the sample operator: it lives on loopback and for one run only.
const PASSWORD: &str = "demo-demo";
/// What the phones dial besides each other: three in the sample's tariffs, one that has no route.
const NUMBERS: [&str; 5] = [
    "442079460123",
    "4915112345678",
    "14155550123",
    "33142685300",
    "99900",
];

pub(super) fn run(place: &Place, args: &DemoArgs) -> Result<ExitCode, Failure> {
    let folder = Folder::of(place)?;
    let config = config(&folder)?;
    run::start_log(&Config {
        log: crate::config::LogConfig {
            filter: "warn".into(),
        },
        ..config.clone()
    })?;
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let daemon = Daemon::start(&config)?;
    let gateways = Gateways::bind()?;
    let sample = load(&daemon, &gateways)?;
    let switch = *daemon.sip().first().ok_or("no SIP listener")?;
    say(format_args!(
        "the switch listens on {switch} (SIP); data in {}",
        config.data.display()
    ));
    if let Some(server) = daemon.rpc() {
        say(format_args!("managers connect to {}", server.address()));
        say(format_args!("certificate sha256 {}", server.fingerprint()));
    }
    say(format_args!(
        "log-in \"{}\" with password {}",
        sample.admin.0, sample.admin.1
    ));
    for (user, password) in &sample.devices {
        say(format_args!("phone {user}, password {password}"));
    }
    say("phones register and call each other and out; Ctrl-C ends the demo\n");
    let running = Running::start(gateways, &sample.devices, &NUMBERS, switch)?;
    let handle = signals.handle();
    let (stop, stopped) = channel();
    let waiting = std::thread::spawn(move || {
        if signals.forever().next().is_some() {
            // The other end is gone only when the demo ends anyhow.
            let _ = stop.send(());
        }
    });
    watch(&daemon, &stopped, args.seconds)?;
    handle.close();
    // It ends with its signals; it cannot panic.
    let _ = waiting.join();
    running.stop();
    daemon.drain(2);
    Ok(ExitCode::SUCCESS)
}

/// A folder for one run, deleted at its end; one that was named is kept.
struct Folder {
    path: PathBuf,
    temporary: Option<tempfile::TempDir>,
}

impl Folder {
    fn of(place: &Place) -> Result<Self, Failure> {
        if let Some(path) = &place.data {
            if path.exists() && path.read_dir()?.next().is_some() {
                let path = path.display();
                return Err(format!(
                    "{path} is not empty; the demo makes an operator of its own: name a new folder"
                )
                .into());
            }
            return Ok(Self {
                path: path.clone(),
                temporary: None,
            });
        }
        let temporary = tempfile::Builder::new().prefix("tandem-demo-").tempdir()?;
        Ok(Self {
            path: temporary.path().to_owned(),
            temporary: Some(temporary),
        })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if let Some(temporary) = self.temporary.take()
            && let Err(error) = temporary.close()
        {
            tracing::warn!(%error, "the demo's folder cannot be removed");
        }
    }
}

/// Loopback only; the usual ports if they are free.
fn config(folder: &Folder) -> std::io::Result<Config> {
    let usual = SocketAddr::from((Ipv4Addr::LOCALHOST, 5060));
    let free = UdpSocket::bind(usual).is_ok() && TcpListener::bind(usual).is_ok();
    let sip = if free {
        usual
    } else {
        (Ipv4Addr::LOCALHOST, 0).into()
    };
    let rpc = SocketAddr::from((Ipv4Addr::LOCALHOST, 7443));
    let rpc = if TcpListener::bind(rpc).is_ok() {
        rpc
    } else {
        (Ipv4Addr::LOCALHOST, 0).into()
    };
    let listen = |transport| ListenConfig {
        transport,
        address: sip,
        advertised: None,
    };
    let mut config = Config {
        data: folder.path.clone(),
        ..Config::default()
    };
    config.listen = vec![listen(ListenTransport::Udp), listen(ListenTransport::Tcp)];
    config.rpc.address = rpc;
    Ok(config)
}

fn load(daemon: &Daemon, gateways: &Gateways) -> Result<sample::Sample, Failure> {
    let store = daemon.store().ok_or("the store is closed")?;
    let hosts: Vec<String> = gateways
        .addresses()
        .iter()
        .map(ToString::to_string)
        .collect();
    let [one, two, three] = &hosts[..] else {
        return Err("three gateways are expected".into());
    };
    let sample = sample::load(&store.writer(), [one, two, three], PASSWORD, utc_now())?;
    for movement in sample.payments.clone() {
        let (done, posted) = channel();
        daemon.inbox().ask(Command::Post(movement), move |reply| {
            let _ = done.send(reply);
        });
        match posted.recv()? {
            Reply::Posted(Ok(_)) | Reply::Repeated => {}
            reply => return Err(format!("a sample payment was refused: {reply:?}").into()),
        }
    }
    Ok(sample)
}

/// How often new CDRs are looked for, and how much later than its end one may become durable.
const LOOK_EVERY: Duration = Duration::from_millis(250);
const LATE_MS: i64 = 5_000;

/// Prints each call as it ends, with what it cost, until told to stop.
fn watch(daemon: &Daemon, stopped: &Receiver<()>, seconds: u64) -> Result<(), Failure> {
    let begun = std::time::Instant::now();
    let reader = daemon.store().ok_or("the store is closed")?.reader();
    let mut printed: BTreeMap<CallId, UtcMs> = BTreeMap::new();
    while stopped.recv_timeout(LOOK_EVERY).is_err() {
        if seconds != 0 && begun.elapsed() >= Duration::from_secs(seconds) {
            return Ok(());
        }
        let since = utc_now().plus_ms(-LATE_MS);
        printed.retain(|_, ended_at| *ended_at >= since);
        let query = ListQuery::all(Scope::All)
            .filter("ended_at", Op::Ge, since.0)
            .sort("ended_at", Order::Ascending);
        for row in reader.rows::<CdrRow>(List::Cdr, &query)?.rows {
            if printed.insert(row.call_id, row.times.ended_at).is_some() {
                continue;
            }
            if let Some(detail) = reader.cdr(row.call_id, Scope::All)? {
                say(line(&detail));
            }
        }
    }
    Ok(())
}

fn line(detail: &tandem_store::query::CdrDetail) -> String {
    let cdr = &detail.cdr;
    let talked = cdr.times.duration_ms / 1_000;
    let charges: Vec<String> = detail
        .charges
        .iter()
        .map(|level| format!("{} {}", level.charge, level.currency))
        .collect();
    let cost = detail.cost.as_ref().map_or(Micros::ZERO, |cost| cost.cost);
    let paid = if charges.is_empty() {
        String::new()
    } else {
        format!(", charged {}, cost {cost}", charges.join(" / "))
    };
    format!(
        "{:>12} -> {:<15} {talked:>3} s  {}{paid}",
        cdr.numbers.caller, cdr.numbers.dialled, cdr.cause
    )
}
