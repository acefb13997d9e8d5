//! Laying file and environment over the defaults.
//!
//! The names of all settings come from the defaults themselves, so a setting that exists can be
//! spelt in the file and in the environment, and one that does not exist is told from a typo.

use std::fs;
use std::iter;
use std::path::Path;

use serde_json::Value as Json;
use toml::{Table, Value};
use url::Url;

use super::{Config, ConfigError, Upstream, keys};
use crate::license::upstream::Protocol;

const PREFIX: &str = "PORTCULLIS_";
/// How alike two names must be (Jaro-Winkler, 0 to 1) for one to be proposed for the other.
const ALIKE: f64 = 0.75;

/// Stands in the path of a setting for any name that the owner chooses.
const ANY: &str = "NAME";

/// One setting: its path and the kind of value that it takes.
struct Setting {
    path: Vec<String>,
    is_number: bool,
    /// Whether it is a table whose keys the owner chooses.
    is_open: bool,
}

impl Setting {
    /// The path with the names that the owner chose where this one has them.
    fn beside(&self, name: &str) -> String {
        let chosen = name.split('.').map(Some).chain(iter::repeat(None));
        let parts = self.path.iter().zip(chosen).map(|(part, chosen)| match chosen {
            Some(chosen) if part == ANY => chosen,
            _ => part.as_str(),
        });
        parts.collect::<Vec<_>>().join(".")
    }

    /// None where a part of the path is for the owner to choose: a name in capitals is not told from
    /// the parts around it.
    fn variable(&self) -> Option<String> {
        let is_fixed = !self.is_open && !self.path.iter().any(|part| part == ANY);
        is_fixed.then(|| format!("{PREFIX}{}", self.path.join("_").to_ascii_uppercase()))
    }

    /// Whether the path is that of the setting, leads to it or, where it is open, into it.
    fn covers(&self, path: &[String]) -> bool {
        let alike = |(known, name): (&String, &String)| known == ANY || known == name;
        (self.is_open || path.len() <= self.path.len()) && self.path.iter().zip(path).all(alike)
    }
}

/// Reads a configuration file.
pub(super) fn read(path: &Path) -> Result<String, ConfigError> {
    fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.into(), source })
}

/// Lays the text of the file and the variables over the defaults.
pub(super) fn merge(
    file: Option<(&Path, &str)>,
    variables: impl Iterator<Item = (String, String)>,
) -> Result<Config, ConfigError> {
    let settings = settings();
    let mut table = match file {
        Some((path, text)) => parse_file(path, text, &settings)?,
        None => Table::new(),
    };
    let mut key_from_environment = None;
    for (name, text) in variables.filter(|(name, _)| name.starts_with(PREFIX)) {
        if name == keys::KEK_VARIABLE {
            key_from_environment = Some(keys::parse_variable(&text)?);
        } else {
            overlay(&mut table, &settings, &name, &text)?;
        }
    }
    let mut config: Config = table.try_into().map_err(|error: toml::de::Error| {
        // The file was parsed into the types before, so the fault is in a variable.
        ConfigError::Variable { name: PREFIX.to_owned() + "*", rule: error.message().to_owned() }
    })?;
    config.keys.set_from_environment(key_from_environment);
    Ok(config)
}

fn settings() -> Vec<Setting> {
    let mut settings = Vec::new();
    let url = Url::parse("https://license.example/").ok();
    let any = url.map(|url| (ANY.to_owned(), Upstream::new(Protocol::Https, url)));
    let config = Config { upstream: any.into_iter().collect(), ..Config::default() };
    let defaults = serde_json::to_value(config).unwrap_or_default();
    collect(&defaults, &mut Vec::new(), &mut settings);
    settings
}

fn collect(value: &Json, path: &mut Vec<String>, settings: &mut Vec<Setting>) {
    match value {
        Json::Object(members) if !members.is_empty() => {
            for (name, member) in members {
                path.push(name.clone());
                collect(member, path, settings);
                path.pop();
            }
        }
        leaf => settings.push(Setting {
            path: path.clone(),
            is_number: leaf.is_number(),
            is_open: leaf.is_object(),
        }),
    }
}

fn parse_file(path: &Path, text: &str, settings: &[Setting]) -> Result<Table, ConfigError> {
    let refused = |error: toml::de::Error| ConfigError::File {
        path: path.into(),
        message: error.to_string().trim_end().to_owned(),
    };
    let table: Table = toml::from_str(text).map_err(refused)?;
    if let Some(name) = first_unknown(&table, &mut Vec::new(), settings) {
        let known = settings.iter().map(|setting| setting.beside(&name));
        let nearest = nearest(&name, known);
        return Err(ConfigError::Unknown { place: path.display().to_string(), name, nearest });
    }
    // A second time into the types, for errors that name the line.
    toml::from_str::<Config>(text).map_err(refused)?;
    Ok(table)
}

/// The path of the first key that is no setting and no section.
fn first_unknown(table: &Table, path: &mut Vec<String>, settings: &[Setting]) -> Option<String> {
    for (name, value) in table {
        path.push(name.clone());
        let known = settings.iter().any(|setting| setting.covers(path));
        let unknown = match value {
            _ if !known => Some(path.join(".")),
            Value::Table(inner) => first_unknown(inner, path, settings),
            _ => None,
        };
        path.pop();
        if unknown.is_some() {
            return unknown;
        }
    }
    None
}

fn overlay(
    table: &mut Table,
    settings: &[Setting],
    name: &str,
    text: &str,
) -> Result<(), ConfigError> {
    let Some(setting) = settings.iter().find(|setting| setting.variable().as_deref() == Some(name))
    else {
        return Err(ConfigError::Unknown {
            place: "environment".to_owned(),
            name: name.to_owned(),
            nearest: nearest(name, settings.iter().filter_map(Setting::variable)),
        });
    };
    let value = typed(setting, text)
        .ok_or_else(|| ConfigError::Variable { name: name.to_owned(), rule: NUMBER.to_owned() })?;
    // Checked alone, so that the error can name the variable.
    let mut alone = Table::new();
    insert(&mut alone, &setting.path, value.clone());
    if let Err(error) = alone.try_into::<Config>() {
        let rule = error.message().to_owned();
        return Err(ConfigError::Variable { name: name.to_owned(), rule });
    }
    insert(table, &setting.path, value);
    Ok(())
}

const NUMBER: &str = "a whole number is expected";

fn typed(setting: &Setting, text: &str) -> Option<Value> {
    if setting.is_number {
        text.parse().ok().map(Value::Integer)
    } else {
        Some(Value::String(text.to_owned()))
    }
}

fn insert(table: &mut Table, path: &[String], value: Value) {
    match path {
        [] => {}
        [name] => {
            table.insert(name.clone(), value);
        }
        [section, rest @ ..] => {
            let inner = table.entry(section).or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(inner) = inner {
                insert(inner, rest, value);
            }
        }
    }
}

fn nearest(name: &str, known: impl Iterator<Item = String>) -> Option<String> {
    known
        .map(|candidate| (strsim::jaro_winkler(name, &candidate), candidate))
        .filter(|(alike, _)| *alike > ALIKE)
        .max_by(|(one, _), (other, _)| one.total_cmp(other))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn load(file: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let variables = variables.iter().map(|(name, text)| ((*name).into(), (*text).into()));
        merge(Some((Path::new("p.toml"), file)), variables)
    }

    #[test]
    fn each_layer_stands_above_the_one_before() {
        let file = "listen = \"127.0.0.1:1\"\n[limits]\nstall = \"5s\"\nstreams = 7\n";
        let config = load(
            file,
            &[
                ("PORTCULLIS_LIMITS_STREAMS", "9"),
                ("PORTCULLIS_DATA", "/d"),
                ("PORTCULLIS_LIMITS_FIRST_REQUEST", "1500ms"),
                ("PATH", "/bin"),
            ],
        )
        .unwrap();
        assert_eq!(config.listen.port(), 1);
        assert_eq!(config.limits.stall, Duration::from_secs(5));
        assert_eq!(config.limits.streams, 9);
        assert_eq!(config.limits.first_request, Duration::from_millis(1500));
        assert_eq!(config.data, Path::new("/d"));
        assert_eq!(config.limits.idle, Config::default().limits.idle);
    }

    #[test]
    fn refusals_name_the_place_the_key_and_what_was_meant() {
        for (file, variables, expected) in [
            ("[limits]\nstal = \"5s\"", &[][..], &["p.toml", "limits.stal", "limits.stall?"][..]),
            ("lisen = \"x\"", &[], &["lisen", "mean listen?"]),
            ("[limit]\nstall = \"5s\"", &[], &["unknown setting limit;", "limits."]),
            ("zzz = 1", &[], &["unknown setting zzz"]),
            ("listen = 5", &[], &["p.toml", "line 1"]),
            ("a b", &[], &["p.toml", "line 1"]),
            ("[limits]\nstall = \"soon\"", &[], &["p.toml", "line 2"]),
            ("listen.x = 5", &[], &["unknown setting listen.x"]),
            (
                "",
                &[("PORTCULLIS_LIMITS_STREEMS", "9")],
                &["environment", "PORTCULLIS_LIMITS_STREAMS?"],
            ),
            (
                "",
                &[("PORTCULLIS_LIMITS_STREAMS", "many")],
                &["PORTCULLIS_LIMITS_STREAMS", "number"],
            ),
            ("", &[("PORTCULLIS_LISTEN", "here")], &["PORTCULLIS_LISTEN"]),
        ] {
            let error = load(file, variables).unwrap_err().to_string();
            for part in expected {
                assert!(error.contains(part), "{part:?} is not in {error:?}");
            }
        }
    }

    #[test]
    fn a_refused_secret_is_not_repeated() {
        let error = load("", &[(keys::KEK_VARIABLE, "hunter2")]).unwrap_err().to_string();
        assert!(error.contains(keys::KEK_VARIABLE) && !error.contains("hunter2"), "{error}");
    }

    #[test]
    fn the_document_describes_every_setting_and_no_other() {
        let document = include_str!("../../docs/CONFIG.md");
        let described: Vec<&str> = document
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
            .map(|(key, _)| key)
            .collect();
        let settings: Vec<String> =
            settings().iter().map(|setting| setting.path.join(".")).collect();
        for setting in &settings {
            assert!(described.contains(&setting.as_str()), "{setting} is not described");
        }
        for key in described {
            assert!(settings.iter().any(|setting| setting == key), "{key} does not exist");
        }
    }
}
