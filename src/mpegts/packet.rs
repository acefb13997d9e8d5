//! Packets of 188 bytes (ISO/IEC 13818-1 section 2.4.3).

/// Bytes of a packet.
pub const PACKET: usize = 188;

/// Bytes behind the header of a packet.
pub const ROOM: usize = 184;

const SYNC: u8 = 0x47;
const UNIT_START: u8 = 0x40;
const RANDOM_ACCESS: u8 = 0x40;
const HAS_PCR: u8 = 0x10;

/// Bytes of an adaptation field with a clock reference.
pub const CLOCK_FIELD: usize = 8;

/// Ticks of the extension of a clock reference in one tick of its base.
const EXTENSION: u64 = 300;

/// What the first packet of a unit says in its adaptation field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Access {
    /// Whether decoding can start here.
    pub random: bool,
    /// Program clock reference in ticks of 27 MHz.
    pub pcr: Option<u64>,
    /// Further clock references inside a unit that lasts long.
    pub repeat: Option<Repeat>,
}

/// Clock references at regular distances.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repeat {
    /// Packets from one to the next; not 0.
    pub every: u64,
    /// Ticks of 27 MHz from one to the next.
    pub step: u64,
}

impl Access {
    /// Bytes of the adaptation field without stuffing, its length byte included.
    pub fn len(self) -> usize {
        match (self.random, self.pcr) {
            (_, Some(_)) => CLOCK_FIELD,
            (true, None) => 2,
            (false, None) => 0,
        }
    }

    /// What packet `n` of the unit says.
    pub fn of_packet(self, n: u64) -> Self {
        let repeated = self.repeat.filter(|repeat| n.is_multiple_of(repeat.every));
        match (n, self.pcr, repeated) {
            (0, ..) => self,
            (_, Some(pcr), Some(repeat)) => {
                Self { pcr: Some(pcr + n / repeat.every * repeat.step), ..Self::default() }
            }
            _ => Self::default(),
        }
    }

    /// How many packets from `n` on say nothing; none at the first.
    pub fn free_from(self, n: u64) -> u64 {
        match (n, self.pcr, self.repeat) {
            (0, ..) => 0,
            (_, Some(_), Some(repeat)) => n.next_multiple_of(repeat.every) - n,
            _ => u64::MAX,
        }
    }

    /// Bytes of the adaptation fields of the first `n` packets, stuffing not counted.
    pub fn len_before(self, n: u64) -> u64 {
        let first = if n == 0 { 0 } else { self.len() as u64 };
        let repeated = match (self.pcr, self.repeat) {
            (Some(_), Some(repeat)) => n.saturating_sub(1) / repeat.every,
            _ => 0,
        };
        first + repeated * CLOCK_FIELD as u64
    }

    /// Whether no adaptation field is needed.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }
}

/// One packet of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Packet identifier, 13 bits.
    pub pid: u16,
    /// Continuity counter; the low four bits count.
    pub counter: u8,
    /// Whether a unit starts in this packet.
    pub unit_start: bool,
    /// What the adaptation field says.
    pub access: Access,
    /// Bytes of the adaptation field with its stuffing; at most [`ROOM`].
    pub adaptation: usize,
}

impl Header {
    /// Writes header and adaptation field to the front of `packet`; gives how many bytes they are.
    pub fn write(&self, packet: &mut [u8]) -> usize {
        let [high, low] = self.pid.to_be_bytes();
        let start = if self.unit_start { UNIT_START } else { 0 };
        let fields = if self.adaptation > 0 { 0x30 } else { 0x10 };
        let header = [SYNC, start | high, low, fields | self.counter & 0x0f];
        packet[..4].copy_from_slice(&header);
        self.write_adaptation(&mut packet[4..4 + self.adaptation]);
        4 + self.adaptation
    }

    fn write_adaptation(&self, field: &mut [u8]) {
        let Some((length, field)) = field.split_first_mut() else {
            return;
        };
        // At most 183.
        *length = u8::try_from(field.len()).unwrap_or(u8::MAX);
        let Some((flags, rest)) = field.split_first_mut() else {
            return;
        };
        *flags = if self.access.random { RANDOM_ACCESS } else { 0 };
        rest.fill(0xff);
        if let (Some(pcr), Some(target)) = (self.access.pcr, rest.first_chunk_mut()) {
            *flags |= HAS_PCR;
            *target = clock_reference(pcr);
        }
    }
}

/// 33 bits of base, 6 reserved bits, 9 bits of extension.
fn clock_reference(pcr: u64) -> [u8; 6] {
    let base = (pcr / EXTENSION) & ((1 << 33) - 1);
    let [_, _, bytes @ ..] = (base << 15 | 0x3f << 9 | (pcr % EXTENSION)).to_be_bytes();
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn adaptation_fields_have_every_length() {
        for adaptation in 0..=ROOM {
            let mut packet = [0; PACKET];
            let header = Header {
                pid: 0x1ffe,
                counter: 0x1f,
                unit_start: true,
                access: Access::default(),
                adaptation,
            };
            assert_eq!(header.write(&mut packet), 4 + adaptation);
            let control = if adaptation > 0 { 0x3f } else { 0x1f };
            assert_eq!(packet[..4], [0x47, 0x5f, 0xfe, control]);
            if adaptation > 0 {
                assert_eq!(usize::from(packet[4]), adaptation - 1);
            }
            if adaptation > 2 {
                assert_eq!(packet[5], 0);
                assert!(packet[6..4 + adaptation].iter().all(|byte| *byte == 0xff));
            }
        }
    }

    #[test]
    fn a_clock_reference_is_base_and_extension() {
        assert_eq!(clock_reference(0), [0, 0, 0, 0, 0x7e, 0]);
        assert_eq!(clock_reference(300 + 299), [0, 0, 0, 0, 0xff, 0x2b]);
        assert_eq!(clock_reference(300 << 33), clock_reference(0));
    }
}
