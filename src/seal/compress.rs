//! zstd before sealing. Contexts are kept per thread: making one costs more than packing a message.

use std::cell::RefCell;

use zstd::bulk::{Compressor, Decompressor};
use zstd::zstd_safe::get_frame_content_size;

use super::{MAX_PLAIN, SealError};

/// The fastest of zstd's usual levels. A message shrinks to nearly what the default level makes of it, for half of the
/// time.
const LEVEL: i32 = 1;
/// Texts shorter than this, in bytes, never pay for a zstd frame.
const MIN_COMPRESSIBLE: usize = 64;
/// Longer texts get a context of their own, so that a kept one stays small.
const MAX_KEPT: usize = 256 * 1024;

thread_local! {
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// The compressed text, when that is smaller.
pub(super) fn compress(plain: &[u8]) -> Result<Option<Vec<u8>>, SealError> {
    if plain.len() < MIN_COMPRESSIBLE {
        return Ok(None);
    }
    let packed = if plain.len() > MAX_KEPT { zstd::bulk::compress(plain, LEVEL) } else { with_kept(plain) };
    let packed = packed.map_err(|_| SealError::Library)?;
    Ok((packed.len() < plain.len()).then_some(packed))
}

fn with_kept(plain: &[u8]) -> std::io::Result<Vec<u8>> {
    COMPRESSOR.with_borrow_mut(|kept| {
        let mut compressor = match kept.take() {
            Some(compressor) => compressor,
            None => Compressor::new(LEVEL)?,
        };
        let packed = compressor.compress(plain);
        *kept = Some(compressor);
        packed
    })
}

/// Inflates a frame that announces its size; the announcement bounds what is allocated.
pub(super) fn decompress(packed: &[u8]) -> Result<Vec<u8>, SealError> {
    let announced = get_frame_content_size(packed).ok().flatten().ok_or(SealError::Malformed)?;
    let size = usize::try_from(announced).map_err(|_| SealError::TooLarge)?;
    if size > MAX_PLAIN {
        return Err(SealError::TooLarge);
    }
    let text = DECOMPRESSOR.with_borrow_mut(|kept| {
        let mut decompressor = match kept.take() {
            Some(decompressor) => decompressor,
            None => Decompressor::new()?,
        };
        let text = decompressor.decompress(packed, size);
        *kept = Some(decompressor);
        text
    });
    text.map_err(|_: std::io::Error| SealError::Malformed)
}
