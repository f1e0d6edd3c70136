//! The active bundles and the pool of workers that serves one of them. A changed folder is loaded as a candidate; only a good one becomes
//! active, the last good one stays otherwise, and both are said: in the log, in the ledger, and on `/readyz`.

use std::sync::Arc;
use std::sync::Mutex;

use arc_swap::ArcSwap;

use crate::event::EventKind;
use crate::gateway::Gateway;
use crate::gateway::bundles;
use crate::gateway::bundles::FolderError;
use crate::gateway::bundles::Source;
use crate::gateway::meters::Alarm;
use crate::gateway::posture::PostureRules;
use crate::gateway::workers::Ends;
use crate::gateway::workers::Pool;
use crate::gateway::workers::PoolError;
use crate::gateway::workers::Settings;
use crate::graph::Time;
use crate::graph::fact::Wanted;
use crate::ledger::Kind;
use crate::policy::Bundle;
use crate::policy::Sides;
use crate::policy::SourceFile;
use crate::store::NewEntry;
use crate::store::StoreError;

/// A bundle that answers questions.
#[derive(Debug)]
pub struct Active {
    /// What it declares.
    pub bundle: Arc<Bundle>,
    /// The workers that run it.
    pub pool: Pool,
    /// Its files as they were read: a rule's text is what people want to see.
    pub files: Vec<SourceFile>,
    /// What its rules read, by kind of event in the kinds' order: the same for every decision of a kind.
    wanted: Vec<Wanted>,
}

impl Active {
    fn of(pool: Pool, files: Vec<SourceFile>) -> Self {
        let bundle = Arc::clone(pool.bundle());
        let wanted = EventKind::ALL.iter().map(|kind| bundle.wanted(*kind)).collect();
        Self { bundle, pool, files, wanted }
    }

    /// What its rules for this kind of event read, all of them together.
    pub fn wanted(&self, kind: EventKind) -> Option<&Wanted> {
        self.wanted.get(kind as usize)
    }
}

/// Why no bundle could be made active.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The folder cannot be read.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The load checks refused it, or no worker could load it.
    #[error(transparent)]
    Pool(#[from] PoolError),
}

/// The rules: where they come from, which are active, and what was wrong with the last candidates.
#[derive(Debug)]
pub struct Policies {
    source: Source,
    settings: Settings,
    active: ArcSwap<Active>,
    posture: ArcSwap<PostureRules>,
    refused: Mutex<Refused>,
}

/// Why the newest candidate of each side did not become active, if it did not.
#[derive(Clone, Debug, Default)]
struct Refused {
    gate: Option<String>,
    posture: Option<String>,
}

impl Policies {
    /// Loads the bundles. A gateway does not start on bad rules that answer events; bad posture rules hold nobody up:
    /// the shipped ones stand in, and it is said.
    pub async fn load(source: Source, settings: Settings) -> Result<Self, BundleError> {
        let sides = source.sides()?;
        let gate = Pool::start(settings.clone(), sides.gate.clone());
        let (pool, posture) = tokio::join!(gate, PostureRules::load(&settings, sides.posture));
        let active = Active::of(pool?, sides.gate);
        let (posture, refused) = match posture {
            Ok(rules) => (rules, None),
            Err(error) => {
                tracing::error!(%error, "the posture rules were refused; the shipped ones stand in");
                let shipped = Sides::shipped().posture;
                (PostureRules::load(&settings, shipped).await?, Some(error.to_string()))
            }
        };
        Ok(Self {
            source,
            settings,
            active: ArcSwap::from_pointee(active),
            posture: ArcSwap::from_pointee(posture),
            refused: Mutex::new(Refused { gate: None, posture: refused }),
        })
    }

    /// The active posture rules.
    pub fn posture(&self) -> Arc<PostureRules> {
        self.posture.load_full()
    }

    /// Why the newest posture rules did not become active, if they did not.
    pub fn posture_refused(&self) -> Option<String> {
        self.refused.lock().map_or(None, |refused| refused.posture.clone())
    }

    /// The active bundle.
    pub fn current(&self) -> Arc<Active> {
        self.active.load_full()
    }

    /// Why the newest candidate did not become active, if it did not.
    pub fn refused(&self) -> Option<String> {
        self.refused.lock().map_or(None, |refused| refused.gate.clone())
    }

    /// How workers ended, over all bundles.
    pub fn ends(&self) -> &Ends {
        &self.settings.ends
    }

    fn note(&self, say: impl FnOnce(&mut Refused)) {
        if let Ok(mut noted) = self.refused.lock() {
            say(&mut noted);
        }
    }

    /// Loads the rules that answer events as they are in the folder now; they, if they became active.
    pub async fn reload(&self) -> Result<Arc<Active>, BundleError> {
        let loaded = self.gate_candidate().await;
        self.note(|noted| noted.gate = loaded.as_ref().err().map(ToString::to_string));
        let active = loaded?;
        self.active.store(Arc::clone(&active));
        Ok(active)
    }

    /// Files that did not change keep their workers: what was changed may be posture rules.
    async fn gate_candidate(&self) -> Result<Arc<Active>, BundleError> {
        let files = self.source.sides()?.gate;
        let active = self.current();
        if active.files == files {
            return Ok(active);
        }
        let pool = Pool::start(self.settings.clone(), files.clone()).await?;
        Ok(Arc::new(Active::of(pool, files)))
    }

    /// Loads the posture rules as they are in the folder now; they, if they became active.
    pub async fn reload_posture(&self) -> Result<Arc<PostureRules>, BundleError> {
        let loaded = self.posture_candidate().await;
        self.note(|noted| noted.posture = loaded.as_ref().err().map(ToString::to_string));
        let rules = loaded?;
        self.posture.store(Arc::clone(&rules));
        Ok(rules)
    }

    async fn posture_candidate(&self) -> Result<Arc<PostureRules>, BundleError> {
        let files = self.source.sides()?.posture;
        let rules = self.posture();
        if rules.files == files {
            return Ok(rules);
        }
        Ok(Arc::new(PostureRules::load(&self.settings, files).await?))
    }
}

/// Looks at the folder until the gateway stops, and loads it again when it changed.
pub async fn watch(gateway: Arc<Gateway>) {
    let mut stop = gateway.stopping();
    let mut seen = gateway.policies.source.mark();
    loop {
        tokio::select! {
            () = tokio::time::sleep(bundles::LOOK_EVERY) => {}
            _ = stop.wait_for(|stopping| *stopping) => return,
        }
        let mark = gateway.policies.source.mark();
        if mark != seen {
            seen = mark;
            changed(&gateway).await;
            posture_changed(&gateway).await;
        }
    }
}

impl Gateway {
    /// Records that posture rules were refused when the gateway started, if they were.
    pub async fn record_refused_posture(&self) -> Result<(), StoreError> {
        let Some(why) = self.policies.posture_refused() else { return Ok(()) };
        let active = self.policies.posture().bundle.revision.clone();
        self.note_refused(&active, why, self.clock.now()).await
    }

    /// The ledger's entry of a refused candidate: the error's words may quote a file, so they are sealed.
    async fn bundle_refused(
        &self,
        active: &str,
        error: &BundleError,
        now: Time,
    ) -> Result<(), StoreError> {
        self.note_refused(active, error.to_string(), now).await
    }

    async fn note_refused(&self, active: &str, why: String, now: Time) -> Result<(), StoreError> {
        let mut body = serde_json::Map::new();
        body.insert("outcome".to_owned(), "refused".into());
        body.insert("active".to_owned(), active.into());
        let sealed = vec![("why".to_owned(), why.into_bytes())];
        let entry =
            NewEntry { body, sealed, ..NewEntry::new(Kind::Bundle, now, active.to_owned()) };
        self.store.append(vec![entry]).await.map(drop)
    }
}

async fn changed(gateway: &Gateway) {
    let before = gateway.policies.current().bundle.revision.clone();
    let now = gateway.clock.now();
    let told = match gateway.policies.reload().await {
        Ok(active) if active.bundle.revision == before => return,
        Ok(active) => {
            tracing::info!(revision = %active.bundle.revision, rules = active.bundle.rules.len(), "a new bundle is active");
            gateway.store.keep_bundle(&active.bundle, now, "the policy folder changed").await
        }
        Err(error) => {
            gateway.meters.alarm(Alarm::BundleRefused);
            tracing::error!(%error, active = %before, "the changed policy folder was refused; the last good bundle stays");
            gateway.bundle_refused(&before, &error, now).await
        }
    };
    if let Err(error) = told {
        tracing::error!(%error, "the change of rules could not be recorded");
    }
}

/// The same for posture rules: whatever becomes of them, the gate goes on.
async fn posture_changed(gateway: &Gateway) {
    let before = gateway.policies.posture().bundle.revision.clone();
    let now = gateway.clock.now();
    let told = match gateway.policies.reload_posture().await {
        Ok(rules) if rules.bundle.revision == before => return,
        Ok(rules) => {
            tracing::info!(revision = %rules.bundle.revision, rules = rules.bundle.rules.len(), "new posture rules are active");
            gateway.scan_all_soon();
            gateway.store.keep_bundle(&rules.bundle, now, "the posture rules changed").await
        }
        Err(error) => {
            gateway.meters.alarm(Alarm::BundleRefused);
            tracing::error!(%error, active = %before, "the changed posture rules were refused; the last good ones stay");
            gateway.bundle_refused(&before, &error, now).await
        }
    };
    if let Err(error) = told {
        tracing::error!(%error, "the change of posture rules could not be recorded");
    }
}
