//! What is tolerated: whatever can be read in one way only.

use portcullis::posture::evidence::piece::ClassRule;
use portcullis::posture::evidence::piece::Content;
use portcullis::posture::evidence::piece::EvidenceKind;
use portcullis::posture::evidence::piece::Left;
use portcullis::posture::evidence::piece::Login;
use portcullis::posture::evidence::piece::Selector;
use portcullis::posture::evidence::piece::Shows;

use super::DIRECTORY;
use super::PNG;
use super::at;
use super::reading;

/// Of each member: address or name, second factor, last login.
fn members(text: &str, map: &[(&str, &str)]) -> Vec<(String, Option<bool>, Login)> {
    let reading = reading(EvidenceKind::UserDirectory, text.as_bytes(), map);
    let content = reading.unwrap_or_else(|error| panic!("{text:?}: {error}")).content;
    let one = |member: &portcullis::posture::evidence::piece::Member| {
        let who = member.who.email.clone().or(member.who.name.clone()).unwrap();
        (who, member.second_factor, member.last_login)
    };
    content.members().iter().map(one).collect()
}

#[test]
fn bitbucket_clouds_own_export_is_read_as_its_page_shows_it() {
    let read = members(DIRECTORY, &[]);
    assert_eq!(
        read,
        [
            ("mia@acme.example".to_owned(), Some(true), Login::At(at("2023-05-10T17:52:21.523Z"))),
            ("jo@acme.example".to_owned(), Some(false), Login::At(at("2023-06-08T19:53:21.523Z"))),
            ("amy@acme.example".to_owned(), Some(false), Login::Untold),
        ]
    );
    let whole = reading(EvidenceKind::UserDirectory, DIRECTORY.as_bytes(), &[]).unwrap();
    assert_eq!(whole.ignored, ["On Plan"]);
    let Content::Directory(members) = whole.content else { panic!() };
    assert_eq!(members[2].who.name.as_deref(), Some("Amy Newman"), "without the mark");
}

#[test]
fn order_marks_quotes_separators_line_ends_and_names_of_columns_do_not_matter() {
    let same = [
        "Email Address,Has 2SV\nmia@x,yes\njo@x,no\n",
        "\u{feff}Email Address,Has 2SV\r\nmia@x,yes\r\njo@x,no\r\n",
        "Has 2SV;Email Address\r\nyes;mia@x\r\nno;jo@x",
        "\"Has 2SV\"\t\"e-mail\"\nTRUE\tMIA@X\nFalse\tjo@x\n",
        "has_2sv,EMAIL,\"Notes, of ours\"\nYes,mia@x,\"a, b\nc\"\nNo,jo@x,\"\"\"so\"\"\"\n",
        "Two-step verification enabled,Email\nEnabled,mia@x\n\nDisabled,jo@x\n\n",
        "mfa,mail\n 1 , mia@x \n0,jo@x\n",
    ];
    let wanted = [("mia@x", Some(true)), ("jo@x", Some(false))];
    for text in same {
        let read: Vec<_> = members(text, &[]);
        let read: Vec<_> = read.iter().map(|(who, has, _)| (who.as_str(), *has)).collect();
        assert_eq!(read, wanted, "{text:?}");
    }
}

#[test]
fn names_and_words_of_another_language_are_mapped() {
    let text = "Name;E-Mail-Adresse;Zwei-Schritt;Letzte Anmeldung\nMia;mia@x;Ja;nie\nJo;jo@x;Nein;2026-01-02 03:04:05\n";
    let map = [
        ("email", "E-Mail-Adresse"),
        ("Has 2SV", "Zwei-Schritt"),
        ("Last Login (UTC)", "Letzte Anmeldung"),
        ("yes", "ja"),
        ("no", "nein"),
        ("never", "nie"),
    ];
    assert_eq!(
        members(text, &map),
        [
            ("mia@x".to_owned(), Some(true), Login::Never),
            ("jo@x".to_owned(), Some(false), Login::At(at("2026-01-02T03:04:05Z"))),
        ]
    );
}

#[test]
fn other_exports_of_atlassian_are_read_by_the_same_names() {
    let accounts = "Name,Email,Atlassian ID,Status,Last active date [UTC],Two-step verification\nMia,mia@x,5b10,Active,\"Nov 19, 2026\",Enabled\n";
    let users = "User id,User name,email,User status,Last seen in Jira - acme,Last seen in Bitbucket - acme\n5b10,Mia,mia@x,Active,Never accessed,19 Nov 2026\n";
    for (text, has) in [(accounts, Some(true)), (users, None)] {
        let wanted = ("mia@x".to_owned(), has, Login::At(at("2026-11-19T00:00:00Z")));
        assert_eq!(members(text, &[]), [wanted], "{text}");
    }
}

#[test]
fn a_line_that_stands_there_twice_counts_once() {
    let text = "email,has 2sv\na@x,yes\nA@x,yes\n";
    assert_eq!(members(text, &[]).len(), 1);
}

fn comers(bytes: &str, map: &[(&str, &str)]) -> Vec<(String, Left)> {
    let reading = reading(EvidenceKind::JoinersLeavers, bytes.as_bytes(), map);
    let content = reading.unwrap_or_else(|error| panic!("{bytes:?}: {error}")).content;
    let one = |comer: &portcullis::posture::evidence::piece::Comer| {
        (comer.who.email.clone().or(comer.who.name.clone()).unwrap(), comer.left)
    };
    content.comers().iter().map(one).collect()
}

#[test]
fn joiners_and_leavers_are_read_from_tables_and_from_scim() {
    let day = |text: &str| Left::On(at(&format!("{text}T00:00:00Z")));
    let table =
        "Email;Joined;Last day\na@x;01.02.2020;31.10.2026\nb@x;2021-01-01;\nc@x;;2027-01-01\n";
    assert_eq!(
        comers(table, &[]),
        [
            ("a@x".to_owned(), day("2026-10-31")),
            ("b@x".to_owned(), Left::No),
            ("c@x".to_owned(), day("2027-01-01")),
        ]
    );
    let status = "name,active\nMia,true\nJo,false\n";
    let wanted = [("Mia".to_owned(), Left::No), ("Jo".to_owned(), Left::Before)];
    assert_eq!(comers(status, &[]), wanted);
    let users = r#"[
        {"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"id":"1","userName":"a@x","active":true,"meta":{"created":"2020-01-01T00:00:00Z"}},
        {"id":"2","userName":"bee","name":{"givenName":"Bee","familyName":"Two"},"emails":[{"value":"other@x"},{"value":"B@X","primary":true}],"active":false},
        {"id":"3","displayName":"Cee","active":false,"urn:acme:hr:2.0:User":{"terminationDate":"2026-09-30","hireDate":null}},
        {"id":"4","userName":"d@x","endDate":"2026-08-31"}]"#;
    let list = format!(
        r#"{{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":4,"Resources":{users}}}"#
    );
    let wanted = [
        ("a@x".to_owned(), Left::No),
        ("b@x".to_owned(), Left::Before),
        ("Cee".to_owned(), day("2026-09-30")),
        ("d@x".to_owned(), day("2026-08-31")),
    ];
    for text in [users, &list, &format!("\u{feff}\r\n{users}")] {
        assert_eq!(comers(text, &[]), wanted, "{text}");
    }
}

fn rules(text: &str) -> Vec<(Selector, String)> {
    let reading = reading(EvidenceKind::Classification, text.as_bytes(), &[]);
    let content = reading.unwrap_or_else(|error| panic!("{text:?}: {error}")).content;
    let one = |rule: &ClassRule| (rule.of.clone(), rule.class.clone());
    content.classes().iter().map(one).collect()
}

#[test]
fn a_manifest_says_the_same_as_table_json_and_yaml() {
    let wanted = [
        (Selector::Project("PAY".to_owned()), "confidential".to_owned()),
        (Selector::Name("*-billing".to_owned()), "confidential".to_owned()),
        (Selector::Property("visibility".to_owned(), "public".to_owned()), "public".to_owned()),
        (Selector::Repository("acme/vault".to_owned()), "top-secret".to_owned()),
    ];
    for text in [
        "Class,Project key,Name,Property,Repository\nConfidential,PAY,,,\nconfidential,,*-billing,,\npublic,,,visibility = public,\nTop Secret,,,,acme/vault\n",
        "rules:\n  - project: PAY\n    class: Confidential\n  - {name: \"*-billing\", class: confidential}\n  - property: visibility=public\n    class: public\n  - repository: acme/vault\n    class: top_secret\n",
        "# ours\n- {project: PAY, class: confidential}\n- {name: '*-billing', class: confidential}\n- {property: visibility=public, class: public}\n- {repository: acme/vault, class: top-secret}\n",
        r#"{"rules":[{"project":"PAY","class":"confidential"},{"name":"*-billing","class":"confidential"},{"property":"visibility=public","class":"public"},{"repository":"acme/vault","class":"top secret"}]}"#,
        r#"[{"class":"confidential","project":"PAY"},{"name":"*-billing","class":"confidential"},{"property":"visibility=public","class":"public"},{"repository":"acme/vault","class":"top-secret"}]"#,
    ] {
        assert_eq!(rules(text), wanted, "{text}");
    }
}

#[test]
fn a_picture_says_what_it_is_said_to_show() {
    let webp = b"RIFF\x04\x00\x00\x00WEBP".to_vec();
    let jpeg = b"\xff\xd8\xff\xe0..\xff\xd9".to_vec();
    for bytes in [PNG.to_vec(), jpeg, b"GIF89a..\x3b".to_vec(), b"%PDF-1.7\n%%EOF\n".to_vec(), webp]
    {
        let read = reading(EvidenceKind::SecondFactorPolicy, &bytes, &[]).unwrap();
        assert_eq!(read.content, Content::Policy(Shows::Enforced), "{bytes:?}");
    }
}
