//! Who a connection acts as, and every connection there is.
//!
//! A session lives as long as its connection, unless it idles too long, its login changes, or it logs out.
//! Must not know methods.

use super::Clock;
use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
};
use tandem_billing::{AccountId, LoginId, UtcMs};
use tandem_protocol::{Access, Grant, Role};
use tandem_store::{Actor, Scope};
use tokio::sync::{Semaphore, watch};

/// Calls of one connection that may run at once; more wait in line.
const CALLS_AT_ONCE: usize = 16;

/// Someone who logged in: what every check and every handler goes by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Which login.
    pub login: LoginId,
    /// Its name.
    pub name: String,
    /// Its role.
    pub role: Role,
    /// What it may do, area by area: its role's rights, narrowed by its own.
    pub rights: Vec<Grant>,
    /// The reseller whose branch it sees; None sees all.
    pub branch: Option<AccountId>,
    /// Where it is connected from.
    pub address: SocketAddr,
}

impl Caller {
    /// Whose rows it sees. A reseller's login without an account sees nothing: no account has id 0.
    #[must_use]
    pub fn scope(&self) -> Scope {
        match (self.role, self.branch) {
            (Role::Reseller, branch) => Scope::Branch(branch.unwrap_or(AccountId(0))),
            (Role::Admin | Role::Operator | Role::Viewer, _) => Scope::All,
        }
    }

    /// As the audit log names it.
    #[must_use]
    pub fn actor(&self) -> Actor {
        Actor {
            login: Some(self.login),
            name: self.name.clone(),
            address: self.address.to_string(),
            scope: self.scope(),
        }
    }

    /// Whether it may call a method of this access.
    #[must_use]
    pub fn may(&self, access: Access) -> bool {
        access.is_met_by(&self.rights)
    }
}

/// One connection.
#[derive(Debug)]
pub struct Connection {
    id: u64,
    /// The peer.
    pub address: SocketAddr,
    caller: Mutex<Option<Arc<Caller>>>,
    last_call_ms: Mutex<UtcMs>,
    idle_limit_ms: i64,
    clock: Clock,
    /// Bounds the calls that run at once.
    pub calls: Semaphore,
    changed: watch::Sender<u64>,
}

impl Connection {
    /// Who it acts as now, if its session has not ended by idling.
    #[must_use]
    pub fn caller(&self) -> Option<Arc<Caller>> {
        let idle_ms = self.clock.now().0 - self.lock_last().0;
        let mut caller = self.lock();
        if idle_ms > self.idle_limit_ms && caller.take().is_some() {
            self.changed.send_modify(|n| *n += 1);
        }
        caller.clone()
    }

    /// A call was made: the session is in use.
    pub fn touch(&self) {
        *self.lock_last() = self.clock.now();
    }

    /// Changes hands, or is nobody's any more.
    pub fn set_caller(&self, caller: Option<Caller>) {
        self.touch();
        *self.lock() = caller.map(Arc::new);
        self.changed.send_modify(|n| *n += 1);
    }

    /// Moves whenever it changes hands.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Arc<Caller>>> {
        self.caller.lock().unwrap_or_else(PoisonError::into_inner)
    }
    fn lock_last(&self) -> std::sync::MutexGuard<'_, UtcMs> {
        self.last_call_ms
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// All connections, so that a login's sessions can be ended.
#[derive(Debug)]
pub struct Sessions {
    next: AtomicU64,
    open: Mutex<HashMap<u64, Weak<Connection>>>,
    idle_limit_s: u32,
    clock: Clock,
}

impl Sessions {
    /// None yet.
    #[must_use]
    pub fn new(idle_limit_s: u32, clock: Clock) -> Self {
        Self {
            next: AtomicU64::new(1),
            open: Mutex::default(),
            idle_limit_s,
            clock,
        }
    }

    /// Seconds without a call after which a session ends.
    #[must_use]
    pub fn idle_limit_s(&self) -> u32 {
        self.idle_limit_s
    }

    /// A new connection, nobody's yet.
    #[must_use]
    pub fn open(&self, address: SocketAddr) -> Arc<Connection> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let connection = Arc::new(Connection {
            id,
            address,
            caller: Mutex::default(),
            last_call_ms: Mutex::new(self.clock.now()),
            idle_limit_ms: i64::from(self.idle_limit_s).saturating_mul(1_000),
            clock: self.clock.clone(),
            calls: Semaphore::new(CALLS_AT_ONCE),
            changed: watch::Sender::new(0),
        });
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, weak| weak.strong_count() > 0);
        open.insert(id, Arc::downgrade(&connection));
        connection
    }

    /// Ends all sessions of a login but the one on `except`.
    pub fn end(&self, login: LoginId, except: Option<&Connection>) {
        let open: Vec<_> = {
            let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
            open.values().filter_map(Weak::upgrade).collect()
        };
        for connection in open {
            let is_its = connection
                .caller()
                .is_some_and(|caller| caller.login == login);
            if is_its && except.is_none_or(|spared| spared.id != connection.id) {
                connection.set_caller(None);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Caller, Sessions};
    use crate::rpc::Clock;
    use std::{
        net::{Ipv4Addr, SocketAddr},
        sync::{
            Arc,
            atomic::{AtomicI64, Ordering},
        },
    };
    use tandem_billing::{LoginId, UtcMs};
    use tandem_protocol::Role;

    fn admin(login: i64, address: SocketAddr) -> Caller {
        Caller {
            login: LoginId(login),
            name: "admin".into(),
            role: Role::Admin,
            rights: Vec::new(),
            branch: None,
            address,
        }
    }

    #[test]
    fn sessions_end_by_idling_and_by_name() {
        let time = Arc::new(AtomicI64::new(0));
        let clock = {
            let time = Arc::clone(&time);
            Clock::new(move || UtcMs(time.load(Ordering::Relaxed)))
        };
        let sessions = Sessions::new(60, clock);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
        let (one, two, other) = (
            sessions.open(address),
            sessions.open(address),
            sessions.open(address),
        );
        one.set_caller(Some(admin(1, address)));
        two.set_caller(Some(admin(1, address)));
        other.set_caller(Some(admin(2, address)));

        sessions.end(LoginId(1), Some(&one));
        assert!(one.caller().is_some() && two.caller().is_none() && other.caller().is_some());

        time.store(60_000, Ordering::Relaxed);
        one.touch();
        time.store(60_001, Ordering::Relaxed);
        assert!(one.caller().is_some(), "a call keeps it");
        let watch = other.watch();
        assert!(other.caller().is_none(), "idle for more than a minute");
        assert!(watch.has_changed().expect("the connection is there"));
    }
}
