//! The `curl` line on the page of a function, pasted into a shell: whatever was typed, it says that and nothing more.

use std::{fs, process::Command};

use crate::{
    client::Client,
    page::code,
    server::{Place, QUICK},
};

async fn line(client: &Client, function: &str) -> String {
    code(&client.get(&format!("/functions/{function}")).await, "The curl line")
}

/// Runs a line in a folder, and gives what it prints.
fn pasted(line: &str, folder: &std::path::Path) -> String {
    let ran = Command::new("sh")
        .args(["-c", line])
        .current_dir(folder)
        .env("NO_PROXY", "*")
        .output()
        .expect("sh is there");
    assert!(ran.status.success(), "{line}: {}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap()
}

#[tokio::test]
async fn what_was_typed_is_one_word_to_the_shell() {
    let server = Place::new().demo(QUICK).await;
    let client = server.client();
    let elsewhere = tempfile::tempdir().unwrap();
    for typed in [
        r#"{"a":"it's"}"#,
        r#"{"a":"'; touch stolen; '"}"#,
        r#"{"a":"$(touch stolen) `touch stolen` ${HOME} $0 !! \\ %s"}"#,
        r#"{"a":"@/etc/passwd"}"#,
        "{\"a\":\n \"two lines\",\r\n\"b\":\"\\n\"}",
        r#"{"a":"&lt; &amp;amp; <b> &#x27;"}"#,
        r#"{"é":"漢 🔑"}"#,
    ] {
        client.form("/functions/notauth_func", &[("arguments", typed)]).await;
        let expected = client.json("/api/notauth_func", typed).await;
        assert_eq!(expected.status, 200, "{typed}");
        client.form("/functions/notauth_func", &[("arguments", typed)]).await;
        assert_eq!(
            pasted(&line(&client, "notauth_func").await, elsewhere.path()),
            expected.body
        );
    }
    // A body that begins as a file name does is no file name either.
    client
        .form("/functions/notauth_func", &[("arguments", "@/etc/passwd")])
        .await;
    let told = pasted(&line(&client, "notauth_func").await, elsewhere.path());
    assert!(told.contains("malformed_body"), "{told}");
    let left: Vec<_> = fs::read_dir(elsewhere.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert!(left.iter().all(|name| name == "cookies"), "{left:?}");
}

#[tokio::test]
async fn it_finds_the_authority_in_a_folder_of_whatever_name() {
    let place = Place::new();
    let mut settings = QUICK.to_vec();
    settings.push(("CALLGATE_HTTPS_CERTS", "it's a $HOME & \"more\""));
    let server = place.demo(&settings).await;
    fs::create_dir_all(place.data().join("certs")).unwrap();
    fs::copy(
        place.path("it's a $HOME & \"more\"").join("ca.pem"),
        place.data().join("certs/ca.pem"),
    )
    .unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let line = line(&server.client(), "notauth_func").await;
    assert_eq!(
        pasted(&line, elsewhere.path()),
        r#"{"ok":true,"msg":"notauth_func({\"hello\":\"world\"})"}"#
    );
}

#[tokio::test]
async fn a_password_never_stands_in_it() {
    let server = Place::new().demo(QUICK).await;
    let client = server.user01().await;
    for (function, fields) in [
        ("login", vec![("user_id", "user01"), ("password", "canary")]),
        ("change_password", vec![("new_password", "canary")]),
        ("confirm_login", vec![("password", "canary")]),
    ] {
        client.form(&format!("/functions/{function}"), &fields).await;
        let line = line(&client, function).await;
        assert!(line.contains('…') && !line.contains("canary"), "{line}");
    }
}
