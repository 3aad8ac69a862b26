//! Keeps the shape of the workspace: sizes, direction, absence (design.md sections 1, 3, 4, 9).
//!
//! It reads the sources as text; `cargo fmt --check` has made their layout regular before.

mod absence;
mod bounds;
mod direction;
mod sizes;
mod source;

use source::Source;

/// Fails with every fault at once, one a line.
fn expect_none(rule: &str, faults: &[String]) {
    assert!(faults.is_empty(), "{rule}:\n  {}", faults.join("\n  "));
}

#[test]
fn files_functions_types_keep_their_sizes() {
    expect_none(
        "too large: split it by meaning (design.md section 9)",
        &sizes::faults(&Source::all()),
    );
}

#[test]
fn crates_depend_only_as_the_table_says() {
    expect_none(
        "dependency against the direction (design.md section 3)",
        &direction::faults(),
    );
}

#[test]
fn top_level_holds_only_what_is_agreed() {
    expect_none(
        "unexpected at top level (design.md section 1)",
        &direction::top_level_faults(),
    );
}

#[test]
fn one_version_of_each_direct_dependency() {
    expect_none(
        "second version of a direct dependency in Cargo.lock",
        &direction::version_faults(),
    );
}

#[test]
fn what_the_network_fills_has_an_end_and_a_test() {
    expect_none(
        "bounds.rs names what is not there",
        &bounds::faults(&Source::all()),
    );
}

#[test]
fn what_must_be_absent_is_absent() {
    expect_none("must not stand here", &absence::faults(&Source::all()));
}
