//! Media ciphers against memcpy in the same run, in GB/s of media bytes.
//!
//! `cbcs video` is judged against `one by one`: the stock CBC mode, one chain after the other.

use std::hint::black_box;

use aes::Aes128;
use cipher::{BlockModeEncrypt, KeyIvInit};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use portcullis::crypto::chains::{self, Chain, Pattern};
use portcullis::crypto::ctr::Keystream;
use portcullis::crypto::strands::{self, Strand};
use portcullis::crypto::{BLOCK, ContentKey, Expanded};

/// Half a second of 8 Mbit/s video in slices of this size.
const SLICE: usize = 20_000;
/// A typical AAC frame at 128 kbit/s.
const AUDIO_FRAME: usize = 341;
const TOTAL: usize = 512 * 1024;

const KEY: [u8; 16] = [7; 16];
const IV: [u8; 16] = [9; 16];

fn chains_of(size: usize) -> Vec<Chain> {
    let starts = (0..TOTAL / size).map(|n| n * size);
    starts.map(|start| Chain { start, length: size, iv: IV }).collect()
}

/// The stock mode, one chain after the other.
fn one_by_one(data: &mut [u8], size: usize, pattern_blocks: usize) {
    for sample in data.chunks_exact_mut(size) {
        let mut chain = cbc::Encryptor::<Aes128>::new(&KEY.into(), &IV.into());
        for blocks in sample.chunks_mut(pattern_blocks * BLOCK) {
            if let Some(block) = blocks.first_chunk_mut::<BLOCK>() {
                chain.encrypt_block(block.into());
            }
        }
    }
}

fn crypto(c: &mut Criterion) {
    let key = Expanded::new(&ContentKey::from_bytes(KEY));
    let source = vec![0x5a_u8; TOTAL];
    let mut data = source.clone();
    let mut group = c.benchmark_group("crypto");
    group.throughput(Throughput::Bytes(TOTAL as u64));
    group.bench_function("memcpy", |b| {
        b.iter(|| black_box(&mut data).copy_from_slice(black_box(&source)));
    });
    group.bench_function("cenc (CTR), video", |b| {
        b.iter(|| {
            for (n, sample) in data.chunks_exact_mut(SLICE).enumerate() {
                Keystream::new(&key, (n as u64).to_be_bytes(), 0).apply(sample);
            }
        });
    });
    for (name, pattern, blocks, size) in [
        ("cbcs 1:9, video", Pattern::ONE_IN_TEN, 10, SLICE),
        ("cbcs full, audio", Pattern::FULL, 1, AUDIO_FRAME),
    ] {
        let chains = chains_of(size);
        let mut work = chains.clone();
        group.bench_function(name, |b| {
            b.iter(|| {
                work.copy_from_slice(&chains);
                chains::encrypt(&key, pattern, &mut data, &mut work);
            });
        });
        group.bench_function(format!("{name}, one by one"), |b| {
            b.iter(|| one_by_one(&mut data, size, blocks));
        });
    }
    group.bench_function("AES-128 segment", |b| {
        let chain = Chain { start: 0, length: TOTAL, iv: IV };
        b.iter(|| chains::encrypt(&key, Pattern::FULL, &mut data, &mut [chain]));
    });
    for (name, distinct) in [("one key", 1), ("a key each", u8::MAX)] {
        for count in [2, 4, 8, 16] {
            let key = |n: u8| Expanded::new(&ContentKey::from_bytes([n % distinct; 16]));
            let keys: Vec<Expanded> = (0..count).map(key).collect();
            // At different places in memory pages, as pieces of answers lie.
            let length = TOTAL / keys.len() - 448;
            group.bench_function(format!("AES-128 segments, {count} together, {name}"), |b| {
                b.iter(|| {
                    let parts = data.chunks_exact_mut(length).zip(&keys);
                    let strands = parts.map(|(data, key)| Strand { key, iv: IV, data });
                    strands::encrypt(&mut strands.collect::<Vec<_>>());
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, crypto);
criterion_main!(benches);
