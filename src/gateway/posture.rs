//! Asking posture rules: the bundle that is active, a pool that lives while somebody scans, and what each rule says of
//! one subject's document. What is scanned, and what becomes of it, is not decided here.

use std::sync::Arc;

use crate::gateway::workers::Pool;
use crate::gateway::workers::PoolError;
use crate::gateway::workers::Settings;
use crate::policy::Answer;
use crate::policy::Bundle;
use crate::policy::Rule;
use crate::policy::SourceFile;
use crate::policy::SubjectDocument;
use crate::policy::shipped;
use crate::posture::Judgement;
use crate::posture::judge as judged;

/// Posture rules that passed every load check. No worker holds them until somebody scans.
#[derive(Debug)]
pub struct PostureRules {
    /// What they declare.
    pub bundle: Arc<Bundle>,
    /// Their files as they were read: a rule's text is what people want to see.
    pub files: Vec<SourceFile>,
    settings: Settings,
}

impl PostureRules {
    /// Checks the files in a worker of their own, which ends afterwards. The shipped ones passed every check when this
    /// program was built: they are only compiled.
    pub async fn load(settings: &Settings, files: Vec<SourceFile>) -> Result<Self, PoolError> {
        let alone = Settings { count: 1, ..settings.clone() };
        let pool = if files == shipped::posture() {
            Pool::start_passed(alone, files.clone()).await?
        } else {
            Pool::start(alone, files.clone()).await?
        };
        Ok(Self { bundle: Arc::clone(pool.bundle()), files, settings: settings.clone() })
    }

    /// So many workers for a scan. Dropping the pool ends them.
    pub async fn pool(&self, count: usize) -> Result<Pool, PoolError> {
        let settings = Settings { count, ..self.settings.clone() };
        Pool::start_passed(settings, self.files.clone()).await
    }
}

/// What every rule about this kind of subject that `runs` says of one subject, in the order of the bundle's rules. A rule
/// that faults, is late or loses its worker is unknown, and costs no other rule its answer.
pub async fn judge(
    pool: &Pool,
    document: &SubjectDocument,
    runs: impl Fn(&Rule) -> bool,
) -> Vec<Judgement> {
    let bundle = Arc::clone(pool.bundle());
    let about = bundle.about(document.about.kind());
    let fits = |rule: &Rule| document.about.is().is_none_or(|kind| rule.is_about(kind));
    let asked = about.filter(|(_, rule)| fits(rule) && runs(rule));
    let (positions, rules): (Vec<usize>, Vec<_>) = asked.unzip();
    let input = Arc::new(document.page(&Bundle::wanted_by(rules.iter().copied())));
    let asked = positions.iter().filter_map(|position| u32::try_from(*position).ok()).collect();
    let answers = pool.ask(Arc::clone(&input), asked).await;
    let silent = || Answer::Fault("it was not answered".to_owned());
    let answers = answers.into_iter().map(Some).chain(std::iter::repeat_with(|| None));
    let pairs = rules.into_iter().zip(answers);
    pairs.map(|(rule, answer)| judged(rule, &input, answer.unwrap_or_else(silent))).collect()
}

/// Whether a rule runs where nobody has said anything.
pub fn is_enabled(rule: &Rule) -> bool {
    rule.stance.as_ref().is_some_and(|stance| stance.enabled)
}
