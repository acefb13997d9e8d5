//! Random bytes of the operating system.

use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

use super::StoreError;

/// Fresh random bytes, wiped when dropped.
///
/// # Errors
/// [`StoreError::NoRandomness`] when the operating system gives none.
pub fn bytes<const N: usize>() -> Result<Zeroizing<[u8; N]>, StoreError> {
    let mut bytes = Zeroizing::new([0; N]);
    SystemRandom::new().fill(&mut *bytes).map_err(|_| StoreError::NoRandomness)?;
    Ok(bytes)
}
