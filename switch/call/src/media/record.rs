//! Which calls are recorded, and what the relay is told of it. Recording begins with the answer, never before.

use crate::{
    call::{Call, Stage},
    decide::Step,
    directory::signalling::Recorded,
    journal::Record,
    switch::state::Core,
};
use jiff::{Timestamp, tz::TimeZone};
use tandem_billing::{CallId, UtcMs};
use tandem_sdp::{RecordingOrder, RelayCommand, RelayId, Side, convert::Format, relay::Left};

use super::Relay;

/// Why a call cannot be recorded.
const ELSEWHERE: &str = "its audio does not pass through the switch";

/// A relay that is replaced, or a recorder that failed, begins another file; a call has no more than these.
const MAX_FILES: usize = 16;
const TOO_MANY: &str = "its recording was begun anew too often";

/// The recording of one call.
#[derive(Debug, Default)]
pub(crate) struct Recording {
    is_on: bool,
    /// The last order, and to which relay; None when the next one begins a file.
    ordered: Option<(RelayId, RecordingOrder)>,
    /// The files there are, in order.
    names: Vec<String>,
    /// Files begun, those that could not be made included.
    begun: usize,
    /// The files that the CDR would name after a crash.
    journalled: Option<String>,
}

impl Recording {
    /// Its files for the CDR, with a space between them.
    pub(crate) fn names(&self) -> Option<String> {
        (!self.names.is_empty()).then(|| self.names.join(" "))
    }

    /// Whether what is said now is recorded.
    pub(crate) fn is_on(&self) -> bool {
        self.is_on
    }
}

/// Whether a party's account has all its calls recorded.
pub(crate) fn is_wanted(call: &Call, callee: Option<tandem_billing::AccountId>) -> bool {
    let of_callee = callee.and_then(|account| call.directory.accounts.get(&account));
    [Some(&call.who.account), of_callee]
        .into_iter()
        .flatten()
        .any(|account| account.signalling.recording == Recorded::On)
}

/// The answer is about to be journalled: after a crash the CDR names the file.
pub(crate) fn announce(call: &mut Call) {
    if is_due(call) {
        call.media.recording.names = vec![file_name(call.id, call.began.utc, 1)];
    }
    call.media.recording.journalled = call.media.recording.names();
}

/// The files are others than the journal has. The answer brings those there are then; the CDR those at the end.
fn journal(core: &mut Core, call: &mut Call) {
    let files = call.media.recording.names();
    if call.stage == Stage::Talking && files != call.media.recording.journalled {
        call.media.recording.journalled.clone_from(&files);
        core.record(Record::Recorded {
            call: call.id,
            files,
        });
    }
}

/// The call was answered.
pub(crate) fn answered(core: &mut Core, call: &mut Call) {
    call.media.recording.names.clear();
    if is_due(call) {
        // A call whose audio passes elsewhere is not recorded; who wanted that is told when asking.
        let _ = begin(core, call);
    }
    journal(core, call);
}

fn is_due(call: &Call) -> bool {
    is_wanted(call, call.callee.as_ref().and_then(|leg| leg.account))
}

/// A party came over from another call: if its account has its calls recorded, so is what it says here, from where
/// its audio is known.
pub(crate) fn joined(call: &mut Call, side: Side) {
    let account = call.leg(side).and_then(|leg| leg.account);
    if is_wanted(call, account) && !call.media.direct {
        call.media.recording.is_on = true;
    }
}

/// The audio is over; what was recorded of it is whole.
pub(super) fn close(call: &mut Call) {
    call.media.recording.is_on = false;
}

/// Begins, or goes on.
///
/// # Errors
/// Why not, for the operator.
pub(crate) fn begin(core: &mut Core, call: &mut Call) -> Result<(), &'static str> {
    if call.stage != Stage::Talking {
        return Err("the call is not answered");
    }
    let Relay::Open { id, .. } = call.media.relay else {
        return Err(ELSEWHERE);
    };
    if call.media.direct {
        return Err(ELSEWHERE);
    }
    if call.media.recording.is_on {
        return Ok(());
    }
    if order(core, call, id) {
        Ok(())
    } else {
        Err(TOO_MANY)
    }
}

/// No longer; what was recorded stays.
pub(crate) fn end(core: &mut Core, call: &mut Call) {
    let recording = &mut call.media.recording;
    if std::mem::take(&mut recording.is_on)
        && let Some((id, _)) = recording.ordered
    {
        core.relay(RelayCommand::SetRecording {
            id,
            recording: None,
        });
    }
    core.feed.touch(call.id);
}

/// The legs agreed anew, or have another relay: the recording goes on.
pub(crate) fn follow(core: &mut Core, call: &mut Call) {
    let Relay::Open { id, .. } = call.media.relay else {
        return;
    };
    if call.media.recording.is_on && !call.media.direct {
        order(core, call, id);
    }
}

/// False if it would be a file too many.
fn order(core: &mut Core, call: &mut Call, id: RelayId) -> bool {
    let spoken = &call.media.spoken;
    let formats = |side: Side| -> Vec<(u8, Format)> {
        let ours = spoken.of(side).ours.iter();
        ours.filter_map(|codec| Some((codec.payload_type, Format::of(codec)?)))
            .collect()
    };
    let (a, b) = (formats(Side::A), formats(Side::B));
    let recording = &mut call.media.recording;
    let same = recording
        .ordered
        .as_ref()
        .filter(|(before, _)| *before == id);
    let name = match same {
        Some((_, order)) => order.name.clone(),
        None if recording.begun >= MAX_FILES => {
            recording.is_on = false;
            return false;
        }
        None => {
            recording.begun += 1;
            let name = file_name(call.id, call.began.utc, recording.begun);
            recording.names.push(name.clone());
            name
        }
    };
    let ordered = (id, RecordingOrder { name, a, b });
    if recording.is_on && recording.ordered.as_ref() == Some(&ordered) {
        return true;
    }
    recording.is_on = true;
    core.relay(RelayCommand::SetRecording {
        id,
        recording: Some(Box::new(ordered.1.clone())),
    });
    recording.ordered = Some(ordered);
    journal(core, call);
    core.feed.touch(call.id);
    true
}

/// The recorder could not begin a file or go on with it; ordered again, the recording begins another one.
pub(crate) fn failed(core: &mut Core, call: &mut Call, (name, left): (&str, Left), reason: &str) {
    let recording = &mut call.media.recording;
    let is_current = |ordered: &(RelayId, RecordingOrder)| ordered.1.name == name;
    if recording.ordered.as_ref().is_some_and(is_current) {
        end(core, call);
        call.media.recording.ordered = None;
    }
    if left == Left::Nothing {
        call.media.recording.names.retain(|other| other != name);
        journal(core, call);
    }
    call.trace.note(Step::Unrecorded {
        reason: reason.to_owned(),
    });
}

/// By the day the call began, UTC.
fn file_name(call: CallId, began: UtcMs, file: usize) -> String {
    let day = Timestamp::from_millisecond(began.0)
        .unwrap_or_default()
        .to_zoned(TimeZone::UTC)
        .date();
    match file {
        1 => format!("{day}/{}.wav", call.0),
        _ => format!("{day}/{}-{file}.wav", call.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_by_day_and_call() {
        let name = |file| file_name(CallId(77), UtcMs(1_772_323_200_000), file);
        assert_eq!(name(1), "2026-03-01/77.wav");
        assert_eq!(name(2), "2026-03-01/77-2.wav");
    }
}
