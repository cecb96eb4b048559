//! Compression before sealing: zstd with a dictionary of typical texts, because most of ours are short and alike.
//! Compression contexts are kept per thread, since making one costs more than compressing a message.

use std::cell::RefCell;
use std::sync::LazyLock;

use zstd::bulk::{Compressor, Decompressor};
use zstd::dict::{DecoderDictionary, EncoderDictionary};
use zstd::zstd_safe::get_frame_content_size;

use super::{MAX_PLAIN, SealError};

/// Samples of what is sealed: an application, a loan, messages, callbacks, tasks, all made up. A text that was
/// compressed with a dictionary opens with that one alone, so this one never changes: another dictionary would need
/// another format byte.
pub(super) const DICTIONARY: &[u8] = include_bytes!("dictionary.txt");
/// The fastest of zstd's usual levels. A message shrinks to nearly what the default level makes of it, for half of the
/// time.
const LEVEL: i32 = 1;
/// Longer texts get a context of their own, so that a kept one stays small.
const MAX_KEPT: usize = 256 * 1024;

static ENCODER: LazyLock<EncoderDictionary<'static>> = LazyLock::new(|| EncoderDictionary::copy(DICTIONARY, LEVEL));
static DECODER: LazyLock<DecoderDictionary<'static>> = LazyLock::new(|| DecoderDictionary::copy(DICTIONARY));

thread_local! {
    static COMPRESSOR: RefCell<Option<Compressor<'static>>> = const { RefCell::new(None) };
    static DECOMPRESSOR: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
}

/// The text as a zstd frame, which may be longer.
pub(super) fn compress(plain: &[u8]) -> Result<Vec<u8>, SealError> {
    let packed =
        if plain.len() > MAX_KEPT { compressor().and_then(|mut once| once.compress(plain)) } else { kept(plain) };
    packed.map_err(|_| SealError::Library)
}

fn compressor() -> std::io::Result<Compressor<'static>> {
    Compressor::with_prepared_dictionary(&ENCODER)
}

fn kept(plain: &[u8]) -> std::io::Result<Vec<u8>> {
    COMPRESSOR.with_borrow_mut(|kept| {
        let mut compressor = match kept.take() {
            Some(compressor) => compressor,
            None => compressor()?,
        };
        let packed = compressor.compress(plain);
        *kept = Some(compressor);
        packed
    })
}

/// Inflates a frame that announces its size; the announcement bounds what is allocated. A frame that was made without
/// the dictionary refers to nothing in it.
pub(super) fn decompress(packed: &[u8]) -> Result<Vec<u8>, SealError> {
    let announced = get_frame_content_size(packed).ok().flatten().ok_or(SealError::Malformed)?;
    let size = usize::try_from(announced).map_err(|_| SealError::TooLarge)?;
    if size > MAX_PLAIN {
        return Err(SealError::TooLarge);
    }
    let text = DECOMPRESSOR.with_borrow_mut(|kept| {
        let mut decompressor = match kept.take() {
            Some(decompressor) => decompressor,
            None => Decompressor::with_prepared_dictionary(&DECODER)?,
        };
        let text = decompressor.decompress(packed, size);
        *kept = Some(decompressor);
        text
    });
    text.map_err(|_: std::io::Error| SealError::Malformed)
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::digest::{SHA256, digest};

    use super::DICTIONARY;

    #[test]
    fn the_dictionary_never_changes() {
        assert_eq!(
            hex::encode(digest(&SHA256, DICTIONARY)),
            "24e4790363d3b330248fef88b658c530793afe5bfbef46c5728effc38cf86040"
        );
    }
}
