//! Identifiers in segment templates (ISO/IEC 23009-1 section 5.3.9.4.4).

use std::fmt::Write;

/// Longer names are of no segment, in bytes.
const MAX_NAME: usize = 4096;

/// Wider numbers are of no segment.
const MAX_WIDTH: usize = 32;

/// Fills `$name$` and `$name%0Wd$` with what `value` says of the name; `$$` is a dollar sign.
/// `None` for identifiers without value, and for names that are too long.
pub fn fill(template: &str, value: impl Fn(&str) -> Option<String>) -> Option<String> {
    let mut filled = String::new();
    let mut parts = template.split('$');
    filled.push_str(parts.next()?);
    while let Some(identifier) = parts.next() {
        let rest = parts.next()?;
        let (name, width) = identifier.split_once("%0").unwrap_or((identifier, "1d"));
        if identifier.is_empty() {
            filled.push('$');
        } else {
            let width = width.strip_suffix('d')?.parse().ok().filter(|n| *n <= MAX_WIDTH)?;
            let value = value(name)?;
            write!(filled, "{value:0>width$}").ok()?;
        }
        filled.push_str(rest);
        if filled.len() > MAX_NAME {
            return None;
        }
    }
    Some(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_filled_with_their_width() {
        let value = |name: &str| (name == "Number").then(|| "7".to_owned());
        for (template, filled) in [
            ("a$Number$b", Some("a7b")),
            ("$Number%03d$.m4s", Some("007.m4s")),
            ("$$$Number$$$", Some("$7$")),
            ("plain", Some("plain")),
            ("$Time$", None),
            ("a$Number", None),
            ("$Number%099d$", None),
        ] {
            assert_eq!(fill(template, value).as_deref(), filled, "{template}");
        }
        let long = |_: &str| Some("x".repeat(3000));
        assert_eq!(fill("$a$$a$", long), None);
    }
}
