//! Functions, guards and pages that panic, or never come to an end. Each ends one request with a failure like any other.
//! Security check 104.
//!
//! Nothing in the program can be made to do so from outside, so the doors stand here, in a test program of their own,
//! with functions and pages that do.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::{future::pending, time::Duration};

use axum::{
    Extension, Router,
    body::Body,
    extract::Request,
    http::Response,
    middleware::from_fn_with_state,
    response::Html,
    routing::{MethodRouter, get},
};
use callgate::{
    contract::{Answer, Refusal},
    function,
    server::{
        caller::Caller,
        demo,
        door::{self, Doors},
        guard::{Guard, Rule},
        services::Services,
        settings::{Overrides, Settings},
        site::Site,
        storage::{OpenFor, events::EventFilter},
    },
};
use http_body_util::BodyExt as _;
use leptos::prelude::*;
use tempfile::TempDir;
use tokio::time::timeout;
use tower::ServiceExt as _;

const CANARY: &str = "a canary that nobody sees";

/// A guard that panics.
struct Broken;

impl Guard for Broken {
    fn rule() -> Rule {
        Rule::new("Broken", "For nobody", [])
    }

    async fn check(_caller: &Caller) -> Result<Self, Refusal> {
        panic!("{CANARY}")
    }
}

/// A guard that panics when it knows who is logged in.
struct BrokenLater;

impl Guard for BrokenLater {
    fn rule() -> Rule {
        Rule::new("BrokenLater", "For nobody", [])
    }

    async fn check(caller: &Caller) -> Result<Self, Refusal> {
        caller.login().await?;
        panic!("{CANARY}")
    }
}

function! { "guard_that_breaks_later":
    /// Has a guard that panics when it knows who is logged in.
    pub async fn guard_that_breaks_later(_caller: BrokenLater) -> Result<Answer, Refusal> {
        Ok(Answer::new("never".to_owned()))
    }
}

function! { "guard_that_breaks":
    /// Has a guard that panics.
    pub async fn guard_that_breaks(_caller: Broken) -> Result<Answer, Refusal> {
        Ok(Answer::new("never".to_owned()))
    }
}

function! { "body_that_breaks":
    /// Panics half way.
    pub async fn body_that_breaks(_caller: Anyone) -> Result<Answer, Refusal> {
        tokio::task::yield_now().await;
        panic!("{CANARY}")
    }
}

function! { "call_that_never_ends":
    /// Waits for ever.
    pub async fn call_that_never_ends(_caller: Anyone) -> Result<Answer, Refusal> {
        pending().await
    }
}

/// A guard that never says anything.
struct Silent;

impl Guard for Silent {
    fn rule() -> Rule {
        Rule::new("Silent", "For nobody", [])
    }

    async fn check(_caller: &Caller) -> Result<Self, Refusal> {
        pending().await
    }
}

function! { "guard_that_never_ends":
    /// Has a guard that waits for ever.
    pub async fn guard_that_never_ends(_caller: Silent) -> Result<Answer, Refusal> {
        Ok(Answer::new("never".to_owned()))
    }
}

/// A page that shows what one of these functions answered.
fn calling<T>(call: fn() -> T) -> AnyView
where
    T: Future<Output = Result<Answer, Refusal>> + Send + 'static,
{
    let answer = Resource::new_blocking(|| (), move |()| call());
    view! {
        <Suspense>
            {move || Suspend::new(async move { answer.await.map_or_else(|refusal| refusal.message(), |_| "an answer".to_owned()) })}
        </Suspense>
    }
    .into_any()
}

/// A page that panics itself.
fn panicking() -> AnyView {
    view! { <p>{move || -> String { panic!("{CANARY}") }}</p> }.into_any()
}

fn page(view: fn() -> AnyView) -> MethodRouter {
    get(async move |Extension(caller): Extension<Caller>, request: Request| {
        let context = move || provide_context(caller.clone());
        leptos_axum::render_app_async_with_context(context, view)(request).await
    })
}

/// A page that panics when it knows who is logged in.
fn page_that_breaks_later() -> MethodRouter {
    get(async |Extension(caller): Extension<Caller>| -> Html<String> {
        caller.login().await.unwrap();
        panic!("{CANARY}")
    })
}

/// Pages that panic, behind what stands before every page.
fn broken_pages(services: &Services) -> Doors {
    let rooms = Router::new()
        .route("/panicking", page(panicking))
        .route("/function", page(|| calling(body_that_breaks)))
        .route("/guard", page(|| calling(guard_that_breaks)))
        .route("/later", page_that_breaks_later())
        .route("/endless", page(|| calling(call_that_never_ends)))
        .layer(from_fn_with_state(services.clone(), door::know_caller));
    Doors::to(services, rooms)
}

async fn services_with(data: &TempDir, change: impl FnOnce(&mut Settings)) -> Services {
    let overrides = Overrides {
        data: Some(data.path().to_owned()),
        demo: true,
        ..Overrides::default()
    };
    let mut settings = Settings::load(&overrides).unwrap();
    change(&mut settings);
    let services = Services::open(settings, OpenFor::Serve).await.unwrap();
    demo::add_users(&services).await.unwrap();
    services
}

async fn services(data: &TempDir) -> Services {
    services_with(data, |_| {}).await
}

async fn answer(doors: &Doors, method: &str, path: &str, kind: &str, body: &str) -> (Response<()>, String) {
    answer_with(doors, method, path, ("content-type", kind), body).await
}

async fn answer_with(
    doors: &Doors,
    method: &str,
    path: &str,
    (name, value): (&str, &str),
    body: &str,
) -> (Response<()>, String) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "localhost")
        .header(name, value);
    let request = request.body(Body::from(body.to_owned())).unwrap();
    let answering = async {
        let (head, body) = doors.clone().oneshot(request).await.unwrap().into_parts();
        (head, body.collect().await.unwrap().to_bytes())
    };
    let (head, body) = timeout(Duration::from_secs(20), answering).await.expect("an answer");
    (Response::from_parts(head, ()), String::from_utf8(body.into()).unwrap())
}

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

#[tokio::test]
async fn a_panic_ends_one_request_with_a_failure_and_nothing_else() {
    let data = tempfile::tempdir().unwrap();
    let services = services(&data).await;
    let doors = Doors::new(&services, &Site::Folder("nowhere".into()));
    let pages = broken_pages(&services);
    // More often than there are threads or permits that could be lost.
    for _ in 0..20 {
        for (doors, method, path, kind, body) in [
            (&doors, "POST", "/api/body_that_breaks", JSON, "{}"),
            (&doors, "POST", "/api/guard_that_breaks", JSON, "{}"),
            (&doors, "POST", "/functions/guard_that_breaks", FORM, "arguments={}"),
            (&pages, "GET", "/panicking", FORM, ""),
        ] {
            let (head, text) = answer(doors, method, path, kind, body).await;
            assert_eq!(head.status(), 500, "{path}: {text}");
            let reference = head.headers()["x-request-id"].to_str().unwrap();
            assert!(text.contains(reference), "{path}: {text}");
            assert!(head.headers().contains_key("strict-transport-security"), "{path}");
            assert!(head.headers().contains_key("content-security-policy"), "{path}");
            let kind = head.headers()["content-type"].to_str().unwrap();
            assert_eq!(kind.starts_with(JSON), path.starts_with("/api"), "{path}: {kind}");
            assert!(!text.contains("canary"), "{path}: {text}");
        }
        // What came of a call is shown by the function's page.
        let path = "/functions/body_that_breaks";
        let (head, _) = answer(&doors, "POST", path, FORM, "arguments={}").await;
        assert_eq!(
            (head.status().as_u16(), &head.headers()["location"]),
            (303, &format!("{path}#reply").parse().unwrap())
        );
        // A page that waits for a call whose task has panicked must not wait for ever.
        for path in ["/function", "/guard"] {
            let (head, text) = answer(&pages, "GET", path, FORM, "").await;
            let reference = head.headers()["x-request-id"].to_str().unwrap();
            assert!(text.contains(reference) && !text.contains("canary"), "{path}: {text}");
        }
    }
    let login = r#"{"user_id":"user01","password":"user_01"}"#;
    for (method, path, body) in [
        ("POST", "/api/login", login),
        ("POST", "/api/notauth_func", "{}"),
        ("GET", "/", ""),
        ("GET", "/functions/body_that_breaks", ""),
    ] {
        let (head, text) = answer(&doors, method, path, JSON, body).await;
        assert_eq!(head.status(), 200, "{path}: {text}");
    }
}

/// Or the browser would come with the old token later, and look like a thief.
#[tokio::test]
async fn a_remembered_browser_is_told_of_its_new_session_with_a_failure_too() {
    let data = tempfile::tempdir().unwrap();
    let services = services(&data).await;
    let doors = Doors::new(&services, &Site::Folder("nowhere".into()));
    let pages = broken_pages(&services);
    let login = r#"{"user_id":"user01","password":"user_01","remember":true}"#;
    let (head, text) = answer(&doors, "POST", "/api/login", JSON, login).await;
    assert_eq!(head.status(), 200, "{text}");
    let mut cookie = remember_cookie(&head).expect("a remembered browser");
    for (doors, method, path) in [
        (&doors, "POST", "/api/guard_that_breaks_later"),
        (&pages, "GET", "/later"),
    ] {
        let (head, text) = answer_with(doors, method, path, ("cookie", &cookie), "").await;
        assert_eq!(head.status(), 500, "{path}: {text}");
        let next = remember_cookie(&head).unwrap_or_else(|| panic!("{path}: no new token"));
        assert_ne!(next, cookie, "{path}");
        cookie = next;
    }
}

/// The cookie that an answer sets to remember a browser, as the browser sends it.
fn remember_cookie(head: &Response<()>) -> Option<String> {
    let cookies = head.headers().get_all("set-cookie").iter();
    let mut cookies = cookies.map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap());
    cookies.find(|cookie| cookie.contains("remember")).map(str::to_owned)
}

#[tokio::test]
async fn a_call_that_never_ends_is_given_up_and_told_of() {
    let data = tempfile::tempdir().unwrap();
    let services = services_with(&data, |settings| settings.limits.call_seconds = 1).await;
    let doors = Doors::new(&services, &Site::Folder("nowhere".into()));
    for path in ["/api/call_that_never_ends", "/api/guard_that_never_ends"] {
        let (head, text) = answer(&doors, "POST", path, JSON, "{}").await;
        assert_eq!(head.status(), 503, "{path}: {text}");
        assert!(text.contains(r#""code":"call_too_slow""#), "{path}: {text}");
        assert!(
            !head.headers().contains_key("retry-after"),
            "it may have been done in part"
        );
    }
    // What a page waits for ends as well, although it has a task of its own.
    let (_, text) = answer(&broken_pages(&services), "GET", "/endless", FORM, "").await;
    assert!(text.contains("took too long"), "{text}");
    let path = "/functions/call_that_never_ends";
    let (head, _) = answer(&doors, "POST", path, FORM, "").await;
    let cookie = head.headers()["set-cookie"]
        .to_str()
        .unwrap()
        .split(';')
        .next()
        .unwrap();
    let (head, text) = answer_with(&doors, "GET", path, ("cookie", cookie), "").await;
    assert_eq!(head.status(), 200, "{text}");
    assert!(text.contains("call_too_slow"), "{text}");
    services.audit().write_all(Duration::from_secs(20)).await;
    let logged = services
        .storage()
        .list_calls(&EventFilter::default(), 10)
        .await
        .unwrap();
    let outcomes: Vec<String> = logged.into_iter().map(|call| call.outcome).collect();
    assert_eq!(outcomes, ["call_too_slow"; 3]);
}
