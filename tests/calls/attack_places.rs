//! Where a login, a confirmation or a call leads: to a page of this site, whatever `next` says.

use futures::{StreamExt as _, stream};

use crate::support::{
    client::{Client, Reply},
    effort::rounds,
    page::{input, unescaped},
    place::Place,
    server::{Server, UNTHROTTLED},
};

/// Those without white space, which separates them.
const HOSTILE: &str = r"
https://evil.example HTTPS://evil.example http://evil.example/functions/auth_func //evil.example ///evil.example
////evil.example //evil.example/.. //evil.example@localhost //localhost@evil.example //[::1] //1.1.1.1 //0
http:///evil.example https:evil.example https:/evil.example https:\\evil.example ://evil.example :evil.example
/\evil.example /\/evil.example //\evil.example \evil.example \\evil.example \/evil.example \/\/evil.example
javascript:alert(1) JaVaScRiPt:alert(1) javascript://localhost/%0aalert(1) data:text/html,<script>alert(1)</script>
data:text/html,x vbscript:x ftp://evil.example file:///etc/passwd blob:https://localhost/x
view-source:https://localhost mailto:a@evil.example evil.example @evil.example .evil.example ?next=//evil.example
#//evil.example ./functions ../functions functions/auth_func /.//evil.example /..//evil.example /./ /%2e//evil.example
/%2e%2e//evil.example /a/..//evil.example /a/../..//evil.example
/api/logout /api /logout /logout/ /login /login?next=//evil.example /confirm /confirm?next=//evil.example
/pkg/callgate.js null undefined
";

/// Those with white space and other letters, separated by `;`. The last is empty.
const HOSTILE_LETTERS: &str = "/\t/evil.example;/\n/evil.example;/\r/evil.example;\t//evil.example;\n//evil.example; //evil.example;\
    \u{a0}//evil.example;\u{0}//evil.example;\u{b}//evil.example;\u{c}//evil.example;\u{feff}//evil.example;\
    /\u{2028}/evil.example;\u{ff0f}\u{ff0f}evil.example;/\u{ff0f}evil.example;\u{3002}evil.example;java\tscript:alert(1);\
    \u{1}javascript:alert(1);/%09/../..//evil.example\t;/\r\nLocation: https://evil.example;/\r\nSet-Cookie: a=b;\
    /\n\n<script>alert(1)</script>;%0d%0aLocation: https://evil.example;/<script>alert(1)</script> ;\
    /%0d%0aLocation:%20https://evil.example\u{0};/\u{e9};\u{20};";

/// Where nobody must be led.
fn hostile(server: &Server) -> Vec<String> {
    let port = server.https.port();
    let plain = HOSTILE.split_whitespace().chain(HOSTILE_LETTERS.split(';'));
    let mut hostile: Vec<String> = plain.map(str::to_owned).collect();
    for host in ["localhost", "127.0.0.1", "user@localhost"] {
        hostile.push(format!("http://{host}:{port}/"));
        hostile.push(format!("https://{host}:{port}/functions/auth_func"));
        hostile.push(format!("//{host}:{port}/"));
    }
    hostile.push(format!("/{}", "a".repeat(2048)));
    hostile.push(format!("/functions/auth_func?{}", "a".repeat(3000)));
    hostile
}

const GOOD: &str = "/ /account /functions/auth_func /functions/auth_func?a=b /nothing-here /a//b";

/// Pages that ask for a password, and what they say of a wrong one.
const LOGIN: (&str, &str) = ("/login", "Wrong user or password. Try again.");
const CONFIRM: (&str, &str) = ("/confirm", "Wrong password. Try again.");

/// Every place, where it is to lead, and whether the check is a long one.
fn all_places(server: &Server) -> impl Iterator<Item = (String, String, bool)> {
    let good = GOOD.split(' ').map(|next| (next.to_owned(), next.to_owned()));
    let hostile = hostile(server).into_iter().map(|next| (next, "/".to_owned()));
    let all = hostile.chain(good).enumerate();
    all.map(|(number, (next, expected))| (next, expected, number.is_multiple_of(rounds(4, 1))))
}

/// The place that a page with a password form carries on.
fn carried(page: &Reply) -> String {
    for name in ["location", "refresh", "link"] {
        assert_eq!(page.find(name), None);
    }
    let (_, value) = input(page, "next").split_once(r#"value=""#).unwrap();
    unescaped(value.split_once('"').unwrap().0)
}

/// Asks for the password with that place to go on to, gives a wrong one if `is_long`, and then the right one.
async fn check(client: &Client, (path, refusal): (&str, &str), next: &str, expected: &str, is_long: bool) {
    let query = serde_urlencoded::to_string([("next", next)]).unwrap();
    let page = client.get(&format!("{path}?{query}")).await;
    assert_eq!((page.status, &*carried(&page)), (200, expected), "{path} {next:?}");
    let send = async |password| {
        let fields = [("user_id", "user01"), ("password", password), ("next", next)];
        client.form(path, &fields).await
    };
    if is_long {
        let wrong = send("wrong").await;
        assert_eq!((wrong.status, &*carried(&wrong)), (401, expected), "{path} {next:?}");
        assert!(wrong.shows(refusal), "{path} {next:?}: {}", wrong.body);
    }
    assert_eq!(led_to(&send("user_01").await), expected, "{path} {next:?}");
}

/// Where an answer redirects to.
fn led_to(reply: &Reply) -> &str {
    assert_eq!(reply.status, 303, "{}", reply.body);
    assert_eq!(reply.find("refresh"), None);
    reply.header("location")
}

#[tokio::test]
async fn a_login_leads_to_a_page_of_this_site_only() {
    let server = Place::new().demo(UNTHROTTLED).await;
    stream::iter(all_places(&server))
        .for_each_concurrent(8, async |(next, expected, is_long)| {
            check(&server.client(), LOGIN, &next, &expected, is_long).await;
        })
        .await;
    let encoded = [("user_id", "user01"), ("password", "user_01"), ("next", "/%E2%82%AC")];
    let reply = server.client().form("/login", &encoded).await;
    assert_eq!(led_to(&reply), "/%E2%82%AC");
}

#[tokio::test]
async fn a_confirmation_leads_to_a_page_of_this_site_only() {
    let server = Place::new().demo(UNTHROTTLED).await;
    let client = server.user01().await;
    for (next, expected, is_long) in all_places(&server) {
        check(&client, CONFIRM, &next, &expected, is_long).await;
        // A client that is not logged in is redirected to the login, with the same `next`.
        let fields = [("password", "x"), ("next", &*next)];
        let reply = server.client().form("/confirm", &fields).await;
        assert!(led_to(&reply).starts_with("/login?next=/"), "{next:?}");
        assert!(expected != "/" || led_to(&reply) == "/login?next=/", "{next:?}");
    }
}

/// Paths of this site that contain markup or characters that must be encoded.
#[tokio::test]
async fn a_refused_login_shows_the_form_again_wherever_it_was_to_lead() {
    let server = Server::shared();
    let user = server.user01().await;
    for next in r#"/<x> /"x" /a?b=<c>&d="e" /{x}|^` /a%3Cb /a+b&c=d#e //evil.example /%ff"#.split(' ') {
        for (client, path) in [(&server.client(), "/login"), (&user, "/confirm")] {
            let fields = [("user_id", "user01"), ("password", "wrong"), ("next", next)];
            let page = client.form(path, &fields).await;
            assert_eq!(page.status, 401, "{path} {next}: {}", page.body);
            assert!(!page.shows("<x>") && !page.shows("<c>"), "{path} {next}: {}", page.body);
        }
    }
}

/// For the page that a form names to come back to.
#[tokio::test]
async fn a_call_by_form_leads_to_a_page_of_this_site_only() {
    let server = Server::shared();
    let page = "/functions/notauth_func";
    let client = server.user01().await;
    for next in hostile(&server) {
        let fields = [
            ("arguments", "{}"),
            ("then-page", &next),
            ("form-page", &next),
            ("next", &next),
        ];
        let reply = client.form(page, &fields).await;
        assert_eq!(led_to(&reply), format!("{page}#reply"), "{next:?}");
    }
    let fields = [("arguments", "{}"), ("then-page", "/account")];
    assert_eq!(led_to(&client.form(page, &fields).await), "/account");
    let reply = client.form("/logout?next=/account", &[("next", "/account")]).await;
    assert_eq!(led_to(&reply), "/");
}
