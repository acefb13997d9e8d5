//! All routes on one page.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use tower::ServiceExt;

use super::guard::Guards;
use super::key_hosts::KeyHosts;
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
    /// The list of streams, for the pages; none = there are no pages.
    pub catalog: Option<Catalog>,
    /// Asked whether it answers, for readiness.
    pub store: Store,
}

/// The whole application.
#[derive(Clone)]
pub struct App {
    routes: Router,
    streaming: Option<Streaming>,
    key_hosts: KeyHosts,
}

/// The way of most requests: it leads past the routes, which would copy and box each of them.
#[derive(Clone)]
struct Streaming {
    media: Arc<Media>,
    guards: Guards,
}

impl App {
    /// All routes.
    pub fn new(services: Services, limits: &Limits) -> Self {
        let Services { delivery, media, policies, catalog, store } = services;
        let (guards, media) = (Guards::new(limits), Arc::new(media));
        let (readable, for_testers) = (guards.readable(), delivery.is_for_testers());
        let routes = Router::new()
            // /healthz  /readyz  /version
            .merge(ops::routes(store))
            // /keydelivery/...
            .merge(delivery::routes(delivery))
            // /crossdomain.xml  /clientaccesspolicy.xml
            .merge(policies::routes(policies))
            // /{locatorId}/...
            .merge(media::routes(Arc::clone(&media)));
        // /  /player  /assets/{name}  /streams.json
        let pages = catalog.map(|catalog| guards.around(pages::routes(catalog, for_testers)));
        let routes = readable.around(routes.fallback(not_found)).merge(pages.unwrap_or_default());
        let streaming = Some(Streaming { media, guards: readable });
        Self { routes, streaming, key_hosts: KeyHosts::new(Vec::new()) }
    }

    /// Keys and licences, at the root, and nothing else; within limits of its own.
    pub fn of_keys(delivery: Arc<Delivery>, limits: &Limits) -> Self {
        const NOTHING_ELSE: &str = "Keys and licences alone are served here.";
        let routes = delivery::routes(delivery);
        let routes = routes.fallback(async || no_route(NOTHING_ELSE.to_owned()));
        let routes = Guards::new(limits).readable().around(routes);
        Self { routes, streaming: None, key_hosts: KeyHosts::All }
    }

    /// Serves keys and licences at the root of these hosts.
    #[must_use]
    pub fn with_key_hosts(self, hosts: Vec<String>) -> Self {
        Self { key_hosts: KeyHosts::new(hosts), ..self }
    }

    /// Puts around `routes`, and around the answer to all other paths, what answers to players go
    /// through.
    pub fn layered(routes: Router, limits: &Limits) -> Self {
        let routes = Guards::new(limits).readable().around(routes.fallback(not_found));
        Self { routes, streaming: None, key_hosts: KeyHosts::new(Vec::new()) }
    }

    /// Answers one request.
    pub(super) async fn answer(&self, mut request: Request) -> Response {
        self.key_hosts.lead(&mut request);
        match &self.streaming {
            Some(Streaming { media, guards }) if media::is_streaming(&request) => {
                guards.answer(request, |request| Box::pin(media.answer(request))).await
            }
            _ => {
                // Boxed: what every request has room for is small.
                let Ok(response) = Box::pin(self.routes.clone().oneshot(request)).await;
                response
            }
        }
    }
}

async fn not_found(uri: Uri) -> Response {
    let detail = || {
        format!("No route leads to {:?}; docs/ARCHITECTURE.md lists those there are.", uri.path())
    };
    media::not_found(&uri).unwrap_or_else(|| no_route(detail()).into_response())
}

fn no_route(detail: String) -> Problem {
    Problem {
        status: StatusCode::NOT_FOUND,
        code: "not-found",
        title: "There is nothing at this address",
        detail,
    }
}
