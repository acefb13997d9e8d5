//! Data of protection systems in statements: a whole `pssh` box, a PlayReady Object, a `data:` URI.

use std::sync::Arc;

use data_encoding::{BASE64, HEXLOWER};

use super::{Audience, MAX_KIDS, Statement};
use crate::cenc::Scheme;
use crate::drm::describe;
use crate::drm::playready::{Algorithm, Object};
use crate::drm::widevine::{EntitledKey, PsshData};
use crate::ids::{KeyId, SystemId};
use crate::isobmff::FourCc;
use crate::isobmff::cenc::Pssh;

/// Longer data are not decoded, in characters: no client takes as much.
const MAX_DATA: usize = 1 << 20;

/// More systems that one place speaks to are not looked at: each is told all keys, and files come from
/// anybody.
const MAX_SYSTEMS: usize = 256;

pub(super) const TOO_MANY: &str = "there are more of them than are looked at";

/// Adds what a `pssh` at a place says to what those before it said.
pub(super) fn add_system(
    systems: &mut Vec<Statement>,
    source: &Arc<str>,
    place: &str,
    body: &[u8],
) {
    let said = Statement::new(source, place, Audience::Everybody);
    match systems.len() {
        0..MAX_SYSTEMS => systems.push(match Pssh::read(body) {
            Ok(pssh) => said.of_pssh(&pssh),
            Err(error) => said.broken(error),
        }),
        MAX_SYSTEMS => systems.push(said.broken(TOO_MANY)),
        _ => {}
    }
}

/// Name of a system for people.
pub(super) fn name(system: SystemId) -> String {
    system.name().map_or_else(|| system.to_string(), str::to_owned)
}

impl Statement {
    /// The same statement with what a row of `pssh` boxes says; each box is one statement.
    pub(super) fn of_boxes(self, row: &[u8]) -> Vec<Self> {
        match Pssh::read_row(row) {
            Ok(boxes) if boxes.is_empty() => vec![self.broken("there is no pssh box in it")],
            Ok(boxes) => boxes.iter().map(|pssh| self.clone().of_pssh(pssh)).collect(),
            Err(error) => vec![self.broken(error)],
        }
    }

    /// The same statement with what a `pssh` says.
    pub(super) fn of_pssh(mut self, pssh: &Pssh) -> Self {
        self.audience = Audience::System(name(pssh.system));
        self.name_keys(pssh.key_ids.iter().copied());
        self.tell("system", name(pssh.system));
        if !pssh.key_ids.is_empty() {
            let kids: Vec<String> = pssh.key_ids.iter().map(ToString::to_string).collect();
            self.tell("kids", kids.join(" "));
        }
        self.of_data(pssh.system, &pssh.data)
    }

    /// The same statement with what the data of a system say.
    pub(super) fn of_data(mut self, system: SystemId, data: &[u8]) -> Self {
        match describe::describe(system, data) {
            None if data.is_empty() => return self,
            None => self.tell("data bytes", data.len().to_string()),
            Some(Ok(fields)) => fields.iter().for_each(|(name, value)| self.tell(name, value)),
            Some(Err(error)) => return self.broken(error),
        }
        // What was described above reads.
        let kids: Vec<KeyId> = match system {
            SystemId::WIDEVINE => self.widevine(data),
            SystemId::PLAY_READY => self.play_ready(data),
            _ => Vec::new(),
        };
        self.name_keys(kids);
        self
    }

    fn widevine(&mut self, data: &[u8]) -> Vec<KeyId> {
        let Ok(data) = PsshData::read(data) else { return Vec::new() };
        self.schemes = widevine_scheme(&data).into_iter().collect();
        let wrapped = data.entitled_keys.iter().take(MAX_KIDS);
        match wrapped.map(EntitledKey::read).collect() {
            Some(wrapped) => self.wrapped = wrapped,
            None => self.broken = Some("a wrapped key lacks what opens it".to_owned()),
        }
        data.kids().chain(data.entitled_kids()).collect()
    }

    fn play_ready(&mut self, data: &[u8]) -> Vec<KeyId> {
        let Ok(header) = Object::read(data).and_then(|object| object.header()) else {
            return Vec::new();
        };
        let algorithm = header.keys.iter().find_map(|key| key.algorithm);
        self.schemes = algorithm.map(schemes).unwrap_or_default().to_vec();
        let sums = header.keys.iter().filter_map(|key| Some((key.kid, key.checksum.clone()?)));
        self.checksums = sums.collect();
        header.keys.iter().map(|key| key.kid).collect()
    }

    /// The same statement with the data of a system in base64, as manifests have them.
    pub(super) fn of_base64(
        self,
        text: &str,
        read: impl FnOnce(Self, &[u8]) -> Vec<Self>,
    ) -> Vec<Self> {
        let text: String = text.split_whitespace().collect();
        match BASE64.decode(text.as_bytes()) {
            Ok(data) if text.len() <= MAX_DATA => read(self, &data),
            Ok(_) => vec![self.broken("the data are over 1 MiB")],
            Err(_) => vec![self.broken("this is not base64")],
        }
    }

    /// The same statement, which cannot be read.
    pub(super) fn broken(mut self, why: impl ToString) -> Self {
        self.broken = Some(why.to_string());
        self
    }

    /// Adds an IV of hexadecimal digits.
    pub(super) fn tell_iv(&mut self, text: &str) {
        let digits = text.strip_prefix("0x").or(text.strip_prefix("0X")).unwrap_or_default();
        let value = u128::from_str_radix(digits, 16).ok().filter(|_| digits.len() == 32);
        match value {
            Some(value) => {
                self.iv = Some(value.to_be_bytes());
                self.tell("IV", HEXLOWER.encode(&value.to_be_bytes()));
            }
            None => self.broken = Some("the IV has not 16 bytes in hexadecimal".to_owned()),
        }
    }
}

/// The base64 text of a `data:` URI; `None` for other addresses.
pub(super) fn data_uri(uri: &str) -> Option<&str> {
    let (head, data) = uri.strip_prefix("data:")?.split_once(',')?;
    head.ends_with(";base64").then_some(data)
}

fn widevine_scheme(data: &PsshData) -> Option<Scheme> {
    Scheme::of_fourcc(FourCc(data.protection_scheme?.to_be_bytes()))
}

fn schemes(algorithm: Algorithm) -> &'static [Scheme] {
    match algorithm {
        Algorithm::AesCtr => &[Scheme::Cenc, Scheme::Cens],
        Algorithm::AesCbc => &[Scheme::Cbcs, Scheme::Cbc1],
        _ => &[],
    }
}
