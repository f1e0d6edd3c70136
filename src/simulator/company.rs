//! The made-up company that the simulated Bitbucket serves: its Cloud workspaces and its Data Center.
//!
//! Only state and its builder. What may be asked of it is in the REST files, what happens in it in the acts.

use jiff::Timestamp;
use uuid::Uuid;

use crate::simulator::cloud::CloudCredential;
use crate::simulator::cloud::Consent;
use crate::simulator::cloud::Consumer;
use crate::simulator::cloud::Repository;
use crate::simulator::cloud::Workspace;
use crate::simulator::cloud_audit::Organization;
use crate::simulator::datacenter::DataCenter;

/// When whatever was there before the story begins was made, 2024-01-10T00:00:00Z: long enough ago for what grows old.
pub(crate) const BEGAN: Timestamp = Timestamp::constant(1_704_844_800, 0);

/// Everything the simulated Bitbucket knows.
#[derive(Debug)]
pub struct Company {
    /// Cloud workspaces.
    pub workspaces: Vec<Workspace>,
    /// The Data Center instance.
    pub datacenter: DataCenter,
    /// Tokens that Cloud accepts.
    pub credentials: Vec<CloudCredential>,
    /// OAuth consumers of Cloud.
    pub consumers: Vec<Consumer>,
    /// Atlassian organisations with their audit logs.
    pub organizations: Vec<Organization>,
    /// Who let one act for them.
    pub consents: Vec<Consent>,
    dice: Dice,
}

impl Default for Company {
    fn default() -> Company {
        Company::new()
    }
}

impl Company {
    /// An empty company with ids that differ each run.
    pub fn new() -> Company {
        Company::seeded(Uuid::new_v4().as_u64_pair().0)
    }

    /// An empty company whose ids follow from `seed`; tokens and secrets stay random.
    pub fn seeded(seed: u64) -> Company {
        Company {
            workspaces: Vec::new(),
            datacenter: DataCenter::new(),
            credentials: Vec::new(),
            consumers: Vec::new(),
            organizations: Vec::new(),
            consents: Vec::new(),
            dice: Dice::new(seed),
        }
    }

    /// Opens a Cloud workspace.
    pub fn workspace(&mut self, slug: &str, name: &str) -> &mut Workspace {
        let dice = self.dice.split();
        let at = self.workspaces.len();
        self.workspaces.push(Workspace::new(slug, name, dice));
        // The vector was just pushed to, so the index is there; indexing keeps the borrow simple.
        #[expect(clippy::indexing_slicing, reason = "the element was pushed one line above")]
        &mut self.workspaces[at]
    }

    /// Issues a Cloud token and gives its secret.
    pub fn issue(&mut self, credential: CloudCredential) -> String {
        let token = credential.token.clone();
        self.credentials.push(credential);
        token
    }

    /// Registers an OAuth consumer of Cloud and gives its key and secret.
    pub fn consumer(&mut self, owner: Uuid, scopes: &[&str]) -> (String, String) {
        let consumer = Consumer {
            key: fresh_secret().chars().take(18).collect(),
            secret: fresh_secret(),
            owner,
            scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
        };
        let pair = (consumer.key.clone(), consumer.secret.clone());
        self.consumers.push(consumer);
        pair
    }

    /// A person agrees, in their browser, that a consumer acts for them; gives the code they are sent back with.
    pub fn agree(&mut self, consumer: &str, person: Uuid) -> String {
        let code: String = fresh_secret().chars().take(18).collect();
        self.consents.push(Consent {
            consumer: consumer.to_owned(),
            person,
            code: Some(code.clone()),
            refresh: None,
            spent: Vec::new(),
        });
        code
    }

    /// The workspace of this slug or braced UUID.
    pub(crate) fn find_workspace(&self, name: &str) -> Option<&Workspace> {
        self.workspaces.iter().find(|workspace| names(workspace.uuid, &workspace.slug, name))
    }

    /// The repository of this braced UUID, in whichever workspace it is.
    pub(crate) fn find_repository(&self, uuid: &str) -> Option<(&Workspace, &Repository)> {
        let mut homes = self.workspaces.iter();
        homes.find_map(|home| home.repository(uuid).map(|found| (home, found)))
    }

    /// As [`Company::find_workspace`], to change it.
    pub(crate) fn find_workspace_mut(&mut self, name: &str) -> Option<&mut Workspace> {
        self.workspaces.iter_mut().find(|workspace| names(workspace.uuid, &workspace.slug, name))
    }
}

/// Whether `given` is the slug or the braced UUID. A bare UUID names nothing, as on Cloud.
pub(crate) fn names(uuid: Uuid, slug: &str, given: &str) -> bool {
    given == slug || unbraced(given) == Some(uuid)
}

/// The UUID inside braces.
pub(crate) fn unbraced(given: &str) -> Option<Uuid> {
    let bare = given.strip_prefix('{')?.strip_suffix('}')?;
    Uuid::try_parse(bare).ok()
}

/// The UUID as Cloud writes it.
pub fn braced(uuid: Uuid) -> String {
    format!("{{{uuid}}}")
}

/// 64 random hex digits, different each time.
pub fn fresh_secret() -> String {
    format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple())
}

/// A small seeded generator (splitmix64): the same seed gives the same company. Not for secrets.
#[derive(Debug, Clone)]
pub struct Dice(u64);

impl Dice {
    /// Starts from a seed.
    #[must_use]
    pub fn new(seed: u64) -> Dice {
        Dice(seed)
    }

    /// The next 64 bits.
    pub fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `bound`; 0 when `bound` is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound).unwrap_or(u64::MAX).max(1);
        usize::try_from(self.roll() % bound).unwrap_or(0)
    }

    /// True in about `percent` of 100 rolls.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    /// One of the items.
    pub fn pick<T: Clone>(&mut self, items: &[T]) -> Option<T> {
        items.get(self.below(items.len())).cloned()
    }

    /// A UUID of version 4.
    pub fn uuid(&mut self) -> Uuid {
        let (high, low) = (self.roll(), self.roll());
        uuid::Builder::from_random_bytes((u128::from(high) << 64 | u128::from(low)).to_be_bytes())
            .into_uuid()
    }

    /// A generator of its own.
    #[must_use]
    pub fn split(&mut self) -> Dice {
        Dice(self.roll())
    }
}
