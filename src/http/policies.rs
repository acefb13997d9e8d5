//! `crossdomain.xml` and `clientaccesspolicy.xml` at the root of the host: what the CORS fields are
//! for browsers, for players on Flash and Silverlight (ams.md sections 2.7 and 16).

use axum::Router;
use axum::http::{HeaderMap, Method};
use axum::routing::get;
use bytes::Bytes;

use super::respond::{Lifetimes, respond};
use crate::service::origin::{Answer, CachePolicy};

const XML: &str = "application/xml";

const CROSS_DOMAIN: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<cross-domain-policy>
 <site-control permitted-cross-domain-policies="master-only"/>
 <allow-access-from domain="*" secure="false"/>
 <allow-http-request-headers-from domain="*" headers="*" secure="false"/>
</cross-domain-policy>
"#;

const CLIENT_ACCESS: &str = r#"<?xml version="1.0" encoding="utf-8"?>
<access-policy>
 <cross-domain-access>
  <policy>
   <allow-from http-request-headers="*">
    <domain uri="http://*"/>
    <domain uri="https://*"/>
   </allow-from>
   <grant-to>
    <resource path="/" include-subpaths="true"/>
   </grant-to>
  </policy>
 </cross-domain-access>
</access-policy>
"#;

/// The two documents.
#[derive(Debug, Clone)]
pub struct Policies {
    /// `crossdomain.xml`.
    pub cross_domain: Bytes,
    /// `clientaccesspolicy.xml`.
    pub client_access: Bytes,
}

/// Everybody may read, as with CORS.
impl Default for Policies {
    fn default() -> Self {
        Self {
            cross_domain: Bytes::from_static(CROSS_DOMAIN.as_bytes()),
            client_access: Bytes::from_static(CLIENT_ACCESS.as_bytes()),
        }
    }
}

/// The routes of the two documents.
pub(super) fn routes(policies: Policies) -> Router {
    let route = |document: Bytes| {
        let answer = Answer::of_bytes(XML, CachePolicy::Download, document);
        get(move |method: Method, headers: HeaderMap| async move {
            respond(answer, &method, &headers, &Lifetimes::default()).await
        })
    };
    Router::new()
        .route("/crossdomain.xml", route(policies.cross_domain))
        .route("/clientaccesspolicy.xml", route(policies.client_access))
}
