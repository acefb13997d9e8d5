//! Rights, as far as licences of PlayReady can say them.

use jiff::Timestamp;

use super::service::clipped;
use super::xmr::{LOWEST_LEVELS, Protection, Terms, output};
use crate::license::rights::{Hdcp, OutputLevels, OutputProtection, Rights, UnknownOutput};

/// Levels that forbid an output: higher than the highest that protects it.
const NO_COMPRESSED_VIDEO: u16 = 501;
const NO_UNCOMPRESSED_VIDEO: u16 = 301;

/// The terms of a licence that is issued now. What is left out is what PlayReady has no words for:
/// clients renew a licence by asking for another.
pub fn terms(rights: &Rights, now: Timestamp) -> Terms {
    // A rental has to be begun in time. No object says that without ending what was begun too; the
    // licence that ends early is the safe one.
    let begun = rights.rental_duration.map(|rental| crate::license::rights::after(now, rental));
    let end = rights.ends(now).into_iter().chain(begun).min();
    Terms {
        persistent: rights.persistent,
        play: rights.play,
        security_level: rights.security_level.map_or(150, |level| level.playready()),
        begin: rights.begin.map(clipped),
        end: end.map(clipped),
        first_play_expiration: rights.playback_duration.map(whole_seconds),
        grace_period: rights.grace_period.map(whole_seconds),
        removal_date: None,
        // A session that is not stored has no next start at which it could end.
        real_time_expiration: end.is_some() && !rights.persistent,
        source_id: None,
        output_levels: levels(&rights.output),
        analog_video: analog_video(&rights.output),
        digital_audio: rights.output.scms.into_iter().filter_map(scms).collect(),
        digital_video: digital_video(rights.output.hdcp),
        play_enablers: play_enablers(rights.output.unknown_output),
    }
}

impl Terms {
    /// Whether there is no time, or none any more, at which a licence that is issued now would play.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.end.is_some_and(|end| end <= self.begin.unwrap_or(0).max(clipped(now)))
    }
}

fn whole_seconds(duration: std::time::Duration) -> u32 {
    u32::try_from(duration.as_secs()).unwrap_or(u32::MAX)
}

/// Five levels in the order of the object, the HDCP version as the level that demands it.
fn levels(output: &OutputProtection) -> Option<[u16; 5]> {
    let (compressed, uncompressed) = match output.hdcp {
        Hdcp::None => (None, None),
        Hdcp::V1 | Hdcp::V2 | Hdcp::V2_1 => (None, Some(270)),
        Hdcp::V2_2 | Hdcp::V2_3 => (None, Some(300)),
        Hdcp::NoDigitalOutput => (Some(NO_COMPRESSED_VIDEO), Some(NO_UNCOMPRESSED_VIDEO)),
    };
    let OutputLevels {
        compressed_digital_video,
        uncompressed_digital_video,
        analog_video,
        compressed_digital_audio,
        uncompressed_digital_audio,
    } = output.levels;
    let levels = [
        compressed_digital_video.max(compressed),
        uncompressed_digital_video.max(uncompressed),
        analog_video,
        compressed_digital_audio,
        uncompressed_digital_audio,
    ];
    let demanded = levels.iter().any(Option::is_some);
    demanded.then(|| std::array::from_fn(|n| levels[n].unwrap_or(LOWEST_LEVELS[n])))
}

fn analog_video(output: &OutputProtection) -> Vec<Protection> {
    let cgms = output.cgms.and_then(|cgms| {
        let id = if cgms.best_effort { output::CGMS_A_BEST_EFFORT } else { output::CGMS_A };
        Protection::level(id, cgms.configuration.into())
    });
    let agc = output.agc_color_stripe;
    let agc = agc.and_then(|value| Protection::level(output::AGC_COLOUR_STRIPE, value.into()));
    let flag = |set: bool, made: fn() -> Option<Protection>| set.then(made).flatten();
    [
        cgms,
        agc,
        flag(output.digital_only, || Protection::level(output::DIGITAL_VIDEO_ONLY, 0)),
        flag(output.constrain_component, || {
            Protection::constrained(output::IMAGE_CONSTRAINT_COMPONENT)
        }),
        flag(output.constrain_monitor, || {
            Protection::constrained(output::IMAGE_CONSTRAINT_MONITOR)
        }),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn scms(value: u8) -> Option<Protection> {
    Protection::level(output::SCMS, value.into())
}

fn digital_video(hdcp: Hdcp) -> Vec<Protection> {
    let type_1 = matches!(hdcp, Hdcp::V2_2 | Hdcp::V2_3);
    type_1.then(|| Protection::level(output::HDCP_TYPE_1, 1)).flatten().into_iter().collect()
}

fn play_enablers(unknown: UnknownOutput) -> Vec<[u8; 16]> {
    let id = match unknown {
        UnknownOutput::Allowed => Some(output::UNKNOWN_OUTPUT),
        UnknownOutput::Constrained => Some(output::UNKNOWN_OUTPUT_CONSTRAINED),
        UnknownOutput::NotAllowed => None,
    };
    id.and_then(|id| Protection::new(id, Vec::new()))
        .map(|enabler| enabler.id)
        .into_iter()
        .collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::license::rights::{Cgms, SecurityLevel};

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn rights_without_limits_are_terms_without_limits() {
        let enabler = Protection::new(output::UNKNOWN_OUTPUT, Vec::new()).unwrap().id;
        let expected = Terms { play_enablers: vec![enabler], ..Terms::default() };
        assert_eq!(terms(&Rights::PLAY, at(1000)), expected);
    }

    #[test]
    fn dates_and_durations_are_absolute_and_never_later() {
        let s = |seconds| Some(Duration::from_secs(seconds));
        let rights = Rights {
            begin: Some(at(900)),
            expiration: Some(at(5000)),
            license_duration: s(3000),
            rental_duration: s(2000),
            playback_duration: s(60),
            grace_period: s(7),
            persistent: true,
            security_level: Some(SecurityLevel::HardwareAll),
            ..Rights::PLAY
        };
        let made = terms(&rights, at(1000));
        assert_eq!((made.begin, made.end), (Some(900), Some(3000)));
        assert_eq!((made.first_play_expiration, made.grace_period), (Some(60), Some(7)));
        assert_eq!((made.persistent, made.security_level), (true, 3000));
        assert!(!made.real_time_expiration);
        let session = terms(&Rights { persistent: false, ..rights }, at(1000));
        assert!(session.real_time_expiration);
        let open = terms(&Rights { license_duration: Some(Duration::MAX), ..Rights::PLAY }, at(0));
        assert_eq!(open.end, Some(u32::MAX - 1));
    }

    #[test]
    fn outputs_are_told_by_levels_and_by_protections() {
        let output = OutputProtection {
            hdcp: Hdcp::V2_2,
            cgms: Some(Cgms { configuration: 3, best_effort: false }),
            levels: OutputLevels { analog_video: Some(150), ..OutputLevels::default() },
            digital_only: true,
            scms: Some(1),
            agc_color_stripe: Some(2),
            constrain_component: true,
            constrain_monitor: true,
            unknown_output: UnknownOutput::NotAllowed,
        };
        let made = terms(&Rights { output, ..Rights::PLAY }, at(0));
        assert_eq!(made.output_levels, Some([400, 300, 150, 100, 100]));
        let level = |id, value| Protection::level(id, value).unwrap();
        let analog = [
            level(output::CGMS_A, 3),
            level(output::AGC_COLOUR_STRIPE, 2),
            level(output::DIGITAL_VIDEO_ONLY, 0),
            level(output::IMAGE_CONSTRAINT_COMPONENT, 520_000),
            level(output::IMAGE_CONSTRAINT_MONITOR, 520_000),
        ];
        assert_eq!(made.analog_video, analog);
        assert_eq!(made.digital_audio, [level(output::SCMS, 1)]);
        assert_eq!(made.digital_video, [level(output::HDCP_TYPE_1, 1)]);
        assert_eq!(made.play_enablers, [[0; 16]; 0]);
    }

    #[test]
    fn hdcp_is_a_level_that_never_lowers_another() {
        let levels = |hdcp, uncompressed_digital_video| {
            let levels = OutputLevels { uncompressed_digital_video, ..OutputLevels::default() };
            let output = OutputProtection { hdcp, levels, ..OutputProtection::default() };
            terms(&Rights { output, ..Rights::PLAY }, at(0)).output_levels
        };
        assert_eq!(levels(Hdcp::None, None), None);
        assert_eq!(levels(Hdcp::V1, None), Some([400, 270, 100, 100, 100]));
        assert_eq!(levels(Hdcp::V1, Some(300)), Some([400, 300, 100, 100, 100]));
        assert_eq!(levels(Hdcp::NoDigitalOutput, Some(300)), Some([501, 301, 100, 100, 100]));
    }
}
