//! Which key protects which track, and what is in force when a URL does not say it.

use std::cell::OnceCell;
use std::ops::Range;
use std::sync::Arc;

use super::systems::{Addresses, KeyAddresses};
use super::{Code, Context, Origin, OriginError};
use crate::cenc::{IvContext, Scheme, TrackKey};
use crate::crypto::ContentKey;
use crate::drm::widevine::EntitledKey;
use crate::keys::model::{KeyPlace, place};
use crate::keys::{KeyRecord, Schedule, VaultError};
use crate::media::Rendition;
use crate::media::timeline::Cuts;
use crate::package::cmaf::Protect;
use crate::package::compat::Compat;
use crate::package::filter::Facts;
use crate::package::format::Container;
use crate::package::keyed::{KeyRuns, RenditionKey};
use crate::package::passed;
use crate::package::presentation::Listed;
use crate::package::request::Selectors;
use crate::package::selection::Selected;
use crate::policy::StreamingPolicy;
use crate::policy::streaming::EncryptedBlock;
use crate::protection::Protection;
use crate::store::Locator;

/// What the clear lead adds to the tag of a fragment.
pub(super) const CLEAR_LEAD: &[u8] = b"clear lead";

/// The keys of a locator under its streaming policy.
#[derive(Clone)]
pub(super) struct TrackKeys {
    pub(super) policy: Arc<StreamingPolicy>,
    /// By key type, label and crypto period, as the store gives them.
    pub(super) records: Arc<[KeyRecord]>,
}

impl TrackKeys {
    /// The record of the key that covers a track in a crypto period; `None` when the track is
    /// served in the clear.
    fn find(
        &self,
        protection: Protection,
        track: &Facts<'_>,
        period: u32,
    ) -> Result<Option<&KeyRecord>, OriginError> {
        let Some(label) = self.policy.label_of(protection, track) else { return Ok(None) };
        let found = self.at(place(protection, label, Some(period)));
        found.map(Some).ok_or_else(|| {
            let detail = format!("the locator has no key {label} for the encryption");
            OriginError::new(Code::ENCRYPTION_NOT_SET, detail)
        })
    }
}

impl TrackKeys {
    /// The record of the root key that a key is wrapped under; `None` where it stands for itself.
    pub(super) fn root_of(&self, key: &KeyRecord) -> Option<&KeyRecord> {
        self.at(place(key.protection, &key.label, None))
    }

    fn at(&self, place: KeyPlace<'_>) -> Option<&KeyRecord> {
        let found = self.records.binary_search_by(|key| key.place().cmp(&place)).ok();
        found.map(|at| &self.records[at])
    }
}

impl Origin {
    pub(super) async fn track_keys(
        &self,
        locator: &Locator,
        policy: Arc<StreamingPolicy>,
        protection: Protection,
    ) -> Result<TrackKeys, OriginError> {
        let records = match protection {
            Protection::Clear => [].into(),
            _ => self.store.keys_up_to(locator.id, locator.periods()).await?,
        };
        Ok(TrackKeys { policy, records })
    }

    /// How the fragments of a rendition are protected in a crypto period.
    pub(super) fn protect(
        &self,
        context: &Context,
        rendition: &Rendition,
        period: u32,
    ) -> Result<Protect, OriginError> {
        let Some(record) = context.key_in(&Facts::of(rendition), period)? else {
            return Ok(Protect::Clear);
        };
        let key = self.track_key(context, record, &context.identity(rendition))?;
        Ok(match Scheme::of(context.protection) {
            Some(scheme) => Protect::Samples(scheme, key, self.in_band(context, record)?),
            None => Protect::Segment(key),
        })
    }

    /// How fragment `n` of a rendition is protected.
    pub(super) fn protect_fragment(
        &self,
        context: &Context,
        rendition: &Rendition,
        n: usize,
    ) -> Result<Protect, OriginError> {
        let period = context.period_of(&rendition.cuts, n);
        let protect = self.protect(context, rendition, period)?;
        Ok(if context.leads(&rendition.cuts, n) { protect.lead() } else { protect })
    }

    /// The key of a record for the track that `identity` names.
    pub(super) fn track_key(
        &self,
        context: &Context,
        record: &KeyRecord,
        identity: &[u8],
    ) -> Result<TrackKey, OriginError> {
        let key = TrackKey::new(record.kid, &self.unwrap_key(record)?, identity);
        Ok(TrackKey { ivs: context.ruled(key.ivs.clone()), ..key })
    }

    /// A key as the data of a `pssh` hold it under its root key.
    pub(super) fn entitled(
        &self,
        record: &KeyRecord,
        root: &KeyRecord,
    ) -> Result<EntitledKey, OriginError> {
        let under = self.store.vault().root(root).map_err(|error| unreadable(root, &error))?;
        let wrapped = under.wrap(record.kid, &self.unwrap_key(record)?);
        Ok(EntitledKey::new(root.kid, record.kid, &wrapped))
    }

    fn unwrap_key(&self, record: &KeyRecord) -> Result<ContentKey, OriginError> {
        self.store.vault().unwrap(record).map_err(|error| unreadable(record, &error))
    }
}

fn unreadable(record: &KeyRecord, error: &VaultError) -> OriginError {
    tracing::error!(kid = %record.kid, %error, "a stored key cannot be unwrapped");
    OriginError::new(Code::STORAGE_FAILURE, "the content key cannot be read")
}

impl Context {
    /// The record of the key of a track in a crypto period; `None` when it is served in the clear.
    pub(super) fn key_in(
        &self,
        track: &Facts<'_>,
        period: u32,
    ) -> Result<Option<&KeyRecord>, OriginError> {
        self.keys.find(self.protection, track, period)
    }

    /// The crypto period whose key stands for all where one has to: that in which the media begin, or
    /// what is behind their clear lead.
    pub(super) fn first_period(&self) -> u32 {
        let leading = self.loaded.asset.renditions().next().map(|leading| &leading.cuts);
        match leading.map(|cuts| (cuts, self.lead_of(cuts))) {
            Some((cuts, lead)) if lead > 0 => self.period_of(cuts, lead),
            _ => self.locator.schedule.as_ref().map_or(0, Schedule::first),
        }
    }

    /// The crypto period of fragment `n` of a track that is cut so; 0 where keys do not rotate.
    pub(super) fn period_of(&self, cuts: &Cuts, n: usize) -> u32 {
        let Some(schedule) = &self.locator.schedule else { return 0 };
        schedule.period_at(self.loaded.asset.moment_of(cuts, n))
    }

    /// Whether fragment `n` of a track belongs to the clear lead.
    pub(super) fn leads(&self, cuts: &Cuts, n: usize) -> bool {
        let lead = self.block().map_or(0, EncryptedBlock::clear_lead);
        lead > 0 && self.loaded.asset.moment_of(cuts, n) < lead
    }

    /// How many fragments the clear lead has.
    pub(super) fn lead_of(&self, cuts: &Cuts) -> usize {
        (0..cuts.len()).take_while(|n| self.leads(cuts, *n)).count()
    }

    /// The crypto period that an init segment is asked for; without a number, the first.
    pub(super) fn period_named(&self, named: Option<u32>) -> Result<u32, OriginError> {
        // Keys that do not rotate have one.
        let end = self.locator.schedule.as_ref().map_or(1, Schedule::end);
        match named {
            None => Ok(self.first_period()),
            Some(period) if period < end => Ok(period),
            Some(_) => {
                let detail = "the locator has no such crypto period";
                Err(OriginError::new(Code::RESOURCE_NOT_FOUND, detail))
            }
        }
    }

    /// The crypto period of all that the file of a track holds: it has one init segment, which names
    /// one key.
    pub(super) fn period_of_file(&self, selected: &Selected<'_>) -> Result<u32, OriginError> {
        let Selected { rendition, fragments } = selected;
        let cuts = &rendition.cuts;
        // As `KeyRuns` has it: of a clip in the lead, the key behind the clip.
        let protected = self.lead_of(cuts).clamp(fragments.start, fragments.end)..fragments.end;
        let period = self.period_of(cuts, protected.start);
        let same = |n| self.period_of(cuts, n) == period;
        let is_clear = self.protection_of(rendition) == Protection::Clear;
        match is_clear || protected.clone().all(same) {
            true => Ok(period),
            false => Err(keys_rotate()),
        }
    }

    /// The keys of the listed fragments of a track. `key_in` gives that of a period.
    pub(super) fn key_runs(
        &self,
        cuts: &Cuts,
        fragments: &Range<usize>,
        key_in: impl Fn(u32) -> Result<Option<RenditionKey>, OriginError>,
    ) -> Result<KeyRuns, OriginError> {
        let rotates = self.locator.schedule.is_some();
        let period_of = |n| rotates.then(|| self.period_of(cuts, n));
        let key_in = |period: Option<u32>| key_in(period.unwrap_or(0));
        KeyRuns::new(fragments.clone(), self.lead_of(cuts), period_of, key_in)
    }

    /// All keys that encrypt media under the protection that the request is for.
    pub(super) fn keys_in_force(&self) -> impl Iterator<Item = &KeyRecord> {
        let of = |record: &&KeyRecord| record.protection == self.protection && !record.is_root();
        self.keys.records.iter().filter(of)
    }

    /// The streaming policy that says so.
    pub(super) fn policy(&self) -> Arc<StreamingPolicy> {
        Arc::clone(&self.keys.policy)
    }

    /// What the streaming policy says of that protection.
    pub(super) fn block(&self) -> Option<&EncryptedBlock> {
        self.keys.policy.block(self.protection)
    }

    /// The protection of a rendition: that of the request, unless the policy leaves it clear.
    pub(super) fn protection_of(&self, rendition: &Rendition) -> Protection {
        self.label_of(rendition).map_or(Protection::Clear, |_| self.protection)
    }

    /// The label of the key of a rendition; `None` when it is served in the clear.
    pub(super) fn label_of(&self, rendition: &Rendition) -> Option<&str> {
        self.keys.policy.label_of(self.protection, &Facts::of(rendition))
    }

    /// The IVs as the profile of the locator wants them, and as the manifest can say them.
    pub(super) fn ruled(&self, ivs: IvContext) -> IvContext {
        match self.locator.compat {
            _ if !self.tells_ivs() => ivs.one_for_key(),
            Compat::Ams => ivs.one_for_all(),
            Compat::Modern => ivs,
        }
    }

    /// Whether the manifest has a key line for each segment that is encrypted as a whole.
    pub(super) fn tells_ivs(&self) -> bool {
        self.selectors.format.playlist_version().is_some()
    }

    /// What manifests list, with the keys as they name them.
    pub(super) fn listed(&self, addresses: &KeyAddresses) -> Result<Vec<Listed<'_>>, OriginError> {
        let listed = |Selected { rendition, fragments }| {
            if let Some(keys) = passed::key_runs(rendition, &fragments) {
                return Ok(Listed { rendition, keys, fragments });
            }
            let (facts, identity) = (Facts::of(rendition), OnceCell::new());
            let key_in = |period| {
                let record = self.key_in(&facts, period)?;
                Ok(record.map(|record| {
                    let identity = identity.get_or_init(|| self.identity(rendition));
                    let ivs = IvContext::new(record.kid, identity);
                    rendition_key(record, self.ruled(ivs), addresses)
                }))
            };
            let keys = self.key_runs(&rendition.cuts, &fragments, key_in)?;
            Ok(Listed { rendition, keys, fragments })
        };
        let visible = |selected: &Selected<'_>| !selected.rendition.traits.hidden;
        self.renditions().filter(visible).map(listed).collect()
    }
}

/// A key as manifests name it. All keys in force have addresses.
pub(super) fn rendition_key(
    record: &KeyRecord,
    ivs: IvContext,
    addresses: &KeyAddresses,
) -> RenditionKey {
    let kid = record.kid;
    let Addresses { uri, systems, hdcp } = addresses[&kid].clone();
    RenditionKey { kid, ivs, uri, systems, hdcp }
}

/// Refuses keys that rotate where one is named for all of a track.
pub(super) fn keys_rotate() -> OriginError {
    let detail = "the keys rotate, and the format can name just one for each track";
    OriginError::new(Code::OUTPUT_PROTECTION_NOT_SUPPORTED, detail)
}

/// What tells one key from another, also where a KID comes back with other bytes: the sealed key,
/// whose nonce is used once. Nothing in the clear.
pub(super) fn key_mark(record: Option<&KeyRecord>) -> [&[u8]; 2] {
    record.map_or([&[], &[]], |record| [record.kid.as_bytes(), record.wrapped.as_bytes()])
}

/// The protection in force, from the URL and the streaming policy (ams.md section 2.4).
pub(super) fn protection(
    selectors: &Selectors,
    policy: &StreamingPolicy,
) -> Result<Protection, OriginError> {
    let protection = chosen(selectors, policy)?;
    let block = policy.block(protection).filter(|_| Scheme::of(protection).is_some());
    match block.and_then(|block| unplayable(selectors, block)) {
        Some(why) => Err(OriginError::new(Code::OUTPUT_PROTECTION_NOT_SUPPORTED, why)),
        None => Ok(protection),
    }
}

/// Why nobody could play a format under a block of Common Encryption.
fn unplayable(selectors: &Selectors, block: &EncryptedBlock) -> Option<&'static str> {
    let format = selectors.format;
    let nobody = format.playlist_version().is_some() && !block.has_line(format);
    nobody.then_some("no system that the streaming policy announces can play the format")
}

fn chosen(selectors: &Selectors, policy: &StreamingPolicy) -> Result<Protection, OriginError> {
    let protocol = selectors.format.row().protocol;
    let allowed = policy.protections(protocol);
    let refuse = |code, detail: &str| Err(OriginError::new(code, detail));
    match selectors.encryption {
        Some(asked) if !selectors.format.supports(asked) => {
            refuse(Code::OUTPUT_PROTECTION_NOT_SUPPORTED, "the format cannot carry the encryption")
        }
        _ if allowed.is_empty() => {
            refuse(Code::OUTPUT_FORMAT_BLOCKED, "the streaming policy does not allow the protocol")
        }
        Some(asked) if allowed.contains(&asked) => Ok(asked),
        Some(_) => refuse(
            Code::ENCRYPTION_NOT_SET,
            "the streaming policy does not configure that encryption for the protocol",
        ),
        None if allowed.contains(&Protection::Clear) => Ok(Protection::Clear),
        // Only CMAF demands the word where there is no choice.
        None if selectors.format.row().container != Container::Cmaf
            && matches!(&*allowed, [only] if selectors.format.supports(*only)) =>
        {
            Ok(allowed[0])
        }
        None if !allowed.iter().any(|allowed| selectors.format.supports(*allowed)) => refuse(
            Code::OUTPUT_PROTECTION_NOT_SUPPORTED,
            "the format can carry no encryption that the streaming policy allows",
        ),
        None => refuse(
            Code::ENCRYPTION_NOT_SPECIFIED,
            "the content is encrypted: add encryption=... to the parameters",
        ),
    }
}
