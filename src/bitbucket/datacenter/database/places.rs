//! Projects and repositories, and who is granted what: globally, on a project, on a repository. A grant of a project to
//! nobody in particular is its default permission; without one there is none, and that is said.

use std::collections::BTreeMap;

use crate::bitbucket::datacenter::database::DatabaseError;
use crate::bitbucket::datacenter::database::people;
use crate::bitbucket::datacenter::database::people::Holders;
use crate::bitbucket::datacenter::database::session::Cells;
use crate::bitbucket::datacenter::database::session::Session;
use crate::bitbucket::datacenter::database::survey::Part;
use crate::bitbucket::datacenter::database::survey::Survey;
use crate::bitbucket::scribe::Scribe;
use crate::graph::Id;
use crate::graph::Kind;
use crate::graph::Relation;
use crate::graph::attribute::Value;
use crate::graph::world::Node;

const LEVELS: &str = "SELECT perm_id::bigint, perm_weight::bigint FROM sta_permission_type";

const GLOBAL: &str =
    "SELECT perm_id::bigint, group_name::text, user_id::bigint FROM sta_global_permission";

const PROJECTS: &str = "SELECT p.id::bigint, p.project_key::text, p.name::text, p.project_type = 1, \
    coalesce(n.is_public, false), o.owner_id::bigint FROM project p \
    LEFT JOIN sta_normal_project n ON n.project_id = p.id \
    LEFT JOIN sta_personal_project o ON o.project_id = p.id ORDER BY p.id";

const ON_PROJECTS: &str = "SELECT perm_id::bigint, group_name::text, user_id::bigint, project_id::bigint \
    FROM sta_project_permission";

const ON_REPOSITORIES: &str = "SELECT perm_id::bigint, group_name::text, user_id::bigint, repo_id::bigint \
    FROM sta_repo_permission";

/// What no table tells of a repository: it is in the repository itself, or in a plugin's settings.
const NEVER: [&str; 7] = [
    "default_branch",
    "model_development",
    "model_production",
    "model_feature",
    "model_bugfix",
    "model_release",
    "model_hotfix",
];

/// The heaviest permissions that are known by number; `REPO_CREATE` is not, and lies between two that are.
const ABOVE_WRITE: i64 = 4_000;
const BELOW_ADMIN: i64 = 6_000;

/// Weights of the permissions whose numbers are not known.
pub(super) struct Levels(BTreeMap<i64, i64>);

pub(super) async fn levels(session: &Session<'_>) -> Result<Levels, DatabaseError> {
    let rows = session.rows("the permissions", LEVELS).await?;
    let weight = |row: &Cells| Ok((row.get(0)?, row.get(1)?));
    rows.iter().map(weight).collect::<Result<_, DatabaseError>>().map(Levels)
}

impl Levels {
    fn global(number: i64) -> &'static [Relation] {
        match number {
            9 => &[Relation::Licensed],
            5 => &[Relation::Licensed, Relation::Create],
            6 | 7 => &[Relation::Licensed, Relation::Admin],
            _ => &[],
        }
    }

    fn on_project(&self, number: i64) -> Option<Relation> {
        match number {
            2 => Some(Relation::Read),
            3 => Some(Relation::Write),
            4 => Some(Relation::Admin),
            0..=10 => None,
            other => {
                let weight = self.0.get(&other)?;
                (ABOVE_WRITE < *weight && *weight < BELOW_ADMIN).then_some(Relation::Create)
            }
        }
    }

    const fn on_repository(number: i64) -> Option<Relation> {
        match number {
            0 => Some(Relation::Read),
            1 => Some(Relation::Write),
            8 => Some(Relation::Admin),
            _ => None,
        }
    }
}

/// Reads and writes places and grants.
pub(super) async fn read(
    session: &Session<'_>,
    scribe: &mut Scribe,
    (top, survey, levels, known): (&Id, &Survey, &Levels, &Holders),
) -> Result<(), DatabaseError> {
    for row in session.rows("the global permissions", GLOBAL).await? {
        let number = row.get(0)?;
        let words = Levels::global(number);
        if words.is_empty() {
            scribe.gap(top, "grants", format!("the permission {number} is not known here"));
        }
        for is in words {
            grant(scribe, known, (&row, top, *is, "sta_global_permission"))?;
        }
    }
    projects(session, scribe, (top, known)).await?;
    let mut defaults: BTreeMap<i64, Relation> = BTreeMap::new();
    for row in session.rows("the permissions on projects", ON_PROJECTS).await? {
        let project: i64 = row.get(3)?;
        let Some(place) = scribe.id(Kind::Project, &project.to_string()) else { continue };
        let (number, nobody) = (row.get(0)?, is_nobody(&row)?);
        match levels.on_project(number) {
            Some(is) if nobody => {
                let best = defaults.entry(project).or_insert(is);
                *best = (*best).max(is);
            }
            Some(is) => grant(scribe, known, (&row, &place, is, "sta_project_permission"))?,
            None => {
                let field = if nobody { "default" } else { "grants" };
                scribe.gap(&place, field, format!("the permission {number} is not known here"));
            }
        }
    }
    default_permissions(session, scribe, (top, &defaults)).await?;
    repositories(session, scribe, survey).await?;
    for row in session.rows("the permissions on repositories", ON_REPOSITORIES).await? {
        let repository: i64 = row.get(3)?;
        let Some(place) = scribe.id(Kind::Repository, &repository.to_string()) else { continue };
        let number = row.get(0)?;
        match Levels::on_repository(number) {
            Some(is) => grant(scribe, known, (&row, &place, is, "sta_repo_permission"))?,
            None => {
                scribe.gap(&place, "grants", format!("the permission {number} is not known here"));
            }
        }
    }
    Ok(())
}

fn is_nobody(row: &Cells) -> Result<bool, DatabaseError> {
    let (group, user): (Option<String>, Option<i64>) = (row.get(1)?, row.get(2)?);
    Ok(group.is_none() && user.is_none())
}

/// Writes one row of grants; what it names beyond our knowledge is a gap of the place.
fn grant(
    scribe: &mut Scribe,
    known: &Holders,
    (row, place, is, source): (&Cells, &Id, Relation, &'static str),
) -> Result<(), DatabaseError> {
    match people::holders(scribe, known, (row.get(1)?, row.get(2)?)) {
        Ok(holders) => {
            for (holder, most) in holders {
                let capped = if place.kind() == Kind::Workspace { is } else { is.min(most) };
                scribe.join(&holder, capped, place, source);
            }
        }
        Err(why) => scribe.gap(place, "grants", why.to_owned()),
    }
    Ok(())
}

async fn projects(
    session: &Session<'_>,
    scribe: &mut Scribe,
    (top, known): (&Id, &Holders),
) -> Result<(), DatabaseError> {
    for row in session.rows("the projects", PROJECTS).await? {
        let (number, key, name): (i64, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let (personal, public): (bool, bool) = (row.get(3)?, row.get(4)?);
        let Some(id) = scribe.id(Kind::Project, &number.to_string()) else { continue };
        let node = Node::new(id.clone(), &name)
            .text("key", &key)
            .flag("personal", personal)
            .text("visibility", sight(public));
        scribe.node(node);
        scribe.join(&id, Relation::In, top, "project");
        let owner: Option<i64> = row.get(5)?;
        match owner.map(|owner| known.people.get(&owner)) {
            Some(Some(owner)) => {
                scribe.join(&owner.id, Relation::Owner, &id, "sta_personal_project");
            }
            Some(None) => {
                scribe.gap(&id, "grants", "its owner is not among the users".to_owned());
            }
            None if personal => {
                scribe.gap(&id, "grants", "no table tells whose personal project it is".to_owned());
            }
            None => {}
        }
    }
    Ok(())
}

/// The default permission of every project, the none of those without a row too.
async fn default_permissions(
    session: &Session<'_>,
    scribe: &mut Scribe,
    (top, defaults): (&Id, &BTreeMap<i64, Relation>),
) -> Result<(), DatabaseError> {
    for row in session.rows("the projects", "SELECT id::bigint FROM project").await? {
        let number: i64 = row.get(0)?;
        let Some(id) = scribe.id(Kind::Project, &number.to_string()) else { continue };
        let word = defaults.get(&number).map_or("none", |is| is.as_str());
        scribe.node(bare(&id).text("default", word));
        if defaults.contains_key(&number) {
            scribe.join(top, Relation::Default, &id, "sta_project_permission");
        }
    }
    Ok(())
}

async fn repositories(
    session: &Session<'_>,
    scribe: &mut Scribe,
    survey: &Survey,
) -> Result<(), DatabaseError> {
    let (archived, origins) = (survey.gap(Part::Archived), survey.gap(Part::Origins));
    let column = if archived.is_none() { "r.is_archived" } else { "NULL::boolean" };
    let (origin, table) = match origins {
        None => ("o.origin_id", "LEFT JOIN sta_repo_origin o ON o.repository_id = r.id"),
        Some(_) => ("NULL", ""),
    };
    let statement = format!(
        "SELECT r.id::bigint, r.slug::text, r.project_id::bigint, p.project_key::text, r.is_public, \
         r.is_forkable, {column}, {origin}::bigint \
         FROM repository r JOIN project p ON p.id = r.project_id {table} ORDER BY r.id"
    );
    for row in session.rows("the repositories", &statement).await? {
        let (number, slug): (i64, String) = (row.get(0)?, row.get(1)?);
        let (project, key): (i64, String) = (row.get(2)?, row.get(3)?);
        let (public, forkable): (bool, bool) = (row.get(4)?, row.get(5)?);
        let Some(id) = scribe.id(Kind::Repository, &number.to_string()) else { continue };
        let mut node = Node::new(id.clone(), &format!("{key}/{slug}"))
            .text("slug", &slug)
            .text("visibility", sight(public))
            .text("forks", if forkable { "any" } else { "none" });
        match row.get(6)? {
            Some(archived) => node = node.flag("archived", archived),
            None => scribe.gap(&id, "archived", archived.unwrap_or("it is not told").to_owned()),
        }
        match (origins, row.get::<Option<i64>>(7)?) {
            (Some(why), _) => scribe.gap(&id, "parent", why.to_owned()),
            (None, None) => node = node.with("parent", Value::Nothing),
            (None, Some(parent)) => {
                if let Some(parent) = scribe.id(Kind::Repository, &parent.to_string()) {
                    node = node.text("parent", parent.as_str());
                }
            }
        }
        scribe.node(node);
        if let Some(home) = scribe.id(Kind::Project, &project.to_string()) {
            scribe.join(&id, Relation::In, &home, "repository");
        }
        for field in NEVER {
            let why = "Bitbucket does not keep it in the tables that are read: REST tells it";
            scribe.gap(&id, field, why.to_owned());
        }
    }
    Ok(())
}

const fn sight(public: bool) -> &'static str {
    if public { "public" } else { "private" }
}

fn bare(id: &Id) -> Node {
    Node { id: id.clone(), name: None, attributes: BTreeMap::new() }
}
