//! Memory for the bodies that are being read or handled. Nobody is known yet whose body it is, but for the address that it
//! comes from.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use super::body::ReadError;

/// Up to this limit, in bytes, an operation is one with small bodies.
pub const SMALL: usize = 1024 * 1024;
/// Memory is counted in pieces of this size, in bytes.
pub(super) const PIECE: usize = 1024;

/// Memory with two bounds. A part is kept from large bodies, so that a few that come slowly do not shut all others out; and
/// one sender holds no more than is left to the others: alone half of it, with a second a third each, and so on.
#[derive(Debug, Clone)]
pub struct Room(Arc<Pools>);

#[derive(Debug)]
struct Pools {
    all: Pool,
    /// What large bodies may take of it.
    large: Pool,
}

#[derive(Debug)]
struct Pool {
    /// In pieces, like all that is counted here.
    size: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    total: usize,
    by_sender: HashMap<IpAddr, usize>,
}

/// What one body takes of a [`Room`]; given back when dropped.
#[derive(Debug)]
pub(super) struct Share {
    room: Room,
    sender: Option<IpAddr>,
    is_large: bool,
    pieces: usize,
}

impl Room {
    /// Room for so many bytes, of which so many are kept from operations that take large bodies.
    #[must_use]
    pub fn new(bytes: usize, kept: usize) -> Self {
        Self(Arc::new(Pools { all: Pool::new(bytes), large: Pool::new(bytes.saturating_sub(kept)) }))
    }

    /// Nothing yet, for a body of up to `limit` bytes. Who has no sender shares with nobody in particular.
    pub(super) fn share(&self, sender: Option<IpAddr>, limit: usize) -> Share {
        Share { room: self.clone(), sender, is_large: limit > SMALL, pieces: 0 }
    }
}

impl Share {
    /// Enlarges it to hold so many bytes.
    pub(super) fn grow(&mut self, bytes: usize) -> Result<(), ReadError> {
        let more = (bytes / PIECE + 1).saturating_sub(self.pieces);
        let Pools { all, large } = &*self.room.0;
        if self.is_large {
            large.take(self.sender, more)?;
        }
        if let Err(error) = all.take(self.sender, more) {
            if self.is_large {
                large.give_back(self.sender, more);
            }
            return Err(error);
        }
        self.pieces += more;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let Pools { all, large } = &*self.room.0;
        if self.is_large {
            large.give_back(self.sender, self.pieces);
        }
        all.give_back(self.sender, self.pieces);
    }
}

impl Pool {
    fn new(bytes: usize) -> Self {
        Self { size: bytes / PIECE, taken: Mutex::default() }
    }

    fn take(&self, sender: Option<IpAddr>, more: usize) -> Result<(), ReadError> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let total = taken.total + more;
        let left = self.size.checked_sub(total).ok_or(ReadError::NoRoom)?;
        if let Some(sender) = sender {
            let held = taken.by_sender.get(&sender).copied().unwrap_or_default() + more;
            if held > left {
                return Err(ReadError::Crowded);
            }
            taken.by_sender.insert(sender, held);
        }
        taken.total = total;
        Ok(())
    }

    fn give_back(&self, sender: Option<IpAddr>, pieces: usize) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.total = taken.total.saturating_sub(pieces);
        let Some(sender) = sender else { return };
        if let Some(held) = taken.by_sender.get_mut(&sender) {
            *held = held.saturating_sub(pieces);
            if *held == 0 {
                taken.by_sender.remove(&sender);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a sender gets of a room for bodies of a kind, piece by piece.
    fn filled(room: &Room, sender: Option<u8>, limit: usize) -> (Vec<Share>, ReadError) {
        let mut held = Vec::new();
        loop {
            let mut share = room.share(sender.map(|last| IpAddr::from([192, 0, 2, last])), limit);
            match share.grow(0) {
                Ok(()) => held.push(share),
                Err(error) => return (held, error),
            }
        }
    }

    #[test]
    fn nobody_holds_more_than_he_leaves_to_others() {
        let room = Room::new(60 * PIECE, 0);
        let (first, refusal) = filled(&room, Some(1), SMALL);
        assert_eq!((first.len(), refusal), (30, ReadError::Crowded));
        let (second, _) = filled(&room, Some(2), SMALL);
        assert_eq!(second.len(), 15);
        let (third, _) = filled(&room, Some(3), SMALL);
        assert_eq!(third.len(), 7, "the next finds room, too");
        drop(first);
        assert_eq!(filled(&room, Some(3), SMALL).0.len(), 15, "and more of it when somebody leaves");
        drop((second, third));
        assert_eq!(filled(&room, Some(1), SMALL).0.len(), 30, "all is given back");
    }

    #[test]
    fn who_is_nobody_in_particular_may_take_it_all() {
        let room = Room::new(60 * PIECE, 0);
        let (held, refusal) = filled(&room, None, SMALL);
        assert_eq!((held.len(), refusal), (60, ReadError::NoRoom));
    }

    #[test]
    fn large_bodies_have_a_part_of_it_to_share() {
        let room = Room::new(60 * PIECE, 20 * PIECE);
        let (large, refusal) = filled(&room, Some(1), SMALL + 1);
        assert_eq!((large.len(), refusal), (20, ReadError::Crowded));
        let (small, _) = filled(&room, Some(1), SMALL);
        assert_eq!(small.len(), 10);
        assert_eq!(filled(&room, Some(2), SMALL + 1).0.len(), 10);
        drop((large, small));
        assert!(room.0.large.taken.lock().unwrap().by_sender.is_empty(), "nobody is remembered");
    }

    #[test]
    fn what_does_not_fit_takes_nothing() {
        let room = Room::new(10 * PIECE, 2 * PIECE);
        let mut share = room.share(None, SMALL + 1);
        share.grow(5 * PIECE).unwrap();
        assert_eq!(share.grow(8 * PIECE).unwrap_err(), ReadError::NoRoom);
        assert_eq!(room.0.all.taken.lock().unwrap().total, 6);
        assert_eq!(room.0.large.taken.lock().unwrap().total, 6);
    }
}
