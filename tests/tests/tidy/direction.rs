//! Who may depend on whom, and what stands at top level.

use crate::source::root;
use std::collections::BTreeMap;

/// design.md section 3: the workspace crates that each crate may name in `[dependencies]`.
const MAY_DEPEND: &[(&str, &[&str])] = &[
    ("switch/sip", &[]),
    ("switch/sdp", &[]),
    ("switch/billing", &[]),
    ("switch/media", &["tandem-sdp"]),
    (
        "switch/call",
        &["tandem-sip", "tandem-sdp", "tandem-billing"],
    ),
    // `sip` besides: the directory's types name its transports and digest secrets.
    (
        "switch/store",
        &["tandem-billing", "tandem-call", "tandem-sip"],
    ),
    ("protocol", &[]),
    (
        "switch",
        &[
            "tandem-sip",
            "tandem-sdp",
            "tandem-media",
            "tandem-billing",
            "tandem-call",
            "tandem-store",
            "tandem-protocol",
        ],
    ),
    ("manager", &["tandem-protocol"]),
];

/// Crates without I/O: nothing that brings sockets, threads, files or an async runtime.
const CORE: &[&str] = &["switch/sip", "switch/sdp", "switch/billing", "switch/call"];
const IO_CRATES: &[&str] = &[
    "tokio",
    "mio",
    "libc",
    "socket2",
    "rusqlite",
    "hyper",
    "axum",
    "tracing-subscriber",
];

const TOP_LEVEL: &[&str] = &[
    "Cargo.toml",
    "Cargo.lock",
    "CHANGELOG.md",
    "LICENSE",
    "README.md",
    "assets",
    "installer",
    "manager",
    "protocol",
    "switch",
    "tests",
];

pub fn faults() -> Vec<String> {
    let mut faults = Vec::new();
    for (krate, allowed) in MAY_DEPEND {
        for name in dependencies(krate) {
            if name.starts_with("tandem-") && !allowed.contains(&name.as_str()) {
                faults.push(format!("{krate} depends on {name}"));
            }
            if CORE.contains(krate) && IO_CRATES.contains(&name.as_str()) {
                faults.push(format!("{krate} does no I/O, yet depends on {name}"));
            }
        }
    }
    faults
}

fn manifest(krate: &str) -> toml::Table {
    let path = root().join(krate).join("Cargo.toml");
    let text = std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    text.parse()
        .unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn dependencies(krate: &str) -> Vec<String> {
    let manifest = manifest(krate);
    let mut names: Vec<String> = Vec::new();
    let mut add = |table: Option<&toml::Value>| {
        names.extend(
            table
                .and_then(toml::Value::as_table)
                .into_iter()
                .flat_map(|t| t.keys().cloned()),
        );
    };
    add(manifest.get("dependencies"));
    for target in manifest
        .get("target")
        .and_then(toml::Value::as_table)
        .into_iter()
        .flat_map(|t| t.values())
    {
        add(target.get("dependencies"));
    }
    names
}

pub fn top_level_faults() -> Vec<String> {
    let entries = std::fs::read_dir(root()).expect("the root is readable");
    entries
        .filter_map(Result::ok)
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| {
            !name.starts_with('.')
                && !name.starts_with("target")
                && !TOP_LEVEL.contains(&name.as_str())
        })
        .collect()
}

pub fn version_faults() -> Vec<String> {
    let direct = manifest("")
        .get("workspace")
        .and_then(|w| w.get("dependencies"))
        .cloned();
    let direct = direct
        .and_then(|d| d.as_table().cloned())
        .expect("the workspace names its dependencies");
    let lock = std::fs::read_to_string(root().join("Cargo.lock")).expect("Cargo.lock is committed");
    let lock: toml::Table = lock.parse().expect("Cargo.lock is TOML");
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in lock
        .get("package")
        .and_then(toml::Value::as_array)
        .expect("it lists packages")
    {
        let text = |key| {
            package
                .get(key)
                .and_then(toml::Value::as_str)
                .unwrap_or_default()
        };
        versions
            .entry(text("name"))
            .or_default()
            .push(text("version"));
    }
    let second = |name: &str| versions.get(name).is_some_and(|found| found.len() > 1);
    direct
        .keys()
        .filter(|name| second(name) && !SECOND_BY_OTHERS.iter().any(|(listed, _)| listed == name))
        .map(|name| format!("{name}: {}", versions[name.as_str()].join(", ")))
        .collect()
}

/// Names of ours of which a dependency brings an older version; each with who.
const SECOND_BY_OTHERS: &[(&str, &str)] = &[
    ("base64", "jsonrpsee, rtc-stun"),
    ("md-5", "rsip 0.4"),
    ("sha2", "rsip 0.4"),
    ("rand", "proptest, jsonrpsee"),
    ("rand_chacha", "proptest"),
    ("rustix", "terminal and window libraries"),
    ("thiserror", "jsonrpsee and window libraries"),
];
