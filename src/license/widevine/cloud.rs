//! The vendor's cloud, which makes licences for production devices: JSON in a signed envelope, the keys
//! and what may be done with them in it (widevine.md section 9).

use std::fmt;

use cipher::{Array, BlockModeEncrypt, KeyIvInit};
use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::issue::{common_rights, policy, template};
use super::proto::Policy;
use crate::crypto::BLOCK;
use crate::license::GrantedKey;
use crate::license::rights::{Hdcp, OutputProtection, SecurityLevel};
use crate::license::upstream::{AnswerError, Ask, Unfit};
use crate::policy::Secret;

/// The owner's account with the vendor, by whose key requests are signed.
pub struct Signer {
    provider: String,
    key: Zeroizing<[u8; 32]>,
    iv: Zeroizing<[u8; 16]>,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer").field("provider", &self.provider).finish_non_exhaustive()
    }
}

impl Signer {
    /// The account with its signing key and IV, 64 and 32 hexadecimal digits with white space between.
    pub fn new(provider: &str, credentials: &str) -> Option<Self> {
        let mut words = credentials.split_ascii_whitespace();
        let (key, iv) = (bytes(words.next()?)?, bytes(words.next()?)?);
        words.next().is_none().then(|| Self { provider: provider.to_owned(), key, iv })
    }

    /// The request for a licence, in its envelope.
    ///
    /// # Errors
    /// [`Unfit`] for rights that the cloud cannot be told.
    pub fn request(&self, ask: &Ask<'_>) -> Result<Zeroizing<Vec<u8>>, Unfit> {
        let inner = self.inner(ask)?;
        let envelope = Envelope {
            request: Zeroizing::new(BASE64.encode(&inner)),
            signature: BASE64.encode(&self.sign(&inner)),
            signer: &self.provider,
        };
        Ok(json(&envelope, inner.len() * 2))
    }

    fn inner(&self, ask: &Ask<'_>) -> Result<Zeroizing<Vec<u8>>, Unfit> {
        let rights = common_rights(ask.keys).ok_or(Unfit)?;
        let first = ask.keys.first().ok_or(Unfit)?;
        let template = template(first).ok_or(Unfit)?;
        let policy = policy(&rights, ask.now).map_err(|_| Unfit)?;
        // What the account has registered under a name decides where the option says nothing else.
        let is_registered = template.policy_name.is_some();
        let overrides = !is_registered || template.policy_overrides.is_some();
        let content_id = match (ask.passed.content_id, &template.content_id) {
            (Some(id), _) => BASE64.encode(id),
            (None, Some(id)) => id.clone(),
            (None, None) => BASE64.encode(first.kid.as_bytes()),
        };
        let init = &template.session_init;
        let request = Request {
            payload: BASE64.encode(ask.passed.message),
            content_id,
            provider: &self.provider,
            policy_name: template.policy_name.as_deref(),
            content_key_specs: ask.keys.iter().map(spec).collect::<Result<_, _>>()?,
            use_policy_overrides_exclusively: !is_registered
                || template.use_policy_overrides_exclusively,
            policy_overrides: overrides.then(|| Overrides::of(policy)),
            session_init: SessionInit {
                provider_session_token: init.provider_session_token.as_ref(),
                provider_client_token: init.provider_client_token.as_ref(),
                override_provider_client_token: init.override_provider_client_token,
            },
        };
        Ok(json(&request, ask.passed.message.len() * 2 + ask.keys.len() * 512))
    }

    /// AES-256-CBC of the SHA-1 of the message. No key hides in it: who has the signing key can sign.
    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let digest = digest(&SHA1_FOR_LEGACY_USE_ONLY, message);
        let digest = digest.as_ref();
        // Two blocks: the digest, and as many bytes of padding as each of these says.
        let mut blocks = [[12; BLOCK]; 2];
        blocks.as_flattened_mut()[..digest.len()].copy_from_slice(digest);
        let mut chain = cbc::Encryptor::<aes::Aes256>::new((&*self.key).into(), (&*self.iv).into());
        chain.encrypt_blocks(Array::cast_slice_from_core_mut(&mut blocks));
        blocks.as_flattened().to_vec()
    }
}

fn bytes<const N: usize>(hex: &str) -> Option<Zeroizing<[u8; N]>> {
    let bytes = Zeroizing::new(HEXLOWER_PERMISSIVE.decode(hex.as_bytes()).ok()?);
    <[u8; N]>::try_from(bytes.as_slice()).ok().map(Zeroizing::new)
}

/// With room for all of it: a text that grows leaves copies of keys behind.
fn json(value: &impl Serialize, most: usize) -> Zeroizing<Vec<u8>> {
    let mut text = Zeroizing::new(Vec::with_capacity(most + 8192));
    // Strings, lists and numbers always have a JSON form, and memory takes what is written.
    let _ = serde_json::to_writer(&mut *text, value);
    text
}

#[derive(Serialize)]
struct Envelope<'a> {
    #[serde(serialize_with = "text")]
    request: Zeroizing<String>,
    signature: String,
    signer: &'a str,
}

fn text<S: serde::Serializer>(text: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

#[derive(Serialize)]
struct Request<'a> {
    payload: String,
    content_id: String,
    provider: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_name: Option<&'a str>,
    content_key_specs: Vec<Spec<'a>>,
    use_policy_overrides_exclusively: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_overrides: Option<Overrides>,
    session_init: SessionInit<'a>,
}

#[derive(Serialize)]
struct Spec<'a> {
    track_type: &'a str,
    key_id: String,
    key: Secret,
    #[serde(skip_serializing_if = "Option::is_none")]
    security_level: Option<u8>,
    required_output_protection: Protection,
}

#[derive(Serialize)]
struct Protection {
    hdcp: &'static str,
    cgms_flags: &'static str,
}

fn spec(granted: &GrantedKey) -> Result<Spec<'_>, Unfit> {
    let OutputProtection { hdcp, cgms, .. } = granted.rights.output;
    // Nothing but these two can be said.
    if granted.rights.output != (OutputProtection { hdcp, cgms, ..OutputProtection::default() }) {
        return Err(Unfit);
    }
    let known = TRACK_TYPES.iter().find(|name| name.eq_ignore_ascii_case(&granted.label));
    Ok(Spec {
        track_type: known.copied().unwrap_or(granted.label.as_str()),
        key_id: BASE64.encode(granted.kid.as_bytes()),
        key: Secret::from_bytes(granted.key.expose().to_vec()),
        security_level: granted.rights.security_level.map(SecurityLevel::widevine),
        required_output_protection: Protection {
            hdcp: hdcp_name(hdcp),
            cgms_flags: cgms.map_or("CGMS_NONE", |cgms| cgms_name(cgms.configuration)),
        },
    })
}

/// The kinds of tracks that the vendor knows by these names; any other is free.
const TRACK_TYPES: [&str; 5] = ["AUDIO", "SD", "HD", "UHD1", "UHD2"];

fn hdcp_name(hdcp: Hdcp) -> &'static str {
    match hdcp {
        Hdcp::None => "HDCP_NONE",
        Hdcp::V1 => "HDCP_V1",
        Hdcp::V2 => "HDCP_V2",
        Hdcp::V2_1 => "HDCP_V2_1",
        Hdcp::V2_2 => "HDCP_V2_2",
        Hdcp::V2_3 => "HDCP_V2_3",
        Hdcp::NoDigitalOutput => "HDCP_NO_DIGITAL_OUTPUT",
    }
}

fn cgms_name(configuration: u8) -> &'static str {
    match configuration {
        0 => "COPY_FREE",
        2 => "COPY_ONCE",
        // "No more copies" has no name of its own.
        _ => "COPY_NEVER",
    }
}

/// Said in full, so that no default of the cloud adds to it; 0 seconds means without limit.
#[derive(Serialize)]
struct Overrides {
    can_play: bool,
    can_persist: bool,
    can_renew: bool,
    license_duration_seconds: i64,
    rental_duration_seconds: i64,
    playback_duration_seconds: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    renewal_server_url: Option<String>,
    renewal_delay_seconds: i64,
    renewal_retry_interval_seconds: i64,
    renewal_recovery_duration_seconds: i64,
    renew_with_usage: bool,
}

impl Overrides {
    fn of(policy: Policy) -> Self {
        Self {
            can_play: policy.can_play.unwrap_or_default(),
            can_persist: policy.can_persist.unwrap_or_default(),
            can_renew: policy.can_renew.unwrap_or_default(),
            license_duration_seconds: policy.license_duration_seconds.unwrap_or_default(),
            rental_duration_seconds: policy.rental_duration_seconds.unwrap_or_default(),
            playback_duration_seconds: policy.playback_duration_seconds.unwrap_or_default(),
            renewal_server_url: policy.renewal_server_url,
            renewal_delay_seconds: policy.renewal_delay_seconds.unwrap_or_default(),
            renewal_retry_interval_seconds: policy
                .renewal_retry_interval_seconds
                .unwrap_or_default(),
            renewal_recovery_duration_seconds: policy
                .renewal_recovery_duration_seconds
                .unwrap_or_default(),
            renew_with_usage: policy.renew_with_usage.unwrap_or_default(),
        }
    }
}

#[derive(Serialize)]
struct SessionInit<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_session_token: Option<&'a Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_client_token: Option<&'a Secret>,
    override_provider_client_token: bool,
}

#[derive(Deserialize)]
struct Answered {
    status: String,
    license: Option<String>,
}

/// What the cloud says beside `OK`, for the log, and whether it is the cloud or our account that is to
/// blame rather than the client. Whatever else it says is about the client.
const STATUSES: [(&str, bool); 4] = [
    ("MALFORMED_REQUEST", false),
    ("ACCESS_DENIED", false),
    ("SIGNATURE_FAILED", true),
    ("INTERNAL_ERROR", true),
];

/// The licence in the cloud's answer.
///
/// # Errors
/// [`AnswerError`].
pub fn license(body: &[u8]) -> Result<Vec<u8>, AnswerError> {
    let answered: Answered = serde_json::from_slice(body).map_err(|_| AnswerError::Malformed)?;
    if answered.status != "OK" {
        let known = STATUSES.iter().find(|(name, _)| *name == answered.status);
        return Err(match known {
            Some((name, true)) => AnswerError::Failed(name),
            Some((name, false)) => AnswerError::Refused(name),
            None => AnswerError::Refused("a status that is not known here"),
        });
    }
    let license = answered.license.and_then(|text| BASE64.decode(text.as_bytes()).ok());
    license.filter(|license| !license.is_empty()).ok_or(AnswerError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_digest_under_the_account_s_key() {
        let signer =
            Signer::new("widevine_test", &format!("{}\n{}\n", "1a".repeat(32), "2B".repeat(16)));
        let signature = signer.unwrap().sign(b"{\"message\":1}");
        // printf '{"message":1}' | openssl dgst -sha1 -binary | openssl enc -aes-256-cbc -K 1a.. -iv 2b..
        assert_eq!(HEXLOWER_PERMISSIVE.encode(&signature), SIGNATURE);
    }

    const SIGNATURE: &str = "b1f547699184ece3f40fba836b004398b35f87a07b6a318bc6407786f0fd8cf7";

    #[test]
    fn credentials_are_a_key_and_an_iv() {
        let (key, iv) = ("00".repeat(32), "00".repeat(16));
        for (text, is_good) in [
            (format!("{key} {iv}"), true),
            (format!("\n {key}\t{iv}\n"), true),
            (format!("{key}{iv}"), false),
            (format!("{iv} {key}"), false),
            (key.clone(), false),
            (format!("{key} {iv} {iv}"), false),
            (format!("{} {iv}", "x".repeat(64)), false),
            (String::new(), false),
        ] {
            assert_eq!(Signer::new("p", &text).is_some(), is_good, "{text}");
        }
        let shown = format!("{:?}", Signer::new("p", &format!("{} {iv}", "ab".repeat(32))));
        assert!(!shown.contains("ab") && !shown.contains("171"), "{shown}");
    }

    #[test]
    fn answers_are_licences_or_say_who_is_to_blame() {
        for (answer, expected) in [
            (r#"{"status":"OK","license":"AAEC"}"#, Ok(vec![0, 1, 2])),
            (
                r#"{"status":"OK","license":"AAEC","make":"x","session_state":{}}"#,
                Ok(vec![0, 1, 2]),
            ),
            (r#"{"status":"OK","license":""}"#, Err(AnswerError::Malformed)),
            (r#"{"status":"OK"}"#, Err(AnswerError::Malformed)),
            (r#"{"status":"OK","license":"?"}"#, Err(AnswerError::Malformed)),
            (r#"{"license":"AAEC"}"#, Err(AnswerError::Malformed)),
            ("", Err(AnswerError::Malformed)),
            ("<html>", Err(AnswerError::Malformed)),
            (r#"{"status":"INTERNAL_ERROR"}"#, Err(AnswerError::Failed("INTERNAL_ERROR"))),
            (r#"{"status":"SIGNATURE_FAILED"}"#, Err(AnswerError::Failed("SIGNATURE_FAILED"))),
            (r#"{"status":"ACCESS_DENIED"}"#, Err(AnswerError::Refused("ACCESS_DENIED"))),
            (r#"{"status":"x\ny"}"#, Err(AnswerError::Refused("a status that is not known here"))),
        ] {
            assert_eq!(license(answer.as_bytes()), expected, "{answer}");
        }
    }
}
