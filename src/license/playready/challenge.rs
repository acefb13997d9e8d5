//! The challenge: what a client asks for, who it is, and its signature over both (playready.md
//! section 5).

use std::fmt;

use roxmltree::Node;
use zeroize::Zeroizing;

use super::custom_data::{self, CustomToken};
use super::error::PlayReadyLicenseError as Error;
use super::soap::{
    DSIG, MESSAGES, PROTOCOLS, Signed, XMLENC, at, base64, child, content, fixed, source,
};
use super::xmr::Cipher;
use crate::crypto::cbc::open_padded;
use crate::crypto::ecc::{ENCRYPTED, POINT, PrivateKey, SIGNATURE, verifies};
use crate::crypto::{BLOCK, ContentKey, Expanded};
use crate::drm::playready::{Algorithm, Header, Version};
use crate::ids::KeyId;
use crate::xml;

/// Keys that one challenge may ask for.
pub const MAX_KIDS: usize = 64;

/// Versions of the protocol: 1 for headers 4.0 and 4.1, 4 for 4.2, 5 for 4.3.
const VERSIONS: std::ops::RangeInclusive<u32> = 1..=5;

/// What a client asks for.
pub struct Challenge {
    /// Version of the protocol.
    pub version: u32,
    /// The content header: which keys, and how they are used.
    pub header: Header,
    /// The client's name for this exchange.
    pub nonce: Option<[u8; 16]>,
    /// The version of the client.
    pub client_version: Option<String>,
    /// Text of the application; may hold a token.
    pub(super) custom_data: Option<Zeroizing<String>>,
    sealed_key: [u8; ENCRYPTED],
    sealed_data: Vec<u8>,
    signed_info: String,
    signature: [u8; SIGNATURE],
    pub(super) public_key: [u8; POINT],
}

impl fmt::Debug for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, header, client_version, .. } = self;
        let mut shown = f.debug_struct("Challenge");
        shown.field("version", version).field("keys", &header.keys.len());
        shown.field("client_version", client_version).finish_non_exhaustive()
    }
}

impl Challenge {
    /// Reads the `AcquireLicense` message. All that needs no arithmetic is checked.
    pub(super) fn read(message: Node<'_, '_>) -> Result<Self, Error> {
        let outer = child(message, PROTOCOLS, "challenge");
        let outer = outer.and_then(|outer| child(outer, MESSAGES, "Challenge"));
        let outer = outer.ok_or(Error::Shape("a Challenge"))?;
        let la = child(outer, PROTOCOLS, "LA").ok_or(Error::Shape("LA"))?;
        let version =
            child(la, PROTOCOLS, "Version").map(content).and_then(|text| text.parse().ok());
        let version = version.ok_or(Error::Shape("a Version"))?;
        if !VERSIONS.contains(&version) {
            return Err(Error::Version);
        }
        let (sealed_key, sealed_data) = sealed(la).ok_or(Error::Shape("EncryptedData"))?;
        let signature = child(outer, DSIG, "Signature").and_then(Signed::read);
        let signature = signature.ok_or(Error::Shape("a Signature"))?;
        let public_key = signature.public_key.ok_or(Error::Shape("the PublicKey of its signer"))?;
        let header = header(la)?;
        if !is_all_that_is_asked(la, &header) {
            return Err(Error::Shape(
                "one LA and one content header, which names its keys in one place",
            ));
        }
        if la.attribute("Id") != Some("SignedData") || !signature.is_of(source(la)) {
            return Err(Error::Digest);
        }
        let client_version = at(la, PROTOCOLS, &["CLIENTINFO", "CLIENTVERSION"]);
        Ok(Self {
            version,
            header,
            nonce: child(la, PROTOCOLS, "LicenseNonce").and_then(fixed),
            client_version: client_version.map(|node| content(node).to_owned()),
            custom_data: child(la, PROTOCOLS, "CustomData").map(custom_data::text),
            sealed_key,
            sealed_data,
            signed_info: signature.info.to_owned(),
            signature: signature.signature,
            public_key,
        })
    }

    /// The keys that are asked for, each once.
    pub fn kids(&self) -> Vec<KeyId> {
        let mut kids: Vec<KeyId> = Vec::new();
        for key in &self.header.keys {
            if !kids.contains(&key.kid) {
                kids.push(key.kid);
            }
        }
        kids
    }

    /// How the content uses a key, by the header. From 4.3 on a header may leave it open; those
    /// before it know one cipher.
    pub fn cipher(&self, kid: KeyId) -> Option<Cipher> {
        let key = self.header.keys.iter().find(|key| key.kid == kid)?;
        match key.algorithm {
            Some(Algorithm::AesCbc) => Some(Cipher::AesCbc),
            None if self.header.version == Version::V4_3 => None,
            _ => Some(Cipher::AesCtr),
        }
    }

    /// The token in the custom data, if there is one.
    pub fn token(&self) -> Option<CustomToken> {
        CustomToken::find(self.custom_data.as_ref()?)
    }

    /// Whether the signature is by the key that goes with it; whose key that is, only the client's
    /// data tell.
    pub(super) fn is_signed(&self) -> bool {
        verifies(&self.public_key, self.signed_info.as_bytes(), &self.signature)
    }

    /// Opens the client's data. All that can be wrong gives the same answer.
    pub(super) fn open(&self, server: &PrivateKey) -> Result<ClientData, Error> {
        let x = server.decrypt(&self.sealed_key).map_err(|_| Error::ClientData)?;
        let (halves, _) = x.as_chunks::<BLOCK>();
        let &[iv, key] = halves else { return Err(Error::ClientData) };
        let (front, data) = self.sealed_data.split_first_chunk().ok_or(Error::ClientData)?;
        let mut data = Zeroizing::new(data.to_vec());
        let key = Expanded::new(&ContentKey::from_bytes(key));
        if *front != iv || !open_padded(&key, iv, &mut data) {
            return Err(Error::ClientData);
        }
        ClientData::parse(std::str::from_utf8(&data).map_err(|_| Error::ClientData)?)
    }
}

/// Whether nothing else in the message is what another server could take for the request: it is
/// decided on what is read here, and may be passed on as it came.
fn is_all_that_is_asked(la: Node<'_, '_>, header: &Header) -> bool {
    const ASKING: [&str; 5] = ["LA", "ContentHeader", "WRMHEADER", "DATA", "PROTECTINFO"];
    let named = |name: &'static str| {
        let nodes = la.document().descendants();
        nodes.filter(move |node| node.tag_name().name().eq_ignore_ascii_case(name))
    };
    let version = header.version;
    let is_in_place = |kid: Node<'_, '_>| match version {
        Version::V4_0 => kid.attributes().len() == 0 && kid.children().count() == 1,
        _ => {
            !kid.has_children() && kid.attributes().all(|has| KID_ATTRIBUTES.contains(&has.name()))
        }
    };
    let kids = named("KID").filter(|kid| is_in_place(*kid)).count();
    ASKING.iter().all(|name| named(name).count() <= 1)
        && named("KIDS").count() <= usize::from(version != Version::V4_0)
        && kids == header.keys.len()
        && named("KID").count() == kids
}

/// Of an element that names a key, from version 4.1 on.
const KID_ATTRIBUTES: [&str; 3] = ["VALUE", "ALGID", "CHECKSUM"];

fn header(la: Node<'_, '_>) -> Result<Header, Error> {
    let element =
        child(la, PROTOCOLS, "ContentHeader").and_then(|outer| outer.first_element_child());
    let header = Header::of_element(element.ok_or(Error::Shape("a ContentHeader"))?)?;
    let uses = |algorithm| header.keys.iter().any(|key| key.algorithm == Some(algorithm));
    match header.keys.len() {
        0 => Err(Error::NoKids),
        1..=MAX_KIDS if uses(Algorithm::Cocktail) => Err(Error::Cocktail),
        1..=MAX_KIDS if uses(Algorithm::AesCbc) && header.version != Version::V4_3 => {
            Err(Error::CbcVersion)
        }
        1..=MAX_KIDS => Ok(header),
        _ => Err(Error::TooManyKids),
    }
}

/// The key of the client's data, encrypted to the service, and the data.
fn sealed(la: Node<'_, '_>) -> Option<([u8; ENCRYPTED], Vec<u8>)> {
    let data = child(la, XMLENC, "EncryptedData")?;
    let key = child(child(data, DSIG, "KeyInfo")?, XMLENC, "EncryptedKey")?;
    let value = |node| at(node, XMLENC, &["CipherData", "CipherValue"]);
    Some((value(key).and_then(fixed)?, value(data).and_then(base64)?))
}

/// What only the service reads: who the client is.
pub(super) struct ClientData {
    pub(super) chain: Vec<u8>,
    /// The client takes keys for AES-CBC.
    pub(super) cbc: bool,
}

impl ClientData {
    fn parse(text: &str) -> Result<Self, Error> {
        let document = xml::parse(text).map_err(|_| Error::ClientData)?;
        let named = |name| move |node: &Node<'_, '_>| node.tag_name().name() == name;
        let chain = document.descendants().find(named("CertificateChain"));
        let mut features = document.descendants().filter(named("Feature"));
        Ok(Self {
            chain: chain.and_then(base64).ok_or(Error::NoChain)?,
            cbc: features.any(|feature| feature.attribute("Name") == Some("AESCBC")),
        })
    }
}
