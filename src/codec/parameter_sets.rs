//! The parameter sets in force: slices name one of pictures, which names one of sequences (ISO/IEC
//! 14496-10 section 7.4.1.2.1; ISO/IEC 23008-2 section 7.4.2.4.2).

use super::CodecError;

/// A parameter set of sequences.
pub trait SequenceSet {
    /// Its id among those of sequences.
    fn id(&self) -> u32;
}

/// A parameter set of pictures.
pub trait PictureSet {
    /// Its id among those of pictures.
    fn id(&self) -> u32;

    /// The id of the set of sequences that it names.
    fn sequence(&self) -> u32;
}

/// Sets as the configuration record gives them and NAL units in the samples replace them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterSets<S, P> {
    pub(super) sequences: Vec<S>,
    pub(super) pictures: Vec<P>,
}

impl<S, P> Default for ParameterSets<S, P> {
    fn default() -> Self {
        Self { sequences: Vec::new(), pictures: Vec::new() }
    }
}

impl<S: SequenceSet, P: PictureSet> ParameterSets<S, P> {
    /// Puts a set in the place of that with the same id.
    pub(super) fn put_sequence(&mut self, new: S) {
        self.sequences.retain(|known| known.id() != new.id());
        self.sequences.push(new);
    }

    /// Puts a set in the place of that with the same id.
    pub(super) fn put_picture(&mut self, new: P) {
        self.pictures.retain(|known| known.id() != new.id());
        self.pictures.push(new);
    }

    /// The picture parameter set `id` with its sequence parameter set.
    pub(super) fn lookup(&self, id: u32) -> Result<(&S, &P), CodecError> {
        let missing = CodecError::BadValue("a slice names a parameter set that is not there");
        let picture = self.pictures.iter().find(|set| set.id() == id).ok_or(missing)?;
        let named = |set: &&S| set.id() == picture.sequence();
        let sequence = self.sequences.iter().find(named).ok_or(missing)?;
        Ok((sequence, picture))
    }
}
