//! A thin layer over XML events: elements as nested closures.

use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesStart, BytesText, Event};

use crate::bytes::push_decimal;

/// Collects a document.
pub(super) struct Xml {
    writer: Writer<Vec<u8>>,
    /// Room for one element.
    element: String,
}

impl Xml {
    /// A document with its XML declaration.
    pub(super) fn document(body: impl FnOnce(&mut Self) -> io::Result<()>) -> io::Result<Vec<u8>> {
        let writer = Writer::new_with_indent(Vec::with_capacity(4096), b' ', 1);
        let mut xml = Self { writer, element: String::new() };
        xml.writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
        body(&mut xml)?;
        let mut document = xml.writer.into_inner();
        document.push(b'\n');
        Ok(document)
    }

    /// An element without content.
    pub(super) fn empty(&mut self, name: &str, attributes: &[(&str, &str)]) -> io::Result<()> {
        self.writer
            .create_element(name)
            .with_attributes(attributes.iter().copied())
            .write_empty()?;
        Ok(())
    }

    /// An element without content whose attributes are numbers, those that are there. Manifests
    /// have thousands of them.
    pub(super) fn numbers(
        &mut self,
        name: &str,
        attributes: &[(&str, Option<u64>)],
    ) -> io::Result<()> {
        self.element.clear();
        self.element.push_str(name);
        for (attribute, value) in attributes {
            let Some(value) = value else { continue };
            self.element.extend([" ", attribute, "=\""]);
            push_decimal(&mut self.element, *value);
            self.element.push('"');
        }
        self.writer.write_event(Event::Empty(BytesStart::from_content(&self.element, name.len())))
    }

    /// An element with text.
    pub(super) fn text(
        &mut self,
        name: &str,
        attributes: &[(&str, &str)],
        text: &str,
    ) -> io::Result<()> {
        let element = self.writer.create_element(name).with_attributes(attributes.iter().copied());
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
        let start = BytesStart::new(name).with_attributes(attributes.iter().copied());
        self.writer.write_event(Event::Start(start.borrow()))?;
        body(self)?;
        self.writer.write_event(Event::End(start.to_end()))
    }
}
