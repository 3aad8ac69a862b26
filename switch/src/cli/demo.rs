//! `demo`: a sample operator whose phones place real calls, so that a newcomer sees money move.

mod show;

use super::{Failure, Place, log::Log};
use crate::{
    config::{Config, ListenConfig, ListenTransport, LogConfig},
    daemon::Daemon,
    demo::{Gateways, Running, sounds},
    engine::utc_now,
};
use clap::Args;
use serde_json::json;
use show::Show;
use signal_hook::{
    consts::{SIGINT, SIGTERM},
    iterator::Signals,
};
use std::{
    net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket},
    path::PathBuf,
    process::ExitCode,
    sync::mpsc::{Receiver, channel},
    time::{Duration, Instant},
};
use tandem_call::io::{Command, Reply};
use tandem_store::{
    Actor, Edit, List, ListQuery, Scope,
    query::Op,
    record::{Resource, Setting},
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
    Log::start(&LogConfig {
        filter: "warn".into(),
    })?;
    let mut signals = Signals::new([SIGINT, SIGTERM])?;
    let daemon = Daemon::start(&config)?;
    let gateways = Gateways::bind()?;
    let sample = load(&daemon, &gateways)?;
    make_audible(&daemon, &config)?;
    let switch = *daemon.sip().first().ok_or("no SIP listener")?;
    show::doors(&daemon, &config, &sample, switch);
    let running = Running::start(gateways, &sample.phones, &NUMBERS, switch)?;
    let handle = signals.handle();
    let (stop, stopped) = channel();
    let waiting = std::thread::spawn(move || {
        if signals.forever().next().is_some() {
            // The other end is gone only when the demo ends anyhow.
            let _ = stop.send(());
        }
    });
    let mut show = Show::new(daemon.store().ok_or("the store is closed")?.reader());
    watch(&mut show, &stopped, args.seconds)?;
    handle.close();
    // It ends with its signals; it cannot panic.
    let _ = waiting.join();
    running.stop();
    daemon.drain(2);
    show.calls(utc_now())?;
    show.sums()?;
    show::books(&config)?;
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

/// Music on hold and announcements, as an operator would put them into the folder and set them.
fn make_audible(daemon: &Daemon, config: &Config) -> Result<(), Failure> {
    sounds::write(&config.sounds())?;
    let store = daemon.store().ok_or("the store is closed")?;
    for (key, value) in [
        ("music_on_hold", json!(sounds::MUSIC)),
        ("announcements", json!(sounds::ANNOUNCEMENTS)),
        ("money_warning_s", json!(10)),
    ] {
        let query = ListQuery::all(Scope::All).filter("key", Op::Eq, key);
        let found = store
            .reader()
            .rows::<Setting>(List::Of(Resource::Setting), &query)?;
        let mut setting = found
            .rows
            .into_iter()
            .next()
            .ok_or("a setting is missing")?;
        setting.value = value;
        let edit = Edit::update(Actor::system("sample"), utc_now(), &setting);
        store.writer().edit(edit)?;
    }
    Ok(())
}

/// How often ended calls are looked for, and sums are told.
const LOOK_EVERY: Duration = Duration::from_millis(250);
const SUM_EVERY: Duration = Duration::from_secs(20);

/// Prints each call as it ends, with what it cost, until told to stop.
fn watch(show: &mut Show, stopped: &Receiver<()>, seconds: u64) -> Result<(), Failure> {
    let begun = Instant::now();
    let mut summed = begun;
    while stopped.recv_timeout(LOOK_EVERY).is_err() {
        if seconds != 0 && begun.elapsed() >= Duration::from_secs(seconds) {
            break;
        }
        show.calls(utc_now())?;
        if summed.elapsed() >= SUM_EVERY {
            summed = Instant::now();
            show.sums()?;
        }
    }
    Ok(())
}
