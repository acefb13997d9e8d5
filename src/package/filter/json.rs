//! Filters in the JSON shape of the Azure Media Services v3 API. What is not understood is
//! refused by name rather than silently not honoured.

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::{Map, Value, json};

use super::time::UNSET;
use super::track::{Condition, TABLE};
use super::{
    Filter, FilterError, FilterRule, MAX_PROPERTIES, PresentationTimeRange, TrackSelection,
};

/// More entries of `tracks`, or conditions of one, are refused.
const MAX_ENTRIES: usize = 256;

impl Filter {
    /// Reads the `properties` object of a filter.
    ///
    /// # Errors
    /// [`FilterError`] that names the filter, the member and the rule.
    pub fn from_properties(name: &str, json: &str) -> Result<Self, FilterError> {
        if json.len() > MAX_PROPERTIES {
            return Err(shape("the properties have more than 64 KiB").of(name));
        }
        let parsed = serde_json::from_str(json).map_err(shape);
        parsed.and_then(|value| Self::read(name, value)).map_err(|error| error.of(name))
    }

    fn read(name: &str, value: Value) -> Result<Self, FilterError> {
        let mut members = Members::of("properties", value)?;
        let range = members.take("presentationTimeRange").map(time_range).transpose()?;
        let first_quality = members.take("firstQuality").map(first_quality).transpose()?;
        let tracks = members.take("tracks").map(|value| array("tracks", value)).transpose()?;
        members.end()?;
        let entries = tracks.unwrap_or_default().into_iter().enumerate();
        let tracks = entries.map(|(n, entry)| track_selection(&format!("tracks[{n}]"), entry));
        let tracks = tracks.collect::<Result<_, _>>()?;
        Ok(Self { name: name.to_owned(), range, first_quality, tracks })
    }

    /// The `properties` object.
    pub fn to_properties(&self) -> Value {
        let mut properties = Map::new();
        if let Some(range) = &self.range {
            properties.insert("presentationTimeRange".to_owned(), range.to_json());
        }
        if let Some(bitrate) = self.first_quality {
            properties.insert("firstQuality".to_owned(), json!({ "bitrate": bitrate }));
        }
        let tracks: Vec<Value> = self.tracks.iter().map(TrackSelection::to_json).collect();
        properties.insert("tracks".to_owned(), tracks.into());
        Value::Object(properties)
    }
}

impl PresentationTimeRange {
    fn to_json(self) -> Value {
        let members: [(&str, Option<Value>); 6] = [
            ("startTimestamp", self.start.map(Into::into)),
            ("endTimestamp", self.end.map(Into::into)),
            ("presentationWindowDuration", self.window.map(Into::into)),
            ("liveBackoffDuration", self.backoff.map(Into::into)),
            ("timescale", self.timescale.map(Into::into)),
            ("forceEndTimestamp", self.force_end.map(Into::into)),
        ];
        members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }
}

impl TrackSelection {
    fn to_json(&self) -> Value {
        let condition = |condition: &Condition| {
            json!({
                "property": condition.property.row().name,
                "operation": if condition.equal { "Equal" } else { "NotEqual" },
                "value": condition.value,
            })
        };
        json!({ "trackSelections": self.conditions.iter().map(condition).collect::<Vec<_>>() })
    }
}

impl Serialize for TrackSelection {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.to_json().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for TrackSelection {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        track_selection("selection", value).map_err(|error| de::Error::custom(error.detail))
    }
}

fn time_range(value: Value) -> Result<PresentationTimeRange, FilterError> {
    let mut members = Members::of("presentationTimeRange", value)?;
    let range = PresentationTimeRange {
        start: members.time("startTimestamp")?,
        end: members.time("endTimestamp")?,
        window: members.time("presentationWindowDuration")?,
        backoff: members.time("liveBackoffDuration")?,
        timescale: members.timescale()?,
        force_end: members.boolean("forceEndTimestamp")?,
    };
    members.end()?;
    range.check()?;
    Ok(range)
}

fn first_quality(value: Value) -> Result<u64, FilterError> {
    let mut members = Members::of("firstQuality", value)?;
    let bitrate = members.take("bitrate").as_ref().and_then(Value::as_u64);
    members.end()?;
    bitrate.filter(|bitrate| *bitrate > 0).ok_or_else(|| {
        FilterError::new(FilterRule::FirstQuality, "firstQuality.bitrate is not a number above 0")
    })
}

fn track_selection(path: &str, value: Value) -> Result<TrackSelection, FilterError> {
    let mut members = Members::of(path, value)?;
    let list = format!("{path}.trackSelections");
    let selections = members.take("trackSelections");
    let selections = selections.ok_or_else(|| shape(format_args!("{list} is missing")))?;
    members.end()?;
    let conditions = array(&list, selections)?.into_iter().enumerate();
    let conditions = conditions.map(|(k, value)| condition(&format!("{list}[{k}]"), value));
    Ok(TrackSelection { conditions: conditions.collect::<Result<_, _>>()? })
}

fn condition(path: &str, value: Value) -> Result<Condition, FilterError> {
    let refuse = |member: &str, what: &str| {
        FilterError::new(FilterRule::Track, format_args!("{path}.{member} {what}"))
    };
    let mut members = Members::of(path, value)?;
    let mut text = |member: &str| match members.take(member) {
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(refuse(member, "is not a string")),
        None => Err(refuse(member, "is missing")),
    };
    let (property, operation, value) = (text("property")?, text("operation")?, text("value")?);
    members.end()?;
    let known = TABLE.iter().find(|row| row.name.eq_ignore_ascii_case(&property));
    let known =
        known.ok_or_else(|| refuse("property", &format!("is none of {}", known_properties())))?;
    let equal = match operation.to_ascii_lowercase().as_str() {
        "equal" => true,
        "notequal" => false,
        _ => return Err(refuse("operation", "is neither Equal nor NotEqual")),
    };
    Condition::new(known.property, equal, &value)
        .map_err(|error| FilterError { detail: format!("{path}: {}", error.detail), ..error })
}

/// The names of the table, for messages.
fn known_properties() -> String {
    TABLE.iter().map(|row| row.name).collect::<Vec<_>>().join(", ")
}

/// The members of an object that were not taken yet; `null` is as good as absent.
struct Members {
    path: String,
    left: Map<String, Value>,
}

impl Members {
    fn of(path: &str, value: Value) -> Result<Self, FilterError> {
        match value {
            Value::Object(left) => Ok(Self { path: path.to_owned(), left }),
            _ => Err(shape(format_args!("{path} is not an object"))),
        }
    }

    fn take(&mut self, name: &str) -> Option<Value> {
        self.left.remove(name).filter(|value| !value.is_null())
    }

    fn end(self) -> Result<(), FilterError> {
        match self.left.keys().next() {
            Some(name) => Err(shape(format_args!("{}.{name} is unknown", self.path))),
            None => Ok(()),
        }
    }

    fn refusal(&self, member: &str, what: &str) -> FilterError {
        FilterError::new(FilterRule::Range, format_args!("{}.{member} {what}", self.path))
    }

    /// A time of 0 or more. JavaScript rounds the number for "not set" to one that is larger than
    /// any 64-bit integer with a sign.
    fn time(&mut self, member: &str) -> Result<Option<i64>, FilterError> {
        let Some(value) = self.take(member) else { return Ok(None) };
        let ticks = match (value.as_i64(), value.as_f64()) {
            (Some(ticks), _) => Some(ticks),
            (None, Some(rounded)) if rounded == UNSET as f64 => Some(UNSET),
            _ => None,
        };
        let ticks = ticks.filter(|ticks| *ticks >= 0);
        let what = "is not a whole number from 0 to 9223372036854775807";
        ticks.map(Some).ok_or_else(|| self.refusal(member, what))
    }

    fn timescale(&mut self) -> Result<Option<u32>, FilterError> {
        let member = "timescale";
        let Some(value) = self.take(member) else { return Ok(None) };
        let ticks = value.as_u64().and_then(|ticks| u32::try_from(ticks).ok());
        let ticks = ticks.filter(|ticks| *ticks > 0);
        let what = "is not a whole number from 1 to 4294967295";
        ticks.map(Some).ok_or_else(|| self.refusal(member, what))
    }

    fn boolean(&mut self, member: &str) -> Result<Option<bool>, FilterError> {
        match self.take(member) {
            None => Ok(None),
            Some(Value::Bool(value)) => Ok(Some(value)),
            Some(_) => Err(self.refusal(member, "is neither true nor false")),
        }
    }
}

fn array(path: &str, value: Value) -> Result<Vec<Value>, FilterError> {
    match value {
        Value::Array(entries) if entries.len() <= MAX_ENTRIES => Ok(entries),
        Value::Array(_) => Err(shape(format_args!("{path} has more than {MAX_ENTRIES} entries"))),
        _ => Err(shape(format_args!("{path} is not an array"))),
    }
}

fn shape(detail: impl std::fmt::Display) -> FilterError {
    FilterError::new(FilterRule::Shape, detail)
}
