//! Reading the JSON of policies: absent and null mean the same (ams-rest.md section 1.2), and what is
//! wrong is named by the path of its member.

use serde::de::DeserializeOwned;
use serde_json::Value;

/// Reads a document.
///
/// # Errors
/// The member that does not read, and why.
pub(crate) fn read<T: DeserializeOwned>(json: &[u8]) -> Result<T, String> {
    let mut value: Value = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    drop_nulls(&mut value);
    serde_path_to_error::deserialize(value).map_err(|error| {
        let rule = without_value(error.inner().to_string());
        match error.path().iter().len() {
            0 => rule,
            _ => format!("{}: {rule}", error.path()),
        }
    })
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
