//! Which key protects which stream, and what streams say of it.

use std::sync::Arc;

use super::PackageError;
use super::order::{LabelledKey, Order, StreamOrder};
use crate::cenc::{IvContext, Scheme, TrackKey};
use crate::crypto::Expanded;
use crate::drm::playready::{self, Header, HeaderKey, Object};
use crate::drm::widevine::PsshData;
use crate::ids::{KeyId, SystemId};
use crate::isobmff::cenc::Pssh;
use crate::media::Rendition;
use crate::media::track_class::TrackClass;
use crate::package::announced::{Announced, ClearKeyLine, Custom, System, TABLE};
use crate::package::cmaf::Protect;
use crate::package::keyed::RenditionKey;
use crate::protection::Protection;

/// A stream under its key.
pub(super) struct Keyed {
    pub(super) protect: Protect,
    /// As manifests name it; `None` = clear.
    pub(super) key: Option<RenditionKey>,
}

impl Keyed {
    /// The key of a stream, bound to what `identity` names.
    pub(super) fn of(
        order: &Order,
        stream: &StreamOrder,
        rendition: &Rendition,
        identity: &[u8],
    ) -> Result<Self, PackageError> {
        let Some(found) = find(order, stream, rendition)? else {
            return Ok(Self { protect: Protect::Clear, key: None });
        };
        let track_key = TrackKey::new(found.kid, &found.key, identity);
        let ivs = chosen(order, track_key.ivs.clone());
        let track_key = TrackKey { ivs: ivs.clone(), ..track_key };
        let systems = systems(order, found.kid, &track_key.key)?;
        let uri = order.key_uri.as_ref().map(|template| template.expand(found.kid, ""));
        let uri = uri.unwrap_or_default();
        let key = Some(RenditionKey { kid: found.kid, ivs, uri, systems, hdcp: None });
        let protect = match Scheme::of(order.protection) {
            Some(scheme) => Protect::Samples(scheme, track_key, None),
            None => Protect::Segment(track_key),
        };
        Ok(Self { protect, key })
    }
}

/// The class of a track as keys are labelled by it.
pub(super) fn label(stream: &StreamOrder, rendition: &Rendition) -> String {
    let class = || TrackClass::of(&rendition.track).label().to_owned();
    stream.label.clone().unwrap_or_else(class)
}

fn find<'a>(
    order: &'a Order,
    stream: &StreamOrder,
    rendition: &Rendition,
) -> Result<Option<&'a LabelledKey>, PackageError> {
    if order.protection == Protection::Clear || stream.clear {
        return Ok(None);
    }
    let label = label(stream, rendition);
    let found = order.keys.iter().find(|key| key.label == label);
    found.map(Some).ok_or_else(|| {
        let known: Vec<&str> = order.keys.iter().map(|key| key.label.as_str()).collect();
        PackageError::refused(format!(
            "{}: no key has the label {label}, only {}: give one, name another by drm_label=, or \
             leave the track clear by skip_encryption=1",
            stream.input.display(),
            known.join(", ")
        ))
    })
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
        let given: Vec<&Pssh> =
            order.boxes.iter().filter(|pssh| system_of(pssh) == row.system).collect();
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
