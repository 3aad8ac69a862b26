//! Whole calls as scripts: `tests/flows/NAME.flow` in; SIP ladder, CDRs and ledger entries out, held against
//! `NAME.ladder` beside it. With `UPDATE_LADDERS=1` in the environment those are written anew.
//!
//! What a script may say stands in [`script`], how the outcome is printed in [`ladder`].

#![allow(clippy::unwrap_used)] // a test fails by panicking

mod ladder;
mod script;

use std::{fs, path::PathBuf};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("flows")
}

#[test]
fn every_script_gives_its_ladder() {
    let update = std::env::var_os("UPDATE_LADDERS").is_some();
    let mut scripts: Vec<PathBuf> = fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "flow"))
        .collect();
    scripts.sort();
    assert!(scripts.len() >= 10, "the scripts are there");
    let mut wrong = Vec::new();
    for path in scripts {
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let printed = script::run(&name, &fs::read_to_string(&path).unwrap());
        let expected = path.with_extension("ladder");
        if update {
            fs::write(&expected, &printed).unwrap();
        } else if fs::read_to_string(&expected).unwrap_or_default() != printed {
            wrong.push(format!("{name}:\n{printed}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "these differ from their ladders:\n{}",
        wrong.join("\n")
    );
}
