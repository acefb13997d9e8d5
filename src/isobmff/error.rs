//! What can be wrong with a box.

use super::FourCc;
use crate::bytes::Truncated;

/// A box that breaks a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("box '{kind}': {rule}")]
pub struct BoxError {
    /// The box that is wrong, or the parent of a box that is missing.
    pub kind: FourCc,
    /// The rule it breaks.
    pub rule: Rule,
}

/// The rules that a file can break, with stable wording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Rule {
    /// The data end inside the box.
    #[error("the data end inside the box")]
    Truncated,
    /// The size field is smaller than the header it stands in.
    #[error("the size is smaller than the box header")]
    SizeBelowHeader,
    /// The box reaches past the end of its parent.
    #[error("the box is larger than its parent '{0}'")]
    LargerThanParent(FourCc),
    /// The box reaches past the end of the file.
    #[error("the box reaches past the end of the file")]
    PastEndOfFile,
    /// A mandatory child is missing.
    #[error("the mandatory child '{0}' is missing")]
    MissingChild(FourCc),
    /// A table claims more entries than its box has bytes for.
    #[error("the entry count is larger than the box")]
    CountExceedsBox,
    /// The version of the box is not known.
    #[error("the box version is not supported")]
    UnknownVersion,
    /// A value is outside its range; the text says which.
    #[error("{0}")]
    BadValue(&'static str),
    /// The box is larger than a reader may be asked to hold in memory.
    #[error("the box is larger than the limit of {0} bytes")]
    TooLarge(u64),
}

impl BoxError {
    /// An error about a box of type `kind`.
    pub const fn new(kind: FourCc, rule: Rule) -> Self {
        Self { kind, rule }
    }

    /// Turns the end of the data into an error about `kind`.
    pub fn truncated(kind: &[u8; 4]) -> impl Fn(Truncated) -> Self {
        let kind = FourCc(*kind);
        move |Truncated| Self::new(kind, Rule::Truncated)
    }
}
