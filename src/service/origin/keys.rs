//! Which key protects what: today one key for all tracks of a protection.

use std::sync::Arc;

use super::{Code, Context, Origin, OriginError};
use crate::cenc::IvContext;
use crate::crypto::ContentKey;
use crate::ids::KeyId;
use crate::keys::KeyRecord;
use crate::package::compat::Compat;
use crate::package::presentation::{Listed, RenditionKey};
use crate::package::selection::Selected;
use crate::protection::Protection;

impl Origin {
    /// The record of the key in force; `None` when the content is clear.
    pub(super) async fn key_record(
        &self,
        context: &Context,
    ) -> Result<Option<KeyRecord>, OriginError> {
        if context.protection == Protection::Clear {
            return Ok(None);
        }
        let keys: Arc<[KeyRecord]> = self.store.keys_of(context.locator.id).await?;
        let key = keys.iter().find(|key| key.protection == context.protection);
        key.cloned().map(Some).ok_or_else(|| {
            OriginError::new(Code::ENCRYPTION_NOT_SET, "the locator has no key for the encryption")
        })
    }

    pub(super) fn unwrap_key(&self, record: &KeyRecord) -> Result<ContentKey, OriginError> {
        self.store.vault().unwrap(record).map_err(|error| {
            tracing::error!(kid = %record.kid, %error, "a stored key cannot be unwrapped");
            OriginError::new(Code::STORAGE_FAILURE, "the content key cannot be read")
        })
    }
}

impl Context {
    /// The IVs as the profile of the locator wants them.
    pub(super) fn ruled(&self, ivs: IvContext) -> IvContext {
        match self.locator.compat {
            Compat::Ams => ivs.one_for_all(),
            Compat::Modern => ivs,
        }
    }

    /// What manifests list, with the key as they name it; `None` when the content is clear.
    pub(super) fn listed(&self, kid: Option<KeyId>) -> Vec<Listed<'_>> {
        let listed = |Selected { rendition, fragments }| {
            let key = kid.map(|kid| {
                let ivs = IvContext::new(kid, &self.identity(rendition));
                RenditionKey { kid, ivs: self.ruled(ivs) }
            });
            Listed { rendition, key, fragments }
        };
        let visible = |selected: &Selected<'_>| !selected.rendition.traits.hidden;
        self.renditions().filter(visible).map(listed).collect()
    }
}
