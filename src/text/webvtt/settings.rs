//! Cue settings (WebVTT section 6.4): what a browser would ignore is dropped, and spellings of
//! earlier drafts become those of the standard, which stricter players demand.

/// The settings of a cue that are valid, separated by blanks; of a repeated one the last counts.
pub(in crate::text) fn clean(settings: &str) -> String {
    let valid: Vec<(&str, String)> =
        settings.split_ascii_whitespace().filter_map(setting).collect();
    let counts = |n: usize| valid[n + 1..].iter().all(|(name, _)| *name != valid[n].0);
    let counted = (0..valid.len()).filter(|n| counts(*n));
    let words: Vec<String> =
        counted.map(|n| format!("{}:{}", valid[n].0, valid[n].1)).take(6).collect();
    words.join(" ")
}

fn setting(text: &str) -> Option<(&str, String)> {
    let (name, value) = text.split_once(':')?;
    let value = match name {
        "vertical" => one_of(&["rl", "lr"], value)?,
        "align" => one_of(&["start", "center", "end", "left", "right"], renamed(value))?,
        "size" => percentage(value)?,
        "region" => (!value.is_empty() && !value.contains("-->")).then(|| value.to_owned())?,
        "line" => with_alignment(value, line, |a| one_of(&["start", "center", "end"], renamed(a)))?,
        "position" => with_alignment(value, percentage, position_alignment)?,
        _ => return None,
    };
    Some((name, value))
}

fn one_of(known: &[&str], value: &str) -> Option<String> {
    known.contains(&value).then(|| value.to_owned())
}

fn renamed(value: &str) -> &str {
    if value == "middle" { "center" } else { value }
}

fn position_alignment(value: &str) -> Option<String> {
    match value {
        "start" => Some("line-left".to_owned()),
        "end" => Some("line-right".to_owned()),
        value => one_of(&["line-left", "center", "line-right"], renamed(value)),
    }
}

/// A value, perhaps with an alignment behind a comma.
fn with_alignment(
    value: &str,
    number: fn(&str) -> Option<String>,
    alignment: fn(&str) -> Option<String>,
) -> Option<String> {
    match value.split_once(',') {
        None => number(value),
        Some((value, aligned)) => Some(format!("{},{}", number(value)?, alignment(aligned)?)),
    }
}

/// A percentage, or a line number that may be negative.
fn line(value: &str) -> Option<String> {
    let digits = value.strip_prefix('-').unwrap_or(value);
    let whole =
        !digits.is_empty() && digits.len() <= 4 && digits.bytes().all(|b| b.is_ascii_digit());
    if whole { Some(value.to_owned()) } else { percentage(value) }
}

fn percentage(value: &str) -> Option<String> {
    let digits = value.strip_suffix('%')?;
    let plain = digits.len() <= 12 && digits.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let number: f64 = digits.parse().ok().filter(|_| plain)?;
    (0.0..=100.0).contains(&number).then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_those_of_the_standard() {
        for (written, cleaned) in [
            (
                "position:60%,end align:start size:35%",
                "position:60%,line-right align:start size:35%",
            ),
            ("position:10 align:end", "align:end"),
            ("line:45%,end align:middle", "line:45%,end align:center"),
            ("line:-10 line:-1", "line:-1"),
            ("position:20%,start", "position:20%,line-left"),
            ("vertical:up region:top colour:red align: size:101%", "region:top"),
            ("line:0 line:x", "line:0"),
        ] {
            assert_eq!(clean(written), cleaned, "{written}");
        }
    }
}
