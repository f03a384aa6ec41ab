//! Names that are one elsewhere: what CPython folds to the same, and what real
//! installers do with two members that belong in one place.

use std::process::Command;

use wheelproof::relpath::twin_key;

use crate::common::{House, has_program, minimal_wheel, run, sha256sum};
use crate::installers::installers;

#[test]
fn every_character_folds_as_cpython_folds_it() {
    if !has_program("python3") {
        return;
    }
    // Unicode, section 3.13, D145. Only characters that this Python knows: the
    // newest Unicode of the two may be either's.
    let script = "import sys, unicodedata\n\
        nfd = lambda text: unicodedata.normalize('NFD', text)\n\
        lines = []\n\
        for number in range(0x20, 0x110000):\n\
        \x20   letter = chr(number)\n\
        \x20   if unicodedata.category(letter) in ('Cn', 'Cs', 'Cc', 'Co', 'Zl', 'Zp'): continue\n\
        \x20   for text in (letter, 'q\\u0307' + letter + '\\u0323Z'):\n\
        \x20       lines.append(text + '\\t' + nfd(nfd(text).casefold()) + '\\n')\n\
        sys.stdout.buffer.write(''.join(lines).encode())\n";
    let output = Command::new("python3")
        .args(["-c", script])
        .output()
        .unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    let mut wrong = Vec::new();
    for line in text.split_terminator('\n') {
        let (name, expected) = line.split_once('\t').unwrap();
        if twin_key(name) != expected {
            wrong.push(format!("{}", name.escape_unicode()));
        }
    }
    assert!(text.lines().count() > 250_000);
    assert!(
        wrong.is_empty(),
        "{}: {:?}",
        wrong.len(),
        &wrong[..wrong.len().min(20)]
    );
}

#[test]
fn installers_write_one_member_over_another_and_verify_refuses_the_wheel() {
    for installer in installers() {
        let house = House::new();
        let name = "six-1.0-py3-none-any.whl";
        let files = [
            ("six.py", "shown = True\n"),
            ("six-1.0.data/purelib/six.py", "installed = True\n"),
        ];
        minimal_wheel(&house.wheel(name), &files);
        house.sign_listing_also(&[name]);
        let line = format!("{} six", installer.install_to("out"));
        let command = ["sh", "-euc", &line];
        run(&mut house.run(&["--shallow"], &command)).expect(0);
        assert_eq!(
            std::fs::read_to_string(house.at("out/six.py")).unwrap(),
            "installed = True\n"
        );
        assert_eq!(
            house.check(&[]).expect(1).errors(),
            ["wheel-installed-twice"]
        );
        run(&mut house.run(&[], &command)).expect(125);
    }
}

#[test]
fn two_forms_of_an_accent_are_twins_in_the_manifest_and_a_hint_in_the_directory() {
    let house = House::new();
    let (composed, decomposed) = ("caf\u{e9}.txt", "cafe\u{301}.txt");
    for name in [composed, decomposed] {
        std::fs::write(house.wheel(name), "menu\n").unwrap();
    }
    house.sign_listing_also(&[composed, decomposed]);
    let outcome = house.check(&[]).expect(1);
    // The second line is no entry, so its file is not listed.
    assert_eq!(outcome.errors(), ["manifest-name-twin", "file-unlisted"]);
    let found = |number: usize| outcome.json()["findings"][number]["found"].clone();
    assert_eq!(
        found(0),
        "'cafe\\u{301}.txt' and 'caf\\u{e9}.txt' on line 7 are the same file to others"
    );
    assert_eq!(
        found(1),
        "'cafe\\u{301}.txt', another spelling of 'caf\\u{e9}.txt', which is listed"
    );
    // One listed, the other there: as after copying through a Mac.
    std::fs::remove_file(house.wheel(composed)).unwrap();
    house.sign(format!(
        "{}{}  {composed}\n",
        House::lines(),
        sha256sum(&house.wheel(decomposed))
    ));
    let mut errors = house.check(&[]).expect(1).errors();
    errors.sort();
    assert_eq!(errors, ["file-missing", "file-unlisted"]);
}
