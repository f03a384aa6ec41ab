//! Many signatures over a long manifest: it is hashed once for all of them, and who asks
//! to stop is heard in the midst of it.

use std::process::Command;
use std::time::{Duration, Instant};

use rustix::process::Signal;
use sequoia_openpgp as sequoia;

use sequoia::packet::Packet;
use sequoia::serialize::SerializeInto;

use crate::common::{House, has_program, run, send, start, wait};
use crate::signing::{Plan, Signer, TODAY, plan, wish};

const MIB: usize = 1 << 20;

/// Returns a manifest of comments.
fn long(bytes: usize) -> Vec<u8> {
    let line = format!("# {}\n", "a".repeat(97));
    line.repeat(bytes / line.len()).into_bytes()
}

/// Returns the seconds of processor time that a verification takes.
fn processor_time(house: &House) -> f64 {
    let script = "TIMEFORMAT='%U %S'; time \"$@\" >/dev/null 2>&1";
    let verify = ["verify", ".", "--certs", "keys", "--time", TODAY];
    let outcome = run(Command::new("bash")
        .current_dir(house.at(""))
        .args(["-c", script, "bash", env!("CARGO_BIN_EXE_wheelproof")])
        .args(verify));
    let err = outcome.err();
    let last = err.lines().last().unwrap();
    last.split(' ')
        .map(|part| part.parse::<f64>().unwrap())
        .sum()
}

#[test]
fn a_hundred_signatures_cost_little_more_than_one() {
    if !has_program("bash") {
        return crate::skipped!("no bash to measure processor time with");
    }
    let house = House::new();
    let manifest = long(64 * MIB);
    house.write("sha256sums.txt", &manifest);
    house.remove("sha256sums.txt.asc");
    let mut took = [0.0; 2];
    for (took, count) in took.iter_mut().zip([1, 100]) {
        house.write("sha256sums.txt.sig", house.signer.many(count, &manifest));
        // The faster of two, because others use the machine as well.
        *took = processor_time(&house).min(processor_time(&house));
    }
    let [one, hundred] = took;
    // Hashing it for each signature would take about a hundred times as long.
    assert!(
        hundred <= 4.0 * one,
        "{one} s for one, {hundred} s for a hundred"
    );
}

#[test]
fn a_signal_is_heard_while_signatures_are_checked() {
    let house = House::new();
    let signer = Signer::new(Plan {
        version: 6,
        ..plan(6)
    });
    house.write("keys/signer.asc", signer.certificate());
    let manifest = long(32 * MIB);
    house.write("sha256sums.txt", &manifest);
    house.remove("sha256sums.txt.asc");
    // Each signature of version 6 has a salt in front of what it hashes (RFC 9580,
    // section 5.2.4), so that each has to hash all of it.
    let signature = signer.signature(wish(), &manifest);
    let salt = signature.salt().unwrap().to_vec();
    let packet = Packet::from(signature).to_vec().unwrap();
    let place = packet
        .windows(salt.len())
        .position(|window| window == salt)
        .unwrap();
    let mut many = Vec::new();
    for number in 0..600u16 {
        let mut packet = packet.clone();
        packet[place..place + 2].copy_from_slice(&number.to_be_bytes());
        many.extend(packet);
    }
    house.write("sha256sums.txt.sig", many);
    for signal in [Signal::INT, Signal::TERM] {
        let child = start(&mut house.verify(&["--certs", "keys"]));
        std::thread::sleep(Duration::from_millis(1500));
        let sent = Instant::now();
        send(&child, signal);
        let outcome = wait(child);
        let elapsed = sent.elapsed();
        assert!(elapsed < Duration::from_secs(5), "{elapsed:?}");
        assert_eq!(outcome.signal, Some(signal.as_raw()));
        assert_eq!(outcome.out(), "", "half a check proves nothing");
    }
}
