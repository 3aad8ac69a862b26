//! What differs between the configuration that runs and the file as it is now, key by key.

use super::Config;
use std::collections::BTreeMap;
use toml::Value;

/// Keys that a running switch takes over; all others need a restart.
pub const RELOADED: [&str; 4] = [
    "limits.drain_s",
    "limits.max_calls",
    "limits.max_transactions",
    "log.filter",
];

/// The keys that differ, as written in the file, e.g. `listen[0].address`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Taken over at once.
    pub reloaded: Vec<String>,
    /// In force after a restart.
    pub restart: Vec<String>,
}

impl Changes {
    /// From `running` to `new`.
    #[must_use]
    pub fn between(running: &Config, new: &Config) -> Self {
        let (before, after) = (keys(running), keys(new));
        let mut changes = Self::default();
        for key in before.keys().chain(after.keys()) {
            if before.get(key) == after.get(key) {
                continue;
            }
            let list = if RELOADED.contains(&key.as_str()) {
                &mut changes.reloaded
            } else {
                &mut changes.restart
            };
            if !list.contains(key) {
                list.push(key.clone());
            }
        }
        changes
    }

    /// Every key that has a value by default.
    #[must_use]
    pub fn known() -> Vec<String> {
        keys(&Config::default()).into_keys().collect()
    }

    /// Nothing differs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.reloaded.is_empty() && self.restart.is_empty()
    }
}

/// Every value of a configuration by its key.
fn keys(config: &Config) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    if let Ok(value) = Value::try_from(config) {
        flatten(String::new(), &value, &mut found);
    }
    found
}

fn flatten(key: String, value: &Value, found: &mut BTreeMap<String, String>) {
    match value {
        Value::Table(table) => {
            for (name, value) in table {
                let key = if key.is_empty() {
                    name.clone()
                } else {
                    format!("{key}.{name}")
                };
                flatten(key, value, found);
            }
        }
        Value::Array(values) => {
            for (at, value) in values.iter().enumerate() {
                flatten(format!("{key}[{at}]"), value, found);
            }
        }
        _ => drop(found.insert(key, value.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::{Changes, RELOADED, keys};
    use crate::config::Config;

    fn config(text: &str) -> Config {
        toml::from_str(text).expect("well formed")
    }

    #[test]
    fn each_key_is_named_with_what_it_needs() {
        let running = config("");
        assert!(Changes::between(&running, &running).is_empty());
        let new = config(
            r#"
            data = "elsewhere"
            listen = [ { transport = "udp", address = "0.0.0.0:5080", advertised = "192.0.2.1" } ]
            log = { filter = "debug" }
            limits = { max_calls = 5, drain_s = 1 }
            rpc = { address = "[::]:7443" }
        "#,
        );
        let changes = Changes::between(&running, &new);
        assert_eq!(
            changes.reloaded,
            ["limits.drain_s", "limits.max_calls", "log.filter"]
        );
        let restart = [
            "data",
            "listen[0].address",
            "listen[1].address",
            "listen[1].transport",
            "rpc.address",
            "listen[0].advertised",
        ];
        assert_eq!(changes.restart, restart);
    }

    #[test]
    fn every_key_that_is_reloaded_exists() {
        let known = keys(&Config::default());
        for key in RELOADED {
            assert!(known.contains_key(key), "{key}");
        }
    }
}
