//! A person at a terminal: whether there is one, what they answer, and secrets that are not shown while they are typed.

use std::io::BufRead as _;
use std::io::IsTerminal as _;
use std::io::Write as _;

use portcullis::secret::Secret;
use rustix::termios;

/// Whether somebody can be asked.
pub fn is_there() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Whether a line on standard error can be drawn over.
pub fn can_draw() -> bool {
    std::io::stderr().is_terminal()
}

/// Asks for a line. Data goes to standard output, so questions go to standard error.
pub fn ask(question: &str) -> Result<String, String> {
    eprint!("{question} ");
    // A prompt that cannot be written will show itself by what is read next.
    let _ = std::io::stderr().flush();
    line()
}

/// Asks for a yes; anything else is a no.
pub fn agrees(question: &str) -> Result<bool, String> {
    let answer = ask(&format!("{question} [y/N]"))?;
    Ok(matches!(answer.to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// Asks for a secret, and shows nothing of it.
pub fn ask_secret(question: &str) -> Result<Secret<String>, String> {
    let stdin = std::io::stdin();
    let shown = termios::tcgetattr(&stdin).map_err(|error| format!("no terminal: {error}"))?;
    let mut hidden = shown.clone();
    hidden.local_modes.remove(termios::LocalModes::ECHO);
    let set = |modes| termios::tcsetattr(&stdin, termios::OptionalActions::Now, modes);
    set(&hidden).map_err(|error| format!("what you type could not be hidden: {error}"))?;
    let answer = ask(question);
    // Whatever was typed: the terminal must be as it was.
    let back = set(&shown);
    eprintln!();
    back.map_err(|error| format!("the terminal could not be set back: {error}"))?;
    answer.map(Secret::new)
}

fn line() -> Result<String, String> {
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    match read {
        Ok(0) => Err("nothing was answered".to_owned()),
        Ok(_) => Ok(line.trim().to_owned()),
        Err(error) => Err(format!("no answer could be read: {error}")),
    }
}
