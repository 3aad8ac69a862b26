//! Number rules: VoipSwitch's rewriting language (`features.md` section 3, `voipswitch-schema.md` 2.4).
//!
//! `KEY:rule;KEY:rule;...`, keys `DP` (or none), `DN`, `TP`, `CP`. A rule is one or more alternatives joined by
//! ` OR `; the first that matches is carried out, and if none does the number stays as it is. Parsing is in
//! [`parse`]; this file is what the rules do. Rules of one key apply in the order written, each to the result
//! of the one before.

mod parse;

use serde::{Deserialize, Serialize};

/// Which number a rule rewrites.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleKey {
    /// No key, or `DP:`: the dialled number toward the dial plan.
    ToPlan,
    /// `DN:`: the dialled number toward the terminator.
    ToGateway,
    /// `TP:`: the rating number.
    Rating,
    /// `CP:`: the caller ID.
    Caller,
}

/// A checked rule string. [`source`](Self::source) gives back what the operator wrote.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NumberRules {
    source: String,
    rules: Vec<Rule>,
}

/// A fault, with the byte offset in the rule string it is at.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq, Serialize, Deserialize)]
#[error("number rule at character {at}: {reason}")]
pub struct RuleError {
    /// Byte offset of the fault, 0 for the first; the length of the text if something is missing at its end.
    pub at: usize,
    /// What is wrong, and what is meant to stand there.
    pub reason: String,
}

/// One alternative that was carried out, for the call simulator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fired {
    /// The alternative as written, without its neighbours.
    pub rule: String,
    /// Its byte offset in [`NumberRules::source`].
    pub at: usize,
    /// The number it was given.
    pub before: String,
    /// The number it made.
    pub after: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    key: RuleKey,
    alternatives: Vec<Alternative>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Alternative {
    at: usize,
    end: usize,
    length: Option<Length>,
    action: Action,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Length {
    Exactly(usize),
    Under(usize),
    Over(usize),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Action {
    /// Only a length was written: numbers of it stay as they are, and later alternatives are not tried.
    Keep,
    Prepend(String),
    ReplacePrefix(String, String),
    ReplaceWhole(String),
    Append(String),
}

impl NumberRules {
    /// Checks a rule string. Empty text and empty rules (`TP:`) change nothing.
    ///
    /// # Errors
    /// The first fault, from left to right.
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        Ok(Self {
            source: text.to_owned(),
            rules: parse::rules(text)?,
        })
    }

    /// The text it was parsed from.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether no rule has this key, so that such numbers pass unchanged.
    pub fn is_empty_for(&self, key: RuleKey) -> bool {
        !self.rules.iter().any(|rule| rule.key == key)
    }

    /// `number` after all rules of `key`.
    pub fn apply(&self, key: RuleKey, number: &str) -> String {
        let mut current = number.to_owned();
        for rule in self.rules.iter().filter(|rule| rule.key == key) {
            if let Some((_, after)) = rule.fire(&current) {
                current = after;
            }
        }
        current
    }

    /// As [`apply`](Self::apply), with every alternative that was carried out, in order.
    pub fn trace(&self, key: RuleKey, number: &str) -> (String, Vec<Fired>) {
        let mut current = number.to_owned();
        let mut fired = Vec::new();
        for rule in self.rules.iter().filter(|rule| rule.key == key) {
            let Some((alternative, after)) = rule.fire(&current) else {
                continue;
            };
            let text = self.source.get(alternative.at..alternative.end);
            fired.push(Fired {
                rule: text.unwrap_or_default().to_owned(),
                at: alternative.at,
                before: std::mem::replace(&mut current, after.clone()),
                after,
            });
        }
        (current, fired)
    }
}

impl Rule {
    fn fire(&self, number: &str) -> Option<(&Alternative, String)> {
        self.alternatives
            .iter()
            .find_map(|alternative| Some((alternative, alternative.rewrite(number)?)))
    }
}

impl Alternative {
    fn rewrite(&self, number: &str) -> Option<String> {
        if !self
            .length
            .is_none_or(|length| length.holds(number.chars().count()))
        {
            return None;
        }
        match &self.action {
            Action::Keep => Some(number.to_owned()),
            Action::Prepend(text) => Some(format!("{text}{number}")),
            Action::ReplacePrefix(old, new) => number
                .strip_prefix(old.as_str())
                .map(|rest| format!("{new}{rest}")),
            Action::ReplaceWhole(text) => Some(text.clone()),
            Action::Append(text) => Some(format!("{number}{text}")),
        }
    }
}

impl Length {
    fn holds(self, length: usize) -> bool {
        match self {
            Self::Exactly(n) => length == n,
            Self::Under(n) => length < n,
            Self::Over(n) => length > n,
        }
    }
}

impl TryFrom<String> for NumberRules {
    type Error = RuleError;
    fn try_from(text: String) -> Result<Self, RuleError> {
        Self::parse(&text)
    }
}

impl From<NumberRules> for String {
    fn from(rules: NumberRules) -> Self {
        rules.source
    }
}

impl std::str::FromStr for NumberRules {
    type Err = RuleError;
    fn from_str(text: &str) -> Result<Self, RuleError> {
        Self::parse(text)
    }
}

impl std::fmt::Display for NumberRules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.source)
    }
}
