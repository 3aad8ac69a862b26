//! Logging in and out. Passwords are checked on threads of their own, a few at a time; after failures a login
//! must wait (the store counts) and so must an address (counted here).

use super::{
    Api, Caller,
    columns::{self, LOGIN},
    fault, lists,
    session::Connection,
};
use serde_json::{Map as Object, Value, json};
use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};
use tandem_billing::{LoginId, UtcMs};
use tandem_protocol::{
    ErrorCode, Grant, Role, RpcError,
    login::{ChangePasswordParams, LoginParams, Session},
    system::Empty,
};
use tandem_store::{
    Change, Edit,
    login::{Identity, LoginError},
};

/// Password checks at once: each takes some 20 ms and 19 MiB.
pub const CHECKS_AT_ONCE: usize = 2;
/// Checks that may wait; more are refused, so that guessing cannot keep operators out by queueing.
pub const CHECKS_WAITING: usize = 32;
/// Longest name or password looked at, bytes.
const LONGEST: usize = 256;
/// Failures after which an address waits, and for how long.
const FAILURES: u32 = 20;
const WAIT_MS: i64 = 60_000;
/// Addresses remembered; when full the one longest quiet is forgotten.
const ADDRESSES: usize = 4_096;

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: UtcMs,
}

/// Failures by address.
#[derive(Debug, Default)]
pub struct Lockout {
    addresses: Mutex<HashMap<IpAddr, Failures>>,
}

impl Lockout {
    /// Milliseconds an address has to wait still; 0 if it may try.
    pub fn wait_ms(&self, address: IpAddr, now: UtcMs) -> i64 {
        let addresses = self
            .addresses
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let failures = addresses.get(&address).filter(|f| f.count >= FAILURES);
        failures.map_or(0, |f| {
            f.last
                .0
                .saturating_add(WAIT_MS)
                .saturating_sub(now.0)
                .max(0)
        })
    }

    /// Another failure. A minute of quiet starts the count anew.
    pub fn failed(&self, address: IpAddr, now: UtcMs) {
        let mut addresses = self
            .addresses
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if addresses.len() >= ADDRESSES && !addresses.contains_key(&address) {
            let quietest = addresses
                .iter()
                .min_by_key(|(_, f)| f.last)
                .map(|(address, _)| *address);
            quietest.map(|address| addresses.remove(&address));
        }
        let failures = addresses.entry(address).or_insert(Failures {
            count: 0,
            last: now,
        });
        if now.0.saturating_sub(failures.last.0) > WAIT_MS {
            failures.count = 0;
        }
        failures.count = failures.count.saturating_add(1);
        failures.last = now;
    }

    /// It knew the password.
    pub fn succeeded(&self, address: IpAddr) {
        self.addresses
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&address);
    }
}

/// Logs the connection in.
pub async fn login(
    api: Arc<Api>,
    connection: Arc<Connection>,
    params: LoginParams,
) -> Result<Session, RpcError> {
    let identity = check(&api, &connection, params.login, params.password).await?;
    let caller = caller(identity, &connection);
    tracing::info!(login = caller.login.0, name = %caller.name, address = %connection.address, "logged in");
    let session = session(&api, &caller);
    connection.set_caller(Some(caller));
    Ok(session)
}

/// Checks a name and password, with all the waiting that failures bring.
async fn check(
    api: &Arc<Api>,
    connection: &Connection,
    name: String,
    password: String,
) -> Result<Identity, RpcError> {
    let address = connection.address;
    let now = api.clock.now();
    let wait_ms = api.lockout.wait_ms(address.ip(), now);
    if wait_ms > 0 {
        return Err(locked(wait_ms));
    }
    if name.len() > LONGEST || password.len() > LONGEST {
        return Err(bad_credentials());
    }
    let _waiting = api.checks_waiting.try_acquire().map_err(|_| {
        RpcError::new(ErrorCode::TooMany, "too many log-ins at once")
            .remedy("try again in a moment")
    })?;
    let _checking = api
        .checks
        .acquire()
        .await
        .map_err(|e| fault::internal("session.login", e))?;
    let (writer, from) = (api.writer.clone(), address.to_string());
    let verified = api
        .blocking(move || tandem_store::login::verify(&writer, &name, &password, &from, now))
        .await?;
    match verified {
        Ok(identity) => {
            api.lockout.succeeded(address.ip());
            Ok(identity)
        }
        Err(LoginError::Refused) => {
            api.lockout.failed(address.ip(), now);
            Err(bad_credentials())
        }
        Err(LoginError::Locked { until }) => {
            api.lockout.failed(address.ip(), now);
            Err(locked(until.0.saturating_sub(now.0).max(1)))
        }
        Err(LoginError::Store(error)) => Err(fault::query(&LOGIN, error)),
    }
}

fn bad_credentials() -> RpcError {
    RpcError::new(ErrorCode::BadCredentials, "name or password is wrong")
}

fn locked(wait_ms: i64) -> RpcError {
    let seconds = wait_ms.saturating_add(999) / 1_000;
    RpcError::new(ErrorCode::LockedOut, "too many failed log-ins")
        .remedy(format!("wait {seconds} s"))
}

/// What the store knows of someone as what every check goes by.
fn caller(identity: Identity, connection: &Connection) -> Caller {
    let stored = match identity.role {
        tandem_store::record::Role::Admin => "admin",
        tandem_store::record::Role::Operator => "operator",
        tandem_store::record::Role::Reseller => "reseller",
    };
    let (role, grants) = columns::role_of(stored, columns::grants_of(&json!(identity.rights)));
    Caller {
        login: identity.login,
        name: identity.name,
        role,
        rights: match grants {
            None => effective(role, &[]),
            // An empty list would mean all of the role there.
            Some(grants) if grants.is_empty() => Vec::new(),
            Some(grants) => effective(role, &grants),
        },
        branch: identity.account,
        address: connection.address,
    }
}

fn effective(role: Role, grants: &[Grant]) -> Vec<Grant> {
    let areas = tandem_protocol::Area::ALL.into_iter();
    areas
        .filter_map(|area| {
            role.effective(grants, area)
                .map(|right| Grant { area, right })
        })
        .collect()
}

fn session(api: &Api, caller: &Caller) -> Session {
    Session {
        login: caller.login.0.into(),
        name: caller.name.clone(),
        role: caller.role,
        rights: caller.rights.clone(),
        account: caller.branch.map(|id| id.0.into()),
        idle_limit_s: api.sessions.idle_limit_s(),
        version: super::VERSION.to_owned(),
    }
}

/// Who the connection acts as.
pub async fn whoami(api: Arc<Api>, caller: Arc<Caller>, _: Empty) -> Result<Session, RpcError> {
    Ok(session(&api, &caller))
}

/// Changes one's own password; the login's other sessions end.
pub async fn change_password(
    api: Arc<Api>,
    connection: Arc<Connection>,
    caller: Arc<Caller>,
    params: ChangePasswordParams,
) -> Result<Empty, RpcError> {
    check(&api, &connection, caller.name.clone(), params.old)
        .await
        .map_err(|error| match error.code() {
            ErrorCode::BadCredentials => {
                RpcError::new(ErrorCode::BadCredentials, "the old password is wrong").at("old")
            }
            _ => error,
        })?;
    // Everyone may change the own password, whatever the scope: only this field of only this row.
    let id = caller.login.0;
    let reader = api.reader.clone();
    let row = api
        .blocking(move || reader.get_row(LOGIN.list, id, tandem_store::Scope::All))
        .await?;
    let row: Option<Object<String, Value>> = row.map_err(|e| fault::query(&LOGIN, e))?;
    let mut value = row.ok_or_else(|| fault::not_found(LOGIN.name, id))?;
    value.retain(|column, _| {
        !["failures", "locked_until", "last_login_at"].contains(&column.as_str())
    });
    value.insert("password".into(), Value::String(params.new));
    let mut actor = caller.actor();
    actor.scope = tandem_store::Scope::All;
    let change = Change::Update {
        resource: LOGIN.resource()?,
        value,
    };
    let (writer, at) = (api.writer.clone(), api.clock.now());
    let edited = api
        .blocking(move || writer.edit(Edit { actor, at, change }))
        .await?;
    edited
        .map_err(|e| fault::edit(&LOGIN, e))
        .map_err(|mut error| {
            error.data.field = Some("new".into());
            error
        })?;
    api.sessions.end(caller.login, Some(&connection));
    Ok(Empty {})
}

/// Changes a login; its sessions end, so that the change holds at once.
pub async fn update(
    api: Arc<Api>,
    caller: Arc<Caller>,
    params: tandem_protocol::system::Update<
        tandem_protocol::LoginId,
        tandem_protocol::login::LoginEdit,
    >,
) -> Result<tandem_protocol::login::Login, RpcError> {
    let id = params.id.0;
    let login = lists::update(&api, &LOGIN, &caller, (id, params.revision), &params.edit).await?;
    api.sessions.end(LoginId(id), None);
    Ok(login)
}

/// Deletes a login; its sessions end.
pub async fn delete(api: Arc<Api>, caller: Arc<Caller>, id: i64) -> Result<Empty, RpcError> {
    lists::delete(&api, &LOGIN, &caller, id).await?;
    api.sessions.end(LoginId(id), None);
    Ok(Empty {})
}

#[cfg(test)]
mod tests {
    use super::{ADDRESSES, FAILURES, Lockout, WAIT_MS};
    use std::net::{IpAddr, Ipv4Addr};
    use tandem_billing::UtcMs;

    fn address(n: u32) -> IpAddr {
        IpAddr::V4(Ipv4Addr::from_bits(n))
    }

    #[test]
    fn an_address_waits_after_failures_and_starts_anew_after_quiet() {
        let lockout = Lockout::default();
        for n in 0..FAILURES {
            assert_eq!(
                lockout.wait_ms(address(1), UtcMs(0)),
                0,
                "after {n} failures"
            );
            lockout.failed(address(1), UtcMs(0));
        }
        assert_eq!(lockout.wait_ms(address(1), UtcMs(1)), WAIT_MS - 1);
        assert_eq!(lockout.wait_ms(address(2), UtcMs(1)), 0);
        assert_eq!(lockout.wait_ms(address(1), UtcMs(WAIT_MS)), 0);
        lockout.failed(address(1), UtcMs(WAIT_MS + 1));
        assert_eq!(
            lockout.wait_ms(address(1), UtcMs(WAIT_MS + 2)),
            0,
            "the count began anew"
        );
        lockout.succeeded(address(1));
    }

    #[test]
    fn memory_is_bounded() {
        let lockout = Lockout::default();
        for n in 0..ADDRESSES as u32 + 10 {
            lockout.failed(address(n), UtcMs(i64::from(n)));
        }
        assert_eq!(
            lockout.addresses.lock().expect("no panic holds it").len(),
            ADDRESSES
        );
    }
}
