//! Number rules: VoipSwitch's rewriting language (`features.md` section 3).

/// Which number a rule rewrites.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RuleKey {
    /** no key, `DP:` toward the plan */
    ToPlan,
    /** `DN:` toward the terminator */
    ToGateway,
    /** `TP:` rating number */
    Rating,
    /** `CP:` caller ID */
    Caller,
}

/// A checked rule string. `source()` gives back what the operator wrote.
#[derive(Clone, Debug, Default)]
pub struct NumberRules {
    source: String,
}

/// A fault, with the byte offset in the rule string it is at.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("number rule at character {at}: {reason}")]
pub struct RuleError {
    pub at: usize,
    pub reason: String,
}

impl NumberRules {
    pub fn parse(text: &str) -> Result<Self, RuleError> {
        todo!()
    }
    pub fn source(&self) -> &str {
        &self.source
    }
    pub fn apply(&self, key: RuleKey, number: &str) -> String {
        todo!()
    }
}
