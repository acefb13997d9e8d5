//! Stored things as documents in the Azure Media Services v3 shape `{name, type, properties}`.
//!
//! [`TABLE`] is where a kind joins. A name may be as short as it is clear: `filter` or
//! `account/filter`, `asset/filter` or `account/asset/filter`; there is one account, so its name is
//! not looked at.

mod document;
mod locator;

use jiff::Timestamp;
use serde_json::Value;

pub use document::Secrets;
use document::first_difference;

use crate::license::fairplay::Credentials;
use crate::package::filter::{Filter, FilterError};
use crate::policy::{
    ContentKeyPolicy, NAME_RULE, PolicyError, StreamingPolicy, is_legal_name, predefined,
};
use crate::service::publish::{PublishError, Publisher};
use crate::store::{FilterKey, Store, StoreError, StoredFilter};

/// What all types start with; documents may leave it out.
const PROVIDER: &str = "Microsoft.Media/mediaServices/";

/// A kind of stored thing that documents describe. They are stored in this order, so that what
/// others refer to is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ResourceKind {
    /// Who gets keys.
    ContentKeyPolicy,
    /// Which forms of an asset exist.
    StreamingPolicy,
    /// A filter for all assets.
    AccountFilter,
    /// A filter of one asset.
    AssetFilter,
    /// Publishes an asset.
    StreamingLocator,
}

/// One row of the table of kinds.
#[derive(Debug)]
pub struct Row {
    /// The kind that this row describes.
    pub kind: ResourceKind,
    /// The type behind `Microsoft.Media/mediaServices/`.
    pub suffix: &'static str,
    /// What the command line calls it; also in the singular, in any case, with hyphens or not.
    pub plural: &'static str,
    /// Its name behind that of the account, for messages; each part is a name.
    form: &'static str,
}

/// Every kind.
pub const TABLE: &[Row] = &[
    Row {
        kind: ResourceKind::ContentKeyPolicy,
        suffix: "contentKeyPolicies",
        plural: "content-key-policies",
        form: "policy",
    },
    Row {
        kind: ResourceKind::StreamingPolicy,
        suffix: "streamingPolicies",
        plural: "streaming-policies",
        form: "policy",
    },
    Row {
        kind: ResourceKind::AccountFilter,
        suffix: "accountFilters",
        plural: "account-filters",
        form: "filter",
    },
    Row {
        kind: ResourceKind::AssetFilter,
        suffix: "assets/assetFilters",
        plural: "asset-filters",
        form: "asset/filter",
    },
    Row {
        kind: ResourceKind::StreamingLocator,
        suffix: "streamingLocators",
        plural: "streaming-locators",
        form: "locator",
    },
];

/// Why a document is refused.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ResourceError {
    /// The document is not a resource; names the member.
    #[error("{0}")]
    Shape(String),
    /// The properties are not those of a filter.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// The properties are not those of a policy.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The locator cannot be published.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// A thing of that name is there, and never changes.
    #[error("streaming policy {name} is there, never changes, and has another {member}")]
    Immutable {
        /// Its name.
        name: String,
        /// The member that differs.
        member: String,
    },
    /// Predefined policies are always there.
    #[error("streaming policy {0} is predefined")]
    Predefined(String),
    /// The store refused or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A resource that was read and can be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// What it is.
    pub kind: ResourceKind,
    body: Body,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Body {
    Filter(StoredFilter),
    StreamingPolicy(Box<StreamingPolicy>),
    ContentKeyPolicy(Box<ContentKeyPolicy>),
    Locator(Box<locator::Document>),
}

/// All resources of a kind.
#[derive(Debug)]
pub struct Listing {
    /// Those that read, by name.
    pub found: Vec<Resource>,
    /// What is wrong with the others, each with its name.
    pub damaged: Vec<StoreError>,
}

/// What storing a resource did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Nothing had its name.
    Created,
    /// What had its name made way.
    Replaced,
    /// It was there, and alike.
    Unchanged,
}

impl ResourceKind {
    /// The table row of this kind.
    pub fn row(self) -> &'static Row {
        // A test holds the order.
        &TABLE[self as usize]
    }

    /// Reads what the command line calls a kind.
    pub fn from_cli(text: &str) -> Option<Self> {
        let folded = |text: &str| text.to_ascii_lowercase().replace('-', "");
        let wanted = folded(text);
        let named = |row: &&Row| {
            let plural = folded(row.plural);
            let singular = match plural.strip_suffix("ies") {
                Some(stem) => format!("{stem}y"),
                None => plural.strip_suffix('s').unwrap_or(&plural).to_owned(),
            };
            plural == wanted || singular == wanted
        };
        TABLE.iter().find(named).map(|row| row.kind)
    }

    fn from_type(text: &str) -> Option<Self> {
        let front = text.get(..PROVIDER.len()).filter(|front| front.eq_ignore_ascii_case(PROVIDER));
        let suffix = if front.is_some() { &text[PROVIDER.len()..] } else { text };
        let named = |row: &&Row| {
            let last = row.suffix.rsplit('/').next().unwrap_or_default();
            [row.suffix, last].iter().any(|known| known.eq_ignore_ascii_case(suffix))
        };
        TABLE.iter().find(named).map(|row| row.kind)
    }

    /// Asset, where there is one, and name.
    fn split(self, name: &str) -> Result<(Option<&str>, &str), ResourceError> {
        let form = self.row().form;
        let parts: Vec<&str> = name.split('/').collect();
        if let Some(part) = parts.iter().find(|part| !is_legal_name(part)) {
            return Err(document::shape(format_args!("name: {part:?}: {NAME_RULE}")));
        }
        let own = parts.len().checked_sub(form.split('/').count()).filter(|more| *more <= 1);
        match own.map(|from| &parts[from..]) {
            Some([name]) => Ok((None, name)),
            Some([asset, name]) => Ok((Some(asset), name)),
            _ => Err(document::shape(format_args!(
                "name: \"{form}\" or \"account/{form}\" is expected"
            ))),
        }
    }
}

impl Resource {
    /// Reads the properties of a kind.
    fn read(
        kind: ResourceKind,
        asset: Option<&str>,
        name: &str,
        properties: &Value,
    ) -> Result<Self, ResourceError> {
        let text = zeroize::Zeroizing::new(properties.to_string());
        let body = match kind {
            ResourceKind::AccountFilter | ResourceKind::AssetFilter => {
                let filter = Filter::from_properties(name, &text)?;
                Body::Filter(StoredFilter { asset: asset.map(str::to_owned), filter })
            }
            ResourceKind::StreamingPolicy => {
                Body::StreamingPolicy(Box::new(StreamingPolicy::from_properties(name, &text)?))
            }
            ResourceKind::ContentKeyPolicy => {
                let policy = ContentKeyPolicy::from_properties(name, text.as_bytes())?;
                Credentials::check(&policy)
                    .map_err(|rule| PolicyError { name: name.to_owned(), rule })?;
                Body::ContentKeyPolicy(Box::new(policy))
            }
            ResourceKind::StreamingLocator => {
                Body::Locator(Box::new(locator::Document::read(name, text.as_bytes())?))
            }
        };
        Ok(Self { kind, body })
    }

    /// The shortest clear name.
    pub fn name(&self) -> String {
        match &self.body {
            Body::Filter(StoredFilter { asset, filter }) => {
                asset.iter().chain([&filter.name]).map(String::as_str).collect::<Vec<_>>().join("/")
            }
            Body::StreamingPolicy(policy) => policy.name.clone(),
            Body::ContentKeyPolicy(policy) => policy.name.clone(),
            Body::Locator(locator) => locator.name.clone(),
        }
    }

    /// Stores it, locators through `publisher`, into whose store the others go. Filters and content key policies take the place of what had their name; what never
    /// changes is refused when it differs.
    ///
    /// # Errors
    /// Something that it refers to and that is not there, or a failure of the store.
    pub async fn store(
        &self,
        publisher: &Publisher,
        now: Timestamp,
    ) -> Result<Outcome, ResourceError> {
        let store = publisher.store();
        let (existing, outcome) =
            match Self::find(store, self.kind, &self.name(), Secrets::Shown).await {
                Ok(existing) if existing == *self => return Ok(Outcome::Unchanged),
                Ok(existing) => (Some(existing), Outcome::Replaced),
                Err(ResourceError::Store(StoreError::NotFound { .. })) => (None, Outcome::Created),
                // What is damaged makes way.
                Err(ResourceError::Store(StoreError::Filter(_))) => (None, Outcome::Replaced),
                Err(error) => return Err(error),
            };
        match (&self.body, existing) {
            (Body::Locator(locator), existing) => {
                locator.publish(publisher, now).await?;
                return Ok(existing.map_or(Outcome::Created, |_| Outcome::Unchanged));
            }
            (Body::Filter(filter), _) => store.put_filter(filter.clone()).await?,
            (Body::ContentKeyPolicy(policy), _) => store.put_content_key_policy(policy).await?,
            (Body::StreamingPolicy(policy), None) => store.create_streaming_policy(policy).await?,
            (Body::StreamingPolicy(policy), Some(there)) => {
                let [own, there] = [self, &there].map(|it| it.properties(Secrets::Hidden));
                let member = first_difference(&own, &there).unwrap_or_default();
                return Err(ResourceError::Immutable { name: policy.name.clone(), member });
            }
        }
        Ok(outcome)
    }

    /// All resources of a kind, by name; predefined policies first. Content keys are left out. A filter
    /// that is damaged keeps none of the others from being listed.
    ///
    /// # Errors
    /// A failure of the store.
    pub async fn list(store: &Store, kind: ResourceKind) -> Result<Listing, ResourceError> {
        let mut damaged = Vec::new();
        let bodies: Vec<Body> = match kind {
            ResourceKind::AccountFilter | ResourceKind::AssetFilter => {
                let filters = store.filters(kind == ResourceKind::AssetFilter).await?.into_iter();
                let (read, broken): (Vec<_>, Vec<_>) = filters.partition(Result::is_ok);
                damaged.extend(broken.into_iter().filter_map(Result::err).map(StoreError::Filter));
                read.into_iter().flatten().map(Body::Filter).collect()
            }
            ResourceKind::StreamingPolicy => {
                let policies = store.streaming_policies().await?.into_iter();
                policies.map(|policy| Body::StreamingPolicy(Box::new(policy))).collect()
            }
            ResourceKind::ContentKeyPolicy => {
                let policies = store.content_key_policies().await?.into_iter();
                policies.map(|policy| Body::ContentKeyPolicy(Box::new(policy))).collect()
            }
            ResourceKind::StreamingLocator => {
                let mut bodies = Vec::new();
                for locator in store.locators().await? {
                    let document = locator::Document::of(store, locator, Secrets::Hidden).await?;
                    bodies.push(Body::Locator(Box::new(document)));
                }
                bodies
            }
        };
        let found = bodies.into_iter().map(|body| Self { kind, body }).collect();
        Ok(Listing { found, damaged })
    }

    /// The resource of that name, with content keys where they are to be shown.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or a failure of the store.
    pub async fn find(
        store: &Store,
        kind: ResourceKind,
        name: &str,
        secrets: Secrets,
    ) -> Result<Self, ResourceError> {
        let (asset, name) = kind.split(name)?;
        let body = match kind {
            ResourceKind::AccountFilter | ResourceKind::AssetFilter => {
                Body::Filter(store.stored_filter(&FilterKey::new(asset, name)).await?)
            }
            ResourceKind::StreamingPolicy => {
                Body::StreamingPolicy(Box::new((*store.streaming_policy(name).await?).clone()))
            }
            ResourceKind::ContentKeyPolicy => {
                Body::ContentKeyPolicy(Box::new((*store.content_key_policy(name).await?).clone()))
            }
            ResourceKind::StreamingLocator => {
                let locator = store.locator_by_name(name).await?;
                Body::Locator(Box::new(locator::Document::of(store, locator, secrets).await?))
            }
        };
        Ok(Self { kind, body })
    }

    /// Deletes the resource of that name; with a locator its keys.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::InUse`], a predefined policy, or a failure of the
    /// store.
    pub async fn delete(
        store: &Store,
        kind: ResourceKind,
        name: &str,
    ) -> Result<(), ResourceError> {
        let (asset, name) = kind.split(name)?;
        match kind {
            ResourceKind::AccountFilter | ResourceKind::AssetFilter => {
                store.delete_filter(FilterKey::new(asset, name)).await?;
            }
            ResourceKind::StreamingPolicy if predefined::find(name).is_some() => {
                return Err(ResourceError::Predefined(name.to_owned()));
            }
            ResourceKind::StreamingPolicy => store.delete_streaming_policy(name).await?,
            ResourceKind::ContentKeyPolicy => store.delete_content_key_policy(name).await?,
            ResourceKind::StreamingLocator => {
                let locator = store.locator_by_name(name).await?;
                store.delete_locator(locator.id).await?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_found_by_its_kind_and_its_names() {
        for row in TABLE {
            assert_eq!(row.kind.row().kind, row.kind);
            assert_eq!(ResourceKind::from_cli(row.plural), Some(row.kind));
            assert_eq!(ResourceKind::from_type(row.suffix), Some(row.kind));
        }
        let policy = ResourceKind::StreamingPolicy;
        assert_eq!(ResourceKind::from_cli("Streaming-Policy"), Some(policy));
    }
}
