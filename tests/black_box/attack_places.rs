//! Places to land after a login, a confirmation or a call: a page of this site, whatever is asked for (security checks 75 and
//! 76).

use crate::{
    client::{Client, Reply},
    server::{Place, QUICK, Server, UNTHROTTLED},
};

/// Where nobody must be led.
fn hostile(server: &Server) -> Vec<String> {
    let port = server.https.port();
    let mut hostile: Vec<String> = [
        "https://evil.example",
        "HTTPS://evil.example",
        "http://evil.example/functions/auth_func",
        "//evil.example",
        "///evil.example",
        "////evil.example",
        "//evil.example/..",
        "//evil.example@localhost",
        "//localhost@evil.example",
        "//[::1]",
        "//1.1.1.1",
        "//0",
        "http:///evil.example",
        "https:evil.example",
        "https:/evil.example",
        "https:\\\\evil.example",
        "://evil.example",
        ":evil.example",
        "/\\evil.example",
        "/\\/evil.example",
        "//\\evil.example",
        "\\evil.example",
        "\\\\evil.example",
        "\\/evil.example",
        "\\/\\/evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "/\r/evil.example",
        "\t//evil.example",
        "\n//evil.example",
        " //evil.example",
        "\u{a0}//evil.example",
        "\u{0}//evil.example",
        "\u{b}//evil.example",
        "\u{c}//evil.example",
        "\u{feff}//evil.example",
        "/\u{2028}/evil.example",
        "\u{ff0f}\u{ff0f}evil.example",
        "/\u{ff0f}evil.example",
        "\u{3002}evil.example",
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        "java\tscript:alert(1)",
        "\u{1}javascript:alert(1)",
        "javascript://localhost/%0aalert(1)",
        "data:text/html,<script>alert(1)</script>",
        "vbscript:x",
        "ftp://evil.example",
        "file:///etc/passwd",
        "blob:https://localhost/x",
        "view-source:https://localhost",
        "mailto:a@evil.example",
        "evil.example",
        "@evil.example",
        ".evil.example",
        "?next=//evil.example",
        "#//evil.example",
        "./functions",
        "../functions",
        "functions/auth_func",
        "/.//evil.example",
        "/..//evil.example",
        "/./",
        "/%2e//evil.example",
        "/%2e%2e//evil.example",
        "/a/..//evil.example",
        "/a/../..//evil.example",
        "/%09/../..//evil.example\t",
        "/\r\nLocation: https://evil.example",
        "/\r\nSet-Cookie: a=b",
        "/\n\n<script>alert(1)</script>",
        "%0d%0aLocation: https://evil.example",
        "/<script>alert(1)</script> ",
        "/\u{e9}",
        "",
        " ",
        "/api/logout",
        "/api",
        "/logout",
        "/logout/",
        "/login",
        "/login?next=//evil.example",
        "/confirm",
        "/confirm?next=//evil.example",
        "/pkg/callgate.js",
        "null",
        "undefined",
    ]
    .map(str::to_owned)
    .into();
    for host in ["localhost", "127.0.0.1", "user@localhost"] {
        hostile.push(format!("http://{host}:{port}/"));
        hostile.push(format!("https://{host}:{port}/functions/auth_func"));
        hostile.push(format!("//{host}:{port}/"));
    }
    hostile.push(format!("/{}", "a".repeat(2048)));
    hostile.push(format!("/functions/auth_func?{}", "a".repeat(3000)));
    hostile
}

const GOOD: [&str; 5] = ["/", "/account", "/functions/auth_func?a=b", "/nothing-here", "/a//b"];

/// The page that asks for the password, with that place to go on to.
async fn ask(client: &Client, way: &str, next: &str) -> String {
    let query = serde_urlencoded::to_string([("next", next)]).unwrap();
    let page = client.get(&format!("{way}?{query}")).await;
    assert_eq!(page.status, 200, "{way} {next:?}");
    for name in ["location", "refresh", "link"] {
        assert_eq!(page.find(name), None, "{way} {next:?}");
    }
    let (_, field) = page.body.split_once(r#"name="next""#).expect("the field");
    let (_, value) = field.split_once(r#"value=""#).unwrap();
    crate::page::unescaped(value.split_once('"').unwrap().0)
}

/// Where an answer leads.
fn led_to(reply: &Reply) -> &str {
    assert_eq!(reply.status, 303, "{}", reply.body);
    assert_eq!(reply.find("refresh"), None);
    reply.header("location")
}

const RIGHT: [(&str, &str); 2] = [("user_id", "user01"), ("password", "user_01")];

async fn server() -> Server {
    Place::new().demo(&[QUICK, UNTHROTTLED].concat()).await
}

/// security checks 75 and 76
#[tokio::test]
async fn no_login_leads_away_from_this_site() {
    let server = server().await;
    let visitor = server.client();
    for next in hostile(&server) {
        assert_eq!(ask(&visitor, "/login", &next).await, "/", "{next:?}");
        let reply = server
            .client()
            .form("/login", &[&RIGHT[..], &[("next", &next)]].concat())
            .await;
        assert_eq!(led_to(&reply), "/", "{next:?}");
        let wrong = [("user_id", "user01"), ("password", "wrong"), ("next", &next)];
        let reply = visitor.form("/login", &wrong).await;
        assert_eq!(reply.status, 401, "{next:?}");
        assert!(reply.shows(r#"name="next" value="/""#), "{next:?}: {}", reply.body);
    }
    for next in GOOD {
        assert_eq!(ask(&visitor, "/login", next).await, next);
        let reply = server
            .client()
            .form("/login", &[&RIGHT[..], &[("next", next)]].concat())
            .await;
        assert_eq!(led_to(&reply), next);
    }
}

/// security checks 75 and 76
#[tokio::test]
async fn no_confirmation_leads_away_from_this_site() {
    let server = server().await;
    let client = server.user01().await;
    for next in hostile(&server) {
        assert_eq!(ask(&client, "/confirm", &next).await, "/", "{next:?}");
        let reply = client
            .form("/confirm", &[("password", "user_01"), ("next", &next)])
            .await;
        assert_eq!(led_to(&reply), "/", "{next:?}");
        // Whose session is over is led to the login, with as little of it.
        let reply = server
            .client()
            .form("/confirm", &[("password", "x"), ("next", &next)])
            .await;
        assert_eq!(led_to(&reply), "/login?next=/", "{next:?}");
    }
    for next in GOOD {
        assert_eq!(ask(&client, "/confirm", next).await, next);
        let reply = client
            .form("/confirm", &[("password", "user_01"), ("next", next)])
            .await;
        assert_eq!(led_to(&reply), next);
    }
}

/// security check 76, for the page that a form names to come back to
#[tokio::test]
async fn no_call_leads_away_from_this_site() {
    let server = server().await;
    let client = server.user01().await;
    let page = "/functions/end_other_sessions";
    for next in hostile(&server) {
        for field in ["then-page", "next"] {
            let reply = client.form(page, &[(field, &next)]).await;
            assert_eq!(led_to(&reply), format!("{page}#reply"), "{field} {next:?}");
        }
    }
    let reply = client.form(page, &[("then-page", "/account")]).await;
    assert_eq!(led_to(&reply), "/account");
    let reply = client.form("/logout?next=/account", &[("next", "/account")]).await;
    assert_eq!(led_to(&reply), "/");
}
