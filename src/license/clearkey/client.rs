//! The other side: writes requests as browsers do and reads licences as strictly as they do
//! (clearkey.md sections 3 and 4). For operators who look whether a service answers, and for tests.

use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::SessionType;
use crate::crypto::ContentKey;
use crate::ids::KeyId;
use crate::license::wiped;

/// The answer is no licence that a browser would take; the rule that it breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the answer is no ClearKey licence: {0}")]
pub struct ClientError(&'static str);

/// A licence request for these keys.
pub fn request(kids: &[KeyId], session: SessionType) -> String {
    let kids = kids.iter().map(|kid| BASE64URL_NOPAD.encode(kid.as_bytes()));
    serde_json::json!({ "kids": kids.collect::<Vec<_>>(), "type": session }).to_string()
}

#[derive(Deserialize)]
struct JwkSet {
    keys: Vec<Jwk>,
    #[serde(default, rename = "type")]
    session: SessionType,
}

#[derive(Deserialize)]
struct Jwk {
    kty: String,
    kid: String,
    #[serde(deserialize_with = "wiped::text")]
    k: Zeroizing<String>,
}

/// The keys of a licence for a session of this kind.
///
/// # Errors
/// [`ClientError`] for what browsers refuse.
pub fn keys(answer: &[u8], session: SessionType) -> Result<Vec<(KeyId, ContentKey)>, ClientError> {
    if !answer.is_ascii() {
        return Err(ClientError("it is not ASCII"));
    }
    let set: JwkSet =
        serde_json::from_slice(answer).map_err(|_| ClientError("it is not a JWK set"))?;
    if set.session != session {
        return Err(ClientError("its type is not that of the session"));
    }
    if set.keys.is_empty() {
        return Err(ClientError("it holds no key"));
    }
    set.keys.iter().map(Jwk::read).collect()
}

impl Jwk {
    fn read(&self) -> Result<(KeyId, ContentKey), ClientError> {
        if self.kty != "oct" {
            return Err(ClientError("a key has another type than oct"));
        }
        let kid = sixteen(&self.kid).ok_or(ClientError("a kid is not base64url of 16 bytes"))?;
        let key = sixteen(&self.k).ok_or(ClientError("a key is not base64url of 16 bytes"))?;
        Ok((KeyId::from_bytes(*kid), ContentKey::from_bytes(*key)))
    }
}

fn sixteen(text: &str) -> Option<Zeroizing<[u8; 16]>> {
    let bytes = Zeroizing::new(BASE64URL_NOPAD.decode(text.as_bytes()).ok()?);
    bytes.as_slice().try_into().ok().map(Zeroizing::new)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Example of the DASH-IF text (clearkey.md section 9).
    const KID: &str = "nrQFDeRLSAKTLifXUIPiZg";
    const KEY: &str = "FmY0xnWCPCNaSpRG-tUuTQ";

    #[test]
    fn what_browsers_refuse_is_refused() {
        let set = |key: &str, rest: &str| format!(r#"{{"keys":[{key}]{rest}}}"#);
        let jwk = |kty: &str, kid: &str, k: &str| {
            format!(r#"{{"kty":"{kty}","kid":"{kid}","k":"{k}","alg":"A128KW"}}"#)
        };
        let good = jwk("oct", KID, KEY);
        let of = |text: &str| keys(text.as_bytes(), SessionType::Temporary);
        for rest in ["", r#","type":"temporary""#, r#","x":1"#] {
            let found = of(&set(&good, rest)).unwrap();
            assert_eq!(found[0].0.to_string(), "9eb4050d-e44b-4802-932e-27d75083e266");
            assert_eq!(BASE64URL_NOPAD.encode(found[0].1.expose()), KEY);
        }
        for text in [
            set("", ""),
            set(&jwk("OCT", KID, KEY), ""),
            set(&jwk("oct", &format!("{KID}=="), KEY), ""),
            set(&jwk("oct", KID, "AAAA"), ""),
            set(r#"{"kty":"oct","kid":"nrQFDeRLSAKTLifXUIPiZg"}"#, ""),
            set(&good, r#","type":"persistent-license""#),
            set(&good, r#","x":"é""#),
            "[]".to_owned(),
        ] {
            assert!(of(&text).is_err(), "{text}");
        }
    }
}
