//! Words that must not stand in certain places.

use crate::source::Source;

struct Rule {
    why: &'static str,
    words: &'static [&'static str],
    /// Path beginnings to search; empty for all.
    within: &'static [&'static str],
    /// Path beginnings that may.
    except: &'static [&'static str],
    /// Whether tests are searched too.
    tests: Tests,
}

#[derive(Clone, Copy, PartialEq)]
enum Tests {
    Too,
    Not,
}

const CORE: &[&str] = &[
    "switch/sip/src",
    "switch/sdp/src",
    "switch/billing/src",
    "switch/call/src",
];

const RULES: &[Rule] = &[
    Rule {
        why: "core crates do no I/O, read no clock, spawn and lock nothing",
        words: &[
            "Instant::now",
            "SystemTime::now",
            "Timestamp::now",
            "Zoned::now",
            "std::fs",
            "std::thread",
            "UdpSocket",
            "TcpStream",
            "TcpListener",
            "Mutex",
            "RwLock",
            "rand::rng()",
            "from_os_rng",
            "println!",
            "eprintln!",
        ],
        within: CORE,
        except: &[],
        tests: Tests::Not,
    },
    Rule {
        why: "the window can be built for a browser: threads, sockets, files and clocks are its transport's",
        words: &[
            "Instant::now",
            "SystemTime",
            "Timestamp::now",
            "std::fs",
            "std::net",
            "std::thread",
            "tokio::",
            "TcpStream",
        ],
        within: &["manager/src"],
        except: &["manager/src/transport/native.rs", "manager/src/testing"],
        tests: Tests::Not,
    },
    Rule {
        why: "SQL stands in the store only",
        words: &[
            "SELECT ",
            "INSERT INTO",
            "DELETE FROM",
            "CREATE TABLE",
            "PRAGMA ",
        ],
        within: &[],
        except: &["switch/store/"],
        tests: Tests::Not,
    },
    Rule {
        why: "money knows no binary floating point",
        words: &["f32", "f64"],
        within: &["switch/billing/src", "switch/call/src"],
        except: &[],
        tests: Tests::Not,
    },
    Rule {
        why: "unfinished",
        words: &["todo!(", "unimplemented!(", "TODO", "FIXME", "#[ignore"],
        within: &[],
        except: &["tests/tests/tidy/"],
        tests: Tests::Too,
    },
    Rule {
        why: "tests wait on events, never on time",
        words: &["thread::sleep(", "time::sleep("],
        within: &[
            "tests/",
            "switch/sip/tests",
            "switch/call/tests",
            "switch/store/tests",
            "switch/media/tests",
            "switch/tests",
        ],
        except: &["tests/tests/tidy/"],
        tests: Tests::Too,
    },
    Rule {
        why: "colours stand in the manager's theme",
        words: &[
            "Color32::from_rgb",
            "Color32::from_gray",
            "Color32::from_rgba",
            "Color32::RED",
            "Color32::GREEN",
            "Color32::WHITE",
            "Color32::BLACK",
        ],
        within: &["manager/src"],
        except: &["manager/src/theme"],
        tests: Tests::Not,
    },
];

pub fn faults(sources: &[Source]) -> Vec<String> {
    let mut faults = Vec::new();
    for rule in RULES {
        let begins =
            |paths: &[&str], path: &str| paths.iter().any(|beginning| path.starts_with(beginning));
        for source in sources {
            let wanted = (rule.within.is_empty() || begins(rule.within, &source.path))
                && !begins(rule.except, &source.path);
            if !wanted || (rule.tests == Tests::Not && source.is_test()) {
                continue;
            }
            let lines: Vec<&str> = if rule.tests == Tests::Too {
                source.text.lines().collect()
            } else {
                source.product_lines()
            };
            for (number, line) in lines
                .iter()
                .enumerate()
                .filter(|(_, line)| !line.trim_start().starts_with("//!"))
            {
                let code = if rule.why == "unfinished" {
                    line
                } else {
                    line.split("//").next().unwrap_or(line)
                };
                if let Some(word) = rule.words.iter().find(|word| contains_word(code, word)) {
                    faults.push(format!(
                        "{}:{}: {word}: {}",
                        source.path,
                        number + 1,
                        rule.why
                    ));
                }
            }
        }
    }
    faults
}

/// As a word of its own where the needle begins or ends with a letter.
fn contains_word(line: &str, word: &str) -> bool {
    let letter = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    line.match_indices(word).any(|(at, _)| {
        let before = letter(line[..at].chars().next_back()) && letter(word.chars().next());
        let after =
            letter(line[at + word.len()..].chars().next()) && letter(word.chars().next_back());
        !before && !after
    })
}
