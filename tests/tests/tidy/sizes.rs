//! Sizes of files, functions, structs and impls.

use crate::source::Source;
use std::collections::BTreeMap;

const FILE_LINES: usize = 600;
const FUNCTION_LINES: usize = 70;
/// Test functions hold tables of cases.
const TEST_FUNCTION_LINES: usize = 150;
const IMPL_LINES: usize = 1_000;
const STRUCT_FIELDS: usize = 20;
const PARAMETERS: usize = 6;

/// Functions that are one flat `match` or table, and structs that mirror a form or a row: each with its reason.
const LISTED: &[(&str, &str)] = &[
    (
        "switch/sip/src/value/reason.rs: fn reason_phrase",
        "one flat match: a status a line",
    ),
    (
        "switch/billing/src/cdr.rs: struct Cdr",
        "a CDR is a flat record; its fields are the columns of reports",
    ),
    (
        "switch/call/src/directory/mod.rs: struct Account",
        "an account's settings as the call path reads them",
    ),
    (
        "protocol/src/account.rs: struct AccountEdit",
        "an account's settings as its form has them",
    ),
    (
        "switch/call/src/directory/spec.rs: struct AccountSpec",
        "the same settings as a JSON document writes them",
    ),
    (
        "switch/sip/src/endpoint/client_invite.rs: fn step",
        "one flat match: every pair of state and input",
    ),
    (
        "switch/sip/src/endpoint/server_invite.rs: fn step",
        "one flat match: every pair of state and input",
    ),
    (
        "switch/media/tests/latch.rs: fn rules",
        "one table of cases, a line each",
    ),
    (
        "switch/call/src/monitor.rs: struct LiveCall",
        "a row of the live view",
    ),
];

pub fn faults(sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut impls: BTreeMap<String, usize> = BTreeMap::new();
    for source in sources {
        let lines = source.product_lines();
        if lines.len() > FILE_LINES {
            faults.push(format!(
                "{}: {} lines, limit {FILE_LINES}",
                source.path,
                lines.len()
            ));
        }
        for item in items(&lines) {
            let name = format!("{}: {} {}", source.path, item.kind, item.name);
            let limit = match item.kind {
                "fn" if source.is_test() => TEST_FUNCTION_LINES,
                "fn" => FUNCTION_LINES,
                "struct" => STRUCT_FIELDS,
                _ => usize::MAX,
            };
            if item.size > limit && !listed(&name) {
                faults.push(format!("{name}: {}, limit {limit}", item.size));
            }
            if item.kind == "fn" && item.parameters > PARAMETERS {
                faults.push(format!(
                    "{name}: {} parameters, limit {PARAMETERS}",
                    item.parameters
                ));
            }
            if item.kind == "impl" {
                let krate = source.path.split("/src/").next().unwrap_or_default();
                *impls
                    .entry(format!("{krate}: impl {}", item.name))
                    .or_default() += item.size;
            }
        }
    }
    faults.extend(
        impls
            .into_iter()
            .filter(|(_, size)| *size > IMPL_LINES)
            .map(|(name, size)| format!("{name}: {size} lines")),
    );
    faults
}

fn listed(name: &str) -> bool {
    LISTED
        .iter()
        .any(|(listed, reason)| *listed == name && !reason.is_empty())
}

struct Item {
    kind: &'static str,
    name: String,
    size: usize,
    parameters: usize,
}

/// Functions, structs and impls: from their head to the brace that closes them at the same indentation.
fn items(lines: &[&str]) -> Vec<Item> {
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let indent = line.len() - line.trim_start().len();
        let Some((kind, name)) = head(line.trim_start()) else {
            continue;
        };
        let closing = format!("{}}}", " ".repeat(indent));
        let Some(body) = lines[at..].iter().position(|l| {
            l.trim_end().ends_with('{')
                || l.trim_end().ends_with(';')
                || l.trim_end().ends_with('}')
        }) else {
            continue;
        };
        let signature = lines[at..=at + body].join(" ");
        let one_line = !signature.trim_end().ends_with('{');
        let end = if one_line {
            body
        } else {
            lines[at..]
                .iter()
                .position(|l| *l == closing)
                .unwrap_or(body)
        };
        let size = if kind == "struct" {
            fields(&lines[at..=at + end], indent)
        } else {
            end + 1
        };
        found.push(Item {
            kind,
            name,
            size,
            parameters: if kind == "fn" {
                parameters(&signature)
            } else {
                0
            },
        });
    }
    found
}

fn head(line: &str) -> Option<(&'static str, String)> {
    let mut words = line.split_whitespace().skip_while(|word| {
        word.starts_with("pub")
            || [
                "async", "const", "unsafe", "extern", "in", "crate)", "super)",
            ]
            .contains(word)
    });
    let first = words.next()?;
    let kind = ["fn", "struct"].into_iter().find(|kind| *kind == first);
    let ident = |word: &str| {
        word.chars()
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect::<String>()
    };
    if let Some(kind) = kind {
        return Some((kind, ident(words.next()?)));
    }
    if first != "impl" && !first.starts_with("impl<") {
        return None;
    }
    let target = line.split(" for ").last().unwrap_or(line);
    let target = target.trim_start_matches("impl").trim_start();
    let target = if target.starts_with('<') {
        target.split_once("> ").map_or(target, |(_, rest)| rest)
    } else {
        target
    };
    Some(("impl", ident(target)))
}

/// Field lines one level in that name a field.
fn fields(lines: &[&str], indent: usize) -> usize {
    let depth = indent + 4;
    lines
        .iter()
        .skip(1)
        .filter(|line| line.len() - line.trim_start().len() == depth)
        .filter(|line| {
            let text = line.trim_start();
            let text = text.strip_prefix("pub").map_or(text, |rest| {
                rest.trim_start_matches("(crate)")
                    .trim_start_matches("(super)")
                    .trim_start()
            });
            text.split_once(':').is_some_and(|(name, _)| {
                !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_')
            })
        })
        .count()
}

/// Colons at the depth of the parameter list, plus `self`.
fn parameters(signature: &str) -> usize {
    let Some(open) = signature.find('(') else {
        return 0;
    };
    let (mut depth, mut count, mut previous) = (0_i32, 0, ' ');
    let text = &signature[open..];
    for (at, c) in text.char_indices() {
        match c {
            '(' | '[' | '{' | '<' => depth += 1,
            '>' if previous == '-' || previous == '=' => {}
            ')' | ']' | '}' | '>' => depth -= 1,
            ':' if depth == 1 && previous != ':' && !text[at + 1..].starts_with(':') => count += 1,
            _ => {}
        }
        if depth == 0 {
            break;
        }
        previous = c;
    }
    count
}
