//! A thin layer over XML events: elements as nested closures.

use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

/// Collects a document.
pub(super) struct Xml(Writer<Vec<u8>>);

impl Xml {
    /// A document with its XML declaration.
    pub(super) fn document(body: impl FnOnce(&mut Self) -> io::Result<()>) -> io::Result<Vec<u8>> {
        let mut xml = Self(Writer::new_with_indent(Vec::with_capacity(4096), b' ', 1));
        xml.0.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
        body(&mut xml)?;
        let mut document = xml.0.into_inner();
        document.push(b'\n');
        Ok(document)
    }

    /// An element without content.
    pub(super) fn empty(&mut self, name: &str, attributes: &[(&str, &str)]) -> io::Result<()> {
        self.0.create_element(name).with_attributes(attributes.iter().copied()).write_empty()?;
        Ok(())
    }

    /// An element with text.
    pub(super) fn text(
        &mut self,
        name: &str,
        attributes: &[(&str, &str)],
        text: &str,
    ) -> io::Result<()> {
        let element = self.0.create_element(name).with_attributes(attributes.iter().copied());
        element.write_text_content(BytesText::new(text))?;
        Ok(())
    }

    /// An element with child elements.
    pub(super) fn element(
        &mut self,
        name: &str,
        attributes: &[(&str, &str)],
        body: impl FnOnce(&mut Self) -> io::Result<()>,
    ) -> io::Result<()> {
        let start =
            quick_xml::events::BytesStart::new(name).with_attributes(attributes.iter().copied());
        self.0.write_event(Event::Start(start.borrow()))?;
        body(self)?;
        self.0.write_event(Event::End(start.to_end()))
    }
}
