//! Every method of the table with the function that answers it.

use super::{
    Api, Caller, accounts, cdrs,
    columns::{
        ALERT, AUDIT, CDR, DEVICE, DID, EXCHANGE_RATIO, GATEWAY, GROUP, LEDGER, LIST_ENTRY, LOGIN,
        PAYMENT, RATE, ROUTE, SOURCE, SOURCE_RULE, TARIFF, UPSTREAM,
    },
    dids, fault, lists, login, money, recordings, refunds,
    session::Connection,
    simulate, subscribe, system, traces,
};
use jsonrpsee::{Extensions, RpcModule, core::RegisterMethodError, types::ErrorObjectOwned};
use serde_json::value::RawValue;
use std::{future::Future, sync::Arc};
use tandem_protocol::{
    ErrorCode, Method, RpcError,
    method::{self as m},
    system::Empty,
};

type Module = RpcModule<Api>;
type Registered = Result<(), RegisterMethodError>;

/// All methods.
///
/// # Errors
/// If a name is registered twice: a fault of ours.
pub fn module(api: Arc<Api>) -> Result<Module, RegisterMethodError> {
    let mut module = RpcModule::from_arc(api);
    sessions(&mut module)?;
    accounts_and_phones(&mut module)?;
    routing(&mut module)?;
    pricing(&mut module)?;
    books(&mut module)?;
    ratios(&mut module)?;
    monitor(&mut module)?;
    administration(&mut module)?;
    Ok(module)
}

/// Registers the handler of a method that needs somebody logged in.
fn on<M, F, Fut>(module: &mut Module, handler: F) -> Registered
where
    M: Method + 'static,
    F: Fn(Arc<Api>, Arc<Caller>, M::Params) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<M::Output, RpcError>> + Send,
{
    raw::<M, _, _>(module, move |api, extensions, params| {
        let (handler, caller) = (handler.clone(), caller(&extensions));
        async move { handler(api, caller?, params).await }
    })
}

fn raw<M, F, Fut>(module: &mut Module, handler: F) -> Registered
where
    M: Method + 'static,
    F: Fn(Arc<Api>, Extensions, M::Params) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<M::Output, RpcError>> + Send,
{
    let answer =
        move |params: jsonrpsee::types::Params<'static>, api: Arc<Api>, extensions: Extensions| {
            let handler = handler.clone();
            async move {
                let params = parameters::<M>(params.as_str())?;
                let output = handler(api, extensions, params)
                    .await
                    .map_err(fault::object)?;
                let text = serde_json::value::to_raw_value(&output);
                text.map_err(|e| fault::object(fault::internal(M::INFO.name, e)))
            }
        };
    module
        .register_async_method::<Result<Box<RawValue>, ErrorObjectOwned>, _, _>(
            M::INFO.name,
            answer,
        )
        .map(|_| ())
}

/// Parameters are one object; none at all is an empty one.
fn parameters<M: Method>(text: Option<&str>) -> Result<M::Params, ErrorObjectOwned> {
    let parsed = serde_json::from_str(text.unwrap_or("{}"));
    parsed.map_err(|e| {
        fault::object(RpcError::new(
            ErrorCode::Invalid,
            format!("{}: {e}", M::INFO.name),
        ))
    })
}

/// Who calls, as the guard found.
pub(super) fn caller(extensions: &Extensions) -> Result<Arc<Caller>, RpcError> {
    let caller = extensions.get::<Arc<Caller>>();
    caller
        .cloned()
        .ok_or_else(|| RpcError::new(ErrorCode::Unauthenticated, "nobody is logged in"))
}

/// The connection, as the guard found.
pub(super) fn connection(extensions: &Extensions) -> Result<Arc<Connection>, RpcError> {
    let connection = extensions.get::<Arc<Connection>>();
    connection
        .cloned()
        .ok_or_else(|| fault::internal("connection", "unknown"))
}

fn sessions(module: &mut Module) -> Registered {
    raw::<m::Discover, _, _>(module, |api, _, _| async move { Ok(api.document.clone()) })?;
    raw::<m::SessionLogin, _, _>(module, |api, extensions, params| async move {
        login::login(api, connection(&extensions)?, params).await
    })?;
    raw::<m::SessionLogout, _, _>(module, |_, extensions, _| async move {
        connection(&extensions)?.set_caller(None);
        Ok(Empty {})
    })?;
    on::<m::SessionWhoami, _, _>(module, login::whoami)?;
    raw::<m::SessionChangePassword, _, _>(module, |api, extensions, params| async move {
        login::change_password(api, connection(&extensions)?, caller(&extensions)?, params).await
    })
}

/// The five methods that every edited resource has.
macro_rules! edited {
    ($module:ident, $map:ident: $list:ident $get:ident $create:ident $update:ident $delete:ident) => {
        on::<m::$list, _, _>($module, |api, caller, p| async move {
            lists::list(&api, &$map, &caller, p).await
        })?;
        on::<m::$get, _, _>($module, |api, caller, p| async move {
            lists::get(&api, &$map, &caller, p.id.0).await
        })?;
        on::<m::$create, _, _>($module, |api, caller, p| async move {
            lists::create(&api, &$map, &caller, &p.edit).await
        })?;
        on::<m::$update, _, _>($module, |api, caller, p| async move {
            lists::update(&api, &$map, &caller, (p.id.0, p.revision), &p.edit).await
        })?;
        on::<m::$delete, _, _>($module, |api, caller, p| async move {
            lists::delete(&api, &$map, &caller, p.id.0)
                .await
                .map(|()| Empty {})
        })?;
    };
}

fn accounts_and_phones(module: &mut Module) -> Registered {
    on::<m::AccountList, _, _>(module, accounts::list)?;
    on::<m::AccountGet, _, _>(module, |api, caller, p| async move {
        accounts::get(&api, &caller, p.id.0).await
    })?;
    on::<m::AccountCreate, _, _>(module, accounts::create)?;
    on::<m::AccountUpdate, _, _>(module, accounts::update)?;
    on::<m::AccountDelete, _, _>(module, |api, caller, p| async move {
        accounts::delete(&api, &caller, p.id.0)
            .await
            .map(|()| Empty {})
    })?;
    on::<m::AccountBalance, _, _>(module, accounts::balances)?;
    edited!(module, DEVICE: DeviceList DeviceGet DeviceCreate DeviceUpdate DeviceDelete);
    edited!(module, SOURCE: SourceList SourceGet SourceCreate SourceUpdate SourceDelete);
    edited!(module, DID: DidList DidGet DidCreate DidUpdate DidDelete);
    on::<m::DidAddRange, _, _>(module, dids::add_range)?;
    edited!(
        module,
        LIST_ENTRY: ListEntryList ListEntryGet ListEntryCreate ListEntryUpdate ListEntryDelete
    );
    Ok(())
}

fn routing(module: &mut Module) -> Registered {
    edited!(module, GATEWAY: GatewayList GatewayGet GatewayCreate GatewayUpdate GatewayDelete);
    edited!(
        module,
        UPSTREAM: UpstreamList UpstreamGet UpstreamCreate UpstreamUpdate UpstreamDelete
    );
    edited!(module, GROUP: GroupList GroupGet GroupCreate GroupUpdate GroupDelete);
    edited!(module, ROUTE: RouteList RouteGet RouteCreate RouteUpdate RouteDelete);
    Ok(())
}

fn pricing(module: &mut Module) -> Registered {
    edited!(module, TARIFF: TariffList TariffGet TariffCreate TariffUpdate TariffDelete);
    edited!(module, RATE: RateList RateGet RateCreate RateUpdate RateDelete);
    on::<m::Decide, _, _>(module, simulate::decide)?;
    on::<m::RatePrice, _, _>(module, simulate::rate)?;
    on::<m::NumberRuleTry, _, _>(module, simulate::try_rule)
}

fn books(module: &mut Module) -> Registered {
    on::<m::PaymentCreate, _, _>(module, money::pay)?;
    on::<m::RefundCreate, _, _>(module, refunds::refund)?;
    on::<m::PaymentList, _, _>(module, |api, caller, p| async move {
        lists::list(&api, &PAYMENT, &caller, p).await
    })?;
    on::<m::LedgerList, _, _>(module, |api, caller, p| async move {
        lists::list(&api, &LEDGER, &caller, p).await
    })?;
    on::<m::CdrList, _, _>(module, |api, caller, p| async move {
        lists::list(&api, &CDR, &caller, p).await
    })?;
    on::<m::CdrGet, _, _>(module, |api, caller, p| async move {
        cdrs::get(api, caller, p.id.0).await
    })
}

fn ratios(module: &mut Module) -> Registered {
    on::<m::ExchangeRatioList, _, _>(module, |api, caller, p| async move {
        lists::list(&api, &EXCHANGE_RATIO, &caller, p).await
    })?;
    on::<m::ExchangeRatioGet, _, _>(module, |api, caller, p| async move {
        lists::get(&api, &EXCHANGE_RATIO, &caller, p.id.0).await
    })?;
    on::<m::ExchangeRatioCreate, _, _>(module, |api, caller, p| async move {
        let edit = money::dated(&api, p.edit);
        lists::create(&api, &EXCHANGE_RATIO, &caller, &edit).await
    })?;
    on::<m::ExchangeRatioUpdate, _, _>(module, |api, caller, p| async move {
        let edit = money::dated(&api, p.edit);
        lists::update(&api, &EXCHANGE_RATIO, &caller, (p.id.0, p.revision), &edit).await
    })?;
    on::<m::ExchangeRatioDelete, _, _>(module, |api, caller, p| async move {
        lists::delete(&api, &EXCHANGE_RATIO, &caller, p.id.0)
            .await
            .map(|()| Empty {})
    })
}

fn monitor(module: &mut Module) -> Registered {
    on::<m::RegistrationList, _, _>(module, subscribe::registrations)?;
    on::<m::RegistrationRemove, _, _>(module, subscribe::unregister)?;
    on::<m::LiveSnapshotGet, _, _>(module, subscribe::snapshot)?;
    on::<m::AlertList, _, _>(module, |api, caller, p| async move {
        lists::list(&api, &ALERT, &caller, p).await
    })?;
    on::<m::LiveHangUp, _, _>(module, subscribe::hang_up)?;
    on::<m::RecordingRead, _, _>(module, recordings::read)?;
    on::<m::LiveRecord, _, _>(module, recordings::record)?;
    on::<m::GatewayProbe, _, _>(module, system::probe)?;
    on::<m::UpstreamRegister, _, _>(module, system::register)?;
    on::<m::GatewayStatusList, _, _>(module, system::gateways)?;
    on::<m::UpstreamStatusList, _, _>(module, system::upstreams)?;
    on::<m::SipTraceStart, _, _>(module, traces::start)?;
    on::<m::SipTraceStop, _, _>(module, traces::stop)?;
    on::<m::SipTraceDelete, _, _>(module, traces::delete)?;
    on::<m::SipTraceList, _, _>(module, traces::list)?;
    on::<m::SipTraceRead, _, _>(module, traces::read)?;
    on::<m::SipTraceExport, _, _>(module, traces::export)?;
    subscribe::register(module)
}

fn administration(module: &mut Module) -> Registered {
    on::<m::SettingList, _, _>(module, system::settings)?;
    on::<m::SettingSet, _, _>(module, system::set)?;
    on::<m::LoginList, _, _>(module, |api, caller, p| async move {
        lists::list(&api, &LOGIN, &caller, p).await
    })?;
    on::<m::LoginGet, _, _>(module, |api, caller, p| async move {
        lists::get(&api, &LOGIN, &caller, p.id.0).await
    })?;
    on::<m::LoginCreate, _, _>(module, |api, caller, p| async move {
        lists::create(&api, &LOGIN, &caller, &p.edit).await
    })?;
    on::<m::LoginUpdate, _, _>(module, login::update)?;
    on::<m::LoginDelete, _, _>(module, |api, caller, p| async move {
        login::delete(api, caller, p.id.0).await
    })?;
    edited!(
        module,
        SOURCE_RULE: SourceRuleList SourceRuleGet SourceRuleCreate SourceRuleUpdate SourceRuleDelete
    );
    on::<m::AuditList, _, _>(module, |api, caller, p| async move {
        lists::list(&api, &AUDIT, &caller, p).await
    })?;
    on::<m::SystemInfoGet, _, _>(module, system::info)?;
    on::<m::SystemCounters, _, _>(module, system::counters)?;
    on::<m::SystemHistory, _, _>(module, system::history)?;
    on::<m::SystemVerify, _, _>(module, system::verify)?;
    on::<m::SystemBackup, _, _>(module, system::backup)
}
