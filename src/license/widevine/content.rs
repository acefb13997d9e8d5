//! Which keys a request means (widevine.md sections 2 and 4): by the data of a `pssh`, by whole boxes,
//! by the header of a WebM track, or by an identifier of the content that is no key's.

use super::proto::{ContentIdentification, InitDataContent, PsshContent, WebmContent};
use super::{LicenseType, RequestError};
use crate::cenc::Scheme;
use crate::drm::widevine::PsshData;
use crate::ids::{KeyId, SystemId};
use crate::isobmff::FourCc;
use crate::isobmff::cenc::Pssh;

/// KIDs in one request at most; players ask for the keys of one presentation.
pub const MAX_KIDS: usize = 64;

/// Bytes of a request identifier at most; clients make 16 or 32.
const MAX_REQUEST_ID: usize = 256;

/// Bytes of a content identifier at most.
const MAX_CONTENT_ID: usize = 256;

/// `InitData.init_data_type` of WebM.
const WEBM: i32 = 2;

/// What a request asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// The keys, each once, in the order of the request. Empty where only the content is named, or
    /// nothing is.
    pub kids: Vec<KeyId>,
    /// Names the content, in the way of whoever packaged it.
    pub content_id: Option<Vec<u8>>,
    /// All that names content and is no KID, each once: identifiers of content, and of keys in a
    /// spelling that is read nowhere here.
    pub identifiers: Vec<Vec<u8>>,
    /// How the content is protected, where the request says it.
    pub scheme: Option<Scheme>,
    /// The type of licence.
    pub license_type: LicenseType,
    /// Given back byte for byte: the client finds the keys of its session by it.
    pub request_id: Vec<u8>,
}

impl Wanted {
    /// What a request for a new licence names.
    pub(super) fn read(content: &ContentIdentification) -> Result<Self, RequestError> {
        let ContentIdentification { pssh_data, webm_key_id, existing_license, init_data } = content;
        match (pssh_data, webm_key_id, init_data, existing_license) {
            (Some(content), None, None, None) => content.read(),
            (None, Some(content), None, None) => content.read(),
            (None, None, Some(content), None) => content.read(),
            _ => Err(RequestError::Malformed),
        }
    }

    fn new(
        license_type: Option<i32>,
        request_id: Option<&Vec<u8>>,
        named: Named,
    ) -> Result<Self, RequestError> {
        let license_type = LicenseType::read(license_type)?;
        let request_id = request_id.filter(|id| id.len() <= MAX_REQUEST_ID);
        let request_id = request_id.ok_or(RequestError::Malformed)?.clone();
        let Named { kids, content_id, identifiers, scheme } = named;
        Ok(Self { kids, content_id, identifiers, scheme, license_type, request_id })
    }
}

impl PsshContent {
    fn read(&self) -> Result<Wanted, RequestError> {
        let mut named = Named::default();
        self.pssh_data.iter().try_for_each(|data| named.data(data))?;
        Wanted::new(self.license_type, self.request_id.as_ref(), named)
    }
}

impl InitDataContent {
    fn read(&self) -> Result<Wanted, RequestError> {
        let mut named = Named::default();
        let data = self.init_data.as_deref().unwrap_or_default();
        match self.init_data_type {
            Some(WEBM) => named.header(data)?,
            _ => named.data(data)?,
        }
        Wanted::new(self.license_type, self.request_id.as_ref(), named)
    }
}

impl WebmContent {
    fn read(&self) -> Result<Wanted, RequestError> {
        let mut named = Named::default();
        named.header(self.header.as_deref().unwrap_or_default())?;
        Wanted::new(self.license_type, self.request_id.as_ref(), named)
    }
}

/// Whether data begin with a `pssh` box. Bytes that only look like its type may be those of a
/// protocol buffer; the length before them then fits no box.
fn begins_with_box(data: &[u8]) -> bool {
    let Some((size, rest)) = data.split_first_chunk() else { return false };
    let size = usize::try_from(u32::from_be_bytes(*size));
    rest.starts_with(b"pssh") && size.is_ok_and(|size| size <= data.len())
}

/// What the data of a request name, gathered.
#[derive(Default)]
struct Named {
    kids: Vec<KeyId>,
    content_id: Option<Vec<u8>>,
    identifiers: Vec<Vec<u8>>,
    scheme: Option<Scheme>,
}

impl Named {
    /// Data of a `pssh`, or boxes with such data.
    fn data(&mut self, data: &[u8]) -> Result<(), RequestError> {
        if !begins_with_box(data) {
            return self.pssh_data(data);
        }
        for pssh in Pssh::read_row(data).map_err(|_| RequestError::Malformed)? {
            if pssh.system != SystemId::WIDEVINE {
                continue;
            }
            pssh.key_ids.into_iter().try_for_each(|kid| self.kid(kid))?;
            self.pssh_data(&pssh.data)?;
        }
        Ok(())
    }

    fn pssh_data(&mut self, data: &[u8]) -> Result<(), RequestError> {
        let data = PsshData::read(data).map_err(|_| RequestError::Malformed)?;
        // Whoever holds wrapped keys asks for the keys that they are wrapped under.
        data.kids().chain(data.root_kids()).try_for_each(|kid| self.kid(kid))?;
        let scheme = data.protection_scheme.map(|number| FourCc(number.to_be_bytes()));
        self.scheme = self.scheme.or(scheme.and_then(Scheme::of_fourcc));
        data.other_key_ids().try_for_each(|id| self.identifier(id))?;
        let groups = data.group_ids.iter().chain(&data.grouped_license);
        groups.into_iter().try_for_each(|id| self.identifier(id))?;
        if let Some(id) = data.content_id {
            self.identifier(&id)?;
            self.content_id.get_or_insert(id);
        }
        Ok(())
    }

    fn identifier(&mut self, id: &[u8]) -> Result<(), RequestError> {
        if id.len() > MAX_CONTENT_ID {
            return Err(RequestError::Malformed);
        }
        if self.identifiers.iter().any(|known| known == id) {
            return Ok(());
        }
        if self.identifiers.len() == MAX_KIDS {
            return Err(RequestError::TooManyKids);
        }
        self.identifiers.push(id.to_vec());
        Ok(())
    }

    /// The header of a WebM track: the KID itself.
    fn header(&mut self, header: &[u8]) -> Result<(), RequestError> {
        let kid = <[u8; 16]>::try_from(header).map_err(|_| RequestError::Malformed)?;
        self.kid(KeyId::from_bytes(kid))
    }

    fn kid(&mut self, kid: KeyId) -> Result<(), RequestError> {
        if self.kids.contains(&kid) {
            return Ok(());
        }
        if self.kids.len() == MAX_KIDS {
            return Err(RequestError::TooManyKids);
        }
        self.kids.push(kid);
        Ok(())
    }
}
