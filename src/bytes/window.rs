//! A small read-ahead window over a file, for walks that look at a few bytes here and there.

use std::io;

use super::ReadAt;

/// How much is read at once: small samples share a read, large ones are skipped over.
const READ_AHEAD: usize = 4096;

/// Reads from a source through one reused buffer.
#[derive(Debug)]
pub struct Window<'s, S: ?Sized> {
    source: &'s S,
    start: u64,
    buffer: Vec<u8>,
}

impl<'s, S: ReadAt + ?Sized> Window<'s, S> {
    /// An empty window.
    pub fn new(source: &'s S) -> Self {
        Self { source, start: 0, buffer: Vec::new() }
    }

    /// The `length` bytes at `offset`.
    ///
    /// # Errors
    /// `UnexpectedEof` when the source ends before, or a failed read.
    pub fn get(&mut self, offset: u64, length: usize) -> io::Result<&[u8]> {
        let held = offset.checked_sub(self.start).and_then(|at| usize::try_from(at).ok());
        let inside = held.filter(|at| at.saturating_add(length) <= self.buffer.len());
        let at = match inside {
            Some(at) => at,
            None => {
                self.fill(offset, length)?;
                0
            }
        };
        Ok(&self.buffer[at..at + length])
    }

    fn fill(&mut self, offset: u64, length: usize) -> io::Result<()> {
        let left = self.source.len().saturating_sub(offset);
        if left < length as u64 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(length.max(READ_AHEAD));
        self.buffer.resize(wanted, 0);
        self.start = offset;
        self.source.read_exact_at(offset, &mut self.buffer).inspect_err(|_| self.buffer.clear())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_give_the_bytes_of_the_source_and_refuse_what_lies_behind() {
        let data: Vec<u8> = (0..10_000_u32).map(|n| n as u8).collect();
        let mut window = Window::new(data.as_slice());
        for (offset, length) in [(0, 4), (4090, 10), (9_990, 10), (17, 9_000), (5, 5)] {
            assert_eq!(window.get(offset as u64, length).unwrap(), &data[offset..offset + length]);
        }
        assert!(window.get(9_991, 10).is_err());
        assert!(window.get(u64::MAX, 1).is_err());
    }
}
