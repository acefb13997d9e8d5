//! `portcullis key rotate`: new keys from this moment on.

use std::time::Duration;

use jiff::Timestamp;

use super::show;
use crate::cli::CliError;
use crate::cli::resources::Place;
use crate::service::origin::duration_of;
use crate::service::publish::Publisher;
use crate::store::{Locator, Store};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
A locator whose key rotation has a start gets new keys from the moment of its media that is now: the
first fragment that starts then, or later, has the first of them; a warning tells when the media end
before. Any other gets new keys for all of
its media, for somebody may watch any part of it now. The keys that were are still given out, for
media that caches and players hold. Caches in front of the server keep manifests, init segments and
fragments under the old keys until they expire: purge them. A running server sees the new keys within
five seconds.

Example:
  portcullis key rotate film --now")]
pub(super) struct Args {
    /// Name of the streaming locator
    name: String,
    /// Now: later rotations are those of the schedule
    #[arg(long, required = true)]
    now: bool,
    /// Print the periods as JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    place: Place,
}

pub(super) async fn run(args: Args) -> Result<(), CliError> {
    let store = args.place.open().await?;
    let locator = Publisher::new(store.clone()).rotate(&args.name, Timestamp::now()).await?;
    let warning = without_effect(&store, &locator).await?;
    if let Some(warning) = &warning {
        eprintln!("portcullis: warning: {warning}");
    }
    show::print(&store, &locator, warning, args.json).await
}

/// Why no fragment has the new keys, if that is so.
async fn without_effect(store: &Store, locator: &Locator) -> Result<Option<String>, CliError> {
    let Some(schedule) = &locator.schedule else { return Ok(None) };
    let asset = store.asset(&locator.asset).await?;
    // Of media that cannot be read nothing is known.
    let Ok(duration) = duration_of(&asset).await else { return Ok(None) };
    let media = Duration::from_micros(duration / 10);
    let from = Duration::from_millis(schedule.newest_from_ms());
    let late = from > Duration::ZERO && from >= media;
    Ok(late.then(|| {
        let (media, from) = (media.as_secs_f64(), from.as_secs_f64());
        format!(
            "no fragment has the new keys: by keyRotation.start it is second {from} of the media, \
             which last {media} s"
        )
    }))
}
