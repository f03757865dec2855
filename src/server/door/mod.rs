//! The doors: every way from HTTP to a function or a page.
//!
//! Three doors lead to the functions, and none of them decides anything: JSON ([`json`]), forms without script
//! ([`form`]), and pages that call while they are rendered ([`page`]). Leptos' own HTTP handler for server functions is
//! not used: it answers 500 or a redirect where a client needs a status, and reads bodies of any type.
//!
//! What a request passes, outermost to innermost: the entrance, the headers of every answer, the refusal of too many headers
//! and of ambiguous requests, panics, other origins, the session, and in it panics again, the door. Health and files stand before
//! other origins. All
//! of it is one piece of plain code, `Doors::let_in`, and not a pile of layers: a call to a function goes straight through, and
//! what holds for every request is read from top to bottom.

pub mod body;
pub mod entrance;
pub mod export;
pub mod files;
pub mod form;
pub mod framing;
pub mod headers;
pub mod health;
pub mod json;
pub mod openapi;
pub mod origin;
pub mod page;
pub mod panic;
pub mod reply;

use std::{
    convert::Infallible,
    future::{Ready, ready},
    mem,
    pin::pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes, HttpBody},
    extract::{Request, State},
    http::{self, StatusCode},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use futures::future::BoxFuture;
use tower::{BoxError, Service, ServiceExt as _};

use self::{entrance::Entrance, page::Pages, reply::Reader};
use super::{
    https::{connection::Connection, listener::Peer, stalled},
    services::Services,
    sessions::carry::{bring_in, take_out},
    site::Site,
    under_way,
};
use crate::contract::page::CHANGE_PASSWORD;

/// All doors of the HTTPS listener, as one connection finds them.
#[derive(Clone)]
pub struct Doors(Arc<House>);

struct House {
    connection: Option<Connection>,
    services: Services,
    entrance: Entrance,
    /// Everything but the functions.
    rooms: Router,
    /// How long a client may take nothing of an answer.
    patience: Duration,
}

impl Doors {
    /// The doors of this server, with the files of its browser part.
    pub fn new(services: &Services, site: &Site) -> Self {
        under_way::follow_leptos();
        let pages = Pages::new(services.clone(), site.program());
        let rooms = for_everybody(services, site).fallback_service(with_caller(&pages));
        Self::to(services, rooms)
    }

    /// Doors to the functions, and to those rooms.
    pub fn to(services: &Services, rooms: Router) -> Self {
        Self(Arc::new(House {
            connection: None,
            services: services.clone(),
            entrance: Entrance::new(services),
            rooms,
            patience: Duration::from_secs(services.settings().https.body_seconds),
        }))
    }

    /// The same for a connection. Its calls of functions change nothing that other connections share.
    fn of(&self, connection: Connection) -> Self {
        let services = self.0.services.apart();
        Self(Arc::new(House {
            connection: Some(connection),
            entrance: Entrance::new(&services),
            services,
            rooms: self.0.rooms.clone(),
            patience: self.0.patience,
        }))
    }

    // A request is lent to whatever looks at it: each hand that it is given to would keep room for it.
    async fn answer(&self, request: &mut Request) -> Response {
        let House {
            connection, entrance, ..
        } = &*self.0;
        let admitted = entrance.admit(connection.as_ref(), request);
        let response = entrance.serve(admitted, pin!(self.let_in(request))).await;
        stalled::watch(response, self.0.patience)
    }

    async fn let_in(&self, request: &mut Request) -> Response {
        let mut response = if headers::are_too_many(request) {
            StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE.into_response()
        } else if let Some(refused) = framing::refuse_ambiguous(request) {
            refused
        } else {
            panic::catch(Reader::of(request.uri().path()), self.open(request)).await
        };
        headers::add(&mut response);
        response
    }

    /// Opens the door that a request is for.
    async fn open(&self, request: &mut Request) -> Response {
        let House {
            connection,
            services,
            rooms,
            ..
        } = &*self.0;
        let connection = connection.as_ref();
        if !json::is_for(request.uri().path()) {
            if let Some(connection) = connection {
                request.extensions_mut().insert(connection.clone());
            }
            return match Box::pin(rooms.clone().oneshot(mem::take(request))).await {
                Ok(response) => response,
                Err(never) => match never {},
            };
        }
        if !origin::is_allowed(services, request) {
            return Box::pin(origin::refuse(services, request)).await;
        }
        let caller = bring_in(services, connection, request);
        // Caught here already: whoever was logged in anew by then gets the cookies of that, or would look like a thief later.
        let response = panic::catch(Reader::Program, json::call(services, &caller, request)).await;
        take_out(&caller, connection, Reader::Program, response).await
    }
}

impl<B> Service<http::Request<B>> for Doors
where
    B: HttpBody<Data = Bytes> + Send + 'static,
    B::Error: Into<BoxError>,
{
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let doors = self.clone();
        let mut request = request.map(Body::new);
        Box::pin(async move { Ok(doors.answer(&mut request).await) })
    }
}

/// The doors for each connection.
#[derive(Clone)]
pub struct DoorsForAll(pub Doors);

impl Service<Peer> for DoorsForAll {
    type Response = Doors;
    type Error = Infallible;
    type Future = Ready<Result<Doors, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, peer: Peer) -> Self::Future {
        ready(Ok(self.0.of(Connection::new(peer))))
    }
}

/// What is the same for everybody, and knows of no session.
fn for_everybody(services: &Services, site: &Site) -> Router {
    files::routes(site).merge(health::routes(services.clone()))
}

/// What knows who calls, but for the functions. A guard is asked inside, not here.
fn with_caller(pages: &Pages) -> Router {
    let services = pages.services();
    Router::new()
        .route(openapi::PATH, get(openapi::show).fallback(openapi::only_get))
        .route("/login", post(form::login).get(page::show))
        .route("/confirm", post(form::confirm).get(page::show))
        .route("/logout", post(form::logout))
        .route(CHANGE_PASSWORD, get(page::show_to_fresh_login))
        .route("/functions/{name}", post(form::call).get(page::show))
        .route("/functions/{name}/kept", post(form::resume))
        .route("/audit/events.jsonl", get(export::events))
        .merge(pages.routes())
        .fallback(page::not_found)
        .method_not_allowed_fallback(page::method_not_allowed)
        .with_state(pages.clone())
        .layer(from_fn_with_state(services.clone(), know_caller))
}

/// The middleware of what knows who calls.
pub async fn know_caller(State(services): State<Services>, mut request: Request, next: Next) -> Response {
    if !origin::is_allowed(&services, &request) {
        return origin::refuse(&services, &mut request).await;
    }
    let connection = request.extensions().get::<Connection>().cloned();
    let reader = Reader::of(request.uri().path());
    let caller = bring_in(&services, connection.as_ref(), &request);
    request.extensions_mut().insert(caller.clone());
    let response = panic::catch(reader, next.run(request)).await;
    take_out(&caller, connection.as_ref(), reader, response).await
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::server::settings::Settings;

    /// The paths of a router, as its debug output lists them: there is no other way to ask.
    fn paths(router: &Router) -> BTreeSet<String> {
        let text = format!("{router:?}");
        let quoted = text.split('"').skip(1).step_by(2);
        quoted
            .filter(|path| path.starts_with('/') && !path.contains("__private"))
            .map(str::to_owned)
            .collect()
    }

    /// `guards::every_route_answers_every_kind_of_caller_as_the_table_says` calls each of them.
    #[tokio::test]
    async fn every_route_stands_in_the_table_that_is_tested() {
        under_way::follow_leptos();
        let services = Services::in_memory(Settings::defaults().unwrap()).await.unwrap();
        let site = Site::Folder("nowhere".into());
        let pages = Pages::new(services.clone(), site.program());
        let table = include_str!("../../../tests/support/routes.txt");
        let listed: BTreeSet<String> = table
            .lines()
            .filter_map(|line| line.split_whitespace().nth(1))
            .filter(|path| path.starts_with('/'))
            .map(str::to_owned)
            .collect();
        let functions = ["/api", "/api/", "/api/{*name}"].map(str::to_owned);
        let mut routed = BTreeSet::from(functions);
        routed.append(&mut paths(&for_everybody(&services, &site)));
        routed.append(&mut paths(&with_caller(&pages)));
        assert_eq!(routed, listed);
    }
}
