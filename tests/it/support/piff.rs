//! Smooth fragments in the boxes of PIFF, rewritten into those of Common Encryption as dash.js does it:
//! no decryptor at hand reads PIFF.

const SAMPLE_ENCRYPTION: [u8; 16] = 0xa2394f52_5a9b_4f14_a244_6c427c648df4_u128.to_be_bytes();

fn boxes(mut bytes: &[u8]) -> Vec<(&[u8], &[u8])> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let size = u32::from_be_bytes(bytes[..4].try_into().unwrap()) as usize;
        found.push((&bytes[4..8], &bytes[..size]));
        bytes = &bytes[size..];
    }
    found
}

fn wrapped(kind: &[u8], body: &[u8]) -> Vec<u8> {
    let size = u32::try_from(body.len() + 8).unwrap();
    [&size.to_be_bytes(), kind, body].concat()
}

/// The body of the box of PIFF in a fragment; `None` when it is clear.
fn sample_encryption(fragment: &[u8]) -> Option<&[u8]> {
    let moof = boxes(fragment).into_iter().find(|(kind, _)| kind == b"moof")?.1;
    let traf = boxes(&moof[8..]).into_iter().find(|(kind, _)| kind == b"traf")?.1;
    let mut all = boxes(&traf[8..]).into_iter().map(|(_, whole)| whole);
    all.find_map(|whole| whole[8..].strip_prefix(&SAMPLE_ENCRYPTION))
}

/// The key that a fragment names itself.
pub(crate) fn own_key(fragment: &[u8]) -> Option<[u8; 16]> {
    let body = sample_encryption(fragment)?;
    if body[3] & 1 == 0 {
        return None;
    }
    assert_eq!(body[4..8], [0, 0, 1, 8], "AES-CTR, IVs of eight bytes");
    Some(body[8..24].try_into().unwrap())
}

/// The fragment with `saiz`, `saio` and `senc` in the place of the box of PIFF.
pub(crate) fn as_cenc(fragment: &[u8]) -> Vec<u8> {
    let Some(body) = sample_encryption(fragment) else { return fragment.to_vec() };
    let subsamples = body[3] & 2 != 0;
    let data = &body[if body[3] & 1 == 0 { 4 } else { 24 }..];
    let (count, mut entries) = data.split_at(4);
    let mut sizes = Vec::new();
    while !entries.is_empty() {
        let list = if subsamples {
            2 + 6 * usize::from(u16::from_be_bytes([entries[8], entries[9]]))
        } else {
            0
        };
        sizes.push(u8::try_from(8 + list).unwrap());
        entries = &entries[8 + list..];
    }
    assert_eq!(sizes.len(), u32::from_be_bytes(count.try_into().unwrap()) as usize);
    let top = boxes(fragment);
    let (_, moof) = top.iter().find(|(kind, _)| *kind == b"moof").unwrap();
    let mut children = Vec::new();
    let mut offset_at = 0;
    for (kind, whole) in boxes(&moof[8..]) {
        if kind != b"traf" {
            children.extend(whole);
            continue;
        }
        let mut traf = Vec::new();
        for (kind, whole) in boxes(&whole[8..]) {
            if kind == b"trun" {
                offset_at = 8 + children.len() + 8 + traf.len() + 16;
            }
            if !whole[8..].starts_with(&SAMPLE_ENCRYPTION) {
                traf.extend(whole);
                continue;
            }
            traf.extend(wrapped(b"saiz", &[&[0; 5][..], count, &sizes].concat()));
            let first = 8 + children.len() + 8 + traf.len() + 20 + 16;
            let first = u32::try_from(first).unwrap().to_be_bytes();
            traf.extend(wrapped(b"saio", &[&[0; 4][..], &[0, 0, 0, 1], &first].concat()));
            traf.extend(wrapped(b"senc", &[&[0, 0, 0, body[3] & 2][..], data].concat()));
        }
        children.extend(wrapped(b"traf", &traf));
    }
    let mut moved = wrapped(b"moof", &children);
    let offset = u32::try_from(moved.len() + 8).unwrap();
    moved[offset_at..offset_at + 4].copy_from_slice(&offset.to_be_bytes());
    let rest = top.iter().filter(|(kind, _)| *kind != b"moof").flat_map(|(_, whole)| *whole);
    moved.extend(rest);
    moved
}
