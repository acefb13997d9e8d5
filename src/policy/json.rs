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
    serde_path_to_error::deserialize(value).map_err(|error| match error.path().iter().len() {
        0 => error.inner().to_string(),
        _ => error.to_string(),
    })
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
