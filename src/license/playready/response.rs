//! The response: licences, and the signature of the service over them (playready.md section 8).

use data_encoding::BASE64;
use ring::rand::{SecureRandom, SystemRandom};

use super::acknowledgement::TransactionId;
use super::soap::{DSIG, MESSAGES, PROTOCOLS, envelope, escaped, signed_info};
use crate::crypto::ecc::{EccError, PrivateKey};

/// What else goes with licences.
#[derive(Debug, Clone, Copy, Default)]
pub struct Extras<'a> {
    /// Text for the application.
    pub custom_data: Option<&'a str>,
    /// Names the response, so that clients acknowledge it.
    pub transaction: Option<TransactionId>,
}

/// Writes a response with these licences, signed with the key at the front of `chain` (base64).
pub(super) fn write(
    licences: &[Vec<u8>],
    nonce: Option<[u8; 16]>,
    extras: Extras<'_>,
    (key, chain): (&PrivateKey, &str),
    random: &SystemRandom,
) -> Result<String, EccError> {
    let mut id = [0; 32];
    random.fill(&mut id).map_err(|_| EccError::NoRandomness)?;
    let element = element(licences, nonce, extras, &BASE64.encode(&id), chain);
    let info = signed_info(&element);
    let signature = BASE64.encode(&key.sign(info.as_bytes(), random)?);
    Ok(envelope(&format!(
        "<AcquireLicenseResponse xmlns=\"{PROTOCOLS}\"><AcquireLicenseResult>\
         <Response xmlns=\"{MESSAGES}\">{element}<Signature xmlns=\"{DSIG}\">{info}\
         <SignatureValue>{signature}</SignatureValue></Signature></Response>\
         </AcquireLicenseResult></AcquireLicenseResponse>"
    )))
}

/// The signed element: no white space, closing tags throughout, as clients hash it.
fn element(
    licences: &[Vec<u8>],
    nonce: Option<[u8; 16]>,
    extras: Extras<'_>,
    id: &str,
    chain: &str,
) -> String {
    let licences: String = licences
        .iter()
        .map(|licence| format!("<License>{}</License>", BASE64.encode(licence)))
        .collect();
    let tagged = |name: &str, text: &str| format!("<{name}>{text}</{name}>");
    let custom_data = extras.custom_data.map(|text| tagged("CustomData", &escaped(text)));
    let transaction = extras.transaction.map(|transaction| {
        tagged("Acknowledgement", &tagged("TransactionID", &transaction.text()))
    });
    let nonce = nonce.map(|nonce| tagged("LicenseNonce", &BASE64.encode(&nonce)));
    let optional = [custom_data, transaction, nonce].map(Option::unwrap_or_default).concat();
    format!(
        "<LicenseResponse xmlns=\"{PROTOCOLS}\" Id=\"SignedData\"><Version>1</Version>\
         <Licenses>{licences}</Licenses>{optional}<ResponseID>{id}</ResponseID>\
         <SigningCertificateChain>{chain}</SigningCertificateChain></LicenseResponse>"
    )
}
