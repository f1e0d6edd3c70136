//! The console in a browser's hands: a link opens it once, forms come from its own pages alone.

use reqwest::Method;
use reqwest::RequestBuilder;

use crate::spec::doors::house::House;
use crate::spec::doors::house::REPOSITORY;
use crate::spec::doors::house::header;

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
    let list = page("/", &cookie).await;
    assert_eq!(list.status(), 200);
    let list = list.text().await.unwrap();
    assert!(list.contains(REPOSITORY) && list.contains(&format!("href=\"/decisions/{decision}\"")));
    let none = page("/?verdict=allow&effect=&uncovered=true", &cookie).await.text().await.unwrap();
    assert!(none.contains("No decision is like that"));
    let one = page(&format!("/decisions/{decision}"), &cookie).await.text().await.unwrap();
    assert!(one.contains("To publish is judged here.") && one.contains("claimed.environment"));
    for path in ["/", "/decisions/x"] {
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
    assert_eq!(page("/?verdict=maybe", &cookie).await.status(), 400);
    house.close().await;
}

#[tokio::test]
async fn a_form_votes_from_our_own_page_and_from_no_other() {
    let house = House::open().await;
    let cookie = house.session().await;
    let answer = house.check(&house.token().await, "deploy").await;
    let (decision, ticket) =
        (answer["decision"].as_str().unwrap(), answer["ticket"]["id"].as_str().unwrap());
    let vote = |site: &str| {
        let post =
            browser(house.stranger(Method::POST, &format!("/api/v1/tickets/{ticket}/votes")));
        let post = post.header("cookie", &cookie).header("sec-fetch-site", site);
        post.form(&[("vote", "deny"), ("reason", "<script>no</script>")]).send()
    };
    for site in ["cross-site", "same-site", "none"] {
        assert_eq!(vote(site).await.unwrap().status(), 403, "{site}");
    }
    let voted = vote("same-origin").await.unwrap();
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
    let late = vote("same-origin").await.unwrap();
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
    let out = house
        .stranger(Method::POST, "/logout")
        .header("cookie", &cookie)
        .header("sec-fetch-site", "same-origin");
    let out = out.send().await.unwrap();
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
