//! Who follows decisions hears each once, in order, also over a break; and costs no more than a seat.

use reqwest::Method;
use reqwest::Response;
use serde_json::Value;
use serde_json::json;

use crate::spec::doors::house::House;
use crate::spec::doors::house::header;
use crate::spec::doors::house::json_of;
use crate::spec::doors::house::problem;

/// A line of events, as a browser reads it.
struct Ear {
    answer: Response,
    heard: String,
    last: Option<String>,
}

impl Ear {
    async fn open(house: &House, query: &str, last: Option<&str>) -> Self {
        let mut request = house.api(Method::GET, &format!("decisions/events{query}"));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(header(&answer, "content-type"), "text/event-stream");
        assert_eq!(header(&answer, "cache-control"), "no-store");
        Self { answer, heard: String::new(), last: None }
    }

    /// The next event; none: the line has ended in good order.
    async fn next(&mut self) -> Option<Value> {
        loop {
            while let Some((event, rest)) = self.heard.split_once("\n\n") {
                let event = event.to_owned();
                self.heard = rest.into();
                let of = |name: &str| {
                    let line = event.lines().find_map(|line| line.strip_prefix(name));
                    line.and_then(|line| line.strip_prefix(": ")).map(str::to_owned)
                };
                self.last = of("id").or(self.last.take());
                if let Some(data) = of("data") {
                    assert_eq!(of("event").as_deref(), Some("decision"));
                    return Some(serde_json::from_str(&data).unwrap());
                }
            }
            let piece = self.answer.chunk().await.unwrap()?;
            self.heard.push_str(std::str::from_utf8(&piece).unwrap());
        }
    }

    /// Until it has heard where it is.
    async fn settled(&mut self) {
        while !self.heard.contains("\n\n") {
            let piece = self.answer.chunk().await.unwrap().unwrap();
            self.heard.push_str(std::str::from_utf8(&piece).unwrap());
        }
    }
}

#[tokio::test]
async fn decisions_are_heard_as_they_are_made_and_over_a_break_none_twice_and_none_missed() {
    let house = House::open().await;
    let token = house.token().await;
    let decide = async |action: &str| house.check(&token, action).await["decision"].clone();
    decide("run").await;
    let mut ear = Ear::open(&house, "", None).await;
    ear.settled().await;
    let (first, second) = (decide("deploy").await, decide("publish").await);
    let rows = [ear.next().await.unwrap(), ear.next().await.unwrap()];
    assert_eq!([&rows[0]["decision"], &rows[1]["decision"]], [&first, &second]);
    let listed = json_of(house.api(Method::GET, "decisions").send().await.unwrap()).await;
    assert_eq!(rows[1], listed["decisions"][0], "the same row as in the list");

    // Broken off after the first of the two.
    let mut again = Ear::open(&house, "?since=1h", None).await;
    let all = [again.next().await.unwrap(), again.next().await.unwrap()];
    assert_eq!((&all[0]["verdict"], &all[1]["decision"]), (&json!("allow"), &first));
    let last = again.last.clone().unwrap();
    drop(again);
    let third = decide("publish-again").await;
    let mut back = Ear::open(&house, "?since=1h", Some(&last)).await;
    let rest = [back.next().await.unwrap(), back.next().await.unwrap()];
    assert_eq!([&rest[0]["decision"], &rest[1]["decision"]], [&second, &third]);

    // What is not asked for moves the place on as well.
    let mut narrow = Ear::open(&house, "?since=1h&verdict=block&for=1s", None).await;
    assert_eq!(narrow.next().await.unwrap()["decision"], second);
    assert_eq!(narrow.next().await, None, "it ends when it was to");
    house.close().await;
}

#[tokio::test]
async fn a_line_ends_with_the_gate_and_no_more_follow_than_may() {
    let house = House::open().await;
    let mut ears = Vec::new();
    for _ in 0..32 {
        ears.push(Ear::open(&house, "", None).await);
    }
    let refused = house.api(Method::GET, "decisions/events").send().await.unwrap();
    assert!(!header(&refused, "retry-after").is_empty());
    let (status, told) = problem(refused).await;
    assert_eq!(status, 503);
    assert!(told["detail"].as_str().unwrap().contains("32 follow the decisions already"), "{told}");
    ears.pop();
    let mut last = loop {
        let answer = house.api(Method::GET, "decisions/events").send().await.unwrap();
        if answer.status() == 200 {
            break Ear { answer, heard: String::new(), last: None };
        }
    };
    let (_, said) = tokio::join!(house.close(), last.next());
    assert_eq!(said, None, "in good order");
}

#[tokio::test]
async fn a_place_that_is_none_is_named() {
    let house = House::open().await;
    for (query, last, said) in [
        ("?after=x", None, "`after` is `x`; use the id of an event"),
        ("?for=ever", None, "`for` is `ever`"),
        ("?limit=3", None, "cannot have `limit`"),
        ("", Some("x"), "`Last-Event-ID` is not the id of an event"),
    ] {
        let mut request = house.api(Method::GET, &format!("decisions/events{query}"));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let (status, told) = problem(request.send().await.unwrap()).await;
        assert_eq!(status, 400);
        assert!(told["detail"].as_str().unwrap().contains(said), "{told}");
    }
    house.close().await;
}
