//! To which protection systems the keys of a request are announced, and where their licences are: by
//! the streaming policy, with addresses of this server where it names none (ams.md section 7.2).

use std::collections::HashMap;
use std::sync::Arc;

use super::{Code, Context, Origin, OriginError};
use crate::cenc::Scheme;
use crate::drm::playready::{self, Header, HeaderKey, Object};
use crate::drm::widevine::PsshData;
use crate::ids::KeyId;
use crate::isobmff::cenc::Pssh;
use crate::keys::KeyRecord;
use crate::media::Rendition;
use crate::package::announced::{Announced, Custom, HdcpLevel, System, without_skd};
use crate::package::cmaf::InBand;
use crate::package::filter::Facts;
use crate::package::passed;
use crate::package::presentation::DeliveryUrls;
use crate::policy::UrlTemplate;
use crate::policy::streaming::{
    CustomSystem, EncryptedBlock, FairPlay, Marlin, OutputProtection, PlayReady, Widevine,
};
use crate::protection::Protection;

/// What manifests say of each key in force.
pub(super) type KeyAddresses = HashMap<KeyId, Addresses>;

/// What manifests say of a key.
#[derive(Debug, Clone)]
pub(super) struct Addresses {
    /// Where its bytes are.
    pub(super) uri: String,
    /// The systems that it is announced to.
    pub(super) systems: Arc<[Announced]>,
    /// What outputs of clients must have.
    pub(super) hdcp: Option<HdcpLevel>,
}

impl Origin {
    /// What manifests say of all keys that may be in force.
    pub(super) fn addresses(
        &self,
        context: &Context,
        delivery: &DeliveryUrls,
    ) -> Result<KeyAddresses, OriginError> {
        let of = |record: &KeyRecord| {
            let uri = Addressing::new(context, record, Some(delivery)).uri();
            let systems = self.systems(context, record, Some(delivery))?;
            let hdcp = output(context, record).and_then(|output| output.hdcp_level);
            Ok((record.kid, Addresses { uri, systems, hdcp }))
        };
        context.keys_in_force().map(of).collect()
    }

    /// The systems to which a rendition is announced.
    pub(super) fn systems_of(
        &self,
        context: &Context,
        rendition: &Rendition,
        period: u32,
        delivery: &DeliveryUrls,
    ) -> Result<Arc<[Announced]>, OriginError> {
        if let Some(sealed) = &rendition.track.sealed {
            return Ok(passed::boxes(sealed));
        }
        match context.key_in(&Facts::of(rendition), period)? {
            Some(record) => self.systems(context, record, Some(delivery)),
            None => Ok([].into()),
        }
    }

    /// What fragments announce where keys rotate. Their bytes do not depend on the address under which
    /// a client knows this server: licences are where manifest and init segment say.
    pub(super) fn in_band(
        &self,
        context: &Context,
        record: &KeyRecord,
    ) -> Result<InBand, OriginError> {
        if context.locator.schedule.is_none() {
            return Ok(None);
        }
        let systems = self.systems(context, record, None)?;
        Ok(Some(systems.iter().filter_map(|system| system.pssh.clone()).collect()))
    }

    fn systems(
        &self,
        context: &Context,
        record: &KeyRecord,
        delivery: Option<&DeliveryUrls>,
    ) -> Result<Arc<[Announced]>, OriginError> {
        let addressing = Addressing::new(context, record, delivery);
        let (Some(block), Some(scheme)) = (addressing.block, Scheme::of(context.protection)) else {
            return Ok([].into());
        };
        let drm = block.drm.clone().unwrap_or_default();
        let play_ready = drm.play_ready.map(|system| {
            let key = |record: &&KeyRecord| {
                let key = self.track_key(context, record, &[])?.key;
                let checksum = playready::checksum(record.kid, &key);
                Ok::<_, OriginError>(HeaderKey::new(record.kid, scheme, checksum))
            };
            let keys = context.announced_with(record).iter().map(key).collect::<Result<_, _>>()?;
            addressing.play_ready(&system, keys)
        });
        let widevine = drm.widevine.map(|system| {
            let data = self.widevine_data(context, record, scheme)?;
            // Licences are of the root key where there is one: one address for all periods.
            let licensed = context.keys.root_of(record).unwrap_or(record).kid;
            Ok::<_, OriginError>(addressing.widevine(&system, licensed, &data))
        });
        let systems = [
            play_ready.transpose()?,
            widevine.transpose()?,
            drm.fair_play.map(|system| addressing.fair_play(&system)),
            drm.marlin.map(|system| addressing.marlin(&system)),
        ];
        let custom = drm.custom_systems.iter().map(|system| addressing.custom(system));
        let clear_key =
            block.announces_clear_key().then(|| addressing.clear_key(block, context.protection));
        let systems = systems.into_iter().flatten().chain(custom).chain(clear_key);
        let robustness = output(context, record).map(|output| &output.robustness);
        let demand = |announced: Announced| Announced {
            robustness: robustness.map_or_else(Vec::new, |all| all.of(announced.system)),
            ..announced
        };
        Ok(systems.map(demand).collect())
    }
}

impl Origin {
    /// Names of the keys that are asked for with a key, or, where they have root keys, the keys
    /// themselves, wrapped.
    fn widevine_data(
        &self,
        context: &Context,
        record: &KeyRecord,
        scheme: Scheme,
    ) -> Result<PsshData, OriginError> {
        let together = context.announced_with(record);
        let entitled = |record: &&KeyRecord| {
            let root = context.keys.root_of(record)?;
            Some(self.entitled(record, root))
        };
        let entitled = together.iter().filter_map(entitled).collect::<Result<Vec<_>, _>>()?;
        Ok(match entitled.is_empty() {
            true => PsshData::new(&together.iter().map(|key| key.kid).collect::<Vec<_>>(), scheme),
            false => PsshData::entitled(entitled, scheme),
        })
    }
}

/// What the policy demands of outputs and clients of a key.
fn output<'a>(context: &'a Context, record: &KeyRecord) -> Option<&'a OutputProtection> {
    context.block().and_then(|block| block.output_protection(&record.label))
}

/// Addresses for one key of a locator.
#[derive(Clone)]
struct Addressing<'a> {
    block: Option<&'a EncryptedBlock>,
    media_id: &'a str,
    kid: KeyId,
    /// All keys that are asked for with it, itself among them.
    together: Vec<KeyId>,
    /// `None` where addresses of this server are not told.
    delivery: Option<&'a DeliveryUrls>,
}

impl Context {
    /// A key and those that are announced with it: all of its crypto period, or none. All are in one
    /// order, so that clients see that they are told the same again.
    fn announced_with<'a>(&'a self, record: &'a KeyRecord) -> Vec<&'a KeyRecord> {
        let same_period = |other: &&KeyRecord| other.crypto_period == record.crypto_period;
        match self.block().is_some_and(|block| block.announce_all_keys) {
            true => self.keys_in_force().filter(same_period).collect(),
            false => vec![record],
        }
    }

    /// What the bytes of fragments depend on that name their keys: policies and locators with one
    /// name follow each other, but none is made in the same instant under the same id.
    pub(super) fn in_band_tag(&self) -> Option<Vec<u8>> {
        self.locator.schedule.as_ref()?;
        let created = self.locator.created.as_millisecond().to_be_bytes();
        Some([b"in band", self.locator.id.as_bytes().as_slice(), &created].concat())
    }
}

impl<'a> Addressing<'a> {
    fn new(context: &'a Context, record: &KeyRecord, delivery: Option<&'a DeliveryUrls>) -> Self {
        let media_id = context.locator.alternative_media_id.as_deref().unwrap_or_default();
        let together = context.announced_with(record).iter().map(|record| record.kid).collect();
        Self { block: context.block(), media_id, kid: record.kid, together, delivery }
    }

    /// That of the policy, or else our own.
    fn url(
        &self,
        template: Option<&UrlTemplate>,
        own: impl FnOnce(&DeliveryUrls) -> String,
    ) -> String {
        let own = || self.delivery.map_or_else(String::new, own);
        template.map_or_else(own, |template| template.expand(self.kid, self.media_id))
    }

    /// Where the bytes of the key are.
    fn uri(&self) -> String {
        let template = self.block.and_then(|b| b.custom_key_acquisition_url_template.as_ref());
        self.url(template, |delivery| delivery.raw_key(self.kid))
    }

    /// That of the policy; empty where it has none.
    fn foreign(&self, template: Option<&UrlTemplate>) -> String {
        self.url(template, |_| String::new())
    }

    /// A server of ClearKey licences that the policy names has no address for the bytes of one key:
    /// they are where the policy says so, or here.
    fn clear_key(&self, block: &EncryptedBlock, protection: Protection) -> Announced {
        let licences = block.clear_key_template();
        Announced {
            url: self.url(licences, DeliveryUrls::clear_key),
            key_uri: self.uri(),
            pssh: Some(Pssh::common(self.together.clone())),
            clear_key_lines: block.clear_key_lines(protection).to_vec(),
            ..Announced::new(System::ClearKey)
        }
    }

    fn play_ready(
        &self,
        system: &PlayReady,
        keys: Vec<HeaderKey>,
    ) -> Result<Announced, OriginError> {
        let template = system.custom_license_acquisition_url_template.as_ref();
        let url = self.url(template, DeliveryUrls::play_ready);
        let header = Header {
            la_url: Some(url.clone()).filter(|url| !url.is_empty()),
            custom_attributes: system.play_ready_custom_attributes.clone(),
            ..Header::new(keys)
        };
        let pssh = Object::new(&header).pssh().map_err(|error| {
            OriginError::new(Code::OUTPUT_PROTECTION_NOT_SUPPORTED, error.to_string())
        })?;
        let certificate = self.foreign(system.certificate_url_template.as_ref());
        Ok(Announced { url, pssh: Some(pssh), certificate, ..Announced::new(System::PlayReady) })
    }

    fn widevine(&self, system: &Widevine, licensed: KeyId, data: &PsshData) -> Announced {
        let template = system.custom_license_acquisition_url_template.as_ref();
        let of_licence = Self { kid: licensed, ..self.clone() };
        Announced {
            url: of_licence.url(template, |delivery| delivery.widevine(licensed)),
            pssh: Some(data.pssh()),
            certificate: self.foreign(system.certificate_url_template.as_ref()),
            ..Announced::new(System::Widevine)
        }
    }

    fn fair_play(&self, system: &FairPlay) -> Announced {
        let template = system.custom_license_acquisition_url_template.as_ref();
        let key_uri = self.url(template, |delivery| delivery.fair_play_line(self.kid));
        Announced {
            // Ours keeps the scheme that the client came with.
            url: match template {
                Some(_) => without_skd(&key_uri),
                None => self.url(None, |delivery| delivery.fair_play(self.kid)),
            },
            key_uri,
            certificate: self.foreign(system.certificate_url_template.as_ref()),
            ..Announced::new(System::FairPlay)
        }
    }

    fn marlin(&self, system: &Marlin) -> Announced {
        let url = self.foreign(system.custom_license_acquisition_url_template.as_ref());
        Announced { url, ..Announced::new(System::Marlin) }
    }

    fn custom(&self, system: &CustomSystem) -> Announced {
        let key_ids = if system.lists_key_ids { self.together.clone() } else { Vec::new() };
        Announced {
            url: self.foreign(system.custom_license_acquisition_url_template.as_ref()),
            pssh: Some(Pssh { system: system.system_id.0, key_ids, data: system.data.0.clone() }),
            custom: Some(Custom {
                id: system.system_id.0,
                value: system.value.as_ref().map(|value| value.0.to_string()),
                key_format: system.hls_key_format.as_ref().map(|format| format.0.to_string()),
            }),
            ..Announced::new(System::Custom)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::StreamingPolicy;

    const KID: KeyId = KeyId::from_bytes([0xab; 16]);
    const NAMED: &str = "abababab-abab-abab-abab-abababababab";

    const POLICY: &str = r#"{
        "envelopeEncryption": {"enabledProtocols": {"hls": true},
            "customKeyAcquisitionUrlTemplate": "https://k/{AssetAlternativeId}/{ContentKeyId}"},
        "commonEncryptionCenc": {"enabledProtocols": {"dash": true},
            "drm": {"playReady": {
                    "customLicenseAcquisitionUrlTemplate": "https://pr/?a={AlternativeMediaId}&k={ContentKeyId}",
                    "playReadyCustomAttributes": "<X>1</X>"},
                "widevine": {"customLicenseAcquisitionUrlTemplate": "https://wv/{ContentKeyId}"}},
            "clearKeyEncryptionConfiguration": {
                "customKeysAcquisitionUrlTemplate": "https://ck/{AlternativeMediaId}"}},
        "commonEncryptionCbcs": {"enabledProtocols": {"hls": true},
            "drm": {"fairPlay": {"customLicenseAcquisitionUrlTemplate": "skd://fp/{ContentKeyId}"}}}}"#;

    #[test]
    fn addresses_of_the_policy_stand_in_for_ours() {
        let policy = StreamingPolicy::from_properties("mine", POLICY).unwrap();
        let delivery = DeliveryUrls { base: "https://host/keydelivery".to_owned() };
        let of = |protection| Addressing {
            block: policy.block(protection),
            media_id: "film",
            kid: KID,
            together: vec![KID],
            delivery: Some(&delivery),
        };
        assert_eq!(of(Protection::Cbc).uri(), format!("https://k/film/{NAMED}"));
        let (cenc, block) = (of(Protection::Cenc), policy.block(Protection::Cenc).unwrap());
        assert_eq!(cenc.uri(), format!("https://host/keydelivery/?kid={NAMED}"));
        let clear_key = cenc.clear_key(block, Protection::Cenc);
        assert_eq!(clear_key.url, "https://ck/film");
        assert_eq!(clear_key.key_uri, cenc.uri());
        let drm = block.drm.clone().unwrap();
        let widevine = drm.widevine.unwrap();
        for licensed in [KID, KeyId::from_bytes([7; 16])] {
            let announced = cenc.widevine(&widevine, licensed, &PsshData::default());
            assert_eq!(announced.url, format!("https://wv/{licensed}"));
        }
        let keys = vec![HeaderKey::new(KID, Scheme::Cenc, Default::default())];
        let play_ready = cenc.play_ready(&drm.play_ready.unwrap(), keys).unwrap();
        let header = Object::read(play_ready.object()).unwrap().header().unwrap();
        assert_eq!(header.la_url, Some(format!("https://pr/?a=film&k={NAMED}")));
        assert_eq!(header.custom_attributes.unwrap().as_str(), "<X>1</X>");
        let fair_play =
            policy.block(Protection::Cbcs).and_then(|block| block.drm.clone()?.fair_play);
        let fair_play = of(Protection::Cbcs).fair_play(&fair_play.unwrap());
        assert_eq!(fair_play.key_uri, format!("skd://fp/{NAMED}"));
        assert_eq!(fair_play.url, format!("https://fp/{NAMED}"));
    }

    #[test]
    fn our_own_address_for_fairplay_keeps_the_scheme_of_the_client() {
        let delivery = DeliveryUrls { base: "http://host/keydelivery".to_owned() };
        let own = Addressing {
            block: None,
            media_id: "",
            kid: KID,
            together: vec![KID],
            delivery: Some(&delivery),
        };
        let fair_play = own.fair_play(&FairPlay::default());
        let rest = format!("host/keydelivery/FairPlay/?kid={NAMED}");
        assert_eq!(fair_play.key_uri, format!("skd://{rest}"));
        assert_eq!(fair_play.url, format!("http://{rest}"));
    }
}
