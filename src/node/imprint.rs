//! What a range of a device holds, told in little memory: many volumes are staged at once, on devices that may be full
//! of old data, and their megabytes would stay with the process as idle memory.

use std::io::{self, Read};

use sha2::{Digest, Sha256};

const PAGE: usize = 4096;
const ZEROS: [u8; PAGE] = [0; PAGE];

/// The pages that are kept: all that superblocks and signatures are looked for in.
const KEPT: [u64; 3] = [0, 0x1000, 0x1_0000];

/// The bytes of a range: a few pages to look into, and for all of them a digest to compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imprint {
    length: u64,
    /// Offset and bytes, without those of zeros.
    pages: Vec<(u64, Vec<u8>)>,
    /// Of the pages that are not zeros, with their offsets; `None` where there are none.
    digest: Option<[u8; 32]>,
}

impl Imprint {
    /// Reads a range of so many bytes to its end.
    pub fn read(mut range: impl Read, length: u64) -> io::Result<Self> {
        let (mut pages, mut digest) = (Vec::new(), None::<Sha256>);
        let mut buffer = [0; PAGE];
        for offset in (0..length).step_by(PAGE) {
            let rest = usize::try_from(length - offset).unwrap_or(PAGE);
            let page = &mut buffer[..rest.min(PAGE)];
            range.read_exact(page)?;
            if *page == ZEROS[..page.len()] {
                continue;
            }
            let digest = digest.get_or_insert_default();
            digest.update(offset.to_le_bytes());
            digest.update(&*page);
            if KEPT.contains(&offset) {
                pages.push((offset, page.to_vec()));
            }
        }
        Ok(Self { length, pages, digest: digest.map(|digest| digest.finalize().into()) })
    }

    /// Are all bytes zeros?
    pub fn is_zero(&self) -> bool {
        self.digest.is_none()
    }

    /// So many bytes from an offset on; `None` where the range, or what is kept of it, does not have them all.
    pub fn bytes(&self, offset: usize, length: usize) -> Option<&[u8]> {
        let (page, within) = ((offset - offset % PAGE) as u64, offset % PAGE);
        let end = within + length;
        if !KEPT.contains(&page) || end > PAGE || (offset + length) as u64 > self.length {
            return None;
        }
        let kept = self.pages.iter().find(|(at, _)| *at == page).map_or(&ZEROS[..], |(_, bytes)| bytes);
        kept.get(within..end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn imprint(bytes: &[u8]) -> Imprint {
        Imprint::read(bytes, bytes.len() as u64).unwrap()
    }

    #[test]
    fn little_is_kept_of_much() {
        let full = imprint(&vec![7; 1 << 20]);
        assert_eq!(full.pages.iter().map(|(_, bytes)| bytes.len()).sum::<usize>(), KEPT.len() * PAGE);
        assert_eq!(imprint(&vec![0; 1 << 20]).pages, []);
    }

    #[test]
    fn only_what_the_range_has_is_told() {
        let short = imprint(&[7; 5000]);
        assert_eq!(short.bytes(4096, 904), Some(&[7; 904][..]));
        assert_eq!(short.bytes(4096, 905), None);
        assert_eq!(imprint(&[0; 1024]).bytes(1000, 24), Some(&[0; 24][..]));
        assert_eq!(imprint(&[0; 1024]).bytes(1000, 25), None);
        assert_eq!(imprint(&vec![7; 1 << 20]).bytes(0x2000, 1), None);
        assert!(Imprint::read(&[0; 5000][..], 5001).is_err());
    }

    proptest! {
        #[test]
        fn one_other_byte_is_another_imprint(length in 1usize..20_000, at in any::<prop::sample::Index>(), fill in any::<u8>()) {
            let bytes = vec![fill; length];
            let mut other = bytes.clone();
            other[at.index(length)] ^= 1;
            prop_assert_eq!(imprint(&bytes), imprint(&bytes));
            prop_assert_ne!(imprint(&bytes), imprint(&other));
        }
    }
}
