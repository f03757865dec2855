use super::*;
use crate::{
    contract::{audit::Action, user::UserState},
    server::{
        model::login::SessionKey,
        storage::{
            new_identity::{LinkOutcome, NewIdentity},
            new_session::{NewSession, Replaced},
            roles::UpdateOutcome,
            users::NewUser,
        },
    },
};

const ISSUER: &str = "https://id.example.org";
const FORMER: &str = "https://former.example.org";

fn hash(name: &str) -> TokenHash {
    TokenHash::of(name.as_bytes())
}

fn event() -> Event {
    Event::by_operator(Action::IdentityUnlinked)
}

async fn storage() -> Storage {
    Storage::in_memory().await.unwrap().with_issuers([ISSUER])
}

async fn add_user(storage: &Storage, user_id: &str, password_hash: &str, roles: &[&str]) {
    let roles: Vec<String> = roles.iter().map(|&role| role.to_owned()).collect();
    let user = NewUser {
        user_id,
        password_hash,
        demo: false,
        roles: &roles,
        link: None,
    };
    let added = storage.add_user(&user, Timestamp(1), &[]).await.unwrap();
    assert_eq!(added, UpdateOutcome::Done);
}

/// Links an account. Its id is also its subject.
async fn link(storage: &Storage, user_id: &str, id: &str, issuer: &str) -> LinkOutcome {
    let new = NewIdentity {
        id,
        issuer,
        subject: id,
        user_id,
        label: "",
        linked_by: "ada",
    };
    storage.link_identity(&new, None, Timestamp(1), &event()).await.unwrap()
}

async fn unlink(storage: &Storage, user_id: &str, id: &str, may_be_last: bool) -> UnlinkOutcome {
    let unlink = Unlink {
        user_id,
        id,
        renewed: None,
        may_be_last,
    };
    storage.unlink_identity(&unlink, &event()).await.unwrap()
}

/// Logs in with an account. Returns whether the session was stored.
async fn log_in(storage: &Storage, user_id: &str, identity: &str, token: &str) -> bool {
    let session = NewSession {
        token: &hash(token),
        login_id: token,
        user_id,
        series: None,
        data: "{}",
        logged_in_at: Timestamp(1),
        ends_at: None,
        identity: Some(identity),
        sid: None,
        address: "",
        user_changed_at: 1,
        browser: None,
        replaced: &Replaced::default(),
        surplus: &Event::of_surplus(user_id, ""),
    };
    storage.add_session(&session, 9, Timestamp(1)).await.unwrap().is_some()
}

async fn sessions(storage: &Storage) -> Vec<String> {
    query_scalar("SELECT login_id FROM sessions ORDER BY login_id")
        .fetch_all(&storage.reader)
        .await
        .unwrap()
}

#[tokio::test]
async fn an_account_belongs_to_one_user() {
    let storage = storage().await;
    add_user(&storage, "ada", "x", &[]).await;
    add_user(&storage, "bob", "x", &[]).await;
    assert_eq!(link(&storage, "ada", "one", ISSUER).await, LinkOutcome::Done);
    assert_eq!(link(&storage, "ada", "one", ISSUER).await, LinkOutcome::Unchanged);
    assert_eq!(link(&storage, "bob", "one", ISSUER).await, LinkOutcome::LinkedElsewhere);
    assert_eq!(link(&storage, "nobody", "two", ISSUER).await, LinkOutcome::Outdated);
    let found = storage.find_identity(ISSUER, "one").await.unwrap().unwrap();
    assert_eq!(found.user_id, "ada");
    // Exact bytes of both.
    assert!(storage.find_identity(ISSUER, "One").await.unwrap().is_none());
    assert!(storage.find_identity(FORMER, "one").await.unwrap().is_none());
}

#[tokio::test]
async fn an_account_is_linked_only_while_the_session_of_its_user_lasts() {
    let storage = storage().await;
    add_user(&storage, "ada", "x", &[]).await;
    add_user(&storage, "bob", "x", &[]).await;
    assert_eq!(link(&storage, "ada", "one", ISSUER).await, LinkOutcome::Done);
    assert!(log_in(&storage, "ada", "one", "session").await);
    let session = SessionKey {
        token: hash("renewed"),
        id: "session".to_owned(),
    };
    let link = async |user_id, id| {
        let new = NewIdentity {
            id,
            issuer: ISSUER,
            subject: id,
            user_id,
            label: "",
            linked_by: user_id,
        };
        let linked = storage
            .link_identity(&new, Some(&session), Timestamp(1), &event())
            .await;
        linked.unwrap()
    };
    assert_eq!(
        link("bob", "two").await,
        LinkOutcome::Outdated,
        "the session of another user"
    );
    assert_eq!(link("ada", "two").await, LinkOutcome::Done);
    storage.end_session("ada", &session).await.unwrap();
    assert_eq!(link("ada", "three").await, LinkOutcome::Outdated);
}

#[tokio::test]
async fn the_only_way_to_log_in_stays_and_unlinking_ends_the_sessions_of_the_account() {
    let storage = storage().await;
    add_user(&storage, "ada", "", &[]).await;
    for (id, issuer) in [("one", ISSUER), ("two", ISSUER), ("old", FORMER)] {
        assert_eq!(link(&storage, "ada", id, issuer).await, LinkOutcome::Done);
        assert!(log_in(&storage, "ada", id, id).await);
    }
    assert_eq!(unlink(&storage, "bob", "one", false).await, UnlinkOutcome::NotFound);
    assert_eq!(unlink(&storage, "ada", "one", false).await, UnlinkOutcome::Done);
    assert_eq!(sessions(&storage).await, ["old", "two"]);
    assert!(
        !log_in(&storage, "ada", "one", "late").await,
        "a login that was in progress"
    );
    // The other account is at a provider that is not configured.
    assert_eq!(unlink(&storage, "ada", "two", false).await, UnlinkOutcome::LastWayIn);
    assert_eq!(unlink(&storage, "ada", "two", true).await, UnlinkOutcome::Done);
    let stranded = storage.count_stranded().await.unwrap();
    assert_eq!(stranded, Stranded { users: 1, admins: 0 });
}

#[tokio::test]
async fn an_account_at_a_configured_provider_is_a_way_in() {
    let storage = storage().await;
    for (user_id, identity, issuer, state) in [
        ("ada", "one", ISSUER, UserState::Active),
        ("bob", "two", FORMER, UserState::Invited),
    ] {
        add_user(&storage, user_id, "", &[]).await;
        assert_eq!(link(&storage, user_id, identity, issuer).await, LinkOutcome::Done);
        let listed = storage.find_listed(user_id).await.unwrap().unwrap();
        assert_eq!(listed.state(), state, "{user_id}");
        let filter = crate::server::storage::user_lists::UserFilter {
            state: Some(state),
            ..Default::default()
        };
        let page = storage.list_user_page(&filter, 9).await.unwrap();
        assert_eq!(page.len(), 1, "{user_id}");
        assert_eq!(page[0].user_id, user_id);
    }
}

#[tokio::test]
async fn the_last_administrator_may_have_an_account_instead_of_a_password() {
    let storage = storage().await;
    add_user(&storage, "ada", "x", &["admin"]).await;
    add_user(&storage, "bob", "", &["admin"]).await;
    let disable = async |user_id| {
        storage
            .set_active(user_id, false, Timestamp(1), &event())
            .await
            .unwrap()
    };
    assert_eq!(disable("ada").await, UpdateOutcome::LastAdmin);
    assert_eq!(link(&storage, "bob", "one", ISSUER).await, LinkOutcome::Done);
    assert_eq!(disable("ada").await, UpdateOutcome::Done);
    assert_eq!(disable("bob").await, UpdateOutcome::LastAdmin);
    assert_eq!(unlink(&storage, "bob", "one", true).await, UnlinkOutcome::LastAdmin);
}
