//! Users and roles by the claims of a real provider.

use serde_json::json;

use super::{
    real::{KEY, Person, RealProvider, log_in, user},
    steps::{assert_failed, command, failure, identities, roles, run, users_of, wait_for_event},
};
use crate::support::{client::Client, server::Server};

const ROLES: &str = r#"
provision = "open"
exact_names = true
default_roles = ["welcome"]
roles = [
    { claim = "/groups", value = "ops", role = "support" },
    { claim = "/groups", value = "bosses", role = "admin" },
]
may_map_admin = true
"#;

async fn put_roles(server: &Server) {
    let admin = server.admin().await;
    for role in ["welcome", "support", "by-hand"] {
        admin.done("put_role", json!({"role": role, "permissions": []})).await;
    }
}

/// Logs ada in again with these groups, and gives her roles.
async fn roles_with(provider: &RealProvider, server: &Server, groups: &serde_json::Value) -> Vec<String> {
    provider.users(&[user("ada", &json!({"groups": groups}))]);
    let client = server.client();
    log_in(&client, &mut Person::default(), "ada")
        .await
        .assert_leads_to("/account");
    assert_eq!(client.who().await.as_deref(), Some("ada"));
    roles(server, "ada").await
}

#[tokio::test]
async fn an_unknown_account_gets_a_user_where_provisioning_is_open_and_none_where_it_is_closed() {
    let provider = RealProvider::start().await;
    let closed = provider.demo("").await;
    let client = closed.client();
    let reply = log_in(&client, &mut Person::default(), "ada").await;
    assert_failed(&client, &reply, "/login", "no_account").await;
    assert!(users_of(&closed, "subject of ada").await.is_empty());

    let open = provider.demo("provision = \"open\"").await;
    let (client, mut person) = (open.client(), Person::default());
    log_in(&client, &mut person, "ada").await.assert_leads_to("/account");
    let user = client.who().await.unwrap();
    assert!(user.starts_with("ada-") && user.len() == "ada-".len() + 5, "{user}");
    let page = client.get("/account").await;
    assert!(page.shows(&user) && page.shows("You have no password"), "{}", page.body);
    log_in(&open.client(), &mut person, "ada")
        .await
        .assert_leads_to("/account");
    assert_eq!(users_of(&open, "subject of ada").await, std::slice::from_ref(&user));

    let admin = open.admin().await;
    let shown = admin.done("show_user", json!({"user_id": user})).await;
    assert_eq!(shown["user"]["state"], "active", "an account elsewhere is a way in");
    wait_for_event(&client, &["identity_linked", "provider real"]).await;
    // Who has a way in needs no invitation.
    let reply = admin.call("invite_user", json!({"user_id": user})).await;
    reply.assert_refused(409, "conflict");
    let list = admin.done("list_users", json!({"state": "invited"})).await;
    assert!(!list.to_string().contains(&user), "{list}");
}

#[tokio::test]
async fn roles_follow_the_groups_at_each_login_and_those_given_by_hand_stay() {
    let provider = RealProvider::start().await;
    let server = provider.demo(ROLES).await;
    put_roles(&server).await;
    assert_eq!(roles_with(&provider, &server, &json!([])).await, ["welcome"]);
    let admin = server.admin().await;
    admin
        .done("give_role", json!({"user_id": "ada", "role": "by-hand"}))
        .await;
    for (groups, expected) in [
        (json!(["ops", "other"]), &["by-hand", "support", "welcome"][..]),
        // A claim that is not there says nothing.
        (json!(null), &["by-hand", "support", "welcome"]),
        (json!("bosses"), &["admin", "by-hand", "welcome"]),
        (json!(["ops", "bosses"]), &["admin", "by-hand", "support", "welcome"]),
        (json!([]), &["by-hand", "welcome"]),
    ] {
        assert_eq!(roles_with(&provider, &server, &groups).await, expected, "{groups}");
    }
    // What was given by hand and by the claim stays when the claim is gone.
    admin
        .done("give_role", json!({"user_id": "ada", "role": "support"}))
        .await;
    assert_eq!(
        roles_with(&provider, &server, &json!(["ops"])).await,
        ["by-hand", "support", "welcome"]
    );
    assert_eq!(
        roles_with(&provider, &server, &json!([])).await,
        ["by-hand", "support", "welcome"]
    );
    // A default role that was taken does not come back.
    admin
        .done("take_role", json!({"user_id": "ada", "role": "welcome"}))
        .await;
    assert_eq!(roles_with(&provider, &server, &json!([])).await, ["by-hand", "support"]);
    let client = server.client();
    log_in(&client, &mut Person::default(), "ada").await;
    wait_for_event(&client, &["roles_mapped", "support"]).await;
}

#[tokio::test]
async fn a_role_by_a_claim_works_at_once_also_in_a_session_that_is_there() {
    let provider = RealProvider::start().await;
    let server = provider.demo(ROLES).await;
    put_roles(&server).await;
    provider.users(&[user("ada", &json!({"groups": []}))]);
    let client = server.client();
    log_in(&client, &mut Person::default(), "ada").await;
    let may = async |client: &Client| client.call("list_users", json!({})).await.status;
    assert_eq!(may(&client).await, 403);
    assert_eq!(
        roles_with(&provider, &server, &json!(["bosses"])).await,
        ["admin", "welcome"]
    );
    assert_eq!(may(&client).await, 200);
    assert_eq!(roles_with(&provider, &server, &json!([])).await, ["welcome"]);
    assert_eq!(may(&client).await, 403);
}

/// Nobody could give that role again.
#[tokio::test]
async fn the_last_administrator_keeps_that_role_whatever_the_claims_say() {
    let provider = RealProvider::start().await;
    let server = provider.demo(ROLES).await;
    put_roles(&server).await;
    assert_eq!(
        roles_with(&provider, &server, &json!(["bosses"])).await,
        ["admin", "welcome"]
    );
    let mut database = server.place.database().await;
    database.change("DELETE FROM user_roles WHERE role = 'admin'").await;
    assert_eq!(roles_with(&provider, &server, &json!([])).await, ["admin", "welcome"]);
    assert!(
        server.place.log().contains("last administrator"),
        "{}",
        server.place.log()
    );
    // Their account is their only way in, and counts as one.
    let client = server.client();
    log_in(&client, &mut Person::default(), "ada").await;
    let identity = identities(&client).await[0].clone();
    assert_eq!(identity["can_unlink"], false, "{identity}");
    let line = format!("identity remove ada {}", identity["id"].as_str().unwrap());
    let ran = run(&server, &line).await;
    assert!(!ran.worked, "{}", ran.printed);
    // With another administrator, the claim counts again.
    command(&server, "role give user03 admin").await;
    assert_eq!(roles_with(&provider, &server, &json!([])).await, ["welcome"]);
}

#[tokio::test]
async fn a_role_that_is_not_there_is_given_to_nobody_and_logged() {
    let provider = RealProvider::start().await;
    let rule = "provision = \"open\"\nexact_names = true\ndefault_roles = [\"nowhere\"]\n\
                roles = [{ claim = \"/groups\", value = \"ops\", role = \"nothing\" }]";
    let server = provider.demo(rule).await;
    assert!(roles_with(&provider, &server, &json!(["ops"])).await.is_empty());
    let log = server.place.log();
    assert!(log.contains("nothing") && log.contains("nowhere"), "{log}");
}

#[tokio::test]
async fn an_invited_person_takes_an_account_elsewhere_instead_of_a_password() {
    let provider = RealProvider::start().await;
    let server = provider.demo("").await;
    let admin = server.admin().await;
    let invite = async |user: &str| {
        let reply = admin.done("invite_user", json!({"user_id": user})).await;
        reply["link"].as_str().unwrap().split_once('#').unwrap().1.to_owned()
    };
    let code = invite("carol").await;
    let client = server.client();
    let page = client.get("/welcome?user=carol").await;
    assert!(page.shows("/welcome/with/real"), "{}", page.body);
    // A wrong code leads nowhere.
    let reply = client.form("/welcome/with/real", &[("code", "canary")]).await;
    assert_eq!(reply.find("refresh"), None, "{}", reply.body);

    let departure = super::steps::begin_at(&client, "/welcome/with/real", &[("code", &code)]).await;
    assert!(!departure.url.as_str().contains(&code));
    let url = Person::default().log_in(&departure.url, "ada").await;
    let reply = super::real::follow(&client, &url).await;
    assert_eq!(failure(&reply), None, "{:?}", reply.find("location"));
    assert_eq!(client.who().await.as_deref(), Some("carol"));
    assert_eq!(users_of(&server, "subject of ada").await, ["carol"]);
    assert_eq!(identities(&client).await[0]["provider"], KEY);
    // The link is used up, and does not set a password any more.
    let choose = json!({"code": code, "new_password": "seven small brown zebras"});
    server
        .client()
        .call("choose_password", choose)
        .await
        .assert_refused(404, "not_found");
    let shown = admin.done("show_user", json!({"user_id": "carol"})).await;
    assert_eq!(shown["user"]["state"], "active");

    // An account that belongs to somebody is not taken, and the link stays good.
    let code = invite("dora").await;
    let client = server.client();
    let departure = super::steps::begin_at(&client, "/welcome/with/real", &[("code", &code)]).await;
    let url = Person::default().log_in(&departure.url, "ada").await;
    let reply = super::real::follow(&client, &url).await;
    assert_eq!(failure(&reply).expect("it is carol's").1, "linked_elsewhere");
    assert_eq!(users_of(&server, "subject of ada").await, ["carol"]);
    let choose = json!({"code": code, "new_password": "seven small brown zebras"});
    assert_eq!(server.client().call("choose_password", choose).await.status, 200);
}

#[tokio::test]
async fn a_link_that_is_used_or_replaced_while_a_person_is_at_the_provider_links_nothing() {
    let provider = RealProvider::start().await;
    let server = provider.demo("").await;
    let admin = server.admin().await;
    for way in ["used", "replaced"] {
        let user = format!("carol-{way}");
        let reply = admin.done("invite_user", json!({"user_id": user})).await;
        let code = reply["link"].as_str().unwrap().split_once('#').unwrap().1.to_owned();
        let client = server.client();
        let departure = super::steps::begin_at(&client, "/welcome/with/real", &[("code", &code)]).await;
        let url = Person::default().log_in(&departure.url, "bob").await;
        if way == "used" {
            let choose = json!({"code": code, "new_password": "seven small brown zebras"});
            assert_eq!(server.client().call("choose_password", choose).await.status, 200);
        } else {
            admin.done("invite_user", json!({"user_id": user})).await;
        }
        let reply = super::real::follow(&client, &url).await;
        assert!(failure(&reply).is_some(), "{way}");
        assert_eq!(client.who().await, None, "{way}");
        assert!(users_of(&server, "subject of bob").await.is_empty(), "{way}");
    }
}
