//! The live feed of one connection, and the calls about what is live.

use super::{
    Api, Caller, fault,
    feed::Watcher,
    live::Sight,
    register::{caller, connection},
    session::Connection,
    system::sight,
};
use jsonrpsee::{
    Extensions, PendingSubscriptionSink, RpcModule, SubscriptionSink, core::RegisterMethodError,
    core::SubscriptionError,
};
use std::sync::Arc;
use tandem_billing::{AccountId, CallId};
use tandem_call::io::{Command, Reply};
use tandem_protocol::{
    ListParams, Method, Page, RpcError,
    live::{FeedEvent, HangUpParams, LiveSnapshot, Registration, UnregisterParams},
    method::{LIVE_EVENT, LiveSubscribe, LiveUnsubscribe},
    system::Empty,
};
use tokio::sync::watch;

/// Adds `live.subscribe` and `live.unsubscribe`.
///
/// # Errors
/// If a name is registered twice: a fault of ours.
pub fn register(module: &mut RpcModule<Api>) -> Result<(), RegisterMethodError> {
    let (subscribe, unsubscribe) = (LiveSubscribe::INFO.name, LiveUnsubscribe::INFO.name);
    module
        .register_subscription(
            subscribe,
            LIVE_EVENT,
            unsubscribe,
            |_, pending, api, extensions| follow(pending, api, extensions),
        )
        .map(|_| ())
}

async fn follow(
    pending: PendingSubscriptionSink,
    api: Arc<Api>,
    extensions: Extensions,
) -> Result<(), SubscriptionError> {
    let ready = async {
        let (caller, connection) = (caller(&extensions)?, connection(&extensions)?);
        let watcher = api.feed.watch().await.map_err(fault::core)?;
        Ok((caller, connection, watcher))
    };
    match ready.await {
        Ok((caller, connection, watcher)) => {
            let sink = pending.accept().await?;
            let subscriber = Subscriber {
                api,
                sink,
                connection,
                sight: sight(&caller),
                caller,
            };
            subscriber.run(watcher).await
        }
        Err(error) => {
            pending.reject(fault::object(error)).await;
            Ok(())
        }
    }
}

struct Subscriber {
    api: Arc<Api>,
    sink: SubscriptionSink,
    connection: Arc<Connection>,
    sight: Sight,
    caller: Arc<Caller>,
}

impl Subscriber {
    /// Sends a snapshot, then what changed, until the connection, the session or the subscription ends. A slow
    /// connection holds up only this task: it then gets one larger delta, or a snapshot.
    async fn run(self, mut watcher: Watcher) -> Result<(), SubscriptionError> {
        let mut session = self.connection.watch();
        let mut at = self.send_snapshot().await?;
        loop {
            tokio::select! {
                () = self.sink.closed() => return Ok(()),
                moved = next(&mut watcher.published) => if !moved { return Ok(()) },
                _ = session.changed() => {}
            }
            if self.connection.caller().as_ref() != Some(&self.caller) {
                return Ok(());
            }
            at = self.send_changes(at).await?;
        }
    }

    async fn send_snapshot(&self) -> Result<u64, SubscriptionError> {
        let snapshot = self.api.board.snapshot(self.sight, &self.api.directory());
        let seq = snapshot.seq;
        self.send(&FeedEvent::Snapshot(Box::new(snapshot))).await?;
        Ok(seq)
    }

    async fn send_changes(&self, at: u64) -> Result<u64, SubscriptionError> {
        let Some(delta) = self.api.board.delta(at, self.sight, &self.api.directory()) else {
            return self.send_snapshot().await;
        };
        if delta.is_empty() {
            return Ok(at);
        }
        let to = delta.to;
        self.send(&FeedEvent::Delta(Box::new(delta))).await?;
        Ok(to)
    }

    async fn send(&self, event: &FeedEvent) -> Result<(), SubscriptionError> {
        let text = serde_json::value::to_raw_value(event)?;
        self.sink.send(text).await?;
        Ok(())
    }
}

/// Whether another state was published; false when the feed has ended.
async fn next(published: &mut watch::Receiver<u64>) -> bool {
    published.changed().await.is_ok()
}

/// All there is now.
pub async fn snapshot(
    api: Arc<Api>,
    caller: Arc<Caller>,
    _: Empty,
) -> Result<LiveSnapshot, RpcError> {
    api.feed.renew_unless_fresh().await.map_err(fault::core)?;
    Ok(api.board.snapshot(sight(&caller), &api.directory()))
}

/// Registered phones. They are in memory, so the page is made here.
pub async fn registrations(
    api: Arc<Api>,
    caller: Arc<Caller>,
    params: ListParams,
) -> Result<Page<Registration>, RpcError> {
    api.feed.renew_unless_fresh().await.map_err(fault::core)?;
    let rows = api
        .board
        .snapshot(sight(&caller), &api.directory())
        .registrations;
    super::page::page(
        rows,
        &params,
        &["username", "account", "contact", "source", "user_agent"],
    )
}

/// Whether an open call is the caller's to see.
pub(super) async fn own_call(api: &Api, caller: &Caller, call: CallId) -> Result<(), RpcError> {
    let sight = sight(caller);
    if sight != Sight::All {
        api.feed.renew_unless_fresh().await.map_err(fault::core)?;
        if !api.board.sees_call(call, sight) {
            return Err(fault::not_found("open call", call));
        }
    }
    Ok(())
}

/// Hangs a call up, if it is in the caller's sight.
pub async fn hang_up(
    api: Arc<Api>,
    caller: Arc<Caller>,
    params: HangUpParams,
) -> Result<Empty, RpcError> {
    let call = CallId(params.call.0);
    own_call(&api, &caller, call).await?;
    tracing::info!(
        login = caller.login.0,
        call = call.0,
        "hung up by an operator"
    );
    match api
        .core
        .ask(Command::HangUp { call })
        .await
        .map_err(fault::core)?
    {
        Reply::Done => Ok(Empty {}),
        Reply::NotFound => Err(fault::not_found("open call", call)),
        other => Err(fault::unexpected("live.hangup", &other)),
    }
}

/// Drops the registrations of a device of the caller's branch.
pub async fn unregister(
    api: Arc<Api>,
    caller: Arc<Caller>,
    params: UnregisterParams,
) -> Result<Empty, RpcError> {
    let username = params.username;
    let owner: Option<AccountId> = api
        .directory()
        .devices
        .get(&username)
        .map(|device| device.account);
    if !owner.is_some_and(|owner| api.in_scope(owner, &caller)) {
        return Err(fault::not_found("device", username));
    }
    match api
        .core
        .ask(Command::Unregister {
            username: username.clone(),
        })
        .await
        .map_err(fault::core)?
    {
        Reply::Done => Ok(Empty {}),
        Reply::NotFound => Err(fault::not_found("registration of device", username)),
        other => Err(fault::unexpected("registration.remove", &other)),
    }
}
