//! Steps that the tests of several files repeat.

use std::{collections::BTreeMap, fs, os::unix::fs::PermissionsExt as _, sync::Arc};

use serde_json::{Map, Value, json};
use url::Url;

use super::{
    forge::Draft,
    hostile::{Grant, Issuer},
};
use crate::support::{
    client::{Client, Reply},
    place::{Place, Ran},
    poll::until,
    server::{Server, UNTHROTTLED},
};

pub const SECRET: &str = "canary-client-secret";

/// The section of a provider in the settings.
pub fn section(key: &str, issuer: &str, more: &str) -> String {
    format!(
        "[[providers]]\nkey = \"{key}\"\nname = \"Provider {key}\"\nissuer = \"{issuer}\"\nclient_id = \"callgate\"\n\
         client_secret_file = \"secret\"\n{more}\n"
    )
}

/// The section of an issuer of the hostile provider.
pub fn section_of(issuer: &Issuer, more: &str) -> String {
    section(&issuer.key, &issuer.url, more)
}

pub const SETTINGS: (&str, &str) = ("CALLGATE_SETTINGS", "providers.toml");

/// Writes the settings of a place.
pub fn write_settings(place: &Place, sections: &[String]) {
    fs::write(place.path(SETTINGS.1), sections.concat()).unwrap();
    let secret = place.path("secret");
    fs::write(&secret, format!("{SECRET}\n")).unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
}

/// A place with these providers.
pub fn place(sections: &[String]) -> Arc<Place> {
    let place = Place::new();
    write_settings(&place, sections);
    place
}

/// A demo with these providers.
pub async fn demo(sections: &[String]) -> Server {
    demo_with(sections, &[]).await
}

/// The same with variables.
pub async fn demo_with(sections: &[String], variables: &[(&str, &str)]) -> Server {
    place(sections)
        .demo(&[UNTHROTTLED, &[SETTINGS], variables].concat())
        .await
}

/// Runs a command with the settings of the place.
pub async fn run(server: &Server, line: &str) -> Ran {
    let words: Vec<&str> = line.split(' ').collect();
    server.place.run_with(&words, "", &[SETTINGS]).await
}

/// The same for a command that must work. Gives what it printed.
pub async fn command(server: &Server, line: &str) -> String {
    let ran = run(server, line).await;
    assert!(ran.worked, "{line}: {}", ran.error);
    ran.printed
}

/// Links an account to a user as an operator does.
pub async fn link(server: &Server, user: &str, key: &str, subject: &str) {
    let line = ["identity", "add", user, "--provider", key, "--subject", subject];
    let ran = server.place.run_with(&line, "", &[SETTINGS]).await;
    assert!(ran.worked, "{line:?}: {}", ran.error);
}

/// The way to a provider, as the page says it that leads there.
#[derive(Debug)]
pub struct Departure {
    pub url: Url,
    pub parameters: BTreeMap<String, String>,
}

impl Departure {
    pub fn parameter(&self, name: &str) -> &str {
        let value = self.parameters.get(name);
        value.unwrap_or_else(|| panic!("no {name} in {}", self.url))
    }

    pub fn state(&self) -> &str {
        self.parameter("state")
    }
}

/// Begins a login that is to lead to the account page.
pub async fn begin(client: &Client, key: &str) -> Departure {
    begin_at(client, &format!("/login/with/{key}"), &[("next", "/account")]).await
}

/// Begins with the form at this path. The answer is a page that leads on by itself.
pub async fn begin_at(client: &Client, path: &str, fields: &[(&str, &str)]) -> Departure {
    departure(&client.form(path, fields).await)
}

/// Where the page leads that a start is answered with.
#[track_caller]
pub fn departure(reply: &Reply) -> Departure {
    assert_eq!(reply.status, 200, "{:?} {}", reply.find("location"), reply.body);
    assert_eq!(reply.header("cache-control"), "no-store");
    let refresh = reply.header("refresh");
    let address = refresh.strip_prefix("0; url=").unwrap_or_else(|| panic!("{refresh}"));
    let url = Url::parse(address).unwrap();
    let link = format!(r#"href="{}""#, address.replace('&', "&amp;"));
    assert!(reply.shows(&link), "no {link}: {}", reply.body);
    assert!(reply.shows(url.host_str().unwrap()), "{}", reply.body);
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let parameters: BTreeMap<String, String> = pairs.iter().cloned().collect();
    assert_eq!(parameters.len(), pairs.len(), "a parameter comes twice: {url}");
    Departure { url, parameters }
}

/// What a person brings back from the provider.
pub struct Return<'a> {
    departure: &'a Departure,
    issuer: &'a Issuer,
    grant: Grant,
}

impl<'a> Return<'a> {
    /// An account with this subject, as it should be.
    pub fn of(issuer: &'a Issuer, departure: &'a Departure, subject: &str) -> Self {
        let grant = Grant {
            nonce: departure.parameter("nonce").to_owned(),
            challenge: departure.parameter("code_challenge").to_owned(),
            subject: subject.to_owned(),
            claims: Map::new(),
            attack: Box::new(|_| {}),
            answer: Box::new(|_| {}),
        };
        Self {
            departure,
            issuer,
            grant,
        }
    }

    /// With these claims in the ID token.
    pub fn claims(mut self, claims: &Value) -> Self {
        self.grant.claims.extend(claims.as_object().unwrap().clone());
        self
    }

    /// With an ID token that was made for another login.
    pub fn nonce_of(mut self, other: &Departure) -> Self {
        other.parameter("nonce").clone_into(&mut self.grant.nonce);
        self
    }

    /// With another answer to the code.
    pub fn answer(mut self, change: impl Fn(&mut Value) + Send + 'static) -> Self {
        self.grant.answer = Box::new(change);
        self
    }

    /// With an ID token that is changed before it is signed.
    pub fn attack(mut self, attack: impl Fn(&mut Draft) + Send + 'static) -> Self {
        self.grant.attack = Box::new(attack);
        self
    }

    /// The code, before the callback is opened.
    pub fn code(self) -> String {
        self.issuer.grant(self.grant)
    }

    /// Opens the callback.
    pub async fn open(self, client: &Client) -> Reply {
        let (key, url, state) = (&self.issuer.key, &self.issuer.url, self.departure.state());
        let code = self.issuer.grant(self.grant);
        callback(client, key, &[("code", &code), ("state", state), ("iss", url)]).await
    }
}

/// Opens the callback with these parameters. Whatever comes of it, the answer leads to an address of ours that holds nothing of
/// the query.
pub async fn callback(client: &Client, key: &str, query: &[(&str, &str)]) -> Reply {
    let text = serde_urlencoded::to_string(query).unwrap();
    let reply = client.get(&format!("/login/with/{key}/callback?{text}")).await;
    assert_eq!(reply.status, 303, "{}", reply.body);
    assert_eq!(reply.header("cache-control"), "no-store");
    let location = reply.header("location");
    assert!(location.starts_with('/') && !location.starts_with("//"), "{location}");
    for part in ["code=", "state=", "iss=", "canary"] {
        assert!(!location.contains(part), "{location}");
    }
    reply
}

/// Logs in with an account.
pub async fn log_in(client: &Client, issuer: &Issuer, subject: &str) -> Reply {
    log_in_as(client, issuer, subject, &json!({})).await
}

/// The same with these claims.
pub async fn log_in_as(client: &Client, issuer: &Issuer, subject: &str, claims: &Value) -> Reply {
    let departure = begin(client, &issuer.key).await;
    Return::of(issuer, &departure, subject)
        .claims(claims)
        .open(client)
        .await
}

/// The path and the code of a failure that a callback leads to, if it failed.
pub fn failure(reply: &Reply) -> Option<(String, String)> {
    let url = Url::parse("https://site.example")
        .unwrap()
        .join(reply.header("location"))
        .unwrap();
    let mut pairs = url.query_pairs();
    let code = pairs
        .find(|(name, _)| name == "failed")
        .map(|(_, code)| code.into_owned())?;
    Some((url.path().to_owned(), code))
}

/// Fails unless the callback leads there with this failure, and that page says something about it.
pub async fn assert_failed(client: &Client, reply: &Reply, path: &str, code: &str) {
    assert_eq!(
        failure(reply),
        Some((path.to_owned(), code.to_owned())),
        "{:?}",
        reply.find("location")
    );
    let page = client.get(reply.header("location")).await;
    assert!(page.shows(r#"class="notice bad""#), "{}", page.body);
    assert!(!page.shows("canary"), "{}", page.body);
}

/// Everything that a failed login must leave as it was.
pub async fn state(server: &Server) -> Vec<(String, String, String)> {
    server.place.database().await.state().await
}

/// The names of the users of a linked account.
pub async fn users_of(server: &Server, subject: &str) -> Vec<String> {
    let users = format!("SELECT user_id FROM identities WHERE subject = '{subject}'");
    server.place.database().await.texts(&users).await
}

/// Whether the guard of a fresh login allows a call. The argument is invalid, so nothing changes.
pub async fn is_fresh(client: &Client) -> bool {
    let reply = client.call("change_password", json!({"new_password": "x"})).await;
    match (reply.status, reply.code().as_str()) {
        (422, "invalid_arguments") => true,
        (403, "fresh_login_required") => false,
        _ => panic!("{}", reply.body),
    }
}

/// Waits until the audit log, in which others write for the user of a browser, has an event with all of this.
pub async fn wait_for_event(client: &Client, parts: &[&str]) {
    until(&format!("an event {parts:?}"), async || {
        let events = client.done("my_events", json!({})).await;
        let mut events = events["events"].as_array().unwrap().iter().map(Value::to_string);
        events.any(|event| parts.iter().all(|part| event.contains(part)))
    })
    .await;
}

/// The linked accounts of the user of a browser.
pub async fn identities(client: &Client) -> Vec<Value> {
    let list = client.done("my_identities", json!({})).await;
    list["identities"].as_array().unwrap().clone()
}

/// The roles of a user, by hand or by claims.
pub async fn roles(server: &Server, user: &str) -> Vec<String> {
    let roles = format!("SELECT DISTINCT role FROM granted_roles WHERE user_id = '{user}' ORDER BY role");
    server.place.database().await.texts(&roles).await
}
