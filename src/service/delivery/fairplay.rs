//! Whose credentials FairPlay requests are answered under: those that the option of the policy holds,
//! else those of the server.

use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;
use ring::digest::{Context, SHA256};

use super::{Delivery, DeliveryError};
use crate::ids::KeyId;
use crate::license::fairplay::{Credentials, FairPlayError};
use crate::license::{Refusal, System};
use crate::policy::content_key::fairplay::FairPlayConfiguration;
use crate::policy::{Configuration, PolicyOption};

/// Sets of credentials that stay open, and for how long after their last use: to open one costs
/// milliseconds of work on its password.
const KEPT: u64 = 256;
const KEPT_FOR: Duration = Duration::from_secs(600);

/// By a digest of all that makes them. What does not open is kept too: it would be tried anew for
/// every request.
pub(super) type Opened = Cache<[u8; 32], Option<Arc<Credentials>>>;

pub(super) fn opened() -> Opened {
    Cache::builder().max_capacity(KEPT).time_to_idle(KEPT_FOR).build()
}

impl Delivery {
    /// The credentials under which an option delivers, if there are any.
    ///
    /// # Errors
    /// [`FairPlayError::Credentials`] when those of the policy do not open.
    pub async fn fairplay_credentials(
        &self,
        configuration: &Configuration,
    ) -> Result<Option<Arc<Credentials>>, FairPlayError> {
        match configuration {
            Configuration::FairPlay(option) if option.fair_play_pfx.is_some() => {
                self.of_option(option).await.ok_or(FairPlayError::Credentials).map(Some)
            }
            _ => Ok(self.own_fairplay_credentials()),
        }
    }

    /// Those of the server.
    pub fn own_fairplay_credentials(&self) -> Option<Arc<Credentials>> {
        self.trust.fairplay.as_ref().and_then(|service| service.credentials.clone())
    }

    async fn of_option(&self, option: &FairPlayConfiguration) -> Option<Arc<Credentials>> {
        let opened = self.fairplay_opened.get_with(digest(option), async {
            let option = option.clone();
            let opening = tokio::task::spawn_blocking(move || Credentials::of_option(&option));
            opening.await.ok()?.ok().flatten().map(Arc::new)
        });
        opened.await
    }

    /// The option of FairPlay under which a key is delivered, as far as can be told without a token:
    /// the first of its policy.
    ///
    /// # Errors
    /// [`DeliveryError::UnknownKey`], and [`Refusal::NoOption`] where the policy has none.
    pub async fn fairplay_option(&self, kid: KeyId) -> Result<PolicyOption, DeliveryError> {
        let found = self.store.keys(&[kid]).await?;
        let record = found.first().ok_or(DeliveryError::UnknownKey)?;
        let policy = self.policy_of(record, &*self.store.locator_of(record).await?).await?;
        let is_fairplay =
            |option: &&PolicyOption| option.configuration.kind() == System::FairPlay.kind();
        let found = policy.options.iter().find(is_fairplay);
        Ok(found.ok_or(Refusal::NoOption)?.clone())
    }
}

fn digest(option: &FairPlayConfiguration) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    let password = option.fair_play_pfx_password.as_ref().map(|password| password.expose());
    let [ask, pfx] =
        [&option.ask, &option.fair_play_pfx].map(|it| it.as_ref().map(|it| it.expose()));
    for part in [ask, pfx, password.map(str::as_bytes)] {
        let part = part.unwrap_or_default();
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut digest = [0; 32];
    digest.copy_from_slice(context.finish().as_ref());
    digest
}
