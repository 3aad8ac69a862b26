//! One relay thread: waits for its sockets and its inbox, passes packets on, and looks round once a second.
//!
//! Sockets are polled level-triggered and give one datagram per wake-up, so no call to the kernel is spent on
//! finding a socket empty, and a flooded one cannot starve the others. Under load the thread rests for a tick
//! between wake-ups: many sockets are then ready at once, and waking up is what costs most.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use tandem_sdp::{RecordingOrder, RelayCommand, RelayId, RelayReport, Side, Sound, relay::Left};

use crate::Micros;
use crate::bridge::{Bridge, Passed, Target};
use crate::certificate::Certificates;
use crate::config::RelayConfig;
use crate::convert::{Packets, Source};
use crate::gate::Channel;
use crate::inbox::Inbox;
use crate::ports::PortPool;
use crate::record::{Recorder, Tap};
use crate::sounds::Library;
use crate::wrap::Transport;

/// Longer datagrams are no audio.
const DATAGRAM_BYTES: usize = 2_048;
/// Sockets served per wake-up.
const BATCH: usize = 512;
/// How often calls are looked at for silence and progress.
const ROUND_US: Micros = 1_000_000;
/// The rest between wake-ups under load: packets that come one by one cost 8 us each with it and 11 to 12 without;
/// it adds 0.4 ms to the median delay, and a longer one saves nothing more.
const TICK: Duration = Duration::from_micros(500);
/// Sockets ready at one wake-up that make resting pointless, or say that the thread is behind.
const RESTLESS: usize = 48;
/// Over this window the load is measured,
const WINDOW_US: Micros = 100_000;
/// and this many packets in it make it a load: 2,000 a second, 20 calls.
const WINDOW_PACKETS: u32 = 200;
/// The inbox's bell among the sockets' marks.
const BELL: u64 = u64::MAX;

/// Takes reports, from any thread.
pub(crate) type Report = dyn Fn(RelayReport) + Send + Sync;

/// What all threads of a relay share.
pub(crate) struct Shared {
    pub(crate) config: RelayConfig,
    pub(crate) began: Instant,
    pub(crate) pool: Mutex<PortPool>,
    pub(crate) report: Arc<Report>,
    pub(crate) totals: Totals,
    pub(crate) certificates: Arc<Certificates>,
    pub(crate) recorder: Option<Recorder>,
    pub(crate) sounds: Library,
}

/// See [`RelayStats`](crate::RelayStats).
#[derive(Debug, Default)]
pub(crate) struct Totals {
    pub(crate) open: AtomicU64,
    pub(crate) unknown: AtomicU64,
    pub(crate) relayed: AtomicU64,
    pub(crate) unsent: AtomicU64,
    pub(crate) coding_us: AtomicU64,
    /// Of one core, the last round's shares of all threads.
    pub(crate) coding_permille: AtomicU32,
}

pub(crate) struct Worker {
    shared: Arc<Shared>,
    inbox: Arc<Inbox>,
    epoll: OwnedFd,
    bridges: Vec<Option<Bridge>>,
    vacant: Vec<usize>,
    slots: HashMap<RelayId, usize>,
    buffer: Box<[u8]>,
    packets: Packets,
    /// Calls with something to send by the clock, and when the first of it is due.
    pacing: Vec<usize>,
    pace_at_us: Micros,
    load: Load,
    coding: Coding,
}

/// What coding audio costs this thread.
#[derive(Debug, Default)]
struct Coding {
    /// Since the last round.
    spent: Duration,
    round_us: Micros,
    /// As the totals have it.
    permille: u32,
}

impl Coding {
    /// A round is over: the totals learn this thread's share.
    fn settle(&mut self, totals: &Totals, now_us: Micros) {
        let spent_us = u64::try_from(self.spent.as_micros()).unwrap_or(u64::MAX);
        let round_us = now_us.saturating_sub(self.round_us).max(1);
        let permille = u32::try_from(spent_us.saturating_mul(1_000) / round_us).unwrap_or(u32::MAX);
        let change = permille.wrapping_sub(self.permille);
        totals.coding_us.fetch_add(spent_us, Ordering::Relaxed);
        totals.coding_permille.fetch_add(change, Ordering::Relaxed);
        *self = Self {
            spent: Duration::ZERO,
            round_us: now_us,
            permille,
        };
    }
}

/// Whether so much passes that resting between wake-ups pays.
#[derive(Debug, Default)]
struct Load {
    window_from_us: Micros,
    packets: u32,
    heavy: bool,
}

impl Load {
    fn note(&mut self, packets: u32, now_us: Micros) {
        self.packets = self.packets.saturating_add(packets);
        if now_us.saturating_sub(self.window_from_us) >= WINDOW_US {
            self.heavy = self.packets >= WINDOW_PACKETS;
            self.packets = 0;
            self.window_from_us = now_us;
        }
    }
}

impl Worker {
    pub(crate) fn new(shared: Arc<Shared>, inbox: Arc<Inbox>) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        epoll::add(
            &epoll,
            &inbox.bell,
            epoll::EventData::new_u64(BELL),
            epoll::EventFlags::IN,
        )?;
        Ok(Self {
            shared,
            inbox,
            epoll,
            bridges: Vec::new(),
            vacant: Vec::new(),
            slots: HashMap::new(),
            buffer: vec![0; DATAGRAM_BYTES].into(),
            packets: Packets::new(),
            pacing: Vec::new(),
            pace_at_us: Micros::MAX,
            load: Load::default(),
            coding: Coding::default(),
        })
    }

    /// Runs until the inbox is stopped; the sockets close with it.
    pub(crate) fn run(mut self) {
        let mut orders = VecDeque::new();
        let mut events = Vec::with_capacity(BATCH);
        let mut round_at_us = ROUND_US;
        while !self.inbox.is_stopped() {
            events.clear();
            self.wait(&mut events, round_at_us.min(self.pace_at_us));
            let now_us = self.now_us();
            let mut relayed = 0;
            // Orders first: one that was given before a packet came holds for it.
            if events.iter().any(|event| event.data.u64() == BELL) {
                self.serve(&mut orders, now_us);
            }
            for mark in events.iter().map(|event| event.data.u64()) {
                if mark != BELL {
                    relayed += self.pass(mark, now_us);
                }
            }
            if now_us >= self.pace_at_us {
                relayed += self.pace(now_us);
            }
            self.load.note(relayed, now_us);
            if now_us >= round_at_us {
                self.look_round(now_us);
                round_at_us = now_us + ROUND_US;
            }
            if self.load.heavy && events.len() < RESTLESS {
                std::thread::sleep(TICK);
            }
        }
    }

    fn now_us(&self) -> Micros {
        Micros::try_from(self.shared.began.elapsed().as_micros()).unwrap_or(Micros::MAX)
    }

    fn wait(&self, events: &mut Vec<epoll::Event>, until_us: Micros) {
        let wait_us = until_us.saturating_sub(self.now_us()).min(ROUND_US);
        let timeout = Timespec {
            tv_sec: 0,
            tv_nsec: i64::try_from(wait_us * 1_000).unwrap_or(0).min(999_999_999),
        };
        // Interrupted by a signal: nothing is ready, and the loop comes back.
        let _ = epoll::wait(&self.epoll, spare_capacity(events), Some(&timeout));
    }

    fn serve(&mut self, orders: &mut VecDeque<RelayCommand>, now_us: Micros) {
        self.inbox.silence_bell();
        self.inbox.take_all(orders);
        for order in orders.drain(..) {
            self.carry_out(order, now_us);
        }
    }

    fn carry_out(&mut self, order: RelayCommand, now_us: Micros) {
        let id = order.id();
        if let RelayCommand::Open {
            a_local, b_local, ..
        } = order
        {
            self.open(id, (a_local, b_local), now_us);
            return;
        }
        let slot = self.slots.get(&id).copied();
        let bridge = slot.and_then(|slot| self.bridges.get_mut(slot)?.as_mut());
        let (Some(slot), Some(bridge)) = (slot, bridge) else {
            self.shared.totals.unknown.fetch_add(1, Ordering::Relaxed);
            tracing::debug!(relay = id.0, "order for a relay that is not open");
            return;
        };
        match order {
            RelayCommand::PlayDigit { side, digit, .. } => {
                bridge.play(side, digit, now_us);
                let due_us = bridge.due_us();
                self.pace_for(slot, due_us);
            }
            RelayCommand::Play { side, order, .. } => {
                let source = match &order.sound {
                    Sound::File(name) => Source::File(self.shared.sounds.ask(name)),
                    Sound::Tone(tone) => Source::Tone(*tone),
                };
                bridge.play_sound(side, *order, source, now_us);
                let due_us = bridge.due_us();
                self.pace_for(slot, due_us);
            }
            RelayCommand::SetRecording { recording, .. } => {
                record(bridge, recording, &self.shared, now_us);
            }
            RelayCommand::Close { .. } => self.close(id, now_us),
            other => adjust(bridge, other, &self.shared.certificates, now_us),
        }
    }

    fn open(&mut self, id: RelayId, locals: (std::net::IpAddr, std::net::IpAddr), now_us: Micros) {
        let opened = if self.slots.contains_key(&id) {
            Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "the relay is open already",
            ))
        } else {
            Bridge::open(id, locals, &self.shared.pool, now_us)
                .and_then(|bridge| self.settle_in(bridge, now_us))
        };
        let report = match opened {
            Ok((a_port, b_port)) => RelayReport::Opened { id, a_port, b_port },
            Err(error) => RelayReport::Refused {
                id,
                reason: error.to_string(),
            },
        };
        (self.shared.report)(report);
    }

    /// Polls the sockets and files the call under its id.
    fn settle_in(&mut self, bridge: Bridge, now_us: Micros) -> io::Result<(u16, u16)> {
        let slot = self.vacant.pop().unwrap_or_else(|| {
            self.bridges.push(None);
            self.bridges.len() - 1
        });
        if let Err(error) = self.poll_sockets(&bridge, slot) {
            self.vacant.push(slot);
            bridge.close(&self.shared.pool, now_us);
            return Err(error);
        }
        let ports = (bridge.end(Side::A).port, bridge.end(Side::B).port);
        self.slots.insert(bridge.id, slot);
        if let Some(place) = self.bridges.get_mut(slot) {
            *place = Some(bridge);
        }
        self.shared.totals.open.fetch_add(1, Ordering::Relaxed);
        Ok(ports)
    }

    fn poll_sockets(&self, bridge: &Bridge, slot: usize) -> io::Result<()> {
        for (side, channel) in PLACES {
            let data = epoll::EventData::new_u64(mark_of(slot, side, channel));
            let socket = bridge.end(side).socket(channel);
            epoll::add(&self.epoll, socket, data, epoll::EventFlags::IN)?;
        }
        Ok(())
    }

    fn close(&mut self, id: RelayId, now_us: Micros) {
        let Some(slot) = self.slots.remove(&id) else {
            return;
        };
        let Some(bridge) = self.bridges.get_mut(slot).and_then(Option::take) else {
            return;
        };
        self.vacant.push(slot);
        let (a, b) = bridge.close(&self.shared.pool, now_us);
        self.shared.totals.open.fetch_sub(1, Ordering::Relaxed);
        (self.shared.report)(RelayReport::Closed { id, a, b });
    }

    /// Serves the socket of a mark; returns the packets relayed.
    fn pass(&mut self, mark: u64, now_us: Micros) -> u32 {
        let (slot, side, channel) = place_of(mark);
        // Closed by an order of the same wake-up.
        let Some(bridge) = self.bridges.get_mut(slot).and_then(Option::as_mut) else {
            return 0;
        };
        let unheard = !bridge.heard(side);
        let room = (&mut *self.buffer, &mut self.packets);
        let begun = (channel == Channel::Rtp && bridge.codes(side)).then(Instant::now);
        let passed = bridge.pass(side, channel, room, now_us);
        if let Some(begun) = begun {
            self.coding.spent += begun.elapsed();
        }
        let id = bridge.id;
        if unheard && bridge.heard(side) {
            (self.shared.report)(RelayReport::Started { id, side });
        }
        tell(bridge, &self.shared.report);
        let due_us = bridge.due_us();
        self.pace_for(slot, due_us);
        let totals = &self.shared.totals;
        match passed {
            Passed::Nothing => 0,
            Passed::Dropped => 1,
            Passed::Relayed => {
                totals.relayed.fetch_add(1, Ordering::Relaxed);
                1
            }
            Passed::Unsent => {
                totals.unsent.fetch_add(1, Ordering::Relaxed);
                1
            }
        }
    }

    /// A call has something to send by the clock.
    fn pace_for(&mut self, slot: usize, due_us: Option<Micros>) {
        let Some(due_us) = due_us else { return };
        self.pace_at_us = self.pace_at_us.min(due_us);
        if !self.pacing.contains(&slot) {
            self.pacing.push(slot);
        }
    }

    /// Sends what is due by the clock; returns the packets that left.
    fn pace(&mut self, now_us: Micros) -> u32 {
        let mut left = 0;
        let mut next_us = Micros::MAX;
        let mut pacing = std::mem::take(&mut self.pacing);
        pacing.retain(|slot| {
            let Some(bridge) = self.bridges.get_mut(*slot).and_then(Option::as_mut) else {
                return false;
            };
            if bridge.due_us().is_some_and(|due_us| due_us <= now_us) {
                let codes = bridge.codes(Side::A) || bridge.codes(Side::B);
                let begun = codes.then(Instant::now);
                left += bridge.wake(now_us, &mut self.packets);
                self.coding.spent += begun.map_or(Duration::ZERO, |begun| begun.elapsed());
            }
            tell(bridge, &self.shared.report);
            let due_us = bridge.due_us();
            next_us = next_us.min(due_us.unwrap_or(Micros::MAX));
            due_us.is_some()
        });
        self.pacing = pacing;
        self.pace_at_us = next_us;
        let relayed = u64::from(left);
        self.shared
            .totals
            .relayed
            .fetch_add(relayed, Ordering::Relaxed);
        left
    }

    /// Silence and progress of every call of this thread.
    fn look_round(&mut self, now_us: Micros) {
        self.coding.settle(&self.shared.totals, now_us);
        let config = &self.shared.config;
        let every_us = Micros::from(config.progress_every_s) * 1_000_000;
        for bridge in self.bridges.iter_mut().flatten() {
            let id = bridge.id;
            bridge.tick(now_us);
            if let Some(silent_s) = bridge.silent_s(config.inactive_after_s, now_us) {
                (self.shared.report)(RelayReport::Inactive { id, silent_s });
            }
            if every_us > 0 && now_us.saturating_sub(bridge.progress_at_us) >= every_us {
                bridge.progress_at_us = now_us;
                let (a, b) = bridge.counters();
                (self.shared.report)(RelayReport::Progress { id, a, b });
            }
        }
    }
}

/// Reports the keys that were pressed and the sounds that have ended.
fn tell(bridge: &mut Bridge, report: &Arc<Report>) {
    let id = bridge.id;
    for side in [Side::A, Side::B] {
        for digit in bridge.take_pressed(side) {
            report(RelayReport::Pressed { id, side, digit });
        }
    }
    for side in [Side::A, Side::B] {
        if let Some(how) = bridge.take_played(side) {
            report(RelayReport::Played { id, side, how });
        }
    }
}

/// Carries out what concerns the bridge alone.
fn adjust(
    bridge: &mut Bridge,
    order: RelayCommand,
    certificates: &Arc<Certificates>,
    now_us: Micros,
) {
    match order {
        RelayCommand::SetTarget {
            side,
            rtp,
            rtcp,
            latch,
            signalling,
            ..
        } => {
            let target = Target {
                rtp,
                rtcp,
                mode: latch,
                signalling,
            };
            bridge.set_target(side, &target, now_us);
        }
        RelayCommand::SetTransport {
            side,
            protection,
            rtcp_mux,
            ..
        } => {
            let transport = Transport {
                protection,
                rtcp_mux,
                certificates: Arc::clone(certificates),
            };
            bridge.set_transport(side, transport, now_us);
        }
        RelayCommand::SetConversion {
            side, conversion, ..
        } => bridge.set_conversion(side, conversion.map(|conversion| *conversion)),
        RelayCommand::StopPlaying { side, .. } => bridge.stop_sound(side),
        RelayCommand::SetStream { stream, .. } => bridge.set_stream(stream),
        RelayCommand::SetHold { held, .. } => bridge.set_held(held, now_us),
        RelayCommand::Open { .. }
        | RelayCommand::PlayDigit { .. }
        | RelayCommand::Play { .. }
        | RelayCommand::SetRecording { .. }
        | RelayCommand::Close { .. } => {}
    }
}

/// Begins a recording, goes on with it, or pauses it: it ends with the call.
fn record(
    bridge: &mut Bridge,
    order: Option<Box<RecordingOrder>>,
    shared: &Shared,
    now_us: Micros,
) {
    let id = bridge.id;
    let Some(order) = order else {
        return bridge.tap().iter_mut().for_each(Tap::pause);
    };
    let fresh = || shared.recorder.as_ref().map(|recorder| recorder.tap(id));
    let mut tap = bridge.tap().take().or_else(fresh);
    let name = order.name.clone();
    let ordered = match tap.as_mut() {
        Some(tap) => tap.order(order, now_us),
        None => Err(Left::Nothing),
    };
    match ordered {
        Ok(()) => *bridge.tap() = tap,
        Err(left) => (shared.report)(RelayReport::RecordingFailed {
            id,
            name,
            left,
            reason: "the recorder is not there, or far behind".to_owned(),
        }),
    }
}

const PLACES: [(Side, Channel); 4] = [
    (Side::A, Channel::Rtp),
    (Side::A, Channel::Rtcp),
    (Side::B, Channel::Rtp),
    (Side::B, Channel::Rtcp),
];

fn mark_of(slot: usize, side: Side, channel: Channel) -> u64 {
    let place = PLACES
        .iter()
        .position(|place| *place == (side, channel))
        .unwrap_or(0);
    (slot * PLACES.len() + place) as u64
}

fn place_of(mark: u64) -> (usize, Side, Channel) {
    let mark = mark as usize;
    let (side, channel) = PLACES[mark % PLACES.len()];
    (mark / PLACES.len(), side, channel)
}
