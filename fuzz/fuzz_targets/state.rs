//! A state file that may be anything: it is refused as it is, or it remembers, and
//! never goes back.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wheelproof::digest::Sha256Digest;
use wheelproof::state::{Accepted, StateFile};
use wheelproof_fuzz::{WORLD, directory};

fuzz_target!(|bytes: &[u8]| {
    let directory = directory();
    let path = directory.path().join("state.json");
    std::fs::write(&path, bytes).expect("room in memory");
    let state = StateFile::new(&path);
    let new = Accepted {
        signed: WORLD.today,
        manifest_sha256: Sha256Digest::of(b"new"),
    };
    let Ok(seen) = state.seen("house") else {
        assert!(state.remember("house", new).is_err());
        assert_eq!(std::fs::read(&path).expect("it is there"), bytes);
        return;
    };
    let behind = state.remember("house", new).expect("it was read before");
    let after = state.seen("house").expect("what was written is read");
    match seen {
        Some(seen) if new.is_behind(&seen) => {
            assert_eq!((behind, after), (Some(seen), Some(seen)));
            assert_eq!(std::fs::read(&path).expect("it is there"), bytes);
        }
        seen => {
            assert_eq!(behind, None);
            let after = after.expect("it remembers");
            assert_eq!(after.manifest_sha256, new.manifest_sha256);
            assert!(after.signed >= new.signed);
            assert!(seen.is_none_or(|seen| after.signed >= seen.signed));
        }
    }
});
