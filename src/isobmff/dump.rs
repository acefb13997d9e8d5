//! The box tree of a file as text, for `inspect` and for golden tests.

use std::io;

use super::{BoxError, BoxHeader, FourCc, Rule, children};
use crate::bytes::ReadAt;

/// Boxes whose children are walked, with the bytes in front of the first child.
const CONTAINERS: &[(&[u8; 4], usize)] = &[
    (b"moov", 0),
    (b"trak", 0),
    (b"edts", 0),
    (b"mdia", 0),
    (b"minf", 0),
    (b"dinf", 0),
    (b"stbl", 0),
    (b"mvex", 0),
    (b"moof", 0),
    (b"traf", 0),
    (b"sinf", 0),
    (b"schi", 0),
    (b"stsd", 8),
    (b"avc1", 78),
    (b"avc3", 78),
    (b"encv", 78),
    (b"mp4a", 28),
    (b"enca", 28),
];

/// Deeper trees are cut: no real file nests so far.
const MAX_DEPTH: usize = 16;

/// Larger top-level containers are listed but not walked.
const MAX_READ: u64 = 256 << 20;

/// More of the body of a box is not kept: fields lie at the front.
const MAX_BODY: usize = 32 * 1024;

/// More boxes are not listed.
const MAX_NODES: usize = 100_000;

/// One box of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Depth; 0 is the top level.
    pub depth: usize,
    /// Box type.
    pub kind: FourCc,
    /// Offset in the file in bytes.
    pub offset: u64,
    /// Size in bytes, header included.
    pub size: u64,
    /// The body of a box without children, as far as it was read; empty for others.
    pub body: Vec<u8>,
    /// What is wrong with the box; the walk goes on with its siblings.
    pub error: Option<BoxError>,
}

/// Lists all boxes in file order. Broken boxes are listed with their error.
///
/// # Errors
/// Only failed reads; what is wrong with the file stands in the nodes.
pub fn dump<S: ReadAt + ?Sized>(source: &S) -> io::Result<Vec<Node>> {
    let (mut nodes, mut offset) = (Vec::new(), 0);
    while source.len() - offset >= 8 && nodes.len() < MAX_NODES {
        let mut buffer = [0; BoxHeader::MAX_LEN];
        let length = usize::try_from(source.len() - offset).unwrap_or(16).min(16);
        source.read_exact_at(offset, &mut buffer[..length])?;
        let header = match BoxHeader::parse(&buffer[..length]) {
            Ok(header) => header,
            Err(error) => {
                nodes.push(broken(0, offset, source.len() - offset, error));
                break;
            }
        };
        let left = source.len() - offset;
        let size = header.size.unwrap_or(left);
        if size > left {
            nodes.push(broken(0, offset, size, BoxError::new(header.kind, Rule::PastEndOfFile)));
            break;
        }
        top_level(source, offset, size, header, &mut nodes)?;
        offset += size;
    }
    Ok(nodes)
}

fn broken(depth: usize, offset: u64, size: u64, error: BoxError) -> Node {
    Node { depth, kind: error.kind, offset, size, body: Vec::new(), error: Some(error) }
}

fn top_level<S: ReadAt + ?Sized>(
    source: &S,
    offset: u64,
    size: u64,
    header: BoxHeader,
    nodes: &mut Vec<Node>,
) -> io::Result<()> {
    let (kind, body_at) = (header.kind, offset + header.header_len as u64);
    let deeper = container(kind).is_some() && size <= MAX_READ;
    // Media data say nothing about their box.
    let kept = match (deeper, &kind.0 == b"mdat") {
        (true, _) => usize::MAX,
        (false, true) => 0,
        (false, false) => MAX_BODY,
    };
    let length = size - header.header_len as u64;
    let mut body = vec![0; usize::try_from(length).unwrap_or(usize::MAX).min(kept)];
    source.read_exact_at(body_at, &mut body)?;
    let leaf = if deeper { Vec::new() } else { std::mem::take(&mut body) };
    nodes.push(Node { depth: 0, kind, offset, size, body: leaf, error: None });
    if deeper {
        walk(kind, &body, body_at, 1, nodes);
    }
    Ok(())
}

fn container(kind: FourCc) -> Option<usize> {
    CONTAINERS.iter().find(|(known, _)| **known == kind.0).map(|(_, fixed)| *fixed)
}

fn walk(parent: FourCc, body: &[u8], start: u64, depth: usize, nodes: &mut Vec<Node>) {
    let fixed = container(parent).unwrap_or(0).min(body.len());
    let mut offset = start + fixed as u64;
    for child in children(parent, &body[fixed..]) {
        if nodes.len() >= MAX_NODES {
            return;
        }
        let child = match child {
            Ok(child) => child,
            Err(error) => {
                let left = start + body.len() as u64 - offset;
                nodes.push(broken(depth, offset, left, error));
                return;
            }
        };
        let size = child.raw.len() as u64;
        let deeper = container(child.kind).is_some() && depth < MAX_DEPTH;
        let leaf =
            if deeper { Vec::new() } else { child.body[..child.body.len().min(MAX_BODY)].to_vec() };
        nodes.push(Node { depth, kind: child.kind, offset, size, body: leaf, error: None });
        if deeper {
            let header = (child.raw.len() - child.body.len()) as u64;
            walk(child.kind, child.body, offset + header, depth + 1, nodes);
        }
        offset += size;
    }
}
