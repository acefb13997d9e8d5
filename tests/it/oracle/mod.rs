//! Other parsers, decryptors and decoders judge our bytes.

mod codecs;
mod decrypt;
mod fragments;
mod inspect;
mod judges;
mod key_frames;
mod manifests;
mod maps;
mod on_demand;
mod packed;
mod playback;
mod rates;
mod samples;
mod sound;
mod systems;
mod titles;
mod transport;
