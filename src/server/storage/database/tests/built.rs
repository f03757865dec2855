//! Statements that are put together are executed on both engines, in every form.

use super::source;
use crate::{
    contract::{audit::Action, user::UserState},
    server::{
        model::{
            call_record::{CallRecord, Who},
            clock::Timestamp,
            event::Event,
        },
        storage::{
            Storage,
            call_stats::{CallFilter, TimeRange},
            events::EventFilter,
            program_files::ProgramFile,
            roles::UpdateOutcome,
            sessions::Limits,
            user_lists::{ListedUser, Order, UserFilter},
            users::NewUser,
        },
    },
};

/// How often each file puts a statement together, or has rows deleted by one. If a number changes, add the statement below.
const KNOWN: [(&str, usize, usize); 11] = [
    ("call_stats.rs", 3, 0),
    ("changes.rs", 0, 1),
    // Executed by the tests of `callgate data copy`, for every table and from each engine to the other.
    ("copy/tables.rs", 4, 0),
    ("events.rs", 4, 1),
    ("failed_logins.rs", 0, 2),
    ("pending_calls.rs", 0, 1),
    ("program_files.rs", 1, 0),
    ("remembered.rs", 0, 1),
    ("removal.rs", 1, 0),
    ("sessions.rs", 0, 1),
    ("user_lists.rs", 3, 0),
];

#[test]
fn all_statements_that_are_put_together_are_known() {
    let mut found = Vec::new();
    for (name, source) in source::files() {
        let tokens = source::tokens(&source);
        let words: Vec<_> = tokens.iter().map(|(token, _)| token.clone()).collect();
        let count = |words_of: &[source::Token]| {
            words
                .windows(words_of.len())
                .filter(|window| *window == words_of)
                .count()
        };
        let word = |word: &str| source::Token::Word(word.to_owned());
        let sign = source::Token::Sign;
        let builders = count(&[word("QueryBuilder"), sign(':'), sign(':'), word("new")]);
        let deletions = count(&[sign('='), word("Rows"), sign('{')]);
        if (builders, deletions) != (0, 0) {
            found.push((name, builders, deletions));
        }
    }
    let known = KNOWN.map(|(name, builders, deletions)| (name.to_owned(), builders, deletions));
    assert_eq!(found, known);
}

#[tokio::test]
async fn both_engines_execute_what_is_put_together() {
    let mut results = Vec::new();
    for storage in [Storage::in_sqlite_memory().await, Storage::in_postgres().await] {
        let storage = storage.unwrap();
        add_rows(&storage).await;
        let listed = list(&storage).await;
        sweep(&storage).await;
        results.push(listed);
    }
    assert_eq!(results[0], results[1]);
    assert!(results[0].iter().any(|line| line.contains("Äda")), "{:?}", results[0]);
}

async fn add_rows(storage: &Storage) {
    for (number, user_id) in (1..).zip(["ada", "Bob", "Äda", "b_b", "b%b", "éva", "zoë"]) {
        let user = NewUser {
            user_id,
            password_hash: if number % 2 == 0 { "x" } else { "" },
            roles: &["admin".to_owned()][..usize::from(number % 3 == 0)],
            ..NewUser::default()
        };
        let added = storage.add_user(&user, Timestamp(number / 2), &[]).await.unwrap();
        assert_eq!(added, UpdateOutcome::Done, "{user_id}");
    }
    let event = |action, user| Event {
        at: Timestamp(5),
        ..Event::by("ada", action).to(user)
    };
    let events = [
        event(Action::Login, "ada"),
        event(Action::UserDeleted, "Bob"),
        event(Action::Login, "Bob"),
    ];
    let call = CallRecord {
        at: Timestamp(5),
        function: "login",
        who: Who::default(),
        outcome: "ok",
        calls: 1,
        took_us: 1,
        address: None,
        request_id: None,
        session: None,
    };
    storage.add_events(&events, &[&call, &call]).await.unwrap();
    let files = ["a", "b"].map(|path| ProgramFile {
        path: path.to_owned(),
        bytes: path.into(),
    });
    storage.add_program_files(files.into(), Timestamp(1)).await.unwrap();
}

/// The results of all lists with all filters.
async fn list(storage: &Storage) -> Vec<String> {
    let mut results = Vec::new();
    let orders = [
        Order::Name(None),
        Order::Name(Some("Bob")),
        Order::Newest(None),
        Order::Newest(Some((2, "b_b"))),
    ];
    let states = [
        None,
        Some(UserState::Active),
        Some(UserState::Invited),
        Some(UserState::Disabled),
    ];
    for part in [None, Some(""), Some("B"), Some("%"), Some("_"), Some("ä"), Some("Ä")] {
        for state in states {
            for role in [None, Some("admin")] {
                for order in orders {
                    let filter = UserFilter {
                        part,
                        state,
                        role,
                        order,
                    };
                    let users = storage.list_user_page(&filter, 4).await.unwrap();
                    let names: Vec<_> = users.iter().map(|user| &*user.user_id).collect();
                    let count = storage.count_users(&filter).await.unwrap();
                    results.push(format!("{part:?} {state:?} {role:?} {order:?}: {names:?} of {count}"));
                }
            }
        }
    }
    let all: Vec<ListedUser> = storage.list_user_page(&UserFilter::default(), 100).await.unwrap();
    for count in [0, 1, all.len()] {
        let mut roles: Vec<_> = storage.roles_of_all(&all[..count]).await.unwrap().into_iter().collect();
        roles.sort();
        results.push(format!("{roles:?}"));
        let mut logins: Vec<_> = storage.last_logins(&all[..count]).await.unwrap().into_iter().collect();
        logins.sort();
        results.push(format!("{logins:?}"));
    }
    for number in 0..128 {
        let has = |bit: u32| number >> bit & 1 == 1;
        let filter = EventFilter {
            user: has(0).then_some("Bob"),
            only_present_user: has(1),
            action: has(2).then_some("login"),
            outcome: has(3).then_some("ok"),
            since: has(4).then_some(Timestamp(5)),
            until: has(5).then_some(Timestamp(6)),
            before: has(6).then_some(3),
            after: has(4).then_some(1),
        };
        let events = storage.list_events(&filter, 2).await.unwrap();
        let ids: Vec<_> = events.iter().map(|event| event.id).collect();
        let calls = storage.list_calls(&filter, 2).await.unwrap();
        let call_ids: Vec<_> = calls.iter().map(|call| call.id).collect();
        results.push(format!("{number}: {ids:?} {call_ids:?}"));
    }
    for outcome in ["refused", "failed"] {
        let filter = EventFilter {
            outcome: Some(outcome),
            ..EventFilter::default()
        };
        let calls = storage.list_calls(&filter, 2).await.unwrap();
        results.push(format!("{outcome}: {}", calls.len()));
    }
    let range = TimeRange {
        since: Timestamp(0),
        until: Timestamp(10),
    };
    results.push(format!("{:?}", storage.count_logins(range).await.unwrap()));
    for (user, function) in [
        (None, None),
        (Some("ada"), None),
        (None, Some("login")),
        (Some(""), Some("login")),
    ] {
        let filter = CallFilter { range, user, function };
        let counted = storage.count_calls(&filter).await.unwrap();
        let by_function = storage.count_calls_of_functions(&filter).await.unwrap();
        let medians = storage.median_durations(&filter).await.unwrap();
        results.push(format!("{counted:?} {by_function:?} {medians:?}"));
    }
    results
}

async fn sweep(storage: &Storage) {
    let now = Timestamp(1_000_000);
    let limits = Limits {
        now,
        logged_in_after: now,
        used_after: now,
        latest_plausible: now,
    };
    for swept in [
        storage.sweep_sessions(limits).await,
        storage.sweep_series(now).await,
        storage.sweep_failed_logins(now, 1).await,
        storage.sweep_pending_calls(now).await,
        storage.sweep_events(now, 1).await,
        storage.sweep_changes().await,
    ] {
        swept.unwrap();
    }
}
