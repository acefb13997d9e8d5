//! Text that applications add to challenges, and the token that may be in it.

use roxmltree::Node;
use zeroize::Zeroizing;

use crate::token::{Bearer, TokenError};
use crate::xml;

/// The longest text in which a token is looked for.
const MAX_LEN: usize = 32 << 10;

/// The text of the element: escaped XML reads as XML, and XML that was not escaped stays it.
pub(super) fn text(node: Node<'_, '_>) -> Zeroizing<String> {
    let inner = match (node.first_element_child(), node.last_element_child()) {
        (Some(first), Some(last)) => {
            &node.document().input_text()[first.range().start..last.range().end]
        }
        _ => node.text().unwrap_or_default().trim(),
    };
    Zeroizing::new(inner.to_owned())
}

/// A token in custom data (ams.md section 9).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CustomToken {
    /// Said to be the token: the `Token` element of Azure Media Services, or behind `Bearer`.
    Declared(Bearer),
    /// The whole text, which has the form of a token. It may be the application's own all the same.
    Bare(Bearer),
}

impl CustomToken {
    /// The token in a text. Text in other forms is the application's own.
    pub fn find(text: &str) -> Option<Self> {
        if text.len() > MAX_LEN {
            return None;
        }
        if text.starts_with('<') {
            let document = xml::parse(text).ok()?;
            let token = document.descendants().find(|node| node.tag_name().name() == "Token")?;
            return bearer(token.text()?.trim()).map(Self::Declared);
        }
        let found = bearer(text)?;
        match found.expose() == text.trim() {
            false => Some(Self::Declared(found)),
            true => found.has_form().then_some(Self::Bare(found)),
        }
    }

    /// The token of the request that holds it. A token in its header, query or cookie is the one
    /// that counts; beside another that is declared, no one can say which does.
    ///
    /// # Errors
    /// [`TokenError::Ambiguous`].
    pub fn beside(
        inner: Option<Self>,
        outer: Option<Bearer>,
    ) -> Result<Option<Bearer>, TokenError> {
        match (outer, inner) {
            (Some(outer), Some(Self::Declared(inner))) if outer != inner => {
                Err(TokenError::Ambiguous)
            }
            (None, Some(Self::Declared(token) | Self::Bare(token))) => Ok(Some(token)),
            (outer, _) => Ok(outer),
        }
    }
}

fn bearer(text: &str) -> Option<Bearer> {
    Bearer::find([text], []).ok()?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_found_in_every_form_and_other_text_is_none() {
        let ams = "<CustomData xmlns=\"http://schemas.microsoft.com/Azure/MediaServices/KeyDelivery/\
                   PlayReadyCustomData/v1\"><Token>a.b.c</Token></CustomData>";
        let declared = |text: &str| Some(CustomToken::Declared(Bearer::new(text)));
        let bare = |text: &str| Some(CustomToken::Bare(Bearer::new(text)));
        for (text, found) in [
            (ams, declared("a.b.c")),
            ("Bearer a.b.c", declared("a.b.c")),
            ("Bearer=a.b.c", declared("a.b.c")),
            ("eyJhIjoxfQ.b.c", bare("eyJhIjoxfQ.b.c")),
            ("Audience=x&HMACSHA256=y", bare("Audience=x&HMACSHA256=y")),
            ("", None),
            ("a.b.c", None),
            ("W10.b.c", None),
            ("eyJhIjoxfQ.b.c.d", None),
            ("com.example.player", None),
            ("10.0.16384", None),
            ("note=HMACSHA256=", None),
            ("user=<a>&b=\"c\"", None),
            ("<CustomData/>", None),
            ("<!DOCTYPE a><Token>a.b.c</Token>", None),
        ] {
            assert_eq!(CustomToken::find(text), found, "{text}");
        }
    }
}
