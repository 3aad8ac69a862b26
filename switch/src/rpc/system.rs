//! The switch itself: settings, figures, verification, backup.

use super::{Api, Caller, columns, fault, lists, live::Sight, sounds};
use serde_json::{Value, json};
use std::sync::Arc;
use tandem_call::io::{Command, Reply};
use tandem_protocol::{
    ErrorCode, GatewayId, RpcError, UpstreamId, UtcMs,
    live::{Counters, GatewayStatus, UpstreamStatus},
    system::{
        BackupResult, ById, Empty, HistoryParams, Series, SetParams, Setting, SystemInfo,
        VerifyResult,
    },
};
use tandem_store::{List, ListQuery, query, record::Resource};

/// Figures of one history call.
const MAX_FIGURES: usize = 16;
/// Points of one series.
const MAX_POINTS: u32 = 2_000;

/// Settings are no nested objects: their table is only for messages.
const SETTING: columns::Map = columns::Map {
    list: List::Of(Resource::Setting),
    name: "setting",
    columns: &[],
    finish: |_| {},
    prepare: |_| {},
};

/// The sight of a caller on the live board.
#[must_use]
pub fn sight(caller: &Caller) -> Sight {
    match caller.scope() {
        tandem_store::Scope::All => Sight::All,
        tandem_store::Scope::Branch(root) => Sight::Branch(root),
    }
}

/// Version, clock and start.
pub async fn info(api: Arc<Api>, _: Arc<Caller>, _: Empty) -> Result<SystemInfo, RpcError> {
    Ok(SystemInfo {
        version: super::VERSION.to_owned(),
        now: UtcMs(api.clock.now().0),
        started_at: UtcMs(api.started_at.0),
        directory_version: api.directory().version,
    })
}

/// Counters.
pub async fn counters(api: Arc<Api>, caller: Arc<Caller>, _: Empty) -> Result<Counters, RpcError> {
    api.feed.renew_unless_fresh().await.map_err(fault::core)?;
    Ok(api.board.counters(sight(&caller), &api.directory()))
}

/// Gateways at work; a reseller sees none.
pub async fn gateways(
    api: Arc<Api>,
    caller: Arc<Caller>,
    _: Empty,
) -> Result<Vec<GatewayStatus>, RpcError> {
    api.feed.renew_unless_fresh().await.map_err(fault::core)?;
    let snapshot = api.board.snapshot(sight(&caller), &api.directory());
    Ok(snapshot.gateways)
}

/// Upstream registrations.
///
/// # Errors
/// The core does not answer.
pub async fn upstreams(
    api: Arc<Api>,
    caller: Arc<Caller>,
    _: Empty,
) -> Result<Vec<UpstreamStatus>, RpcError> {
    api.feed.renew_unless_fresh().await.map_err(fault::core)?;
    let snapshot = api.board.snapshot(sight(&caller), &api.directory());
    Ok(snapshot.upstreams)
}

/// Asks a gateway's hosts now.
///
/// # Errors
/// It is not at work, or gateways were asked too often.
pub async fn probe(
    api: Arc<Api>,
    _: Arc<Caller>,
    params: ById<GatewayId>,
) -> Result<Empty, RpcError> {
    let gateway = tandem_billing::GatewayId(params.id.0);
    let asked = api.core.ask(Command::ProbeGateway { gateway }).await;
    at_once(asked.map_err(fault::core)?, "gateway at work", params.id.0)
}

/// Registers an upstream registration now.
///
/// # Errors
/// It is not at work, or that was done too often.
pub async fn register(
    api: Arc<Api>,
    _: Arc<Caller>,
    params: ById<UpstreamId>,
) -> Result<Empty, RpcError> {
    let upstream = tandem_billing::UpstreamId(params.id.0);
    let asked = api.core.ask(Command::RegisterUpstream { upstream }).await;
    at_once(
        asked.map_err(fault::core)?,
        "upstream registration at work",
        params.id.0,
    )
}

fn at_once(reply: Reply, what: &str, id: i64) -> Result<Empty, RpcError> {
    match reply {
        Reply::Done => Ok(Empty {}),
        Reply::NotFound => Err(fault::not_found(what, id)),
        Reply::Refused(why) => Err(RpcError::new(ErrorCode::TooMany, why)),
        other => Err(fault::unexpected("gateway.probe", &other)),
    }
}

/// Figures over time.
pub async fn history(
    api: Arc<Api>,
    _: Arc<Caller>,
    params: HistoryParams,
) -> Result<Vec<Series>, RpcError> {
    if params.figures.len() > MAX_FIGURES {
        return Err(RpcError::invalid(
            "figures",
            format!("more than {MAX_FIGURES}"),
        ));
    }
    if params.points == 0 || params.points > MAX_POINTS {
        return Err(RpcError::invalid(
            "points",
            format!("{} is not 1 to {MAX_POINTS}", params.points),
        ));
    }
    if params.to.is_some_and(|to| to <= params.from) {
        return Err(RpcError::invalid("to", "not after from"));
    }
    Ok(api.feed.history.series(&params, api.clock.now()))
}

/// Checks the books. One at a time: it reads the whole file.
pub async fn verify(api: Arc<Api>, _: Arc<Caller>, _: Empty) -> Result<VerifyResult, RpcError> {
    let _alone = api.heavy.try_acquire().map_err(|_| busy())?;
    let path = api.database.clone();
    let report = api
        .blocking(move || tandem_store::verify::verify(&path))
        .await?;
    let report = report.map_err(|e| fault::query(&SETTING, e))?;
    Ok(VerifyResult {
        clean: report.problems.is_empty(),
        faults: report.problems,
    })
}

/// Makes a backup beside the database, in the folder `backup`.
pub async fn backup(api: Arc<Api>, _: Arc<Caller>, _: Empty) -> Result<BackupResult, RpcError> {
    let _alone = api.heavy.try_acquire().map_err(|_| busy())?;
    let (from, at) = (api.database.clone(), api.clock.now());
    let made = api.blocking(move || make_backup(&from, at)).await?;
    made.map_err(|reason| fault::internal("backup", reason))
}

fn make_backup(from: &std::path::Path, at: tandem_billing::UtcMs) -> Result<BackupResult, String> {
    let folder = from.with_file_name("backup");
    std::fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let stamp = jiff::Timestamp::from_millisecond(at.0).map_err(|e| e.to_string())?;
    let file = format!("tandem-{}.sqlite", stamp.strftime("%Y%m%d-%H%M%S-%3f"));
    let to = folder.join(&file);
    tandem_store::backup::backup(from, &to).map_err(|e| e.to_string())?;
    let bytes = std::fs::metadata(&to).map_err(|e| e.to_string())?.len();
    Ok(BackupResult { file, bytes })
}

fn busy() -> RpcError {
    RpcError::new(ErrorCode::TooMany, "a verification or backup is running")
        .remedy("wait until it has ended")
}

/// All settings, with what they are for.
pub async fn settings(
    api: Arc<Api>,
    caller: Arc<Caller>,
    _: Empty,
) -> Result<Vec<Setting>, RpcError> {
    let query = ListQuery::all(caller.scope())
        .sort("key", query::Order::Ascending)
        .page(0, 1_000);
    let reader = api.reader.clone();
    let page = api
        .blocking(move || reader.list(SETTING.list, &query))
        .await?
        .map_err(|e| fault::query(&SETTING, e))?;
    Ok(page
        .rows
        .into_iter()
        .map(|row| setting(row.into()))
        .collect())
}

fn setting(row: Value) -> Setting {
    let key = row
        .get("key")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let info = tandem_store::edit::settings()
        .into_iter()
        .find(|info| info.key == key);
    Setting {
        value: row.get("value").cloned().unwrap_or_default(),
        description: info.map(|info| info.help.to_owned()).unwrap_or_default(),
        key,
    }
}

/// Changes a setting.
pub async fn set(
    api: Arc<Api>,
    caller: Arc<Caller>,
    params: SetParams,
) -> Result<Setting, RpcError> {
    let query = ListQuery::all(caller.scope())
        .filter("key", query::Op::Eq, params.key.as_str())
        .page(0, 1);
    let reader = api.reader.clone();
    let page = api
        .blocking(move || reader.list(SETTING.list, &query))
        .await?
        .map_err(|e| fault::query(&SETTING, e))?;
    let mut row = page
        .rows
        .into_iter()
        .next()
        .ok_or_else(|| fault::not_found(SETTING.name, &params.key))?;
    sounds::check_setting(&api, &params).await?;
    row.insert("value".into(), params.value);
    let change = tandem_store::Change::Update {
        resource: SETTING.resource()?,
        value: row.clone(),
    };
    lists::write(&api, &SETTING, &caller, vec![change]).await?;
    Ok(setting(json!(row)))
}
