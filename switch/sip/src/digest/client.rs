//! The client side: answering the challenges of gateways and upstream registrars.

use super::{Algorithm, AuthParams, ChallengeKind, Quality};
use crate::{
    lex::{is_token, quote},
    message::Message,
    value::Method,
};
use std::fmt::Write;

/// One challenge we can answer.
struct Challenge {
    realm: String,
    nonce: String,
    opaque: Option<String>,
    /// None if the challenge named none, then nor does the answer.
    named: Option<Algorithm>,
    stale: bool,
    /// Whether qop=auth is among what it offers; without any qop the answer is RFC 2069's.
    has_auth: bool,
}

impl Challenge {
    fn parse(value: &str) -> Option<Self> {
        let mut given = AuthParams::parse(value)?;
        let algorithm = given.take("algorithm");
        let qop = given.take("qop");
        let offers_auth = |list: &str| {
            list.split(',')
                .any(|one| one.trim().eq_ignore_ascii_case("auth"))
        };
        if qop.as_deref().is_some_and(|list| !offers_auth(list)) {
            return None;
        }
        Some(Self {
            realm: given.take("realm")?,
            nonce: given.take("nonce")?,
            opaque: given.take("opaque"),
            stale: given
                .take("stale")
                .is_some_and(|flag| flag.eq_ignore_ascii_case("true")),
            named: match algorithm {
                Some(name) => Some(Algorithm::of(Some(&name))?),
                None => None,
            },
            has_auth: qop.is_some(),
        })
    }

    fn algorithm(&self) -> Algorithm {
        self.named.unwrap_or(Algorithm::Md5)
    }
}

/// Who answers a challenge.
#[derive(Clone, Copy, Debug)]
pub struct Login<'a> {
    /// Digest user.
    pub user: &'a str,
    /// In clear.
    pub password: &'a str,
    /// Challenges of other realms are left alone; None answers any.
    pub realm: Option<&'a str>,
}

fn kind_of(challenge: &Message) -> Option<ChallengeKind> {
    match challenge.status()? {
        401 => Some(ChallengeKind::User),
        407 => Some(ChallengeKind::Proxy),
        _ => None,
    }
}

/// Whether a 401/407 says that the credentials were right and only their nonce is too old (RFC 7616 section 3.3).
#[must_use]
pub fn is_stale(challenge: &Message) -> bool {
    let Some(kind) = kind_of(challenge) else {
        return false;
    };
    let mut all = challenge.values(kind.challenge_header());
    all.any(|value| Challenge::parse(value).is_some_and(|one| one.stale))
}

/// As [`answer_as`] for challenges of any realm.
#[must_use]
pub fn answer(
    challenge: &Message,
    method: &Method,
    uri: &str,
    user: &str,
    password: &str,
    cnonce: &str,
) -> Option<(String, String)> {
    let login = Login {
        user,
        password,
        realm: None,
    };
    answer_as(challenge, method, uri, &login, cnonce)
}

/// Client side: the (Proxy-)Authorization header (name, value) answering a 401/407. SHA-256 is preferred to
/// MD5; `cnonce` is any fresh token. None if it holds no challenge we can answer: another scheme, realm or
/// algorithm, `-sess`, or `auth-int` only.
#[must_use]
pub fn answer_as(
    challenge: &Message,
    method: &Method,
    uri: &str,
    login: &Login<'_>,
    cnonce: &str,
) -> Option<(String, String)> {
    let kind = kind_of(challenge)?;
    if !is_token(cnonce) {
        return None;
    }
    let (user, password) = (login.user, login.password);
    let best = challenge
        .values(kind.challenge_header())
        .filter_map(Challenge::parse)
        .filter(|one| login.realm.is_none_or(|realm| realm == one.realm))
        .reduce(|best, next| {
            if next.algorithm() > best.algorithm() {
                next
            } else {
                best
            }
        })?;
    let ha1 = best.algorithm().hash(&[user, &best.realm, password]);
    let quality = best.has_auth.then_some(Quality { nc: 1, cnonce });
    let response =
        best.algorithm()
            .response(&ha1, &best.nonce, quality.as_ref(), method.as_str(), uri);
    let mut out = format!(
        r#"Digest username={}, realm={}, nonce={}, uri={}, response="{response}""#,
        quote(user),
        quote(&best.realm),
        quote(&best.nonce),
        quote(uri),
    );
    let mut add = |text: std::fmt::Arguments<'_>| out.write_fmt(text).unwrap_or_default();
    if let Some(algorithm) = best.named {
        add(format_args!(", algorithm={}", algorithm.name()));
    }
    if best.has_auth {
        add(format_args!(
            r#", qop=auth, nc=00000001, cnonce="{cnonce}""#
        ));
    }
    if let Some(opaque) = &best.opaque {
        add(format_args!(", opaque={}", quote(opaque)));
    }
    Some((kind.answer_header().name().to_owned(), out))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Parsed,
        digest::{Credentials, Ha1},
    };
    use bytes::Bytes;

    fn challenged(status: u16, lines: &str) -> Message {
        let text = format!(
            "SIP/2.0 {status} X\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>;tag=2\r\n\
            Call-ID: 1\r\nCSeq: 1 REGISTER\r\n{lines}Content-Length: 0\r\n\r\n"
        );
        match Message::parse(Bytes::from(text)) {
            Parsed::Message(message) => message,
            other => panic!("{other:?}"),
        }
    }

    fn get() -> Method {
        Method::parse("GET").unwrap()
    }

    /// RFC 2617 section 3.5, RFC 7616 section 3.9.1, and RFC 2617's example by RFC 2069's rule (errata 749).
    #[test]
    fn published_vectors() {
        let old = r#"realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", opaque="5ccc""#;
        let new = r#"realm="http-auth@example.org", nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v""#;
        let new_cnonce = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
        let table = [
            (
                old,
                Algorithm::Md5,
                "Circle Of Life",
                Some("0a4f113b"),
                "6629fae49393a05397450978507c4ef1",
            ),
            (
                old,
                Algorithm::Md5,
                "CircleOfLife",
                None,
                "1949323746fe6a43ef61f9606e7febea",
            ),
            (
                new,
                Algorithm::Md5,
                "Circle of Life",
                Some(new_cnonce),
                "8ca523f5e9506fed4657c9700eebdbec",
            ),
            (
                new,
                Algorithm::Sha256,
                "Circle of Life",
                Some(new_cnonce),
                "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
            ),
        ];
        for (params, algorithm, password, cnonce, want) in table {
            let challenge = Challenge::parse(&format!("Digest {params}")).unwrap();
            let ha1 = Ha1::new("Mufasa", &challenge.realm, password);
            let quality = cnonce.map(|cnonce| Quality { nc: 1, cnonce });
            let got = algorithm.response(
                ha1.of(algorithm),
                &challenge.nonce,
                quality.as_ref(),
                get().as_str(),
                "/dir/index.html",
            );
            assert_eq!(got, want);
        }
    }

    #[test]
    fn the_strongest_answerable_challenge_is_answered() {
        let message = challenged(
            401,
            "WWW-Authenticate: Basic realm=\"x\"\r\n\
            WWW-Authenticate: Digest realm=\"r, \\\"q\\\"\", nonce=\"m\", algorithm=MD5, qop=\"auth,auth-int\"\r\n\
            WWW-Authenticate: Digest realm=\"r, \\\"q\\\"\", nonce=\"s\", algorithm=SHA-256, qop=\"auth\", opaque=\"o\"\r\n\
            WWW-Authenticate: Digest realm=\"r\", nonce=\"t\", algorithm=SHA-512-256, qop=\"auth\"\r\n",
        );
        let (name, value) =
            answer(&message, &Method::Register, "sip:b", "al\"ice", "pw", "abc").unwrap();
        assert_eq!(name, "Authorization");
        let back = Credentials::parse(&value).unwrap();
        assert_eq!(
            (
                back.username.as_str(),
                back.realm.as_str(),
                back.nonce.as_str()
            ),
            ("al\"ice", "r, \"q\"", "s")
        );
        assert_eq!(
            (back.algorithm, back.nc, back.qop.as_deref()),
            (Algorithm::Sha256, Some(1), Some("auth"))
        );
        let ha1 = Ha1::new("al\"ice", "r, \"q\"", "pw");
        let quality = Quality {
            nc: 1,
            cnonce: "abc",
        };
        assert_eq!(
            back.response,
            back.expected(&Method::Register, &ha1, Some(&quality))
        );
        assert!(value.ends_with(", opaque=\"o\""));
    }

    #[test]
    fn another_realm_is_left_alone_and_staleness_is_read() {
        let lines = "WWW-Authenticate: Digest realm=\"theirs\", nonce=\"m\"\r\n\
            WWW-Authenticate: Digest realm=\"ours\", nonce=\"n\", stale=TRUE\r\n";
        let message = challenged(401, lines);
        for (realm, expected) in [
            (None, Some("m")),
            (Some("ours"), Some("n")),
            (Some("third"), None),
        ] {
            let login = Login {
                user: "u",
                password: "p",
                realm,
            };
            let answered = answer_as(&message, &Method::Register, "sip:b", &login, "c");
            let nonce = answered.map(|(_, value)| Credentials::parse(&value).unwrap().nonce);
            assert_eq!(nonce.as_deref(), expected, "{realm:?}");
        }
        assert!(is_stale(&message));
        let fresh = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", stale=false\r\n";
        assert!(!is_stale(&challenged(401, fresh)));
    }

    #[test]
    fn a_challenge_without_qop_is_answered_as_rfc_2069() {
        let message = challenged(
            407,
            "Proxy-Authenticate: Digest realm=\"r\",nonce=\"n\"\r\n",
        );
        let (name, value) = answer(&message, &Method::Invite, "sip:b", "u", "p", "c").unwrap();
        assert_eq!(name, "Proxy-Authorization");
        assert!(!value.contains("qop") && !value.contains("algorithm") && !value.contains("nc="));
    }

    #[test]
    fn what_cannot_be_answered_is_not() {
        for line in [
            "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth-int\"\r\n",
            "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", algorithm=MD5-sess\r\n",
            "WWW-Authenticate: Digest realm=\"r\"\r\n",
            "WWW-Authenticate: Digest realm=\"r\", realm=\"s\", nonce=\"n\"\r\n",
            "Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n",
            "",
        ] {
            assert!(
                answer(
                    &challenged(401, line),
                    &Method::Invite,
                    "sip:b",
                    "u",
                    "p",
                    "c"
                )
                .is_none(),
                "{line}"
            );
        }
    }

    #[test]
    fn credentials_are_found_by_realm_among_others() {
        let request = "REGISTER sip:b SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n\
            To: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 REGISTER\r\nAuthorization: Basic xyz\r\n\
            Authorization: Digest username=\"u\",realm=\"other\",nonce=\"n\",uri=\"sip:b\",response=\"0A\"\r\n\
            Authorization: digest  username = \"u\" , realm=\"mine\", nonce=\"n\",uri=\"sip:b,c\",response=\"0A\",qop=auth,nc=0000000a,cnonce=\"c\"\r\n\r\n";
        let Parsed::Message(message) = Message::parse(Bytes::from(request)) else {
            panic!("valid")
        };
        let found = Credentials::find(&message, "mine", ChallengeKind::User).unwrap();
        assert_eq!(
            (found.uri.as_str(), found.response.as_str(), found.nc),
            ("sip:b,c", "0a", Some(10))
        );
        assert!(Credentials::find(&message, "mine", ChallengeKind::Proxy).is_none());
        assert!(Credentials::find(&message, "third", ChallengeKind::User).is_none());
    }
}
