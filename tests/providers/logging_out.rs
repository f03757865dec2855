//! Logouts here, and at a real provider.

use url::Url;

use super::{
    real::{KEY, Page, Person, RealProvider, log_in},
    steps::{begin, departure, link, wait_for_event},
};
use crate::support::{
    client::{Client, REMEMBER, SESSION},
    page::{main_part, unescaped},
    poll::until,
    server::Server,
};

const ADA: &str = "subject of ada";

async fn site(more: &str) -> (RealProvider, Server) {
    let provider = RealProvider::start().await;
    let server = provider.demo(more).await;
    link(&server, "user01", KEY, ADA).await;
    (provider, server)
}

/// The address that a link of a page leads to whose text contains this.
fn link_of(page: &str, text: &str) -> Url {
    let page = unescaped(page);
    let link = page
        .split("<a ")
        .find(|part| part.split("</a>").next().unwrap().contains(text));
    let link = link.unwrap_or_else(|| panic!("no {text}: {page}"));
    let (_, href) = link.split_once("href=\"").unwrap();
    Url::parse(href.split('"').next().unwrap()).unwrap()
}

/// Presses "Log out" at the provider.
async fn confirm(person: &mut Person, page: &Page) -> Page {
    let (_, rest) = page.body.split_once("name=\"xsrf\" value=\"").expect("the form");
    let xsrf = rest.split('"').next().unwrap();
    let action = page.url.join("/session/end/confirm").unwrap();
    person.send(&action, &[("xsrf", xsrf), ("logout", "yes")]).await
}

/// Whether the provider still knows the person.
async fn is_known(client: &Client, person: &mut Person) -> bool {
    let departure = begin(client, KEY).await;
    // Callgate may ask for a choice of the account after a logout. That is not what is looked at.
    let mut url = departure.url.clone();
    let left = departure.parameters.iter().filter(|(name, _)| *name != "prompt");
    url.query_pairs_mut().clear().extend_pairs(left);
    !person.is_asked(&url).await
}

#[tokio::test]
async fn a_logout_ends_the_session_here_and_offers_the_one_at_the_provider() {
    let (_provider, server) = site("").await;
    let (client, mut person) = (server.client(), Person::default());
    log_in(&client, &mut person, "ada").await.assert_leads_to("/account");
    let session = client.session();
    let reply = client.form("/logout", &[]).await;
    reply.assert_leads_to("/logged-out?with=real");
    assert_eq!(client.cookie(SESSION), None);
    assert_eq!(client.with_only(SESSION, &session).who().await, None);
    let page = client.get("/logged-out?with=real").await;
    let url = link_of(&page.body, "Log out at Provider real");
    assert!(url.as_str().contains("client_id=callgate"), "{url}");
    assert!(!url.as_str().contains("id_token_hint"), "{url}");
    assert!(
        is_known(&client, &mut person).await,
        "not there, as long as nobody asks for it"
    );

    let shown = person.open(&url).await;
    let back = confirm(&mut person, &shown).await;
    assert_eq!(back.url.path(), "/logged-out");
    let page = client.get(&back.url[url::Position::BeforePath..]).await;
    assert!(
        page.status == 200 && page.shows("You are logged out here."),
        "{}",
        page.body
    );
    assert!(!is_known(&client, &mut person).await);

    // Who came by password is not bothered with it.
    let client = server.user01().await;
    client.form("/logout", &[]).await.assert_leads_to("/");
}

#[tokio::test]
async fn a_logout_leads_to_the_provider_where_the_settings_say_so_and_not_where_they_say_never() {
    let (_provider, server) = site("logout = \"always\"").await;
    let client = server.client();
    log_in(&client, &mut Person::default(), "ada").await;
    let reply = client.form("/logout", &[]).await;
    assert_eq!(client.who().await, None, "first of all it ends here");
    let leads_to = departure(&reply);
    assert!(leads_to.url.path().ends_with("/session/end"), "{}", leads_to.url);
    assert_eq!(
        leads_to.parameter("post_logout_redirect_uri"),
        format!("{}/logged-out", client.origin())
    );

    let (_provider, server) = site("logout = \"never\"").await;
    let client = server.client();
    log_in(&client, &mut Person::default(), "ada").await;
    client.form("/logout", &[]).await.assert_leads_to("/");
    assert!(!client.get("/logged-out?with=real").await.shows("session/end"));
}

#[tokio::test]
async fn a_logout_at_the_provider_ends_the_sessions_and_remembered_browsers_that_came_by_it() {
    let (provider, server) = site("remember = true").await;
    let mut person = Person::default();
    let clients = [server.client(), server.client()];
    for client in &clients {
        let fields = [("next", "/account"), ("remember", "on")];
        let departure = super::steps::begin_at(client, "/login/with/real", &fields).await;
        let url = person.log_in(&departure.url, "ada").await;
        super::real::follow(client, &url).await.assert_leads_to("/account");
        assert!(client.cookie(REMEMBER).is_some());
    }
    // The same person in another browser, with another session at the provider.
    let elsewhere = server.client();
    log_in(&elsewhere, &mut Person::default(), "ada").await;
    let by_password = server.user01().await;

    let end = Url::parse(&format!("{}/session/end?client_id=callgate", provider.issuer)).unwrap();
    let shown = person.open(&end).await;
    confirm(&mut person, &shown).await;
    for client in &clients {
        until("the logout", async || client.clone().who().await.is_none()).await;
        // The remembered browser does not bring it back.
        let reopened = client.clone();
        reopened.drop_cookie(SESSION);
        assert_eq!(reopened.who().await, None, "{}", provider.log());
    }
    assert_eq!(
        elsewhere.who().await.as_deref(),
        Some("user01"),
        "another session there"
    );
    assert_eq!(by_password.who().await.as_deref(), Some("user01"));
    wait_for_event(&by_password, &["sessions_revoked", "provider real"]).await;
}

#[tokio::test]
async fn the_page_after_a_logout_is_readable_by_anybody_and_starts_nothing() {
    let (provider, server) = site("").await;
    let client = server.client();
    for path in [
        "/logged-out",
        "/logged-out?state=canary",
        "/logged-out?with=canary",
        "/logged-out?with=real",
    ] {
        let page = client.get(path).await;
        assert_eq!(
            (page.status, page.find("refresh"), page.find("location")),
            (200, None, None),
            "{path}"
        );
        // The footer leads back to this address, and holds it as such.
        assert!(!main_part(&page).contains("canary"), "{}", page.body);
    }
    assert_eq!(server.place.database().await.count("login_flows").await, 0);
    // Without the provider it is the same without its link.
    drop(provider);
    let fresh = super::steps::demo(&[super::steps::section("gone", "http://127.0.0.1:9", "")]).await;
    let page = fresh.client().get("/logged-out?with=gone").await;
    assert_eq!(page.status, 200);
}
