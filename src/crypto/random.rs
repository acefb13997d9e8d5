//! Where random bytes come from, for code that is given its randomness like any other input.

use ring::rand::{SecureRandom, SystemRandom};
use rsa::rand_core::{TryCryptoRng, TryRng};

/// A source of random bytes that is fit for keys.
pub type Random<'r> = dyn TryCryptoRng<Error = NoRandomness> + 'r;

/// The source gives nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the system gives no random bytes")]
pub struct NoRandomness;

/// The source of the operating system.
#[derive(Debug)]
pub struct System(SystemRandom);

impl System {
    /// The source.
    #[expect(clippy::new_without_default, reason = "one name for it is enough")]
    pub fn new() -> Self {
        Self(SystemRandom::new())
    }
}

impl TryRng for System {
    type Error = NoRandomness;

    fn try_next_u32(&mut self) -> Result<u32, NoRandomness> {
        array(self).map(u32::from_ne_bytes)
    }

    fn try_next_u64(&mut self) -> Result<u64, NoRandomness> {
        array(self).map(u64::from_ne_bytes)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), NoRandomness> {
        self.0.fill(bytes).map_err(|_| NoRandomness)
    }
}

impl TryCryptoRng for System {}

/// Fresh bytes.
///
/// # Errors
/// [`NoRandomness`].
pub fn array<const N: usize>(random: &mut Random<'_>) -> Result<[u8; N], NoRandomness> {
    let mut bytes = [0; N];
    random.try_fill_bytes(&mut bytes)?;
    Ok(bytes)
}
