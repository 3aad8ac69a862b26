//! What the tool screens hold: the call simulator, pricing, number rules, settings, traces, the switch itself.

use super::{draft, format, request::Slot, traces::Traces};
use crate::resource::Input;
use serde_json::Value;
use std::collections::BTreeMap;
use tandem_protocol::{
    AccountId, TariffId, UtcMs,
    account::Transport,
    simulate::{
        DecideParams, DecideResult, RateParams, RateResult, RuleKey, TryRuleParams, TryRuleResult,
        UsageMode,
    },
    system::{BackupResult, Figure, Series, Setting, SystemInfo, VerifyResult},
};

/// A call to simulate, as typed.
#[derive(Debug, Default)]
pub struct Simulator {
    pub account: Option<i64>,
    pub source: String,
    pub caller: String,
    pub dialled: String,
    pub codecs: String,
    pub at: String,
    pub duration: String,
    pub live_usage: bool,
    pub fault: Option<String>,
    pub result: Slot<DecideResult>,
}

impl Simulator {
    /// # Errors
    /// Says which field is wrong.
    pub fn params(&self) -> Result<DecideParams, String> {
        if self.dialled.trim().is_empty() {
            return Err("Dialled number: is needed".into());
        }
        if self.account.is_none() && self.source.trim().is_empty() {
            return Err("Give an account, or the address the call comes from".into());
        }
        let source = self.source.trim();
        Ok(DecideParams {
            account: self.account.map(AccountId),
            device: None,
            source: (!source.is_empty()).then(|| source.to_owned()),
            transport: Transport::Udp,
            caller: self.caller.trim().to_owned(),
            dialled: self.dialled.trim().to_owned(),
            at: instant(&self.at)?,
            codecs: words(&self.codecs.to_lowercase()),
            usage: if self.live_usage {
                UsageMode::Live
            } else {
                UsageMode::Idle
            },
            draw: None,
            duration_s: match self.duration.trim() {
                "" => None,
                text => Some(
                    text.parse()
                        .map_err(|_| "Duration: whole seconds".to_owned())?,
                ),
            },
        })
    }
}

fn instant(text: &str) -> Result<Option<UtcMs>, String> {
    if text.trim().is_empty() {
        return Ok(None);
    }
    format::parse_time(text)
        .map(|at| Some(UtcMs(at)))
        .map_err(|fault| format!("Time: {fault}"))
}

fn words(text: &str) -> Vec<String> {
    let list = draft::parse(text, &Input::List).unwrap_or_default();
    serde_json::from_value(list).unwrap_or_default()
}

/// A number and duration to price, as typed.
#[derive(Debug)]
pub struct Pricing {
    pub by_account: bool,
    pub account: Option<i64>,
    pub tariff: Option<i64>,
    pub number: String,
    pub caller: String,
    pub at: String,
    pub seconds: String,
    pub fault: Option<String>,
    pub result: Slot<RateResult>,
}

impl Default for Pricing {
    fn default() -> Self {
        Self {
            by_account: true,
            account: None,
            tariff: None,
            number: String::new(),
            caller: String::new(),
            at: String::new(),
            seconds: "60".into(),
            fault: None,
            result: Slot::default(),
        }
    }
}

impl Pricing {
    /// # Errors
    /// Says which field is wrong.
    pub fn params(&self) -> Result<RateParams, String> {
        let (account, tariff) = if self.by_account {
            (self.account, None)
        } else {
            (None, self.tariff)
        };
        if account.is_none() && tariff.is_none() {
            return Err(if self.by_account {
                "Account: is needed"
            } else {
                "Tariff: is needed"
            }
            .into());
        }
        if self.number.trim().is_empty() {
            return Err("Number: is needed".into());
        }
        let seconds: rust_decimal::Decimal = self
            .seconds
            .trim()
            .parse()
            .map_err(|_| "Duration: seconds such as 61.5".to_owned())?;
        let ms = seconds
            .checked_mul(1000.into())
            .and_then(|ms| u64::try_from(ms).ok());
        Ok(RateParams {
            tariff: tariff.map(TariffId),
            account: account.map(AccountId),
            number: self.number.trim().to_owned(),
            caller: self.caller.trim().to_owned(),
            at: instant(&self.at)?,
            duration_ms: ms.ok_or("Duration: not negative")?,
        })
    }
}

/// Number rules to try, as typed.
#[derive(Debug, Default)]
pub struct RuleTrial {
    pub rules: String,
    pub key: RuleKey,
    pub number: String,
    pub result: Slot<TryRuleResult>,
}

impl RuleTrial {
    pub fn params(&self) -> TryRuleParams {
        TryRuleParams {
            rules: self.rules.clone(),
            key: self.key,
            number: self.number.trim().to_owned(),
        }
    }
}

/// All settings and those being typed.
#[derive(Debug, Default)]
pub struct Settings {
    pub list: Slot<Vec<Setting>>,
    pub texts: BTreeMap<String, String>,
    pub faults: BTreeMap<String, String>,
    pub filter: String,
}

impl Settings {
    /// A typed text as a value of the kind the setting has.
    ///
    /// # Errors
    /// Says what is expected.
    pub fn parse(&self, setting: &Setting) -> Result<Value, String> {
        let text = self.texts.get(&setting.key).map_or("", String::as_str);
        match &setting.value {
            Value::Bool(_) => Ok((text == "true").into()),
            Value::Number(_) => text
                .trim()
                .parse::<i64>()
                .map(Value::from)
                .map_err(|_| "a whole number".to_owned()),
            Value::Array(items) if items.iter().all(Value::is_string) => {
                draft::parse(text, &Input::List)
            }
            Value::String(_) => Ok(text.into()),
            _ => serde_json::from_str(text).map_err(|error| format!("JSON: {error}")),
        }
    }

    /// How a value stands in its box.
    pub fn text(setting: &Setting) -> String {
        match &setting.value {
            Value::Array(items) if items.iter().all(Value::is_string) => {
                draft::shown(&setting.value, &Input::List)
            }
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }
    }

    pub fn is_changed(&self, setting: &Setting) -> bool {
        self.texts
            .get(&setting.key)
            .is_some_and(|text| *text != Self::text(setting))
    }

    /// How many were typed and not saved.
    pub fn changed(&self) -> usize {
        let list = self.list.value().map(Vec::as_slice).unwrap_or_default();
        list.iter()
            .filter(|setting| self.is_changed(setting))
            .count()
    }
}

/// Figures over time.
#[derive(Debug)]
pub struct History {
    pub hours: i64,
    pub series: Slot<Vec<Series>>,
    /// When it was last asked for.
    pub asked_ms: i64,
}

impl Default for History {
    fn default() -> Self {
        Self {
            hours: 1,
            series: Slot::default(),
            asked_ms: 0,
        }
    }
}

impl History {
    pub const FIGURES: [Figure; 8] = Figure::ALL;
    /// Milliseconds between questions while the screen shows.
    pub const EVERY_MS: i64 = 10_000;
}

/// The switch itself.
#[derive(Debug, Default)]
pub struct System {
    pub info: Slot<SystemInfo>,
    pub verify: Slot<VerifyResult>,
    pub backup: Slot<BackupResult>,
    pub old_password: String,
    pub new_password: String,
    pub again: String,
    pub password_fault: Option<String>,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Tools {
    pub simulator: Simulator,
    pub pricing: Pricing,
    pub rules: RuleTrial,
    pub settings: Settings,
    pub history: History,
    pub system: System,
    pub traces: Traces,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_simulated_call_needs_a_number_and_an_origin() {
        let mut simulator = Simulator::default();
        assert!(simulator.params().is_err());
        simulator.dialled = " 4420 ".into();
        assert!(simulator.params().is_err());
        simulator.account = Some(3);
        simulator.codecs = "PCMA, opus".into();
        simulator.duration = "90".into();
        let params = simulator.params().expect("complete");
        assert_eq!(
            (params.dialled.as_str(), params.account, params.duration_s),
            ("4420", Some(AccountId(3)), Some(90))
        );
        assert_eq!(params.codecs, ["pcma", "opus"]);
        simulator.at = "soon".into();
        assert!(simulator.params().is_err());
    }

    #[test]
    fn seconds_with_a_fraction_are_exact() {
        let mut pricing = Pricing {
            account: Some(1),
            number: "44".into(),
            ..Pricing::default()
        };
        for (text, ms) in [
            ("60", Some(60_000)),
            ("0.001", Some(1)),
            ("61.5", Some(61_500)),
            ("-1", None),
            ("x", None),
        ] {
            pricing.seconds = text.into();
            assert_eq!(
                pricing.params().ok().map(|params| params.duration_ms),
                ms,
                "{text}"
            );
        }
    }

    #[test]
    fn settings_keep_their_kind() {
        let setting = |value: Value| Setting {
            key: "k".into(),
            value,
            description: String::new(),
        };
        for (old, text, new) in [
            (json!(5), "7", Some(json!(7))),
            (json!(5), "x", None),
            (json!(true), "false", Some(json!(false))),
            (json!(["112"]), "112, 911", Some(json!(["112", "911"]))),
            (json!("a"), "b", Some(json!("b"))),
            (json!({"a": 1}), "{", None),
        ] {
            let mut settings = Settings::default();
            settings.texts.insert("k".into(), text.into());
            assert_eq!(settings.parse(&setting(old)).ok(), new, "{text}");
        }
    }
}
