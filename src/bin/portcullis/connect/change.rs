//! `connect --change`: what is read of a connection, another way. And where an audit log is, as flags say it.

use serde_json::Value;
use serde_json::json;

use crate::cli::AuditFlags;
use crate::cli::AuditKind;
use crate::cli::Connect;
use crate::cli::Format;
use crate::connect::Failed;
use crate::connect::given;
use crate::connect::named;
use crate::connect::operator;
use crate::connect::post;
use crate::connect::secrets::Asked;
use crate::json::at;
use crate::operator::text;

/// How an empty list is said.
const NONE: &str = "none";

/// Changes it.
pub async fn run(connect: &Connect) -> Result<bool, Failed> {
    let operator = operator(&connect.reach)?;
    operator.may_carry_secrets().map_err(|error| Failed::Usage(error.to_string()))?;
    let id = named(connect.id.as_deref().unwrap_or_default())?;
    let mut wish = json!({"reason": connect.reason});
    let mut put = |name: &str, value: Value| {
        if let Some(wish) = wish.as_object_mut() {
            wish.insert(name.to_owned(), value);
        }
    };
    for (name, list) in [("classes", &connect.class), ("own_hosts", &connect.own_host)] {
        match list.as_slice() {
            [] => {}
            [only] if only == NONE => put(name, json!([])),
            all => put(name, json!(all)),
        }
    }
    if connect.audit.audit == Some(AuditKind::None) {
        put("no_audit", json!(true));
    } else if let Some(audit) = audit(&connect.audit)? {
        put("audit", audit);
    }
    if wish.as_object().is_some_and(|wish| wish.len() == 1) {
        let why = "nothing is to be changed: name --class, --own-host or --audit".to_owned();
        return Err(Failed::Usage(why));
    }
    let done = post(&operator, &format!("connections/{id}/settings"), &wish).await?;
    match connect.reach.format {
        Format::Json => println!("{done}"),
        Format::Text => println!("{}", told(&done)),
    }
    Ok(true)
}

fn told(done: &Value) -> String {
    let list = |name: &str| {
        let all: Vec<&str> =
            at(done, name).as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        if all.is_empty() { NONE.to_owned() } else { all.join(", ") }
    };
    let audit = at(done, "/audit").as_str().unwrap_or(NONE);
    format!(
        "{} is changed, and is read anew.\nclasses: {}\nown hosts: {}\naudit log: {audit}",
        text(done, "id"),
        list("/classes"),
        list("/own_hosts")
    )
}

/// Where an audit log is; none where no flag says it.
pub fn audit(flags: &AuditFlags) -> Result<Option<Value>, Failed> {
    Ok(match flags.audit {
        None | Some(AuditKind::None) => None,
        Some(AuditKind::Rest) => Some(json!({"kind": "rest"})),
        Some(AuditKind::Folder) => {
            let path = flags.audit_folder.as_ref().map(|path| path.display().to_string());
            let path = given(path, "--audit-folder", "Folder of the audit log:")?;
            Some(json!({"kind": "folder", "path": path}))
        }
        Some(AuditKind::Organization) => {
            let question = "Id of the organisation:";
            let id = given(flags.audit_organization.clone(), "--audit-organization", question)?;
            let token = Asked {
                what: "the organisation's API key",
                flags: "--audit-token-file or --audit-token-env",
                file: flags.audit_token_file.as_deref(),
                env: flags.audit_token_env.as_deref(),
            };
            Some(json!({"kind": "organization", "id": id, "token": token.read()?.expose()}))
        }
    })
}
