//! What users choose for themselves: a display name, the time zone and the language.

use serde_json::json;

use crate::{assert_refused, support::server::Server};

#[tokio::test]
async fn a_display_name_in_hangul_is_shown_beside_the_login_name() {
    let server = Server::demo().await;
    let (user, admin) = (server.user01().await, server.admin().await);
    // Decomposed, as macOS types it, with white space around.
    let typed = " \u{1112}\u{1169}\u{11bc}\u{1100}\u{1175}\u{11af}\u{1103}\u{1169}\u{11bc} ";
    user.done("set_profile", json!({"display_name": typed})).await;
    let own = user.done("current_user", json!({})).await;
    assert_eq!(own["user"], json!({"user_id": "user01", "display_name": "홍길동"}));
    for (client, page) in [
        (&user, "/"),
        (&user, "/account"),
        (&admin, "/users"),
        (&admin, "/user?name=user01"),
    ] {
        let page = client.get(page).await;
        assert!(page.shows("홍길동") && page.shows("user01"), "{}", page.body);
    }
    let listed = admin.done("list_users", json!({"part": "user01"})).await;
    assert_eq!(listed["users"][0]["display_name"], "홍길동");

    let longest = "가".repeat(40);
    user.done("set_profile", json!({"display_name": longest})).await;
    let too_long = format!("{longest}가");
    for bad in [&too_long, "user03\u{202e}", "a\u{200b}b", "\u{3164}", "a\nb"] {
        let reply = user.call("set_profile", json!({"display_name": bad})).await;
        assert_refused(&reply, 422, "invalid_arguments", bad);
    }
    assert_eq!(
        user.done("my_profile", json!({})).await["display_name"],
        longest.as_str()
    );
    user.done("set_profile", json!({"display_name": " "})).await;
    let own = user.done("current_user", json!({})).await;
    assert_eq!(own["user"], json!({"user_id": "user01"}));
}

#[tokio::test]
async fn the_profile_is_changed_without_script_on_the_page_of_the_account() {
    let server = Server::demo().await;
    let (user, elsewhere) = (server.user01().await, server.user01().await);
    let fields = [
        ("display_name", "<b>Ada</b>"),
        ("time_zone", "asia/seoul"),
        ("then-page", "/account"),
    ];
    let reply = user.form("/functions/set_profile", &fields).await;
    assert_eq!(
        (reply.status, reply.header("location").split(['?', '#']).next()),
        (303, Some("/account"))
    );
    let page = elsewhere.get("/account").await;
    assert!(
        page.shows(r#"value="Asia/Seoul""#) && page.shows("&lt;b&gt;Ada&lt;/b&gt;"),
        "{}",
        page.body
    );
    assert!(!page.shows("<b>Ada"), "{}", page.body);
    for zone in ["Mars/Olympus", "../../etc/passwd", "Asia/Seoul\u{0}"] {
        let reply = user.call("set_profile", json!({"time_zone": zone})).await;
        assert_refused(&reply, 422, "invalid_arguments", zone);
    }
    assert_eq!(
        user.done("my_profile", json!({})).await,
        json!({"ok": true, "display_name": "<b>Ada</b>", "language": null, "time_zone": "Asia/Seoul"})
    );
}

#[tokio::test]
async fn the_language_of_the_account_holds_in_every_session_from_the_next_call_on() {
    let server = Server::demo().await;
    let (user, elsewhere) = (server.user01().await, server.user01().await);
    let refused = async || elsewhere.call("list_users", json!({})).await;
    assert_eq!(refused().await.header("content-language"), "en");
    user.done("set_language", json!({"language": "ko"})).await;
    let reply = refused().await;
    assert_eq!(
        (reply.code().as_str(), reply.header("content-language")),
        ("permission_required", "ko")
    );
    assert!(reply.error().contains("권한"), "{}", reply.body);
    assert!(elsewhere.get("/account").await.shows(r#"<html lang="ko""#));
    user.done("set_language", json!({"language": null})).await;
    assert_eq!(refused().await.header("content-language"), "en");
    assert_refused(
        &user.call("set_language", json!({"language": "fr"})).await,
        422,
        "invalid_arguments",
        "fr",
    );
}
