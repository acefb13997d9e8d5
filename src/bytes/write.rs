//! A growing big-endian output buffer whose earlier values can be patched.

/// Collects output; lengths and offsets are patched once they are known.
#[derive(Debug, Default)]
pub struct Writer {
    buffer: Vec<u8>,
}

impl Writer {
    /// An empty writer with room for `capacity` bytes.
    pub fn with_capacity(capacity: usize) -> Self {
        Self { buffer: Vec::with_capacity(capacity) }
    }

    /// How many bytes are written.
    pub fn position(&self) -> usize {
        self.buffer.len()
    }

    /// Appends raw bytes.
    pub fn bytes(&mut self, data: &[u8]) {
        self.buffer.extend_from_slice(data);
    }

    /// Appends `count` zero bytes.
    pub fn zeros(&mut self, count: usize) {
        self.buffer.resize(self.buffer.len() + count, 0);
    }

    /// Appends an 8-bit value.
    pub fn u8(&mut self, value: u8) {
        self.buffer.push(value);
    }

    /// Appends a 16-bit value.
    pub fn u16(&mut self, value: u16) {
        self.bytes(&value.to_be_bytes());
    }

    /// Appends a 32-bit value.
    pub fn u32(&mut self, value: u32) {
        self.bytes(&value.to_be_bytes());
    }

    /// Appends a 32-bit signed value.
    pub fn i32(&mut self, value: i32) {
        self.bytes(&value.to_be_bytes());
    }

    /// Appends a 64-bit value.
    pub fn u64(&mut self, value: u64) {
        self.bytes(&value.to_be_bytes());
    }

    /// Overwrites the 32-bit value at `position`, which must be written already.
    pub fn patch_u32(&mut self, position: usize, value: u32) {
        self.buffer[position..position + 4].copy_from_slice(&value.to_be_bytes());
    }

    /// The finished bytes.
    pub fn into_vec(self) -> Vec<u8> {
        self.buffer
    }
}
