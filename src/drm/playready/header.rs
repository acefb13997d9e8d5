//! WRMHEADER: which keys, and where their licences are.
//!
//! Clients compare headers as text, so they are written in canonical form: no declaration, no white
//! space between elements, closing tags throughout, attributes in alphabetical order.

use std::fmt;

use data_encoding::BASE64;
use quick_xml::escape::partial_escape;
use serde::{Deserialize, Deserializer, Serialize, de};

use super::{CHECKSUM_LEN, PlayReadyError, guid_order};
use crate::cenc::Scheme;
use crate::ids::KeyId;
use crate::xml;

pub(super) const NAMESPACE: &str = "http://schemas.microsoft.com/DRM/2007/03/PlayReadyHeader";

/// How samples are encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// AES in counter mode.
    AesCtr,
    /// AES in chaining mode; version 4.3 only.
    AesCbc,
    /// A stream cipher of old content; never written.
    Cocktail,
}

impl Algorithm {
    pub(super) const TABLE: [(Self, &'static str); 3] =
        [(Self::AesCtr, "AESCTR"), (Self::AesCbc, "AESCBC"), (Self::Cocktail, "COCKTAIL")];

    /// The algorithm of a scheme.
    pub fn of(scheme: Scheme) -> Self {
        match scheme {
            Scheme::Cenc | Scheme::Cens => Self::AesCtr,
            Scheme::Cbcs | Scheme::Cbc1 => Self::AesCbc,
        }
    }

    /// As `ALGID` has it.
    pub fn name(self) -> &'static str {
        Self::TABLE.iter().find(|(algorithm, _)| *algorithm == self).map_or("", |(_, name)| name)
    }
}

/// The versions of the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// One AES-CTR key; every client.
    V4_0,
    /// One AES-CTR key, or none; PlayReady 2 and later.
    V4_1,
    /// Any number of AES-CTR keys; PlayReady 3 and later.
    V4_2,
    /// As 4.2, and AES-CBC; PlayReady 4 and later.
    V4_3,
}

impl Version {
    pub(super) const TABLE: [(Self, &'static str); 4] = [
        (Self::V4_0, "4.0.0.0"),
        (Self::V4_1, "4.1.0.0"),
        (Self::V4_2, "4.2.0.0"),
        (Self::V4_3, "4.3.0.0"),
    ];

    /// As the attribute of the root has it.
    pub fn name(self) -> &'static str {
        Self::TABLE.iter().find(|(version, _)| *version == self).map_or("", |(_, name)| name)
    }

    /// The lowest version that can say it: most clients know that.
    fn needed(keys: &[HeaderKey]) -> Self {
        match keys {
            keys if keys.iter().any(|key| key.algorithm != Some(Algorithm::AesCtr)) => Self::V4_3,
            [] => Self::V4_1,
            [_] => Self::V4_0,
            _ => Self::V4_2,
        }
    }
}

/// A key of a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderKey {
    /// Key id.
    pub kid: KeyId,
    /// How it is used; 4.3 may leave it open.
    pub algorithm: Option<Algorithm>,
    /// [`super::checksum`]; 7 bytes long in old content. Never with AES-CBC.
    pub checksum: Option<Vec<u8>>,
}

impl HeaderKey {
    /// A key as a scheme uses it.
    pub fn new(kid: KeyId, scheme: Scheme, checksum: [u8; CHECKSUM_LEN]) -> Self {
        let algorithm = Algorithm::of(scheme);
        let checksum = (algorithm == Algorithm::AesCtr).then(|| checksum.to_vec());
        Self { kid, algorithm: Some(algorithm), checksum }
    }
}

/// XML of the content's owner inside a header.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct CustomAttributes(String);

impl CustomAttributes {
    /// Longer ones are refused.
    pub const MAX_LEN: usize = 1024;

    /// Takes XML elements; they are written as they are.
    ///
    /// # Errors
    /// [`PlayReadyError::CustomAttributes`].
    pub fn new(elements: &str) -> Result<Self, PlayReadyError> {
        let document = format!("<CUSTOMATTRIBUTES>{elements}</CUSTOMATTRIBUTES>");
        let has_element = |document: roxmltree::Document<'_>| {
            document.root_element().first_element_child().is_some()
        };
        match xml::parse(&document).map(has_element) {
            Ok(true) if elements.len() <= Self::MAX_LEN => Ok(Self(elements.to_owned())),
            _ => Err(PlayReadyError::CustomAttributes),
        }
    }

    /// The elements.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for CustomAttributes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(&String::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

/// A WRMHEADER.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Its version. Those before 4.2 hold one key.
    pub version: Version,
    /// The keys.
    pub keys: Vec<HeaderKey>,
    /// Where licences are.
    pub la_url: Option<String>,
    /// What the content's owner says.
    pub custom_attributes: Option<CustomAttributes>,
}

impl Header {
    /// A header of the lowest version that can hold the keys.
    pub fn new(keys: Vec<HeaderKey>) -> Self {
        Self { version: Version::needed(&keys), keys, la_url: None, custom_attributes: None }
    }
}

impl fmt::Display for Header {
    /// The document.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = self.version.name();
        write!(f, "<WRMHEADER xmlns=\"{NAMESPACE}\" version=\"{version}\"><DATA>")?;
        match self.version {
            Version::V4_0 => self.write_4_0(f)?,
            Version::V4_1 => self.write_keys(f, "", "")?,
            Version::V4_2 | Version::V4_3 => self.write_keys(f, "<KIDS>", "</KIDS>")?,
        }
        if let Some(url) = &self.la_url {
            write!(f, "<LA_URL>{}</LA_URL>", partial_escape(url.as_str()))?;
        }
        if let Some(CustomAttributes(elements)) = &self.custom_attributes {
            write!(f, "<CUSTOMATTRIBUTES>{elements}</CUSTOMATTRIBUTES>")?;
        }
        f.write_str("</DATA></WRMHEADER>")
    }
}

impl Header {
    fn write_4_0(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for HeaderKey { kid, algorithm, checksum } in &self.keys {
            let algorithm = algorithm.map_or("", Algorithm::name);
            write!(f, "<PROTECTINFO><KEYLEN>16</KEYLEN><ALGID>{algorithm}</ALGID></PROTECTINFO>")?;
            write!(f, "<KID>{}</KID>", BASE64.encode(&guid_order(*kid)))?;
            if let Some(checksum) = checksum {
                write!(f, "<CHECKSUM>{}</CHECKSUM>", BASE64.encode(checksum))?;
            }
        }
        Ok(())
    }

    fn write_keys(&self, f: &mut fmt::Formatter<'_>, open: &str, close: &str) -> fmt::Result {
        if self.keys.is_empty() {
            // The licence comes when a sample names its key.
            return f.write_str("<DECRYPTORSETUP>ONDEMAND</DECRYPTORSETUP>");
        }
        write!(f, "<PROTECTINFO>{open}")?;
        for HeaderKey { kid, algorithm, checksum } in &self.keys {
            f.write_str("<KID")?;
            if let Some(algorithm) = algorithm {
                write!(f, " ALGID=\"{}\"", algorithm.name())?;
            }
            if let Some(checksum) = checksum {
                write!(f, " CHECKSUM=\"{}\"", BASE64.encode(checksum))?;
            }
            write!(f, " VALUE=\"{}\"></KID>", BASE64.encode(&guid_order(*kid)))?;
        }
        write!(f, "{close}</PROTECTINFO>")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KID: KeyId = KeyId::from_bytes([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);

    fn written(keys: Vec<HeaderKey>) -> String {
        Header::new(keys).to_string()
    }

    #[test]
    fn the_version_is_the_lowest_that_can_say_it() {
        let key = |scheme| HeaderKey::new(KID, scheme, [9; 8]);
        let front =
            |version| format!("<WRMHEADER xmlns=\"{NAMESPACE}\" version=\"{version}\"><DATA>");
        let back = "</DATA></WRMHEADER>";
        let attributes = "CHECKSUM=\"CQkJCQkJCQk=\" VALUE=\"AwIBAAUEBwYICQoLDA0ODw==\"></KID>";
        let table = [
            (
                vec![key(Scheme::Cenc)],
                "4.0.0.0",
                "<PROTECTINFO><KEYLEN>16</KEYLEN><ALGID>AESCTR</ALGID></PROTECTINFO>\
                 <KID>AwIBAAUEBwYICQoLDA0ODw==</KID><CHECKSUM>CQkJCQkJCQk=</CHECKSUM>"
                    .to_owned(),
            ),
            (vec![], "4.1.0.0", "<DECRYPTORSETUP>ONDEMAND</DECRYPTORSETUP>".to_owned()),
            (
                vec![key(Scheme::Cenc), key(Scheme::Cenc)],
                "4.2.0.0",
                format!(
                    "<PROTECTINFO><KIDS><KID ALGID=\"AESCTR\" {attributes}\
                     <KID ALGID=\"AESCTR\" {attributes}</KIDS></PROTECTINFO>"
                ),
            ),
            (
                vec![key(Scheme::Cbcs)],
                "4.3.0.0",
                "<PROTECTINFO><KIDS><KID ALGID=\"AESCBC\" VALUE=\"AwIBAAUEBwYICQoLDA0ODw==\">\
                 </KID></KIDS></PROTECTINFO>"
                    .to_owned(),
            ),
        ];
        for (keys, version, data) in table {
            assert_eq!(written(keys), front(version) + &data + back);
        }
    }

    #[test]
    fn addresses_are_escaped_and_custom_attributes_are_not() {
        let header = Header {
            la_url: Some("https://pr.example/?a=1&b=2".to_owned()),
            custom_attributes: Some(CustomAttributes::new("<X a=\"1\">2</X><Y/>").unwrap()),
            ..Header::new(vec![])
        };
        let text = header.to_string();
        assert!(text.contains("<LA_URL>https://pr.example/?a=1&amp;b=2</LA_URL>"), "{text}");
        assert!(text.contains("<CUSTOMATTRIBUTES><X a=\"1\">2</X><Y/></CUSTOMATTRIBUTES>"));
    }

    #[test]
    fn custom_attributes_cannot_leave_their_element() {
        let long = format!("<a>{}</a>", "x".repeat(1024));
        for text in
            ["", "text", "<a>", "</CUSTOMATTRIBUTES><b/><CUSTOMATTRIBUTES>", "<!DOCTYPE a>", &long]
        {
            let refused = CustomAttributes::new(text);
            assert_eq!(refused, Err(PlayReadyError::CustomAttributes), "{text}");
        }
    }
}
