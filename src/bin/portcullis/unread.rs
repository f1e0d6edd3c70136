//! Output that nobody reads to its end, as with `| head`: no failure of ours, and nobody is to see a panic for it.
//!
//! A socket that breaks is no business of this: signals stay as they are, since a server must not die of one.

use std::panic;

/// What a shell sees of a program that was ended by SIGPIPE; other programs end so.
const ENDED_BY_PIPE: i32 = 141;

/// From here on, printing to a pipe that was closed ends the program without a word.
pub fn ends_quietly() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |told| {
        let said = told.payload_as_str().unwrap_or_default();
        if said.starts_with("failed printing to stdout") && said.contains("Broken pipe") {
            std::process::exit(ENDED_BY_PIPE);
        }
        usual(told);
    }));
}
