//! No room left: for pages, and for bytes of any file, the log and the database while it is checkpointed among them.
//! What was committed is whole, nothing of the rest is there, and once there is room the same batches go on.

use crate::{
    crash::{check_recovered, options, prepared},
    fixture::{Fixture, START},
};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::{fs, process::Command};
use tandem_billing::UtcMs;
use tandem_call::journal::Batch;
use tandem_store::{Committer, Store};

fn open(fixture: &Fixture, pragma: &str) -> rusqlite::Result<rusqlite::Connection> {
    let connection = rusqlite::Connection::open(fixture.path())?;
    let settings = "PRAGMA foreign_keys = ON; PRAGMA synchronous = OFF;";
    connection.execute_batch(settings)?;
    connection.execute_batch(pragma)?;
    Ok(connection)
}

fn pages(fixture: &Fixture) -> i64 {
    let connection = open(fixture, "").unwrap();
    connection
        .query_row("PRAGMA page_count", [], |row| row.get(0))
        .unwrap()
}

/// Commits until there is no room; how many batches are committed.
fn commit_while_it_fits(committer: &mut Committer, batches: &[(Batch, UtcMs)]) -> usize {
    let committed = batches
        .iter()
        .take_while(|(batch, at)| committer.commit(std::slice::from_ref(batch), *at).is_ok());
    committed.count()
}

#[test]
fn a_process_that_dies_without_a_page_left_has_lost_nothing_it_confirmed() {
    let (fixture, operator, script) = prepared();
    let template = fixture.folder.path().join("template");
    fs::copy(fixture.path(), &template).unwrap();
    let page_count = pages(&fixture);
    let mut refused = 0;
    for more in 0.. {
        fs::copy(&template, fixture.path()).unwrap();
        let limit = format!("PRAGMA max_page_count = {};", page_count + more);
        let mut committer = Committer::over(open(&fixture, &limit).unwrap());
        let committed = commit_while_it_fits(&mut committer, &script);
        drop(committer);
        check_recovered(&fixture, operator, &script[..committed]);
        if committed == script.len() {
            break;
        }
        refused += 1;
    }
    assert!(refused > 0, "the limit of pages refuses nothing");
}

#[test]
fn with_room_again_the_same_batches_go_on() {
    let (fixture, operator, script) = prepared();
    let page_count = pages(&fixture);
    let limit = format!("PRAGMA max_page_count = {page_count};");
    let mut full = Committer::over(open(&fixture, &limit).unwrap());
    let committed = commit_while_it_fits(&mut full, &script);
    assert!(committed < script.len(), "there is room for all");
    let again = commit_while_it_fits(&mut full, &script[committed..]);
    assert_eq!(again, 0, "what does not fit is refused again");
    drop(full);
    let mut committer = Committer::over(open(&fixture, "").unwrap());
    assert_eq!(
        commit_while_it_fits(&mut committer, &script[committed..]),
        script.len() - committed
    );
    drop(committer);
    check_recovered(&fixture, operator, &script);
}

/// Set for the process that limits itself.
const LIMITED: &str = "TANDEM_STORE_LIMITED";

/// The limit of file sizes holds for a whole process, so the test runs in one of its own, in which the signal that
/// comes with it is ignored.
#[test]
fn no_file_may_grow_beyond_any_size() {
    if std::env::var_os(LIMITED).is_some() {
        return under_every_limit();
    }
    let itself = std::env::current_exe().unwrap();
    let status = Command::new("sh")
        .args([
            "-c",
            "trap '' XFSZ; exec \"$0\" --exact full_disk::no_file_may_grow_beyond_any_size",
        ])
        .arg(itself)
        .env(LIMITED, "1")
        .status()
        .unwrap();
    assert!(status.success());
}

fn limit(bytes: Option<u64>) {
    let hard = getrlimit(Resource::Fsize).maximum;
    setrlimit(
        Resource::Fsize,
        Rlimit {
            current: bytes,
            maximum: hard,
        },
    )
    .unwrap();
}

fn under_every_limit() {
    let (fixture, operator, script) = prepared();
    let template = fixture.folder.path().join("template");
    fs::copy(fixture.path(), &template).unwrap();
    let size = fs::metadata(&template).unwrap().len();
    // In the log a frame is a page and 24 bytes; the steps of this walk fall on every part of one.
    let step = 20_011;
    let (mut refused, mut kept_down) = (0, 0);
    for bytes in (0..size + 20 * step).step_by(usize::try_from(step).unwrap()) {
        for file in ["tandem.db-wal", "tandem.db-shm"] {
            let _ = fs::remove_file(fixture.folder.path().join(file));
        }
        fs::copy(&template, fixture.path()).unwrap();
        limit(Some(bytes));
        // Checkpoints after each commit, so that the database itself is written under the limit too.
        let connection = open(&fixture, "PRAGMA wal_autocheckpoint = 1;");
        let committed = connection.map_or(0, |connection| {
            commit_while_it_fits(&mut Committer::over(connection), &script)
        });
        // A start without room may fail, and harms nothing.
        kept_down +=
            usize::from(Store::open(&fixture.path(), options(START.plus_ms(400_000))).is_err());
        limit(None);
        check_recovered(&fixture, operator, &script[..committed]);
        refused += usize::from(committed < script.len());
    }
    assert!(
        refused > 3 && kept_down > 3,
        "{refused} commits and {kept_down} starts failed"
    );
}
