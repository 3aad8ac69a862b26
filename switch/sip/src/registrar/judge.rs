//! What a REGISTER asks for and whether it may have it, before anything is touched.

use super::{Change, HeaderId, Message, Record, RegisterAnswer, RegistrarConfig};
use crate::value::{NameAddr, Uri};

/// Longer contacts are refused: what a phone writes has some 100 bytes.
const MAX_CONTACT: usize = 512;
/// Longer Call-IDs are refused.
const MAX_CALL_ID: usize = 256;
/// Longer Path lines are refused.
const MAX_PATH_LINE: usize = 512;

/// One contact to be bound.
#[derive(Debug)]
pub(super) struct Wish {
    pub(super) contact: Box<str>,
    pub(super) expires_s: u32,
    pub(super) q_thousandths: u16,
    pub(super) instance: Option<Box<str>>,
}

/// What is to be removed, then bound. A refreshed binding is in both.
#[derive(Debug, Default)]
pub(super) struct Wishes {
    removals: Vec<u64>,
    bindings: Vec<Wish>,
    refreshed: usize,
}

impl Wishes {
    /// Bindings that were not there.
    pub(super) fn adds(&self) -> usize {
        self.bindings.len().saturating_sub(self.refreshed)
    }

    pub(super) fn change(&self) -> Change {
        if self.adds() > 0 {
            Change::Added
        } else if self.refreshed > 0 {
            Change::Refreshed
        } else if self.removals.is_empty() {
            Change::None
        } else {
            Change::Removed
        }
    }

    pub(super) fn removals(&self) -> Vec<u64> {
        self.removals.clone()
    }

    pub(super) fn bindings(self) -> Vec<Wish> {
        self.bindings
    }
}

fn refused(status: u16, reason: &'static str) -> RegisterAnswer {
    RegisterAnswer::Refused { status, reason }
}

/// RFC 3261 section 10.3, steps 6 and 7.
pub(super) fn judge(
    config: &RegistrarConfig,
    held: &[Record],
    request: &Message,
) -> Result<Wishes, RegisterAnswer> {
    if request.call_id().len() > MAX_CALL_ID {
        return Err(refused(400, "Call-ID Too Long"));
    }
    if request
        .headers("Path")
        .any(|line| line.len() > MAX_PATH_LINE)
    {
        return Err(refused(400, "Path Too Long"));
    }
    if request.is_contact_wildcard() {
        return judge_wildcard(held, request);
    }
    let mut wishes = Wishes::default();
    for item in request.list(HeaderId::Contact) {
        let contact = NameAddr::parse(item).map_err(|_| refused(400, "Bad Contact"))?;
        judge_contact(config, held, request, &contact, &mut wishes)?;
    }
    let after = held.len() + wishes.bindings.len() - wishes.removals.len().min(held.len());
    if wishes.adds() > 0 && after > config.max_bindings_per_user {
        return Err(refused(403, "Too Many Bindings"));
    }
    Ok(wishes)
}

fn judge_wildcard(held: &[Record], request: &Message) -> Result<Wishes, RegisterAnswer> {
    let alone = request.list(HeaderId::Contact).count() == 1;
    if !alone || request.expires() != Some(0) {
        return Err(refused(400, "Contact * Needs Expires 0"));
    }
    if held.iter().any(|record| is_out_of_order(record, request)) {
        return Err(refused(500, "CSeq Out of Order"));
    }
    let removals = held.iter().map(|record| record.serial).collect();
    Ok(Wishes {
        removals,
        ..Wishes::default()
    })
}

fn judge_contact(
    config: &RegistrarConfig,
    held: &[Record],
    request: &Message,
    contact: &NameAddr,
    wishes: &mut Wishes,
) -> Result<(), RegisterAnswer> {
    let text = contact.uri.to_string();
    if text.len() > MAX_CONTACT {
        return Err(refused(400, "Contact Too Long"));
    }
    let instance = instance_of(contact);
    if instance
        .as_ref()
        .is_some_and(|text| text.len() > MAX_CONTACT)
    {
        return Err(refused(400, "Contact Too Long"));
    }
    let expires_s = granted(config, contact, request)?;
    let same = |record: &&Record| is_same(record, &text, &contact.uri, instance.as_deref());
    let mut was_there = false;
    for record in held.iter().filter(same) {
        if is_out_of_order(record, request) {
            return Err(refused(500, "CSeq Out of Order"));
        }
        if !wishes.removals.contains(&record.serial) {
            wishes.removals.push(record.serial);
            was_there = true;
        }
    }
    // The same contact twice in one request: the later one counts.
    let twice = wishes
        .bindings
        .iter()
        .position(|wish| *wish.contact == *text);
    if let Some(at) = twice {
        wishes.bindings.remove(at);
    }
    if expires_s > 0 {
        wishes.refreshed += usize::from(was_there);
        let q_thousandths = contact.param("q").and_then(thousandths).unwrap_or(1000);
        wishes.bindings.push(Wish {
            contact: text.into(),
            expires_s,
            q_thousandths,
            instance,
        });
    } else if twice.is_some() {
        wishes.refreshed = wishes.refreshed.min(wishes.bindings.len());
    }
    Ok(())
}

/// The seconds granted, 0 to unbind: of the contact's parameter, the Expires header, or the default.
fn granted(
    config: &RegistrarConfig,
    contact: &NameAddr,
    request: &Message,
) -> Result<u32, RegisterAnswer> {
    let own = contact.param("expires").and_then(seconds);
    let wanted = own
        .or_else(|| request.expires())
        .unwrap_or(config.default_expires_s);
    if wanted > 0 && wanted < config.min_expires_s {
        return Err(RegisterAnswer::TooBrief {
            min_expires_s: config.min_expires_s,
        });
    }
    Ok(wanted.min(config.max_expires_s))
}

fn seconds(text: &str) -> Option<u32> {
    let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u32::MAX))
}

/// The phone by its instance and registration number if it names one, else by its contact.
fn is_same(record: &Record, text: &str, uri: &Uri, instance: Option<&str>) -> bool {
    if instance.is_some() && record.instance.as_deref() == instance {
        return true;
    }
    *record.contact == *text
        || Uri::parse(&record.contact).is_ok_and(|held| held.is_equivalent(uri))
}

fn is_out_of_order(record: &Record, request: &Message) -> bool {
    *record.call_id == *request.call_id() && request.cseq() <= record.cseq
}

fn instance_of(contact: &NameAddr) -> Option<Box<str>> {
    let instance = contact
        .param("+sip.instance")
        .filter(|text| !text.is_empty())?;
    let number = contact.param("reg-id").unwrap_or_default();
    Some(format!("{instance};{number}").into())
}

/// `0`, `1`, `0.7`, `.35`, `1.000`; at most 1.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(part) || (whole.is_empty() && part.is_empty()) {
        return None;
    }
    let whole: u16 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok()?
    };
    let part: String = part.chars().chain("000".chars()).take(3).collect();
    let part: u16 = part.parse().ok()?;
    Some(whole.saturating_mul(1000).saturating_add(part).min(1000))
}

#[cfg(test)]
mod tests {
    use super::thousandths;

    #[test]
    fn q_values() {
        let rows = [
            ("1", Some(1000)),
            ("0", Some(0)),
            ("0.7", Some(700)),
            (".35", Some(350)),
            ("0.123456", Some(123)),
            ("1.5", Some(1000)),
            ("9", Some(1000)),
            ("99999999", None),
            ("", None),
            (".", None),
            ("x", None),
            ("-1", None),
        ];
        for (text, want) in rows {
            assert_eq!(thousandths(text), want, "{text}");
        }
    }
}
