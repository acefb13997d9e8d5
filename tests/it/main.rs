//! The one integration test binary: everything here looks at the product from outside.

mod keys;
mod support;
