//! Which keys protect which stream, and what streams say of them.

use std::convert::Infallible;
use std::num::NonZero;
use std::ops::Range;
use std::sync::Arc;

use super::PackageError;
use super::order::{LabelledKey, Order, StreamOrder, TextKind, TextOrder};
use crate::cenc::{IvContext, Scheme, TrackKey};
use crate::crypto::Expanded;
use crate::drm;
use crate::drm::playready::{self, Header, HeaderKey, Object};
use crate::drm::widevine::PsshData;
use crate::ids::{KeyId, SystemId};
use crate::isobmff::cenc::Pssh;
use crate::media::timeline::Cuts;
use crate::media::track_class::TrackClass;
use crate::media::{Asset, Rendition, TextRendition};
use crate::package::announced::{Announced, ClearKeyLine, Custom, System, TABLE};
use crate::package::cmaf::{self, Protect};
use crate::package::format::{Container, Format};
use crate::package::keyed::{KeyRuns, RenditionKey};
use crate::protection::Protection;
use crate::store::Location;

/// The label of text that says no other.
const TEXT: &str = "TEXT";

/// A stream under its keys.
pub(super) struct Keyed {
    /// Those of the crypto periods, in turn; none when it is clear.
    keys: Vec<StreamKey>,
    /// The crypto period of each segment; `None` where keys do not change.
    periods: Option<Box<[u32]>>,
    /// How many segments stay clear in front.
    lead: usize,
}

struct StreamKey {
    protect: Protect,
    /// As manifests name it.
    named: RenditionKey,
}

impl Keyed {
    /// The keys of a stream of `asset`, bound to what `identity` names.
    pub(super) fn of(
        order: &Order,
        stream: &StreamOrder,
        (asset, rendition): (&Asset, &Rendition),
        identity: &[u8],
    ) -> Result<Self, PackageError> {
        let keys = match order.protection == Protection::Clear || stream.clear {
            true => Vec::new(),
            false => find(order, &label(stream, rendition), &stream.input)?,
        };
        Self::under(order, &keys, (asset, &rendition.cuts), identity)
    }

    /// The keys of a track of text: none but where whole segments are encrypted.
    pub(super) fn of_text(
        order: &Order,
        wanted: &TextOrder,
        (asset, text): (&Asset, &TextRendition),
    ) -> Result<Self, PackageError> {
        let keys = match wanted.is_encrypted(order) {
            true => find(order, text_label(wanted), &wanted.input)?,
            false => Vec::new(),
        };
        Self::under(order, &keys, (asset, &text.cuts), &text.identity)
    }

    fn under(
        order: &Order,
        keys: &[&LabelledKey],
        (asset, cuts): (&Asset, &Cuts),
        identity: &[u8],
    ) -> Result<Self, PackageError> {
        let keys: Vec<StreamKey> =
            keys.iter().map(|key| StreamKey::of(order, key, identity)).collect::<Result<_, _>>()?;
        let moments = (0..cuts.len()).map(|n| asset.moment_of(cuts, n));
        let lead = moments.clone().take_while(|moment| *moment < order.clear_lead).count();
        let periods = order.crypto_period.filter(|_| !keys.is_empty()).map(|period| {
            let begun = begun(asset, period);
            let number = |moment| begun.partition_point(|n| *n < moment / period);
            moments.map(|moment| u32::try_from(number(moment)).unwrap_or(u32::MAX)).collect()
        });
        Ok(Self { lead: if keys.is_empty() { 0 } else { lead }, keys, periods })
    }

    /// How segment `n` is protected.
    pub(super) fn protect(&self, n: usize) -> Protect {
        let protect = self.key_in(self.period_of(n)).map(|key| key.protect.clone());
        let protect = protect.unwrap_or(Protect::Clear);
        if n < self.lead { protect.lead() } else { protect }
    }

    /// The init segment of a rendition: it names the first key behind the lead, later ones are named by
    /// their segments.
    pub(super) fn init_segment(&self, rendition: &Rendition) -> Vec<u8> {
        let first = self.key_in(self.period_of(self.lead));
        let protect = first.map_or(Protect::Clear, |key| key.protect.clone());
        let systems = first.map_or(&[][..], |key| &key.named.systems);
        cmaf::init_segment(rendition, Container::Cmaf, &protect, self.lead > 0, systems)
    }

    /// The keys as manifests name them.
    pub(super) fn runs(&self, fragments: Range<usize>) -> KeyRuns {
        let named = |period| Ok::<_, Infallible>(self.key_in(period).map(|key| key.named.clone()));
        let Ok(runs) = KeyRuns::new(fragments, self.lead, |n| self.period_of(n), named);
        runs
    }

    /// Whether segments are encrypted as wholes.
    pub(super) fn is_envelope(&self) -> bool {
        self.keys.iter().any(|key| matches!(key.protect, Protect::Segment(_)))
    }

    /// The ids of the keys that are used.
    pub(super) fn key_ids(&self) -> impl Iterator<Item = KeyId> {
        self.keys.iter().map(|key| key.named.kid)
    }

    fn period_of(&self, n: usize) -> Option<u32> {
        self.periods.as_ref().and_then(|periods| periods.get(n)).copied()
    }

    fn key_in(&self, period: Option<u32>) -> Option<&StreamKey> {
        let turn = period.unwrap_or(0) as usize % self.keys.len().max(1);
        self.keys.get(turn)
    }
}

/// The periods in which any segment starts: those that are shorter than segments may be passed over,
/// and take no key away.
fn begun(asset: &Asset, period: NonZero<u64>) -> Vec<u64> {
    let moments = asset.renditions().flat_map(|rendition| {
        let cuts = &rendition.cuts;
        (0..cuts.len()).map(move |n| asset.moment_of(cuts, n))
    });
    let mut begun: Vec<u64> = moments.map(|moment| moment / period).collect();
    begun.sort_unstable();
    begun.dedup();
    begun
}

impl StreamKey {
    fn of(order: &Order, found: &LabelledKey, identity: &[u8]) -> Result<Self, PackageError> {
        let track_key = TrackKey::new(found.kid, &found.key, identity);
        let ivs = chosen(order, track_key.ivs.clone());
        let track_key = TrackKey { ivs: ivs.clone(), ..track_key };
        let systems = systems(order, found.kid, &track_key.key)?;
        let uri = order.key_uri.as_ref().map(|template| template.expand(found.kid, ""));
        let uri = uri.unwrap_or_default();
        // Keys that change are announced by the fragments that they protect.
        let in_band = order
            .crypto_period
            .map(|_| systems.iter().filter_map(|system: &Announced| system.pssh.clone()).collect());
        let named = RenditionKey { kid: found.kid, ivs, uri, systems, hdcp: None };
        let protect = match Scheme::of(order.protection) {
            Some(scheme) => Protect::Samples(scheme, track_key, in_band),
            None => Protect::Segment(track_key),
        };
        Ok(Self { protect, named })
    }
}

/// The class of a track as keys are labelled by it.
pub(super) fn label(stream: &StreamOrder, rendition: &Rendition) -> String {
    let class = || TrackClass::of(&rendition.track).label().to_owned();
    stream.label.clone().unwrap_or_else(class)
}

/// The label of the key of a track of text.
pub(super) fn text_label(wanted: &TextOrder) -> &str {
    wanted.label.as_deref().unwrap_or(TEXT)
}

impl TextOrder {
    /// Whether its segments are encrypted.
    pub(super) fn is_encrypted(&self, order: &Order) -> bool {
        order.protection == Protection::Cbc && self.kind == TextKind::WebVtt && !self.clear
    }
}

/// The keys of a label in their order.
fn find<'a>(
    order: &'a Order,
    label: &str,
    input: &Location,
) -> Result<Vec<&'a LabelledKey>, PackageError> {
    let found: Vec<&LabelledKey> = order.keys.iter().filter(|key| key.label == label).collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let mut known: Vec<&str> = order.keys.iter().map(|key| key.label.as_str()).collect();
    known.dedup();
    Err(PackageError::refused(format!(
        "{input}: no key has the label {label}, only {}: give one, name another by drm_label=, or leave \
         the track clear by skip_encryption=1",
        known.join(", ")
    )))
}

/// With the IV that was chosen, which is then that of all segments too.
fn chosen(order: &Order, ivs: IvContext) -> IvContext {
    match order.iv {
        Some(iv) => ivs.with_constant(iv).one_for_key(),
        None => ivs,
    }
}

/// Whether keys are announced to a system.
pub(super) fn announces(order: &Order, system: System) -> bool {
    order.systems.contains(&system) || order.boxes.iter().any(|pssh| system_of(pssh) == system)
}

/// Whether playlists of a format have a key line of any system that keys are announced to. What
/// KEYFORMAT a system has that is known by its box alone nobody says.
pub(super) fn has_line(order: &Order, format: Format) -> bool {
    let mut lines = TABLE.iter().map(|row| row.system).filter(|system| system.has_line(format));
    lines.any(|system| system != System::Custom && announces(order, system))
}

/// The system of a box.
fn system_of(pssh: &Pssh) -> System {
    let known = TABLE.iter().find(|row| row.id == Some(pssh.system));
    match known {
        Some(row) => row.system,
        None if pssh.system == SystemId::COMMON => System::ClearKey,
        None => System::Custom,
    }
}

/// The systems that a key is announced to, in the order of the table.
fn systems(order: &Order, kid: KeyId, key: &Expanded) -> Result<Arc<[Announced]>, PackageError> {
    let Some(scheme) = Scheme::of(order.protection) else {
        return Ok([].into());
    };
    let mut systems = Vec::new();
    for row in TABLE {
        let is_meant = |pssh: &&Pssh| system_of(pssh) == row.system && drm::is_for(pssh, kid);
        let given: Vec<&Pssh> = order.boxes.iter().filter(is_meant).collect();
        let again = |(n, pssh): (usize, &&Pssh)| given[..n].iter().any(|p| p.system == pssh.system);
        if given.iter().enumerate().any(again) {
            let rule = format!("--pssh: two boxes of one system are for the key {kid}");
            return Err(PackageError::refused(rule));
        }
        if given.is_empty() && order.systems.contains(&row.system) {
            let pssh = own_box(row.system, scheme, kid, key)?;
            systems.push(Announced { pssh, ..announced(order, row.system, kid) });
        }
        systems.extend(given.into_iter().map(|pssh| Announced {
            pssh: Some(pssh.clone()),
            custom: (row.system == System::Custom).then_some(Custom {
                id: pssh.system,
                value: None,
                key_format: None,
            }),
            ..announced(order, row.system, kid)
        }));
    }
    Ok(systems.into())
}

/// What is said of a system without its box.
fn announced(order: &Order, system: System, kid: KeyId) -> Announced {
    let key_uri = order.key_uri.as_ref().map_or_else(String::new, |uri| uri.expand(kid, ""));
    // No licence server is known that players of ClearKey could ask.
    Announced { key_uri, clear_key_lines: vec![ClearKeyLine::Identity], ..Announced::new(system) }
}

/// The box of a system that needs nothing but the key.
fn own_box(
    system: System,
    scheme: Scheme,
    kid: KeyId,
    key: &Expanded,
) -> Result<Option<Pssh>, PackageError> {
    Ok(match system {
        System::PlayReady => {
            let checksum = playready::checksum(kid, key);
            let header = Header::new(vec![HeaderKey::new(kid, scheme, checksum)]);
            let made = Object::new(&header).pssh();
            Some(made.map_err(|error| PackageError::refused(error.to_string()))?)
        }
        System::Widevine => Some(PsshData::new(&[kid], scheme).pssh()),
        System::FairPlay | System::Marlin | System::Custom => None,
        System::ClearKey => Some(Pssh::common(vec![kid])),
    })
}
