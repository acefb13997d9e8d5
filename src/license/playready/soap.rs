//! The XML around messages: namespaces, text of bodies, envelopes, signatures.

use std::borrow::Cow;

use data_encoding::BASE64;
use quick_xml::escape::partial_escape;
use ring::digest::{SHA256, digest};
use roxmltree::Node;

use super::error::PlayReadyLicenseError as Error;

/// Messages of the protocol.
pub(super) const PROTOCOLS: &str = "http://schemas.microsoft.com/DRM/2007/03/protocols";
/// What is inside them.
pub(super) const MESSAGES: &str = "http://schemas.microsoft.com/DRM/2007/03/protocols/messages";
/// XML signatures.
pub(super) const DSIG: &str = "http://www.w3.org/2000/09/xmldsig#";
/// XML encryption.
pub(super) const XMLENC: &str = "http://www.w3.org/2001/04/xmlenc#";
/// SOAP 1.1 and 1.2.
pub(super) const ENVELOPES: [&str; 2] =
    ["http://schemas.xmlsoap.org/soap/envelope/", "http://www.w3.org/2003/05/soap-envelope"];

/// A body as text: UTF-8, or UTF-16 with its low byte first as browsers' key messages have it.
pub(super) fn text(body: &[u8]) -> Result<Cow<'_, str>, Error> {
    if !body.starts_with(b"\xff\xfe") && !body.starts_with(b"<\0") {
        return std::str::from_utf8(body).map(Cow::Borrowed).map_err(|_| Error::NotText);
    }
    let (units, []) = body.as_chunks::<2>() else { return Err(Error::NotText) };
    let units = units.iter().map(|unit| u16::from_le_bytes(*unit));
    let text: Result<String, _> = char::decode_utf16(units).collect();
    text.map(Cow::Owned).map_err(|_| Error::NotText)
}

/// The message in an envelope.
pub(super) fn message<'a, 'i>(root: Node<'a, 'i>) -> Result<Node<'a, 'i>, Error> {
    let shape = Error::Shape("Envelope and Body");
    let namespace = ENVELOPES.into_iter().find(|name| root.has_tag_name((*name, "Envelope")));
    let namespace = namespace.ok_or(shape.clone())?;
    let body = child(root, namespace, "Body").ok_or(shape.clone())?;
    body.first_element_child().ok_or(shape)
}

/// The first child of this name.
pub(super) fn child<'a, 'i>(
    parent: Node<'a, 'i>,
    namespace: &'static str,
    name: &'static str,
) -> Option<Node<'a, 'i>> {
    parent.children().find(|node| node.has_tag_name((namespace, name)))
}

/// The element at the end of a path of names in one namespace.
pub(super) fn at<'a, 'i>(
    from: Node<'a, 'i>,
    namespace: &'static str,
    path: &[&'static str],
) -> Option<Node<'a, 'i>> {
    path.iter().try_fold(from, |node, name| child(node, namespace, name))
}

/// The text of an element, white space around it left out.
pub(super) fn content<'a>(node: Node<'a, '_>) -> &'a str {
    node.text().unwrap_or_default().trim()
}

/// The bytes of an element with base64.
pub(super) fn base64(node: Node<'_, '_>) -> Option<Vec<u8>> {
    BASE64.decode(content(node).as_bytes()).ok()
}

/// The bytes of an element with base64, of which there must be so many.
pub(super) fn fixed<const N: usize>(node: Node<'_, '_>) -> Option<[u8; N]> {
    base64(node)?.try_into().ok()
}

/// An element as it was sent, the bytes that its signature is over.
pub(super) fn source<'i>(node: Node<'_, 'i>) -> &'i str {
    &node.document().input_text()[node.range()]
}

/// What a signature says of an element, and by whom it is.
pub(super) struct Signed<'i> {
    /// SHA-256 of the element.
    pub(super) digest: [u8; 32],
    /// The bytes that are signed.
    pub(super) info: &'i str,
    /// r, s.
    pub(super) signature: [u8; 64],
    /// Whose key it is said to be, if that is said.
    pub(super) public_key: Option<[u8; 64]>,
}

impl<'i> Signed<'i> {
    /// Reads a `Signature` over the element with the id `SignedData`.
    pub(super) fn read(signature: Node<'_, 'i>) -> Option<Self> {
        let info = child(signature, DSIG, "SignedInfo")?;
        let reference = child(info, DSIG, "Reference")?;
        if reference.attribute("URI") != Some("#SignedData") {
            return None;
        }
        let key = at(signature, DSIG, &["KeyInfo", "KeyValue", "ECCKeyValue", "PublicKey"]);
        Some(Self {
            digest: child(reference, DSIG, "DigestValue").and_then(fixed)?,
            info: source(info),
            signature: child(signature, DSIG, "SignatureValue").and_then(fixed)?,
            public_key: key.and_then(fixed),
        })
    }

    /// Whether the signature is about this element.
    pub(super) fn is_of(&self, element: &str) -> bool {
        sha256(element.as_bytes()) == self.digest
    }
}

/// `SignedInfo` over an element with the id `SignedData`: in the form in which it is signed.
pub(super) fn signed_info(element: &str) -> String {
    let digest = BASE64.encode(&sha256(element.as_bytes()));
    format!(
        "<SignedInfo xmlns=\"{DSIG}\"><CanonicalizationMethod \
         Algorithm=\"http://www.w3.org/TR/2001/REC-xml-c14n-20010315\"></CanonicalizationMethod>\
         <SignatureMethod Algorithm=\"{PROTOCOLS}#ecdsa-sha256\"></SignatureMethod>\
         <Reference URI=\"#SignedData\"><DigestMethod Algorithm=\"{PROTOCOLS}#sha256\">\
         </DigestMethod><DigestValue>{digest}</DigestValue></Reference></SignedInfo>"
    )
}

/// A message in its envelope.
pub(super) fn envelope(message: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?><soap:Envelope \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
         xmlns:xsd=\"http://www.w3.org/2001/XMLSchema\" xmlns:soap=\"{}\"><soap:Body>{message}\
         </soap:Body></soap:Envelope>",
        ENVELOPES[0]
    )
}

/// Text for an element: escaped, and without the characters that XML has no form for, which messages
/// about bad requests quote.
pub(super) fn escaped(text: &str) -> String {
    let has_form = |c: &char| !c.is_control() || matches!(c, '\t' | '\n' | '\r');
    let kept: String = text.chars().filter(has_form).filter(|c| !NO_FORM.contains(c)).collect();
    partial_escape(kept).into_owned()
}

/// Beside control characters (XML 1.0 section 2.2).
const NO_FORM: [char; 2] = ['\u{fffe}', '\u{ffff}'];

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest(&SHA256, bytes).as_ref());
    out
}
