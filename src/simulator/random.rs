//! Made-up estates from a seed: small, but with every odd case that permissions have.

use uuid::Uuid;

use crate::simulator::cloud::Holder;
use crate::simulator::cloud::Level;
use crate::simulator::cloud::Matcher;
use crate::simulator::cloud::ProjectLevel;
use crate::simulator::cloud::Role;
use crate::simulator::cloud::Workspace;
use crate::simulator::company::Company;
use crate::simulator::company::Dice;
use crate::simulator::datacenter::AccessKey;
use crate::simulator::datacenter::DataCenter;
use crate::simulator::datacenter::DcHolder;
use crate::simulator::datacenter::GlobalLevel;
use crate::simulator::datacenter::ProjectPermission;
use crate::simulator::datacenter::RepoPermission;

/// People of an estate.
const PEOPLE: usize = 12;
/// Groups of an estate.
const GROUPS: usize = 5;
/// Projects of an estate, personal ones not counted.
const PROJECTS: usize = 3;
/// Repositories of an estate.
const REPOSITORIES: usize = 8;

const NAMES: [&str; PEOPLE] =
    ["ada", "ben", "cleo", "dan", "eve", "finn", "gus", "hana", "ivo", "june", "kai", "lou"];

const LEVELS: [Level; 4] = [Level::None, Level::Read, Level::Write, Level::Admin];
const PROJECT_LEVELS: [ProjectLevel; 5] = [
    ProjectLevel::None,
    ProjectLevel::Read,
    ProjectLevel::Write,
    ProjectLevel::CreateRepo,
    ProjectLevel::Admin,
];
const DC_PROJECT: [ProjectPermission; 4] = [
    ProjectPermission::Read,
    ProjectPermission::Write,
    ProjectPermission::RepoCreate,
    ProjectPermission::Admin,
];
const DC_REPO: [RepoPermission; 3] =
    [RepoPermission::Read, RepoPermission::Write, RepoPermission::Admin];

impl Company {
    /// A company with one Cloud workspace `acme`: owners, members and a bot, groups with and without default access,
    /// private and public projects and repositories, grants of every level, restrictions, environments, variables,
    /// runners and keys.
    pub fn random_cloud(seed: u64) -> Company {
        let mut company = Company::seeded(seed);
        let mut dice = Dice::new(seed ^ 0xC10D);
        let acme = company.workspace("acme", "Acme");
        acme.premium = dice.chance(50);
        let people = cloud_people(acme, &mut dice);
        for key in 0..PROJECTS {
            acme.project(&format!("P{key}"), &format!("Project {key}"), dice.chance(70));
        }
        for number in 0..REPOSITORIES {
            cloud_repository(acme, &mut dice, number, &people);
        }
        cloud_grants(acme, &mut dice, &people);
        company
    }

    /// A company with a Data Center: unlicensed, inactive and service users, nested groups, administrators, projects
    /// with default permissions, public ones, a personal one, archived and public repositories, forks, grants of every
    /// level, restrictions and access keys.
    pub fn random_datacenter(seed: u64) -> Company {
        let mut company = Company::seeded(seed);
        let mut dice = Dice::new(seed ^ 0xDA7A);
        let dc = &mut company.datacenter;
        dc_people(dc, &mut dice);
        dc_groups(dc, &mut dice);
        dc_licences(dc, &mut dice);
        dc_projects(dc, &mut dice);
        dc_repositories(dc, &mut dice);
        dc_grants(dc, &mut dice);
        company
    }
}

fn cloud_people(acme: &mut Workspace, dice: &mut Dice) -> Vec<Uuid> {
    let mut people = Vec::new();
    for (at, name) in NAMES.iter().enumerate() {
        let role = match at {
            0 => Role::Owner,
            _ => dice
                .pick(&[Role::Member, Role::Member, Role::Member, Role::CreateProject, Role::Owner])
                .unwrap_or(Role::Member),
        };
        people.push(acme.member(name, &name.to_uppercase(), role));
    }
    for at in 0..GROUPS {
        let members: Vec<Uuid> = people.iter().copied().filter(|_| dice.chance(30)).collect();
        acme.group(&format!("group-{at}"), &format!("Group {at}"), &members);
        let permission = dice.pick(&[None, None, Some(Level::Read), Some(Level::Write)]).flatten();
        if let Some(group) = acme.groups.last_mut() {
            group.permission = permission;
        }
    }
    acme.bot("pipelines-bot", "Pipelines");
    people
}

fn cloud_repository(acme: &mut Workspace, dice: &mut Dice, number: usize, people: &[Uuid]) {
    let project = format!("P{}", dice.below(PROJECTS));
    let slug = format!("repo-{number}");
    let private_project = acme.find_project(&project).is_some_and(|found| found.is_private);
    let public = !private_project && dice.chance(50);
    acme.add_repository(&slug, &project).is_private = !public;
    let variables = [acme.variable("TOKEN", true), acme.variable("REGION", false)];
    let runner = acme.runner("shell-1", &["self.hosted", "linux.shell"]);
    if dice.chance(60) {
        let allowed: Vec<Uuid> = people.iter().copied().filter(|_| dice.chance(20)).collect();
        acme.restrict(&slug, "push", Matcher::Glob("main".to_owned()), &allowed);
        acme.restrict(&slug, "force", Matcher::Glob("main".to_owned()), &[]);
    }
    if dice.chance(30) {
        acme.restrict(&slug, "delete", Matcher::Model("production".to_owned()), &[]);
    }
    if dice.chance(60) {
        acme.environment(&slug, "Staging", "Staging");
        acme.environment(&slug, "Production", "Production");
    }
    if let (Some(owner), true) = (dice.pick(people), dice.chance(30)) {
        acme.deploy_key(&slug, "deploy", owner);
    }
    let with_runner = dice.chance(30);
    if let Some(found) = acme.repository_mut(&slug) {
        let [secret, plain] = variables;
        found.variables.push(plain);
        if let Some(production) = found.environments.last_mut() {
            production.admin_only = number.is_multiple_of(2);
            production.variables.push(secret);
        }
        found.runners.extend(with_runner.then_some(runner));
    }
}

fn cloud_grants(acme: &mut Workspace, dice: &mut Dice, people: &[Uuid]) {
    let groups: Vec<String> = acme.groups.iter().map(|group| group.slug.clone()).collect();
    for _ in 0..10 {
        let key = format!("P{}", dice.below(PROJECTS));
        let level = dice.pick(&PROJECT_LEVELS);
        if let (Some(to), Some(level)) = (cloud_holder(dice, people, &groups), level) {
            acme.grant_project(&key, to, level);
        }
    }
    for _ in 0..30 {
        let slug = format!("repo-{}", dice.below(REPOSITORIES));
        let level = dice.pick(&LEVELS);
        if let (Some(to), Some(level)) = (cloud_holder(dice, people, &groups), level) {
            acme.grant(&slug, to, level);
        }
    }
}

fn cloud_holder(dice: &mut Dice, people: &[Uuid], groups: &[String]) -> Option<Holder> {
    if dice.chance(50) {
        dice.pick(people).map(Holder::User)
    } else {
        dice.pick(groups).map(Holder::Group)
    }
}

fn dc_people(dc: &mut DataCenter, dice: &mut Dice) {
    for (at, name) in NAMES.iter().enumerate() {
        // Names and slugs differ where a name has a character that slugs do not.
        let name = if at % 5 == 4 { format!("{name}@corp") } else { (*name).to_owned() };
        dc.add_user(&name, &name.to_uppercase());
        let active = at == 0 || !dice.chance(15);
        if let Some(user) = dc.users.last_mut() {
            user.active = active;
        }
    }
    dc.add_user("access-key-1", "Access key");
    if let Some(user) = dc.users.last_mut() {
        user.service = true;
    }
}

fn dc_names(dc: &DataCenter) -> Vec<String> {
    dc.users.iter().filter(|user| !user.service).map(|user| user.name.clone()).collect()
}

/// Later groups may hold earlier ones, so that nesting goes several deep.
fn dc_groups(dc: &mut DataCenter, dice: &mut Dice) {
    let names = dc_names(dc);
    for at in 0..GROUPS {
        let members: Vec<&str> =
            names.iter().map(String::as_str).filter(|_| dice.chance(25)).collect();
        let inner: Vec<String> =
            (0..at).filter(|_| dice.chance(30)).map(|inner| format!("Group-{inner}")).collect();
        let inner: Vec<&str> = inner.iter().map(String::as_str).collect();
        dc.add_group(&format!("Group-{at}"), &members, &inner);
    }
}

/// Some are licensed by a group, some by themselves, some not at all.
fn dc_licences(dc: &mut DataCenter, dice: &mut Dice) {
    dc.grant_global(DcHolder::User("ada".to_owned()), GlobalLevel::SysAdmin);
    dc.grant_global(DcHolder::Group("group-0".to_owned()), GlobalLevel::LicensedUser);
    dc.grant_global(DcHolder::Group("Group-3".to_owned()), GlobalLevel::LicensedUser);
    let levels = [
        GlobalLevel::LicensedUser,
        GlobalLevel::LicensedUser,
        GlobalLevel::LicensedUser,
        GlobalLevel::ProjectCreate,
        GlobalLevel::Admin,
    ];
    for name in dc_names(dc) {
        if let (Some(level), true) = (dice.pick(&levels), dice.chance(50)) {
            dc.grant_global(DcHolder::User(name), level);
        }
    }
}

fn dc_projects(dc: &mut DataCenter, dice: &mut Dice) {
    for at in 0..PROJECTS {
        let key = format!("P{at}");
        dc.add_project(&key, &format!("Project {at}"), None);
        let (public, with_default) = (dice.chance(20), dice.chance(30));
        let default = dice.pick(&DC_PROJECT).filter(|_| with_default);
        if let Some(project) = dc.project_mut(&key) {
            project.public = public;
            project.default_permission = default;
        }
        if dice.chance(50) {
            dc.restrict(&key, "fast-forward-only", "BRANCH", "refs/heads/main");
        }
    }
    dc.add_project("~BEN", "Ben", Some("ben"));
}

fn dc_repositories(dc: &mut DataCenter, dice: &mut Dice) {
    for at in 0..REPOSITORIES {
        let key = if at == 0 { "~BEN".to_owned() } else { format!("P{}", dice.below(PROJECTS)) };
        let slug = format!("repo-{at}");
        let id = dc.add_repository(&key, &slug);
        let (public, archived, protected) = (dice.chance(20), dice.chance(15), dice.chance(50));
        let (key_here, write) = (dice.chance(30), dice.chance(50));
        let name = format!("{key}/{slug}");
        let label = format!("deploy-{at}");
        let added = crate::simulator::company::BEGAN;
        let key = AccessKey {
            id: 1000 + id,
            label,
            text: "ssh-ed25519 AAAA".to_owned(),
            write,
            added,
            last_used: None,
            expiry_days: None,
        };
        if let Some(found) = dc.repository_mut(&name) {
            found.public = public;
            found.archived = archived;
            found.access_keys.extend(key_here.then_some(key));
        }
        if protected {
            dc.restrict(&name, "pull-request-only", "PATTERN", "release/*");
        }
    }
}

fn dc_grants(dc: &mut DataCenter, dice: &mut Dice) {
    let names = dc_names(dc);
    let groups: Vec<String> = dc.groups.iter().map(|group| group.name.clone()).collect();
    for _ in 0..10 {
        let key = format!("P{}", dice.below(PROJECTS));
        let level = dice.pick(&DC_PROJECT);
        if let (Some(to), Some(level)) = (dc_holder(dice, &names, &groups), level) {
            dc.grant_project(&key, to, level);
        }
    }
    let repositories: Vec<String> =
        dc.repositories.iter().map(|found| format!("{}/{}", found.project, found.slug)).collect();
    for _ in 0..24 {
        let level = dice.pick(&DC_REPO);
        let on = dice.pick(&repositories);
        if let (Some(to), Some(level), Some(on)) = (dc_holder(dice, &names, &groups), level, on) {
            dc.grant(&on, to, level);
        }
    }
}

fn dc_holder(dice: &mut Dice, names: &[String], groups: &[String]) -> Option<DcHolder> {
    if dice.chance(50) {
        dice.pick(names).map(DcHolder::User)
    } else {
        dice.pick(groups).map(DcHolder::Group)
    }
}
