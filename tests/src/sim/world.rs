//! The day itself: one queue of events on virtual time around the real call core.

use super::{
    agenda::{Agenda, Event},
    audit,
    clerk::Clerk,
    dice::{Dice, Topic},
    disk::Disk,
    network::Network,
    peer::{Hands, Tick},
    peers::Peers,
    real::RealStore,
    relay::VirtualRelay,
    scene::{Death, Ms, Scene},
    trace::Trace,
    watcher::Watcher,
    witness::Witness,
};
use crate::kit::{Book, world::flow};
use tandem_billing::{UtcMs, ledger::Ledger};
use tandem_call::{
    Input, Now, Switch,
    io::{Command, Reply},
    journal::{Batch, Record},
};
use tandem_sip::Mono;

/// A day under way.
pub struct World {
    /// What was drawn.
    pub scene: Scene,
    /// The clocks.
    pub now: Now,
    /// What the switch has handed to the journal.
    pub live: Book,
    /// What is on disk.
    pub disk: Disk,
    /// The phones and gateways.
    pub peers: Peers,
    /// The desk.
    pub clerk: Clerk,
    /// The wire.
    pub witness: Witness,
    /// The relay threads.
    pub relay: VirtualRelay,
    /// Somebody at the monitor.
    pub watcher: Watcher,
    /// Steps done.
    pub steps: u64,
    pub(super) trace: Trace,
    pub(super) switch: Option<Switch>,
    pub(super) life: u32,
    pub(super) batches: u64,
    pub(super) dying: bool,
    pub(super) ended: bool,
    pub(super) network: Network,
    pub(super) crash: Dice,
    pub(super) seeds: Dice,
    pub(super) agenda: Agenda,
}

/// The monotonic clock in the morning.
const MORNING: Mono = Mono(1_000_000);

impl World {
    /// The morning of a day.
    #[must_use]
    pub fn new(scene: Scene, trace: Trace, real: Option<RealStore>) -> Self {
        let now = Now {
            mono: MORNING,
            utc: UtcMs(scene.start),
        };
        let (peers, starts) = Peers::of(&scene);
        let book = Book::new(0, &[]);
        let mut world = Self {
            now,
            live: book.clone(),
            disk: Disk::new(&scene, book, real),
            peers,
            clerk: Clerk::new(scene.operator.clone()),
            witness: Witness::default(),
            relay: VirtualRelay::new(&scene),
            watcher: Watcher::default(),
            steps: 0,
            trace,
            switch: None,
            life: 0,
            batches: 0,
            dying: false,
            ended: false,
            network: Network::new(&scene),
            crash: Dice::new(scene.seed, Topic::Crash),
            seeds: Dice::new(scene.seed, Topic::Switch),
            agenda: Agenda::default(),
            scene,
        };
        world.open_accounts();
        world.start();
        for (at, line) in starts {
            world.at(at, Event::Peer(line, Tick::Start));
        }
        world.plan();
        world
    }

    /// Opening balances are entries like any other.
    fn open_accounts(&mut self) {
        let mut ledger = Ledger::default();
        let opening: Vec<(i64, i64)> = self
            .scene
            .operator
            .accounts
            .iter()
            .map(|account| (account.id, account.opening))
            .collect();
        let mut records = Vec::new();
        for (account, micros) in opening.into_iter().filter(|(_, micros)| *micros != 0) {
            let index = self.clerk.note_payment(account, micros, self.now.utc);
            let (token, command) = self.clerk.ask(index);
            let Command::Post(movement) = command else {
                continue;
            };
            let posted = ledger.post(movement).expect("an opening balance");
            self.clerk.hear(token, &Reply::Repeated);
            records.extend(posted.into_entry().map(Record::Posted));
        }
        let batch = Batch { seq: 1, records };
        self.live.apply(&batch);
        let _ = self.disk.submit(batch);
        let _ = self.disk.commit(self.now);
    }

    fn plan(&mut self) {
        for index in 0..self.scene.acts.len() {
            let at = self.scene.acts[index].0;
            self.at(at, Event::Act(index));
        }
        for death in self.scene.crashes.clone() {
            if let Death::At(at) = death {
                self.at(at, Event::Die(death));
            }
        }
        self.at(self.scene.end, Event::End);
    }

    pub(super) fn at(&mut self, ms: Ms, event: Event) {
        self.push(MORNING + std::time::Duration::from_millis(ms), event);
    }

    pub(super) fn after(&mut self, ms: Ms, event: Event) {
        self.push(self.now.mono + std::time::Duration::from_millis(ms), event);
    }

    pub(super) fn push(&mut self, at: Mono, event: Event) {
        self.agenda.push(at, event);
    }

    /// Milliseconds since the morning.
    #[must_use]
    pub fn ms(&self) -> Ms {
        (self.now.mono.0 - MORNING.0) / 1000
    }

    /// Lives through the day, and judges it.
    ///
    /// # Panics
    /// If anything is not as it must be.
    pub fn run(&mut self) {
        let last = self
            .scene
            .calls
            .iter()
            .map(|call| call.at + call.patience + call.talk)
            .max();
        let stop = MORNING
            + std::time::Duration::from_millis(last.unwrap_or(0).max(self.scene.end) + 400_000);
        while let Some(at) = self.next_instant().filter(|at| *at <= stop) {
            self.set_time(at);
            self.step();
            self.steps += 1;
            audit::step(self);
        }
        // What the last moments left for the disk.
        while self.live.seq != self.disk.book.seq
            && let Some(at) = self.next_instant()
        {
            self.set_time(at);
            self.step();
        }
        audit::day(self);
    }

    /// The core, if the process is up.
    #[must_use]
    pub const fn switch(&self) -> Option<&Switch> {
        self.switch.as_ref()
    }

    pub(super) fn stalled_until(&self) -> Option<Mono> {
        let now = self.ms();
        let stall = self
            .scene
            .stalls
            .iter()
            .find(|(from, to)| (*from..*to).contains(&now))?;
        Some(MORNING + std::time::Duration::from_millis(stall.1))
    }

    pub(super) fn broken_since(&self) -> Option<UtcMs> {
        let now = self.ms();
        let broken = self
            .scene
            .broken
            .iter()
            .find(|(from, to)| (*from..*to).contains(&now))?;
        Some(UtcMs(
            self.scene.start + i64::try_from(broken.0).expect("a day"),
        ))
    }

    fn deadline(&self) -> Option<Mono> {
        let due = self.switch.as_ref()?.poll_deadline()?.max(self.now.mono);
        let ms = (due.0 - MORNING.0) / 1000;
        let stall = self
            .scene
            .stalls
            .iter()
            .find(|(from, to)| (*from..*to).contains(&ms));
        Some(stall.map_or(due, |(_, to)| {
            MORNING + std::time::Duration::from_millis(*to)
        }))
    }

    fn next_instant(&self) -> Option<Mono> {
        [self.agenda.first(), self.deadline()]
            .into_iter()
            .flatten()
            .min()
            .map(|at| at.max(self.now.mono))
    }

    fn set_time(&mut self, mono: Mono) {
        let passed = i64::try_from((mono.0 - MORNING.0) / 1000).expect("a day");
        self.now = Now {
            mono,
            utc: UtcMs(self.scene.start + passed),
        };
    }

    fn step(&mut self) {
        if let Some(event) = self.agenda.pop_due(self.now.mono) {
            self.happen(event);
        } else if let Some(switch) = &mut self.switch {
            switch.handle_timeout(self.now);
            self.carry_out();
        }
    }

    fn happen(&mut self, event: Event) {
        let for_process = match &event {
            Event::ToSwitch { .. }
            | Event::Commit(_)
            | Event::Relay(..)
            | Event::Refused(_)
            | Event::Act(_) => true,
            Event::ToPeer { .. } | Event::Peer(..) | Event::Die(_) | Event::Start | Event::End => {
                false
            }
        };
        if let Some(until) = self
            .stalled_until()
            .filter(|_| for_process && self.switch.is_some())
        {
            return self.push(until, event);
        }
        match event {
            Event::ToSwitch {
                from,
                bytes,
                harmed,
            } => self.arrive(from, bytes, harmed),
            Event::ToPeer {
                life,
                at,
                bytes,
                harmed,
            } => self.deliver(life, at, bytes, harmed),
            // Whoever keeps registering would never let the core come to rest.
            Event::Peer(line, Tick::Start) if self.ended && self.peers.is_phone(line) => {}
            Event::Peer(line, tick) => {
                let mut hands = Hands::new(self.now.mono);
                self.peers.tick(&mut hands, line, tick);
                self.reach_out(line, hands);
            }
            Event::Commit(life) if life == self.life => self.commit(),
            Event::Relay(life, report) if life == self.life => self.feed(Input::Relay(report)),
            Event::Commit(_) | Event::Relay(..) => {}
            Event::Refused(at) => self.feed(Input::FlowFailed { flow: flow(at) }),
            Event::Act(index) => self.act(index),
            Event::Die(death) => self.die(death),
            Event::Start => self.start(),
            Event::End => self.end(),
        }
    }

    pub(super) fn feed(&mut self, input: Input) {
        if let Some(switch) = &mut self.switch {
            switch.handle(self.now, input);
            self.carry_out();
        }
    }

    /// How often the process died.
    #[must_use]
    pub fn crashes(&self) -> u64 {
        u64::from(self.life)
    }
}
