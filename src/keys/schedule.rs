//! Key rotation: which crypto period a moment of the media lies in, and from when on the key of a
//! period is given out (packaging.md section 1.7).
//!
//! A schedule runs over media time. Its `start` says when media time 0 is on the clock of the wall:
//! of a live stream that is when it began, of a film when it is first shown. Without it nothing is
//! withheld. Packager, key endpoint and licences all ask the one schedule of the locator.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::time::WIRE_TIMESCALE;

/// Keys of one label that are made at once; the periods behind take them in turn.
pub const MAX_KEYS: u32 = 1000;

/// Crypto periods that ever are: forced rotations add to those of the schedule.
pub const MAX_PERIODS: u32 = 100_000;

/// The shortest period; fragments are hardly shorter.
pub const MIN_PERIOD: SignedDuration = SignedDuration::from_secs(1);

/// The longest period, and the longest lead.
pub const MAX_PERIOD: SignedDuration = SignedDuration::from_hours(24 * 366);

const TICKS_PER_MS: u64 = WIRE_TIMESCALE as u64 / 1000;

/// What licences give out of keys that rotate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Hierarchy {
    /// The key of each crypto period.
    #[default]
    Flat,
    /// Where a system can do it, one root key for each label, under which the keys of all crypto
    /// periods stand in the media.
    RootLeaf,
}

impl Hierarchy {
    /// Whether it is what stands for nothing said.
    pub fn is_flat(&self) -> bool {
        *self == Self::Flat
    }
}

/// How the keys of a locator shall rotate.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rotation {
    /// Length of a crypto period: the first fragment that starts at its end, or behind it, has the
    /// next key. `None` when they rotate by force alone.
    pub period: Option<SignedDuration>,
    /// How many keys each label has; enough for the whole asset when absent.
    pub keys: Option<u32>,
    /// When media time 0 is.
    pub start: Option<Timestamp>,
    /// How long before its period a key is given out, to players that fetch ahead.
    pub lead: SignedDuration,
    /// What licences give out.
    pub hierarchy: Hierarchy,
    /// Where in the media they have been rotated by force, in the order in which that was done.
    pub forced: Vec<SignedDuration>,
}

/// No schedule can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("keyRotation.{member}: {rule}")]
pub struct ScheduleError {
    /// The member that breaks the rule.
    pub member: &'static str,
    /// The rule.
    pub rule: &'static str,
}

/// The crypto periods of a locator.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Schedule {
    /// Length of a period; `None` when only force ends one.
    period_ms: Option<u64>,
    /// When media time 0 is, in milliseconds since 1970.
    start_ms: Option<i64>,
    lead_ms: u64,
    /// By their start; never empty. Of two with one start, the later counts.
    eras: Vec<Era>,
    #[serde(default, skip_serializing_if = "Hierarchy::is_flat")]
    hierarchy: Hierarchy,
}

/// A stretch of the media that has keys of its own. Each forced rotation begins one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Era {
    /// Media time in milliseconds.
    at_ms: u64,
    /// Number of its first period.
    first: u32,
    /// How many keys of a label it has.
    keys: u32,
}

/// A crypto period as a schedule has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// Its number: keys of records have it, and init segments are named by it.
    pub number: u32,
    /// Where it begins in the media, in milliseconds.
    pub from_ms: u64,
    /// When its key is given out; `None` = at any time.
    pub opens: Option<Timestamp>,
}

impl Schedule {
    /// The schedule of a new locator, of media that last so long where the rotation does not say how
    /// many keys there are.
    ///
    /// # Errors
    /// [`ScheduleError`].
    pub fn new(rotation: &Rotation, media: SignedDuration) -> Result<Self, ScheduleError> {
        let refuse = |member, rule| Err(ScheduleError { member, rule });
        let Rotation { period, keys, start, lead, hierarchy, forced } = rotation;
        if period.is_some_and(|period| !(MIN_PERIOD..=MAX_PERIOD).contains(&period)) {
            return refuse("period", "a crypto period lasts from a second to a year");
        }
        let by_force = Rotation { forced: forced.clone(), ..Rotation::default() };
        if period.is_none() && (forced.is_empty() || *rotation != by_force) {
            let rule = "it is missing: only keys that rotate by force alone have none, and then no \
                        other member but forced";
            return refuse("period", rule);
        }
        if !(SignedDuration::ZERO..=MAX_PERIOD).contains(lead) {
            return refuse("lead", "keys are given out at most a year early, and never late");
        }
        if *lead != SignedDuration::ZERO && start.is_none() {
            return refuse("lead", "without start nothing is withheld, so nothing is early");
        }
        if start.is_some() && *hierarchy == Hierarchy::RootLeaf {
            let rule = "under root keys nothing can be withheld: who has the root opens every period \
                        that is listed";
            return refuse("start", rule);
        }
        let period_ms = period.map(millis);
        let enough = |period_ms| millis(media).div_ceil(period_ms).clamp(1, MAX_KEYS.into());
        let keys = keys.map_or_else(|| period_ms.map_or(1, enough), u64::from);
        let Some(keys) = u32::try_from(keys).ok().filter(|keys| (1..=MAX_KEYS).contains(keys))
        else {
            return refuse("keyCount", "a label has 1 to 1000 keys");
        };
        let schedule = Self {
            period_ms,
            start_ms: start.map(Timestamp::as_millisecond),
            lead_ms: millis(*lead),
            eras: vec![Era { at_ms: 0, first: 0, keys }],
            hierarchy: *hierarchy,
        };
        schedule.with_forced(forced)
    }

    fn with_forced(mut self, forced: &[SignedDuration]) -> Result<Self, ScheduleError> {
        let refuse = |rule| ScheduleError { member: "forced", rule };
        for at in forced {
            let at_ms = u64::try_from(at.as_millis()).ok();
            let at_ms = at_ms.filter(|at_ms| *at_ms >= self.newest_from_ms());
            let at_ms = at_ms.ok_or(refuse("each is at the one before it, or behind it"))?;
            self.add_era(at_ms).map_err(|ScheduleError { rule, .. }| refuse(rule))?;
        }
        Ok(self)
    }

    /// Reads what [`Self::to_json`] gave.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn from_json(text: &str) -> Result<Self, String> {
        let read: Self = serde_json::from_str(text).map_err(|error| error.to_string())?;
        match read.eras.is_empty() || read.period_ms == Some(0) {
            true => Err("a key schedule without periods".to_owned()),
            false => Ok(read),
        }
    }

    /// The text that is stored: equal schedules have equal texts.
    pub fn to_json(&self) -> String {
        serde_json::json!(self).to_string()
    }

    /// That of a locator whose keys did not rotate so far: one period without end.
    pub fn unchanging() -> Self {
        let eras = vec![Era { at_ms: 0, first: 0, keys: 1 }];
        Self { period_ms: None, start_ms: None, lead_ms: 0, eras, hierarchy: Hierarchy::Flat }
    }

    /// The number of the crypto period of a fragment that starts at `start` wire ticks. A fragment
    /// has one key, that of the moment at which it starts, to the millisecond.
    pub fn period_at(&self, start: u64) -> u32 {
        let at = start / TICKS_PER_MS;
        let begun = self.eras.partition_point(|era| era.at_ms <= at);
        let era = &self.eras[begun.saturating_sub(1)];
        let passed = self.period_ms.map_or(0, |period| at.saturating_sub(era.at_ms) / period);
        // Below the number of keys.
        era.first + u32::try_from(passed % u64::from(era.keys.max(1))).unwrap_or(0)
    }

    /// The period whose key init segments and manifests name where they can name just one.
    pub fn first(&self) -> u32 {
        self.period_at(0)
    }

    /// The number behind that of the last period: each label has a key for every number below.
    pub fn end(&self) -> u32 {
        self.eras.last().map_or(0, |era| era.first.saturating_add(era.keys))
    }

    /// When the key of a period is given out; `None` = at any time. That of a period which the
    /// schedule does not have is not given out before the end of time.
    pub fn opens(&self, number: u32) -> Option<Timestamp> {
        if number >= self.end() {
            return Some(Timestamp::MAX);
        }
        let era = self.eras.iter().rev().find(|era| era.first <= number)?;
        self.opens_at(self.from(era, number))
    }

    fn opens_at(&self, from_ms: u64) -> Option<Timestamp> {
        let ms = i128::from(self.start_ms?) + i128::from(from_ms) - i128::from(self.lead_ms);
        let ms = ms
            .clamp(Timestamp::MIN.as_millisecond().into(), Timestamp::MAX.as_millisecond().into());
        // Clamped.
        Timestamp::from_millisecond(i64::try_from(ms).ok()?).ok()
    }

    fn from(&self, era: &Era, number: u32) -> u64 {
        let passed = u64::from(number - era.first).saturating_mul(self.period_ms.unwrap_or(0));
        era.at_ms.saturating_add(passed)
    }

    /// Where in the media the newest keys begin, in milliseconds: those of the last forced rotation.
    pub fn newest_from_ms(&self) -> u64 {
        self.eras.last().map_or(0, |era| era.at_ms)
    }

    /// All periods that have a key, in the order of their numbers.
    pub fn periods(&self) -> impl Iterator<Item = Period> {
        let of = |era: Era| (era.first..era.first.saturating_add(era.keys)).map(move |n| (era, n));
        self.eras.iter().copied().flat_map(of).map(|(era, number)| {
            let from_ms = self.from(&era, number);
            Period { number, from_ms, opens: self.opens_at(from_ms) }
        })
    }

    /// The schedule with new keys from `now` on, and the numbers of their periods. Of media that are
    /// not tied to the clock all fragments get new keys, for somebody may see any of them now.
    ///
    /// # Errors
    /// The locator has had more periods than are counted.
    pub fn rotated(&self, now: Timestamp) -> Result<(Self, std::ops::Range<u32>), ScheduleError> {
        let passed = self.start_ms.map_or(0, |start| now.as_millisecond().saturating_sub(start));
        let mut rotated = self.clone();
        // The clock of another instance may be behind: what was rotated stays so.
        rotated.add_era(u64::try_from(passed).unwrap_or(0).max(self.newest_from_ms()))?;
        let periods = self.end()..rotated.end();
        Ok((rotated, periods))
    }

    /// As many new keys as the last era has.
    fn add_era(&mut self, at_ms: u64) -> Result<(), ScheduleError> {
        let keys = self.eras.last().map_or(1, |era| era.keys);
        let era = Era { at_ms, first: self.end(), keys };
        if era.first.saturating_add(keys) > MAX_PERIODS {
            let rule = "the locator has had 100,000 crypto periods: publish the asset anew";
            return Err(ScheduleError { member: "period", rule });
        }
        self.eras.push(era);
        Ok(())
    }

    /// Whether what is asked for is what a locator was made with; how many keys, and where they were
    /// rotated by force, only where it says.
    pub fn is_of(&self, rotation: &Rotation) -> bool {
        let own = self.rotation();
        let mut asked = Rotation { keys: rotation.keys.or(own.keys), ..rotation.clone() };
        if asked.forced.is_empty() {
            asked.forced.clone_from(&own.forced);
        }
        own == asked
    }

    /// Whether it is that of a locator which was made with keys that do not rotate.
    pub fn is_by_force_alone(&self) -> bool {
        self.period_ms.is_none()
    }

    /// What makes the same schedule.
    pub fn rotation(&self) -> Rotation {
        let duration = |ms: u64| SignedDuration::from_millis(i64::try_from(ms).unwrap_or(i64::MAX));
        let keys = self.eras.first().map(|era| era.keys);
        Rotation {
            period: self.period_ms.map(duration),
            keys: keys.filter(|_| self.period_ms.is_some()),
            start: self.start_ms.and_then(|ms| Timestamp::from_millisecond(ms).ok()),
            lead: duration(self.lead_ms),
            hierarchy: self.hierarchy,
            forced: self.eras.iter().skip(1).map(|era| duration(era.at_ms)).collect(),
        }
    }

    /// What licences give out.
    pub fn hierarchy(&self) -> Hierarchy {
        self.hierarchy
    }
}

fn millis(duration: SignedDuration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: u64 = WIRE_TIMESCALE as u64;

    fn rotation(seconds: i64) -> Rotation {
        Rotation { period: Some(SignedDuration::from_secs(seconds)), ..Rotation::default() }
    }

    fn schedule(rotation: &Rotation, media: i64) -> Schedule {
        Schedule::new(rotation, SignedDuration::from_secs(media)).unwrap()
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    #[test]
    fn a_fragment_has_the_key_of_the_moment_at_which_it_starts() {
        let schedule = schedule(&rotation(60), 150);
        assert_eq!(schedule.end(), 3);
        let table = [
            (0, 0),
            (59 * SECOND, 0),
            (60 * SECOND - 1, 0),
            (60 * SECOND, 1),
            (65 * SECOND, 1),
            (120 * SECOND, 2),
            // There is no fourth key.
            (180 * SECOND, 0),
            (u64::MAX, 0),
        ];
        for (start, number) in table {
            let found = schedule.period_at(start);
            assert!(found == number || start == u64::MAX, "{start}: {found}");
            assert!(found < schedule.end());
        }
    }

    #[test]
    fn windows_open_with_their_period_less_the_lead_or_were_never_closed() {
        assert_eq!(schedule(&rotation(60), 150).opens(2), None);
        let lead = SignedDuration::from_secs(30);
        let anchored = Rotation { start: Some(at(1000)), lead, ..rotation(60) };
        let schedule = schedule(&anchored, 150);
        let opens: Vec<_> = schedule.periods().map(|period| period.opens).collect();
        assert_eq!(opens, [Some(at(970)), Some(at(1030)), Some(at(1090))]);
        assert_eq!(schedule.opens(1), Some(at(1030)));
        assert_eq!(schedule.opens(3), Some(Timestamp::MAX), "it has no such period");
    }

    #[test]
    fn force_begins_new_keys_where_the_clock_is() {
        let anchored = Rotation { start: Some(at(1000)), ..rotation(60) };
        let before = schedule(&anchored, 150);
        let (after, numbers) = before.rotated(at(1090)).unwrap();
        assert_eq!(numbers, 3..6);
        for (seconds, number) in [(0, 0), (60, 1), (89, 1), (90, 3), (149, 3), (150, 4), (210, 5)] {
            assert_eq!(after.period_at(seconds * SECOND), number, "{seconds}");
        }
        assert_eq!(after.opens(4), Some(at(1150)));
        assert_eq!((before.newest_from_ms(), after.newest_from_ms()), (0, 90_000));
        assert_eq!(after.opens(1), before.opens(1));
        // Before it begins, everything is ahead; a clock that is behind undoes nothing.
        assert_eq!(before.rotated(at(0)).unwrap().0.period_at(0), 3);
        assert_eq!(after.rotated(at(1000)).unwrap().0.period_at(60 * SECOND), 1);
        assert!(after.is_of(&anchored) && before.is_of(&anchored));
    }

    #[test]
    fn force_changes_all_of_what_is_not_tied_to_the_clock() {
        let (after, numbers) = Schedule::unchanging().rotated(at(1000)).unwrap();
        assert_eq!(
            Schedule::new(&after.rotation(), SignedDuration::from_secs(9)),
            Ok(after.clone())
        );
        assert_eq!((numbers, after.period_at(0), after.period_at(99 * SECOND)), (1..2, 1, 1));
        let (after, numbers) = schedule(&rotation(60), 120).rotated(at(1000)).unwrap();
        assert_eq!((numbers, after.period_at(0), after.period_at(60 * SECOND)), (2..4, 2, 3));
        assert_eq!(after.first(), 2);
    }

    #[test]
    fn the_hierarchy_is_kept_and_flat_schedules_read_as_they_always_did() {
        let flat = schedule(&rotation(60), 120);
        assert!(!flat.to_json().contains("hierarchy"));
        let rooted = Rotation { hierarchy: Hierarchy::RootLeaf, ..rotation(60) };
        let schedule = schedule(&rooted, 120);
        assert_eq!(Schedule::from_json(&schedule.to_json()), Ok(schedule.clone()));
        assert!(schedule.is_of(&rooted) && !schedule.is_of(&rotation(60)) && !flat.is_of(&rooted));
        let (after, _) = schedule.rotated(at(1000)).unwrap();
        assert_eq!(after.hierarchy(), Hierarchy::RootLeaf);
    }

    #[test]
    fn what_is_no_schedule_is_refused_by_member() {
        let start = Some(at(0));
        let negative = SignedDuration::from_secs(-1);
        let table = [
            (rotation(0), "period"),
            (rotation(-60), "period"),
            (rotation(40_000_000), "period"),
            (Rotation { keys: Some(0), ..rotation(60) }, "keyCount"),
            (Rotation { keys: Some(1001), ..rotation(60) }, "keyCount"),
            (Rotation { lead: negative, start, ..rotation(60) }, "lead"),
            (Rotation { lead: MIN_PERIOD, ..rotation(60) }, "lead"),
            (Rotation { start, hierarchy: Hierarchy::RootLeaf, ..rotation(60) }, "start"),
            (Rotation::default(), "period"),
            (Rotation { forced: vec![MIN_PERIOD], keys: Some(2), ..Rotation::default() }, "period"),
            (Rotation { forced: vec![MIN_PERIOD], start, ..Rotation::default() }, "period"),
            (Rotation { forced: vec![negative], ..rotation(60) }, "forced"),
            (Rotation { forced: vec![MIN_PERIOD, SignedDuration::ZERO], ..rotation(60) }, "forced"),
            (Rotation { forced: vec![MIN_PERIOD; 100_000], ..rotation(60) }, "forced"),
        ];
        for (bad, member) in table {
            assert_eq!(Schedule::new(&bad, MIN_PERIOD).unwrap_err().member, member, "{bad:?}");
        }
        let mut many = schedule(&Rotation { keys: Some(1000), ..rotation(60) }, 0);
        for _ in 0..99 {
            many = many.rotated(at(0)).unwrap().0;
        }
        assert!(many.rotated(at(0)).is_err());
    }

    proptest! {
        #[test]
        fn every_moment_has_one_of_the_keys_and_time_never_goes_back(
            period in 1_i64..100_000, media in 0_i64..1_000_000, rotations: Vec<i32>,
            starts: Vec<u64>, anchored: bool,
        ) {
            let start = anchored.then(|| at(500));
            let mut schedule = schedule(&Rotation { start, ..rotation(period) }, media);
            for now in rotations.into_iter().take(5) {
                schedule = schedule.rotated(at(now.into())).unwrap().0;
            }
            prop_assert_eq!(Schedule::from_json(&schedule.to_json()), Ok(schedule.clone()));
            prop_assert!(schedule.is_of(&schedule.rotation()));
            let made = Schedule::new(&schedule.rotation(), SignedDuration::ZERO);
            prop_assert_eq!(made, Ok(schedule.clone()));
            prop_assert_eq!(schedule.periods().count(), schedule.end() as usize);
            for start in starts {
                let number = schedule.period_at(start);
                prop_assert!(number < schedule.end());
                let period = schedule.periods().find(|period| period.number == number).unwrap();
                prop_assert!(period.from_ms <= start / TICKS_PER_MS);
                prop_assert_eq!(period.opens, schedule.opens(number));
            }
        }
    }
}
