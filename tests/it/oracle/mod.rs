//! Other parsers and decryptors judge our bytes.

mod judges;
