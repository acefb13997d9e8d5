//! Reading a WRMHEADER, of any packager: order and white space are free.

use data_encoding::BASE64;
use roxmltree::Node;

use super::header::NAMESPACE;
use super::{
    Algorithm, CustomAttributes, Header, HeaderKey, PlayReadyError, Version, from_guid_order,
};
use crate::xml;

impl Header {
    /// Reads a document.
    ///
    /// # Errors
    /// [`PlayReadyError`], with the rule that it breaks.
    pub fn read(text: &str) -> Result<Self, PlayReadyError> {
        Self::of_element(xml::parse(text)?.root_element())
    }

    /// Reads a document as it lies in a PlayReady Object.
    ///
    /// # Errors
    /// As [`Self::read`], and [`PlayReadyError::Utf16`].
    pub fn read_utf16(bytes: &[u8]) -> Result<Self, PlayReadyError> {
        let (units, []) = bytes.as_chunks::<2>() else {
            return Err(PlayReadyError::Utf16);
        };
        let units = units.iter().map(|unit| u16::from_le_bytes(*unit));
        let text: Result<String, _> = char::decode_utf16(units).collect();
        let text = text.map_err(|_| PlayReadyError::Utf16)?;
        Self::read(text.trim_end_matches('\0'))
    }

    /// Reads a header inside another document, as licence requests have it.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn of_element(root: Node<'_, '_>) -> Result<Self, PlayReadyError> {
        if !root.has_tag_name((NAMESPACE, "WRMHEADER")) {
            return Err(PlayReadyError::Root);
        }
        let name = root.attribute("version").ok_or(PlayReadyError::Version)?;
        let version = Version::TABLE.iter().find(|(_, known)| *known == name);
        let (version, _) = *version.ok_or(PlayReadyError::Version)?;
        let data = child(root, "DATA").ok_or(PlayReadyError::Root)?;
        let info = child(data, "PROTECTINFO");
        let keys = match version {
            Version::V4_0 => child(data, "KID").map(|kid| key_of_elements(data, info, kid)),
            Version::V4_1 => info.and_then(|info| child(info, "KID")).map(key_of_attributes),
            Version::V4_2 | Version::V4_3 => {
                let listed = info.and_then(|info| child(info, "KIDS"));
                let listed = listed.into_iter().flat_map(|kids| children(kids, "KID"));
                let keys = listed.map(key_of_attributes).collect::<Result<_, _>>()?;
                return Ok(Self::with(version, keys, data));
            }
        };
        let keys = keys.transpose()?.into_iter().collect();
        Ok(Self::with(version, keys, data))
    }

    fn with(version: Version, keys: Vec<HeaderKey>, data: Node<'_, '_>) -> Self {
        let la_url = child(data, "LA_URL").map(|url| text(url).to_owned());
        let custom_attributes = child(data, "CUSTOMATTRIBUTES").and_then(inner);
        Self { version, keys, la_url, custom_attributes }
    }
}

/// 4.0: the parts of the key are elements.
fn key_of_elements(
    data: Node<'_, '_>,
    info: Option<Node<'_, '_>>,
    kid: Node<'_, '_>,
) -> Result<HeaderKey, PlayReadyError> {
    let algorithm = info.and_then(|info| child(info, "ALGID")).map(text);
    key(text(kid), algorithm, child(data, "CHECKSUM").map(text))
}

/// 4.1 and later: the parts of a key are attributes.
fn key_of_attributes(kid: Node<'_, '_>) -> Result<HeaderKey, PlayReadyError> {
    let value = kid.attribute("VALUE").unwrap_or_default();
    key(value, kid.attribute("ALGID"), kid.attribute("CHECKSUM"))
}

fn key(
    kid: &str,
    algorithm: Option<&str>,
    checksum: Option<&str>,
) -> Result<HeaderKey, PlayReadyError> {
    let decode = |text: &str| BASE64.decode(text.trim().as_bytes()).ok();
    let kid = decode(kid).and_then(|bytes| bytes.try_into().ok()).ok_or(PlayReadyError::Kid)?;
    let named = |name: &str| {
        let row = Algorithm::TABLE.iter().find(|(_, known)| *known == name.trim());
        row.map(|(algorithm, _)| *algorithm).ok_or(PlayReadyError::Algorithm)
    };
    let checksum = checksum.map(|text| decode(text).ok_or(PlayReadyError::Checksum));
    Ok(HeaderKey {
        kid: from_guid_order(kid),
        algorithm: algorithm.map(named).transpose()?,
        checksum: checksum.transpose()?,
    })
}

fn children<'a, 'i>(
    parent: Node<'a, 'i>,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'i>> {
    parent.children().filter(move |node| node.has_tag_name((NAMESPACE, name)))
}

fn child<'a, 'i>(parent: Node<'a, 'i>, name: &'static str) -> Option<Node<'a, 'i>> {
    children(parent, name).next()
}

fn text<'a>(node: Node<'a, '_>) -> &'a str {
    node.text().unwrap_or_default().trim()
}

/// The XML inside an element, as it stands there; `None` when it breaks the rules for writing it.
fn inner(node: Node<'_, '_>) -> Option<CustomAttributes> {
    let (first, last) = (node.first_child()?, node.last_child()?);
    let elements = &node.document().input_text()[first.range().start..last.range().end];
    CustomAttributes::new(elements).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::KeyId;
    use proptest::prelude::*;

    const KID: &str = "AwIBAAUEBwYICQoLDA0ODw==";

    fn read(version: &str, data: &str) -> Result<Header, PlayReadyError> {
        Header::read(&format!(
            "<WRMHEADER xmlns=\"{NAMESPACE}\" version=\"{version}\"><DATA>{data}</DATA></WRMHEADER>"
        ))
    }

    #[test]
    fn headers_of_others_are_read() {
        let header = read(
            "4.0.0.0",
            " <KID>\n AwIBAAUEBwYICQoLDA0ODw== </KID><LA_URL>http://a/?x&amp;y</LA_URL>\
             <PROTECTINFO><ALGID>AESCTR</ALGID><KEYLEN>16</KEYLEN></PROTECTINFO><DS_ID>x</DS_ID>\
             <CUSTOMATTRIBUTES><IIS_DRM_VERSION>7.1</IIS_DRM_VERSION></CUSTOMATTRIBUTES>",
        );
        let header = header.unwrap();
        assert_eq!(header.keys[0].kid.to_string(), "00010203-0405-0607-0809-0a0b0c0d0e0f");
        assert_eq!(header.keys[0].algorithm, Some(Algorithm::AesCtr));
        assert_eq!(header.la_url.as_deref(), Some("http://a/?x&y"));
        let custom = header.custom_attributes.unwrap();
        assert_eq!(custom.as_str(), "<IIS_DRM_VERSION>7.1</IIS_DRM_VERSION>");
        let on_demand = read("4.1.0.0", "<DECRYPTORSETUP>ONDEMAND</DECRYPTORSETUP>").unwrap();
        assert_eq!(on_demand.keys, []);
    }

    #[test]
    fn refusals_name_the_rule() {
        use PlayReadyError::{Algorithm, Checksum, Kid, Root, Version};
        let kids = |kid: &str| format!("<PROTECTINFO><KIDS>{kid}</KIDS></PROTECTINFO>");
        for (version, data, rule) in [
            ("5.0.0.0", String::new(), Version),
            ("4.0.0.0", "<KID>AwIB</KID>".to_owned(), Kid),
            ("4.2.0.0", kids("<KID></KID>"), Kid),
            ("4.3.0.0", kids(&format!("<KID ALGID=\"DES\" VALUE=\"{KID}\"/>")), Algorithm),
            ("4.3.0.0", kids(&format!("<KID CHECKSUM=\"!\" VALUE=\"{KID}\"/>")), Checksum),
        ] {
            assert_eq!(read(version, &data), Err(rule), "{data}");
        }
        assert_eq!(Header::read("<WRMHEADER version=\"4.0.0.0\"/>"), Err(Root));
        let entities =
            format!("<!DOCTYPE a [<!ENTITY e \"x\">]><WRMHEADER xmlns=\"{NAMESPACE}\"/>");
        assert!(matches!(Header::read(&entities), Err(PlayReadyError::Xml(_))));
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(
            kids in proptest::collection::vec(any::<[u8; 16]>(), 0..4),
            cbc: bool,
            url in "https://[a-z]{1,8}/[ -~]{0,20}[a-z]",
        ) {
            let scheme = if cbc { crate::cenc::Scheme::Cbcs } else { crate::cenc::Scheme::Cenc };
            let key = |kid| HeaderKey::new(KeyId::from_bytes(kid), scheme, [3; 8]);
            let custom_attributes = CustomAttributes::new("<A>1</A>").ok();
            let header = Header {
                la_url: Some(url),
                custom_attributes,
                ..Header::new(kids.into_iter().map(key).collect())
            };
            prop_assert_eq!(Header::read(&header.to_string()), Ok(header));
        }

        #[test]
        fn arbitrary_text_never_panics(text: String, data in "[<>/A-Z\" =]{0,60}") {
            let _ = Header::read(&text);
            let _ = read("4.2.0.0", &data);
        }
    }
}
