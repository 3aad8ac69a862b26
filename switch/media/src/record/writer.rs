//! The recorder's thread: every recording that is open, and its file.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::Receiver;

use hound::{SampleFormat, WavSpec, WavWriter};
use tandem_sdp::{RecordingOrder, RelayId, RelayReport, Side, relay::Left};

use super::{Note, RATE, stereo::Stereo, track::Track};
use crate::Micros;
use crate::worker::Report;

/// How often a file's length is put right, so that a crash leaves a file that plays: milliseconds of audio.
const FLUSH_MS: u64 = 5_000;
/// Recordings leave so much of the disk to the books.
const FREE_BYTES_MIN: u64 = 1 << 30;
const SPEC: WavSpec = WavSpec {
    channels: 2,
    sample_rate: RATE,
    bits_per_sample: 16,
    sample_format: SampleFormat::Int,
};

/// See the module.
pub(super) struct Writer {
    folder: PathBuf,
    report: Arc<Report>,
    open: HashMap<RelayId, Recording>,
}

struct Recording {
    name: String,
    file: WavWriter<BufWriter<File>>,
    began_us: Micros,
    tracks: [Track; 2],
    stereo: Stereo,
    flushed_ms: u64,
}

impl Writer {
    pub(super) fn new(folder: PathBuf, report: Arc<Report>) -> Self {
        Self {
            folder,
            report,
            open: HashMap::new(),
        }
    }

    /// Until it is told to stop; what is open then is closed whole.
    pub(super) fn run(&mut self, notes: &Receiver<Note>, waiting: &AtomicUsize) {
        while let Ok(note) = notes.recv() {
            waiting.fetch_sub(1, Ordering::Relaxed);
            match note {
                Note::Order(id, order, now_us) => self.order(id, *order, now_us),
                Note::Packet(id, side, at_us, packet) => self.packet(id, side, at_us, &packet),
                Note::End(id, lost) => self.end(id, lost),
                Note::Stop => break,
            }
        }
        let open: Vec<RelayId> = self.open.keys().copied().collect();
        open.into_iter().for_each(|id| self.end(id, 0));
    }

    fn order(&mut self, id: RelayId, order: RecordingOrder, now_us: Micros) {
        // Another file was asked for: this one is whole.
        if (self.open.get(&id)).is_some_and(|recording| recording.name != order.name) {
            self.end(id, 0);
        }
        if !self.open.contains_key(&id) {
            match create(&self.folder, Path::new(&order.name)) {
                Ok(file) => {
                    let recording = Recording {
                        name: order.name,
                        file,
                        began_us: now_us,
                        tracks: [Track::default(), Track::default()],
                        stereo: Stereo::default(),
                        flushed_ms: 0,
                    };
                    self.open.insert(id, recording);
                }
                Err(error) => {
                    return self.fail(id, (order.name, Left::Nothing), &error.to_string());
                }
            }
        }
        if let Some(recording) = self.open.get_mut(&id) {
            let [a, b] = &mut recording.tracks;
            a.set_formats(order.a);
            b.set_formats(order.b);
        }
    }

    fn packet(&mut self, id: RelayId, side: Side, at_us: Micros, packet: &[u8]) {
        let Some(recording) = self.open.get_mut(&id) else {
            return;
        };
        let room = || room(&self.folder).map_err(hound::Error::from);
        let taken = recording
            .take(side, at_us, packet)
            .and_then(|flushed| if flushed { room() } else { Ok(()) });
        if let Err(error) = taken
            && let Some(recording) = self.open.remove(&id)
        {
            self.fail(id, (recording.name, Left::Part), &error.to_string());
        }
    }

    fn end(&mut self, id: RelayId, lost: u64) {
        if lost > 0 {
            tracing::warn!(relay = id.0, lost, "packets are missing from a recording");
        }
        if let Some(recording) = self.open.remove(&id) {
            let name = recording.name.clone();
            if let Err(error) = recording.close() {
                self.fail(id, (name, Left::Part), &error.to_string());
            }
        }
    }

    fn fail(&self, id: RelayId, (name, left): (String, Left), reason: &str) {
        tracing::error!(relay = id.0, reason, "a recording failed");
        (self.report)(RelayReport::RecordingFailed {
            id,
            name,
            left,
            reason: reason.to_owned(),
        });
    }
}

impl Recording {
    /// Whether the file was put right, as it is now and then.
    fn take(&mut self, side: Side, at_us: Micros, packet: &[u8]) -> hound::Result<bool> {
        let since_us = at_us.saturating_sub(self.began_us);
        let track = match side {
            Side::A => &mut self.tracks[0],
            Side::B => &mut self.tracks[1],
        };
        if let Some((place, pcm)) = track.take(packet, since_us) {
            self.stereo.put(side, place, pcm);
        }
        let elapsed_ms = since_us / 1_000;
        let mut written = Ok(());
        let file = &mut self.file;
        self.stereo
            .take(elapsed_ms, |frame| write(file, frame, &mut written));
        written?;
        let due = elapsed_ms.saturating_sub(self.flushed_ms) >= FLUSH_MS;
        if due {
            self.flushed_ms = elapsed_ms;
            self.file.flush()?;
        }
        Ok(due)
    }

    fn close(mut self) -> hound::Result<()> {
        let mut written = Ok(());
        let file = &mut self.file;
        self.stereo
            .take_all(|frame| write(file, frame, &mut written));
        written?;
        self.file.finalize()
    }
}

fn write(file: &mut WavWriter<BufWriter<File>>, frame: [i16; 2], written: &mut hound::Result<()>) {
    for sample in frame {
        if written.is_ok() {
            *written = file.write_sample(sample);
        }
    }
}

/// Whether the disk has room for more.
fn room(folder: &Path) -> io::Result<()> {
    let disk = rustix::fs::statvfs(folder)?;
    if disk.f_bavail.saturating_mul(disk.f_frsize) < FREE_BYTES_MIN {
        return Err(io::Error::new(
            io::ErrorKind::StorageFull,
            "less than 1 GiB is left on the disk of recordings",
        ));
    }
    Ok(())
}

/// A new file below the folder, for nobody else to read; the name stays inside.
fn create(folder: &Path, name: &Path) -> io::Result<WavWriter<BufWriter<File>>> {
    if !name
        .components()
        .all(|part| matches!(part, Component::Normal(_)))
    {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "the recording's name leaves its folder",
        ));
    }
    let path = folder.join(name);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    room(folder)?;
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)?;
    WavWriter::new(BufWriter::new(file), SPEC).map_err(|error| {
        // Nobody is told of it: it holds nothing.
        let _ = fs::remove_file(&path);
        io::Error::other(error)
    })
}
