//! To which system a licence request belongs, by its body alone: one address serves all systems,
//! because players are given one (players.md section 1).
//!
//! A table of signs, tried in order. None of them says that the request is good; the parser of the
//! system does.

use std::borrow::Cow;

use data_encoding::BASE64;
use serde_json::Value;

use super::{System, base64};

/// A request whose system is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recognized<'a> {
    /// The system.
    pub system: System,
    /// The request itself, out of its wrapping.
    pub body: Cow<'a, [u8]>,
    /// Whether it came in the JSON that tutorials of Shaka Player wrap requests in; the answer
    /// goes back the same way, by [`wrapped`].
    pub is_wrapped: bool,
}

/// The member of a wrapped request.
const REQUEST: &str = "rawLicenseRequestBase64";
/// The member of a wrapped licence.
const LICENCE: &str = "rawLicenseBase64";

type Sign = fn(&[u8]) -> bool;

/// What the requests of each system look like. A byte order mark and white space before text are
/// skipped for the rows that say so.
const SIGNS: &[(System, Sign)] = &[
    (System::FairPlay, |body| is_json_with(body, "spc")),
    (System::ClearKey, |body| text(body).starts_with(b"{")),
    (System::PlayReady, |body| text(body).starts_with(b"<")),
    // UTF-16, as Edge wraps a challenge; a mark or `<` in two bytes.
    (System::PlayReady, |body| body.starts_with(b"\xff\xfe") || body.starts_with(b"<\0")),
    // Versions 1 to 3, big-endian.
    (System::FairPlay, |body| matches!(body, [0, 0, 0, 1..=3, 0, 0, 0, 0, ..])),
    (System::FairPlay, |body| is_spc_base64(text(body))),
    (System::FairPlay, |body| form_value(text(body), b"spc").is_some()),
    // SignedMessage: field 1, a type of 1 to 10, then the message or nothing.
    (System::Widevine, |body| matches!(body, [8, 1..=10] | [8, 1..=10, 0x12, ..])),
];

/// Finds the system of a request.
pub fn recognize(body: &[u8]) -> Option<Recognized<'_>> {
    if let Some(inner) = unwrapped(body) {
        let system = system(&inner)?;
        return Some(Recognized { system, body: inner.into(), is_wrapped: true });
    }
    Some(Recognized { system: system(body)?, body: body.into(), is_wrapped: false })
}

/// The licence in the JSON that belongs to a wrapped request.
pub fn wrapped(licence: &[u8]) -> zeroize::Zeroizing<String> {
    let base64 = zeroize::Zeroizing::new(BASE64.encode(licence));
    zeroize::Zeroizing::new(format!("{{\"{LICENCE}\":\"{}\"}}", *base64))
}

fn system(body: &[u8]) -> Option<System> {
    SIGNS.iter().find(|(_, sign)| sign(body)).map(|(system, _)| *system)
}

/// The request inside a wrapping; a wrapping in a wrapping is none.
fn unwrapped(body: &[u8]) -> Option<Vec<u8>> {
    let json = object(body)?;
    base64::decode(json.get(REQUEST)?.as_str()?)
}

fn is_json_with(body: &[u8], member: &str) -> bool {
    object(body).is_some_and(|json| json.get(member).is_some())
}

fn object(body: &[u8]) -> Option<Value> {
    let text = text(body);
    // Most bodies are no JSON; only what begins like it is parsed.
    text.starts_with(b"{").then(|| serde_json::from_slice(text).ok()).flatten()
}

/// The body behind a byte order mark and white space.
pub fn text(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii_start()
}

/// Base64 of `00 00 00 01` to `00 00 00 03` and a zero byte, of at least a header.
fn is_spc_base64(text: &[u8]) -> bool {
    let versions: [&[u8]; 3] = [b"AAAAAQAA", b"AAAAAgAA", b"AAAAAwAA"];
    versions.iter().any(|version| text.starts_with(version))
}

/// The value of a member of a form, as it stands there.
fn form_value<'a>(form: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    form.split(|&byte| byte == b'&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix(b"="))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_form_belongs_to_its_system() {
        let spc = [&[0, 0, 0, 2, 0, 0, 0, 0][..], &[7; 300]].concat();
        let base64 = BASE64.encode(&spc);
        let utf16: Vec<u8> =
            "<PlayReadyKeyMessage".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let table: &[(Vec<u8>, Option<System>)] = &[
            (br#"{"kids":["AAAA"],"type":"temporary"}"#.to_vec(), Some(System::ClearKey)),
            (b"\xef\xbb\xbf {\"kids\":[]}".to_vec(), Some(System::ClearKey)),
            (b"{ no JSON".to_vec(), Some(System::ClearKey)),
            (b"<?xml version=\"1.0\"?><soap:Envelope".to_vec(), Some(System::PlayReady)),
            (b"\n  <soap:Envelope".to_vec(), Some(System::PlayReady)),
            (utf16.clone(), Some(System::PlayReady)),
            ([b"\xff\xfe".to_vec(), utf16].concat(), Some(System::PlayReady)),
            (vec![8, 4], Some(System::Widevine)),
            (vec![8, 1, 0x12, 3, 1, 2, 3], Some(System::Widevine)),
            (spc.clone(), Some(System::FairPlay)),
            (base64.clone().into_bytes(), Some(System::FairPlay)),
            (format!("spc={base64}").into_bytes(), Some(System::FairPlay)),
            (format!("assetId=x&spc={base64}").into_bytes(), Some(System::FairPlay)),
            (format!("{{\"spc\":\"{base64}\"}}").into_bytes(), Some(System::FairPlay)),
            (b"".to_vec(), None),
            (b"hello".to_vec(), None),
            (vec![8, 0x81, 1], None),
            (vec![0, 0, 0, 9, 0, 0, 0, 0], None),
            (b"myspc=x".to_vec(), None),
        ];
        for (body, expected) in table {
            let found = recognize(body);
            assert_eq!(found.as_ref().map(|it| it.system), *expected, "{body:.40?}");
            assert!(found.is_none_or(|it| it.body == *body && !it.is_wrapped));
        }
    }

    #[test]
    fn a_wrapped_request_is_unwrapped_once() {
        let wrap = |inner: &[u8]| {
            format!(r#"{{"Pi":3.14,"{REQUEST}":"{}"}}"#, BASE64.encode(inner)).into_bytes()
        };
        let once = wrap(&[8, 4]);
        let found = recognize(&once).unwrap();
        assert_eq!(
            (found.system, &*found.body, found.is_wrapped),
            (System::Widevine, &[8, 4][..], true)
        );
        let twice = wrap(&once);
        assert_eq!(recognize(&twice).unwrap().system, System::ClearKey);
        assert_eq!(recognize(&wrap(b"hello")), None);
        let challenge = [8, 1, 0x12, 2, 0xfb, 0xff];
        for spelling in ["CAESAvv/", "CAESAvv_", "CAES\\nAvv_"] {
            let body = format!(r#"{{"{REQUEST}":"{spelling}"}}"#).into_bytes();
            assert_eq!(*recognize(&body).unwrap().body, challenge, "{spelling}");
        }
        let plain = format!(r#"{{"{REQUEST}":"?"}}"#).into_bytes();
        assert_eq!(recognize(&plain).unwrap().system, System::ClearKey);
        assert_eq!(*wrapped(b"\0\x01"), r#"{"rawLicenseBase64":"AAE="}"#);
    }

    proptest! {
        #[test]
        fn any_body_has_one_answer(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = recognize(&body);
        }
    }
}
