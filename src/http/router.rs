//! All routes on one page, and the layers around them.

use std::any::Any;
use std::sync::Arc;

use axum::Router;
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use tokio::sync::Semaphore;
use tower_http::catch_panic::CatchPanicLayer;

use super::limits::Limits;
use super::media::Media;
use super::policies::Policies;
use super::problem::Problem;
use super::{admission, cors, delivery, media, ops, pages, policies, upload};
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
    guards.readable(routes).merge(pages)
}

/// Puts around `routes`, and around the answer to all other paths, what answers to players go
/// through.
pub fn layered(routes: Router, limits: &Limits) -> Router {
    Guards::new(limits).readable(routes)
}

/// What every answer goes through; the limits hold over all routes together.
struct Guards {
    limits: Arc<Limits>,
    places: Arc<Semaphore>,
}

impl Guards {
    fn new(limits: &Limits) -> Self {
        Self {
            limits: Arc::new(limits.clone()),
            places: Arc::new(Semaphore::new(limits.requests.min(Semaphore::MAX_PERMITS))),
        }
    }

    /// Outermost last: complete and small request bodies, a bounded number at once, an answer even
    /// when a handler panics.
    fn around(&self, routes: Router) -> Router {
        let (limits, places) = (Arc::clone(&self.limits), Arc::clone(&self.places));
        routes
            .method_not_allowed_fallback(method_not_allowed)
            .layer(from_fn_with_state(limits, upload::gather))
            .layer(from_fn_with_state(places, admission::admit))
            .layer(CatchPanicLayer::custom(panicked))
    }

    /// The same, and readable from every origin.
    fn readable(&self, routes: Router) -> Router {
        self.around(routes.fallback(not_found)).layer(from_fn(cors::allow))
    }
}

async fn not_found(uri: Uri) -> Problem {
    Problem {
        status: StatusCode::NOT_FOUND,
        code: "not-found",
        title: "There is nothing at this address",
        detail: format!("No route leads to {:?}; the start page / lists what is here.", uri.path()),
    }
}

/// The `Allow` field is added by the router, which knows the methods of the route.
async fn method_not_allowed(method: Method, uri: Uri) -> Problem {
    Problem {
        status: StatusCode::METHOD_NOT_ALLOWED,
        code: "method-not-allowed",
        title: "The method is not offered at this address",
        detail: format!("{:?} is not answered with {method}; see Allow.", uri.path()),
    }
}

/// The panic message went to the log through the panic hook; it may hold anything, so it is not
/// repeated to the client.
fn panicked(_: Box<dyn Any + Send>) -> Response {
    Problem {
        status: StatusCode::INTERNAL_SERVER_ERROR,
        code: "internal-error",
        title: "The server made a mistake",
        detail: "The request could not be finished; the log has the reason.".to_owned(),
    }
    .into_response()
}
