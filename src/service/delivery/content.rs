//! Keys of content that a request names, but not by its keys.

use super::{Delivery, DeliveryError};
use crate::cenc::{Scheme, scheme};
use crate::ids::{KeyId, LocatorId};
use crate::keys::KeyRecord;

impl Delivery {
    /// The keys that an identifier of content stands for: a key itself (16 bytes or a GUID), or the
    /// keys of one scheme of a locator, by its identifier or its name, `most` of them. Nobody has
    /// shown a token yet, so this costs no more than to ask for a key.
    ///
    /// Where the request names no scheme, it is the first of the table of schemes that the locator
    /// has keys for: `cenc` is what nothing means.
    ///
    /// # Errors
    /// [`DeliveryError::UnknownKey`] when it stands for nothing, and what the store says.
    pub async fn keys_of_content(
        &self,
        content_id: &[u8],
        scheme: Option<Scheme>,
        most: usize,
    ) -> Result<Vec<KeyId>, DeliveryError> {
        let text = std::str::from_utf8(content_id).ok();
        let guid = match <[u8; 16]>::try_from(content_id) {
            Ok(bytes) => Some(KeyId::from_bytes(bytes)),
            Err(_) => text.and_then(|text| text.parse().ok()),
        };
        if let Some(kid) = guid {
            if !self.store.keys(&[kid]).await?.is_empty() {
                return Ok(vec![kid]);
            }
            match self.common_keys(LocatorId::from_bytes(*kid.as_bytes()), scheme, most).await {
                Err(DeliveryError::UnknownKey) => {}
                found => return found,
            }
        }
        let name = text.ok_or(DeliveryError::UnknownKey)?;
        let locator = self.store.locator_named(name).await?.ok_or(DeliveryError::UnknownKey)?;
        self.common_keys(locator, scheme, most).await
    }

    /// The keys under which a locator's samples are encrypted. Of a locator that is not there not even
    /// that it has no keys is kept.
    async fn common_keys(
        &self,
        locator: LocatorId,
        scheme: Option<Scheme>,
        most: usize,
    ) -> Result<Vec<KeyId>, DeliveryError> {
        let locator = self.store.locator(locator).await?;
        let keys = self.store.keys_of(locator.id).await?;
        let of = |scheme: Scheme| {
            let is_of = move |key: &&KeyRecord| Scheme::of(key.protection) == Some(scheme);
            keys.iter().filter(is_of).take(most).map(|key| key.kid).collect::<Vec<_>>()
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
