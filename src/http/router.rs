//! All routes on one page.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use http_body::Body as _;
use hyper::body::Incoming;
use tower::ServiceExt;

use super::admission::Place;
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
        let has_pages = pages.is_some();
        let routes = routes.fallback(async move |uri: Uri| not_found(&uri, has_pages));
        let routes = readable.around(routes).merge(pages.unwrap_or_default());
        let streaming = Some(Streaming { media, guards: readable });
        Self { routes, streaming, key_hosts: KeyHosts::new(Vec::new()) }
    }

    /// Keys and licences, at the root, and nothing else; within limits of its own.
    pub fn of_keys(delivery: Arc<Delivery>, limits: &Limits) -> Self {
        const NOTHING_ELSE: &str = "Keys and licences alone are served here.";
        let routes = delivery::routes(delivery);
        let routes = routes.fallback(async || Problem::not_found(NOTHING_ELSE.to_owned()));
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
        let routes = routes.fallback(async |uri: Uri| not_found(&uri, false));
        let routes = Guards::new(limits).readable().around(routes);
        Self { routes, streaming: None, key_hosts: KeyHosts::new(Vec::new()) }
    }

    /// The answer to a request, where that was answered a moment ago and is still at hand.
    pub(super) fn at_hand(&self, request: &axum::http::Request<Incoming>) -> Option<Answered> {
        let Streaming { media, guards } = self.streaming.as_ref()?;
        let elsewhere = !media::is_streaming(request) || self.key_hosts.serve(request);
        if elsewhere || !request.body().is_end_stream() {
            return None;
        }
        // As for a handler; the other way says what is wrong, if it finds the same.
        let found = catch_unwind(AssertUnwindSafe(|| media.at_hand(request)));
        let response = found.ok().flatten()?;
        // Without a place there is nothing at hand: the other way refuses.
        Some(Answered { response, place: Some(guards.place()?) })
    }

    /// Answers one request.
    pub(super) async fn answer(&self, mut request: Request) -> Answered {
        self.key_hosts.lead(&mut request);
        match &self.streaming {
            Some(Streaming { media, guards }) if media::is_streaming(&request) => {
                guards.answer(request, |request| media.answer(request)).await.into()
            }
            _ => {
                let Ok(response) = self.routes.clone().oneshot(request).await;
                response.into()
            }
        }
    }
}

/// An answer with its place among those under way.
pub(super) struct Answered {
    pub(super) response: Response,
    pub(super) place: Option<Place>,
}

impl From<Response> for Answered {
    fn from(mut response: Response) -> Self {
        let place = response.extensions_mut().remove();
        Self { response, place }
    }
}

fn not_found(uri: &Uri, has_pages: bool) -> Response {
    let listed = if has_pages { "; the start page / lists what is here" } else { "" };
    let problem = || Problem::not_found(format!("No route leads to {:?}{listed}.", uri.path()));
    media::not_found(uri).unwrap_or_else(|| problem().into_response())
}
