//! Media that another packager has encrypted: served as they are, or refused, never encrypted again.

use super::{Code, OriginError};
use crate::cenc::Scheme;
use crate::media::Asset;
use crate::package::format::Format;
use crate::package::support;
use crate::protection::Protection;

/// Refuses protection of what is encrypted already, and formats that have no form for it.
pub(super) fn demand(
    asset: &Asset,
    format: Format,
    protection: Protection,
) -> Result<(), OriginError> {
    let Some(scheme) = asset.sealed() else { return Ok(()) };
    if protection != Protection::Clear {
        return Err(OriginError::new(Code::ENCRYPTION_NOT_SUPPORTED, TWICE));
    }
    match support::passes(format, scheme) {
        true => Ok(()),
        false => Err(OriginError::new(Code::OUTPUT_PROTECTION_NOT_SUPPORTED, no_form(scheme))),
    }
}

const TWICE: &str = "already-encrypted: the media are passed through as they are, and not encrypted once \
                     more: leave out encryption=";

fn no_form(scheme: Scheme) -> String {
    let scheme = scheme.row().fourcc;
    format!(
        "already-encrypted: the format has no form for media that are passed through under {scheme}"
    )
}
