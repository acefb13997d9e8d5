//! What would be served of a locator, judged before it is made: what cannot be right later is refused
//! now, with the member of the streaming policy named.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::cenc::Scheme;
use crate::inspect::consistency::{Difference, Known, KnownKeys};
use crate::inspect::movie::Init;
use crate::inspect::{Kind, ReadError, Track, fragment, kind, mpd, playlists, smooth, verdict};
use crate::isobmff::{FourCc, children};
use crate::keys::KeyRecord;
use crate::media::timeline::Cut;
use crate::media::{Asset, Rendition};
use crate::package::filter::Facts;
use crate::package::format::{Format, Protocol, TABLE};
use crate::package::presentation::DeliveryUrls;
use crate::package::support::{self, Unsupported};
use crate::policy::StreamingPolicy;
use crate::policy::streaming::EncryptedBlock;
use crate::protection::{self, Protection};
use crate::service::origin::{CacheSizes, Code, Draft, LoadedAsset, Origin, OriginError};
use crate::service::publish::PublishError;
use crate::store::{self, Store};

/// Stands for the address of this server, which a locator does not depend on.
const ORIGIN: &str = "https://origin.example/keydelivery";

/// Protocols with their names in streaming policies.
const PROTOCOLS: &[(Protocol, &str)] =
    &[(Protocol::Dash, "dash"), (Protocol::Hls, "hls"), (Protocol::Smooth, "smoothStreaming")];

/// Judges locators that are to be made.
#[derive(Clone)]
pub(super) struct Preflight {
    store: Store,
    origin: Origin,
}

/// What a locator would serve under one protection by one protocol.
struct Form {
    format: Format,
    protection: Protection,
    /// The member of the policy that says so.
    member: String,
}

impl Form {
    /// Its manifest, behind the base of addresses.
    fn manifest(&self) -> String {
        let encryption = self.protection.row();
        let encryption = encryption.map(|row| format!(",encryption={}", row.url_value));
        let encryption = encryption.unwrap_or_default();
        format!("manifest(format={}{encryption})", self.format.row().selector)
    }
}

impl Preflight {
    pub(super) fn new(store: Store) -> Self {
        // Indexes are kept for the next locator of the asset; nothing else is asked for twice.
        let caches = CacheSizes { indexes: 64 << 20, documents: 0, plans: 0 };
        let clock = crate::service::delivery::system_clock();
        Self { origin: Origin::new(store.clone(), clock, caches, Default::default()), store }
    }

    /// Refuses a locator under which a track could not be played, or would be announced wrongly. Of
    /// assets whose folder is not there, nothing is known.
    pub(super) async fn check(
        &self,
        draft: &Draft,
        asset: &store::Asset,
    ) -> Result<(), PublishError> {
        let loaded = self.origin.asset_of(asset, &draft.locator).await;
        let Some(loaded) = loaded.map_err(|error| refusal("assetName", &error.detail))? else {
            return Ok(());
        };
        names(&draft.policy, &loaded.asset)?;
        if let Some(scheme) = loaded.asset.sealed() {
            // Their keys are known to others.
            for form in &passed(&draft.policy, scheme)? {
                self.signalling(draft, &loaded, form, None).await?;
            }
            return Ok(());
        }
        let known = self.known(&draft.records)?;
        let (forms, mut served) = (forms(&draft.policy), 0);
        for form in &forms {
            codecs(form, &draft.policy, &loaded.asset)?;
            addresses(form, draft, &loaded.asset)?;
            served += usize::from(self.signalling(draft, &loaded, form, Some(&known)).await?);
        }
        let is_clear = PROTOCOLS.iter().any(|(p, _)| draft.policy.allows(*p, Protection::Clear));
        if served == 0 && !forms.is_empty() && !is_clear && draft.locator.schedule.is_some() {
            let rule = "no protocol of the streaming policy can say which key is for what";
            return Err(refusal("keyRotation", rule));
        }
        Ok(())
    }

    fn known(&self, records: &[KeyRecord]) -> Result<KnownKeys, PublishError> {
        let known = |record: &KeyRecord| {
            let key = Some(self.store.vault().material(record)?);
            Ok((record.kid, Known { scheme: Scheme::of(record.protection), key }))
        };
        records.iter().map(known).collect()
    }

    /// Writes manifest, playlists, init segments and some fragment headers, reads them as a client
    /// does, and compares. Gives whether the format has a form for what the locator is.
    async fn signalling(
        &self,
        draft: &Draft,
        loaded: &Arc<LoadedAsset>,
        form: &Form,
        known: Option<&KnownKeys>,
    ) -> Result<bool, PublishError> {
        let stem = loaded.manifest_stem.as_deref().unwrap_or(&draft.locator.asset);
        let client = Client {
            origin: &self.origin,
            draft,
            loaded,
            base: format!("/{}/{stem}.ism/", draft.locator.id),
            delivery: DeliveryUrls { base: ORIGIN.to_owned() },
        };
        let found = match client.differences(form, known).await {
            Ok(None) => client.fragments(form, known).await,
            found => found,
        };
        let found = match found {
            // The format has no form for what the asset holds, which was judged above, or for keys that
            // rotate: other formats have.
            Err(error) if is_unsupported(error.code) => return Ok(false),
            Err(error)
                if draft.locator.schedule.is_some()
                    && error.code == Code::OUTPUT_PROTECTION_NOT_SUPPORTED =>
            {
                return Ok(false);
            }
            Err(error) => return Err(refusal(&form.member, &error.detail)),
            Ok(found) => found,
        };
        found.map_or(Ok(true), |difference| Err(refusal(&form.member, &difference.to_string())))
    }
}

/// Refusals that are about codecs and not about keys.
fn is_unsupported(code: Code) -> bool {
    [
        Code::VIDEO_ENCODING_NOT_SUPPORTED,
        Code::AUDIO_ENCODING_NOT_SUPPORTED,
        Code::MEDIA_ENCODING_NOT_SUPPORTED,
        Code::ENCRYPTION_NOT_SUPPORTED,
    ]
    .contains(&code)
}

fn refusal(member: &str, rule: &str) -> PublishError {
    PublishError::Unservable { member: member.to_owned(), rule: rule.to_owned() }
}

/// The forms under a key, each in the first format that has it: all formats of a protocol name keys
/// alike. Files on demand are left out, as their indexes need the media.
fn forms(policy: &StreamingPolicy) -> Vec<Form> {
    let mut forms = Vec::new();
    for (protocol, name) in PROTOCOLS {
        for row in protection::TABLE {
            let protection = row.protection;
            let fits = |format: &&crate::package::format::Row| {
                format.protocol == *protocol
                    && format.format.supports(protection)
                    && !format.format.has_files()
            };
            let Some(format) = TABLE.iter().find(fits) else { continue };
            if policy.allows(*protocol, protection) {
                let member = format!("{}.enabledProtocols.{name}", row.block);
                forms.push(Form { format: format.format, protection, member });
            }
        }
    }
    forms
}

/// The forms of media that are encrypted already, in one format of each protocol; each file on demand
/// and each download has what those have. Refuses to protect them once more, and locators that have no
/// form for them.
fn passed(policy: &StreamingPolicy, scheme: Scheme) -> Result<Vec<Form>, PublishError> {
    if let Some(form) = forms(policy).first() {
        let rule = "already-encrypted: the asset is passed through as it is, and not encrypted once \
                    more: publish it under a streaming policy that encrypts nothing";
        return Err(refusal(&form.member, rule));
    }
    let is_clear = |protocol| policy.allows(protocol, Protection::Clear);
    let forms =
        PROTOCOLS.iter().filter(|(protocol, _)| is_clear(*protocol)).filter_map(|(p, name)| {
            let passes = |row: &&crate::package::format::Row| {
                row.protocol == *p && !row.format.has_files() && support::passes(row.format, scheme)
            };
            let format = TABLE.iter().find(passes)?.format;
            let member = format!("noEncryption.enabledProtocols.{name}");
            Some(Form { format, protection: Protection::Clear, member })
        });
    let forms: Vec<Form> = forms.collect();
    if is_clear(Protocol::Download) || !forms.is_empty() {
        return Ok(forms);
    }
    let scheme = scheme.row().fourcc;
    let rule = format!(
        "already-encrypted: no protocol of the streaming policy has a form for media that are passed \
         through under {scheme}"
    );
    Err(refusal("streamingPolicyName", &rule))
}

/// Refuses entries that name tracks which the asset does not have. Other conditions may select
/// nothing: one policy serves assets with and without UHD.
fn names(policy: &StreamingPolicy, asset: &Asset) -> Result<(), PublishError> {
    let renditions = asset.video.iter().chain(&asset.audio).map(|rendition| &rendition.name);
    let names: Vec<&String> = renditions.chain(asset.text.iter().map(|text| &text.name)).collect();
    for row in protection::TABLE {
        let Some(block) = policy.block(row.protection).filter(|b| b.enabled_protocols.any()) else {
            continue;
        };
        for (path, selection) in block.selections() {
            for (n, name) in selection.names() {
                if !names.iter().any(|known| *known == name) {
                    let member = format!("{}.{path}.trackSelections[{n}].value", row.block);
                    return Err(refusal(&member, &format!("the asset has no track {name:?}")));
                }
            }
        }
    }
    Ok(())
}

/// Refuses pairs of protection and codec that no format of the protocol defines, where the clear form
/// has the track.
fn codecs(form: &Form, policy: &StreamingPolicy, asset: &Asset) -> Result<(), PublishError> {
    let protocol = form.format.row().protocol;
    let formats: Vec<Format> = TABLE
        .iter()
        .filter(|row| row.protocol == protocol && row.format.supports(form.protection))
        .map(|row| row.format)
        .collect();
    for rendition in asset.video.iter().chain(&asset.audio) {
        if policy.label_of(form.protection, &Facts::of(rendition)).is_none() {
            continue;
        }
        let checked =
            formats.iter().map(|format| support::check(&rendition.track, *format, form.protection));
        let refused: Option<Vec<Unsupported>> = checked.map(Result::err).collect();
        if refused.is_some_and(|why| why.contains(&Unsupported::Protection)) {
            let Rendition { name, track, .. } = rendition;
            let rule = format!(
                "track {name:?} is {}, which cannot be protected that way: serve it by another \
                 block, or name it in clearTracks",
                track.codec_string()
            );
            return Err(refusal(&form.member, &rule));
        }
    }
    Ok(())
}

/// Refuses addresses that are one where there are several keys, and the reverse.
fn addresses(form: &Form, draft: &Draft, asset: &Asset) -> Result<(), PublishError> {
    let protection = form.protection;
    let Some((row, block)) = protection.row().zip(draft.policy.block(protection)) else {
        return Ok(());
    };
    let periods = draft.locator.periods();
    if periods > 1 && block.keys_have_one_address() {
        let rule = "the keys rotate and would have one address: {ContentKeyId} is needed";
        return Err(refusal(&format!("{}.customKeyAcquisitionUrlTemplate", row.block), rule));
    }
    let label = |rendition: &Rendition| {
        let label = draft.policy.label_of(protection, &Facts::of(rendition));
        label.map(str::to_owned)
    };
    let labels: HashSet<String> = asset.renditions().filter_map(label).collect();
    let is_smooth = form.format.row().protocol == Protocol::Smooth;
    if is_smooth && labels.len() > 1 && block.play_ready_names_key() {
        let member = "drm.playReady.customLicenseAcquisitionUrlTemplate";
        let rule = "a Smooth manifest has one address for all keys of the asset: no {ContentKeyId}";
        return Err(refusal(&format!("{}.{member}", row.block), rule));
    }
    Ok(())
}

/// Whoever reads a presentation before it is there.
struct Client<'a> {
    origin: &'a Origin,
    draft: &'a Draft,
    loaded: &'a Arc<LoadedAsset>,
    /// What addresses are relative to.
    base: String,
    delivery: DeliveryUrls,
}

impl Client<'_> {
    /// The first difference in what is said of keys.
    async fn differences(
        &self,
        form: &Form,
        known: Option<&KnownKeys>,
    ) -> Result<Option<Difference>, OriginError> {
        let manifest = form.manifest();
        let mut inits = HashMap::new();
        for (folder, track) in self.tracks(&manifest).await? {
            let uri = track.init.as_ref().and_then(|part| part.uri.as_ref());
            let uri = uri.map(|uri| format!("{folder}{uri}"));
            if let Some(uri) = &uri
                && !inits.contains_key(uri)
            {
                let source: Arc<str> = uri.as_str().into();
                let init = Init::read(&source, &self.get(uri).await?[..]);
                let init = init.map_err(|error| unreadable(uri, &error))?;
                inits.insert(uri.clone(), init);
            }
            let init = uri.and_then(|uri| inits.get(&uri));
            if let Some(found) = verdict::of_track(&track, init, known).into_iter().next() {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The first difference in what protected fragments say of their keys. That they can be made is
    /// judged with it: samples that no scheme can map are found by mapping them.
    async fn fragments(
        &self,
        form: &Form,
        known: Option<&KnownKeys>,
    ) -> Result<Option<Difference>, OriginError> {
        let path = format!("{}{}", self.base, form.manifest());
        let lead = self.draft.policy.block(form.protection).map_or(0, EncryptedBlock::clear_lead);
        for rendition in self.loaded.asset.renditions() {
            let label = self.draft.policy.label_of(form.protection, &Facts::of(rendition));
            let sealed = rendition.track.sealed.as_ref();
            if label.is_none() && sealed.is_none() {
                continue;
            }
            let leads = |cut: &&Cut| {
                cut.start < lead || sealed.is_some_and(|sealed| sealed.leads(cut.sample))
            };
            let first = rendition.cuts.starts.iter().take_while(leads).count();
            let last = rendition.cuts.len().saturating_sub(1);
            for n in [first.min(last), last] {
                let fragment = (rendition, n);
                let plan =
                    self.origin.preview_fragment(self.draft, self.loaded, &path, fragment).await;
                let plan = match plan {
                    Err(error) if is_unsupported(error.code) => break,
                    plan => plan?,
                };
                let name: Arc<str> = format!("{}, fragment {n}", rendition.name).into();
                // Media data stand behind it, of which only the header is there.
                let mut boxes = children(FourCc(*b"file"), plan.head()).map_while(Result::ok);
                let Some(moof) = boxes.find(|found| &found.kind.0 == b"moof") else { continue };
                let found = fragment::differences(&name, 0, moof.raw, known);
                let found = found.map_err(|error| unreadable(&name, &error))?;
                if let Some(difference) = found.into_iter().next() {
                    return Ok(Some(difference));
                }
            }
        }
        Ok(None)
    }

    /// The tracks of a manifest and of the playlists that it lists, each with what stands in front of
    /// references in it.
    async fn tracks(&self, uri: &str) -> Result<Vec<(String, Track)>, OriginError> {
        let list = self.read(uri).await?;
        let mut tracks: Vec<_> = list.tracks.into_iter().map(|t| (String::new(), t)).collect();
        for child in list.children {
            let folder = child.uri.rsplit_once('/').map_or("", |(folder, _)| folder);
            let own = self.read(&child.uri).await?.tracks.into_iter();
            tracks.extend(own.map(|track| (format!("{folder}/"), track)));
        }
        Ok(tracks)
    }

    async fn read(&self, uri: &str) -> Result<playlists::Playlist, OriginError> {
        let (data, source) = (self.get(uri).await?, Arc::from(uri));
        let text = std::str::from_utf8(&data).map_err(|error| unreadable(uri, &error))?;
        let read = match kind(&data) {
            Some(Kind::Playlist) => playlists::read(&source, text),
            _ => of_xml(&source, text),
        };
        match read {
            // Of keys that rotate often there may be more than are looked at.
            Err(error) if error.is_limit() => Ok(playlists::Playlist::default()),
            read => read.map_err(|error| unreadable(uri, &error)),
        }
    }

    async fn get(&self, uri: &str) -> Result<bytes::Bytes, OriginError> {
        let path = format!("{}{uri}", self.base);
        self.origin.preview(self.draft, self.loaded, &path, &self.delivery).await
    }
}

fn of_xml(source: &Arc<str>, text: &str) -> Result<playlists::Playlist, ReadError> {
    let document = crate::xml::parse(text)?;
    let root = document.root_element();
    let tracks = match root.tag_name().name() {
        "MPD" => mpd::tracks(source, root)?,
        _ => smooth::tracks(source, root)?,
    };
    Ok(playlists::Playlist { children: Vec::new(), tracks })
}

fn unreadable(uri: &str, error: &dyn std::fmt::Display) -> OriginError {
    OriginError::new(Code::STORAGE_FAILURE, format!("{uri}: {error}"))
}
