//! Overwrites what a trace must not show: proofs of passwords, keys of audio, digits pressed, which may be PINs, and the
//! users of our Contacts elsewhere.
//!
//! Every byte masked becomes one `*`, so that lengths, and with them Content-Length, stay right. Of digest
//! credentials only parameters known to be harmless stay; any other scheme loses all it says.

/// Parameters of digest credentials that tell nothing of a password.
const HARMLESS: [&[u8]; 10] = [
    b"username",
    b"realm",
    b"nonce",
    b"uri",
    b"algorithm",
    b"qop",
    b"nc",
    b"opaque",
    b"stale",
    b"nextnonce",
];
/// Lines of a description after whose prefix all is secret.
const KEY_LINES: [&[u8]; 2] = [b"a=ice-pwd:", b"k="];

/// Masks a message in place; `tokens` wherever they are the user of a URI.
pub(super) fn mask(message: &mut [u8], tokens: &[&str]) {
    for token in tokens {
        mask_user(message, token.as_bytes());
    }
    let mut at = 0;
    let mut header = Header::Plain;
    let mut content_kind = Content::Other;
    let mut in_body = false;
    while at < message.len() {
        let rest = &message[at..];
        let end = rest
            .iter()
            .position(|byte| *byte == b'\n')
            .map_or(message.len(), |line| at + line + 1);
        let line = &mut message[at..end];
        let content = line.len() - line.iter().rev().take_while(|b| is_end(**b)).count();
        let line = &mut line[..content];
        if in_body {
            match content_kind {
                Content::Digits => mask_digits(line),
                Content::Other => mask_description(line),
            }
        } else if line.is_empty() {
            in_body = true;
        } else {
            if let Some(named) = content_of(line) {
                content_kind = named;
            }
            header = mask_header(line, header);
        }
        at = end;
    }
}

fn mask_user(message: &mut [u8], user: &[u8]) {
    let mut at = 0;
    while let Some(found) = message.get(at..).and_then(|rest| {
        let mut windows = rest.windows(user.len().max(1));
        windows.position(|window| window == user)
    }) {
        let (start, end) = (at + found, at + found + user.len());
        let before = start.checked_sub(1).and_then(|before| message.get(before));
        if before == Some(&b':') && message.get(end) == Some(&b'@') {
            fill(&mut message[start..end]);
        }
        at = end;
    }
}

/// What a folded line goes on with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Header {
    Plain,
    Credentials,
    Information,
    Opaque,
}

/// What the body is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Content {
    /// Digits pressed, in an INFO.
    Digits,
    Other,
}

/// Content types of digits begin so.
const DIGITS: [&[u8]; 2] = [
    b"application/dtmf",
    b"application/vnd.nortelnetworks.digits",
];

/// What a Content-Type line says; None for any other line.
fn content_of(line: &[u8]) -> Option<Content> {
    let colon = line.iter().position(|byte| *byte == b':')?;
    let (name, value) = line.split_at(colon);
    let name = name.trim_ascii();
    let is_named = name.eq_ignore_ascii_case(b"Content-Type") || name.eq_ignore_ascii_case(b"c");
    let value = value[1..].trim_ascii_start();
    let digits = DIGITS.iter().any(|kind| starts_with(value, kind));
    is_named.then_some(if digits {
        Content::Digits
    } else {
        Content::Other
    })
}

/// `Signal=5`, `d=5`, or the digits alone; how long they lasted stays.
fn mask_digits(line: &mut [u8]) {
    match line.iter().position(|byte| *byte == b'=') {
        Some(equals)
            if line[..equals]
                .trim_ascii()
                .eq_ignore_ascii_case(b"Duration") => {}
        Some(equals) => fill(&mut line[equals + 1..]),
        None => fill(line),
    }
}

fn is_end(byte: u8) -> bool {
    byte == b'\r' || byte == b'\n'
}

fn mask_header(line: &mut [u8], last: Header) -> Header {
    if line
        .first()
        .is_some_and(|byte| matches!(byte, b' ' | b'\t'))
    {
        mask_value(line, last);
        return last;
    }
    let Some(colon) = line.iter().position(|byte| *byte == b':') else {
        return Header::Plain;
    };
    let (name, value) = line.split_at_mut(colon + 1);
    let name = name[..colon].trim_ascii();
    let kind = if name.eq_ignore_ascii_case(b"Authorization")
        || name.eq_ignore_ascii_case(b"Proxy-Authorization")
    {
        Header::Credentials
    } else if name.eq_ignore_ascii_case(b"Authentication-Info")
        || name.eq_ignore_ascii_case(b"Proxy-Authentication-Info")
    {
        Header::Information
    } else {
        Header::Plain
    };
    if kind != Header::Credentials {
        mask_value(value, kind);
        return kind;
    }
    let start = value.iter().take_while(|b| b.is_ascii_whitespace()).count();
    let value = &mut value[start..];
    let scheme = value
        .iter()
        .take_while(|b| !b.is_ascii_whitespace())
        .count();
    let kind = if value[..scheme].eq_ignore_ascii_case(b"Digest") {
        Header::Credentials
    } else {
        Header::Opaque
    };
    mask_value(&mut value[scheme..], kind);
    kind
}

fn mask_value(value: &mut [u8], kind: Header) {
    match kind {
        Header::Plain => {}
        Header::Opaque => fill(value),
        Header::Credentials | Header::Information => mask_parameters(value),
    }
}

fn mask_parameters(value: &mut [u8]) {
    let mut at = 0;
    while at < value.len() {
        let end = at + parameter_length(&value[at..]);
        let parameter = &mut value[at..end];
        let equals = parameter.iter().position(|byte| *byte == b'=');
        match equals {
            Some(equals) => {
                let (name, secret) = parameter.split_at_mut(equals + 1);
                let name = name[..equals].trim_ascii();
                if !HARMLESS
                    .iter()
                    .any(|known| name.eq_ignore_ascii_case(known))
                {
                    fill(secret);
                }
            }
            None => fill(parameter),
        }
        at = end + 1;
    }
}

/// Up to the next comma outside quotes.
fn parameter_length(rest: &[u8]) -> usize {
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in rest.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => return at,
            _ => {}
        }
    }
    rest.len()
}

fn mask_description(line: &mut [u8]) {
    if starts_with(line, b"a=crypto:") {
        let inline = line
            .windows(7)
            .position(|word| word.eq_ignore_ascii_case(b"inline:"));
        let from = inline.map_or(9, |at| at + 7);
        fill(&mut line[from..]);
    }
    for prefix in KEY_LINES {
        if starts_with(line, prefix) {
            fill(&mut line[prefix.len()..]);
        }
    }
}

fn starts_with(line: &[u8], prefix: &[u8]) -> bool {
    line.get(..prefix.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// Blanks and quotes stay, for the eye.
fn fill(secret: &mut [u8]) {
    for byte in secret {
        if !matches!(byte, b' ' | b'\t' | b'"') {
            *byte = b'*';
        }
    }
}

#[cfg(test)]
mod tests {
    use super::mask;

    fn masked(text: &str) -> String {
        let mut bytes = text.as_bytes().to_vec();
        mask(&mut bytes, &["c0ffee"]);
        assert_eq!(bytes.len(), text.len());
        String::from_utf8(bytes).expect("only ASCII is written")
    }

    #[test]
    fn secrets_go_and_lengths_stay() {
        let table = [
            (
                "Authorization: Digest username=\"a,b\", response=\"0a1b\",nc=1",
                "Authorization: Digest username=\"a,b\", response=\"****\",nc=1",
            ),
            (
                "authorization : digest Response = x",
                "authorization : digest Response = *",
            ),
            (
                "Proxy-Authorization: Basic YWJj",
                "Proxy-Authorization: Basic ****",
            ),
            (
                "Authorization: Digest realm=\"r\",\r\n response=\"ab\",\r\n\tcnonce=c",
                "Authorization: Digest realm=\"r\",\r\n response=\"**\",\r\n\tcnonce=*",
            ),
            (
                "Authentication-Info: rspauth=\"ab\"",
                "Authentication-Info: rspauth=\"**\"",
            ),
            (
                "Authorization: Digest realm=\"r\\\",x\", oddity",
                "Authorization: Digest realm=\"r\\\",x\", ******",
            ),
            ("Subject: response=\"ab\"", "Subject: response=\"ab\""),
            (
                "X: y\r\n\r\nv=0\r\na=crypto:1 AES inline:abc|2^20\r\n",
                "X: y\r\n\r\nv=0\r\na=crypto:1 AES inline:********\r\n",
            ),
            (
                "X: y\n\na=ice-pwd:abc\nk=clear:x\na=ok",
                "X: y\n\na=ice-pwd:***\nk=*******\na=ok",
            ),
            ("X: y\r\n\r\na=crypto:odd", "X: y\r\n\r\na=crypto:***"),
            (
                "Content-Type: application/dtmf-relay\r\n\r\nSignal= 5\r\nDuration=160\r\n",
                "Content-Type: application/dtmf-relay\r\n\r\nSignal= *\r\nDuration=160\r\n",
            ),
            (
                "c : Application/DTMF;x=y\r\n\r\n4711",
                "c : Application/DTMF;x=y\r\n\r\n****",
            ),
            (
                "C: application/vnd.nortelnetworks.digits\n\np=Digit-Collection\nd=12",
                "C: application/vnd.nortelnetworks.digits\n\np=****************\nd=**",
            ),
            ("C: text/plain\n\nSignal=5", "C: text/plain\n\nSignal=5"),
            (
                "INVITE sip:c0ffee@192.0.2.1 SIP/2.0\r\nContact: <sips:c0ffee@h>, c0ffee",
                "INVITE sip:******@192.0.2.1 SIP/2.0\r\nContact: <sips:******@h>, c0ffee",
            ),
            ("To: <sip:c0ffeec0ffee@h>", "To: <sip:c0ffeec0ffee@h>"),
        ];
        for (said, shown) in table {
            assert_eq!(masked(said), shown);
        }
    }
}
