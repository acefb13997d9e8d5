//! Forms in which applications send SPCs and want answers: the vendor defines none (fairplay.md
//! section 7).

use std::collections::BTreeMap;

use data_encoding::BASE64;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use url::form_urlencoded;

use super::{FairPlayError, Spc};
use crate::ids::KeyId;
use crate::license::base64;
use crate::license::recognize::text;

/// The form of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// The bytes.
    Raw,
    /// Base64.
    Base64,
    /// `spc=` and base64, as forms are encoded; the answer is `<ckc>` and base64.
    #[serde(rename = "form")]
    Fields,
    /// JSON with the members `spc` and `ckc`.
    Json,
}

/// A request as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The SPC.
    pub spc: Spc,
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// The form, in which the answer goes back.
    pub form: Form,
    /// What stands beside the SPC; that in the SPC counts.
    asset: Option<String>,
}

#[derive(Deserialize)]
struct Json {
    spc: String,
    #[serde(rename = "assetId")]
    asset: Option<String>,
    #[serde(flatten)]
    others: BTreeMap<String, IgnoredAny>,
}

/// Names of what is read, in any case: the request may be passed on as it came, and another server
/// must find nothing in it that was not read here.
const READ: [&str; 2] = ["spc", "assetId"];

fn is_read(name: &str) -> bool {
    READ.iter().any(|known| known.eq_ignore_ascii_case(name))
}

impl Request {
    /// Reads a body of any form.
    ///
    /// # Errors
    /// [`FairPlayError::Body`], and those of [`Spc::parse`].
    pub fn parse(body: &[u8]) -> Result<Self, FairPlayError> {
        if body.first() == Some(&0) {
            return Self::new(body.to_vec(), Form::Raw, None);
        }
        let text = std::str::from_utf8(text(body)).map_err(|_| FairPlayError::Body)?.trim();
        let (form, spc, asset) = if text.starts_with('{') {
            let json: Json = serde_json::from_str(text).map_err(|_| FairPlayError::Body)?;
            if json.others.keys().any(|name| is_read(name)) {
                return Err(FairPlayError::Body);
            }
            (Form::Json, json.spc, json.asset)
        } else if let Some(spc) = field(text, "spc")? {
            (Form::Fields, spc, field(text, "assetId")?)
        } else {
            (Form::Base64, text.to_owned(), None)
        };
        Self::new(base64(&spc)?, form, asset)
    }

    fn new(bytes: Vec<u8>, form: Form, asset: Option<String>) -> Result<Self, FairPlayError> {
        Ok(Self { spc: Spc::parse(&bytes)?, bytes, form, asset })
    }

    /// The asset id that stands beside the SPC; that in the SPC counts.
    pub fn asset(&self) -> Option<&[u8]> {
        self.asset.as_deref().map(str::as_bytes)
    }
}

/// A field of a form, which may be there once. Applications forget to encode the `+` of base64, which
/// stands for a blank.
fn field(text: &str, name: &str) -> Result<Option<String>, FairPlayError> {
    let fields = form_urlencoded::parse(text.as_bytes());
    let mut found = fields.filter(|(known, _)| known.eq_ignore_ascii_case(name));
    match (found.next(), found.next()) {
        (_, Some(_)) => Err(FairPlayError::Body),
        (first, None) => Ok(first.map(|(_, value)| value.replace(' ', "+"))),
    }
}

/// Base64 in any spelling.
fn base64(text: &str) -> Result<Vec<u8>, FairPlayError> {
    base64::decode(text).ok_or(FairPlayError::Body)
}

/// An answer in JSON; modules name the member as they like.
#[derive(Deserialize)]
struct Answered {
    #[serde(alias = "CkcMessage", alias = "License")]
    ckc: String,
}

impl Form {
    /// A request in this form, with its content type. The key is named beside the SPC where the form has
    /// a place for it.
    pub fn request(self, spc: &[u8], kid: KeyId) -> (&'static str, Vec<u8>) {
        let text = || BASE64.encode(spc);
        match self {
            Self::Raw => ("application/octet-stream", spc.to_vec()),
            Self::Base64 => ("text/plain", text().into_bytes()),
            Self::Fields => {
                let mut fields = form_urlencoded::Serializer::new(String::new());
                fields.append_pair("spc", &text()).append_pair("assetId", &kid.to_string());
                ("application/x-www-form-urlencoded", fields.finish().into_bytes())
            }
            Self::Json => {
                let json = format!(r#"{{"spc":"{}","assetId":"{kid}"}}"#, text());
                ("application/json", json.into_bytes())
            }
        }
    }

    /// The content key message in an answer of any form. Such a message begins with its version, a
    /// number below 256 in four bytes.
    pub fn content_key(answer: &[u8]) -> Option<Vec<u8>> {
        if answer.first() == Some(&0) {
            return Some(answer.to_vec());
        }
        let text = std::str::from_utf8(answer).ok()?.trim();
        let inner = text.strip_prefix("<ckc>").and_then(|rest| rest.strip_suffix("</ckc>"));
        let json = || serde_json::from_str(text).ok().map(|Answered { ckc }| ckc);
        let ckc =
            if text.starts_with('{') { base64(&json()?) } else { base64(inner.unwrap_or(text)) };
        ckc.ok().filter(|ckc| ckc.first() == Some(&0))
    }

    /// The answer in this form, with its content type.
    pub fn answer(self, ckc: &[u8]) -> (&'static str, Vec<u8>) {
        let text = || BASE64.encode(ckc);
        match self {
            Self::Raw => ("application/octet-stream", ckc.to_vec()),
            Self::Base64 => ("text/plain", text().into_bytes()),
            Self::Fields => ("text/plain", format!("<ckc>{}</ckc>", text()).into_bytes()),
            Self::Json => ("application/json", format!(r#"{{"ckc":"{}"}}"#, text()).into_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_every_form_are_read_and_others_are_none() {
        let ckc = [0, 0, 0, 1, 0, 0, 0, 0, 0xfb, 0xff];
        for form in [Form::Raw, Form::Base64, Form::Fields, Form::Json] {
            assert_eq!(
                Form::content_key(&form.answer(&ckc).1).as_deref(),
                Some(&ckc[..]),
                "{form:?}"
            );
        }
        for text in
            [r#"{"CkcMessage":"AAAAAQAAAAD7/w=="}"#, r#"{"License":"AAAAAQAAAAD7_w","x":1}"#]
        {
            assert_eq!(Form::content_key(text.as_bytes()).as_deref(), Some(&ckc[..]), "{text}");
        }
        for text in ["", "no", "<html></html>", "<ckc>AAAA", "{}", r#"{"ckc":7}"#, "/////w=="] {
            assert_eq!(Form::content_key(text.as_bytes()), None, "{text}");
        }
    }
}
