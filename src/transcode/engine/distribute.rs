//! The picture's packets on their way into chunks: each to the chunk that it belongs to, and those at a seam that two
//! chunks need to both.

use super::super::TranscodeError;
use super::chunk::Picture;
use super::pool::Pool;
use crate::av::Packet;
use crate::media::Timestamp;

/// Hands packets to the pool, in the order of the file.
pub(super) struct Distributor<'a, 'p> {
    pool: &'a Pool<'p>,
    /// Packets so far.
    taken: u64,
    /// The chunk that packets go to; none before the first packet.
    current: Option<Current>,
    /// The chunk before, while it still borrows.
    borrower: Option<Borrower>,
    /// The latest codec headers that came in mid-stream: a decoder that begins later has not seen them.
    headers: Option<Vec<u8>>,
}

#[derive(Clone, Copy)]
struct Current {
    index: usize,
    is_wanted: bool,
}

#[derive(Clone, Copy)]
struct Borrower {
    index: usize,
    is_wanted: bool,
    next: Option<i64>,
}

impl<'a, 'p> Distributor<'a, 'p> {
    pub(super) fn new(pool: &'a Pool<'p>) -> Self {
        Self { pool, taken: 0, current: None, borrower: None, headers: None }
    }

    /// Takes the next packet and returns the chunk that is complete with it, if one is.
    pub(super) fn take(&mut self, packet: &Packet) -> Result<Option<usize>, TranscodeError> {
        let at = self.taken;
        self.taken += 1;
        if let Some(headers) = packet.new_headers() {
            self.headers = Some(headers.to_owned());
        }
        let mut complete = self.begin_chunk(at, packet)?;
        let Some(current) = self.current else { return Ok(None) };
        let chunk = self.pool.chunks()[current.index];
        let offset = at - chunk.first;
        if let Some(borrower) = self.borrower {
            self.lend(borrower, offset, packet)?;
            if self.borrower.is_none() {
                complete = Some(borrower.index);
            }
        }
        if current.is_wanted && (offset == 0 || offset > chunk.leading) {
            let packet = if offset == 0 { self.with_headers(packet)? } else { packet.reference()? };
            self.pool.push(current.index, Picture { packet, is_borrowed: false })?;
        }
        Ok(complete)
    }

    /// Goes over to the next chunk if the packet is its first. Returns the chunk that ends there, unless it borrows.
    fn begin_chunk(&mut self, at: u64, packet: &Packet) -> Result<Option<usize>, TranscodeError> {
        let chunks = self.pool.chunks();
        let index = self.current.map_or(0, |current| current.index + 1);
        if chunks.get(index).is_none_or(|chunk| chunk.first != at) {
            return Ok(None);
        }
        let mut complete = None;
        if let Some(before) = self.current {
            let next = packet.pts().map(Timestamp::microseconds);
            if chunks[before.index].borrowed > 0 {
                self.borrower = Some(Borrower { index: before.index, is_wanted: before.is_wanted, next });
            } else {
                self.pool.close(before.index, next);
                complete = Some(before.index);
            }
        }
        self.current = Some(Current { index, is_wanted: self.pool.enter(index)? });
        Ok(complete)
    }

    fn lend(&mut self, borrower: Borrower, offset: u64, packet: &Packet) -> Result<(), TranscodeError> {
        if borrower.is_wanted {
            let picture = Picture { packet: packet.reference()?, is_borrowed: offset == 0 };
            self.pool.push(borrower.index, picture)?;
        }
        if offset + 1 >= self.pool.chunks()[borrower.index].borrowed {
            self.pool.close(borrower.index, borrower.next);
            self.borrower = None;
        }
        Ok(())
    }

    fn with_headers(&self, packet: &Packet) -> Result<Packet, TranscodeError> {
        let mut packet = packet.reference()?;
        if let Some(headers) = self.headers.as_ref().filter(|_| packet.new_headers().is_none()) {
            packet.set_new_headers(headers)?;
        }
        Ok(packet)
    }

    /// Closes the last chunk and returns it. A source that has become shorter since it was probed has no last chunk.
    pub(super) fn finish(self) -> Result<usize, TranscodeError> {
        let total = self.pool.chunks().last().map_or(0, |chunk| chunk.end);
        match self.current {
            Some(current) if current.index + 1 == self.pool.chunks().len() => {
                self.pool.close(current.index, None);
                Ok(current.index)
            }
            _ => Err(TranscodeError::Unexplained { decoded: self.taken, total }),
        }
    }
}
