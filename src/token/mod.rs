//! Tokens: where they stand in a request, what they must prove, how they are made.
//!
//! JSON Web Tokens (RFC 7519, RFC 7515) and Simple Web Tokens under the rules of ams.md section 9. The
//! algorithm comes from the policy's key, the time from the caller.

pub mod claims;
pub mod error;
pub mod extract;
mod jwt;
mod keys;
pub mod make;
mod provider;
mod swt;
pub mod unverified;
pub mod verify;

pub use error::TokenError;
pub use extract::Bearer;
pub use make::{MakeError, SigningKey, TokenSpec, make, make_swt};
pub use unverified::Unverified;
pub use verify::{Accepted, At, Question, Rule, Verdict, accept, explain, verify};
