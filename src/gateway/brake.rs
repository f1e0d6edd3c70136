//! The brake in use: pauses are asked for, confirmed, told of at their start, half-time and end, and taken back. What a
//! pause is, is `decision::pause`'s; here it meets the store, the clock and the record.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use crate::decision::Brake;
use crate::decision::Pause;
use crate::decision::pause::By;
use crate::decision::pause::Demand;
use crate::decision::pause::Due;
use crate::decision::pause::MAX_REASON;
use crate::decision::pause::Refused;
use crate::decision::pause::Wish;
use crate::gateway::Gateway;
use crate::graph::Time;
use crate::notify::message;
use crate::store::Change;
use crate::store::StoreError;

/// How often the pause is looked at. Its end does not wait for a look: every decision compares the time itself.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How the gate may be paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Longest pause. Default 4 h: long enough for a bad evening, over before the next morning.
    pub longest: Duration,
    /// How many people it takes. Default one.
    pub demand: Demand,
}

impl Default for Settings {
    fn default() -> Self {
        Self { longest: Duration::from_hours(4), demand: Demand::One }
    }
}

/// Why the gate was not paused, or not resumed.
#[derive(Debug, thiserror::Error)]
pub enum BrakeError {
    /// It makes no sense, or is not allowed.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// One pause at a time: a second one would make the longest longer.
    #[error("the gate has a pause already ({0}): resume it first")]
    Already(Uuid),
    /// There is none, or another one.
    #[error("the gate is not paused")]
    None,
    /// It cannot be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Gateway {
    /// Whether the gate is paused at a moment.
    pub fn brake(&self, now: Time) -> Brake {
        self.paused.load().as_deref().map_or(Brake::Off, |pause| pause.brake(now))
    }

    /// The pause that is in force or waits for its second person.
    pub fn pause_now(&self) -> Option<Arc<Pause>> {
        let now = self.clock.now();
        self.paused
            .load_full()
            .filter(|pause| !matches!(pause.due(now), Some(Due::End | Due::Lapse)))
    }

    /// Takes up the pause that was kept when the gate stopped.
    pub async fn recall_brake(&self) -> Result<(), StoreError> {
        self.paused.store(self.store.pause().await?.map(Arc::new));
        Ok(())
    }

    /// Pauses the gate, or asks for the second person.
    pub async fn pause(
        &self,
        length: Duration,
        reason: &str,
        by: By,
    ) -> Result<Arc<Pause>, BrakeError> {
        let _alone = self.governing.lock().await;
        self.told_of_time().await?;
        if let Some(pause) = self.paused.load().as_deref() {
            return Err(BrakeError::Already(pause.id));
        }
        let wish = Wish { reason: reason.to_owned(), length, by: by.clone(), at: self.clock.now() };
        let settings = self.brake_settings;
        let pause = Pause::ask(Uuid::now_v7(), wish, settings.demand, settings.longest)?;
        let step = if pause.span.is_some() { STARTED } else { "asked" };
        self.change(pause, step, by.as_str(), reason.trim()).await
    }

    /// The second person agrees: the pause begins.
    pub async fn confirm_pause(&self, id: Uuid, by: By) -> Result<Arc<Pause>, BrakeError> {
        let _alone = self.governing.lock().await;
        let asked = self.paused.load_full().filter(|pause| pause.id == id);
        let pause = asked.ok_or(BrakeError::None)?.confirm(by.clone(), self.clock.now())?;
        self.change(pause, STARTED, by.as_str(), "").await
    }

    /// Ends a pause before its time, or withdraws one that was only asked for. It makes the gate stricter, so one person
    /// is enough, and a reason is welcome but not asked for.
    pub async fn resume(&self, reason: &str, by: &By) -> Result<Arc<Pause>, BrakeError> {
        if reason.chars().count() > MAX_REASON {
            return Err(Refused::LongReason.into());
        }
        let _alone = self.governing.lock().await;
        self.told_of_time().await?;
        let pause = self.paused.load_full().ok_or(BrakeError::None)?;
        self.end(&pause, "resumed", by.as_str(), reason.trim()).await?;
        Ok(pause)
    }

    async fn change(
        &self,
        pause: Pause,
        step: &'static str,
        by: &str,
        reason: &str,
    ) -> Result<Arc<Pause>, BrakeError> {
        self.store.keep_pause(&pause, self.step(&pause, step, by, reason)).await?;
        self.courier_bell.notify_one();
        let pause = Arc::new(pause);
        self.paused.store(Some(Arc::clone(&pause)));
        log(&pause, step);
        Ok(pause)
    }

    async fn end(
        &self,
        pause: &Pause,
        step: &'static str,
        by: &str,
        reason: &str,
    ) -> Result<(), StoreError> {
        self.store.end_pause(pause, self.step(pause, step, by, reason)).await?;
        self.courier_bell.notify_one();
        self.paused.store(None);
        log(pause, step);
        Ok(())
    }

    fn step(&self, pause: &Pause, step: &'static str, by: &str, reason: &str) -> Change {
        let at = self.clock.now();
        let notices = self.notices_of_pause(&told(pause, step, at));
        Change { step, at, by: by.to_owned(), reason: reason.to_owned(), notices }
    }

    /// Tells what time has brought about. Called with `governing` held.
    async fn told_of_time(&self) -> Result<(), StoreError> {
        let Some(pause) = self.paused.load_full() else { return Ok(()) };
        match pause.due(self.clock.now()) {
            Some(Due::End) => self.end(&pause, "ended", TIME, "").await,
            Some(Due::Lapse) => self.end(&pause, "lapsed", TIME, "").await,
            Some(Due::Half) => {
                let told = Pause { half_told: true, ..Pause::clone(&pause) };
                let half = self.step(&told, "half-time", TIME, "");
                self.store.keep_pause(&told, half).await?;
                self.courier_bell.notify_one();
                log(&told, "half-time");
                self.paused.store(Some(Arc::new(told)));
                Ok(())
            }
            None => Ok(()),
        }
    }
}

/// The step at which a pause is in force.
const STARTED: &str = "started";

/// Who brings about what nobody does.
const TIME: &str = "time";

/// What is told of a step: without who and why.
fn told(pause: &Pause, step: &str, at: Time) -> message::Pause {
    let until = pause.span.map(|span| span.until);
    let ends = until.map(|until| until.to_string()).unwrap_or_default();
    let text = match step {
        "asked" => "A pause of the gate is asked for and waits for a second person: `portcullis pause --status` shows it.".to_owned(),
        "half-time" => format!("Half of the gate's pause is over: nothing is held back until {ends}, unless somebody resumes it."),
        "ended" => "The gate's pause has ended: rules bite again.".to_owned(),
        "resumed" => "The gate's pause was ended before its time: rules bite again.".to_owned(),
        "lapsed" => "The pause that was asked for found no second person in time and is off the table.".to_owned(),
        _ => format!("The gate is paused until {ends}: everything is decided and recorded, nothing is held back."),
    };
    message::Pause { pause: pause.id, step: step.to_owned(), at, until, text }
}

/// Without who and why: those are in the record, sealed.
fn log(pause: &Pause, step: &str) {
    let until = pause.span.map(|span| span.until.to_string()).unwrap_or_default();
    tracing::warn!(pause = %pause.id, step, until, "the gate's pause");
}

/// Looks at the pause until the gateway stops.
pub async fn run(gateway: Arc<Gateway>) {
    let mut stop = gateway.stopping();
    loop {
        if let Err(error) = look(&gateway).await {
            tracing::error!(%error, "the pause cannot be looked at");
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = stop.wait_for(|stopping| *stopping) => return,
        }
    }
}

/// Tells of a half-time or an end that has come by now.
pub async fn look(gateway: &Gateway) -> Result<(), StoreError> {
    let _alone = gateway.governing.lock().await;
    gateway.told_of_time().await
}
