//! The messages of the exchange (widevine.md sections 3 to 7): protocol buffers of the second version
//! by hand. Fields that nothing here reads or writes are left out; decoding skips them.
//!
//! What is signed, is parsed later or contains itself is kept as bytes: signatures and derivations
//! run over exactly these, and no message nests deeper than it is looked into.

#![expect(missing_docs, reason = "names and numbers are those of the tables in widevine.md")]

use prost::Message;

/// Values of `SignedMessage.type`.
pub mod message_type {
    pub const LICENSE_REQUEST: i32 = 1;
    pub const LICENSE: i32 = 2;
    pub const SERVICE_CERTIFICATE_REQUEST: i32 = 4;
    pub const SERVICE_CERTIFICATE: i32 = 5;
}

/// Section 3: the envelope of everything.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct SignedMessage {
    /// One of [`message_type`].
    #[prost(int32, optional, tag = "1")]
    pub kind: Option<i32>,
    #[prost(bytes = "vec", optional, tag = "2")]
    pub msg: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "3")]
    pub signature: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "4")]
    pub session_key: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "9")]
    pub oemcrypto_core_message: Option<Vec<u8>>,
}

/// Values of `LicenseRequest.type`.
pub mod request_type {
    pub const NEW: i32 = 1;
    pub const RENEWAL: i32 = 2;
    pub const RELEASE: i32 = 3;
}

/// Section 4.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct LicenseRequest {
    /// A [`ClientIdentification`].
    #[prost(bytes = "vec", optional, tag = "1")]
    pub client_id: Option<Vec<u8>>,
    #[prost(message, optional, tag = "2")]
    pub content_id: Option<ContentIdentification>,
    /// One of [`request_type`].
    #[prost(int32, optional, tag = "3")]
    pub kind: Option<i32>,
    #[prost(int64, optional, tag = "4")]
    pub request_time: Option<i64>,
    #[prost(int32, optional, tag = "6")]
    pub protocol_version: Option<i32>,
    #[prost(uint32, optional, tag = "7")]
    pub key_control_nonce: Option<u32>,
    #[prost(message, optional, tag = "8")]
    pub encrypted_client_id: Option<EncryptedClientIdentification>,
}

/// Which content is meant; one of the four.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct ContentIdentification {
    #[prost(message, optional, tag = "1")]
    pub pssh_data: Option<PsshContent>,
    #[prost(message, optional, tag = "2")]
    pub webm_key_id: Option<WebmContent>,
    #[prost(message, optional, tag = "3")]
    pub existing_license: Option<ExistingLicense>,
    #[prost(message, optional, tag = "4")]
    pub init_data: Option<InitDataContent>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub struct PsshContent {
    #[prost(bytes = "vec", repeated, tag = "1")]
    pub pssh_data: Vec<Vec<u8>>,
    #[prost(int32, optional, tag = "2")]
    pub license_type: Option<i32>,
    #[prost(bytes = "vec", optional, tag = "3")]
    pub request_id: Option<Vec<u8>>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub struct WebmContent {
    #[prost(bytes = "vec", optional, tag = "1")]
    pub header: Option<Vec<u8>>,
    #[prost(int32, optional, tag = "2")]
    pub license_type: Option<i32>,
    #[prost(bytes = "vec", optional, tag = "3")]
    pub request_id: Option<Vec<u8>>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub struct ExistingLicense {
    #[prost(message, optional, tag = "1")]
    pub license_id: Option<LicenseIdentification>,
    #[prost(int64, optional, tag = "2")]
    pub seconds_since_started: Option<i64>,
    #[prost(int64, optional, tag = "3")]
    pub seconds_since_last_played: Option<i64>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub struct InitDataContent {
    /// 1 = boxes, 2 = WebM: the bytes of a KID.
    #[prost(int32, optional, tag = "1")]
    pub init_data_type: Option<i32>,
    #[prost(bytes = "vec", optional, tag = "2")]
    pub init_data: Option<Vec<u8>>,
    #[prost(int32, optional, tag = "3")]
    pub license_type: Option<i32>,
    #[prost(bytes = "vec", optional, tag = "4")]
    pub request_id: Option<Vec<u8>>,
}

/// Section 4: who asks.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct ClientIdentification {
    /// 1 = DRM device certificate.
    #[prost(int32, optional, tag = "1")]
    pub kind: Option<i32>,
    /// A [`SignedDrmCertificate`].
    #[prost(bytes = "vec", optional, tag = "2")]
    pub token: Option<Vec<u8>>,
    #[prost(message, repeated, tag = "3")]
    pub client_info: Vec<NameValue>,
    #[prost(bytes = "vec", optional, tag = "4")]
    pub provider_client_token: Option<Vec<u8>>,
    #[prost(message, optional, tag = "6")]
    pub client_capabilities: Option<ClientCapabilities>,
    /// A [`FileHashes`].
    #[prost(bytes = "vec", optional, tag = "7")]
    pub vmp_data: Option<Vec<u8>>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub struct NameValue {
    #[prost(string, optional, tag = "1")]
    pub name: Option<String>,
    #[prost(string, optional, tag = "2")]
    pub value: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub struct ClientCapabilities {
    #[prost(bool, optional, tag = "2")]
    pub session_token: Option<bool>,
    /// As `OutputProtection.hdcp`.
    #[prost(int32, optional, tag = "4")]
    pub max_hdcp_version: Option<i32>,
    #[prost(uint32, optional, tag = "5")]
    pub oem_crypto_api_version: Option<u32>,
    #[prost(bool, optional, tag = "6")]
    pub anti_rollback_usage_table: Option<bool>,
    #[prost(bool, optional, tag = "11")]
    pub can_disable_analog_output: Option<bool>,
    #[prost(uint32, optional, tag = "12")]
    pub resource_rating_tier: Option<u32>,
}

/// Section 12: what a browser says of its own files.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct FileHashes {
    #[prost(bytes = "vec", optional, tag = "1")]
    pub signer: Option<Vec<u8>>,
    #[prost(message, repeated, tag = "2")]
    pub signatures: Vec<FileSignature>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub struct FileSignature {
    #[prost(string, optional, tag = "1")]
    pub filename: Option<String>,
    #[prost(bool, optional, tag = "2")]
    pub test_signing: Option<bool>,
}

/// Section 4: who asks, for the eyes of the service only.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct EncryptedClientIdentification {
    #[prost(string, optional, tag = "1")]
    pub provider_id: Option<String>,
    #[prost(bytes = "vec", optional, tag = "2")]
    pub service_certificate_serial_number: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "3")]
    pub encrypted_client_id: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "4")]
    pub encrypted_client_id_iv: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "5")]
    pub encrypted_privacy_key: Option<Vec<u8>>,
}

/// Section 5.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct SignedDrmCertificate {
    /// A [`DrmCertificate`].
    #[prost(bytes = "vec", optional, tag = "1")]
    pub drm_certificate: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "2")]
    pub signature: Option<Vec<u8>>,
    /// A certificate like this one.
    #[prost(bytes = "vec", optional, tag = "3")]
    pub signer: Option<Vec<u8>>,
    #[prost(int32, optional, tag = "4")]
    pub hash_algorithm: Option<i32>,
}

/// Values of `DrmCertificate.type`.
pub mod certificate_type {
    pub const ROOT: i32 = 0;
    pub const DEVICE_MODEL: i32 = 1;
    pub const DEVICE: i32 = 2;
    pub const SERVICE: i32 = 3;
}

/// Section 5.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct DrmCertificate {
    /// One of [`certificate_type`].
    #[prost(int32, optional, tag = "1")]
    pub kind: Option<i32>,
    #[prost(bytes = "vec", optional, tag = "2")]
    pub serial_number: Option<Vec<u8>>,
    #[prost(int64, optional, tag = "3")]
    pub creation_time_seconds: Option<i64>,
    #[prost(bytes = "vec", optional, tag = "4")]
    pub public_key: Option<Vec<u8>>,
    #[prost(uint32, optional, tag = "5")]
    pub system_id: Option<u32>,
    #[prost(string, optional, tag = "7")]
    pub provider_id: Option<String>,
    /// 1 = licence server.
    #[prost(int32, repeated, packed = "false", tag = "8")]
    pub service_types: Vec<i32>,
    /// 1 = RSA.
    #[prost(int32, optional, tag = "9")]
    pub algorithm: Option<i32>,
    #[prost(int64, optional, tag = "12")]
    pub expiration_time_seconds: Option<i64>,
}

/// Section 7.
#[derive(Clone, PartialEq, Eq, Message)]
pub struct License {
    #[prost(message, optional, tag = "1")]
    pub id: Option<LicenseIdentification>,
    #[prost(message, optional, tag = "2")]
    pub policy: Option<Policy>,
    #[prost(message, repeated, tag = "3")]
    pub key: Vec<KeyContainer>,
    #[prost(int64, optional, tag = "4")]
    pub license_start_time: Option<i64>,
    #[prost(bytes = "vec", optional, tag = "6")]
    pub provider_client_token: Option<Vec<u8>>,
    #[prost(uint32, optional, tag = "7")]
    pub protection_scheme: Option<u32>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub struct LicenseIdentification {
    #[prost(bytes = "vec", optional, tag = "1")]
    pub request_id: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "2")]
    pub session_id: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "3")]
    pub purchase_id: Option<Vec<u8>>,
    #[prost(int32, optional, tag = "4")]
    pub kind: Option<i32>,
    #[prost(int32, optional, tag = "5")]
    pub version: Option<i32>,
    #[prost(bytes = "vec", optional, tag = "6")]
    pub provider_session_token: Option<Vec<u8>>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub struct Policy {
    #[prost(bool, optional, tag = "1")]
    pub can_play: Option<bool>,
    #[prost(bool, optional, tag = "2")]
    pub can_persist: Option<bool>,
    #[prost(bool, optional, tag = "3")]
    pub can_renew: Option<bool>,
    #[prost(int64, optional, tag = "4")]
    pub rental_duration_seconds: Option<i64>,
    #[prost(int64, optional, tag = "5")]
    pub playback_duration_seconds: Option<i64>,
    #[prost(int64, optional, tag = "6")]
    pub license_duration_seconds: Option<i64>,
    #[prost(int64, optional, tag = "7")]
    pub renewal_recovery_duration_seconds: Option<i64>,
    #[prost(string, optional, tag = "8")]
    pub renewal_server_url: Option<String>,
    #[prost(int64, optional, tag = "9")]
    pub renewal_delay_seconds: Option<i64>,
    #[prost(int64, optional, tag = "10")]
    pub renewal_retry_interval_seconds: Option<i64>,
    #[prost(bool, optional, tag = "11")]
    pub renew_with_usage: Option<bool>,
}

/// Values of `KeyContainer.type`.
pub mod key_type {
    pub const SIGNING: i32 = 1;
    pub const CONTENT: i32 = 2;
    /// Under which `pssh` data have content keys.
    pub const ENTITLEMENT: i32 = 5;
}

#[derive(Clone, PartialEq, Eq, Message)]
pub struct KeyContainer {
    #[prost(bytes = "vec", optional, tag = "1")]
    pub id: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "2")]
    pub iv: Option<Vec<u8>>,
    /// Encrypted.
    #[prost(bytes = "vec", optional, tag = "3")]
    pub key: Option<Vec<u8>>,
    /// One of [`key_type`].
    #[prost(int32, optional, tag = "4")]
    pub kind: Option<i32>,
    #[prost(int32, optional, tag = "5")]
    pub level: Option<i32>,
    #[prost(message, optional, tag = "6")]
    pub required_protection: Option<OutputProtection>,
    #[prost(string, optional, tag = "12")]
    pub track_label: Option<String>,
}

#[derive(Clone, PartialEq, Eq, Message)]
pub struct OutputProtection {
    #[prost(int32, optional, tag = "1")]
    pub hdcp: Option<i32>,
    #[prost(int32, optional, tag = "2")]
    pub cgms_flags: Option<i32>,
    #[prost(bool, optional, tag = "4")]
    pub disable_analog_output: Option<bool>,
}
