//! Pieces of several answers at once. A CBC chain over a whole answer waits for itself block by
//! block; the chains of several answers do not wait for each other.

use std::io;
use std::ops::Range;

use super::{Plan, Producer};
use crate::crypto::BLOCK;
use crate::crypto::strands::{self, Strand};

/// The next piece of each of these answers, each with a buffer of its own: what
/// [`Producer::next_piece`] gives, but empty also for a part of an answer that nobody asked for.
/// `read` fills the given part from the numbered source, the same of all answers.
///
/// # Errors
/// What `read` gives. No answer can be gone on with then.
pub fn next_pieces<P: AsRef<Plan>>(
    answers: &mut [(&mut Producer<P>, &mut [u8])],
    mut read: impl FnMut(usize, u64, &mut [u8]) -> io::Result<()>,
) -> io::Result<Vec<Range<usize>>> {
    let fill = |(answer, buffer): &mut (&mut Producer<P>, &mut [u8])| match answer.remaining() {
        0 => Ok(0),
        _ => answer.fill(buffer, &mut read),
    };
    let lengths = answers.iter_mut().map(fill).collect::<io::Result<Vec<usize>>>()?;
    let mut strands: Vec<Strand<'_>> = answers
        .iter_mut()
        .zip(&lengths)
        .filter_map(|((answer, buffer), length)| answer.strand(&mut buffer[..*length]))
        .collect();
    strands::encrypt(&mut strands);
    let ivs: Vec<[u8; BLOCK]> = strands.into_iter().map(|strand| strand.iv).collect();
    let mut ivs = ivs.into_iter();
    let finish = |((answer, buffer), length): (&mut (&mut Producer<P>, &mut [u8]), usize)| {
        let carried = match answer.plan.as_ref().is_one_chain() {
            true => ivs.next(),
            false => answer.encrypt(&mut buffer[..length]),
        };
        answer.finish(length, carried)
    };
    Ok(answers.iter_mut().zip(lengths).map(finish).collect())
}
