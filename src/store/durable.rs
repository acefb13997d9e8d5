//! Making files so that they outlive a power failure.

use std::fs::File;
use std::io;
use std::path::Path;

/// Makes the name of a new file durable: syncing the file alone does not keep its folder's entry.
pub(super) fn sync_parent(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => File::open(dir)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}
