//! wheelproof answers one question before `pip` is pointed at a directory: are
//! these exactly the files that people I trust signed, and can I rebuild them
//! myself?
//!
//! # The way of the data
//!
//! ```text
//! certificates ─┐
//! signature ────┼─ openpgp ── Authenticated ── manifest ── entries ─┐
//! manifest ─────┘                                                   ├─ wheelhouse ── VerifiedTree ─┬─ rebuild ── outcomes ─┐
//! directory ───────────────── tree ───────── hashed files ──────────┘        │                     └─ handoff ── sealed copy
//!                                                                         statuses ── audit ── findings ──────┴─ report
//! ```
//!
//! Two values carry proof and can be made in one place only. Only a signature
//! check that met the policy makes an [`openpgp::Authenticated`], and
//! [`manifest::Manifest::parse`] takes nothing else. Only the comparison of a
//! manifest with a directory makes a [`wheelhouse::VerifiedTree`], and rebuilds
//! and the hand-off take nothing else. Leaving a check out does not compile.
//!
//! # The floors
//!
//! A module imports from floors below its own, never from its own or from above.
//! `tests/floors.rs` reads this table and fails on an import that breaks it.
//!
//! | floor | modules |
//! |---|---|
//! | 0 | `cancel` `count` `digest` `filename` `fingerprint` `input` `metadata` `relpath` `replace` `scratch` `spelling` `threads` `time` |
//! | 1 | `archive` `backends` `deflate` `finding` `gnupg` `requirements` `state` `swap` |
//! | 2 | `policy` `tree` |
//! | 3 | `elf` `openpgp` `sdist` `wheel` |
//! | 4 | `compare` `evidence` `manifest` `recipe` `sandbox` |
//! | 5 | `explain` `infer` `pinned` `selection` `update` `wheelhouse` `witness` |
//! | 6 | `audit` `handoff` `rebuild` `search` |
//! | 7 | `report` |
//! | 8 | `history` `pipeline` `results` |
//! | 9 | `cli` |
//!
//! `audit` is pure: the same values in, the same findings out. `rebuild`,
//! `handoff` and `gnupg` are the only ones that start processes, foreign code
//! through `sandbox`. `cli` alone reads the arguments, the environment, the clock and the
//! terminal.

pub mod archive;
pub mod audit;
pub mod backends;
pub mod cancel;
pub mod cli;
pub mod compare;
pub mod count;
pub mod deflate;
pub mod digest;
pub mod elf;
pub mod evidence;
pub mod explain;
pub mod filename;
pub mod finding;
pub mod fingerprint;
pub mod gnupg;
pub mod handoff;
pub mod history;
pub mod infer;
pub mod input;
pub mod manifest;
pub mod metadata;
pub mod openpgp;
pub mod pinned;
pub mod pipeline;
pub mod policy;
pub mod rebuild;
pub mod recipe;
pub mod relpath;
pub mod replace;
pub mod report;
pub mod requirements;
pub mod results;
pub mod sandbox;
pub mod scratch;
pub mod sdist;
pub mod search;
pub mod selection;
pub mod spelling;
pub mod state;
pub mod swap;
pub mod threads;
pub mod time;
pub mod tree;
pub mod update;
pub mod wheel;
pub mod wheelhouse;
pub mod witness;
