//! Functions, guards and pages that panic or never end: each fails one request, as other errors do. No input makes the
//! program itself do so, so they are defined here.

#![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]
#![allow(
    clippy::missing_errors_doc,
    reason = "the functions are declared for these tests only"
)]

use std::{
    future::pending,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
    time::Duration,
};

use axum::{
    Extension, Router,
    body::Body,
    extract::Request,
    http::Response,
    response::Html,
    routing::{MethodRouter, get},
};
use callgate::{
    contract::{Answer, Refusal},
    function,
    server::{
        accounts::demo,
        auth::{
            caller::Caller,
            guard::{Guard, Rule},
        },
        config::{Overrides, Settings},
        http::{self, embedded_assets::Site},
        state::AppState,
        storage::{OpenFor, events::EventFilter},
    },
};
use http_body_util::BodyExt as _;
use leptos::prelude::*;
use tempfile::TempDir;
use tokio::time::timeout;
use tower::ServiceExt as _;

const JSON: (&str, &str) = ("content-type", "application/json");
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const CANARY: &str = "a canary that nobody sees";
const DEADLINE: Duration = Duration::from_mins(2); // for hangs

/// A guard, and a function that has it.
macro_rules! guarded {
    ($function:ident, $guard:ident, $caller:ident => $check:expr) => {
        struct $guard;

        impl Guard for $guard {
            fn rule() -> Rule {
                Rule::new(stringify!($guard), "For nobody", [])
            }

            async fn check($caller: &Caller) -> Result<Self, Refusal> {
                $check
            }
        }

        /// Has a guard of these tests.
        #[function]
        pub async fn $function(_caller: $guard) -> Result<Answer, Refusal> {
            Ok(Answer::new("allowed"))
        }
    };
}

guarded!(guard_that_breaks, Broken, _caller => panic!("{CANARY}"));
guarded!(guard_that_never_ends, Silent, _caller => pending().await);
guarded!(guard_that_breaks_later, BrokenLater, caller => {
    caller.login().await?;
    panic!("{CANARY}")
});

static ASKED: AtomicU32 = AtomicU32::new(0);

guarded!(guard_that_counts, Counting, _caller => {
    ASKED.fetch_add(1, Relaxed);
    Ok(Self)
});
guarded!(slow_guard, Slow, _caller => {
    most_of_a_second().await;
    Ok(Self)
});

/// Takes most of a second, as its guard does.
#[function]
pub async fn slow_guard_and_body(_caller: Slow) -> Result<Answer, Refusal> {
    most_of_a_second().await;
    Ok(Answer::new("late"))
}

async fn most_of_a_second() {
    let _ = timeout(Duration::from_millis(900), pending::<()>()).await;
}

/// Panics half way.
#[function]
pub async fn body_that_breaks(_caller: Anyone) -> Result<Answer, Refusal> {
    tokio::task::yield_now().await;
    panic!("{CANARY}")
}

/// Waits for ever.
#[function]
pub async fn call_that_never_ends(_caller: Anyone) -> Result<Answer, Refusal> {
    pending().await
}

/// A page that shows what one of these functions answered.
fn calling<T: Future<Output = Result<Answer, Refusal>> + Send + 'static>(call: fn() -> T) -> AnyView {
    let answer = Resource::new_blocking(|| (), move |()| call());
    let text = |answer: Result<Answer, Refusal>| {
        answer.map_or_else(|refusal| refusal.message().to_string(), |_| String::new())
    };
    let shown = move || Suspend::new(async move { text(answer.await) });
    view! { <Suspense>{shown}</Suspense> }.into_any()
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

/// Pages that panic, behind the middleware of all pages.
fn broken_pages(state: &AppState) -> Router {
    let breaks_later = async |Extension(caller): Extension<Caller>| -> Html<String> {
        caller.login().await.unwrap();
        panic!("{CANARY}")
    };
    let routes = Router::new()
        .route("/panicking", page(panicking))
        .route("/function", page(|| calling(body_that_breaks)))
        .route("/guard", page(|| calling(guard_that_breaks)))
        .route("/later", get(breaks_later))
        .route("/endless", page(|| calling(call_that_never_ends)))
        .route("/counted", page(|| calling(guard_that_counts)));
    http::with_middleware(state, http::with_session(state, routes))
}

/// A demo with this data folder, whose calls may take `call_seconds`.
async fn demo_app(data: &TempDir, call_seconds: u64) -> (AppState, Router) {
    let overrides = Overrides {
        data: Some(data.path().to_owned()),
        demo: true,
        ..Overrides::default()
    };
    let mut settings = Settings::load(&overrides).unwrap();
    settings.limits.call_seconds = call_seconds.try_into().unwrap();
    (settings.passwords.memory_kib, settings.passwords.iterations) = (64, 1);
    let state = AppState::open(settings, OpenFor::Serve).await.unwrap();
    demo::add_users(&state).await.unwrap();
    let router = http::router(&state, &Site::Folder("nowhere".into()));
    (state, router)
}

/// The answer to a method and a path.
async fn answer(router: &Router, target: &str, header: (&str, &str), body: &str) -> (Response<()>, String) {
    let (method, path) = target.split_once(' ').unwrap();
    let request = Request::builder().method(method).uri(path).header("host", "localhost");
    let request = request.header(header.0, header.1).body(Body::from(body.to_owned()));
    let answering = async {
        let (head, body) = router.clone().oneshot(request.unwrap()).await.unwrap().into_parts();
        (head, body.collect().await.unwrap().to_bytes())
    };
    let (head, body) = timeout(DEADLINE, answering).await.expect("an answer");
    (Response::from_parts(head, ()), String::from_utf8(body.into()).unwrap())
}

/// The cookie with this in its name that an answer sets, as a browser sends it back.
fn cookie(head: &Response<()>, name: &str) -> String {
    let cookies = head.headers().get_all("set-cookie").iter();
    let mut cookies = cookies.map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap());
    let name = format!("{name}-8443=");
    let cookie = cookies.find(|cookie| cookie.contains(&name));
    cookie.expect("a cookie").to_owned()
}

#[tokio::test]
async fn a_panic_ends_one_request_with_a_failure_and_nothing_else() {
    let data = tempfile::tempdir().unwrap();
    let (state, router) = demo_app(&data, 3600).await;
    let pages = broken_pages(&state);
    // More often than there are threads or permits that could be lost.
    for _ in 0..20 {
        for (router, target, kind, body) in [
            (&router, "POST /api/body_that_breaks", JSON, "{}"),
            (&router, "POST /api/guard_that_breaks", JSON, "{}"),
            (&router, "POST /functions/guard_that_breaks", FORM, "arguments={}"),
            (&pages, "GET /panicking", FORM, ""),
        ] {
            let (head, text) = answer(router, target, kind, body).await;
            assert_eq!(head.status(), 500, "{target}: {text}");
            let header = |name| head.headers()[name].to_str().unwrap();
            assert!(text.contains(header("x-request-id")), "{target}: {text}");
            assert!(!text.contains("canary"), "{target}: {text}");
            for name in ["strict-transport-security", "content-security-policy"] {
                assert!(head.headers().contains_key(name), "{target}: no {name}");
            }
            let is_json = header("content-type").starts_with(JSON.1);
            assert_eq!(is_json, target.contains("/api/"), "{target}");
        }
        // The result of a call by form is shown on the page of the function.
        let target = "POST /functions/body_that_breaks";
        let shown = "/functions/body_that_breaks#reply".parse().unwrap();
        let (head, _) = answer(&router, target, FORM, "arguments={}").await;
        assert_eq!((head.status().as_u16(), &head.headers()["location"]), (303, &shown));
        // A page that waits for a call whose task has panicked must not wait for ever.
        for target in ["GET /function", "GET /guard"] {
            let (head, text) = answer(&pages, target, FORM, "").await;
            let reference = head.headers()["x-request-id"].to_str().unwrap();
            assert!(text.contains(reference) && !text.contains("canary"), "{target}: {text}");
        }
    }
    for (target, body) in [
        ("POST /api/login", r#"{"user_id":"user01","password":"user_01"}"#),
        ("POST /api/notauth_func", "{}"),
        ("GET /", ""),
        ("GET /functions/body_that_breaks", ""),
    ] {
        let (head, text) = answer(&router, target, JSON, body).await;
        assert_eq!(head.status(), 200, "{target}: {text}");
    }
}

/// Otherwise the browser would send the old token later, which counts as theft.
#[tokio::test]
async fn a_remembered_browser_gets_its_new_token_with_a_failure_too() {
    let data = tempfile::tempdir().unwrap();
    let (state, router) = demo_app(&data, 3600).await;
    let login = r#"{"user_id":"user01","password":"user_01","remember":true}"#;
    let (head, text) = answer(&router, "POST /api/login", JSON, login).await;
    assert_eq!(head.status(), 200, "{text}");
    let mut token = cookie(&head, "remember");
    let pages = broken_pages(&state);
    for (router, target) in [(&router, "POST /api/guard_that_breaks_later"), (&pages, "GET /later")] {
        let (head, text) = answer(router, target, ("cookie", &token), "").await;
        assert_eq!(head.status(), 500, "{target}: {text}");
        let next = cookie(&head, "remember");
        assert_ne!(next, token, "{target}");
        token = next;
    }
}

#[tokio::test]
async fn each_way_in_asks_the_guard_once() {
    let data = tempfile::tempdir().unwrap();
    let (state, router) = demo_app(&data, 3600).await;
    let pages = broken_pages(&state);
    for (router, target, kind, body) in [
        (&router, "POST /api/guard_that_counts", JSON, "{}"),
        (&router, "POST /functions/guard_that_counts", FORM, "arguments={}"),
        (&pages, "GET /counted", FORM, ""),
    ] {
        ASKED.store(0, Relaxed);
        let (head, text) = answer(router, target, kind, body).await;
        assert!(head.status().as_u16() < 400, "{target}: {text}");
        assert_eq!(ASKED.load(Relaxed), 1, "{target}");
    }
}

#[tokio::test]
async fn guard_and_body_share_the_time_of_a_call() {
    let data = tempfile::tempdir().unwrap();
    let (_state, router) = demo_app(&data, 1).await;
    let (slow, twice_as_slow) = tokio::join!(
        answer(&router, "POST /api/slow_guard", JSON, "{}"),
        answer(&router, "POST /api/slow_guard_and_body", JSON, "{}"),
    );
    assert_eq!(slow.0.status(), 200, "{}", slow.1);
    assert!(twice_as_slow.1.contains("call_too_slow"), "{}", twice_as_slow.1);
}

#[tokio::test]
async fn a_call_that_never_ends_is_given_up_and_logged() {
    let data = tempfile::tempdir().unwrap();
    let (state, router) = demo_app(&data, 1).await;
    let pages = broken_pages(&state);
    let (call, guard, page, form) = tokio::join!(
        answer(&router, "POST /api/call_that_never_ends", JSON, "{}"),
        answer(&router, "POST /api/guard_that_never_ends", JSON, "{}"),
        // The page ends although the call that it waits for runs in another task.
        answer(&pages, "GET /endless", FORM, ""),
        answer(&router, "POST /functions/call_that_never_ends", FORM, ""),
    );
    for (head, text) in [call, guard] {
        assert_eq!(head.status(), 503, "{text}");
        assert!(text.contains(r#""code":"call_too_slow""#), "{text}");
        // The call may have been executed in part, so a retry is not suggested.
        assert!(!head.headers().contains_key("retry-after"), "{text}");
    }
    assert!(page.1.contains("took too long"), "{}", page.1);
    let call = cookie(&form.0, "call");
    state.audit().write_all(DEADLINE).await;
    // Another server, with enough time for the page.
    let (state, router) = demo_app(&data, 3600).await;
    let (head, text) = answer(&router, "GET /functions/call_that_never_ends", ("cookie", &call), "").await;
    assert_eq!(head.status(), 200, "{text}");
    assert!(text.contains("call_too_slow"), "{text}");
    let logged = state.storage().list_calls(&EventFilter::default(), 10).await.unwrap();
    let outcomes: Vec<String> = logged.into_iter().map(|call| call.outcome).collect();
    assert_eq!(outcomes, ["call_too_slow"; 3]);
}
