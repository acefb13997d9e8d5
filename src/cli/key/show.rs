//! `portcullis key show`: which key is in force when, and from when on it is given out. No key is
//! printed.

use jiff::SignedDuration;
use serde::Serialize;

use crate::cli::CliError;
use crate::cli::out::outln;
use crate::cli::resources::Place;
use crate::ids::KeyId;
use crate::keys::{KeyRecord, Schedule};
use crate::store::{Locator, Store};

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Name of the streaming locator
    name: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

/// A crypto period with its keys.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Period {
    period: u32,
    /// Where it begins in the media, in seconds.
    from: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    opens: Option<String>,
    keys: Vec<Key>,
}

#[derive(Debug, Serialize)]
struct Key {
    kid: String,
    label: String,
    scheme: &'static str,
}

pub(super) async fn run(args: Args) -> Result<(), CliError> {
    let store = args.place.open().await?;
    let locator = store.locator_by_name(&args.name).await?;
    print(&store, &locator, None, args.json).await
}

/// Prints the periods of a locator; what is to be said of them stands in JSON too.
pub(super) async fn print(
    store: &Store,
    locator: &Locator,
    warning: Option<String>,
    json: bool,
) -> Result<(), CliError> {
    let schedule = locator.schedule.clone().unwrap_or_else(Schedule::unchanging);
    let records = store.keys_of(locator.id).await?;
    let roots: Vec<Key> = records.iter().filter(|it| it.is_root()).map(Key::of).collect();
    let periods: Vec<Period> =
        schedule.periods().map(|period| with_keys(&period, &records)).collect();
    if json {
        let mut document = serde_json::json!({
            "locator": locator.name, "hierarchy": schedule.hierarchy(), "periods": periods });
        if !roots.is_empty() {
            document["roots"] = serde_json::json!(roots);
        }
        if let Some(warning) = warning {
            document["warning"] = warning.into();
        }
        outln!("{}", serde_json::to_string_pretty(&document).map_err(CliError::environment)?);
        return Ok(());
    }
    if !roots.is_empty() {
        outln!("root keys, which Widevine licences give out for all periods");
        roots.iter().for_each(Key::print);
    }
    for Period { period, from, opens, keys } in periods {
        let opens = opens.map_or_else(|| "always".to_owned(), |opens| format!("from {opens} on"));
        outln!("period {period} begins at {from} s, its keys are given out {opens}");
        keys.iter().for_each(Key::print);
    }
    Ok(())
}

impl Key {
    fn of(record: &KeyRecord) -> Self {
        Self {
            kid: KeyId::to_string(&record.kid),
            label: record.label.clone(),
            scheme: record.protection.row().map_or("", |row| row.scheme),
        }
    }

    fn print(&self) {
        let Self { kid, label, scheme } = self;
        outln!("  {kid} {scheme} {label}");
    }
}

fn with_keys(period: &crate::keys::schedule::Period, records: &[KeyRecord]) -> Period {
    let own = records.iter().filter(|record| record.crypto_period == Some(period.number));
    let from = SignedDuration::from_millis(i64::try_from(period.from_ms).unwrap_or(i64::MAX));
    Period {
        period: period.number,
        from: from.as_secs_f64(),
        opens: period.opens.map(|opens| opens.to_string()),
        keys: own.map(Key::of).collect(),
    }
}
