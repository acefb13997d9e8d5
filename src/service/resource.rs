//! Stored things as documents in the Azure Media Services v3 shape `{name, type, properties}`.
//!
//! [`TABLE`] is where a kind joins. A name may be as short as it is clear: `filter` or
//! `account/filter`, `asset/filter` or `account/asset/filter`; there is one account, so its name is
//! not looked at.

use serde_json::{Map, Value, json};

use crate::package::filter::{Filter, FilterError};
use crate::policy::{NAME_RULE, is_legal_name};
use crate::store::{FilterKey, Kind, Store, StoreError, StoredFilter};

/// What all types start with; documents may leave it out.
const PROVIDER: &str = "Microsoft.Media/mediaServices/";

/// A kind of stored thing that documents describe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResourceKind {
    /// A filter for all assets.
    AccountFilter,
    /// A filter of one asset.
    AssetFilter,
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
    /// The parts of its name behind that of the account.
    pub parts: usize,
}

/// Every kind.
pub const TABLE: &[Row] = &[
    Row {
        kind: ResourceKind::AccountFilter,
        suffix: "accountFilters",
        plural: "account-filters",
        parts: 1,
    },
    Row {
        kind: ResourceKind::AssetFilter,
        suffix: "assets/assetFilters",
        plural: "asset-filters",
        parts: 2,
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
    /// The store refused or failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A resource that was read and can be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// What it is.
    pub kind: ResourceKind,
    stored: StoredFilter,
}

impl ResourceKind {
    /// The table row of this kind.
    pub fn row(self) -> &'static Row {
        match self {
            Self::AccountFilter => &TABLE[0],
            Self::AssetFilter => &TABLE[1],
        }
    }

    /// Reads what the command line calls a kind.
    pub fn from_cli(text: &str) -> Option<Self> {
        let folded = |text: &str| text.to_ascii_lowercase().replace('-', "");
        let wanted = folded(text);
        let named = |row: &&Row| {
            let plural = folded(row.plural);
            plural == wanted || plural.strip_suffix('s') == Some(&wanted)
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

    /// The key that a name stands for.
    ///
    /// # Errors
    /// A name with too few or too many parts, or with one that is none.
    pub fn key(self, name: &str) -> Result<FilterKey, ResourceError> {
        let (asset, name) = self.split(name)?;
        Ok(FilterKey::new(asset, name))
    }

    /// Asset, where there is one, and name.
    fn split(self, name: &str) -> Result<(Option<&str>, &str), ResourceError> {
        let row = self.row();
        let parts: Vec<&str> = name.split('/').collect();
        if let Some(part) = parts.iter().find(|part| !is_legal_name(part)) {
            return Err(shape(format_args!("name: {part:?}: {NAME_RULE}")));
        }
        let own = parts.len().checked_sub(row.parts).filter(|more| *more <= 1);
        match own.map(|from| &parts[from..]) {
            Some([name]) => Ok((None, name)),
            Some([asset, name]) => Ok((Some(asset), name)),
            _ => Err(shape(match self {
                Self::AccountFilter => "name: \"filter\" or \"account/filter\" is expected",
                Self::AssetFilter => {
                    "name: \"asset/filter\" or \"account/asset/filter\" is expected"
                }
            })),
        }
    }
}

impl Resource {
    /// Reads a document. What answers of the API hold beside it may stand there: of `id` the asset
    /// is taken when the name does not say it, `systemData` is not looked at.
    ///
    /// # Errors
    /// [`ResourceError`] that names the member.
    pub fn from_document(document: Value) -> Result<Self, ResourceError> {
        let Value::Object(mut members) = document else {
            return Err(shape("a resource is an object with name, type and properties"));
        };
        members.remove("systemData");
        let id = members.remove("id");
        let mut name = text(&mut members, "name")?;
        let kind = text(&mut members, "type")?;
        let kind = ResourceKind::from_type(&kind)
            .ok_or_else(|| shape(format_args!("type: {kind:?} is not known; {} are", known())))?;
        if kind == ResourceKind::AssetFilter
            && !name.contains('/')
            && let Some(asset) = id.as_ref().and_then(Value::as_str).and_then(asset_of)
        {
            name = format!("{asset}/{name}");
        }
        let (asset, name) = kind.split(&name)?;
        let properties = members.remove("properties").filter(|value| !value.is_null());
        let properties = properties.unwrap_or_else(|| json!({}));
        if let Some(unknown) = members.keys().next() {
            return Err(shape(format_args!("{unknown} is unknown")));
        }
        let filter = Filter::from_properties(name, &properties.to_string())?;
        Ok(Self { kind, stored: StoredFilter { asset: asset.map(str::to_owned), filter } })
    }

    /// The shortest clear name.
    pub fn name(&self) -> String {
        let StoredFilter { asset, filter } = &self.stored;
        asset.iter().chain([&filter.name]).map(String::as_str).collect::<Vec<_>>().join("/")
    }

    /// The document.
    pub fn to_document(&self) -> Value {
        json!({
            "name": self.name(),
            "type": format!("{PROVIDER}{}", self.kind.row().suffix),
            "properties": self.stored.filter.to_properties(),
        })
    }

    /// Stores it in the place of what had its name.
    ///
    /// # Errors
    /// An asset that is not there, or a failure of the store.
    pub async fn store(&self, store: &Store) -> Result<(), ResourceError> {
        Ok(store.put_filter(self.stored.clone()).await?)
    }

    /// All resources of a kind, by name.
    ///
    /// # Errors
    /// A failure of the store.
    pub async fn list(store: &Store, kind: ResourceKind) -> Result<Vec<Self>, ResourceError> {
        let of_asset = kind == ResourceKind::AssetFilter;
        let filters = store.filters().await?.into_iter();
        let wanted = filters.filter(|stored| stored.asset.is_some() == of_asset);
        Ok(wanted.map(|stored| Self { kind, stored }).collect())
    }

    /// The resource of that name.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or a failure of the store.
    pub async fn find(
        store: &Store,
        kind: ResourceKind,
        name: &str,
    ) -> Result<Self, ResourceError> {
        let key = kind.key(name)?;
        let found = Self::list(store, kind).await?;
        let found = found.into_iter().find(|resource| resource.stored.key() == key);
        found.ok_or_else(|| {
            StoreError::NotFound { kind: Kind::Filter, name: key.to_string() }.into()
        })
    }

    /// Deletes the resource of that name.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], or a failure of the store.
    pub async fn delete(
        store: &Store,
        kind: ResourceKind,
        name: &str,
    ) -> Result<(), ResourceError> {
        Ok(store.delete_filter(kind.key(name)?).await?)
    }
}

/// The asset in the path `.../assets/{name}/assetFilters/{name}`.
fn asset_of(id: &str) -> Option<&str> {
    let mut segments = id.split('/');
    segments.find(|segment| segment.eq_ignore_ascii_case("assets"))?;
    segments.next()
}

/// The types of the table, for messages.
fn known() -> String {
    TABLE.iter().map(|row| row.suffix).collect::<Vec<_>>().join(", ")
}

fn text(members: &mut Map<String, Value>, name: &str) -> Result<String, ResourceError> {
    match members.remove(name) {
        Some(Value::String(text)) => Ok(text),
        Some(_) => Err(shape(format_args!("{name} is not a string"))),
        None => Err(shape(format_args!("{name} is missing"))),
    }
}

fn shape(detail: impl std::fmt::Display) -> ResourceError {
    ResourceError::Shape(detail.to_string())
}
