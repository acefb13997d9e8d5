//! The client's side: a challenge of a test device, and what is in the answer. Written from the
//! format, for smoke tests of a service and for tests of this one.

use std::fmt;

use data_encoding::BASE64;
use quick_xml::escape::partial_escape;
use ring::rand::SystemRandom;
use roxmltree::Node;
use zeroize::Zeroizing;

use super::certificate::{Chain, ChainError, Trust, usage};
use super::soap::{
    DSIG, MESSAGES, PROTOCOLS, Signed, XMLENC, at, base64, child, content, envelope, message,
    signed_info, source,
};
use super::xmr::{Opened, XmrError, open};
use crate::bytes::Reader;
use crate::crypto::chains::seal_padded;
use crate::crypto::ecc::{EccError, FIELD, MessagePoint, POINT, PrivateKey, PublicKey, verifies};
use crate::crypto::{BLOCK, ContentKey, Expanded};
use crate::drm::playready::{Header, Version};
use crate::xml;

/// First bytes of a device file of pyplayready, version 3.
const DEVICE_MAGIC: &[u8; 4] = b"PRD\x03";
/// A private key and its public one.
const PAIR: usize = FIELD + POINT;

/// Why there is no licence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// The device file does not read.
    #[error("the device file is none of pyplayready's version 3")]
    Device,
    /// The content header does not read.
    #[error("{0}")]
    Header(#[from] crate::drm::playready::PlayReadyError),
    /// The service refuses.
    #[error("the service refuses: {code} {text}")]
    Fault {
        /// `0x8004C601` and the like.
        code: String,
        /// For people.
        text: String,
        /// Reason code, if the service gives one.
        reason: String,
    },
    /// The answer is something else.
    #[error("the answer is no licence response: {0}")]
    Answer(&'static str),
    /// The signer of the answer is not believed.
    #[error("the signer of the answer: {0}")]
    Signer(#[from] ChainError),
    /// A licence does not open.
    #[error("{0}")]
    Licence(#[from] XmrError),
    /// No randomness.
    #[error("{0}")]
    Ecc(#[from] EccError),
}

/// A device: its certificates and private keys.
pub struct ClientDevice {
    /// The chain of certificates.
    pub chain: Vec<u8>,
    /// Licences are encrypted to it.
    pub encryption: PrivateKey,
    /// Signs challenges.
    pub signing: PrivateKey,
}

impl fmt::Debug for ClientDevice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientDevice(redacted)")
    }
}

impl ClientDevice {
    /// Reads a device file (`.prd`).
    ///
    /// # Errors
    /// [`ClientError::Device`].
    pub fn from_file(bytes: &[u8]) -> Result<Self, ClientError> {
        Self::read(bytes).ok_or(ClientError::Device)
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes.strip_prefix(DEVICE_MAGIC)?);
        let mut key = || {
            let pair = reader.array::<PAIR>().ok()?;
            PrivateKey::from_bytes(pair.first_chunk()?).ok()
        };
        let (_group, encryption, signing) = (key()?, key()?, key()?);
        let length = usize::try_from(reader.u32().ok()?).ok()?;
        let chain = reader.take(length).ok()?.to_vec();
        Chain::read(&chain).ok()?;
        Some(Self { chain, encryption, signing })
    }

    /// Writes a device file. `group` is the key that issued the device's certificate.
    pub fn to_file(&self, group: &PrivateKey) -> Zeroizing<Vec<u8>> {
        let length = u32::try_from(self.chain.len()).unwrap_or(u32::MAX).to_be_bytes();
        let pairs = [group, &self.encryption, &self.signing]
            .map(|key| [&key.expose()[..], key.public().as_bytes()].concat());
        let pairs = Zeroizing::new(pairs.concat());
        Zeroizing::new([&DEVICE_MAGIC[..], &pairs, &length, &self.chain].concat())
    }

    /// The security level that its certificate says.
    pub fn security_level(&self) -> u32 {
        Chain::read(&self.chain).map_or(0, |chain| chain.leaf().security_level)
    }
}

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// The content header as text.
    pub header: &'a str,
    /// Text for the service.
    pub custom_data: Option<&'a str>,
    /// Names the exchange.
    pub nonce: [u8; 16],
    /// Seconds since 1970.
    pub time: u64,
}

/// A challenge of the device to the service with this key.
///
/// # Errors
/// [`ClientError`] for a header that does not read, and without randomness.
pub fn challenge(
    device: &ClientDevice,
    server: &PublicKey,
    question: &Question<'_>,
    random: &SystemRandom,
) -> Result<String, ClientError> {
    let version = match Header::read(question.header)?.version {
        Version::V4_0 | Version::V4_1 => 1,
        Version::V4_2 => 4,
        Version::V4_3 => 5,
    };
    let (point, x) = MessagePoint::random(random)?;
    let sealed_key = BASE64.encode(&server.encrypt(&point, random)?);
    let sealed_data = BASE64.encode(&sealed(&client_data(&device.chain), &x));
    let custom_data = question.custom_data.map(partial_escape);
    let custom_data = custom_data.map(|text| format!("<CustomData>{text}</CustomData>"));
    let la = format!(
        "<LA xmlns=\"{PROTOCOLS}\" Id=\"SignedData\" xml:space=\"preserve\">\
         <Version>{version}</Version><ContentHeader>{header}</ContentHeader>\
         <CLIENTINFO><CLIENTVERSION>10.0.16384.10011</CLIENTVERSION></CLIENTINFO>{custom_data}\
         <LicenseNonce>{nonce}</LicenseNonce><ClientTime>{time}</ClientTime>{encrypted}</LA>",
        header = question.header,
        custom_data = custom_data.unwrap_or_default(),
        nonce = BASE64.encode(&question.nonce),
        time = question.time,
        encrypted = encrypted_data(&sealed_key, &sealed_data),
    );
    let info = signed_info(&la);
    let signature = BASE64.encode(&device.signing.sign(info.as_bytes(), random)?);
    let key = BASE64.encode(device.signing.public().as_bytes());
    Ok(envelope(&format!(
        "<AcquireLicense xmlns=\"{PROTOCOLS}\"><challenge><Challenge xmlns=\"{MESSAGES}\">{la}\
         <Signature xmlns=\"{DSIG}\">{info}<SignatureValue>{signature}</SignatureValue>\
         <KeyInfo xmlns=\"{DSIG}\"><KeyValue><ECCKeyValue><PublicKey>{key}</PublicKey>\
         </ECCKeyValue></KeyValue></KeyInfo></Signature></Challenge></challenge></AcquireLicense>"
    )))
}

fn encrypted_data(sealed_key: &str, sealed_data: &str) -> String {
    format!(
        "<EncryptedData xmlns=\"{XMLENC}\" Type=\"{XMLENC}Element\">\
         <EncryptionMethod Algorithm=\"{XMLENC}aes128-cbc\"></EncryptionMethod>\
         <KeyInfo xmlns=\"{DSIG}\"><EncryptedKey xmlns=\"{XMLENC}\">\
         <EncryptionMethod Algorithm=\"{PROTOCOLS}#ecc256\"></EncryptionMethod>\
         <KeyInfo xmlns=\"{DSIG}\"><KeyName>WMRMServer</KeyName></KeyInfo>\
         <CipherData><CipherValue>{sealed_key}</CipherValue></CipherData></EncryptedKey></KeyInfo>\
         <CipherData><CipherValue>{sealed_data}</CipherValue></CipherData></EncryptedData>"
    )
}

fn client_data(chain: &[u8]) -> String {
    let chain = BASE64.encode(chain);
    format!(
        "<Data><CertificateChains><CertificateChain> {chain} </CertificateChain>\
         </CertificateChains><Features><Feature Name=\"AESCBC\"></Feature>\
         <REE><AESCBCS></AESCBCS></REE></Features></Data>"
    )
}

/// IV, then AES-CBC; x is IV and key.
fn sealed(data: &str, x: &[u8; FIELD]) -> Vec<u8> {
    let (mut iv, mut key) = ([0; BLOCK], [0; BLOCK]);
    iv.copy_from_slice(&x[..BLOCK]);
    key.copy_from_slice(&x[BLOCK..]);
    let key = Expanded::new(&ContentKey::from_bytes(key));
    let mut data = data.as_bytes().to_vec();
    seal_padded(&key, iv, &mut data);
    [&iv[..], &data].concat()
}

/// The answer of a service, opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The licences in order.
    pub licences: Vec<Opened>,
    /// Text for the application.
    pub custom_data: Option<String>,
    /// The licences are to be acknowledged with this.
    pub transaction: Option<String>,
}

/// Opens an answer: who signed it, what is in it, and that it is to this question.
///
/// # Errors
/// [`ClientError`], with what is wrong.
pub fn answer(
    text: &str,
    device: &ClientDevice,
    trust: &Trust,
    question: &Question<'_>,
) -> Result<Answer, ClientError> {
    let document = xml::parse(text).map_err(|_| ClientError::Answer("it is not XML"))?;
    let message = message(document.root_element());
    let message = message.map_err(|_| ClientError::Answer("it is no SOAP message"))?;
    if message.tag_name().name() == "Fault" {
        return Err(fault(message));
    }
    let outer = at(message, PROTOCOLS, &["AcquireLicenseResult"]);
    let outer = outer.and_then(|outer| child(outer, MESSAGES, "Response"));
    let outer = outer.ok_or(ClientError::Answer("there is no Response in it"))?;
    let response = child(outer, PROTOCOLS, "LicenseResponse");
    let response = response.ok_or(ClientError::Answer("there is no LicenseResponse in it"))?;
    check_signature(outer, response, trust, question.time)?;
    let nonce = child(response, PROTOCOLS, "LicenseNonce").and_then(base64);
    if nonce.is_some_and(|nonce| nonce != question.nonce) {
        return Err(ClientError::Answer("it is to another question"));
    }
    let listed =
        at(response, PROTOCOLS, &["Licenses"]).into_iter().flat_map(|list| list.children());
    let opened = |node| {
        let bytes = base64(node).ok_or(ClientError::Answer("a licence is not base64"))?;
        Ok(open(&bytes, &device.encryption)?)
    };
    let licences = listed.filter(Node::is_element).map(opened);
    let named =
        |path: &[&'static str]| at(response, PROTOCOLS, path).map(|node| content(node).into());
    Ok(Answer {
        licences: licences.collect::<Result<_, ClientError>>()?,
        custom_data: named(&["CustomData"]),
        transaction: named(&["Acknowledgement", "TransactionID"]),
    })
}

fn check_signature(
    outer: Node<'_, '_>,
    response: Node<'_, '_>,
    trust: &Trust,
    now: u64,
) -> Result<(), ClientError> {
    let signed = child(outer, DSIG, "Signature").and_then(Signed::read);
    let signed = signed.ok_or(ClientError::Answer("it is not signed"))?;
    let chain = child(response, PROTOCOLS, "SigningCertificateChain").and_then(base64);
    let chain = chain.ok_or(ClientError::Answer("it does not say who signed it"))?;
    let chain = Chain::read(&chain).map_err(ChainError::from)?;
    chain.verify_signer(trust, now)?;
    let key = chain.leaf().key_for(usage::SIGN_RESPONSE).ok_or(ChainError::Kind)?;
    let verified = verifies(key, signed.info.as_bytes(), &signed.signature);
    if !verified || !signed.is_of(source(response)) {
        return Err(ClientError::Answer("its signature does not verify"));
    }
    Ok(())
}

fn fault(fault: Node<'_, '_>) -> ClientError {
    let text = |name: &str| {
        let node = fault.descendants().find(|node| node.tag_name().name() == name);
        node.map(|node| content(node).to_owned()).unwrap_or_default()
    };
    ClientError::Fault {
        code: text("StatusCode"),
        text: text("faultstring"),
        reason: text("CustomData"),
    }
}

/// The acknowledgement of a transaction.
pub fn acknowledgement(transaction: &str) -> String {
    let transaction = partial_escape(transaction);
    envelope(&format!(
        "<AcknowledgeLicense xmlns=\"{PROTOCOLS}\"><challenge><Challenge xmlns=\"{MESSAGES}\">\
         <LA xmlns=\"{PROTOCOLS}\" Id=\"SignedData\"><TransactionID>{transaction}</TransactionID>\
         </LA></Challenge></challenge></AcknowledgeLicense>"
    ))
}
