//! A switch that is none: answers from memory, for UI tests and the example window.
//!
//! It speaks the protocol's own types, so that what it answers is what a switch could answer. Time is the test's.

mod answers;
mod dids;
mod live;
pub(crate) mod sample;
mod store;
mod traces;
mod upstreams;

use crate::transport::{Ask, Told, Transport};
use serde_json::Value;
use std::{cell::RefCell, collections::VecDeque, rc::Rc};
use store::Store;
use tandem_protocol::{RpcError, live::FeedEvent};

/// Of the fake switch's certificate.
pub const FINGERPRINT: &str = "6A:1F:00:9C:42:77:D0:5E:8B:13:AA:C4:0E:91:5B:2D:F8:36:7C:E1:04:BD:69:A2:3F:88:D7:50:1C:E6:95:4B";
/// That any login has.
pub const PASSWORD: &str = "correct horse";

/// What the test sees and sets.
#[derive(Debug)]
pub struct World {
    /// UTC milliseconds.
    pub now_ms: i64,
    /// Every call that came, newest last.
    pub calls: Vec<(String, Value)>,
    /// Name and contents.
    pub saved_files: Vec<(String, Vec<u8>)>,
    /// Answer the next call of this method with this error.
    pub fail_next: Option<(&'static str, RpcError)>,
    /// Another certificate than the pinned one.
    pub certificate_changed: bool,
    /// Time goes by the machine's clock (the example), not by the test.
    pub real_time: bool,
    told: VecDeque<Told>,
    store: Store,
}

/// The handle a test keeps; the program has the transport.
#[derive(Clone)]
pub struct Fake(Rc<RefCell<World>>);

impl Fake {
    /// With so many live calls.
    pub fn new(calls: usize) -> Self {
        let now_ms = sample::NOW_MS;
        let store = Store::new(calls, now_ms);
        Self(Rc::new(RefCell::new(World {
            now_ms,
            calls: Vec::new(),
            saved_files: Vec::new(),
            fail_next: None,
            certificate_changed: false,
            real_time: false,
            told: VecDeque::new(),
            store,
        })))
    }

    /// For a window: the machine's clock, and a switch whose calls began lately.
    pub fn follow_the_clock(&self) {
        self.with(|world| {
            world.real_time = true;
            world.now_ms = jiff::Timestamp::now().as_millisecond();
            world.store = Store::new(world.store.calls.len(), world.now_ms);
        });
    }

    /// Looks into the world, or changes it.
    pub fn with<T>(&self, run: impl FnOnce(&mut World) -> T) -> T {
        run(&mut self.0.borrow_mut())
    }

    /// For the program.
    pub fn transport(&self) -> Box<dyn Transport> {
        Box::new(self.clone())
    }

    /// Parameters of the last call of this method.
    pub fn last(&self, method: &str) -> Option<Value> {
        self.with(|world| {
            world
                .calls
                .iter()
                .rev()
                .find(|(name, _)| name == method)
                .map(|(_, params)| params.clone())
        })
    }

    /// Puts a message in the program's queue.
    pub fn tell(&self, told: Told) {
        self.with(|world| world.told.push_back(told));
    }

    /// Lets the calls go on for a second, and tells the subscriber.
    pub fn advance(&self) {
        self.with(|world| {
            world.now_ms = if world.real_time {
                jiff::Timestamp::now().as_millisecond()
            } else {
                world.now_ms + 1_000
            };
            let event = world.store.advance(world.now_ms);
            world
                .told
                .push_back(Told::Live(Box::new(FeedEvent::Delta(Box::new(event)))));
        });
    }
}

impl Transport for Fake {
    fn ask(&mut self, ask: Ask) {
        self.with(|world| world.ask(ask));
    }

    fn poll(&mut self) -> Option<Told> {
        self.with(|world| world.told.pop_front())
    }

    fn now_ms(&self) -> i64 {
        self.with(|world| {
            if world.real_time {
                jiff::Timestamp::now().as_millisecond()
            } else {
                world.now_ms
            }
        })
    }
}

impl World {
    fn ask(&mut self, ask: Ask) {
        match ask {
            Ask::Connect { address, pin } => self.connect(&address, pin),
            Ask::Disconnect => {}
            Ask::Call {
                id, method, params, ..
            } => {
                self.calls.push((method.to_owned(), params.clone()));
                let failed = self.fail_next.take_if(|(name, _)| *name == method);
                let result = match failed {
                    Some((_, error)) => Err(error),
                    None => answers::answer(&mut self.store, self.now_ms, method, &params),
                };
                let subscribed = method == "live.subscribe" && result.is_ok();
                self.told.push_back(Told::Answer { id, result });
                if subscribed {
                    let snapshot = self.store.snapshot();
                    self.told
                        .push_back(Told::Live(Box::new(FeedEvent::Snapshot(Box::new(
                            snapshot,
                        )))));
                }
            }
            Ask::SaveFile { name, contents } => {
                self.told.push_back(Told::FileSaved {
                    result: Ok(Some(name.clone())),
                });
                self.saved_files.push((name, contents));
            }
        }
    }

    fn connect(&mut self, address: &str, pin: Option<String>) {
        let told = match pin {
            _ if address.contains("unreachable") => Told::Lost {
                reason: format!("cannot reach {address}: connection refused (os error 111)"),
            },
            None => Told::Unpinned {
                fingerprint: FINGERPRINT.into(),
            },
            Some(pinned) if self.certificate_changed => Told::PinChanged {
                pinned,
                shown: FINGERPRINT.replace('6', "9"),
            },
            Some(_) => Told::Connected,
        };
        self.told.push_back(told);
    }
}
