//! Recordings of calls: copies of what passes, decoded and written as stereo WAV by a thread of their own.
//!
//! The caller is the left channel, the called side the right one, both at 8 kHz. A relay thread only copies a packet
//! into a bounded queue; if the disk or the decoding falls behind, audio is missing from the recording and counted,
//! never from the call.

mod stereo;
mod track;
mod writer;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use tandem_sdp::{RecordingOrder, RelayId, Side};

use crate::Micros;
use crate::worker::Report;

/// Packets under way to the recorder: 100 calls for a second.
const QUEUE: usize = 10_000;
/// Samples a second of a recording.
pub(crate) const RATE: u32 = 8_000;

/// What a relay thread tells the recorder.
pub(crate) enum Note {
    /// Begins the recording, or goes on with these codecs.
    Order(RelayId, Box<RecordingOrder>, Micros),
    Packet(RelayId, Side, Micros, Vec<u8>),
    End(RelayId),
    Stop,
}

/// The thread's handle.
pub(crate) struct Recorder {
    notes: SyncSender<Note>,
    thread: Option<JoinHandle<()>>,
}

/// What a relay thread has of it.
#[derive(Clone, Debug)]
pub(crate) struct Desk(SyncSender<Note>);

impl Recorder {
    /// Recordings go below `folder`, which is made when the first one begins.
    pub(crate) fn start(folder: PathBuf, report: Arc<Report>) -> io::Result<Self> {
        let (notes, queue) = sync_channel(QUEUE);
        let mut writer = writer::Writer::new(folder, report);
        let thread = std::thread::Builder::new()
            .name("recorder".into())
            .spawn(move || writer.run(&queue))?;
        Ok(Self {
            notes,
            thread: Some(thread),
        })
    }

    pub(crate) fn desk(&self) -> Desk {
        Desk(self.notes.clone())
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
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

impl Desk {
    /// A packet of a side that passed.
    pub(crate) fn copy(&self, (id, side): (RelayId, Side), packet: &[u8], now_us: Micros) {
        self.tell(Note::Packet(id, side, now_us, packet.to_vec()));
    }

    /// Whether there was room.
    pub(crate) fn tell(&self, note: Note) -> bool {
        match self.0.try_send(note) {
            Ok(()) => true,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => false,
        }
    }
}
