//! Keys of samples: one that encrypts whole segments has no licence (ams.md section 10).

use super::refused::Refused;
use crate::license::GrantedKey;
use crate::protection::Protection;
use crate::service::delivery::{Forward, Granted};

/// How a system refuses keys of whole segments.
pub(super) struct OfSamples {
    pub(super) code: &'static str,
    pub(super) detail: &'static str,
}

impl OfSamples {
    /// Those among granted keys, if there are any.
    pub(super) fn among(&self, granted: Granted) -> Result<Granted, Refused> {
        granted.only(self.code, is_of_samples).ok_or_else(|| self.refusal())
    }

    /// The same of a request that cannot be cut.
    pub(super) fn alone(&self, forward: Forward) -> Result<Forward, Refused> {
        if forward.keys().iter().all(is_of_samples) {
            return Ok(forward);
        }
        forward.refused(self.code);
        Err(self.refusal())
    }

    fn refusal(&self) -> Refused {
        Refused::System { code: self.code, detail: self.detail.to_owned() }
    }
}

fn is_of_samples(key: &GrantedKey) -> bool {
    key.protection != Protection::Cbc
}
