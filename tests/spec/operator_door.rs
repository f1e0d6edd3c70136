//! Nobody reaches the operator surface by another name, without a credential, or through somebody else's page.

use std::time::Duration;

use http::Request;
use http::header;
use http::request::Parts;
use portcullis::http::operator::Asker;
use portcullis::http::operator::Cookie;
use portcullis::http::operator::Doorkeeper;
use portcullis::http::operator::Refused;
use portcullis::http::operator::Settings;
use portcullis::http::operator::TokenHash;
use portcullis::http::route::ROUTES;
use portcullis::http::route::Route;
use portcullis::http::session;
use tokio::time::Instant;

const HERE: &str = "127.0.0.1:4000";
const AWAY: &str = "10.1.2.3:4000";
const SECRET: &str = "a-token-of-the-operator";

fn doorkeeper(cookie: Cookie) -> Doorkeeper {
    let hosts = ["localhost", "127.0.0.1", "[::1]"].map(str::to_owned).to_vec();
    Doorkeeper::new(Settings {
        token: TokenHash::of("a-token-of-the-operator\n"),
        people: Vec::new(),
        hosts,
        cookie,
        sessions: session::Settings::default(),
    })
}

fn route(method: &str, pattern: &str) -> &'static Route {
    let found =
        ROUTES.iter().rev().find(|route| route.method.name() == method && route.pattern == pattern);
    found.unwrap()
}

fn head(method: &str, headers: &[(&str, &str)]) -> Parts {
    let mut request = Request::builder().method(method).uri("/");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

/// Asks for `GET /api/v1/decisions` (or posts a token) from here, under our own name.
fn ask(
    keeper: &Doorkeeper,
    method: &str,
    headers: &[(&str, &str)],
    now: Instant,
) -> Result<Asker, Refused> {
    let headers = [&[("host", "localhost:8081")], headers].concat();
    keeper.admit(
        route(method, "/api/v1/tokens"),
        &head(method, &headers),
        HERE.parse().unwrap(),
        now,
    )
}

/// Opens a session: the cookie as the browser sends it back.
fn enter(keeper: &Doorkeeper, now: Instant) -> String {
    let code = keeper.link(now).unwrap();
    let set = keeper.enter(code.reveal(), HERE.parse().unwrap(), now).unwrap();
    set.to_str().unwrap().split(';').next().unwrap().to_owned()
}

#[test]
fn the_token_opens_the_surface_and_nothing_like_it_does() {
    let (keeper, now) = (doorkeeper(Cookie::Loopback), Instant::now());
    let bearer = |text: &str| ask(&keeper, "GET", &[("authorization", text)], now);
    assert_eq!(bearer(&format!("Bearer {SECRET}")), Ok(Asker::Bearer));
    assert_eq!(bearer(&format!("bearer {SECRET}")), Ok(Asker::Bearer));
    for wrong in [
        "Bearer",
        "Bearer ",
        "Bearer a-token-of-the-operato",
        "Bearer x a-token-of-the-operator",
        SECRET,
    ] {
        assert_eq!(bearer(wrong), Err(Refused::BadCredential), "{wrong}");
    }
    assert_eq!(bearer(&format!("Basic {SECRET}")), Err(Refused::BadCredential));
    let line = format!("Bearer {SECRET}");
    let twice = [("authorization", line.as_str()), ("authorization", line.as_str())];
    assert_eq!(ask(&keeper, "GET", &twice, now), Err(Refused::BadCredential));
    assert_eq!(ask(&keeper, "GET", &[], now), Err(Refused::NoCredential));
    assert_eq!(
        ask(&keeper, "POST", &[("authorization", &line)], now),
        Ok(Asker::Bearer),
        "a program has no page"
    );
}

#[test]
fn only_our_own_names_are_answered_but_probes_under_any() {
    let (keeper, now, line) =
        (doorkeeper(Cookie::Loopback), Instant::now(), format!("Bearer {SECRET}"));
    let under = |pattern: &str, hosts: &[&str]| {
        let mut headers: Vec<_> = hosts.iter().map(|host| ("host", *host)).collect();
        headers.push(("authorization", &line));
        keeper.admit(route("GET", pattern), &head("GET", &headers), HERE.parse().unwrap(), now)
    };
    for host in ["localhost", "LOCALHOST:8081", "127.0.0.1:1", "[::1]:8081"] {
        assert_eq!(under("/", &[host]), Ok(Asker::Bearer), "{host}");
    }
    for hosts in [
        &["evil.test"][..],
        &["localhost.evil.test"],
        &["localhost@evil.test"],
        &[""],
        &[],
        &["localhost", "localhost"],
    ] {
        assert_eq!(under("/", hosts), Err(Refused::UnknownHost), "{hosts:?}");
        assert_eq!(under("/login", hosts), Err(Refused::UnknownHost), "{hosts:?}");
        for probe in ["/livez", "/readyz", "/metrics"] {
            assert_eq!(under(probe, hosts), Ok(Asker::Anyone), "{probe}");
        }
    }
    assert_eq!(under("/login", &["localhost"]), Ok(Asker::Anyone));
}

#[test]
fn a_link_opens_one_session_once_and_not_for_ever() {
    let (keeper, now) = (doorkeeper(Cookie::Loopback), Instant::now());
    let here = HERE.parse().unwrap();
    let code = keeper.link(now).unwrap();
    assert_eq!(code.reveal().len(), 64);
    let set = keeper.enter(code.reveal(), here, now).unwrap();
    let text = set.to_str().unwrap();
    assert!(
        text.ends_with("; Path=/; HttpOnly; SameSite=Strict") && !text.contains(code.reveal()),
        "{text}"
    );
    assert_eq!(keeper.enter(code.reveal(), here, now), Err(Refused::SpentLink));
    assert_eq!(keeper.enter("", here, now), Err(Refused::SpentLink));
    let stale = keeper.link(now).unwrap();
    assert_eq!(
        keeper.enter(stale.reveal(), here, now + Duration::from_hours(1)),
        Err(Refused::SpentLink)
    );
    let away = keeper.link(now).unwrap();
    assert_eq!(keeper.enter(away.reveal(), AWAY.parse().unwrap(), now), Err(Refused::NotLoopback));
    assert!(
        keeper.enter(away.reveal(), here, now).is_ok(),
        "a try from elsewhere does not spend it"
    );
}

#[test]
fn over_tls_the_cookie_is_bound_to_the_host() {
    let (keeper, now) = (doorkeeper(Cookie::Tls), Instant::now());
    let code = keeper.link(now).unwrap();
    let set = keeper.enter(code.reveal(), HERE.parse().unwrap(), now).unwrap();
    let text = set.to_str().unwrap();
    assert!(
        text.starts_with("__Host-portcullis=")
            && text.contains("; Secure")
            && !text.contains("Domain"),
        "{text}"
    );
}

#[test]
fn a_session_ends_when_unused_when_old_and_when_left() {
    let (keeper, now) = (doorkeeper(Cookie::Loopback), Instant::now());
    let minutes = |minutes: u64| now + Duration::from_mins(minutes);
    let used = enter(&keeper, now);
    let unused = enter(&keeper, now);
    let asks = |cookie: &str, at| ask(&keeper, "GET", &[("cookie", cookie)], at);
    for half_hours in 0..24 {
        assert_eq!(asks(&used, minutes(30 * half_hours)), Ok(Asker::Session), "{half_hours}");
    }
    assert_eq!(asks(&used, minutes(12 * 60)), Err(Refused::BadCredential), "old");
    assert_eq!(asks(&unused, minutes(60)), Err(Refused::BadCredential), "unused");
    let left = enter(&keeper, now);
    assert_eq!(asks(&left, now), Ok(Asker::Session));
    let forget = keeper.leave(&head("POST", &[("cookie", &left)]).headers).unwrap();
    assert!(forget.to_str().unwrap().contains("Max-Age=0"));
    assert_eq!(asks(&left, now), Err(Refused::BadCredential));
}

#[test]
fn a_session_is_for_loopback_and_for_one_cookie() {
    let (keeper, now) = (doorkeeper(Cookie::Loopback), Instant::now());
    let cookie = enter(&keeper, now);
    let headers = [("host", "localhost"), ("cookie", cookie.as_str())];
    let from = |address: &str| {
        keeper.admit(route("GET", "/"), &head("GET", &headers), address.parse().unwrap(), now)
    };
    assert_eq!(from(HERE), Ok(Asker::Session));
    assert_eq!(from("[::ffff:127.0.0.1]:4000"), Ok(Asker::Session));
    assert_eq!(from(AWAY), Err(Refused::NotLoopback));
    let among = format!("theme=dark; {cookie}; other=1");
    assert_eq!(ask(&keeper, "GET", &[("cookie", &among)], now), Ok(Asker::Session));
    let two = format!("portcullis=planted; {cookie}");
    assert_eq!(ask(&keeper, "GET", &[("cookie", &two)], now), Err(Refused::NoCredential));
    assert_eq!(ask(&keeper, "GET", &[("cookie", "portcullis=")], now), Err(Refused::BadCredential));
}

#[test]
fn a_change_must_come_from_a_page_of_ours() {
    let (keeper, now) = (doorkeeper(Cookie::Loopback), Instant::now());
    let cookie = enter(&keeper, now);
    let change = |more: &[(&str, &str)]| {
        ask(&keeper, "POST", &[&[("cookie", cookie.as_str())], more].concat(), now)
    };
    assert_eq!(change(&[("sec-fetch-site", "same-origin")]), Ok(Asker::Session));
    assert_eq!(change(&[("origin", "http://localhost:8081")]), Ok(Asker::Session));
    for foreign in [
        &[][..],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("sec-fetch-site", "none")],
        &[("sec-fetch-site", "cross-site"), ("origin", "http://localhost:8081")],
        &[("origin", "null")],
        &[("origin", "http://localhost:3000")],
        &[("origin", "http://evil.test")],
        &[("origin", "http://localhost:8081"), ("origin", "http://evil.test")],
        &[("referer", "http://localhost:8081/")],
    ] {
        assert_eq!(change(foreign), Err(Refused::CrossSite), "{foreign:?}");
    }
    assert_eq!(
        ask(&keeper, "GET", &[("cookie", &cookie)], now),
        Ok(Asker::Session),
        "reading needs no page"
    );
}

#[test]
fn there_are_never_more_sessions_than_allowed() {
    let (keeper, now) = (doorkeeper(Cookie::Loopback), Instant::now());
    let first = enter(&keeper, now);
    let second = enter(&keeper, now + Duration::from_secs(1));
    for more in 2..=256 {
        enter(&keeper, now + Duration::from_secs(more));
    }
    let later = now + Duration::from_mins(5);
    assert_eq!(ask(&keeper, "GET", &[("cookie", &first)], later), Err(Refused::BadCredential));
    assert_eq!(ask(&keeper, "GET", &[("cookie", &second)], later), Ok(Asker::Session));
}

#[test]
fn routes_of_the_public_surface_are_never_let_in_here() {
    let (keeper, now, line) =
        (doorkeeper(Cookie::Loopback), Instant::now(), format!("Bearer {SECRET}"));
    let headers = [(header::HOST.as_str(), "localhost"), ("authorization", line.as_str())];
    for pattern in ["/hooks/{hook}", "/v1/check"] {
        let answer = keeper.admit(
            route("POST", pattern),
            &head("POST", &headers),
            HERE.parse().unwrap(),
            now,
        );
        assert_eq!(answer, Err(Refused::NoCredential), "{pattern}");
    }
}
