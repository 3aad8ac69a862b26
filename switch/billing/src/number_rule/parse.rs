//! From rule text to rules. Every fault knows its byte.

use super::{Action, Alternative, Length, Rule, RuleError, RuleKey};

/// VoipSwitch keeps the whole string in one text column; nobody writes more by hand.
const MAX_BYTES: usize = 4096;
/// Longest number a length may be compared with.
const MAX_LENGTH: usize = 255;

/// A piece of the rule text that knows where it stands.
#[derive(Clone, Copy)]
struct Piece<'a> {
    at: usize,
    text: &'a str,
}

pub(super) fn rules(text: &str) -> Result<Vec<Rule>, RuleError> {
    if text.len() > MAX_BYTES {
        return fault(MAX_BYTES, format!("longer than {MAX_BYTES} bytes"));
    }
    let whole = Piece { at: 0, text };
    let mut rules = Vec::new();
    for part in whole.split(";") {
        let (key, body) = key_of(part.trim())?;
        if body.text.is_empty() {
            continue;
        }
        let alternatives = body
            .split_alternatives()
            .into_iter()
            .map(alternative)
            .collect::<Result<Vec<_>, _>>()?;
        rules.push(Rule { key, alternatives });
    }
    Ok(rules)
}

fn key_of(part: Piece<'_>) -> Result<(RuleKey, Piece<'_>), RuleError> {
    let Some((name, _)) = part.text.split_once(':') else {
        return Ok((RuleKey::ToPlan, part));
    };
    let key = match name.trim_end().to_ascii_uppercase().as_str() {
        "DP" => RuleKey::ToPlan,
        "DN" => RuleKey::ToGateway,
        "TP" => RuleKey::Rating,
        "CP" => RuleKey::Caller,
        _ => {
            let reason = format!("unknown key {name:?}: the keys are DP, DN, TP and CP");
            return fault(part.at, reason);
        }
    };
    Ok((key, part.skip(name.len() + 1).trim()))
}

fn alternative(part: Piece<'_>) -> Result<Alternative, RuleError> {
    let part = part.trim();
    if part.text.is_empty() {
        return fault(part.at, "an alternative is missing beside OR".into());
    }
    let (length, body) = length_of(part)?;
    Ok(Alternative {
        at: part.at,
        end: part.end(),
        length,
        action: action(body)?,
    })
}

/// The length may stand before or after the rule it limits, once.
fn length_of(part: Piece<'_>) -> Result<(Option<Length>, Piece<'_>), RuleError> {
    let Some(open) = part.text.find('[') else {
        return Ok((None, part));
    };
    let bracket = part.skip(open);
    let Some(close) = bracket.text.find(']') else {
        return fault(bracket.at, "[ without ]".into());
    };
    let inside = bracket.skip(1).take(close - 1).trim();
    let length = length(inside)?;
    let before = part.take(open).trim();
    let after = bracket.skip(close + 1).trim();
    match (before.text.is_empty(), after.text.is_empty()) {
        (_, true) => Ok((Some(length), before)),
        (true, false) => Ok((Some(length), after)),
        (false, false) => fault(
            bracket.at,
            "a length stands before or after the rule, not inside it".into(),
        ),
    }
}

fn length(inside: Piece<'_>) -> Result<Length, RuleError> {
    let (make, digits): (fn(usize) -> Length, _) = match inside.text.as_bytes().first() {
        Some(b'<') => (Length::Under, inside.skip(1)),
        Some(b'>') => (Length::Over, inside.skip(1)),
        _ => (Length::Exactly, inside),
    };
    let digits = digits.trim();
    match digits.text.parse::<usize>() {
        Ok(n) if n <= MAX_LENGTH && digits.text.bytes().all(|b| b.is_ascii_digit()) => Ok(make(n)),
        _ => fault(
            digits.at,
            format!("a length is a number up to {MAX_LENGTH}, such as [12], [<12] or [>12]"),
        ),
    }
}

fn action(body: Piece<'_>) -> Result<Action, RuleError> {
    if body.text.is_empty() {
        return Ok(Action::Keep);
    }
    if let Some(arrow) = body.text.find("->") {
        let old = literal(body.take(arrow))?;
        if old.is_empty() {
            return fault(body.at, "nothing stands before ->".into());
        }
        return Ok(Action::ReplacePrefix(old, literal(body.skip(arrow + 2))?));
    }
    if body.text.starts_with('!') {
        return Ok(Action::ReplaceWhole(literal(body.skip(1))?));
    }
    if body.text.starts_with('|') {
        let text = literal(body.skip(1))?;
        if text.is_empty() {
            return fault(body.end(), "nothing stands after |".into());
        }
        return Ok(Action::Append(text));
    }
    Ok(Action::Prepend(literal(body)?))
}

/// Characters that go into a number as they are.
fn literal(piece: Piece<'_>) -> Result<String, RuleError> {
    let piece = piece.trim();
    for (offset, c) in piece.text.char_indices() {
        let at = piece.at + offset;
        let reason = match c {
            '!' => "! stands only at the start of a rule",
            '|' => "| stands only at the start of a rule",
            '[' | ']' => "a bracket without its partner, or a second length",
            '<' | '>' => "< and > stand only in -> and in a length such as [<12]",
            ':' => "a key such as DP: stands only at the start of a rule",
            c if c.is_whitespace() => "a space stands only around OR",
            c if c.is_control() => "control character",
            _ => continue,
        };
        return fault(at, reason.into());
    }
    Ok(piece.text.to_owned())
}

fn fault<T>(at: usize, reason: String) -> Result<T, RuleError> {
    Err(RuleError { at, reason })
}

impl<'a> Piece<'a> {
    fn end(self) -> usize {
        self.at + self.text.len()
    }

    /// The rest from byte `n`, which must be a character border; nothing if it is not.
    fn skip(self, n: usize) -> Self {
        Self {
            at: self.at + n,
            text: self.text.get(n..).unwrap_or_default(),
        }
    }

    fn take(self, n: usize) -> Self {
        Self {
            at: self.at,
            text: self.text.get(..n).unwrap_or_default(),
        }
    }

    fn trim(self) -> Self {
        let text = self.text.trim_start();
        Self {
            at: self.at + self.text.len() - text.len(),
            text: text.trim_end(),
        }
    }

    fn split(self, separator: &'a str) -> impl Iterator<Item = Self> {
        let mut at = self.at;
        self.text.split(separator).map(move |text| {
            let piece = Self { at, text };
            at += text.len() + separator.len();
            piece
        })
    }

    /// Cuts at the word OR: with a space (or the border) on both sides, in capitals.
    fn split_alternatives(self) -> Vec<Self> {
        let mut pieces = Vec::new();
        let (mut from, mut search) = (0, 0);
        while let Some(found) = self.text.get(search..).and_then(|rest| rest.find("OR")) {
            let (start, end) = (search + found, search + found + 2);
            let space = |c: Option<char>| c.is_none_or(char::is_whitespace);
            let before = self.text.get(..start).unwrap_or_default();
            let after = self.text.get(end..).unwrap_or_default();
            if space(before.chars().next_back()) && space(after.chars().next()) {
                pieces.push(self.take(start).skip(from));
                from = end;
            }
            search = end;
        }
        pieces.push(self.skip(from));
        pieces
    }
}
