//! Which switch, as whom, and how the line stands.

use serde::{Deserialize, Serialize};
use tandem_protocol::{RpcError, login::Session};

/// A switch the operator has saved. Passwords are not kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    pub name: String,
    pub address: String,
    pub login: String,
    /// SHA-256 of its certificate, once trusted.
    pub pin: Option<String>,
}

/// How the line stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Phase {
    #[default]
    Offline,
    Connecting,
    /// First use: is this the switch?
    Unpinned {
        fingerprint: String,
    },
    /// The switch shows another certificate than before. Refused.
    PinChanged {
        pinned: String,
        shown: String,
    },
    LoggingIn,
    Online(Session),
    /// Lost; tried again at this time.
    Waiting {
        retry_at_ms: i64,
        reason: String,
    },
}

pub const PRODUCT: &str = "Tandem Manager";

/// Milliseconds until the n-th attempt after a loss.
const BACK_OFF: [i64; 6] = [1_000, 2_000, 5_000, 10_000, 20_000, 30_000];

/// See the module.
#[derive(Clone, Debug, Default)]
pub struct Connection {
    pub phase: Phase,
    pub servers: Vec<Server>,
    pub chosen: usize,
    /// What the connection window edits.
    pub form: Server,
    pub password: String,
    /// Why the last attempt failed, readable and copyable.
    pub failure: Option<String>,
    /// Who was logged in last, and may do what: the window stays as it is while the line is restored.
    pub known: Option<Session>,
    /// Kept for reconnecting, never stored.
    pub(super) secret: Option<String>,
    attempts: usize,
}

impl Connection {
    pub fn session(&self) -> Option<&Session> {
        match &self.phase {
            Phase::Online(session) => Some(session),
            _ => None,
        }
    }

    /// Whether the main window shows: online, or on the way back. A certificate to look at stands before it.
    pub fn has_session(&self) -> bool {
        match self.phase {
            Phase::Online(_) => true,
            Phase::Unpinned { .. } | Phase::PinChanged { .. } => false,
            _ => self.is_returning(),
        }
    }

    /// Whether a line that was logged in is being restored.
    pub fn is_returning(&self) -> bool {
        self.secret.is_some() && self.attempts > 0
    }

    /// What the window is called, so that several tell apart in a task bar.
    pub fn title(&self) -> String {
        let about = match &self.phase {
            Phase::Online(session) => format!("{}@{}", session.name, self.form.address.trim()),
            Phase::Unpinned { .. } => "Is this your switch?".into(),
            Phase::PinChanged { .. } => "Another certificate".into(),
            Phase::Waiting { .. } => "Connection lost".into(),
            Phase::Offline | Phase::Connecting | Phase::LoggingIn => return PRODUCT.into(),
        };
        format!("{PRODUCT} - {about}")
    }

    pub fn choose(&mut self, at: usize) {
        if let Some(server) = self.servers.get(at) {
            self.form = server.clone();
            self.chosen = at;
            self.password.clear();
            self.failure = None;
        }
    }

    /// Keeps what the form says; a server of the same address is replaced.
    pub fn remember(&mut self) {
        let mut server = self.form.clone();
        if server.name.trim().is_empty() {
            server.name = server.address.clone();
        }
        match self
            .servers
            .iter()
            .position(|known| known.address == server.address)
        {
            Some(at) => {
                self.chosen = at;
                if let Some(known) = self.servers.get_mut(at) {
                    *known = server;
                }
            }
            None => {
                self.servers.push(server);
                self.chosen = self.servers.len() - 1;
            }
        }
    }

    pub fn forget(&mut self, at: usize) {
        if at < self.servers.len() {
            self.servers.remove(at);
        }
        self.chosen = self.chosen.min(self.servers.len().saturating_sub(1));
    }

    /// What stops a log-in, if anything.
    pub fn missing(&self) -> Option<&'static str> {
        if self.form.address.trim().is_empty() {
            Some("Give the switch's address.")
        } else if self.form.login.trim().is_empty() {
            Some("Give your login.")
        } else if self.password.is_empty() && self.secret.is_none() {
            Some("Give your password.")
        } else {
            None
        }
    }

    pub(super) fn online(&mut self, session: Session) {
        self.attempts = 0;
        self.failure = None;
        self.password.clear();
        self.known = Some(session.clone());
        self.phase = Phase::Online(session);
    }

    /// The line went: back off and try again if we were logged in, else say why.
    pub(super) fn lost(&mut self, reason: String, now_ms: i64) {
        let was_in = self.has_session();
        self.failure = Some(reason.clone());
        if was_in && self.secret.is_some() {
            let wait = BACK_OFF
                .get(self.attempts)
                .or(BACK_OFF.last())
                .copied()
                .unwrap_or(1_000);
            self.attempts += 1;
            self.phase = Phase::Waiting {
                retry_at_ms: now_ms + wait,
                reason,
            };
        } else {
            self.offline();
        }
    }

    pub(super) fn refused(&mut self, error: &RpcError) {
        self.failure = Some(error.to_string());
        self.password.clear();
        self.offline();
    }

    pub(super) fn offline(&mut self) {
        self.phase = Phase::Offline;
        self.known = None;
        self.secret = None;
        self.attempts = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tandem_protocol::{LoginId, Role};

    fn session() -> Session {
        Session {
            login: LoginId(1),
            name: "admin".into(),
            role: Role::Admin,
            rights: Vec::new(),
            account: None,
            idle_limit_s: 900,
            version: "0.1.0".into(),
        }
    }

    #[test]
    fn a_lost_line_is_tried_again_ever_slower() {
        let mut connection = Connection {
            secret: Some("pw".into()),
            ..Connection::default()
        };
        connection.online(session());
        let mut waits = Vec::new();
        for _ in 0..8 {
            connection.lost("gone".into(), 0);
            let Phase::Waiting { retry_at_ms, .. } = connection.phase else {
                panic!("waits")
            };
            waits.push(retry_at_ms);
        }
        assert_eq!(
            waits,
            [1_000, 2_000, 5_000, 10_000, 20_000, 30_000, 30_000, 30_000]
        );
        assert!(connection.has_session());
        connection.online(session());
        connection.lost("gone".into(), 0);
        assert!(matches!(
            connection.phase,
            Phase::Waiting {
                retry_at_ms: 1_000,
                ..
            }
        ));
    }

    #[test]
    fn a_first_attempt_that_fails_says_why() {
        let mut connection = Connection {
            secret: Some("pw".into()),
            ..Connection::default()
        };
        connection.phase = Phase::Connecting;
        connection.lost("refused".into(), 0);
        assert_eq!(
            (connection.phase.clone(), connection.failure.as_deref()),
            (Phase::Offline, Some("refused"))
        );
        assert!(!connection.has_session());
    }
}
