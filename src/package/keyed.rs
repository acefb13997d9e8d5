//! The keys of a track: run by run of its fragments, as its crypto periods follow each other.

use std::ops::Range;
use std::sync::Arc;

use super::announced::{Announced, HdcpLevel};
use crate::cenc::IvContext;
use crate::ids::KeyId;

/// The key of one rendition, as far as manifests need it: never the key itself.
#[derive(Debug, Clone)]
pub struct RenditionKey {
    /// Key id.
    pub kid: KeyId,
    /// IVs.
    pub ivs: IvContext,
    /// Where its bytes are, where segments are encrypted as a whole.
    pub uri: String,
    /// The systems that it is announced to, in table order.
    pub systems: Arc<[Announced]>,
    /// What outputs of clients must have.
    pub hdcp: Option<HdcpLevel>,
}

impl RenditionKey {
    /// A key that nothing is announced of.
    pub fn new(kid: KeyId, ivs: IvContext) -> Self {
        Self { kid, ivs, uri: String::new(), systems: Arc::new([]), hdcp: None }
    }
}

/// Fragments in a row that have the same key.
#[derive(Debug, Clone)]
pub struct KeyRun {
    /// Which fragments.
    pub fragments: Range<usize>,
    /// The crypto period that they are in; `None` where keys do not rotate, and of a clear lead.
    pub period: Option<u32>,
    /// Their key; `None` = clear.
    pub key: Option<RenditionKey>,
}

/// The keys of the listed fragments of a track, in their order; together the runs are all of them.
#[derive(Debug, Clone)]
pub struct KeyRuns(Vec<KeyRun>);

impl KeyRuns {
    /// Puts fragments of one period together, behind those of a clear lead up to number `lead`.
    /// `period_of` gives the period of a fragment. A track without keys is one run.
    ///
    /// # Errors
    /// Of `key_of`, which gives the key in a period.
    pub fn new<E>(
        fragments: Range<usize>,
        lead: usize,
        period_of: impl Fn(usize) -> Option<u32>,
        mut key_of: impl FnMut(Option<u32>) -> Result<Option<RenditionKey>, E>,
    ) -> Result<Self, E> {
        let lead = lead.clamp(fragments.start, fragments.end);
        let mut run_from = |n: usize| -> Result<KeyRun, E> {
            let period = period_of(n);
            Ok(KeyRun { fragments: n..n, period, key: key_of(period)? })
        };
        // The key is named also where all that is listed is clear: the init segment names it too.
        let mut run = run_from(lead)?;
        if run.key.is_none() {
            // What is clear does not change with the keys of others.
            return Ok(Self::same(fragments, None));
        }
        let clear = KeyRun { fragments: fragments.start..lead, period: None, key: None };
        let mut runs: Vec<KeyRun> =
            Some(clear).filter(|run| !run.fragments.is_empty()).into_iter().collect();
        for n in lead..fragments.end {
            if period_of(n) != run.period {
                runs.push(std::mem::replace(&mut run, run_from(n)?));
            }
            run.fragments.end = n + 1;
        }
        runs.push(run);
        Ok(Self(runs))
    }

    /// One key, or none, for all of these fragments.
    pub fn same(fragments: Range<usize>, key: Option<RenditionKey>) -> Self {
        Self(vec![KeyRun { fragments, period: None, key }])
    }

    /// The first key: it stands for all where one has to.
    pub fn first(&self) -> Option<&RenditionKey> {
        self.all().next()
    }

    /// All keys in order; one may come again.
    pub fn all(&self) -> impl Iterator<Item = &RenditionKey> {
        self.0.iter().filter_map(|run| run.key.as_ref())
    }

    /// The runs.
    pub fn runs(&self) -> &[KeyRun] {
        &self.0
    }

    /// The runs at which the crypto period changes. What is clear in front of a key is of the period
    /// of that key: sample descriptions tell it apart.
    pub fn changes(&self) -> impl Iterator<Item = &KeyRun> {
        let changed =
            |pair: &&[KeyRun]| pair[0].period.is_some() && pair[0].period != pair[1].period;
        self.0.windows(2).filter(changed).map(|pair| &pair[1])
    }

    /// The run that begins with this fragment, if one does.
    pub fn beginning_at(&self, n: usize) -> Option<&KeyRun> {
        let found = self.0.binary_search_by_key(&n, |run| run.fragments.start);
        found.ok().map(|at| &self.0[at])
    }

    /// What is left of the runs inside these fragments.
    #[must_use]
    pub fn within(&self, fragments: &Range<usize>) -> Self {
        let cut = |run: &KeyRun| {
            let start = run.fragments.start.max(fragments.start);
            let end = run.fragments.end.min(fragments.end);
            (start < end || run.fragments.is_empty())
                .then(|| KeyRun { fragments: start..end, ..run.clone() })
        };
        Self(self.0.iter().filter_map(cut).collect())
    }
}
