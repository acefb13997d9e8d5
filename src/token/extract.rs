//! Where a token may stand in a request (ams.md section 9, last table; RFC 6750 section 2).

use std::fmt;

use zeroize::Zeroizing;

use super::{TokenError, jwt, swt};

/// The text of a token as it came in. Never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Bearer(Zeroizing<String>);

impl Bearer {
    /// Takes the text of a token.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text, for verification.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether the text has the form of a token that could be verified, which texts that
    /// somebody made for another purpose have not.
    pub fn has_form(&self) -> bool {
        jwt::is_compact(self.expose()) || swt::is_signed_form(self.expose())
    }

    /// Finds the token of a request, given the values of all its `Authorization` headers and of
    /// all `token` parameters of its query. An empty value and a scheme other than Bearer count
    /// as no token; the same token in several places counts once.
    ///
    /// # Errors
    /// [`TokenError::Ambiguous`] when the places hold different tokens: two parties that read
    /// the request could otherwise take different ones for the one that was checked.
    pub fn find<'a>(
        authorization: impl IntoIterator<Item = &'a str>,
        query: impl IntoIterator<Item = &'a str>,
    ) -> Result<Option<Self>, TokenError> {
        let mut found = authorization
            .into_iter()
            .filter_map(from_header)
            .chain(query)
            .filter(|text| !text.is_empty());
        let Some(first) = found.next() else {
            return Ok(None);
        };
        if found.any(|other| other != first) {
            return Err(TokenError::Ambiguous);
        }
        Ok(Some(Self::new(first)))
    }
}

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bearer(redacted)")
    }
}

/// `Bearer x`, `Bearer=x` (both in wide use with AMS clients) or the bare token.
fn from_header(value: &str) -> Option<&str> {
    const SCHEME: &str = "Bearer";
    let value = value.trim();
    let (scheme, rest) = value.split_at_checked(SCHEME.len()).unwrap_or((value, ""));
    let token = match rest.chars().next() {
        Some(' ' | '=') if scheme.eq_ignore_ascii_case(SCHEME) => rest[1..].trim(),
        None if scheme.eq_ignore_ascii_case(SCHEME) => "",
        _ => value,
    };
    (!token.contains(' ')).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(authorization: &[&str], query: &[&str]) -> Result<Option<String>, TokenError> {
        let found = Bearer::find(authorization.iter().copied(), query.iter().copied())?;
        Ok(found.map(|bearer| bearer.expose().to_owned()))
    }

    #[test]
    fn all_places_and_spellings_are_found() {
        let table: &[(&[&str], &[&str])] = &[
            (&["Bearer a.b.c"], &[]),
            (&["bearer   a.b.c "], &[]),
            (&["Bearer=a.b.c"], &[]),
            (&["a.b.c"], &[]),
            (&[], &["a.b.c"]),
            (&["Bearer a.b.c"], &["a.b.c"]),
            (&["Basic dXNlcjpwYXNz"], &["a.b.c"]),
        ];
        for (authorization, query) in table {
            assert_eq!(find(authorization, query), Ok(Some("a.b.c".into())), "{authorization:?}");
        }
    }

    #[test]
    fn other_schemes_and_empty_values_are_no_token() {
        let table: &[(&[&str], &[&str])] = &[
            (&[], &[]),
            (&["Basic dXNlcjpwYXNz"], &[]),
            (&["Bearer"], &[]),
            (&["Bearer "], &[""]),
        ];
        for (authorization, query) in table {
            assert_eq!(find(authorization, query), Ok(None), "{authorization:?}");
        }
    }

    #[test]
    fn different_tokens_are_ambiguous() {
        let table: &[(&[&str], &[&str])] =
            &[(&["Bearer a"], &["b"]), (&[], &["a", "b"]), (&["Bearer a", "Bearer b"], &[])];
        for (authorization, query) in table {
            assert_eq!(find(authorization, query), Err(TokenError::Ambiguous));
        }
    }

    #[test]
    fn debug_does_not_show_the_token() {
        assert!(!format!("{:?}", Bearer::new("a.b.c")).contains("a.b.c"));
    }
}
