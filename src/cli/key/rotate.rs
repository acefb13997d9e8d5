//! `portcullis key rotate`: new keys from this moment on.

use jiff::Timestamp;

use super::show;
use crate::cli::CliError;
use crate::cli::resources::Place;
use crate::service::publish::Publisher;

#[derive(Debug, clap::Args)]
#[command(after_help = "\
A locator whose key rotation has a start gets new keys from the moment of its media that is now: the
first fragment that starts then, or later, has the first of them. Any other gets new keys for all of
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
    show::print(&store, &locator, args.json).await
}
