//! Text that applications add to challenges, and the token that may be in it.

use roxmltree::Node;
use zeroize::Zeroizing;

use crate::token::Bearer;
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

/// The token in custom data (ams.md section 9): the `Token` element of Azure Media Services, or
/// what also stands in an `Authorization` header. Other text is the application's own.
pub fn token(text: &str) -> Option<Bearer> {
    if text.len() > MAX_LEN {
        return None;
    }
    if text.starts_with('<') {
        let document = xml::parse(text).ok()?;
        let token = document.descendants().find(|node| node.tag_name().name() == "Token")?;
        return bearer(token.text()?.trim());
    }
    bearer(text)
}

/// A JSON Web Token or a Simple Web Token; anything else is no token.
fn bearer(text: &str) -> Option<Bearer> {
    let found = Bearer::find([text], []).ok()??;
    let is_token = |text: &str| text.split('.').count() == 3 || text.contains("HMACSHA256=");
    is_token(found.expose()).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_token_is_found_in_every_form_and_other_text_is_none() {
        let ams = "<CustomData xmlns=\"http://schemas.microsoft.com/Azure/MediaServices/KeyDelivery/\
                   PlayReadyCustomData/v1\"><Token>a.b.c</Token></CustomData>";
        for (text, found) in [
            (ams, Some("a.b.c")),
            ("Bearer a.b.c", Some("a.b.c")),
            ("Bearer=a.b.c", Some("a.b.c")),
            ("a.b.c", Some("a.b.c")),
            ("Audience=x&HMACSHA256=y", Some("Audience=x&HMACSHA256=y")),
            ("", None),
            ("user=<a>&b=\"c\"", None),
            ("<CustomData/>", None),
            ("<!DOCTYPE a><Token>a.b.c</Token>", None),
        ] {
            assert_eq!(token(text).as_ref().map(Bearer::expose), found, "{text}");
        }
    }
}
