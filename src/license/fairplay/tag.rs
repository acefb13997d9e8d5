//! Tags and other numbers of FairPlay messages (fairplay.md sections 3 and 5).

use std::ops::RangeInclusive;

/// Encrypted session key, device identity and R1.
pub const SK_R1: u64 = 0x3d1a_10b8_bffa_c2ec;
/// What the end of the decrypted [`SK_R1`] must be.
pub const SK_R1_INTEGRITY: u64 = 0xb349_d480_9e91_0687;
/// Seed of the key of the answer.
pub const ANTI_REPLAY: u64 = 0x89c9_0f12_2041_06b2;
/// What the D function is applied to.
pub const R2: u64 = 0x71b5_595a_c152_1133;
/// Tags of blocks that the answer must hold.
pub const RETURN_REQUEST: u64 = 0x19f9_d4e5_ab76_09cb;
/// What the application named the content.
pub const ASSET_ID: u64 = 0x1bf7_f53f_5d5d_5a1f;
/// Transaction identifier.
pub const TRANSACTION_ID: u64 = 0x47aa_7ad3_4405_77de;
/// Protocol versions that the client can.
pub const VERSIONS_SUPPORTED: u64 = 0x67b8_fb79_ecce_1a13;
/// Protocol version of the request.
pub const VERSION_USED: u64 = 0x5d81_bcbc_c7f6_1703;
/// Whether the pictures go to another device.
pub const STREAMING: u64 = 0xabb0_256a_3184_3974;
/// Date, state and session of the playback.
pub const PLAYBACK_STATE: u64 = 0xeb8e_fdf2_b25a_b3a0;
/// What the client can.
pub const CAPABILITIES: u64 = 0x9c02_af32_53c0_7fb2;
/// Report of keys that are kept.
pub const OFFLINE_SYNC: u64 = 0x7796_6de1_dc10_83ad;
/// Type of the device and version of its system.
pub const DEVICE_INFO: u64 = 0xd43f_c6ab_c596_aae7;

/// Content IV and encrypted content key.
pub const CONTENT_KEY: u64 = 0x58b3_8165_af0e_3d5a;
/// R1, given back.
pub const R1: u64 = 0xea74_c464_5d5e_fee9;
/// How long the key is good for.
pub const DURATION: u64 = 0x47ac_f6a4_18cd_091a;
/// The least HDCP.
pub const HDCP: u64 = 0x2e52_f153_0d8d_db4a;
/// How long the key is kept.
pub const OFFLINE_KEY: u64 = 0x6375_d972_7060_218c;
/// The least security level.
pub const SECURITY_LEVEL: u64 = 0x644c_b1da_c031_3250;

/// A block that is known in requests.
#[derive(Debug, Clone)]
pub struct Row {
    /// Its tag.
    pub tag: u64,
    /// Its name in refusals.
    pub name: &'static str,
    /// Bytes that its value may have.
    pub length: RangeInclusive<usize>,
    /// Whether every request has it.
    pub required: bool,
}

const fn row(tag: u64, name: &'static str, length: RangeInclusive<usize>, required: bool) -> Row {
    Row { tag, name, length, required }
}

const ANY: RangeInclusive<usize> = 0..=usize::MAX;

/// The blocks of requests that are known.
pub const TABLE: &[Row] = &[
    row(SK_R1, "SK_R1", 112..=112, true),
    row(SK_R1_INTEGRITY, "SK_R1 integrity", 16..=16, true),
    row(ANTI_REPLAY, "anti-replay seed", 16..=16, true),
    row(R2, "R2", 21..=21, true),
    row(RETURN_REQUEST, "return request", ANY, true),
    row(ASSET_ID, "asset id", 2..=200, true),
    row(TRANSACTION_ID, "transaction id", 8..=8, true),
    row(VERSIONS_SUPPORTED, "protocol versions supported", ANY, true),
    row(VERSION_USED, "protocol version used", 4..=4, true),
    row(STREAMING, "streaming indicator", 8..=8, false),
    row(PLAYBACK_STATE, "media playback state", 16..=16, false),
    row(CAPABILITIES, "capabilities", 16..=16, false),
    row(OFFLINE_SYNC, "offline sync", 4..=usize::MAX, false),
    row(DEVICE_INFO, "device info", ANY, false),
    row(0xb18e_e16e_a50f_6c02, "security level report", ANY, false),
    row(0x94c1_7cd6_76c6_9b59, "device identity", ANY, false),
    row(0x70ec_a657_3388_e329, "kext deny list version", ANY, false),
    row(0x8d8e_84fa_6cc3_5eb7, "supported key formats", ANY, false),
    row(0x7564_40e2_4049_9f70, "VM info", ANY, false),
];

/// Blocks of answers that the service writes of its own.
pub(super) const OURS: [u64; 6] = [CONTENT_KEY, R1, DURATION, HDCP, OFFLINE_KEY, SECURITY_LEVEL];

/// The key ends with a lease.
pub const LEASE: u32 = 0x1a4b_de7e;
/// The key ends with a rental.
pub const RENTAL: u32 = 0x3dfe_45a0;
/// Both.
pub const LEASE_AND_RENTAL: u32 = 0x27b5_9bde;
/// The key may be kept for good.
pub const PERSIST: u32 = 0x3df2_d9fb;
/// The key may be kept for the rental duration.
pub const PERSIST_LIMITED: u32 = 0x18f0_6048;
/// The last member of [`DURATION`] blocks.
pub(super) const DURATION_RESERVED: u32 = 0x86d3_4a3a;

/// No HDCP.
pub const HDCP_NONE: u64 = 0xef72_894c_a789_5b78;
/// HDCP of content of type 0.
pub const HDCP_TYPE_0: u64 = 0x4079_1ac7_8bd5_c571;
/// HDCP of content of type 1.
pub const HDCP_TYPE_1: u64 = 0x285a_0863_bba8_e1d3;

/// Level of sound.
pub const LEVEL_AUDIO: u64 = 0x17d9_9d57_4eed_567d;
/// Level Baseline.
pub const LEVEL_BASELINE: u64 = 0x32f0_0049_66a5_c4f8;
/// Level Main.
pub const LEVEL_MAIN: u64 = 0x4e7f_d924_21d5_88b4;
