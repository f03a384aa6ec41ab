//! Writes the seeds that are signed: certificates, signatures, clearsigned documents.
//! `fuzz/make-seeds` calls it with the directory of the corpora.

use std::path::PathBuf;

use wheelproof_fuzz::{MANIFEST, WORLD, armored};

fn main() -> std::io::Result<()> {
    let corpus = PathBuf::from(std::env::args_os().nth(1).expect("a directory"));
    let write = |target: &str, name: &str, bytes: &[u8]| {
        let directory = corpus.join(target);
        std::fs::create_dir_all(&directory)?;
        std::fs::write(directory.join(format!("seed-{name}")), bytes)
    };
    let signatures = WORLD.signatures(MANIFEST.as_bytes());
    write("signatures", "binary", &signatures)?;
    write("signatures", "armored", &armored(&signatures))?;
    for (number, one) in WORLD.each_signature(MANIFEST.as_bytes()).iter().enumerate() {
        write("signatures", &format!("one-{number}"), one)?;
        write("signatures", &format!("one-{number}.asc"), &armored(one))?;
    }
    for (number, (binary, armored)) in WORLD.each_certificate().iter().enumerate() {
        write("certificates", &format!("one-{number}"), binary)?;
        write("certificates", &format!("one-{number}.asc"), armored)?;
    }
    for text in [MANIFEST, "- \n- -\t\n\nx  \n", "-\n- -\n\nx\n"] {
        for (number, document) in WORLD.clearsigned(text).iter().enumerate() {
            let name = format!("{}-{number}", text.len());
            write("clearsigned", &name, document)?;
            if number == 0 {
                let crlf = String::from_utf8_lossy(document).replace('\n', "\r\n");
                write("clearsigned", &format!("{name}-crlf"), crlf.as_bytes())?;
            }
        }
    }
    Ok(())
}
