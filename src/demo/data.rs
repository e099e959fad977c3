//! The data of the story: random bytes, and their SHA-256.

use std::path::Path;

use sha2::{Digest, Sha256};
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt},
};

use super::error::Error;

/// Bytes that are handled at once.
const CHUNK: usize = 1 << 20;

/// Writes `mib` MiB of random bytes and flushes them to the device; answers their SHA-256 in hex.
pub async fn write_random(path: &Path, mib: usize) -> Result<String, Error> {
    let mut file = File::create(path).await.map_err(Error::file("create", path))?;
    let (mut digest, mut chunk) = (Sha256::new(), vec![0; CHUNK]);
    for _ in 0..mib {
        getrandom::fill(&mut chunk).map_err(Error::Random)?;
        digest.update(&chunk);
        file.write_all(&chunk).await.map_err(Error::file("write", path))?;
    }
    flush(file, path).await?;
    Ok(hex(&digest.finalize()))
}

/// Writes a short text and flushes it to the device.
pub async fn write_note(path: &Path, text: &str) -> Result<(), Error> {
    let mut file = File::create(path).await.map_err(Error::file("create", path))?;
    file.write_all(text.as_bytes()).await.map_err(Error::file("write", path))?;
    flush(file, path).await
}

/// Writes the first sector of a device over itself, which changes nothing where it succeeds.
pub async fn write_back(device: &Path) -> Result<(), Error> {
    let mut sector = [0; 512];
    let mut file = File::options().read(true).write(true).open(device).await.map_err(Error::file("open", device))?;
    file.read_exact(&mut sector).await.map_err(Error::file("read", device))?;
    file.rewind().await.map_err(Error::file("rewind", device))?;
    file.write_all(&sector).await.map_err(Error::file("write", device))?;
    flush(file, device).await
}

/// Until its flush tokio owes the outcome of the last write.
async fn flush(mut file: File, path: &Path) -> Result<(), Error> {
    file.flush().await.map_err(Error::file("write", path))?;
    file.sync_all().await.map_err(Error::file("flush", path))
}

/// The SHA-256 of a file in hex, read to the end.
pub async fn checksum(path: &Path) -> Result<String, Error> {
    let mut file = File::open(path).await.map_err(Error::file("open", path))?;
    let (mut digest, mut chunk) = (Sha256::new(), vec![0; CHUNK]);
    loop {
        match file.read(&mut chunk).await.map_err(Error::file("read", path))? {
            0 => return Ok(hex(&digest.finalize())),
            length => digest.update(&chunk[..length]),
        }
    }
}

/// A random UID as the API server gives (UUID, version 4).
pub fn random_uid() -> Result<String, Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(Error::Random)?;
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = hex(&bytes);
    Ok([&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-"))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_read_back_has_the_checksum_of_what_was_written_and_one_bit_changes_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("data");
        let written = write_random(&path, 2).await.unwrap();
        assert_eq!(checksum(&path).await.unwrap(), written);
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[CHUNK + 7] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        assert_ne!(checksum(&path).await.unwrap(), written);
    }

    #[tokio::test]
    async fn the_checksum_is_sha_256() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("abc");
        write_note(&path, "abc").await.unwrap();
        // FIPS 180-4's example.
        let known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(checksum(&path).await.unwrap(), known);
    }

    #[test]
    fn a_uid_is_a_uuid_of_version_4() {
        let uid = random_uid().unwrap();
        assert_eq!((uid.len(), uid.chars().nth(14)), (36, Some('4')), "{uid}");
    }
}
