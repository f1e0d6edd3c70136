//! Files that are not taken: each is refused with its row and a reason, and nothing of it is kept.

use portcullis::posture::evidence::piece::EvidenceKind;
use portcullis::posture::evidence::piece::EvidenceKind::Classification;
use portcullis::posture::evidence::piece::EvidenceKind::JoinersLeavers;
use portcullis::posture::evidence::piece::EvidenceKind::SecondFactorPolicy;
use portcullis::posture::evidence::piece::EvidenceKind::UserDirectory;
use portcullis::posture::evidence::piece::Shows;
use portcullis::posture::evidence::read::Asked;
use portcullis::posture::evidence::read::MAX_BYTES;
use portcullis::posture::evidence::read::MAX_ROWS;
use portcullis::posture::evidence::read::read;
use reqwest::Method;
use serde_json::json;

use super::PNG;
use super::day;
use super::mapped;
use super::wish;
use crate::spec::doors::house::House;
use crate::spec::doors::house::problem;

/// A bad file.
struct Bad {
    what: &'static str,
    kind: EvidenceKind,
    bytes: Vec<u8>,
    map: &'static [(&'static str, &'static str)],
    /// The row, or the line of a text, that is to be named; none: it is the file as a whole.
    row: Option<u64>,
    /// What the reason has to say.
    says: &'static str,
}

fn bad(
    what: &'static str,
    kind: EvidenceKind,
    bytes: impl Into<Vec<u8>>,
    row: impl Into<Option<u64>>,
    says: &'static str,
) -> Bad {
    Bad { what, kind, bytes: bytes.into(), map: &[], row: row.into(), says }
}

fn mapping(map: &'static [(&'static str, &'static str)], bad: Bad) -> Bad {
    Bad { map, ..bad }
}

fn all() -> Vec<Bad> {
    let mut all = directories();
    all.extend(leavers());
    all.extend(scim());
    all.extend(manifests());
    all.extend(pictures());
    all
}

fn directories() -> Vec<Bad> {
    let many = |rows: usize| {
        let row = |n: usize| format!("u{n}@x.example,yes\n");
        format!("email,has 2sv\n{}", (0..rows).map(row).collect::<String>())
    };
    let wide = format!("{}\n", (0..101).map(|n| format!("c{n}")).collect::<Vec<_>>().join(","));
    let long = format!("email,has 2sv\n{}@x.example,yes\n", "a".repeat(1_200));
    let named = |name: &str| format!("name,has 2sv\nMia,yes\n{name},no\n");
    vec![
        bad("nothing", UserDirectory, "", None, "empty"),
        bad("a mark of Unicode alone", UserDirectory, "\u{feff}", None, "empty"),
        bad("a header alone", UserDirectory, "email,has 2sv\n", 1, "no row"),
        bad("no header of ours", UserDirectory, "a,b\n1,2\n", 1, "who it is"),
        bad("nobody in the header", UserDirectory, "has 2sv\nyes\n", 1, "who it is"),
        bad("nothing said of anybody", UserDirectory, "email\na@x\n", 1, "second factors"),
        bad(
            "two columns of one name",
            UserDirectory,
            "email,email,has 2sv\na@x,b@x,yes\n",
            1,
            "which one counts",
        ),
        bad(
            "a row that breaks off",
            UserDirectory,
            "email,has 2sv\na@x,yes\nb@x",
            3,
            "1 cells and the header 2",
        ),
        bad("a row with one cell more", UserDirectory, "email,has 2sv\na@x,yes,no\n", 2, "3 cells"),
        bad(
            "a quote that never closes",
            UserDirectory,
            "email,has 2sv\n\"a@x,yes\nb@x,no\n",
            2,
            "within a quoted cell",
        ),
        bad(
            "text after a quote",
            UserDirectory,
            "email,has 2sv\n\"a@x\"y,yes\n",
            2,
            "closing quote",
        ),
        bad(
            "a quote within a cell",
            UserDirectory,
            "email,has 2sv\na\"@x,yes\n",
            2,
            "without quotes",
        ),
        bad("a zero byte", UserDirectory, "email,has 2sv\na@x,y\0s\n", 2, "zero byte"),
        bad(
            "no UTF-8",
            UserDirectory,
            b"email,has 2sv\na@x,yes\n\xff\xfe@x,no\n".to_vec(),
            3,
            "UTF-8",
        ),
        bad("UTF-16", UserDirectory, b"\xff\xfee\0m\0".to_vec(), None, "UTF-16"),
        bad(
            "a word that is none",
            UserDirectory,
            "email,has 2sv\na@x,yes\nb@x,maybe\n",
            3,
            "`maybe`",
        ),
        bad("a word cut in half", UserDirectory, "email,has 2sv\na@x,yes\nb@x,ye", 3, "`ye`"),
        bad("a word of another language", UserDirectory, "email,has 2sv\na@x,ja\n", 2, "is mapped"),
        bad(
            "never as a second factor",
            UserDirectory,
            "email,has 2sv\na@x,never\n",
            2,
            "no yes or no",
        ),
        bad(
            "nobody in a row",
            UserDirectory,
            "email,name,has 2sv\na@x,A,yes\n,,no\n",
            3,
            "names nobody",
        ),
        bad(
            "no address",
            UserDirectory,
            "email,has 2sv\nmia at acme,yes\n",
            2,
            "no e-mail address",
        ),
        bad(
            "two addresses in one",
            UserDirectory,
            "email,has 2sv\na@b@c,yes\n",
            2,
            "no e-mail address",
        ),
        bad("no time", UserDirectory, "email,last login\na@x,yesterday\n", 2, "no time"),
        bad(
            "a time that can be read two ways",
            UserDirectory,
            "email,last login\na@x,03/04/2026\n",
            2,
            "no time",
        ),
        bad(
            "a time that is to come",
            UserDirectory,
            "email,last login\na@x,2026-12-24\n",
            2,
            "when the list was true",
        ),
        bad(
            "a day that is none",
            UserDirectory,
            "email,last login\na@x,2026-02-30\n",
            2,
            "no time",
        ),
        bad(
            "one person twice, with two words",
            UserDirectory,
            "email,has 2sv\na@x,yes\nA@X,no\n",
            3,
            "row 2",
        ),
        bad(
            "a name with a control character",
            UserDirectory,
            named("Mi\u{7}a"),
            3,
            "control character",
        ),
        bad("too many columns", UserDirectory, wide, 1, "more than 100 cells"),
        bad("a cell too long", UserDirectory, long, 2, "longer than"),
        bad("too many rows", UserDirectory, many(MAX_ROWS + 1), MAX_ROWS as u64 + 1, "rows"),
        bad("too many bytes", UserDirectory, vec![b'a'; MAX_BYTES + 1], None, "bytes"),
        mapping(
            &[("Has 2SV", "Zwei-Schritt")],
            bad(
                "a mapped column that is not there",
                UserDirectory,
                "email,has 2sv\na@x,yes\n",
                1,
                "no column is called",
            ),
        ),
        mapping(
            &[("Shoe size", "Schuhe")],
            bad(
                "a mapping of nothing of ours",
                UserDirectory,
                "email,has 2sv\na@x,yes\n",
                None,
                "no column or word of ours",
            ),
        ),
        bad("a picture", UserDirectory, PNG, None, "is a picture"),
    ]
}

fn leavers() -> Vec<Bad> {
    vec![
        bad(
            "names and no word of who left",
            JoinersLeavers,
            "email\na@x\n",
            1,
            "who joined or left",
        ),
        bad("no date", JoinersLeavers, "email,left\na@x,soon\n", 2, "no date"),
        bad(
            "left before joining",
            JoinersLeavers,
            "email,joined,left\na@x,2026-05-01,2026-04-01\n",
            2,
            "before they joined",
        ),
        bad(
            "active and left",
            JoinersLeavers,
            "email,status,left\na@x,active,2026-01-01\n",
            2,
            "which one counts",
        ),
        bad(
            "gone and leaving",
            JoinersLeavers,
            "email,status,left\na@x,inactive,2027-01-01\n",
            2,
            "which one counts",
        ),
        bad(
            "a status that is none",
            JoinersLeavers,
            "email,status\na@x,on holiday\n",
            2,
            "`on holiday`",
        ),
        bad(
            "one person twice, with two days",
            JoinersLeavers,
            "id,left\n7,2026-01-01\n7,2026-02-01\n",
            3,
            "row 2",
        ),
        bad(
            "semicolons and a short row",
            JoinersLeavers,
            "email;left\na@x;2026-01-01\nb@x\n",
            3,
            "1 cells",
        ),
    ]
}

fn scim() -> Vec<Bad> {
    let page = r#"{"totalResults":250,"Resources":[{"userName":"a@x","active":true}]}"#;
    let broken = "[\n {\"userName\":\"a@x\",\"active\":true},\n {\"userName\":\"b@";
    vec![
        bad("a list that breaks off", JoinersLeavers, broken, 3, "the JSON breaks there"),
        bad("a page of several", JoinersLeavers, page, 1, "bring all pages"),
        bad(
            "a user who is none",
            JoinersLeavers,
            r#"[{"userName":"a@x","active":true},7]"#,
            2,
            "it is no user",
        ),
        bad(
            "a flag in quotes",
            JoinersLeavers,
            r#"[{"userName":"a@x","active":"false"}]"#,
            1,
            "it is no user",
        ),
        bad(
            "a key that stands there twice",
            JoinersLeavers,
            r#"[{"userName":"a@x","active":true,"active":false}]"#,
            1,
            "duplicate",
        ),
        bad(
            "a user without a name",
            JoinersLeavers,
            r#"[{"userName":"a@x","active":true},{"active":false}]"#,
            2,
            "names nobody",
        ),
        bad(
            "a user of whom nothing is said",
            JoinersLeavers,
            r#"[{"userName":"a@x"}]"#,
            1,
            "neither",
        ),
        bad(
            "a last day that is none",
            JoinersLeavers,
            r#"[{"userName":"a@x","active":false,"endDate":"soon"}]"#,
            1,
            "no date",
        ),
        bad("no user", JoinersLeavers, "[]", None, "no user"),
        bad("no list", JoinersLeavers, r#"{"users":[]}"#, 1, "missing field"),
    ]
}

fn manifests() -> Vec<Bad> {
    vec![
        bad("no class", Classification, "project\nPAY\n", 1, "the class"),
        bad("nothing that is classified", Classification, "class\nsecret\n", 1, "what it is about"),
        bad(
            "a class that is none",
            Classification,
            "project,class\nPAY,top secret!\n",
            2,
            "no class",
        ),
        bad(
            "a rule about two things",
            Classification,
            "project,name,class\nPAY,*-x,secret\n",
            2,
            "exactly one",
        ),
        bad(
            "a rule about nothing",
            Classification,
            "project,class\nPAY,secret\n,public\n",
            3,
            "exactly one",
        ),
        bad(
            "one project with two classes",
            Classification,
            "project,class\nPAY,secret\npay,public\n",
            3,
            "row 2",
        ),
        bad(
            "a repository without its home",
            Classification,
            "repository,class\nbilling,secret\n",
            2,
            "names no repository",
        ),
        bad(
            "a property nobody knows",
            Classification,
            "property,class\nshoe=42,secret\n",
            2,
            "visibility",
        ),
        bad("a project with a star", Classification, "project,class\nP*,secret\n", 2, "no key"),
        bad(
            "YAML that breaks",
            Classification,
            "rules:\n  - project: PAY\n    class: [secret\n",
            None,
            "YAML",
        ),
        bad(
            "YAML with a key of its own",
            Classification,
            "rules:\n  - project: PAY\n    class: secret\n    colour: red\n",
            4,
            "colour",
        ),
        bad(
            "a rule in YAML about two things",
            Classification,
            "rules:\n  - {project: PAY, class: secret}\n  - {project: A, name: b, class: c}\n",
            2,
            "exactly one",
        ),
        bad(
            "JSON that breaks off",
            Classification,
            "{\"rules\":[\n{\"project\":\"PAY\",",
            2,
            "the JSON breaks there",
        ),
        bad(
            "a rule in JSON without a class",
            Classification,
            r#"[{"project":"PAY","class":"a"},{"project":"B"}]"#,
            2,
            "missing field",
        ),
        bad("no rule", Classification, r#"{"rules":[]}"#, None, "classifies nothing"),
    ]
}

fn pictures() -> Vec<Bad> {
    vec![
        bad("text for a picture", SecondFactorPolicy, "enforced: yes", None, "no PNG"),
        bad("half a PNG", SecondFactorPolicy, &PNG[..12], None, "breaks off"),
        bad(
            "half a JPEG",
            SecondFactorPolicy,
            b"\xff\xd8\xff\xe0....".to_vec(),
            None,
            "breaks off",
        ),
        bad("half a PDF", SecondFactorPolicy, "%PDF-1.7\n1 0 obj", None, "breaks off"),
        bad(
            "half a WebP",
            SecondFactorPolicy,
            b"RIFF\xff\x00\x00\x00WEBPVP8 ".to_vec(),
            None,
            "breaks off",
        ),
    ]
}

#[test]
fn every_bad_file_is_refused_with_its_row_and_a_reason() {
    let all = all();
    assert!(all.len() >= 40, "only {} bad files", all.len());
    for bad in all {
        let map = mapped(bad.map);
        let asked = Asked { kind: bad.kind, as_of: day(), map: &map, shows: Some(Shows::Enforced) };
        let Err(refused) = read(&bad.bytes, asked) else { panic!("{}: was taken", bad.what) };
        let said = refused.to_string();
        assert!(said.contains(bad.says), "{}: {said}", bad.what);
        assert!(said.ends_with("nothing was kept"), "{}: {said}", bad.what);
        if bad.row.is_some() {
            assert_eq!(refused.row(), bad.row, "{}: {said}", bad.what);
        }
    }
}

#[test]
fn a_picture_of_which_nobody_says_what_it_shows_is_refused() {
    let map = mapped(&[]);
    let asked = Asked { kind: SecondFactorPolicy, as_of: day(), map: &map, shows: None };
    let said = read(PNG, asked).unwrap_err().to_string();
    assert!(said.contains("`enforced` or `not-enforced`"), "{said}");
}

/// Everything that bringing evidence could have changed: what is kept of it, and what the ledger says of it.
async fn state(house: &House) -> String {
    let entries = house.entries(0).await.into_iter();
    let of_it = entries.filter(|entry| {
        entry
            .body
            .get("what")
            .and_then(|what| what.as_str())
            .is_some_and(|what| what.starts_with("evidence"))
    });
    let head = of_it.count();
    let kept = house.gateway.store.evidence().await.unwrap();
    let waiting = house.gateway.channels().await.unwrap().len();
    let kept: Vec<_> = kept.iter().map(|one| (&one.piece, one.reminded)).collect();
    format!("{head} entries, {kept:?}, {waiting}")
}

#[tokio::test]
async fn nothing_of_a_bad_file_is_kept() {
    let house = House::open().await;
    // One that is kept, so that there is something to compare.
    let one = wish("acme", "classification", b"project,class\nBILL,secret\n");
    let kept = house.api(Method::POST, "evidence").json(&one).send().await.unwrap();
    assert_eq!(kept.status(), 201);
    let (before, listed) = (state(&house).await, house.gateway.evidence_lines(|_| true).len());
    for bad in all() {
        let mut wish = wish("acme", bad.kind.as_str(), &bad.bytes);
        wish["as_of"] = json!(day());
        wish["map"] = json!(mapped(bad.map));
        if bad.kind == SecondFactorPolicy {
            wish["shows"] = json!("enforced");
        }
        for preview in [false, true] {
            wish["preview"] = json!(preview);
            let answer = house.api(Method::POST, "evidence").json(&wish).send().await.unwrap();
            let (status, said) = problem(answer).await;
            assert_eq!(status, 400, "{}", bad.what);
            let detail = said["detail"].as_str().unwrap();
            assert!(
                detail.contains(bad.says) || bad.what == "too many bytes",
                "{}: {detail}",
                bad.what
            );
        }
        assert_eq!(state(&house).await, before, "{} left something", bad.what);
    }
    assert_eq!(house.gateway.evidence_lines(|_| true).len(), listed);
    house.close().await;
}

#[tokio::test]
async fn a_wish_that_makes_no_sense_is_refused_and_keeps_nothing() {
    let house = House::open().await;
    let before = state(&house).await;
    let with = |member: &str, value: serde_json::Value| {
        let mut wish = wish("acme", "user-directory", b"email,has 2sv\na@x,yes\n");
        wish[member] = value;
        wish
    };
    let far = house.gateway.clock.now().plus(std::time::Duration::from_hours(24 * 500));
    for (wish, says) in [
        (with("connection", json!("nowhere")), "no connection"),
        (with("kind", json!("horoscope")), "horoscope"),
        (with("as_of", json!("2099-01-01T00:00:00Z")), "to come"),
        (with("until", json!("2020-01-01T00:00:00Z")), "what is over is no evidence"),
        (with("until", json!(far)), "longer than 400 days"),
        (with("file", json!("  ")), "needs a name"),
        (with("content", json!("no base64!")), "not base64"),
        (with("shows", json!("enforced")), "is said of a picture"),
        (with("reason", json!("x".repeat(501))), "longer than 500"),
        (with("colour", json!("red")), "colour"),
    ] {
        let answer = house.api(Method::POST, "evidence").json(&wish).send().await.unwrap();
        let (status, said) = problem(answer).await;
        assert_eq!(status, 400, "{says}");
        assert!(said["detail"].as_str().unwrap().contains(says), "{says}: {said}");
        assert_eq!(state(&house).await, before, "{says} left something");
    }
    house.close().await;
}
