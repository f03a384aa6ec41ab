//! The rounds of SHA-256 with the SHA extensions of x86-64 (Intel 64 and IA-32
//! Architectures Software Developer's Manual, volume 2: SHA256RNDS2, SHA256MSG1,
//! SHA256MSG2), for several streams side by side.
//!
//! This file alone holds `unsafe`: one load from memory, and one call of a function that
//! only some processors can run.

#![allow(unsafe_code)]

use std::arch::x86_64::{
    __m128i, _mm_add_epi32, _mm_alignr_epi8, _mm_extract_epi32, _mm_loadu_si128, _mm_set_epi32,
    _mm_set_epi64x, _mm_setzero_si128, _mm_sha256msg1_epu32, _mm_sha256msg2_epu32,
    _mm_sha256rnds2_epu32, _mm_shuffle_epi8, _mm_shuffle_epi32,
};

use crate::Block;

/// The constants of the rounds (FIPS 180-4, 4.2.2), four rounds a row.
const CONSTANTS: [[u32; 4]; 16] = [
    [0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5],
    [0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5],
    [0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3],
    [0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174],
    [0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc],
    [0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da],
    [0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7],
    [0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967],
    [0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13],
    [0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85],
    [0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3],
    [0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070],
    [0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5],
    [0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3],
    [0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208],
    [0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2],
];

/// Shows that this processor has the instructions; only [`Unit::detect`] makes one.
#[derive(Clone, Copy)]
pub(crate) struct Unit(());

impl Unit {
    /// Asks the processor.
    pub(crate) fn detect() -> Option<Self> {
        let has_them = is_x86_feature_detected!("sha")
            && is_x86_feature_detected!("ssse3")
            && is_x86_feature_detected!("sse4.1");
        has_them.then_some(Self(()))
    }

    /// Adds to each state its blocks. Every stream has the same number of them; what one
    /// has beyond the shortest is passed over.
    pub(crate) fn compress<const N: usize>(self, lanes: [(&mut [u32; 8], &[Block]); N]) {
        // SAFETY: a `Unit` exists only where the processor has said that it has the
        // features that the function asks for.
        unsafe { compress(lanes) }
    }
}

#[inline]
#[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
fn load(bytes: &[u8; 16]) -> __m128i {
    // SAFETY: 16 bytes can be read there, and this load asks for no alignment.
    unsafe { _mm_loadu_si128(bytes.as_ptr().cast()) }
}

/// Returns four words as the instructions hold them, the first in the lowest place.
#[inline]
#[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
fn vector(words: [u32; 4]) -> __m128i {
    let [a, b, c, d] = words.map(u32::cast_signed);
    _mm_set_epi32(d, c, b, a)
}

#[inline]
#[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
fn words(vector: __m128i) -> [u32; 4] {
    [
        _mm_extract_epi32(vector, 0),
        _mm_extract_epi32(vector, 1),
        _mm_extract_epi32(vector, 2),
        _mm_extract_epi32(vector, 3),
    ]
    .map(i32::cast_unsigned)
}

// The loops over lanes have a constant number of turns and are unrolled, so the
// instructions of one lane stand between those of the others.
#[target_feature(enable = "sha,sse2,ssse3,sse4.1")]
fn compress<const N: usize>(lanes: [(&mut [u32; 8], &[Block]); N]) {
    // Words of a message are big-endian (FIPS 180-4, 3.1).
    let swap = _mm_set_epi64x(0x0c0d_0e0f_0809_0a0b, 0x0405_0607_0001_0203);
    // The instructions keep a, b, e, f in one register and c, d, g, h in the other, the
    // last of them in the lowest place.
    let mut abef = [_mm_setzero_si128(); N];
    let mut cdgh = [_mm_setzero_si128(); N];
    for lane in 0..N {
        let [a, b, c, d, e, f, g, h] = *lanes[lane].0;
        abef[lane] = vector([f, e, b, a]);
        cdgh[lane] = vector([h, g, d, c]);
    }
    let count = lanes.iter().map(|lane| lane.1.len()).min().unwrap_or(0);
    for number in 0..count {
        let (abef_before, cdgh_before) = (abef, cdgh);
        // The last sixteen words of the message schedule, four in each.
        let mut schedule = [[_mm_setzero_si128(); 4]; N];
        for lane in 0..N {
            let (quarters, _) = lanes[lane].1[number].as_chunks::<16>();
            for (words, quarter) in schedule[lane].iter_mut().zip(quarters) {
                *words = _mm_shuffle_epi8(load(quarter), swap);
            }
        }
        // Written out, so that every word keeps its register.
        macro_rules! rounds {
            ($($row:literal)*) => {$({
                let constants = vector(CONSTANTS[$row]);
                for lane in 0..N {
                    let w = &mut schedule[lane];
                    if $row >= 4 {
                        // W(t) = s1(W(t-2)) + W(t-7) + s0(W(t-15)) + W(t-16), 6.2.2.
                        let last = w[($row + 3) % 4];
                        let seven_back = _mm_alignr_epi8(last, w[($row + 2) % 4], 4);
                        let sum = _mm_sha256msg1_epu32(w[$row % 4], w[($row + 1) % 4]);
                        w[$row % 4] = _mm_sha256msg2_epu32(_mm_add_epi32(sum, seven_back), last);
                    }
                    let sum = _mm_add_epi32(w[$row % 4], constants);
                    cdgh[lane] = _mm_sha256rnds2_epu32(cdgh[lane], abef[lane], sum);
                    // The next two rounds take the upper half.
                    let upper = _mm_shuffle_epi32(sum, 0x0e);
                    abef[lane] = _mm_sha256rnds2_epu32(abef[lane], cdgh[lane], upper);
                }
            })*};
        }
        rounds!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
        for lane in 0..N {
            abef[lane] = _mm_add_epi32(abef[lane], abef_before[lane]);
            cdgh[lane] = _mm_add_epi32(cdgh[lane], cdgh_before[lane]);
        }
    }
    for lane in 0..N {
        let [f, e, b, a] = words(abef[lane]);
        let [h, g, d, c] = words(cdgh[lane]);
        *lanes[lane].0 = [a, b, c, d, e, f, g, h];
    }
}
