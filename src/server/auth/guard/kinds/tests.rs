use super::*;
use crate::{
    contract::{Language, audit::Action, required::Required},
    server::{
        auth::{
            guard::permissions::{Admin, ManageUsers, SeeUsers},
            sample_caller::{self, PasswordGiven},
        },
        config::Settings,
        model::{clock::Timestamp, event::Event},
        state::AppState,
        storage::{
            roles::{Precondition, PutOutcome, UpdateOutcome},
            users::NewUser,
        },
    },
};

/// A custom guard that refuses everyone.
#[derive(Debug)]
struct Never;

impl Guard for Never {
    fn rule() -> Rule {
        LoggedIn::rule().but("Never", "For no one", no_one())
    }

    async fn check(_: &Caller) -> Result<Self, Refusal> {
        Err(no_one())
    }
}

/// A guard whose check fails with an internal error.
#[derive(Debug)]
struct Broken;

impl Guard for Broken {
    fn rule() -> Rule {
        Rule::new("Broken", "For whom it may concern", [])
    }

    async fn check(_: &Caller) -> Result<Self, Refusal> {
        Err(failure())
    }
}

fn no_one() -> Refusal {
    Refusal::Forbidden("No one may call it.".into())
}

fn failure() -> Refusal {
    Refusal::Internal { reference: "x".into() }
}

async fn caller(given: Option<PasswordGiven>) -> Caller {
    let state = AppState::in_memory(Settings::defaults().unwrap()).await.unwrap();
    match given {
        Some(given) => sample_caller::logged_in(&state, "somebody", given).await.unwrap(),
        None => sample_caller::nobody(&state),
    }
}

/// A user with a role that has this permission, whose login is not fresh.
async fn user_with_permission(role: &str, permission: &str) -> Caller {
    let state = AppState::in_memory(Settings::defaults().unwrap()).await.unwrap();
    let (event, roles) = (Event::by_operator(Action::RoleChanged), [role.to_owned()]);
    let storage = state.storage();
    let permissions = [permission.to_owned()];
    let held = storage.permissions_of(role).await.unwrap();
    let put = storage.put_role(role, "", &permissions, Precondition::Anything, &held, &event);
    assert_eq!(put.await.unwrap(), PutOutcome::Done);
    let user = NewUser {
        user_id: "holder",
        password_hash: "",
        demo: false,
        roles: &roles,
        link: None,
    };
    assert_eq!(
        storage.add_user(&user, Timestamp(0), &[]).await.unwrap(),
        UpdateOutcome::Done
    );
    sample_caller::logged_in(&state, "holder", PasswordGiven::Earlier)
        .await
        .unwrap()
}

async fn outcome<G: Guard>(caller: &Caller) -> Result<(), Refusal> {
    G::check(caller).await.map(drop)
}

#[tokio::test]
async fn a_fresh_login_is_one_with_a_password_given_a_short_while_ago() {
    let nobody = caller(None).await;
    assert_eq!(outcome::<FreshLogin>(&nobody).await, Err(Refusal::NotLoggedIn));
    for given in [PasswordGiven::Never, PasswordGiven::Earlier] {
        let caller = caller(Some(given)).await;
        assert_eq!(outcome::<LoggedIn>(&caller).await, Ok(()));
        assert_eq!(outcome::<FreshLogin>(&caller).await, Err(Refusal::FreshLoginRequired));
    }
    let fresh = caller(Some(PasswordGiven::JustNow)).await;
    assert_eq!(FreshLogin::check(&fresh).await.unwrap().user_id(), "somebody");
}

#[tokio::test]
async fn any_of_allows_what_one_guard_allows_and_refuses_as_the_first_does() {
    let (nobody, earlier) = (caller(None).await, caller(Some(PasswordGiven::Earlier)).await);
    let proof = AnyOf::<FreshLogin, LoggedIn>::check(&earlier).await.unwrap();
    assert!(matches!(proof, AnyOf::Second(_)));
    assert_eq!(proof.user_id(), "somebody");
    let refused = Err(Refusal::FreshLoginRequired);
    assert_eq!(outcome::<AnyOf<FreshLogin, Never>>(&earlier).await, refused);
    assert_eq!(outcome::<AnyOf<Never, FreshLogin>>(&nobody).await, Err(no_one()));
}

type Both = AllOf<LoggedIn, FreshLogin>;

#[tokio::test]
async fn all_of_allows_only_what_both_guards_allow() {
    let (earlier, fresh) = (
        caller(Some(PasswordGiven::Earlier)).await,
        caller(Some(PasswordGiven::JustNow)).await,
    );
    assert_eq!(outcome::<Both>(&earlier).await, Err(Refusal::FreshLoginRequired));
    assert_eq!(Both::check(&fresh).await.unwrap().user_id(), "somebody");
    assert_eq!(outcome::<AllOf<FreshLogin, Never>>(&fresh).await, Err(no_one()));
}

#[tokio::test]
async fn what_cannot_be_checked_is_neither_allowed_nor_refused() {
    let fresh = caller(Some(PasswordGiven::JustNow)).await;
    for outcome in [
        outcome::<AnyOf<Broken, LoggedIn>>(&fresh).await,
        outcome::<AnyOf<Never, Broken>>(&fresh).await,
        outcome::<AllOf<LoggedIn, Broken>>(&fresh).await,
    ] {
        assert_eq!(outcome, Err(failure()));
    }
}

#[test]
fn a_rule_names_what_its_guard_is_made_of_and_what_it_may_refuse_with() {
    let rule = AllOf::<FreshLogin, Never>::rule();
    assert_eq!(rule.name, "AllOf<FreshLogin, Never>");
    assert_eq!(
        rule.refusals,
        [Refusal::NotLoggedIn, Refusal::FreshLoginRequired, no_one()]
    );
    // Without a translation of one part, the whole is English.
    assert_eq!(
        rule.words.in_language(Language::Ko),
        "For recently logged-in users, and only for no one"
    );
    let rule = AnyOf::<FreshLogin, LoggedIn>::rule();
    assert_eq!(
        rule.words.english(),
        "For recently logged-in users, or for logged-in users"
    );
    assert!(rule.words.is_translated());
    assert!(AnyOf::<LoggedIn, Anyone>::rule().refusals.is_empty());
}

#[test]
fn a_rule_lists_what_it_requires_unless_only_its_words_can_say_it() {
    let requires = |rule: Rule| rule.view().requires.iter().map(|any| any.join("|")).collect::<Vec<_>>();
    assert_eq!(requires(Anyone::rule()), [""; 0]);
    assert_eq!(requires(FreshLogin::rule()), ["login", "fresh_login"]);
    let rule = AllOf::<Either, FreshLogin>::rule();
    assert_eq!(requires(rule), ["login", "users.read|users.manage", "fresh_login"]);
    // The refusals of these say nothing of the second guard, or are of a kind of their own.
    for rule in [
        OneOrBoth::rule(),
        AnyOf::<Permission<SeeUsers>, FreshLogin>::rule(),
        Never::rule(),
    ] {
        assert_eq!(requires(rule), [""; 0]);
    }
}

type Either = AnyOf<Permission<SeeUsers>, Permission<ManageUsers>>;
type OneOrBoth = AnyOf<Permission<ManageUsers>, AllOf<Permission<SeeUsers>, Permission<ManageRoles>>>;

#[tokio::test]
async fn a_permission_allows_users_who_have_it_by_a_role_and_its_refusal_names_it() {
    let lacking = |name: &str| Err(Refusal::PermissionRequired(name.into()));
    let (nobody, somebody) = (caller(None).await, caller(Some(PasswordGiven::JustNow)).await);
    let reader = user_with_permission("readers", "users.read").await;
    assert_eq!(
        outcome::<Permission<SeeUsers>>(&nobody).await,
        Err(Refusal::NotLoggedIn)
    );
    assert_eq!(outcome::<Permission<SeeUsers>>(&somebody).await, lacking("users.read"));
    assert_eq!(
        Permission::<SeeUsers>::check(&reader).await.unwrap().user_id(),
        "holder"
    );
    assert_eq!(
        outcome::<Permission<ManageUsers>>(&reader).await,
        lacking("users.manage")
    );
    // The permission is checked first, so that nobody enters a password in vain.
    assert_eq!(
        outcome::<AllOf<Permission<ManageUsers>, FreshLogin>>(&reader).await,
        lacking("users.manage")
    );
    assert_eq!(
        outcome::<AllOf<Permission<SeeUsers>, FreshLogin>>(&reader).await,
        Err(Refusal::FreshLoginRequired)
    );
    let either = Refusal::PermissionRequired(Required::from("users.read").or("users.manage".into()));
    assert!(Either::rule().refusals.contains(&either));
    assert_eq!(outcome::<Either>(&somebody).await, Err(either));
    assert_eq!(outcome::<Either>(&nobody).await, Err(Refusal::NotLoggedIn));
    // Two permissions that are required together are not offered as alternatives.
    assert!(
        OneOrBoth::rule()
            .refusals
            .contains(&Refusal::PermissionRequired("users.manage".into()))
    );
    assert_eq!(outcome::<OneOrBoth>(&somebody).await, lacking("users.manage"));
    assert_eq!(
        outcome::<AnyOf<Permission<ManageUsers>, LoggedIn>>(&reader).await,
        Ok(())
    );
}

#[tokio::test]
async fn a_role_allows_users_who_have_it_and_the_administrator_has_every_permission() {
    let reader = user_with_permission("readers", "users.read").await;
    let admin = user_with_permission("admin", "nothing.known").await;
    assert_eq!(
        outcome::<Role<Admin>>(&reader).await,
        Err(Refusal::PermissionRequired("role:admin".into()))
    );
    assert_eq!(
        outcome::<Role<Admin>>(&caller(None).await).await,
        Err(Refusal::NotLoggedIn)
    );
    assert_eq!(outcome::<Role<Admin>>(&admin).await, Ok(()));
    assert_eq!(outcome::<Permission<ManageUsers>>(&admin).await, Ok(()));
}
