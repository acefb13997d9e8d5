//! Reading the JSON of policies: absent and null mean the same (ams-rest.md section 1.2), and what is
//! wrong is named by the path of its member.

use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};

/// The member that says of which type an object is.
const TYPE: &str = "@odata.type";

/// Reads a document.
///
/// # Errors
/// The member that does not read, and why.
pub(crate) fn read<T: DeserializeOwned>(json: &[u8]) -> Result<T, String> {
    read_inner(json).map_err(|rule| rule.trim_start_matches(INNER).to_owned())
}

/// Reads a document that stands in a string of another one; for the `Deserialize` of that string.
///
/// # Errors
/// As of [`read`], such that paths are continued.
pub(crate) fn read_inner<T: DeserializeOwned>(json: &[u8]) -> Result<T, String> {
    let mut value: Value = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    drop_nulls(&mut value);
    located(value)
}

/// Marks a rule that begins with the path of a member.
const INNER: char = '\u{1}';

fn located<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let rule = without_value(error.inner().to_string());
        match (error.path().iter().len(), rule.strip_prefix(INNER)) {
            (0, _) => rule,
            (_, Some(inner)) => format!("{INNER}{}.{inner}", error.path()),
            (_, None) => format!("{INNER}{}: {rule}", error.path()),
        }
    })
}

/// The members of an object whose type is known.
pub(crate) struct Members(Map<String, Value>);

impl Members {
    /// The object as what its type says; errors name members by their path.
    pub(crate) fn read<T: DeserializeOwned>(self) -> Result<T, String> {
        located(Value::Object(self.0))
    }
}

/// An object that has no members but its type.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

/// Reads an object by its type. serde can do it too, but then loses the path of what is wrong.
///
/// # Errors
/// What `read` says, and objects without type.
pub(crate) fn tagged<'de, T, D: Deserializer<'de>>(
    deserializer: D,
    read: impl FnOnce(&str, Members) -> Result<T, String>,
) -> Result<T, D::Error> {
    let mut members = Map::deserialize(deserializer)?;
    let Some(Value::String(name)) = members.remove(TYPE) else {
        return Err(D::Error::custom(format_args!("{TYPE} is missing: it says what this is")));
    };
    read(&name, Members(members)).map_err(D::Error::custom)
}

/// The rule of one member, named by its path.
pub(crate) fn rule(path: &str, rule: &str) -> String {
    format!("{INNER}{path}: {rule}")
}

/// The rule for a type that is none of `known`.
pub(crate) fn unknown_type(name: &str, known: &[&str]) -> String {
    format!("{INNER}{TYPE}: unknown type `{name}`, expected one of {}", known.join(", "))
}

/// A value that is of the wrong type may be a key: it is not repeated.
fn without_value(rule: String) -> String {
    let kinds = ["invalid type: ", "invalid value: "];
    let kind = kinds.into_iter().find(|kind| rule.starts_with(kind));
    match (kind, rule.rsplit_once(", expected ")) {
        (Some(kind), Some((_, expected))) => format!("{kind}{expected} is expected"),
        _ => rule,
    }
}

fn drop_nulls(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|_, value| !value.is_null());
            members.values_mut().for_each(drop_nulls);
        }
        Value::Array(values) => values.iter_mut().for_each(drop_nulls),
        _ => {}
    }
}
