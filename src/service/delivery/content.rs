//! Keys of content that a request names, but not by its keys.

use super::{Delivery, DeliveryError};
use crate::cenc::{Scheme, scheme};
use crate::ids::{KeyId, LocatorId};
use crate::keys::KeyRecord;
use crate::license::System;
use crate::store::StoreError;

/// What names content: text, or a GUID as text or as 16 bytes.
struct Identifier<'i> {
    text: Option<&'i str>,
    guid: Option<KeyId>,
}

impl<'i> Identifier<'i> {
    fn read(bytes: &'i [u8]) -> Self {
        let text = std::str::from_utf8(bytes).ok();
        let guid = match <[u8; 16]>::try_from(bytes) {
            Ok(bytes) => Some(KeyId::from_bytes(bytes)),
            Err(_) => text.and_then(|text| text.parse().ok()),
        };
        Self { text, guid }
    }
}

/// Whether some keys of a locator for samples, of the schemes in which it has some of `kids`, are not
/// among these.
fn has_others(keys: &[KeyRecord], kids: &[KeyId]) -> bool {
    let schemes: Vec<Scheme> = keys
        .iter()
        .filter(|key| kids.contains(&key.kid))
        .filter_map(|key| Scheme::of(key.protection))
        .collect();
    let is_meant = |scheme| schemes.is_empty() || schemes.contains(&scheme);
    keys.iter()
        .filter(|key| Scheme::of(key.protection).is_some_and(is_meant))
        .any(|key| !kids.contains(&key.kid))
}

impl Delivery {
    /// The keys that an identifier of content stands for: a key itself (16 bytes or a GUID), or the
    /// keys of one scheme of a locator, by its identifier or its name, `most` of them; for Widevine its
    /// root keys, where it has some. Nobody has shown a token yet, so this costs no more than to ask
    /// for a key.
    ///
    /// Where the request names no scheme, it is the first of the table of schemes that the locator
    /// has keys for: `cenc` is what nothing means.
    ///
    /// # Errors
    /// [`DeliveryError::UnknownKey`] when it stands for nothing, and what the store says.
    pub async fn keys_of_content(
        &self,
        content_id: &[u8],
        (system, scheme): (System, Option<Scheme>),
        most: usize,
    ) -> Result<Vec<KeyId>, DeliveryError> {
        let Identifier { text, guid } = Identifier::read(content_id);
        if let Some(kid) = guid {
            if !self.store.keys(&[kid]).await?.is_empty() {
                return Ok(vec![kid]);
            }
            let locator = LocatorId::from_bytes(*kid.as_bytes());
            match self.common_keys(locator, (system, scheme), most).await {
                Err(DeliveryError::UnknownKey) => {}
                found => return found,
            }
        }
        let name = text.ok_or(DeliveryError::UnknownKey)?;
        let locator = self.store.locator_named(name).await?.ok_or(DeliveryError::UnknownKey)?;
        self.common_keys(locator, (system, scheme), most).await
    }

    /// Whether these keys are all that an identifier may stand for, whoever reads it: a key, and of
    /// each locator that it names all keys for samples, or those of the schemes of these keys. What is
    /// not known here stands for nothing.
    ///
    /// # Errors
    /// What the store says.
    pub async fn stands_for_no_other(
        &self,
        content_id: &[u8],
        kids: &[KeyId],
    ) -> Result<bool, DeliveryError> {
        let Identifier { text, guid } = Identifier::read(content_id);
        if let Some(kid) = guid
            && !kids.contains(&kid)
            && !self.store.keys(&[kid]).await?.is_empty()
        {
            return Ok(false);
        }
        let named = match text {
            Some(name) => self.store.locator_named(name).await?,
            None => None,
        };
        let locators = guid.map(|guid| LocatorId::from_bytes(*guid.as_bytes()));
        for locator in locators.into_iter().chain(named) {
            let keys = match self.store.locator(locator).await {
                Ok(locator) => self.store.keys_of(locator.id).await?,
                Err(StoreError::NotFound { .. }) => continue,
                Err(error) => return Err(error.into()),
            };
            if has_others(&keys, kids) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The keys under which a locator's samples are encrypted. Of a locator that is not there not even
    /// that it has no keys is kept.
    async fn common_keys(
        &self,
        locator: LocatorId,
        (system, scheme): (System, Option<Scheme>),
        most: usize,
    ) -> Result<Vec<KeyId>, DeliveryError> {
        let locator = self.store.locator(locator).await?;
        let keys = self.store.keys_of(locator.id).await?;
        let of = |scheme: Scheme| {
            let is_of = move |key: &&KeyRecord| Scheme::of(key.protection) == Some(scheme);
            let has_roots = keys.iter().filter(is_of).any(KeyRecord::is_root);
            let roots = system == System::Widevine && has_roots;
            let wanted = |key: &&KeyRecord| key.is_root() == roots;
            keys.iter()
                .filter(is_of)
                .filter(wanted)
                .take(most)
                .map(|key| key.kid)
                .collect::<Vec<_>>()
        };
        match scheme {
            Some(scheme) => Ok(of(scheme)),
            None => {
                let mut found = scheme::TABLE.iter().map(|row| of(row.scheme));
                Ok(found.find(|kids| !kids.is_empty()).unwrap_or_default())
            }
        }
    }
}
