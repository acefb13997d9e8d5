//! All routes on one page.

use std::sync::Arc;

use axum::Router;
use axum::http::{StatusCode, Uri};

use super::guard::Guards;
use super::limits::Limits;
use super::media::Media;
use super::policies::Policies;
use super::problem::Problem;
use super::{delivery, media, ops, pages, policies};
use crate::service::delivery::Delivery;
use crate::service::streams::Catalog;
use crate::store::Store;

/// What the routes are made of.
pub struct Services {
    /// Keys and licences.
    pub delivery: Arc<Delivery>,
    /// Manifests, fragments, downloads.
    pub media: Media,
    /// What plug-ins of other origins may read.
    pub policies: Policies,
    /// The list of streams.
    pub catalog: Catalog,
    /// Asked whether it answers, for readiness.
    pub store: Store,
}

/// The whole application.
pub fn app(services: Services, limits: &Limits) -> Router {
    let Services { delivery, media, policies, catalog, store } = services;
    let guards = Guards::new(limits);
    let routes = Router::new()
        // /healthz  /readyz  /version
        .merge(ops::routes(store))
        // /keydelivery/...
        .merge(delivery::routes(delivery))
        // /crossdomain.xml  /clientaccesspolicy.xml
        .merge(policies::routes(policies))
        // /{locatorId}/...
        .merge(media::routes(media));
    // /  /player  /assets/{name}  /streams.json
    let pages = guards.around(pages::routes(catalog));
    guards.readable().around(routes.fallback(not_found)).merge(pages)
}

/// Puts around `routes`, and around the answer to all other paths, what answers to players go
/// through.
pub fn layered(routes: Router, limits: &Limits) -> Router {
    Guards::new(limits).readable().around(routes.fallback(not_found))
}

async fn not_found(uri: Uri) -> Problem {
    Problem {
        status: StatusCode::NOT_FOUND,
        code: "not-found",
        title: "There is nothing at this address",
        detail: format!("No route leads to {:?}; the start page / lists what is here.", uri.path()),
    }
}
