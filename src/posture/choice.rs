//! Which posture rules run where: what an operator chose, else what the rule itself says.

use crate::graph::ConnectionId;
use crate::graph::covers_text;
use crate::policy::Rule;

/// Whether a rule runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// It does.
    On,
    /// It does not.
    Off,
}

/// One choice. What it leaves out it does not ask.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// The rule's id, or an id or title that others have for it.
    pub rule: String,
    /// On this connection.
    pub connection: Option<ConnectionId>,
    /// In projects whose key fits, `*` standing for anything.
    pub project: Option<String>,
    /// Whether it runs there.
    pub switch: Switch,
}

/// Where a subject is.
#[derive(Clone, Copy, Debug)]
pub struct Spot<'s> {
    /// Its connection.
    pub connection: &'s ConnectionId,
    /// The key of its project; none for what is in none.
    pub project: Option<&'s str>,
}

/// All choices, read from top to bottom: the first that fits decides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choices(pub Vec<Choice>);

impl Choices {
    /// Whether a rule runs there.
    pub fn runs(&self, rule: &Rule, spot: Spot<'_>) -> bool {
        let chosen = self.0.iter().find(|choice| choice.names(rule) && choice.fits(spot));
        let own = || rule.stance.as_ref().is_some_and(|stance| stance.enabled);
        chosen.map_or_else(own, |choice| choice.switch == Switch::On)
    }
}

impl Choice {
    fn names(&self, rule: &Rule) -> bool {
        let aliases = rule.stance.iter().flat_map(|stance| &stance.aliases);
        let mut names = aliases.flat_map(|alias| [&alias.id, &alias.title]);
        rule.id.as_str() == self.rule || names.any(|name| *name == self.rule)
    }

    fn fits(&self, spot: Spot<'_>) -> bool {
        let in_project = |keys: &String| spot.project.is_some_and(|key| covers_text(keys, key));
        self.connection.as_ref().is_none_or(|asked| asked == spot.connection)
            && self.project.as_ref().is_none_or(in_project)
    }
}
