//! TTML and its profiles IMSC 1 and DFXP (W3C TTML 1; W3C IMSC 1.0.1): documents are read as far as
//! text profiles go, and written as IMSC 1 Text Profile.
//!
//! Each `p`, or timed `span`, becomes a cue with absolute times. Its markup, the elements around it
//! and the head pass through; foreign elements, metadata, images and animation are left out.

mod area;
mod clock;
mod content;
mod head;
mod ids;
mod look;
mod names;
mod place;
mod reader;
mod sources;
mod style;
mod timing;
mod write;
pub(crate) mod xml;

use self::clock::Clock;
use self::reader::{Context, Reader};
use self::style::Styles;
use super::{Document, Preamble, Source, TextError, encoding};

pub use sources::Sources;
pub use write::write;

/// Reads a document.
///
/// # Errors
/// XML that is not well-formed or no TTML, an encoding that is not read, times of day.
pub fn parse(text: &str) -> Result<Document, TextError> {
    check_encoding(text)?;
    let document = crate::xml::parse(text)?;
    let tt = document.root_element();
    if names::element(tt) != Some("tt") {
        return Err(TextError::NotTtml);
    }
    let mut reader = Reader::new(Clock::of(tt)?, Styles::of(tt));
    let body = tt.children().find(|node| names::element(*node) == Some("body"));
    if let Some(body) = body {
        reader.block(body, &Context::of(tt), 0);
    }
    let source = Source {
        attributes: head::root_attributes(tt),
        head: head::head(tt),
        body: body.map(content::attributes).unwrap_or_default(),
        divisions: reader.divisions,
    };
    let mut document = reader.builder.finish(Preamble::Ttml { sources: vec![source] });
    document.language = names::xml(tt, "lang").filter(|tag| !tag.is_empty()).map(str::to_owned);
    Ok(document)
}

/// The encoding is that of the file, whatever the XML declaration says; another name there means
/// that the letters may be others.
fn check_encoding(text: &str) -> Result<(), TextError> {
    const UNICODE: &[&str] = &["utf-8", "utf8", "utf-16", "us-ascii", "ascii"];
    let declaration =
        text.trim_start().strip_prefix("<?xml").and_then(|rest| rest.split_once("?>"));
    let Some((_, rest)) = declaration.and_then(|(inside, _)| inside.split_once("encoding")) else {
        return Ok(());
    };
    let name = rest.trim_start_matches(['=', ' ', '"', '\'']).split(['"', '\'']).next();
    let name = name.unwrap_or_default();
    match UNICODE.iter().any(|known| known.eq_ignore_ascii_case(name)) {
        true => Ok(()),
        false => Err(encoding::named(&name.chars().take(40).collect::<String>())),
    }
}

#[cfg(test)]
mod tests;
