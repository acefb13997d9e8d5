//! Requests whose licences another server makes: decided here, then passed on.

use std::sync::Arc;

use bytes::Bytes;

use super::{Delivery, DeliveryError, Granted, KeyRequest};
use crate::license::upstream::{Ask, Licence, Passed};
use crate::license::{GrantedKey, System};
use crate::service::upstream::Upstream;
use crate::token::Bearer;

/// Who makes the licence of a request.
pub enum Route {
    /// This server.
    Here(Granted),
    /// Another one.
    Elsewhere(Forward),
}

/// A request that was granted and waits for the other server.
pub struct Forward {
    granted: Granted,
    upstream: Arc<Upstream>,
}

impl Delivery {
    /// Decides on a request, and on who makes its licence: the server that the options name which
    /// decided. A request is not cut for another server, nor sent to two: of all keys that it asks for
    /// each must be granted, and for the same server.
    ///
    /// # Errors
    /// [`DeliveryError`] as of [`Self::grant`]; [`DeliveryError::Upstream`] when the other server is not
    /// known or has no licences of the system.
    pub async fn route(&self, request: &KeyRequest<'_>) -> Result<Route, DeliveryError> {
        let (granted, refusal) = self.decide(request).await?;
        let Some(granted) = granted else { return Err(refusal) };
        if granted.is_made_here() {
            return Ok(Route::Here(granted));
        }
        let found = match granted.upstream() {
            _ if granted.keys().len() != request.kids.len() => Err(refusal),
            None => Err(DeliveryError::SeveralServers),
            Some(name) => self.upstreams.find(name, request.system).map_err(DeliveryError::from),
        };
        match found {
            Ok(upstream) => Ok(Route::Elsewhere(Forward { granted, upstream })),
            Err(error) => {
                granted.refused(error.reason());
                Err(error)
            }
        }
    }

    /// Whether licences of other servers may be given at all.
    pub fn has_upstreams(&self) -> bool {
        !self.upstreams.is_empty()
    }

    /// The certificate that clients of other servers need beforehand, where there is one. Whoever
    /// configured it means it for all clients, so it goes before that of this server.
    pub fn certificate_elsewhere(&self, system: System) -> Option<&Bytes> {
        self.upstreams.certificate(system)
    }

    /// That of one server, where it has one.
    ///
    /// # Errors
    /// [`DeliveryError::Upstream`] when the server is not known or has no licences of the system.
    pub fn certificate_of(
        &self,
        name: &str,
        system: System,
    ) -> Result<Option<Bytes>, DeliveryError> {
        Ok(self.upstreams.find(name, system)?.certificate().cloned())
    }
}

impl Forward {
    /// The keys that are asked for; never none.
    pub fn keys(&self) -> &[GrantedKey] {
        self.granted.keys()
    }

    /// The request is not passed on: what was looked at after the decision spoke against it.
    pub fn refused(self, reason: &'static str) {
        self.granted.refused(reason);
    }

    /// Passes the request on, once.
    ///
    /// # Errors
    /// [`DeliveryError::Upstream`].
    pub async fn licence(
        self,
        passed: &Passed<'_>,
        token: Option<&Bearer>,
    ) -> Result<Licence, DeliveryError> {
        let Self { granted, upstream } = self;
        let ask = Ask { passed, keys: granted.keys(), now: granted.now() };
        let licence = upstream.licence(&ask, token).await;
        match &licence {
            Ok(Licence { refusal: None, .. }) => granted.delivered_by(upstream.name()),
            Ok(_) => granted.refused("upstream-refused"),
            Err(error) => granted.refused(error.reason()),
        }
        Ok(licence?)
    }
}
