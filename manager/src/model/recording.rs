//! The CDR whose detail shows, and its recording, fetched piece by piece.

use super::{
    Model,
    answer::Purpose,
    notice::Level,
    request::{Requests, Slot},
};
use crate::transport::Ask;
use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::json;
use tandem_protocol::{
    CallId, RpcError,
    cdr::CdrDetail as DetailedCdr,
    recording::{RecordParams, Recording, RecordingPart, RecordingReadParams},
};

/// Bytes asked for at once: the protocol's limit.
const PIECE: u32 = 524_288;

/// See the module.
#[derive(Debug, Default)]
pub struct CdrDetail {
    pub call: Option<i64>,
    pub cdr: Slot<DetailedCdr>,
    /// The file that is being fetched, as far as it is here.
    fetched: Option<Fetched>,
}

#[derive(Debug)]
struct Fetched {
    call: CallId,
    /// Of the call's files, from 1.
    file: u16,
    bytes: Vec<u8>,
}

impl CdrDetail {
    /// The files of the recording, if there are any.
    pub fn recording(&self) -> Option<&str> {
        self.cdr.value()?.cdr.recording.as_deref()
    }

    pub fn is_fetching(&self) -> bool {
        self.fetched.is_some()
    }

    /// Begins to fetch the recording.
    pub fn fetch(&mut self, requests: &mut Requests<Purpose>) {
        if let Some(call) = self.call.map(CallId).filter(|_| self.fetched.is_none()) {
            self.begin(call, 1, requests);
        }
    }

    fn begin(&mut self, call: CallId, file: u16, requests: &mut Requests<Purpose>) {
        self.fetched = Some(Fetched {
            call,
            file,
            bytes: Vec::new(),
        });
        ask(call, (file, 0), requests);
    }

    /// Takes a piece in; the name and the whole when it was the last one of its file.
    fn take(
        &mut self,
        call: CallId,
        part: RecordingPart,
        requests: &mut Requests<Purpose>,
    ) -> Result<Option<(String, Vec<u8>)>, String> {
        let Some(fetched) = self.fetched.as_mut().filter(|fetched| fetched.call == call) else {
            return Ok(None);
        };
        let (file, bytes) = (fetched.file, &mut fetched.bytes);
        let piece = BASE64_STANDARD.decode(part.base64);
        let piece = piece.map_err(|error| format!("unreadable recording: {error}"))?;
        let ends = piece.is_empty() || (bytes.len() + piece.len()) as u64 >= part.total;
        bytes.extend(piece);
        if ends {
            let whole = self.fetched.take();
            if file < part.files {
                self.begin(call, file + 1, requests);
            }
            return Ok(whole.map(|fetched| (part.name, fetched.bytes)));
        }
        ask(call, (file, bytes.len() as u64), requests);
        Ok(None)
    }
}

fn ask(call: CallId, (file, offset): (u16, u64), requests: &mut Requests<Purpose>) {
    let params = RecordingReadParams {
        call,
        file,
        offset,
        limit: PIECE,
    };
    requests.call(
        "recording.read",
        json!(params),
        Purpose::RecordingPart(call),
    );
}

/// Begins or ends the recording of an open call.
pub fn record(call: CallId, recording: Recording, requests: &mut Requests<Purpose>) {
    let done = match recording {
        Recording::On => format!("Call {call} is recorded"),
        Recording::Off => format!("Call {call} is no longer recorded"),
    };
    let params = RecordParams { call, recording };
    requests.call("live.record", json!(params), Purpose::Done(done));
}

impl Model {
    pub(super) fn recording_part(&mut self, call: CallId, result: Result<RecordingPart, RpcError>) {
        let taken = result
            .map_err(|error| error.to_string())
            .and_then(|part| self.cdr.take(call, part, &mut self.requests));
        match taken {
            Ok(Some((name, contents))) => self.requests.ask(Ask::SaveFile { name, contents }),
            Ok(None) => {}
            Err(fault) => {
                self.cdr.fetched = None;
                self.notify(Level::Bad, fault);
            }
        }
    }
}
