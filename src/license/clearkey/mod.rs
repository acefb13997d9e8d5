//! ClearKey: the JSON exchange of Encrypted Media Extensions (clearkey.md sections 3 and 4).
//!
//! Requests are read generously, licences are written strictly.

pub mod client;

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize, Serializer};
use zeroize::Zeroizing;

use super::recognize::text;
use super::{GrantedKey, base64};
use crate::ids::KeyId;

/// KIDs in one request at most; players ask for the keys of one presentation.
pub const MAX_KIDS: usize = 64;

/// A licence request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The keys that are asked for, each once, in the order of the request. Identifiers of other
    /// than 16 bytes are left out: no such key can be known.
    pub kids: Vec<KeyId>,
    /// The kind of session the licence is for.
    pub session: SessionType,
}

/// The kind of an EME session.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SessionType {
    /// Nothing is kept when the session ends.
    #[default]
    Temporary,
    /// The client keeps the licence.
    PersistentLicense,
}

/// The body is no licence request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The body is no JSON object of the right shape.
    #[error(
        "a ClearKey licence request is a JSON object with `kids`, an array of strings, and `type`, \
         `temporary` or `persistent-license`"
    )]
    Malformed,
    /// The list of keys is empty.
    #[error("the licence request asks for no key")]
    NoKids,
    /// The list of keys is too long.
    #[error("the licence request asks for more than {MAX_KIDS} keys")]
    TooManyKids,
    /// A key identifier is not base64url.
    #[error("a key identifier of the licence request is not base64url")]
    NotBase64,
}

impl RequestError {
    /// The stable reason code.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Malformed => "clearkey-request-malformed",
            Self::NoKids => "clearkey-request-without-kids",
            Self::TooManyKids => "clearkey-request-too-many-kids",
            Self::NotBase64 => "clearkey-request-kid-not-base64url",
        }
    }
}

#[derive(Deserialize)]
struct RequestJson {
    kids: Vec<String>,
    #[serde(default, rename = "type")]
    session: SessionType,
}

impl RequestJson {
    fn read(body: &[u8]) -> Result<Self, RequestError> {
        let text = text(body);
        // A sequence would be read as the members in order.
        if !text.starts_with(b"{") {
            return Err(RequestError::Malformed);
        }
        let json: Self = serde_json::from_slice(text).map_err(|_| RequestError::Malformed)?;
        match json.kids.len() {
            0 => Err(RequestError::NoKids),
            1..=MAX_KIDS => Ok(json),
            _ => Err(RequestError::TooManyKids),
        }
    }

    fn kids(&self) -> Result<Vec<KeyId>, RequestError> {
        let mut kids = Vec::with_capacity(self.kids.len());
        for text in &self.kids {
            let bytes = base64::decode(text).ok_or(RequestError::NotBase64)?;
            if let Ok(bytes) = <[u8; 16]>::try_from(bytes) {
                let kid = KeyId::from_bytes(bytes);
                if !kids.contains(&kid) {
                    kids.push(kid);
                }
            }
        }
        Ok(kids)
    }
}

impl Request {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// [`RequestError`].
    pub fn parse(body: &[u8]) -> Result<Self, RequestError> {
        let json = RequestJson::read(body)?;
        Ok(Self { kids: json.kids()?, session: json.session })
    }

    /// The request in the form of browsers, with nothing in it but what was read: for a server of
    /// somebody else, which may read more.
    pub fn rewritten(&self) -> String {
        client::request(&self.kids, self.session)
    }
}

/// What acknowledges a release message: the same list, as it was written (clearkey.md section 3).
///
/// # Errors
/// [`RequestError`] for what is no release message.
pub fn acknowledgement(release: &[u8]) -> Result<String, RequestError> {
    let json = RequestJson::read(release)?;
    json.kids()?;
    Ok(serde_json::json!({ "kids": json.kids }).to_string())
}

#[derive(Serialize)]
struct JwkSet<'a> {
    keys: &'a [Jwk],
    #[serde(rename = "type")]
    session: SessionType,
}

#[derive(Serialize)]
struct Jwk {
    kty: &'static str,
    kid: String,
    #[serde(serialize_with = "wiped_text")]
    k: Zeroizing<String>,
}

/// The licence: a JWK set with unpadded base64url, in the order of the grants, which must not be
/// empty (every CDM rejects an empty set).
pub fn licence(granted: &[GrantedKey], session: SessionType) -> Zeroizing<String> {
    let keys: Vec<Jwk> = granted
        .iter()
        .map(|granted| Jwk {
            kty: "oct",
            kid: BASE64URL_NOPAD.encode(granted.kid.as_bytes()),
            k: Zeroizing::new(BASE64URL_NOPAD.encode(granted.key.expose())),
        })
        .collect();
    let json = serde_json::to_string(&JwkSet { keys: &keys, session });
    Zeroizing::new(json.expect("strings always have a JSON form"))
}

fn wiped_text<S: Serializer>(text: &Zeroizing<String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}
