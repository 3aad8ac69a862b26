//! Sound files below one folder: read whole by a thread of their own, and kept ready for the coders.
//!
//! A relay thread asks for a file by its name and gets a place where it will stand; it never waits for the disk. What
//! is kept is bounded in bytes; a file that was changed is read again soon after it is asked for.

mod read;

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::end::lock;

pub use read::check_sound;

/// All files that are kept, at both rates.
const KEPT_BYTES_MAX: usize = 64 << 20;
/// Names remembered at once, those of files that cannot be read among them.
const NAMES_MAX: usize = 1_000;
/// Files asked for and not read yet.
const WISHES_MAX: usize = 256;
/// After so long a file is looked at again.
const FRESH: Duration = Duration::from_secs(10);

/// A file's samples, at the rates that coders take.
#[derive(Debug, Default)]
pub struct Pcm {
    narrow: Vec<i16>,
    wide: Vec<i16>,
}

impl Pcm {
    /// At 8 kHz, or at 16.
    #[must_use]
    pub fn at(&self, rate: u32) -> &[i16] {
        match rate {
            8_000 => &self.narrow,
            _ => &self.wide,
        }
    }

    fn bytes(&self) -> usize {
        2 * (self.narrow.len() + self.wide.len())
    }
}

/// Where a file that was asked for will stand, or why it cannot be had.
pub type Place = Arc<OnceLock<Result<Arc<Pcm>, String>>>;

/// The files, and the thread that reads them.
pub(crate) struct Library {
    shelf: Arc<Mutex<Shelf>>,
    wishes: Option<SyncSender<Wish>>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shelf {
    files: HashMap<String, Kept>,
    /// Counts what was asked for: what was asked for longest ago makes way.
    asked: u64,
}

struct Kept {
    place: Place,
    looked: Instant,
    asked: u64,
    stamp: Option<read::Stamp>,
}

struct Wish {
    name: String,
    place: Place,
    /// As it was read before.
    before: Option<(read::Stamp, Arc<Pcm>)>,
}

impl Kept {
    fn pcm(&self) -> Option<&Arc<Pcm>> {
        self.place.get()?.as_ref().ok()
    }

    fn before(&self) -> Option<(read::Stamp, Arc<Pcm>)> {
        Some((self.stamp?, Arc::clone(self.pcm()?)))
    }
}

impl Library {
    /// Without a folder no file can be had.
    pub(crate) fn start(folder: Option<PathBuf>) -> io::Result<Self> {
        let shelf = Arc::new(Mutex::new(Shelf::default()));
        let Some(folder) = folder else {
            return Ok(Self {
                shelf,
                wishes: None,
                thread: None,
            });
        };
        let (wishes, queue) = sync_channel(WISHES_MAX);
        let filled = Arc::clone(&shelf);
        let thread = std::thread::Builder::new()
            .name("sounds".into())
            .spawn(move || serve(&folder, &queue, &filled))?;
        Ok(Self {
            shelf,
            wishes: Some(wishes),
            thread: Some(thread),
        })
    }

    /// Where the file stands, or will in a moment.
    pub(crate) fn ask(&self, name: &str) -> Place {
        let mut shelf = lock(&self.shelf);
        shelf.asked += 1;
        let asked = shelf.asked;
        let mut before = None;
        if let Some(kept) = shelf.files.get_mut(name) {
            kept.asked = asked;
            if kept.place.get().is_none() || kept.looked.elapsed() < FRESH {
                return Arc::clone(&kept.place);
            }
            before = kept.before();
        }
        let place = Place::default();
        if let Err(reason) = self.wish(name, &place, before) {
            let _ = place.set(Err(format!("{name}: {reason}")));
            return place;
        }
        shelf.make_room();
        let stamp = None;
        let kept = Kept {
            place: Arc::clone(&place),
            looked: Instant::now(),
            asked,
            stamp,
        };
        shelf.files.insert(name.to_owned(), kept);
        place
    }

    fn wish(
        &self,
        name: &str,
        place: &Place,
        before: Option<(read::Stamp, Arc<Pcm>)>,
    ) -> Result<(), &'static str> {
        let wishes = self
            .wishes
            .as_ref()
            .ok_or("the relay has no folder of sounds")?;
        let wish = Wish {
            name: name.to_owned(),
            place: Arc::clone(place),
            before,
        };
        wishes
            .try_send(wish)
            .map_err(|_| "too many files are waited for; the disk is slow")
    }
}

impl Drop for Library {
    fn drop(&mut self) {
        self.wishes = None;
        if self
            .thread
            .take()
            .is_some_and(|thread| thread.join().is_err())
        {
            tracing::error!("the thread that reads sounds had panicked");
        }
    }
}

impl Shelf {
    /// For one more name.
    fn make_room(&mut self) {
        while self.files.len() >= NAMES_MAX && self.drop_oldest("") {}
    }

    /// What is kept fits its bound again; the file read last stays.
    fn shrink(&mut self, last: &str) {
        let bytes = |files: &HashMap<String, Kept>| -> usize {
            let kept = files.values().filter_map(Kept::pcm);
            kept.map(|pcm| pcm.bytes()).sum()
        };
        while bytes(&self.files) > KEPT_BYTES_MAX && self.drop_oldest(last) {}
    }

    fn drop_oldest(&mut self, except: &str) -> bool {
        let others = self.files.iter().filter(|(name, _)| *name != except);
        let oldest = others.min_by_key(|(_, kept)| kept.asked);
        let Some(name) = oldest.map(|(name, _)| name.clone()) else {
            return false;
        };
        self.files.remove(&name).is_some()
    }
}

/// Reads what is wished for until nobody can wish any more.
fn serve(folder: &std::path::Path, wishes: &Receiver<Wish>, shelf: &Mutex<Shelf>) {
    while let Ok(wish) = wishes.recv() {
        let read = read::read(folder, &wish.name, wish.before);
        let (stamp, result) = match read {
            Ok((stamp, pcm)) => (Some(stamp), Ok(pcm)),
            Err(reason) => (None, Err(reason)),
        };
        let _ = wish.place.set(result);
        let mut shelf = lock(shelf);
        if let Some(kept) = shelf.files.get_mut(&wish.name)
            && Arc::ptr_eq(&kept.place, &wish.place)
        {
            kept.stamp = stamp;
        }
        shelf.shrink(&wish.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(folder: &std::path::Path, name: &str, samples: usize) {
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: 8_000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut file = hound::WavWriter::create(folder.join(name), spec).unwrap();
        (0..samples).for_each(|_| file.write_sample(1_000i16).unwrap());
        file.finalize().unwrap();
    }

    fn wait(place: &Place) -> Result<Arc<Pcm>, String> {
        place.wait().clone()
    }

    #[test]
    fn a_file_is_read_once_and_again_when_it_changed() {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "a.wav", 160);
        let library = Library::start(Some(folder.path().to_owned())).unwrap();
        let first = wait(&library.ask("a.wav")).unwrap();
        assert_eq!((first.at(8_000).len(), first.at(16_000).len()), (160, 320));
        assert!(Arc::ptr_eq(&first, &wait(&library.ask("a.wav")).unwrap()));
        let age = || {
            let mut shelf = lock(&library.shelf);
            let kept = shelf.files.get_mut("a.wav").unwrap();
            kept.looked = kept.looked.checked_sub(FRESH).unwrap();
        };
        // The thread notes the stamp behind the answer.
        while lock(&library.shelf).files["a.wav"].stamp.is_none() {
            std::thread::yield_now();
        }
        age();
        let same = wait(&library.ask("a.wav")).unwrap();
        assert!(Arc::ptr_eq(&first, &same), "unchanged");
        while lock(&library.shelf).files["a.wav"].stamp.is_none() {
            std::thread::yield_now();
        }
        write(folder.path(), "a.wav", 320);
        age();
        assert_eq!(
            wait(&library.ask("a.wav")).unwrap().at(8_000).len(),
            320,
            "changed"
        );
    }

    #[test]
    fn what_cannot_be_had_is_told_with_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let library = Library::start(Some(folder.path().to_owned())).unwrap();
        let reason = wait(&library.ask("none.wav")).unwrap_err();
        assert!(reason.contains("none.wav"), "{reason}");
        let none = Library::start(None).unwrap();
        let reason = wait(&none.ask("a.wav")).unwrap_err();
        assert!(reason.contains("no folder"), "{reason}");
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut shelf = Shelf::default();
        let pcm = Arc::new(Pcm {
            narrow: vec![0; KEPT_BYTES_MAX / 6],
            wide: Vec::new(),
        });
        for asked in 0..5u64 {
            let place = Place::default();
            place.set(Ok(Arc::clone(&pcm))).unwrap();
            let kept = Kept {
                place,
                looked: Instant::now(),
                asked,
                stamp: None,
            };
            shelf.files.insert(format!("{asked}.wav"), kept);
        }
        shelf.shrink("0.wav");
        let mut left: Vec<&str> = shelf.files.keys().map(String::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["0.wav", "3.wav", "4.wav"], "the last asked for stay");
    }
}
