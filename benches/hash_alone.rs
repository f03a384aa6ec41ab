//! What the SHA-256 implementation reaches alone: hashes the files of a directory
//! with the reads of `verify`, on all cores, and does nothing else.
//!
//! `hash-alone DIR` prints one line, how many bytes it hashed. `benches/verify.py`
//! holds `verify` against it.

#![allow(
    clippy::print_stdout,
    clippy::indexing_slicing,
    reason = "a program for measuring"
)]

use std::cmp::Reverse;
use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use sha2::Digest as _;
use wheelproof::digest::READ_SIZE;

fn main() -> io::Result<()> {
    let directory = std::env::args_os().nth(1).unwrap_or_default();
    let mut files: Vec<(u64, PathBuf)> = std::fs::read_dir(directory)?
        .map(|entry| {
            let path = entry?.path();
            Ok((path.metadata()?.len(), path))
        })
        .collect::<io::Result<_>>()?;
    files.sort_by_key(|(size, _)| Reverse(*size));
    let (next, total) = (AtomicUsize::new(0), AtomicU64::new(0));
    let work = || -> io::Result<()> {
        let mut buffer = vec![0u8; READ_SIZE];
        while let Some((_, path)) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            let mut file = File::open(path)?;
            let mut hasher = sha2::Sha256::new();
            loop {
                let count = file.read(&mut buffer)?;
                if count == 0 {
                    break;
                }
                hasher.update(&buffer[..count]);
                total.fetch_add(count as u64, Ordering::Relaxed);
            }
            std::hint::black_box(hasher.finalize());
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let threads: Vec<_> = (0..cores).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|thread| {
            thread
                .join()
                .unwrap_or_else(|_| Err(io::ErrorKind::Other.into()))
        })
    })?;
    println!("{} bytes", total.into_inner());
    Ok(())
}
