//! The `wheelproof` program: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    // Before anything else: this start may be the last step before a foreign
    // command, in an environment where nothing else of us belongs.
    if std::env::args_os()
        .nth(1)
        .is_some_and(|word| word == wheelproof::sandbox::stage::WORD)
    {
        return wheelproof::sandbox::stage::run();
    }
    ExitCode::SUCCESS
}
