//! Recordings of calls: copies of what passes, decoded and written as stereo WAV by a thread of their own.
//!
//! The caller is the left channel, the called side the right one, both at 8 kHz. A relay thread only copies a packet
//! into a bounded queue; if the disk or the decoding falls behind, audio is missing from the recording and counted,
//! never from the call. The disk is never filled: the books are on it, too.

mod stereo;
mod track;
mod writer;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;

use tandem_sdp::{RecordingOrder, RelayId, Side, relay::Left};

use crate::Micros;
use crate::worker::Report;

/// Packets under way to the recorder: 100 calls for a second.
const PACKETS_MAX: usize = 10_000;
/// With this much under way no recording begins or changes.
const NOTES_MAX: usize = 11_000;
/// Samples a second of a recording.
pub(crate) const RATE: u32 = 8_000;

/// What a relay thread tells the recorder.
pub(crate) enum Note {
    /// Begins the recording, or goes on with these codecs.
    Order(RelayId, Box<RecordingOrder>, Micros),
    Packet(RelayId, Side, Micros, Vec<u8>),
    /// With the packets of it that found no room.
    End(RelayId, u64),
    Stop,
}

/// The thread's handle.
pub(crate) struct Recorder {
    notes: Sender<Note>,
    waiting: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

/// One recording, as the relay thread that carries the call has it. Its end always reaches the recorder.
#[derive(Debug)]
pub(crate) struct Tap {
    id: RelayId,
    notes: Sender<Note>,
    waiting: Arc<AtomicUsize>,
    lost: u64,
    paused: bool,
    /// The order that reached the recorder last.
    name: Option<String>,
}

impl Recorder {
    /// Recordings go below `folder`, which is made when the first one begins.
    pub(crate) fn start(folder: PathBuf, report: Arc<Report>) -> io::Result<Self> {
        let (notes, queue) = channel();
        let waiting = Arc::new(AtomicUsize::new(0));
        let mut writer = writer::Writer::new(folder, report);
        let taken = Arc::clone(&waiting);
        let thread = std::thread::Builder::new()
            .name("recorder".into())
            .spawn(move || writer.run(&queue, &taken))?;
        Ok(Self {
            notes,
            waiting,
            thread: Some(thread),
        })
    }

    /// For a call that is recorded from now on.
    pub(crate) fn tap(&self, id: RelayId) -> Tap {
        Tap {
            id,
            notes: self.notes.clone(),
            waiting: Arc::clone(&self.waiting),
            lost: 0,
            paused: false,
            name: None,
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let _ = self.notes.send(Note::Stop);
        if self
            .thread
            .take()
            .is_some_and(|thread| thread.join().is_err())
        {
            tracing::error!("the recorder's thread had panicked");
        }
    }
}

impl Tap {
    /// Begins, or goes on with these codecs.
    ///
    /// # Errors
    /// The recorder is far behind, or gone: what there is of this recording.
    pub(crate) fn order(&mut self, order: Box<RecordingOrder>, now_us: Micros) -> Result<(), Left> {
        self.paused = false;
        let name = order.name.clone();
        if self.waiting.load(Ordering::Relaxed) < NOTES_MAX
            && self.send(Note::Order(self.id, order, now_us))
        {
            self.name = Some(name);
            return Ok(());
        }
        Err(if self.name == Some(name) {
            Left::Part
        } else {
            Left::Nothing
        })
    }

    /// Nothing is copied until the next order.
    pub(crate) fn pause(&mut self) {
        self.paused = true;
    }

    /// A packet of a side that passed.
    pub(crate) fn copy(&mut self, side: Side, packet: &[u8], now_us: Micros) {
        if self.paused {
            return;
        }
        let room = self.waiting.load(Ordering::Relaxed) < PACKETS_MAX;
        if !room || !self.send(Note::Packet(self.id, side, now_us, packet.to_vec())) {
            self.lost += 1;
        }
    }

    fn send(&self, note: Note) -> bool {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        self.notes.send(note).is_ok()
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.send(Note::End(self.id, self.lost));
    }
}
