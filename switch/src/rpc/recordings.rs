//! Recordings: read piece by piece by who may hear them, begun and ended on open calls.

use super::{Api, Caller, cdrs, fault, subscribe};
use base64::{Engine, prelude::BASE64_STANDARD};
use jiff::{Timestamp, ToSpan, civil::Date, tz::TimeZone};
use std::{
    fs::{self, File},
    io::{self, Read, Seek, SeekFrom},
    path::Path,
    sync::Arc,
    time::Duration,
};
use tandem_billing::{CallId, UtcMs};
use tandem_call::io::{Command, Reply};
use tandem_protocol::{
    ErrorCode, RpcError,
    recording::{RecordParams, Recording, RecordingPart, RecordingReadParams},
    system::Empty,
};

/// How often it is looked for recordings that are too old.
const SWEEP: Duration = Duration::from_secs(3_600);
const LIMIT: std::ops::RangeInclusive<u32> = 1..=524_288;

/// A piece of a recording; the CDR says whose the call was, and only who sees that one hears it.
pub async fn read(
    api: Arc<Api>,
    caller: Arc<Caller>,
    params: RecordingReadParams,
) -> Result<RecordingPart, RpcError> {
    if !LIMIT.contains(&params.limit) {
        return Err(RpcError::invalid("limit", "1 to 524288 bytes"));
    }
    let cdr = cdrs::get(Arc::clone(&api), caller, params.call.0)
        .await?
        .cdr;
    let names = cdr.recording.unwrap_or_default();
    let names: Vec<&str> = names.split_ascii_whitespace().collect();
    if names.is_empty() {
        return Err(RpcError::new(
            ErrorCode::NotFound,
            format!("call {} was not recorded", params.call),
        ));
    }
    let wanted = usize::from(params.file).checked_sub(1);
    let Some(name) = wanted.and_then(|at| names.get(at)) else {
        let range = format!("1 to {}, as many files as the call has", names.len());
        return Err(RpcError::invalid("file", range));
    };
    let path = api.recordings.join(name);
    let read = api
        .blocking(move || piece(&path, params.offset, params.limit))
        .await?;
    let (total, bytes) = read.map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => RpcError::new(
            ErrorCode::NotFound,
            format!("the recording {name} is no longer kept"),
        )
        .remedy("see the setting recording_keep_days"),
        _ => fault::internal("recording", error),
    })?;
    Ok(RecordingPart {
        name: name.replace('/', "-"),
        files: u16::try_from(names.len()).unwrap_or(u16::MAX),
        total,
        base64: BASE64_STANDARD.encode(bytes),
    })
}

fn piece(path: &Path, offset: u64, limit: u32) -> io::Result<(u64, Vec<u8>)> {
    let mut file = File::open(path)?;
    let total = file.metadata()?.len();
    file.seek(SeekFrom::Start(offset))?;
    let mut bytes = Vec::new();
    file.take(limit.into()).read_to_end(&mut bytes)?;
    Ok((total, bytes))
}

/// Deletes what is older than the settings say, once an hour.
pub async fn keep(api: Arc<Api>) {
    let mut hours = tokio::time::interval(SWEEP);
    loop {
        hours.tick().await;
        let days = api.directory().settings.media.recording_keep_days;
        let (folder, now) = (api.recordings.clone(), api.clock.now());
        let swept = api.blocking(move || sweep(&folder, days, now)).await;
        match swept {
            Ok(Ok(0)) => {}
            Ok(Ok(folders)) => tracing::info!(folders, days, "old recordings deleted"),
            Ok(Err(error)) => tracing::error!(%error, "old recordings could not be deleted"),
            Err(error) => tracing::error!(%error, "old recordings could not be deleted"),
        }
    }
}

/// The folders of days gone by: how many were deleted. What is not named by a day is not ours.
fn sweep(folder: &Path, keep_days: u32, now: UtcMs) -> io::Result<u32> {
    let Some(oldest) = oldest_kept(keep_days, now) else {
        return Ok(0);
    };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        // None was made yet.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    let mut deleted = 0;
    for entry in entries {
        let entry = entry?;
        let day = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<Date>().ok());
        if day.is_some_and(|day| day < oldest) {
            fs::remove_dir_all(entry.path())?;
            deleted += 1;
        }
    }
    Ok(deleted)
}

fn oldest_kept(keep_days: u32, now: UtcMs) -> Option<Date> {
    if keep_days == 0 {
        return None;
    }
    let today = Timestamp::from_millisecond(now.0)
        .ok()?
        .to_zoned(TimeZone::UTC)
        .date();
    today.checked_sub(i64::from(keep_days).days()).ok()
}

/// Begins or ends the recording of a call of the caller's.
pub async fn record(
    api: Arc<Api>,
    caller: Arc<Caller>,
    params: RecordParams,
) -> Result<Empty, RpcError> {
    let call = CallId(params.call.0);
    subscribe::own_call(&api, &caller, call).await?;
    let (login, recording) = (caller.login.0, params.recording);
    tracing::info!(login, call = call.0, ?recording, "recording ordered");
    let command = match recording {
        Recording::On => Command::Record { call },
        Recording::Off => Command::StopRecording { call },
    };
    match api.core.ask(command).await.map_err(fault::core)? {
        Reply::Done => Ok(Empty {}),
        Reply::Refused(reason) => Err(RpcError::new(ErrorCode::Conflict, reason)),
        Reply::NotFound => Err(fault::not_found("open call", call)),
        other => Err(fault::unexpected("live.record", &other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_days_go_and_nothing_else_does() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["2026-02-27", "2026-02-28", "2026-03-01", "notes"] {
            fs::create_dir(folder.path().join(name)).expect("made");
            fs::write(folder.path().join(name).join("1.wav"), "x").expect("written");
        }
        let now = UtcMs(1_772_323_200_000); // 2026-03-01
        assert_eq!(sweep(folder.path(), 0, now).expect("swept"), 0);
        assert_eq!(sweep(folder.path(), 1, now).expect("swept"), 1);
        let left = |name: &str| folder.path().join(name).exists();
        assert!(!left("2026-02-27") && left("2026-02-28") && left("2026-03-01") && left("notes"));
        assert_eq!(
            sweep(&folder.path().join("none"), 1, now).expect("swept"),
            0
        );
    }

    #[test]
    fn a_file_is_read_piece_by_piece() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("1.wav");
        fs::write(&path, b"0123456789").expect("written");
        let read = |offset, limit| piece(&path, offset, limit).expect("read");
        assert_eq!(read(0, 4), (10, b"0123".to_vec()));
        assert_eq!(read(8, 4), (10, b"89".to_vec()));
        assert_eq!(read(20, 4), (10, Vec::new()));
    }
}
