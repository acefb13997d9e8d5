//! Messages to servers that make the licences in the place of this one: a vendor's cloud, or whatever
//! server the owner of the content has. What a client sent goes there, what the server answers comes
//! back.
//!
//! A [`Dialect`] writes the one and reads the other; nothing here knows sockets, clocks and files. Who
//! may ask was decided before, as for licences that are made here.

mod message;
mod template;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use message::{Answer, AnswerError, Licence, Outgoing};
pub use template::{Template, TemplateError, Values};

use super::fairplay::Form;
use super::rights::Rights;
use super::widevine::cloud;
use super::{GrantedKey, System, playready};

/// What a server speaks, as configurations name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Protocol {
    /// The body of the request as it came, and the answer as it comes.
    Https,
    /// The vendor's cloud for Widevine: signed JSON.
    #[serde(rename = "widevine-cloud")]
    WidevineCloud,
    /// A PlayReady server: SOAP.
    PlayReady,
    /// A key server module for FairPlay: an SPC in one of the forms of applications.
    FairPlay,
}

/// What a client sent, as far as it goes to another server.
#[derive(Debug, Clone, Copy)]
pub struct Passed<'a> {
    /// The system of the client.
    pub system: System,
    /// The body, out of any wrapping of ours.
    pub body: &'a [u8],
    /// What the client says the body is.
    pub content_type: Option<&'a str>,
    /// The message of the system, out of the form in which the application sent it.
    pub message: &'a [u8],
    /// That form, in which the answer goes back; of FairPlay alone.
    pub form: Option<Form>,
    /// What names the content beside its keys; of Widevine alone.
    pub content_id: Option<&'a [u8]>,
}

/// A request that is passed on, all of whose keys were granted.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// What the client sent.
    pub passed: &'a Passed<'a>,
    /// The keys, with what may be done with them.
    pub keys: &'a [GrantedKey],
    /// The time of the decision.
    pub now: Timestamp,
}

/// The server cannot be told what the option of the policy allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unfit;

/// A protocol with what it needs to be spoken.
#[derive(Debug)]
pub enum Dialect {
    /// [`Protocol::Https`].
    Https,
    /// [`Protocol::WidevineCloud`], with the owner's account.
    WidevineCloud(cloud::Signer),
    /// [`Protocol::PlayReady`].
    PlayReady,
    /// [`Protocol::FairPlay`], with the form that the module takes.
    FairPlay(Form),
}

impl Dialect {
    /// Whether the server has licences of the system.
    pub fn has(&self, system: System) -> bool {
        match self {
            // The bytes of a key are no licence.
            Self::Https => system != System::Raw,
            Self::WidevineCloud(_) => system == System::Widevine,
            Self::PlayReady => system == System::PlayReady,
            Self::FairPlay(_) => system == System::FairPlay,
        }
    }

    /// The message to the server.
    ///
    /// # Errors
    /// [`Unfit`].
    pub fn write(&self, ask: &Ask<'_>) -> Result<Outgoing, Unfit> {
        let passed = ask.passed;
        match self {
            Self::Https if !is_left_to_server(ask) => Err(Unfit),
            Self::Https => Ok(Outgoing::new(passed.content_type, passed.body.to_vec())),
            Self::WidevineCloud(signer) => {
                Ok(Outgoing { body: signer.request(ask)?, ..Outgoing::new(JSON, Vec::new()) })
            }
            Self::PlayReady => {
                let headers = &[("SOAPAction", playready::passed::ACTION)];
                let message = passed.message.to_vec();
                Ok(Outgoing { headers, ..Outgoing::new(Some(playready::CONTENT_TYPE), message) })
            }
            Self::FairPlay(form) => {
                let kid = ask.keys.first().ok_or(Unfit)?.kid;
                let (content_type, body) = form.request(passed.message, kid);
                Ok(Outgoing::new(Some(content_type), body))
            }
        }
    }

    /// The licence in its answer.
    ///
    /// # Errors
    /// [`AnswerError`].
    pub fn read(&self, passed: &Passed<'_>, answer: Answer) -> Result<Licence, AnswerError> {
        match self {
            Self::Https => answer.verbatim(),
            Self::WidevineCloud(_) => {
                answer.check_status()?;
                Ok(Licence::new("application/octet-stream", cloud::license(&answer.body)?))
            }
            Self::PlayReady => answer.soap(),
            Self::FairPlay(_) => {
                answer.check_status()?;
                let ckc = Form::content_key(&answer.body).ok_or(AnswerError::Malformed)?;
                let (content_type, body) = passed.form.unwrap_or(Form::Raw).answer(&ckc);
                Ok(Licence::new(content_type, body))
            }
        }
    }
}

const JSON: Option<&str> = Some("application/json");

/// Whether the option leaves it to the server what its licences allow. Those of other systems are
/// stored only when they do.
fn is_left_to_server(ask: &Ask<'_>) -> bool {
    ask.passed.system != System::Widevine || ask.keys.iter().all(|key| key.rights == Rights::PLAY)
}
