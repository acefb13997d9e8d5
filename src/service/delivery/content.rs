//! Keys of content that a request names, but not by its keys.

use super::{Delivery, DeliveryError};
use crate::ids::{KeyId, LocatorId};
use crate::protection::Protection;

impl Delivery {
    /// The keys that an identifier of content stands for: a key itself (16 bytes or a GUID), or the
    /// Common Encryption keys of a locator, by its identifier or its name, `most` of them. Nobody has
    /// shown a token yet, so this costs no more than to ask for a key.
    ///
    /// # Errors
    /// [`DeliveryError::UnknownKey`] when it stands for nothing, and what the store says.
    pub async fn keys_of_content(
        &self,
        content_id: &[u8],
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
            match self.common_keys(LocatorId::from_bytes(*kid.as_bytes()), most).await {
                Err(DeliveryError::UnknownKey) => {}
                found => return found,
            }
        }
        let name = text.ok_or(DeliveryError::UnknownKey)?;
        let locator = self.store.locator_named(name).await?.ok_or(DeliveryError::UnknownKey)?;
        self.common_keys(locator, most).await
    }

    /// The keys under which a locator's samples are encrypted. Of a locator that is not there not even
    /// that it has no keys is kept.
    async fn common_keys(
        &self,
        locator: LocatorId,
        most: usize,
    ) -> Result<Vec<KeyId>, DeliveryError> {
        let locator = self.store.locator(locator).await?;
        let keys = self.store.keys_of(locator.id).await?;
        let common = keys.iter().filter(|key| key.protection != Protection::Cbc);
        Ok(common.take(most).map(|key| key.kid).collect())
    }
}
