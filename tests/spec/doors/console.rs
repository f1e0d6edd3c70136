//! The console in a browser's hands: a link opens it once, forms come from its own pages alone.

use portcullis::ledger::Kind;
use portcullis::policy::RuleId;
use reqwest::Method;
use reqwest::RequestBuilder;

use crate::spec::doors::house::CLOUD_HOOK;
use crate::spec::doors::house::House;
use crate::spec::doors::house::REPOSITORY;
use crate::spec::doors::house::SECRET;
use crate::spec::doors::house::header;
use crate::spec::doors::house::json_of;

fn browser(request: RequestBuilder) -> RequestBuilder {
    request.header("accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")
}

#[tokio::test]
async fn the_list_and_a_decision_are_pages_for_a_session_only() {
    let house = House::open().await;
    let cookie = house.session().await;
    let decision =
        house.check(&house.token().await, "publish").await["decision"].as_str().unwrap().to_owned();
    let page = async |path: &str, cookie: &str| {
        browser(house.stranger(Method::GET, path)).header("cookie", cookie).send().await.unwrap()
    };
    let list = page("/decisions", &cookie).await;
    assert_eq!(list.status(), 200);
    let list = list.text().await.unwrap();
    assert!(list.contains(REPOSITORY) && list.contains(&format!("href=\"/decisions/{decision}\"")));
    let none = page("/decisions?verdict=allow&effect=&uncovered=true", &cookie)
        .await
        .text()
        .await
        .unwrap();
    assert!(none.contains("No decision is like that"));
    let one = page(&format!("/decisions/{decision}"), &cookie).await.text().await.unwrap();
    assert!(one.contains("To publish is judged here.") && one.contains("claimed.environment"));
    for path in ["/", "/decisions", "/decisions/x"] {
        let refused = page(path, "portcullis=0000").await;
        assert_eq!(refused.status(), 401);
        assert_eq!(
            header(&refused, "content-type"),
            "text/html; charset=utf-8",
            "a person reads a page"
        );
        assert!(!refused.text().await.unwrap().contains(REPOSITORY));
    }
    assert_eq!(page("/decisions/x", &cookie).await.status(), 404);
    assert_eq!(page("/decisions?verdict=maybe", &cookie).await.status(), 400);
    house.close().await;
}

#[tokio::test]
async fn access_is_asked_and_looked_up_by_links_alone() {
    let house = House::open().await;
    let cookie = house.session().await;
    let page = async |path: &str| {
        let answer =
            browser(house.stranger(Method::GET, path)).header("cookie", &cookie).send().await;
        let answer = answer.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    };
    let asked = "identity=user%3AMia&without=";
    let billing = "resource=acme%2Fbilling-canary";
    let (status, html) = page(&format!("/access?action=write&{billing}&{asked}")).await;
    assert!(status == 200 && html.contains("Yes") && html.contains("Paths"), "{html}");
    let (_, html) = page(&format!("/access?action=write&{billing}&identity=&without=")).await;
    assert!(html.contains("Who can write") && html.contains("href=\"/access/of?of="), "{html}");
    let (_, html) = page(&format!("/access?action=push&{billing}%40main&{asked}")).await;
    assert!(html.contains("It cannot be told"), "{html}");
    let (status, html) = page(&format!("/access?action=fly&{billing}")).await;
    assert!(status == 200 && html.contains("is not an action"), "{html}");
    let (status, html) = page("/access/of?of=acme%2Fbilling-canary").await;
    assert!(status == 200 && html.contains("Who reaches it") && html.contains("<svg"), "{html}");
    let (status, html) = page("/access/of?of=user%3AMia").await;
    assert!(status == 200 && html.contains("What it reaches"), "{html}");
    let kept = html.split("href=\"/api/v1/access/page").nth(1).unwrap().split('"').next().unwrap();
    let (status, html) = page(&format!("/api/v1/access/page{kept}")).await;
    assert!(status == 200 && html.contains("It loads nothing"), "a page can be kept: {html}");
    assert_eq!(page("/access/of?of=user%3Anobody").await.0, 404);
    let (status, html) = page("/access/identities?kind=&unused=&expiring=").await;
    assert!(status == 200 && html.contains("Identities that are no people"), "{html}");
    let (status, html) = page("/access/reports?report=repositories").await;
    assert!(status == 200 && html.contains("billing-canary"), "{html}");
    assert_eq!(page("/access/reports?report=none").await.0, 400);
    house.close().await;
}

#[tokio::test]
async fn a_form_votes_from_our_own_page_and_from_no_other() {
    let house = House::open().await;
    let cookie = house.session().await;
    let answer = house.check(&house.token().await, "deploy").await;
    let (decision, ticket) =
        (answer["decision"].as_str().unwrap(), answer["ticket"]["id"].as_str().unwrap());
    let token = house.form_token(&cookie).await;
    let vote = |site: &str, token: &str| {
        let post =
            browser(house.stranger(Method::POST, &format!("/api/v1/tickets/{ticket}/votes")));
        let post = post.header("cookie", &cookie).header("sec-fetch-site", site);
        let reason = "<script>no</script>";
        post.form(&[("vote", "deny"), ("reason", reason), ("form-token", token)]).send()
    };
    for site in ["cross-site", "same-site", "none"] {
        assert_eq!(vote(site, &token).await.unwrap().status(), 403, "{site}");
    }
    let another = house.form_token(&house.session().await).await;
    for token in ["", "0", &token[1..], &another] {
        assert_eq!(vote("same-origin", token).await.unwrap().status(), 403, "{token}");
    }
    let voted = vote("same-origin", &token).await.unwrap();
    assert_eq!(voted.status(), 303);
    assert_eq!(header(&voted, "location"), format!("/decisions/{decision}"));
    let page = browser(house.stranger(Method::GET, &format!("/decisions/{decision}")))
        .header("cookie", &cookie);
    let page = page.send().await.unwrap().text().await.unwrap();
    assert!(
        page.contains("The approval: refused")
            && page.contains("&lt;script&gt;no")
            && !page.contains("<script")
    );
    let late = vote("same-origin", &token).await.unwrap();
    assert_eq!(
        (late.status().as_u16(), header(&late, "content-type")),
        (409, "text/html; charset=utf-8".to_owned())
    );
    house.close().await;
}

#[tokio::test]
async fn signing_out_ends_the_session() {
    let house = House::open().await;
    let cookie = house.session().await;
    let token = house.form_token(&cookie).await;
    let leave = |token: &str| {
        let out = house.stranger(Method::POST, "/logout").header("cookie", &cookie);
        out.header("sec-fetch-site", "same-origin").form(&[("form-token", token)]).send()
    };
    assert_eq!(leave("").await.unwrap().status(), 403, "nobody else signs us out");
    let out = leave(&token).await.unwrap();
    assert_eq!(out.status(), 200);
    assert!(header(&out, "set-cookie").contains("Max-Age=0"));
    let after = house.stranger(Method::GET, "/").header("cookie", &cookie).send().await.unwrap();
    assert_eq!(after.status(), 401);
    house.close().await;
}

#[tokio::test]
async fn a_preview_of_the_link_does_not_spend_it() {
    let house = House::open().await;
    let missing = house.stranger(Method::GET, "/login").send().await.unwrap();
    assert_eq!(missing.status(), 400);
    assert_eq!(house.stranger(Method::HEAD, "/login?code=x").send().await.unwrap().status(), 200);
    assert_eq!(house.stranger(Method::GET, "/login?code=x").send().await.unwrap().status(), 403);
    house.close().await;
}

#[tokio::test]
async fn what_changes_something_in_a_session_and_is_no_form_brings_the_token_in_a_header() {
    let house = House::open().await;
    let cookie = house.session().await;
    let token = house.form_token(&cookie).await;
    let wish = serde_json::json!({"rules": "test", "scope": "acme", "mode": "shadow"});
    let post = |token: &str| {
        let post = house.stranger(Method::POST, "/api/v1/modes").header("cookie", &cookie);
        let post = post.header("sec-fetch-site", "same-origin");
        post.header("x-portcullis-form", token).json(&wish).send()
    };
    assert_eq!(post("").await.unwrap().status(), 403);
    assert_eq!(post(&token).await.unwrap().status(), 200);
    house.close().await;
}

#[tokio::test]
async fn every_page_of_the_console_is_there_in_a_session_and_tells_what_it_is_for() {
    let house = House::open().await;
    let cookie = house.session().await;
    let asker = house.token().await;
    let answer = house.check(&asker, "deploy").await;
    let ticket = answer["ticket"]["id"].as_str().unwrap().to_owned();
    let kept = house.hook(CLOUD_HOOK, "repo:push", "no json", SECRET).send().await.unwrap();
    let letter = json_of(kept).await["delivery"].as_str().unwrap().to_owned();
    while house.gateway.dead_letters(1).await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    house.gateway.sign().await.unwrap();
    let page = async |path: &str| {
        let page = browser(house.stranger(Method::GET, path)).header("cookie", &cookie);
        let page = page.send().await.unwrap();
        assert_eq!(page.status(), 200, "{path}");
        assert_eq!(header(&page, "cache-control"), "no-store", "{path}");
        let policy = header(&page, "content-security-policy");
        assert!(policy.contains("script-src 'self'") && policy.contains("frame-ancestors 'none'"));
        page.text().await.unwrap()
    };
    let replay = format!("action=\"/api/v1/dead-letters/{letter}/replay\"");
    let vote = format!("action=\"/api/v1/tickets/{ticket}/votes\"");
    let (key, short) = (house.gateway.verifier_key().to_string(), &CLOUD_HOOK[..6]);
    for (path, wanted) in [
        ("/", vec!["Ready", "1 delivery could not be read", "A ticket waits", short, "1 wait"]),
        ("/decisions", vec![REPOSITORY, "must wait"]),
        ("/decisions?rule=test%2Fpublish", vec!["No decision is like that"]),
        ("/tickets", vec!["To deploy is judged here.", "asked"]),
        ("/tickets?state=granted", vec!["No ticket is granted"]),
        (&format!("/tickets/{ticket}"), vec![&vote, "What exactly is approved", REPOSITORY]),
        ("/dead-letters", vec![&replay, "repo:push"]),
        ("/rules", vec!["What deploy needs", "enforce", "1 asked"]),
        ("/rules/test.deploy", vec!["package portcullis.rules.test.deploy", "A rule for tests."]),
        ("/connections", vec![short, "Bitbucket Cloud", "Bitbucket Data Center"]),
        ("/ledger", vec![&key, "service token added", "operator session"]),
        ("/ledger?show=approvals", vec![&format!("href=\"/tickets/{ticket}\"")]),
    ] {
        let html = page(path).await;
        for wanted in wanted {
            assert!(html.contains(wanted), "{path} lacks {wanted}");
        }
        assert!(!html.contains(CLOUD_HOOK), "{path} tells where to send");
    }
    for path in ["/rules/test.nothing", "/tickets/x", "/decisions/x"] {
        let page = house.stranger(Method::GET, path).header("cookie", &cookie);
        assert_eq!(page.send().await.unwrap().status(), 404, "{path}");
    }
    house.close().await;
}

#[tokio::test]
async fn a_dead_letter_is_sent_on_by_its_form_and_the_list_says_so() {
    let house = House::open().await;
    let cookie = house.session().await;
    let token = house.form_token(&cookie).await;
    let kept = house.hook(CLOUD_HOOK, "repo:push", "no json", SECRET).send().await.unwrap();
    let id = json_of(kept).await["delivery"].as_str().unwrap().to_owned();
    while house.gateway.dead_letters(1).await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    let replay = |token: &str| {
        let post =
            browser(house.stranger(Method::POST, &format!("/api/v1/dead-letters/{id}/replay")));
        let post = post.header("cookie", &cookie).header("sec-fetch-site", "same-origin");
        post.form(&[("form-token", token)]).send()
    };
    assert_eq!(replay("").await.unwrap().status(), 403);
    let done = replay(&token).await.unwrap();
    assert_eq!(done.status(), 303);
    let list = header(&done, "location");
    assert_eq!(list, format!("/dead-letters?replayed={id}"));
    let page = house.stranger(Method::GET, &list).header("cookie", &cookie);
    let page = page.send().await.unwrap().text().await.unwrap();
    assert!(page.contains("It goes down the road again") && page.contains(&id));
    house.close().await;
}

#[tokio::test]
async fn while_it_is_paused_the_console_says_so_once() {
    let house = House::open().await;
    let cookie = house.session().await;
    let wish = serde_json::json!({"for": "1h", "reason": "a bad evening"});
    assert_eq!(house.api(Method::POST, "pause").json(&wish).send().await.unwrap().status(), 201);
    let page = house.stranger(Method::GET, "/").header("cookie", &cookie);
    let page = page.send().await.unwrap().text().await.unwrap();
    assert_eq!(page.matches("aria-label=\"Paused\"").count(), 1);
    assert!(!page.contains("nothing is held back</p>"), "the note is for those without a banner");
    assert!(page.contains("a bad evening") && page.contains("portcullis resume"), "who ends it");
    let ready = house.stranger(Method::GET, "/readyz").send().await.unwrap();
    assert!(json_of(ready).await["notes"].to_string().contains("is paused until"));
    house.close().await;
}

#[tokio::test]
async fn what_rules_did_is_counted_from_what_was_recorded() {
    let house = House::open().await;
    house.check(&house.token().await, "publish").await;
    let asked = house.check(&house.token().await, "deploy").await;
    let vote = format!("tickets/{}/votes", asked["ticket"]["id"].as_str().unwrap());
    let vote = house.api(Method::POST, &vote).json(&serde_json::json!({"vote": "deny"}));
    assert_eq!(vote.send().await.unwrap().status(), 200);
    let wish = serde_json::json!({"rules": "test", "scope": "acme", "mode": "shadow"});
    assert_eq!(house.api(Method::POST, "modes").json(&wish).send().await.unwrap().status(), 200);
    // Another caller: the first one's question stands as it was answered.
    let now = house.check(&house.token().await, "publish").await;
    assert_eq!(now["effect"], "proceed", "{now}");
    let found = house.gateway.frictions().await.unwrap();
    assert_eq!((found.looked, found.more), (3, false));
    let publish = found.of(&RuleId::told("test/publish"));
    assert_eq!((publish.asked, publish.matched), (3, 2), "{publish:?}");
    assert_eq!((publish.stopped, publish.would_have, publish.approvals), (1, 1, 0), "{publish:?}");
    let deploy = found.of(&RuleId::told("test/deploy"));
    assert_eq!((deploy.matched, deploy.stopped, deploy.would_have), (1, 0, 0), "{deploy:?}");
    assert_eq!((deploy.approvals, deploy.granted, deploy.refused), (1, 0, 1), "{deploy:?}");
    house.close().await;
}

#[tokio::test]
async fn entries_are_walked_through_a_kind_at_a_time_and_none_is_missed() {
    let house = House::open().await;
    for _ in 0..3 {
        let token = house.token().await;
        house.check(&token, "run").await;
    }
    for kinds in [vec![], vec![Kind::Admin], vec![Kind::Decision, Kind::Bundle], vec![Kind::Waiver]]
    {
        let all = house.entries(0).await;
        let of = |kind: Kind| kinds.is_empty() || kinds.contains(&kind);
        let expected: Vec<_> = all.iter().rev().filter(|entry| of(entry.kind)).collect();
        let (mut found, mut before) = (Vec::new(), None);
        loop {
            let (page, next) = house.gateway.entries_seen(&kinds, before, 1).await.unwrap();
            found.extend(page.into_iter().map(|seen| seen.entry));
            before = next;
            if before.is_none() {
                break;
            }
        }
        assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{kinds:?}");
    }
    house.close().await;
}
