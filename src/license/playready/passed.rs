//! Messages that go on to a server of somebody else, and its answers (playready.md section 9, last
//! lines): as they came, because clients and server sign them.

use super::soap::{ENVELOPES, child, text};
use crate::xml;

/// The action of a message, as SOAP 1.1 wants it told in a header line.
pub const ACTION: &str = "\"http://schemas.microsoft.com/DRM/2007/03/protocols/AcquireLicense\"";

/// What an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A message with licences.
    Response,
    /// A refusal in the system's own form.
    Fault,
}

/// What an answer is; `None` when it is no message.
pub fn kind(body: &[u8]) -> Option<Kind> {
    let text = text(body).ok()?;
    let document = xml::parse(&text).ok()?;
    let root = document.root_element();
    let envelope = ENVELOPES.into_iter().find(|name| root.has_tag_name((*name, "Envelope")))?;
    let message = child(root, envelope, "Body")?.first_element_child()?;
    let is_fault = message.has_tag_name((envelope, "Fault"));
    Some(if is_fault { Kind::Fault } else { Kind::Response })
}

#[cfg(test)]
mod tests {
    use super::super::fault;
    use super::super::soap::envelope;
    use super::*;
    use crate::license::playready::StatusCode;

    #[test]
    fn answers_are_told_from_faults_and_from_anything_else() {
        for (body, expected) in [
            (envelope("<AcquireLicenseResponse/>"), Some(Kind::Response)),
            (fault(StatusCode::INTERNAL, "x", "y"), Some(Kind::Fault)),
            (envelope(""), None),
            ("<html><body>no</body></html>".to_owned(), None),
            ("no".to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(kind(body.as_bytes()), expected, "{body}");
        }
    }
}
