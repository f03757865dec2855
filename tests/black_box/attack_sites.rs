//! Every route of the program, attacked from another site and read by everybody. What a real browser makes of it is tested
//! with one; here the requests are made by hand.

use futures::{StreamExt as _, stream};

use crate::{
    client::{Client, SESSION},
    cross_site::FOREIGN,
    effort::rounds,
    routes,
    server::{Place, QUICK, Server, UNTHROTTLED},
};

/// Bodies that would do something, as forms of another site can send them.
const BODIES: [(&str, &str); 4] = [
    (
        "application/x-www-form-urlencoded",
        "user_id=user02&password=user_02&new_password=seven+small+zebras+swim&run=run&arguments=%7B%7D",
    ),
    (
        "multipart/form-data; boundary=x",
        "--x\r\nContent-Disposition: form-data; name=\"user_id\"\r\n\r\nuser02\r\n--x\r\nContent-Disposition: form-data; \
         name=\"password\"\r\n\r\nuser_02\r\n--x--\r\n",
    ),
    (
        "text/plain",
        r#"{"user_id":"user02","password":"user_02","new_password":"seven small zebras swim","a":"="}"#,
    ),
    ("application/json", r#"{"user_id":"user02","password":"user_02"}"#),
];

async fn server() -> Server {
    Place::new().demo(&[QUICK, UNTHROTTLED].concat()).await
}

/// A browser with all three cookies: logged in, remembered, and with a call that waits.
async fn victim(server: &Server) -> Client {
    let client = server.client();
    let login = r#"{"user_id":"user01","password":"user_01"}"#;
    assert_eq!(client.json("/api/login", login).await.status, 200);
    server.let_password_age("user01", 3600).await;
    let waits = [("new_password", "seven small zebras swim")];
    let reply = client.form("/functions/change_password", &waits).await;
    assert_eq!(reply.header("location"), "/confirm?next=/functions/change_password");
    client
}

/// security checks 56, 57 and 59: from everywhere else, with everything that a form can send, at every route
#[tokio::test]
async fn no_route_does_anything_for_another_site() {
    let server = server().await;
    let client = victim(&server).await;
    let sibling = format!("https://sibling.localhost:{}", server.https.port());
    let neighbour = format!("https://localhost:{}", server.https.port() + 1);
    let insecure = format!("http://localhost:{}", server.https.port());
    let siblings = [
        [("origin", sibling.as_str())],
        [("origin", neighbour.as_str())],
        [("origin", insecure.as_str())],
    ];
    let origins: Vec<&[(&str, &str)]> = FOREIGN
        .into_iter()
        .chain(siblings.iter().map(|headers| &headers[..]))
        .collect();
    let paths = routes::paths(&server).await;
    let mut database = server.place.database().await;
    let before = database.state().await;
    let every = rounds(BODIES.len(), 1);
    let requests = paths.iter().enumerate().flat_map(|(number, path)| {
        origins.iter().enumerate().flat_map(move |(at, headers)| {
            let bodies = BODIES.iter().skip((number + at) % every).step_by(every);
            bodies.map(move |body| (path, *headers, *body))
        })
    });
    stream::iter(requests)
        .for_each_concurrent(8, |(path, headers, (kind, body))| {
            let client = client.clone();
            async move {
                let mut sending = client.request("POST", path).header("content-type", kind).body(body);
                for (name, value) in headers {
                    sending = sending.header(name, value);
                }
                let reply = sending.send().await;
                let context = format!("{path} {headers:?} {kind}: {} {}", reply.status, reply.body);
                // Files and health know of no session, and take no POST.
                let is_open = ["/favicon.svg", "/livez", "/pkg", "/pkg/", "/readyz"].contains(&path.as_str());
                match is_open {
                    true => assert!([404, 405].contains(&reply.status), "{context}"),
                    false => assert_eq!(reply.status, 403, "{context}"),
                }
                assert!(reply.set_cookies().is_empty(), "{context}");
                assert!(!reply.shows("user01"), "{context}");
            }
        })
        .await;
    assert_eq!(database.state().await, before);
    assert_eq!(client.who().await.as_deref(), Some("user01"));
}

/// security check 58: every route, read in every way, by everybody, with all that would do something if it were sent
#[tokio::test]
async fn no_route_changes_anything_by_being_read() {
    let server = server().await;
    let client = victim(&server).await;
    let visitors = [
        server.client(),
        client.with_only(SESSION, &client.session()),
        client.clone(),
    ];
    let paths = routes::paths(&server).await;
    let mut database = server.place.database().await;
    let before = database.state().await;
    let queries = [
        "",
        "?user_id=user02&password=user_02&new_password=seven+small+zebras+swim&run=run&arguments=%7B%7D&then=/account",
        "?_method=POST&__path=/api/logout&__err=x",
    ];
    for path in &paths {
        for query in &queries[..rounds(2, 3)] {
            for method in ["GET", "HEAD", "OPTIONS"] {
                for visitor in &visitors {
                    let reply = visitor
                        .request(method, &format!("{path}{query}"))
                        .header("sec-fetch-site", "cross-site")
                        .header("purpose", "prefetch")
                        .header("x-http-method-override", "POST")
                        .header("content-type", BODIES[0].0)
                        .body(BODIES[0].1)
                        .send()
                        .await;
                    let context = format!("{method} {path}{query}: {}", reply.status);
                    assert!([200, 401, 403, 404, 405].contains(&reply.status), "{context}");
                    assert!(reply.set_cookies().is_empty(), "{context}");
                }
            }
        }
    }
    assert_eq!(database.state().await, before);
    assert_eq!(client.who().await.as_deref(), Some("user01"));
}

/// security check 61: no route lets a script of another site read its answer, or send what wants to be asked for first
#[tokio::test]
async fn no_route_allows_another_origin_anything() {
    let server = server().await;
    let client = victim(&server).await;
    for path in routes::paths(&server).await {
        for origin in ["https://evil.example", "null", &client.origin()] {
            for asked in ["POST", "DELETE"] {
                let preflight = client
                    .request("OPTIONS", &path)
                    .header("origin", origin)
                    .header("access-control-request-method", asked)
                    .header("access-control-request-headers", "content-type, x-anything")
                    .header("access-control-request-private-network", "true")
                    .send()
                    .await;
                assert!([404, 405].contains(&preflight.status), "{path}: {}", preflight.status);
                let read = client.request("GET", &path).header("origin", origin).send().await;
                for reply in [preflight, read] {
                    for name in reply.headers.keys() {
                        assert!(!name.as_str().starts_with("access-control-"), "{path}: {name}");
                    }
                    assert_eq!(reply.header("x-frame-options"), "DENY", "{path}");
                    assert_eq!(reply.header("cross-origin-resource-policy"), "same-origin", "{path}");
                    let policy = reply.header("content-security-policy");
                    assert!(policy.contains("frame-ancestors 'none'"), "{path}: {policy}");
                }
            }
        }
    }
}

/// security check 74: no page holds anything of anybody for who is not logged in, in its text, its attributes or the data
/// that it hands to its script
#[tokio::test]
async fn no_page_holds_anything_for_who_is_not_logged_in() {
    let place = Place::new();
    place.add_user("canary-name", "canary password of mine").await;
    let server = place.serve(&[QUICK, UNTHROTTLED].concat()).await;
    let client = server.client();
    let login = r#"{"user_id":"canary-name","password":"canary password of mine"}"#;
    let device = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";
    client
        .request("POST", "/api/login")
        .header("content-type", "application/json")
        .header("user-agent", device)
        .body(login)
        .send()
        .await;
    let form = [("arguments", r#"{"typed":"canary-typed"}"#)];
    client.form("/functions/auth_func", &form).await;
    let session = client.session();
    let handles = client.json("/api/my_sessions", "{}").await.value()["sessions"].clone();
    let mut told: Vec<String> = ["canary", "Firefox", "127.0.0.1", "Log out", "argon2"]
        .map(str::to_owned)
        .into();
    told.push(session.clone());
    told.extend(
        handles
            .as_array()
            .unwrap()
            .iter()
            .map(|session| session["id"].as_str().unwrap().to_owned()),
    );
    let pages = routes::pages(&server).await;
    let seen: Vec<String> = futures::future::join_all(pages.iter().map(|path| client.get(path)))
        .await
        .into_iter()
        .map(|page| page.body)
        .collect();
    for text in ["canary-name", "canary-typed", "Firefox", "127.0.0.1", "Log out"] {
        assert!(
            seen.iter().any(|body| body.contains(text)),
            "{text} is shown to its owner"
        );
    }

    let forged = client.with_only(SESSION, "AAECAwQFBgcICQoLDA0ODw");
    let other_cookies_only = client.clone();
    other_cookies_only.drop_cookie(SESSION);
    other_cookies_only.drop_cookie(crate::client::REMEMBER);
    let logged_out = client.with_only(SESSION, &session);
    let strangers = [server.client(), forged, other_cookies_only];
    let look = async |stranger: &Client| {
        for path in &pages {
            let page = stranger.get(path).await;
            assert_eq!(page.status, 200, "{path}");
            for text in &told {
                assert!(!page.shows(text), "{path} tells {text}: {}", page.body);
            }
        }
    };
    for stranger in &strangers {
        look(stranger).await;
    }
    client.json("/api/logout", "{}").await;
    look(&logged_out).await;
}
