//! The lines of segments: how long each lasts, and where it is.

use crate::bytes::{push_decimal, push_seconds};
use crate::package::compat::Compat;
use crate::package::files::Place;

/// The lines of one segment after the other. What stands between two numbers is put together once: a
/// long playlist is mostly copies of it.
pub(super) struct Segments<'a> {
    place: &'a Place<'a>,
    durations: Durations,
    /// Behind the start of a segment in a URL.
    end: String,
}

impl<'a> Segments<'a> {
    pub(super) fn new(compat: Compat, place: &'a Place<'a>) -> Self {
        let (front, end) = match place {
            Place::Url(leaf) => leaf.around(),
            Place::Files(_) => ("", ""),
        };
        let durations = Durations { then: front.to_owned(), ..Durations::new(compat) };
        Self { place, durations, end: format!("{end}\n") }
    }

    /// Segment `n`, which starts at `start` wire ticks and lasts so many microseconds.
    pub(super) fn push(&mut self, out: &mut String, n: usize, start: u64, micros: u64) {
        self.durations.push(out, micros);
        match self.place {
            Place::Url(_) => {
                push_decimal(out, start);
                out.push_str(&self.end);
            }
            Place::Files(_) => self.place.push_segment(out, n, start),
        }
    }
}

/// The lines that say how long segments last. Neighbours mostly last equally long.
pub(super) struct Durations {
    /// AMS wrote one.
    title: &'static str,
    micros: u64,
    line: String,
    /// What follows each line at once.
    then: String,
}

impl Durations {
    pub(super) fn new(compat: Compat) -> Self {
        let title = if compat == Compat::Ams { "no-desc" } else { "" };
        Self { title, micros: 0, line: String::new(), then: String::new() }
    }

    /// Of a segment of so many microseconds.
    pub(super) fn push(&mut self, out: &mut String, micros: u64) {
        if self.line.is_empty() || micros != self.micros {
            self.micros = micros;
            self.line.clear();
            self.line.push_str("#EXTINF:");
            push_seconds(&mut self.line, micros);
            self.line.extend([",", self.title, "\n", &self.then]);
        }
        out.push_str(&self.line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_that_change_and_titles_are_told() {
        let told = |compat| {
            let (mut durations, mut out) = (Durations::new(compat), String::new());
            for micros in [0, 2_000_000, 2_000_000, 1_500_001] {
                durations.push(&mut out, micros);
            }
            out
        };
        let [zero, two, last] = ["#EXTINF:0.000000,", "#EXTINF:2.000000,", "#EXTINF:1.500001,"];
        assert_eq!(told(Compat::Modern), format!("{zero}\n{two}\n{two}\n{last}\n"));
        let title = "no-desc";
        let ams = format!("{zero}{title}\n{two}{title}\n{two}{title}\n{last}{title}\n");
        assert_eq!(told(Compat::Ams), ams);
    }
}
