//! A sample operator with phones and terminators that place real calls over real sockets.
//!
//! Nothing in the switch knows of it: the phones register and call like any other, on loopback only.

mod agent;
mod audio;
mod gateway;
mod phone;
pub(crate) mod sounds;

use agent::Agent;
use gateway::Manners;
use phone::{Phone, Settings};
use rand::TryRng;
use std::{
    io::{Error, Result},
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};
use tandem_store::sample::SamplePhone;

/// Tells every thread of the demo to end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}

/// Terminators that listen already: their addresses go into the sample operator's gateways.
pub(crate) struct Gateways {
    agents: Vec<Agent>,
    addresses: Vec<SocketAddr>,
}

/// Percentages that make the live view interesting: a good, a mixed and a bad terminator.
const MANNERS: [Manners; 3] = [
    Manners {
        busy: 4,
        unavailable: 2,
    },
    Manners {
        busy: 10,
        unavailable: 15,
    },
    Manners {
        busy: 5,
        unavailable: 45,
    },
];

impl Gateways {
    /// Binds three of them on loopback.
    pub(crate) fn bind() -> Result<Self> {
        let agents = (0..MANNERS.len())
            .map(|_| Agent::new("gateway", seed()?))
            .collect::<Result<Vec<_>>>()?;
        let addresses = agents
            .iter()
            .map(Agent::local)
            .collect::<Result<Vec<_>>>()?;
        Ok(Self { agents, addresses })
    }

    /// In the order of the sample's gateways.
    pub(crate) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }
}

/// Everything of the demo that runs.
pub(crate) struct Running {
    stop: Stop,
    threads: Vec<JoinHandle<()>>,
}

impl Running {
    /// Starts terminators and phones. Every phone dials `numbers`, the extension of the next phone and the name
    /// of the one after it.
    pub(crate) fn start(
        gateways: Gateways,
        phones: &[SamplePhone],
        numbers: &[&str],
        switch: SocketAddr,
    ) -> Result<Self> {
        let stop = Stop::default();
        let mut threads = Vec::new();
        for (agent, manners) in gateways.agents.into_iter().zip(MANNERS) {
            let own = stop.clone();
            threads.push(spawn("demo gateway", move || {
                gateway::run(agent, manners, &own)
            })?);
        }
        for (at, one) in phones.iter().enumerate() {
            let agent = Agent::new(&one.username, seed()?)?;
            let other = |distance| {
                let other = (at + distance) % phones.len();
                phones.get(other).filter(|_| other != at)
            };
            let own = other(1).map(|next| next.extension.clone());
            let numbers = numbers
                .iter()
                .map(|number| (*number).to_owned())
                .chain(own)
                .chain(other(2).map(|next| next.username.clone()))
                .collect();
            let settings = Settings {
                user: one.username.clone(),
                password: one.password.clone(),
                switch,
                numbers,
                first: at,
            };
            let phone = Phone::new(agent, settings);
            let own = stop.clone();
            threads.push(spawn("demo phone", move || phone.run(&own))?);
        }
        Ok(Self { stop, threads })
    }

    /// Hangs up and ends every thread.
    pub(crate) fn stop(self) {
        self.stop.0.store(true, Ordering::Release);
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a thread of the demo had panicked");
            }
        }
    }
}

fn spawn(name: &str, run: impl FnOnce() -> Result<()> + Send + 'static) -> Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name(name.into())
        .spawn(move || {
            if let Err(error) = run() {
                tracing::error!(%error, "a part of the demo has ended");
            }
        })
}

fn seed() -> Result<[u8; 32]> {
    let mut seed = [0; 32];
    rand::rngs::SysRng
        .try_fill_bytes(&mut seed)
        .map_err(|error| Error::other(error.to_string()))?;
    Ok(seed)
}
