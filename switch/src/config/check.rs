//! Every fault of a configuration at once.

use super::{Config, ListenTransport};
use std::path::PathBuf;

/// What is wrong with one key, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// As written in the file, e.g. `media.last_port`.
    pub key: String,
    /// What and how to mend it.
    pub text: String,
}

/// Why a configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// No such file, or no right to read it.
    #[error("configuration {path}: {source}")]
    Unreadable {
        /// Of the file.
        path: PathBuf,
        /// The system's word.
        source: std::io::Error,
    },
    /// Not TOML, an unknown key, or a value of the wrong kind.
    #[error("configuration {path}: {reason}")]
    Syntax {
        /// Of the file.
        path: PathBuf,
        /// With line and column.
        reason: String,
    },
    /// Well formed, but it cannot work.
    #[error("configuration {path}:{}", list(faults))]
    Faults {
        /// Of the file.
        path: PathBuf,
        /// Each key.
        faults: Vec<Fault>,
    },
}

fn list(faults: &[Fault]) -> String {
    faults
        .iter()
        .map(|fault| format!("\n  {}: {}", fault.key, fault.text))
        .collect()
}

/// Longer ones are no names, and would be in every message.
const MAX_PRODUCT: usize = 64;
/// Below this the relay cannot carry even one call.
const PORTS_OF_A_CALL: u32 = 4;

impl Config {
    /// Everything that is wrong with the values. Empty if all is well.
    #[must_use]
    pub fn faults(&self) -> Vec<Fault> {
        let mut faults = Vec::new();
        let mut fault = |key: &str, text: String| {
            faults.push(Fault {
                key: key.to_owned(),
                text,
            })
        };
        if self.data.as_os_str().is_empty() {
            fault("data", "is empty; name the folder for the database".into());
        }
        if self.listen.is_empty() {
            fault(
                "listen",
                "has no entry; add at least one [[listen]] with transport and address".into(),
            );
        }
        for (at, listen) in self.listen.iter().enumerate() {
            let same = |other: &&super::ListenConfig| {
                is_stream(other.transport) == is_stream(listen.transport)
                    && other.address == listen.address
                    && listen.address.port() != 0
            };
            if self.listen[..at].iter().any(|other| same(&other)) {
                fault(
                    &format!("listen[{at}].address"),
                    format!("{} is listed twice", listen.address),
                );
            }
            if listen.advertised.is_some_and(|ip| ip.is_unspecified()) {
                fault(
                    &format!("listen[{at}].advertised"),
                    "is no address that peers could reach".into(),
                );
            }
            if listen
                .advertised
                .is_some_and(|ip| ip.is_ipv4() != listen.address.is_ipv4())
            {
                fault(
                    &format!("listen[{at}].advertised"),
                    "is of another IP version than the address".into(),
                );
            }
            let taken = is_stream(listen.transport) && listen.address == self.rpc.address;
            if taken && listen.address.port() != 0 {
                fault(
                    &format!("listen[{at}].address"),
                    "is rpc.address too; choose another port".into(),
                );
            }
        }
        self.tls_faults(&mut fault);
        self.media_faults(&mut fault);
        self.limit_faults(&mut fault);
        self.product_faults(&mut fault);
        faults
    }

    fn tls_faults(&self, fault: &mut impl FnMut(&str, String)) {
        let tls = &self.tls;
        if tls.certificate.is_some() != tls.key.is_some() {
            let text = "certificate and key go together; set both, or neither";
            fault("tls", text.into());
        }
        let files = [
            ("tls.certificate", &tls.certificate),
            ("tls.key", &tls.key),
            ("tls.authorities", &tls.authorities),
        ];
        for (key, path) in files {
            if let Some(path) = path
                && let Err(error) = std::fs::File::open(path)
            {
                fault(key, format!("{} cannot be read: {error}", path.display()));
            }
        }
    }

    fn product_faults(&self, fault: &mut impl FnMut(&str, String)) {
        let is_fit = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
        let product = &self.product;
        if product.len() > MAX_PRODUCT || !product.bytes().all(is_fit) || product.trim() != product
        {
            fault(
                "product",
                format!("is not a name of at most {MAX_PRODUCT} printable ASCII characters"),
            );
        }
    }

    fn limit_faults(&self, fault: &mut impl FnMut(&str, String)) {
        if self.limits.max_calls == 0 {
            fault(
                "limits.max_calls",
                "is 0; name how many calls may be up at once".into(),
            );
        }
        if self.limits.max_transactions < self.limits.max_calls {
            fault(
                "limits.max_transactions",
                "is below limits.max_calls; every call needs two or more".into(),
            );
        }
        let connections = [
            ("limits.max_connections", self.limits.max_connections),
            (
                "limits.max_connections_per_source",
                self.limits.max_connections_per_source,
            ),
        ];
        for (key, limit) in connections {
            if limit == 0 {
                fault(key, "is 0; name how many there may be at once".into());
            }
        }
        if let Err(error) = self.log.filter.parse::<tracing_subscriber::EnvFilter>() {
            fault("log.filter", format!("{error}; use e.g. info"));
        }
    }

    fn media_faults(&self, fault: &mut impl FnMut(&str, String)) {
        let media = &self.media;
        let ports = u32::from(media.last_port).saturating_sub(u32::from(media.first_port)) + 1;
        if media.first_port < 1024 {
            fault(
                "media.first_port",
                "is below 1024; ports below need privileges".into(),
            );
        }
        if media.last_port < media.first_port || ports < PORTS_OF_A_CALL {
            fault(
                "media.last_port",
                format!("leaves no room for a call ({PORTS_OF_A_CALL} ports); raise it"),
            );
        }
        if media.threads > 64 {
            fault("media.threads", "is above 64".into());
        }
        if media.advertised.is_some_and(|ip| ip.is_unspecified()) {
            fault(
                "media.advertised",
                "is no address that peers could reach".into(),
            );
        }
        for (at, listen) in self.listen.iter().enumerate() {
            let port = listen.address.port();
            if listen.transport == ListenTransport::Udp
                && (media.first_port..=media.last_port).contains(&port)
            {
                fault(
                    &format!("listen[{at}].address"),
                    format!("port {port} lies within the relay's ports"),
                );
            }
        }
    }
}

/// UDP has ports of its own.
fn is_stream(transport: ListenTransport) -> bool {
    transport != ListenTransport::Udp
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Vec<String> {
        let config: Config = toml::from_str(text).expect("well formed");
        config.faults().into_iter().map(|fault| fault.key).collect()
    }

    #[test]
    fn defaults_are_sound() {
        assert_eq!(Config::default().faults(), []);
    }

    #[test]
    fn all_faults_come_at_once() {
        let text = r#"
            listen = [
                { transport = "udp", address = "127.0.0.1:20002" },
                { transport = "udp", address = "127.0.0.1:20002", advertised = "::1" },
            ]
            media = { first_port = 80, last_port = 20010 }
            limits = { max_calls = 0 }
        "#;
        let expected = [
            "listen[1].address",
            "listen[1].advertised",
            "media.first_port",
            "listen[0].address",
            "listen[1].address",
            "limits.max_calls",
        ];
        assert_eq!(faults(text), expected);
    }

    #[test]
    fn unknown_keys_are_named() {
        let error = toml::from_str::<Config>("[media]\nfrist_port = 1").expect_err("misspelt");
        assert!(error.to_string().contains("frist_port"), "{error}");
    }
}
