//! Forms in which applications send SPCs and want answers: the vendor defines none (fairplay.md
//! section 7).

use data_encoding::BASE64;
use serde::Deserialize;
use url::form_urlencoded;

use super::{FairPlayError, Spc};
use crate::license::base64;
use crate::license::recognize::text;

/// The form of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The bytes.
    Raw,
    /// Base64.
    Base64,
    /// `spc=` and base64, as forms are encoded; the answer is `<ckc>` and base64.
    Fields,
    /// JSON with the members `spc` and `ckc`.
    Json,
}

/// A request as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The SPC.
    pub spc: Spc,
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
}

impl Request {
    /// Reads a body of any form.
    ///
    /// # Errors
    /// [`FairPlayError::Body`], and those of [`Spc::parse`].
    pub fn parse(body: &[u8]) -> Result<Self, FairPlayError> {
        if body.first() == Some(&0) {
            return Ok(Self { spc: Spc::parse(body)?, form: Form::Raw, asset: None });
        }
        let text = std::str::from_utf8(text(body)).map_err(|_| FairPlayError::Body)?.trim();
        let (form, spc, asset) = if text.starts_with('{') {
            let json: Json = serde_json::from_str(text).map_err(|_| FairPlayError::Body)?;
            (Form::Json, json.spc, json.asset)
        } else if let Some(spc) = field(text, "spc") {
            (Form::Fields, spc, field(text, "assetId"))
        } else {
            (Form::Base64, text.to_owned(), None)
        };
        let spc = base64::decode(&spc).ok_or(FairPlayError::Body)?;
        Ok(Self { spc: Spc::parse(&spc)?, form, asset })
    }

    /// The asset id that stands beside the SPC; that in the SPC counts.
    pub fn asset(&self) -> Option<&[u8]> {
        self.asset.as_deref().map(str::as_bytes)
    }
}

/// A field of a form. Applications forget to encode the `+` of base64, which stands for a blank.
fn field(text: &str, name: &str) -> Option<String> {
    let mut fields = form_urlencoded::parse(text.as_bytes());
    let found = fields.find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.replace(' ', "+"))
}

impl Form {
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
