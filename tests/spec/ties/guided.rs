//! On a terminal, what is missing is asked for, a secret is not shown, and nothing is done before a yes.

use std::fs::File;
use std::io::Read as _;
use std::io::Write as _;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::Mutex;

use rustix::pty::OpenptFlags;
use rustix::termios::Winsize;

use super::house::ALL_SCOPES;
use super::house::CLOUD;
use super::house::House;
use crate::spec::rig::until;

/// A program at a terminal of its own.
pub struct Terminal {
    keys: File,
    screen: Arc<Mutex<Vec<u8>>>,
    child: tokio::process::Child,
}

impl Terminal {
    pub fn of(mut command: tokio::process::Command) -> Self {
        let master = rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        rustix::pty::grantpt(&master).unwrap();
        rustix::pty::unlockpt(&master).unwrap();
        let size = Winsize { ws_row: 60, ws_col: 120, ws_xpixel: 0, ws_ypixel: 0 };
        rustix::termios::tcsetwinsize(&master, size).unwrap();
        let name = rustix::pty::ptsname(&master, Vec::new()).unwrap();
        let name = name.to_str().unwrap().to_owned();
        let slave = File::options().read(true).write(true).open(name).unwrap();
        command.stdin(Stdio::from(slave.try_clone().unwrap()));
        command.stdout(Stdio::from(slave.try_clone().unwrap())).stderr(Stdio::from(slave));
        let child = command.spawn().unwrap();
        // The command holds the terminal's other end: reading from ours would never stop.
        drop(command);
        let keys = File::from(master);
        let (mut eyes, screen) = (keys.try_clone().unwrap(), Arc::new(Mutex::new(Vec::new())));
        let seen = Arc::clone(&screen);
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // An error is how a terminal says that nobody is at its other end any more.
            while let Ok(read @ 1..) = eyes.read(&mut bytes) {
                seen.lock().unwrap().extend_from_slice(&bytes[..read]);
            }
        });
        Self { keys, screen, child }
    }

    pub fn shown(&self) -> String {
        String::from_utf8_lossy(&self.screen.lock().unwrap()).into_owned()
    }

    /// Waits for a question, and answers it.
    pub async fn answer(&mut self, question: &str, answer: &str) {
        until(question, async || self.shown().contains(question).then_some(())).await;
        self.keys.write_all(format!("{answer}\n").as_bytes()).unwrap();
    }

    pub async fn ended(&mut self) -> i32 {
        let ended = tokio::time::timeout(crate::spec::rig::PATIENCE, self.child.wait()).await;
        ended.unwrap().unwrap().code().unwrap_or(-1)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_is_asked_for_and_nothing_is_done_before_a_yes() {
    let house = House::open().await;
    let token = house.token(&ALL_SCOPES);
    let api = house.gate.town.simulator.cloud_api();
    for (answer, code, connected) in [("n", 1, 0), ("y", 0, 1)] {
        let command = house.gate.operator(&["connect", "--api-url", &api]);
        let mut terminal = Terminal::of(command);
        terminal.answer("Id of the connection", CLOUD).await;
        terminal.answer("`cloud` or `datacenter`?", "cloud").await;
        terminal.answer("Slug of the workspace:", "acme").await;
        terminal.answer("Credential:", "token").await;
        terminal.answer("the token (not shown):", &token).await;
        terminal.answer("[y/N]", answer).await;
        assert_eq!(terminal.ended().await, code, "{}", terminal.shown());
        until("the last words", async || {
            let words = if code == 0 { "You see and revoke" } else { "nothing was done" };
            terminal.shown().contains(words).then_some(())
        })
        .await;
        let shown = terminal.shown();
        assert!(shown.contains(CLOUD), "what is no secret is shown as it is typed: {shown}");
        assert!(shown.contains("would be registered"), "looked at first: {shown}");
        assert!(!shown.contains(&token), "the token was shown: {shown}");
        assert_eq!(house.cloud_hooks().len(), connected);
    }
}
