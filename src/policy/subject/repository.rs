//! A repository and what protects its default branch, as posture rules see it.
//!
//! What protects a branch is told one concern at a time, and each is `true` as soon as one rule that we can read says
//! so. `false` is told only where every rule that could say so was read: a project whose rules are not told leaves it
//! unknown. `default_branch` is null for an empty repository.

use crate::event::ForkPolicy;
use crate::event::Visibility;
use crate::graph::Id;
use crate::graph::IdError;
use crate::graph::Known;
use crate::graph::Time;
use crate::policy::subject::days_ago;
use crate::policy::subject::definition;
use crate::policy::subject::definition::Definition;
use crate::policy::subject::id;
use crate::policy::subject::text;
use crate::record;
use crate::words;

words! {
    /// What becomes of the approvals of a pull request when new commits come.
    pub enum StaleApprovals {
        /// They are all dropped.
        Reset = "reset",
        /// They are dropped if the new commits change the diff.
        SmartReset = "smart_reset",
        /// They stay.
        Kept = "kept",
    }
}

record! {
    /// A repository.
    pub struct Repository {
        /// Its id.
        id: Id,
        /// `PROJECT/slug` (Cloud: `workspace/slug`).
        name: String,
        /// Key of its project.
        project: String,
        /// Who can see it.
        visibility: Visibility,
        /// Who can see its project.
        project_visibility: Visibility,
        /// The repository it was forked from; null for one that is no fork.
        parent: Parent,
        /// Public repositories that were forked from it; unknown while a fork's own visibility is.
        public_forks: Vec<Fork>,
        /// Who may fork it.
        forks: ForkPolicy,
        /// The branch a clone checks out; null for an empty repository.
        default_branch: DefaultBranch,
        /// When it was changed last.
        updated_at: Time,
        /// How many whole days ago that was.
        idle_days: u64,
        /// Whether it is read-only for everyone.
        archived: bool,
        /// Its classification; null where it has none.
        class: String,
        /// Whether pipelines are on; unknown on a product without pipelines.
        pipelines: bool,
        /// What a pipeline that is in no commit could do; null on a product without pipelines.
        on_demand: OnDemand,
        /// Whether the plan is Premium, without which merge checks only advise; null on a product without plans.
        premium: bool,
        /// Merge checks by apps that only advise (Recommended).
        advisory_checks: Vec<String>,
        /// The newest merged pull requests, and how many of them nobody but their author approved.
        merges: Merges,
        /// Access keys known to be let in: at least these, since a list that was not read adds none.
        live_keys: Vec<Key>,
        /// What its pipeline definition says, where the connection's `classes` let it be read; null without one.
        definition: Definition,
        /// Who can write, and how large a part of all members that is.
        writers: Writers,
    }
}

record! {
    /// The repository that another was forked from.
    pub struct Parent {
        /// Its id.
        id: Id,
        /// Its name; unknown where it is not on this connection.
        name: String,
        /// Who can see it; unknown where it is not on this connection.
        visibility: Visibility,
    }
}

record! {
    /// A repository that was forked from this one.
    pub struct Fork {
        /// Its id.
        id: Id,
        /// Its name.
        name: String,
    }
}

record! {
    /// The branch a clone checks out, and what protects it.
    pub struct DefaultBranch {
        /// Its short name.
        name: String,
        /// Whether any rule protects it at all, a branching model's too.
        protected: bool,
        /// Whether a merge must have been approved.
        review_required: bool,
        /// Whether nobody may push to it directly.
        push_closed: bool,
        /// Whom rules about pushing let through, each with the rule; null where there is no such rule.
        exempt: Vec<Exempt>,
        /// What becomes of approvals when new commits come.
        stale_approvals: StaleApprovals,
        /// Whether its history cannot be rewritten.
        force_push_closed: bool,
        /// Whether it cannot be deleted.
        deletion_closed: bool,
        /// Whether a merge must have passing builds.
        builds_required: bool,
        /// Whether merge checks stop a merge that fails them.
        merge_checks_enforced: bool,
    }
}

record! {
    /// Somebody whom a rule about pushing lets through.
    pub struct Exempt {
        /// His id.
        id: Id,
        /// His name.
        name: String,
        /// What they are: `user`, `app`, `key` …
        kind: String,
        /// How many active people stand behind it: one, or those of a group.
        people: u64,
        /// The rule that names them, and the place it is set on.
        by: String,
    }
}

record! {
    /// What a pipeline that is in no commit could do. Whoever may write can start one by its definition alone.
    pub struct OnDemand {
        /// Whether one can be started.
        possible: bool,
        /// How many secured variables any step can read.
        secrets: u64,
        /// Production environments that others than administrators deploy to.
        production: Vec<String>,
    }
}

record! {
    /// Pull requests that were merged, as far back as was read.
    pub struct Merges {
        /// How many were looked at, the newest first.
        looked_at: u64,
        /// How many of them had no approval by anybody but their author.
        unreviewed: u64,
    }
}

record! {
    /// An access key of a repository.
    pub struct Key {
        /// Its id.
        id: Id,
        /// Its label.
        name: String,
        /// Whether it may write.
        writes: bool,
        /// When it was last used; null for never.
        last_used_at: Time,
    }
}

record! {
    /// Who can write.
    pub struct Writers {
        /// How many people can.
        people: u64,
        /// How many people there are.
        members: u64,
        /// How large a part of them that is, percent.
        share: u64,
        /// Groups that may write, each with its part of all members.
        groups: Vec<Group>,
        /// Whether everyone who may log in can write, by a default permission.
        everyone: bool,
    }
}

record! {
    /// A group that may write.
    pub struct Group {
        /// Its name.
        name: String,
        /// How many people are in it.
        people: u64,
        /// How large a part of all members that is, percent.
        share: u64,
    }
}

/// An invented one, every field set.
pub fn example() -> Result<Repository, IdError> {
    Ok(Repository {
        id: id("repository/8")?,
        name: text("acme/shop"),
        project: text("SHOP"),
        visibility: Known::Value(Visibility::Private),
        project_visibility: Known::Value(Visibility::Private),
        parent: Parent {
            id: id("repository/9")?,
            name: text("acme/shop-template"),
            visibility: Known::Value(Visibility::Private),
        }
        .into(),
        public_forks: vec![Fork { id: id("repository/10")?, name: text("acme/shop-demo") }].into(),
        forks: Known::Value(ForkPolicy::Any),
        default_branch: branch()?.into(),
        updated_at: days_ago(3),
        idle_days: 3.into(),
        archived: false.into(),
        class: text("critical"),
        pipelines: true.into(),
        on_demand: OnDemand {
            possible: true.into(),
            secrets: 3.into(),
            production: vec!["production-eu".to_owned()].into(),
        }
        .into(),
        premium: true.into(),
        advisory_checks: vec!["Security review".to_owned()].into(),
        merges: Merges { looked_at: 20.into(), unreviewed: 1.into() }.into(),
        live_keys: vec![Key {
            id: id("key/11")?,
            name: text("deploy"),
            writes: true.into(),
            last_used_at: days_ago(1),
        }]
        .into(),
        definition: definition::example().into(),
        writers: Writers {
            people: 18.into(),
            members: 24.into(),
            share: 75.into(),
            groups: vec![Group { name: text("developers"), people: 18.into(), share: 75.into() }]
                .into(),
            everyone: false.into(),
        }
        .into(),
    })
}

fn branch() -> Result<DefaultBranch, IdError> {
    let exempt = Exempt {
        id: id("user/12")?,
        name: text("Ben"),
        kind: text("user"),
        people: 1.into(),
        by: text("push on acme/shop"),
    };
    Ok(DefaultBranch {
        name: text("main"),
        protected: true.into(),
        review_required: true.into(),
        push_closed: false.into(),
        exempt: vec![exempt].into(),
        stale_approvals: Known::Value(StaleApprovals::Kept),
        force_push_closed: true.into(),
        deletion_closed: true.into(),
        builds_required: true.into(),
        merge_checks_enforced: true.into(),
    })
}
