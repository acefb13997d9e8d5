//! What is written to: names that are free, others when told so, and never a file that is read.

use std::collections::HashSet;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::cli::CliError;
use crate::store::real;

/// Which files may be written to.
#[derive(Debug)]
pub(super) struct Targets {
    /// Whether also to those that are there.
    force: bool,
    /// Device and inode of all that is read.
    inputs: HashSet<(u64, u64)>,
}

impl Targets {
    /// Beside these inputs; with `force`, also over files that are there.
    pub(super) fn beside<'a>(inputs: impl Iterator<Item = &'a Path>, force: bool) -> Self {
        // Of a playlist with byte ranges, all pieces are of one file.
        let inputs: HashSet<&Path> = inputs.collect();
        let found = inputs.into_iter().filter_map(|path| fs::metadata(path).ok());
        Self { force, inputs: found.map(|found| node(&found)).collect() }
    }

    /// Refuses a name that stands for something that is to stay.
    pub(super) fn check(&self, path: &Path) -> Result<(), CliError> {
        // Folders on the way are made before it is.
        let spot = real(path);
        // Of a link that leads nowhere, the link.
        let Ok(found) = fs::metadata(&spot).or_else(|_| fs::symlink_metadata(&spot)) else {
            return Ok(());
        };
        let rule = match () {
            () if self.inputs.contains(&node(&found)) => "this is an input, and never written to",
            () if !found.is_file() && !found.is_symlink() => "this is no file",
            () if !self.force => "this is there already, and --force is not given",
            () => return Ok(()),
        };
        let rule = format_args!("{}: {rule}; the last name is that of the output", path.display());
        Err(CliError::usage(rule))
    }
}

fn node(found: &Metadata) -> (u64, u64) {
    (found.dev(), found.ino())
}
