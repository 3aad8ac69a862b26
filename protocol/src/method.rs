//! The one table of methods.
//!
//! Each line gives the documentation, the name on the wire, who may call it, and the types of parameters and
//! result. The server's authorisation, the OpenRPC document and the typed calls of clients all come from here.
//! Parameters are always one JSON object, by name.

use crate::{
    account::{
        Account, AccountEdit, Balance, BalanceParams, Device, DeviceEdit, SourceAddress, SourceEdit,
    },
    alert::Alert,
    cdr::{Cdr, CdrDetail},
    dialplan::{ListEntry, ListEntryEdit, Route, RouteEdit, RoutingGroup, RoutingGroupEdit},
    did::{Did, DidEdit, DidRangeParams, DidRangeResult},
    exchange::{ExchangeRatio, ExchangeRatioEdit},
    gateway::{Gateway, GatewayEdit},
    guard::{SourceRule, SourceRuleEdit},
    id::{
        AccountId, CallId, DeviceId, DidId, ExchangeRatioId, GatewayId, ListEntryId, LoginId,
        RateId, RouteId, RoutingGroupId, SourceId, SourceRuleId, TariffId, UpstreamId,
    },
    ledger::{LedgerEntry, PaymentParams, PaymentResult, RefundParams, RefundResult},
    list::{ListParams, Page},
    live::{
        Counters, GatewayStatus, HangUpParams, LiveSnapshot, Registration, UnregisterParams,
        UpstreamStatus,
    },
    login::{AuditEntry, ChangePasswordParams, Login, LoginEdit, LoginParams, Session},
    recording::{RecordParams, RecordingPart, RecordingReadParams},
    role::{
        Access::{self, LoggedIn, Needs, Open},
        Area::{
            Accounts, Audit, Cdrs, DialPlan, Gateways, Live, Logins, Money, Recordings, Settings,
            Simulator, SipTraces, System, Tariffs,
        },
        Right::{Change, See},
    },
    simulate::{DecideParams, DecideResult, RateParams, RateResult, TryRuleParams, TryRuleResult},
    sip_trace::{
        SipTrace, TraceExportParams, TraceFile, TraceMessages, TraceReadParams, TraceRef,
        TraceStartParams,
    },
    system::{
        BackupResult, ById, Create, Empty, HistoryParams, Series, SetParams, Setting, SystemInfo,
        Update, VerifyResult,
    },
    tariff::{Rate, RateEdit, Tariff, TariffEdit},
    upstream::{Upstream, UpstreamEdit},
};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// A method, as a type: `client.call::<AccountList>(..)`.
pub trait Method {
    /// Its line in the table.
    const INFO: &'static MethodInfo;
    /// Parameters: one object.
    type Params: Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static;
    /// Result.
    type Output: Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static;
}

/// A line of the table.
#[derive(Debug)]
pub struct MethodInfo {
    /// Name on the wire.
    pub name: &'static str,
    /// Who may call it.
    pub access: Access,
    /// What it does, one line each.
    pub doc: &'static [&'static str],
    /// Schema of the parameters object.
    pub params: fn(&mut SchemaGenerator) -> Schema,
    /// Schema of the result.
    pub result: fn(&mut SchemaGenerator) -> Schema,
}

/// The line of a name, if there is such a method.
#[must_use]
pub fn find(name: &str) -> Option<&'static MethodInfo> {
    METHODS.iter().copied().find(|info| info.name == name)
}

/// Name of the notifications `live.subscribe` sends.
pub const LIVE_EVENT: &str = "live.event";

macro_rules! methods {
    ($( $(#[doc = $doc:literal])+ $method:ident = $name:literal, $access:expr, $params:ty => $output:ty; )+) => {
        $(
            $(#[doc = $doc])+
            #[derive(Clone, Copy, Debug)]
            pub struct $method;
            impl Method for $method {
                const INFO: &'static MethodInfo = &MethodInfo {
                    name: $name,
                    access: $access,
                    doc: &[$($doc),+],
                    params: SchemaGenerator::subschema_for::<$params>,
                    result: SchemaGenerator::subschema_for::<$output>,
                };
                type Params = $params;
                type Output = $output;
            }
        )+
        /// Every method.
        pub static METHODS: &[&MethodInfo] = &[$(<$method as Method>::INFO),+];
    };
}

methods! {
    /// This document.
    Discover = "rpc.discover", Open, Empty => Value;

    /// Logs this connection in. After several failures a login or an address must wait.
    SessionLogin = "session.login", Open, LoginParams => Session;
    /// Logs this connection out and ends its subscriptions.
    SessionLogout = "session.logout", LoggedIn, Empty => Empty;
    /// Who this connection acts as.
    SessionWhoami = "session.whoami", LoggedIn, Empty => Session;
    /// Changes one's own password; other sessions of the login end.
    SessionChangePassword = "session.change_password", LoggedIn, ChangePasswordParams => Empty;

    /// Accounts. A reseller sees its own and those below.
    AccountList = "account.list", Needs(Accounts, See), ListParams => Page<Account>;
    /// One account.
    AccountGet = "account.get", Needs(Accounts, See), ById<AccountId> => Account;
    /// Makes an account. A reseller can make one below itself only, with its own routing group and currency.
    AccountCreate = "account.create", Needs(Accounts, Change), Create<AccountEdit> => Account;
    /// Changes an account. A reseller cannot change its own.
    AccountUpdate = "account.update", Needs(Accounts, Change), Update<AccountId, AccountEdit> => Account;
    /// Deletes an account that nothing refers to; one with calls or entries can only be closed.
    AccountDelete = "account.delete", Needs(Accounts, Change), ById<AccountId> => Empty;
    /// Balances and holds from the live ledger.
    AccountBalance = "account.balance", Needs(Accounts, See), BalanceParams => Vec<Balance>;

    /// SIP log-ins of accounts.
    DeviceList = "device.list", Needs(Accounts, See), ListParams => Page<Device>;
    /// One device.
    DeviceGet = "device.get", Needs(Accounts, See), ById<DeviceId> => Device;
    /// Makes a device.
    DeviceCreate = "device.create", Needs(Accounts, Change), Create<DeviceEdit> => Device;
    /// Changes a device.
    DeviceUpdate = "device.update", Needs(Accounts, Change), Update<DeviceId, DeviceEdit> => Device;
    /// Deletes a device; its phones are no longer reachable.
    DeviceDelete = "device.delete", Needs(Accounts, Change), ById<DeviceId> => Empty;

    /// Source addresses of accounts.
    SourceList = "source.list", Needs(Accounts, See), ListParams => Page<SourceAddress>;
    /// One source address.
    SourceGet = "source.get", Needs(Accounts, See), ById<SourceId> => SourceAddress;
    /// Makes a source address.
    SourceCreate = "source.create", Needs(Accounts, Change), Create<SourceEdit> => SourceAddress;
    /// Changes a source address.
    SourceUpdate = "source.update", Needs(Accounts, Change), Update<SourceId, SourceEdit> => SourceAddress;
    /// Deletes a source address.
    SourceDelete = "source.delete", Needs(Accounts, Change), ById<SourceId> => Empty;

    /// Numbers at which others call in. A reseller sees those of its branch.
    DidList = "did.list", Needs(Accounts, See), ListParams => Page<Did>;
    /// One number.
    DidGet = "did.get", Needs(Accounts, See), ById<DidId> => Did;
    /// Adds a number to the stock, or to an account; not for resellers.
    DidCreate = "did.create", Needs(Accounts, Change), Create<DidEdit> => Did;
    /// Adds a range of numbers, all alike, all or none; not for resellers.
    DidAddRange = "did.add_range", Needs(Accounts, Change), DidRangeParams => DidRangeResult;
    /// Changes a number; new calls to it go by it at once. A reseller says where the numbers of its accounts lead.
    DidUpdate = "did.update", Needs(Accounts, Change), Update<DidId, DidEdit> => Did;
    /// Deletes a number; not for resellers.
    DidDelete = "did.delete", Needs(Accounts, Change), ById<DidId> => Empty;

    /// Block- and allowlists. A reseller sees those of its branch.
    ListEntryList = "list_entry.list", Needs(Accounts, See), ListParams => Page<ListEntry>;
    /// One list entry.
    ListEntryGet = "list_entry.get", Needs(Accounts, See), ById<ListEntryId> => ListEntry;
    /// Makes a list entry; new calls are held against it at once. A reseller can make those of accounts below it.
    ListEntryCreate = "list_entry.create", Needs(Accounts, Change), Create<ListEntryEdit> => ListEntry;
    /// Changes a list entry.
    ListEntryUpdate = "list_entry.update", Needs(Accounts, Change), Update<ListEntryId, ListEntryEdit> => ListEntry;
    /// Deletes a list entry.
    ListEntryDelete = "list_entry.delete", Needs(Accounts, Change), ById<ListEntryId> => Empty;

    /// Gateways.
    GatewayList = "gateway.list", Needs(Gateways, See), ListParams => Page<Gateway>;
    /// One gateway.
    GatewayGet = "gateway.get", Needs(Gateways, See), ById<GatewayId> => Gateway;
    /// Makes a gateway.
    GatewayCreate = "gateway.create", Needs(Gateways, Change), Create<GatewayEdit> => Gateway;
    /// Changes a gateway.
    GatewayUpdate = "gateway.update", Needs(Gateways, Change), Update<GatewayId, GatewayEdit> => Gateway;
    /// Deletes a gateway that no route leads to.
    GatewayDelete = "gateway.delete", Needs(Gateways, Change), ById<GatewayId> => Empty;
    /// Asks the hosts of a gateway now whether they are there; their answers show in its status. Not too often.
    GatewayProbe = "gateway.probe", Needs(Gateways, Change), ById<GatewayId> => Empty;
    /// Registers an upstream registration anew now. Not too often.
    UpstreamRegister = "upstream.register", Needs(Gateways, Change), ById<UpstreamId> => Empty;
    /// Upstream registrations now: whether they hold, until when, the last answer, the next try.
    UpstreamStatusList = "upstream.status", Needs(Live, See), Empty => Vec<UpstreamStatus>;
    /// Upstream registrations.
    UpstreamList = "upstream.list", Needs(Gateways, See), ListParams => Page<Upstream>;
    /// One upstream registration.
    UpstreamGet = "upstream.get", Needs(Gateways, See), ById<UpstreamId> => Upstream;
    /// Makes an upstream registration: the switch registers at once.
    UpstreamCreate = "upstream.create", Needs(Gateways, Change), Create<UpstreamEdit> => Upstream;
    /// Changes an upstream registration; it registers anew.
    UpstreamUpdate = "upstream.update", Needs(Gateways, Change), Update<UpstreamId, UpstreamEdit> => Upstream;
    /// Deletes an upstream registration and takes it back; refused while a route leads to it.
    UpstreamDelete = "upstream.delete", Needs(Gateways, Change), ById<UpstreamId> => Empty;
    /// Gateways at work: calls, ASR figures, post-dial delay.
    GatewayStatusList = "gateway.status", Needs(Live, See), Empty => Vec<GatewayStatus>;

    /// Routing groups. A reseller sees the names of those its accounts may use.
    GroupList = "group.list", Needs(DialPlan, See), ListParams => Page<RoutingGroup>;
    /// One routing group.
    GroupGet = "group.get", Needs(DialPlan, See), ById<RoutingGroupId> => RoutingGroup;
    /// Makes a routing group.
    GroupCreate = "group.create", Needs(DialPlan, Change), Create<RoutingGroupEdit> => RoutingGroup;
    /// Changes a routing group.
    GroupUpdate = "group.update", Needs(DialPlan, Change), Update<RoutingGroupId, RoutingGroupEdit> => RoutingGroup;
    /// Deletes a routing group that no account or group refers to, with its routes.
    GroupDelete = "group.delete", Needs(DialPlan, Change), ById<RoutingGroupId> => Empty;

    /// Rows of the dial plan; none for resellers.
    RouteList = "route.list", Needs(DialPlan, See), ListParams => Page<Route>;
    /// One row.
    RouteGet = "route.get", Needs(DialPlan, See), ById<RouteId> => Route;
    /// Makes a row.
    RouteCreate = "route.create", Needs(DialPlan, Change), Create<RouteEdit> => Route;
    /// Changes a row.
    RouteUpdate = "route.update", Needs(DialPlan, Change), Update<RouteId, RouteEdit> => Route;
    /// Deletes a row.
    RouteDelete = "route.delete", Needs(DialPlan, Change), ById<RouteId> => Empty;

    /// Tariffs. A reseller sees its own, those granted to it, and those its branch is charged by.
    TariffList = "tariff.list", Needs(Tariffs, See), ListParams => Page<Tariff>;
    /// One tariff.
    TariffGet = "tariff.get", Needs(Tariffs, See), ById<TariffId> => Tariff;
    /// Makes a tariff.
    TariffCreate = "tariff.create", Needs(Tariffs, Change), Create<TariffEdit> => Tariff;
    /// Changes a tariff; open calls keep their prices.
    TariffUpdate = "tariff.update", Needs(Tariffs, Change), Update<TariffId, TariffEdit> => Tariff;
    /// Deletes a tariff that nothing refers to, with its rates.
    TariffDelete = "tariff.delete", Needs(Tariffs, Change), ById<TariffId> => Empty;

    /// Rates of tariffs.
    RateList = "rate.list", Needs(Tariffs, See), ListParams => Page<Rate>;
    /// One rate.
    RateGet = "rate.get", Needs(Tariffs, See), ById<RateId> => Rate;
    /// Makes a rate.
    RateCreate = "rate.create", Needs(Tariffs, Change), Create<RateEdit> => Rate;
    /// Changes a rate; open calls keep their prices.
    RateUpdate = "rate.update", Needs(Tariffs, Change), Update<RateId, RateEdit> => Rate;
    /// Deletes a rate.
    RateDelete = "rate.delete", Needs(Tariffs, Change), ById<RateId> => Empty;

    /// Books a payment, credit, return or adjustment, once per request id; answered when it is on disk.
    PaymentCreate = "payment.create", Needs(Money, Change), PaymentParams => PaymentResult;
    /// Pays a call back at every level, once per request id; answered when it is on disk. Not for resellers, since
    /// the levels above them are paid back too.
    RefundCreate = "refund.create", Needs(Money, Change), RefundParams => RefundResult;
    /// Ledger entries that are payments, credits, returns or adjustments.
    PaymentList = "payment.list", Needs(Money, See), ListParams => Page<LedgerEntry>;
    /// All ledger entries.
    LedgerList = "ledger.list", Needs(Money, See), ListParams => Page<LedgerEntry>;

    /// Exchange ratios by date; none for resellers.
    ExchangeRatioList = "exchange_ratio.list", Needs(Money, See), ListParams => Page<ExchangeRatio>;
    /// One exchange ratio.
    ExchangeRatioGet = "exchange_ratio.get", Needs(Money, See), ById<ExchangeRatioId> => ExchangeRatio;
    /// Makes an exchange ratio; not for resellers.
    ExchangeRatioCreate = "exchange_ratio.create", Needs(Money, Change), Create<ExchangeRatioEdit> => ExchangeRatio;
    /// Changes an exchange ratio; CDRs keep those of their answer.
    ExchangeRatioUpdate = "exchange_ratio.update", Needs(Money, Change), Update<ExchangeRatioId, ExchangeRatioEdit> => ExchangeRatio;
    /// Deletes an exchange ratio.
    ExchangeRatioDelete = "exchange_ratio.delete", Needs(Money, Change), ById<ExchangeRatioId> => Empty;

    /// CDRs, with what each charged and cost.
    CdrList = "cdr.list", Needs(Cdrs, See), ListParams => Page<Cdr>;
    /// One CDR with its charges, cost, audio and trace.
    CdrGet = "cdr.get", Needs(Cdrs, See), ById<CallId> => CdrDetail;

    /// A piece of a call's recording, a WAV file: the caller left, the called side right.
    RecordingRead = "recording.read", Needs(Recordings, See), RecordingReadParams => RecordingPart;
    /// Begins or ends the recording of an open call; what follows goes on in the same file.
    LiveRecord = "live.record", Needs(Recordings, Change), RecordParams => Empty;

    /// Registered phones.
    RegistrationList = "registration.list", Needs(Live, See), ListParams => Page<Registration>;
    /// Drops all registrations of a device.
    RegistrationRemove = "registration.remove", Needs(Live, Change), UnregisterParams => Empty;

    /// All open calls, registrations, gateways and counters now.
    LiveSnapshotGet = "live.snapshot", Needs(Live, See), Empty => LiveSnapshot;
    /// Subscribes to the live feed: a snapshot, then deltas at most a few times a second, as `live.event`.
    LiveSubscribe = "live.subscribe", Needs(Live, See), Empty => Value;
    /// Ends a subscription; parameters are the array of its id, as subscriptions of JSON-RPC libraries do it.
    LiveUnsubscribe = "live.unsubscribe", LoggedIn, Value => bool;
    /// Alerts; a reseller sees those of its branch.
    AlertList = "alert.list", Needs(Live, See), ListParams => Page<Alert>;
    /// Hangs a call up.
    LiveHangUp = "live.hangup", Needs(Live, Change), HangUpParams => Empty;

    /// Begins to keep SIP messages. For admins; for resellers about an account of their branch, its own legs only.
    SipTraceStart = "sip_trace.start", Needs(SipTraces, Change), TraceStartParams => SipTrace;
    /// Keeps no more of it; what was kept stays to be read.
    SipTraceStop = "sip_trace.stop", Needs(SipTraces, Change), TraceRef => SipTrace;
    /// Forgets it with all it kept.
    SipTraceDelete = "sip_trace.delete", Needs(SipTraces, Change), TraceRef => Empty;
    /// The traces there are; a reseller sees those its branch began.
    SipTraceList = "sip_trace.list", Needs(SipTraces, See), Empty => Vec<SipTrace>;
    /// Messages of a trace, oldest first.
    SipTraceRead = "sip_trace.read", Needs(SipTraces, See), TraceReadParams => TraceMessages;
    /// A trace as a file: text (ladder, then messages), or pcap.
    SipTraceExport = "sip_trace.export", Needs(SipTraces, See), TraceExportParams => TraceFile;

    /// What the switch would do with a call, and why: the call simulator.
    Decide = "decide", Needs(Simulator, See), DecideParams => DecideResult;
    /// What a number and duration cost.
    RatePrice = "rate", Needs(Simulator, See), RateParams => RateResult;
    /// Tries number rules on a number.
    NumberRuleTry = "number_rule.try", Needs(Simulator, See), TryRuleParams => TryRuleResult;

    /// All settings.
    SettingList = "setting.list", Needs(Settings, See), Empty => Vec<Setting>;
    /// Changes a setting; it takes effect at once.
    SettingSet = "setting.set", Needs(Settings, Change), SetParams => Setting;

    /// Logins.
    LoginList = "login.list", Needs(Logins, See), ListParams => Page<Login>;
    /// One login.
    LoginGet = "login.get", Needs(Logins, See), ById<LoginId> => Login;
    /// Makes a login.
    LoginCreate = "login.create", Needs(Logins, Change), Create<LoginEdit> => Login;
    /// Changes a login; its sessions end.
    LoginUpdate = "login.update", Needs(Logins, Change), Update<LoginId, LoginEdit> => Login;
    /// Deletes a login; its sessions end. The last enabled admin stays.
    LoginDelete = "login.delete", Needs(Logins, Change), ById<LoginId> => Empty;

    /// Whose messages are heard: rules of operators, and the blocks that the guard made.
    SourceRuleList = "source_rule.list", Needs(System, See), ListParams => Page<SourceRule>;
    /// One rule about source addresses.
    SourceRuleGet = "source_rule.get", Needs(System, See), ById<SourceRuleId> => SourceRule;
    /// Makes a rule about source addresses; it holds at once, and connections from there are closed.
    SourceRuleCreate = "source_rule.create", Needs(System, Change), Create<SourceRuleEdit> => SourceRule;
    /// Changes a rule about source addresses.
    SourceRuleUpdate = "source_rule.update", Needs(System, Change), Update<SourceRuleId, SourceRuleEdit> => SourceRule;
    /// Deletes a rule about source addresses: a block is lifted, and its source begins without points.
    SourceRuleDelete = "source_rule.delete", Needs(System, Change), ById<SourceRuleId> => Empty;

    /// The audit log: who changed what, when, from what to what.
    AuditList = "audit.list", Needs(Audit, See), ListParams => Page<AuditEntry>;

    /// Version, clock and start of the switch.
    SystemInfoGet = "system.info", LoggedIn, Empty => SystemInfo;
    /// Counters of the switch.
    SystemCounters = "system.counters", Needs(System, See), Empty => Counters;
    /// Figures over time, for plots; since the start of the switch, a day at most.
    SystemHistory = "system.history", Needs(System, See), HistoryParams => Vec<Series>;
    /// Checks ledger sums, holds and CDRs against each other.
    SystemVerify = "system.verify", Needs(System, Change), Empty => VerifyResult;
    /// Makes a backup of the database while it runs.
    SystemBackup = "system.backup", Needs(System, Change), Empty => BackupResult;
}

#[cfg(test)]
mod tests {
    use super::METHODS;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_and_lower_case() {
        let names: BTreeSet<_> = METHODS.iter().map(|m| m.name).collect();
        assert_eq!(names.len(), METHODS.len());
        for name in names {
            assert!(
                name.bytes()
                    .all(|b| b.is_ascii_lowercase() || b == b'_' || b == b'.'),
                "{name}"
            );
        }
    }
}
