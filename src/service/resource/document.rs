//! The envelope of a document, what is left out of it, and where two of them differ.

use serde_json::{Map, Value, json};

use super::{Body, PROVIDER, Resource, ResourceError, ResourceKind, TABLE};

/// Members that hold secrets; AMS writes them as empty texts (ams-rest.md section 3.2).
const SECRET_MEMBERS: &[&str] = &[
    "keyValue",
    "rawBody",
    "modulus",
    "exponent",
    "k",
    "ask",
    "fairPlayPfx",
    "fairPlayPfxPassword",
];

/// Members that only answers of the API have: whoever stores a thing says when, and numbers it
/// (ams-rest.md section 3). Of locators they are read where locators are.
const ANSWERED: &[(ResourceKind, &[&str])] = &[
    (ResourceKind::ContentKeyPolicy, &["policyId", "created", "lastModified"]),
    (ResourceKind::StreamingPolicy, &["created"]),
];

/// The same in each option of a content key policy.
const ANSWERED_OF_OPTION: &str = "policyOptionId";

/// Whether documents hold secrets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrets {
    /// Content keys are left out, secrets of policies are empty.
    Hidden,
    /// As they are stored.
    Shown,
}

impl Resource {
    /// Reads a document. What answers of the API hold beside it may stand there: of `id` the asset
    /// is taken when the name does not say it, `systemData` is not looked at.
    ///
    /// # Errors
    /// [`ResourceError`] that names the member.
    pub fn from_document(document: Value) -> Result<Self, ResourceError> {
        let Value::Object(mut members) = document else {
            return Err(shape("a resource is an object with name, type and properties"));
        };
        members.remove("systemData");
        let id = members.remove("id");
        let mut name = text(&mut members, "name")?;
        let kind = text(&mut members, "type")?;
        let kind = ResourceKind::from_type(&kind)
            .ok_or_else(|| shape(format_args!("type: {kind:?} is not known; {} are", known())))?;
        if kind == ResourceKind::AssetFilter
            && !name.contains('/')
            && let Some(asset) = id.as_ref().and_then(Value::as_str).and_then(asset_of)
        {
            name = format!("{asset}/{name}");
        }
        let (asset, name) = kind.split(&name)?;
        let properties = members.remove("properties").filter(|value| !value.is_null());
        let mut properties = properties.unwrap_or_else(|| json!({}));
        leave_out_answered(kind, &mut properties)?;
        if let Some(unknown) = members.keys().next() {
            return Err(shape(format_args!("{unknown} is unknown")));
        }
        Self::read(kind, asset, name, &properties)
    }

    /// The document.
    pub fn to_document(&self, secrets: Secrets) -> Value {
        json!({
            "name": self.name(),
            "type": format!("{PROVIDER}{}", self.kind.row().suffix),
            "properties": self.properties(secrets),
        })
    }

    pub(super) fn properties(&self, secrets: Secrets) -> Value {
        let parsed = |text: &str| serde_json::from_str(text).unwrap_or_default();
        match &self.body {
            Body::Filter(stored) => stored.filter.to_properties(),
            Body::StreamingPolicy(policy) => parsed(&policy.to_properties()),
            Body::ContentKeyPolicy(policy) => {
                let mut properties = parsed(&policy.to_properties_with_secrets());
                if secrets == Secrets::Hidden {
                    blank(&mut properties);
                }
                properties
            }
            Body::Locator(locator) => locator.to_properties(secrets),
        }
    }
}

fn leave_out_answered(kind: ResourceKind, properties: &mut Value) -> Result<(), ResourceError> {
    for (_, names) in ANSWERED.iter().filter(|(of, _)| *of == kind) {
        names.iter().try_for_each(|name| leave_out(properties, name, name))?;
    }
    if kind != ResourceKind::ContentKeyPolicy {
        return Ok(());
    }
    let options = properties.get_mut("options").and_then(Value::as_array_mut);
    for (n, option) in options.into_iter().flatten().enumerate() {
        leave_out(option, ANSWERED_OF_OPTION, &format!("options[{n}].{ANSWERED_OF_OPTION}"))?;
    }
    Ok(())
}

fn leave_out(object: &mut Value, name: &str, path: &str) -> Result<(), ResourceError> {
    match object.as_object_mut().and_then(|members| members.remove(name)) {
        None | Some(Value::Null | Value::String(_)) => Ok(()),
        Some(_) => Err(shape(format_args!("{path} is not a string"))),
    }
}

fn blank(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                match SECRET_MEMBERS.contains(&name.as_str()) {
                    true => *value = "".into(),
                    false => blank(value),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(blank),
        _ => {}
    }
}

/// The path of the first member in which two values differ.
pub(super) fn first_difference(a: &Value, b: &Value) -> Option<String> {
    let below = |name: String, a: Option<&Value>, b: Option<&Value>| {
        let path = first_difference(a.unwrap_or(&Value::Null), b.unwrap_or(&Value::Null))?;
        let dot = if path.is_empty() || path.starts_with('[') { "" } else { "." };
        Some(format!("{name}{dot}{path}"))
    };
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            let mut names = a.keys().chain(b.keys());
            names.find_map(|name| below(name.clone(), a.get(name), b.get(name)))
        }
        (Value::Array(a), Value::Array(b)) => {
            let mut places = 0..a.len().max(b.len());
            places.find_map(|n| below(format!("[{n}]"), a.get(n), b.get(n)))
        }
        (a, b) => (a != b).then(String::new),
    }
}

/// The asset in the path `.../assets/{name}/assetFilters/{name}`.
fn asset_of(id: &str) -> Option<&str> {
    let mut segments = id.split('/');
    segments.find(|segment| segment.eq_ignore_ascii_case("assets"))?;
    segments.next()
}

/// The types of the table, for messages.
fn known() -> String {
    TABLE.iter().map(|row| row.suffix).collect::<Vec<_>>().join(", ")
}

fn text(members: &mut Map<String, Value>, name: &str) -> Result<String, ResourceError> {
    match members.remove(name) {
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(shape(format_args!("{name} is not a string"))),
        None => Err(shape(format_args!("{name} is missing"))),
    }
}

pub(super) fn shape(detail: impl std::fmt::Display) -> ResourceError {
    ResourceError::Shape(detail.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_named_by_their_path() {
        let document = json!({"a": {"b": [{"c": 1}, 2]}, "d": null});
        for (other, path) in [
            (json!({"a": {"b": [{"c": 2}, 2]}}), Some("a.b[0].c")),
            (json!({"a": {"b": [{"c": 1}]}}), Some("a.b[1]")),
            (json!({"a": {"b": [{"c": 1}, 2]}, "e": 0}), Some("e")),
            (json!({"a": {"b": [{"c": 1}, 2]}}), None),
        ] {
            assert_eq!(first_difference(&document, &other).as_deref(), path, "{other}");
        }
    }
}
