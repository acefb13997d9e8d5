//! Why a configuration is refused.

use std::io;
use std::path::PathBuf;

use crate::service::upstream::SettingsError;

/// A configuration was refused; the text names the place, the key and the rule.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("configuration file {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is no TOML, or a value has a wrong type.
    #[error("configuration file {}: {message}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Line and rule.
        message: String,
    },
    /// A key or variable that does not exist.
    #[error("{place}: unknown setting {name}{}", hint(.nearest.as_ref()))]
    Unknown {
        /// The file, or the environment.
        place: String,
        /// As it was written.
        name: String,
        /// The known name that is most like it.
        nearest: Option<String>,
    },
    /// A variable's text does not fit its setting. The text is not repeated: it may be a secret.
    #[error("environment: {name}: {rule}")]
    Variable {
        /// Name of the variable.
        name: String,
        /// What is expected.
        rule: String,
    },
    /// A value out of its range.
    #[error("setting {key}: {rule}")]
    Value {
        /// Path of the setting.
        key: &'static str,
        /// Its rule.
        rule: &'static str,
    },
    /// A setting of another server.
    #[error("setting {0}")]
    Upstream(SettingsError),
}

fn hint(nearest: Option<&String>) -> String {
    nearest.map_or_else(String::new, |name| format!("; did you mean {name}?"))
}
