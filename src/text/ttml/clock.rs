//! Time expressions (TTML 1 section 10.3): clock times and offset times, in frames and ticks too.

use roxmltree::Node;

use super::names;
use crate::text::TextError;
use crate::text::stamp::{clock, digits};
use crate::time::WIRE_TIMESCALE;

/// Wire ticks in a second.
const SECOND: f64 = WIRE_TIMESCALE as f64;

/// How many labels of frames are skipped before a minute, counted from 0 (TTML 1 section 6.2,
/// `ttp:dropMode`): two in every minute but the tenth, four in every second but the twentieth.
type Dropped = fn(minute: i64) -> i64;

const DROP_MODES: &[(&str, Dropped)] = &[
    ("nonDrop", |_| 0),
    ("dropNTSC", |minute| 2 * (minute - minute / 10)),
    ("dropPAL", |minute| 4 * (minute / 2 - minute / 20)),
];

/// How a document counts frames and ticks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    frames: f64,
    sub_frames: f64,
    ticks: f64,
    labels: Option<Labels>,
}

/// Clock times of `timeBase` "smpte" are labels that count frames: a second of them has a whole
/// number of frames, and lasts longer or shorter than a second where `frameRateMultiplier` says.
#[derive(Debug, Clone, Copy)]
struct Labels {
    in_second: f64,
    dropped: Dropped,
}

impl Labels {
    /// When the frame is shown that a whole second labels, both in wire ticks; `frames` are shown in a
    /// second (TTML 1 appendix N).
    fn time(self, label: i64, frames: f64) -> i64 {
        let seconds = label / i64::from(WIRE_TIMESCALE);
        let counted = seconds as f64 * self.in_second - (self.dropped)(seconds / 60) as f64;
        (counted * SECOND / frames).round() as i64
    }
}

impl Clock {
    /// Reads the parameters of `tt`.
    ///
    /// # Errors
    /// [`TextError::Timing`] for times of day, or rates that are none.
    pub(super) fn of(tt: Node<'_, '_>) -> Result<Self, TextError> {
        let parameter = |name| names::parameter(tt, name);
        if parameter("timeBase").is_some_and(|base| base == "clock") {
            return Err(TextError::Timing("timeBase \"clock\" is not understood".to_owned()));
        }
        let rate = |name| parameter(name).map(|value| positive(value, name)).transpose();
        let multiplier = match parameter("frameRateMultiplier") {
            None => 1.0,
            Some(value) => {
                // The first drafts separate by a colon.
                let (n, d) = value.trim().split_once([' ', ':']).unwrap_or((value, "1"));
                positive(n, "frameRateMultiplier")? / positive(d, "frameRateMultiplier")?
            }
        };
        let frame_rate = rate("frameRate")?;
        let sub_frames = rate("subFrameRate")?.unwrap_or(1.0);
        let in_second = frame_rate.unwrap_or(30.0);
        let frames = in_second * multiplier;
        let ticks = match rate("tickRate")? {
            Some(ticks) => ticks,
            None => frame_rate.map_or(1.0, |_| frames * sub_frames),
        };
        let smpte = parameter("timeBase").is_some_and(|base| base == "smpte");
        let mode = parameter("dropMode").unwrap_or("nonDrop");
        let dropped =
            DROP_MODES.iter().find(|(name, _)| *name == mode).map_or(DROP_MODES[0].1, |row| row.1);
        let labels = smpte.then_some(Labels { in_second, dropped });
        Ok(Self { frames, sub_frames, ticks, labels })
    }

    /// A time expression in wire ticks; `None` for what is none.
    pub(super) fn read(&self, text: &str) -> Option<i64> {
        let text = text.trim();
        if text.contains(':') { self.clock_time(text) } else { self.offset_time(text) }
    }

    /// `hh:mm:ss`, perhaps with a fraction, or with frames and sub-frames.
    fn clock_time(&self, text: &str) -> Option<i64> {
        let mut parts = text.split(':');
        let (hours, minutes, seconds) = (parts.next()?, parts.next()?, parts.next()?);
        let (seconds, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
        let whole = clock(hours, minutes, seconds)?;
        // How many frames a second has, behind the label of which further ones are counted.
        let in_second = self.labels.map_or(self.frames, |labels| labels.in_second);
        let frames = match parts.next() {
            None => decimal(&format!("0.{fraction}"))? * in_second,
            Some(frames) => {
                let (frames, sub_frames) = frames.split_once('.').unwrap_or((frames, "0"));
                decimal(frames)? + decimal(sub_frames)? / self.sub_frames
            }
        };
        let whole = self.labels.map_or(whole, |labels| labels.time(whole, self.frames));
        let rest = frames * SECOND / self.frames;
        parts.next().is_none().then(|| whole.saturating_add(rest.round() as i64))
    }

    /// A number with a unit.
    fn offset_time(&self, text: &str) -> Option<i64> {
        let at = text.find(|c: char| c.is_ascii_alphabetic())?;
        let (number, unit) = text.split_at(at);
        let ticks = match unit {
            "h" => SECOND * 3600.0,
            "m" => SECOND * 60.0,
            "s" => SECOND,
            "ms" => SECOND / 1000.0,
            "f" => SECOND / self.frames,
            "t" => SECOND / self.ticks,
            _ => return None,
        };
        // Below 10^15 * 3.6 * 10^10; a conversion saturates.
        Some((decimal(number)? * ticks).round() as i64)
    }
}

/// A number without sign and exponent.
fn decimal(text: &str) -> Option<f64> {
    let plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    text.parse().ok().filter(|_| plain && text.len() <= 24)
}

fn positive(text: &str, name: &str) -> Result<f64, TextError> {
    let value = digits(text.trim()).filter(|value| *value > 0);
    let wrong = || TextError::Timing(format!("{name} {text:?} is no rate"));
    Ok(f64::from(u32::try_from(value.ok_or_else(wrong)?).map_err(|_| wrong())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(attributes: &str) -> Result<Clock, TextError> {
        let text = format!("<tt xmlns:p='http://www.w3.org/ns/ttml#parameter' {attributes}/>");
        Clock::of(roxmltree::Document::parse(&text).unwrap().root_element())
    }

    #[test]
    fn every_form_of_a_time_is_read() {
        let clock = of("p:frameRate='25' p:subFrameRate='2' p:tickRate='100'").unwrap();
        for (text, ms) in [
            ("00:00:01", 1000),
            ("01:02:03.5", 3_723_500),
            ("00:00:01:05", 1200),
            ("00:00:01:05.1", 1220),
            ("1.5s", 1500),
            ("2m", 120_000),
            ("1h", 3_600_000),
            ("250ms", 250),
            ("50f", 2000),
            ("150t", 1500),
            (" 1s ", 1000),
        ] {
            assert_eq!(clock.read(text), Some(ms * 10_000), "{text}");
        }
        // Longer than the range of times: the end of the range.
        let frames = "9".repeat(24);
        assert_eq!(clock.read(&format!("9999999:59:59:{frames}")), Some(i64::MAX));
        for text in ["", "1", "-1s", "1e3s", "00:60:00", "00:00:00:00:00", "s", "1x", "::", "1.s.s"]
        {
            assert_eq!(clock.read(text), None, "{text}");
        }
    }

    #[test]
    fn rates_have_defaults_and_multipliers() {
        let clock = of("p:frameRate='50' p:frameRateMultiplier='1000 1001'").unwrap();
        assert_eq!(clock.read("50000f"), Some(10_010_000_000));
        assert_eq!(of("").unwrap().read("30f"), Some(10_000_000));
        assert_eq!(of("").unwrap().read("3t"), Some(30_000_000));
        for wrong in ["p:frameRate='0'", "p:tickRate='x'", "p:timeBase='clock'"] {
            assert!(matches!(of(wrong), Err(TextError::Timing(_))), "{wrong}");
        }
    }

    #[test]
    fn smpte_times_count_frames() {
        let smpte = "p:timeBase='smpte' p:frameRate='30' p:frameRateMultiplier='1000 1001'";
        let of = |rest: &str| of(&format!("{smpte} {rest}")).unwrap();
        for (mode, text, ticks) in [
            ("", "01:00:00:00", 36_036_000_000),
            ("p:dropMode='nonDrop'", "00:00:01", 10_010_000),
            ("", "00:00:00:15", 5_005_000),
            ("", "00:00:02.5", 25_025_000),
            ("", "1s", 10_000_000),
            ("p:dropMode='dropNTSC'", "00:00:59:29", 600_266_333),
            ("p:dropMode='dropNTSC'", "00:01:00:02", 600_600_000),
            ("p:dropMode='dropNTSC'", "00:10:00:00", 5_999_994_000),
            ("p:dropMode='dropNTSC'", "01:00:00:00", 35_999_964_000),
            ("p:dropMode='dropPAL'", "00:01:59:29", 1_200_866_333),
            ("p:dropMode='dropPAL'", "00:02:00:04", 1_201_200_000),
            ("p:dropMode='dropPAL'", "01:00:00:00", 35_999_964_000),
        ] {
            let read = of(mode).read(text).unwrap();
            assert!((read - ticks).abs() <= 1, "{mode} {text}: {read}");
        }
    }
}
