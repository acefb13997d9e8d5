//! Numbers in text, without the machinery of `format!`: playlists are mostly digits.

/// Appends a number in decimal.
pub fn push_decimal(out: &mut String, number: u64) {
    out.push_str(itoa::Buffer::new().format(number));
}

/// Appends `micros` microseconds as seconds with six decimals.
pub fn push_seconds(out: &mut String, micros: u64) {
    push_decimal(out, micros / 1_000_000);
    out.push('.');
    // A one in front keeps the zeros.
    let mut digits = itoa::Buffer::new();
    out.push_str(&digits.format(1_000_000 + micros % 1_000_000)[1..]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_read_as_format_writes_them(number: u64) {
            let mut text = String::new();
            push_decimal(&mut text, number);
            text.push(' ');
            push_seconds(&mut text, number);
            let (seconds, rest) = (number / 1_000_000, number % 1_000_000);
            prop_assert_eq!(text, format!("{number} {seconds}.{rest:06}"));
        }
    }
}
