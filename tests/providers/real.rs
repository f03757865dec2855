//! A real provider, npm's oidc-provider, and a person who logs in there with a browser.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use http_body_util::{BodyExt as _, Full};
use hyper::{Request, body::Bytes, client::conn::http1, http::response::Parts};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, BufReader},
    net::TcpStream,
    process::{Child, Command},
    time::timeout,
};
use url::Url;

use super::steps::{SECRET, SETTINGS, begin, place, section};
use crate::support::{
    client::{Client, Reply},
    fixture,
    poll::within,
    raw,
    server::{Server, UNTHROTTLED, trusting},
};

/// The key of the real provider in the settings of the tests.
pub const KEY: &str = "real";

/// The provider. It ends when it is dropped.
pub struct RealProvider {
    pub issuer: String,
    _child: Child,
    folder: TempDir,
    settings: std::sync::Mutex<Value>,
}

/// A user there whose password is their name.
pub fn user(name: &str, claims: &Value) -> Value {
    let mut all = json!({
        "name": name, "preferred_username": name, "email": format!("{name}@example.org"), "email_verified": true,
    });
    all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
    json!({"subject": format!("subject of {name}"), "login": name, "password": name, "claims": all})
}

/// How long the provider may take to start before another one is started instead. Once in some hundred starts, Node.js hangs before it
/// runs anything.
const START: Duration = Duration::from_secs(30);

/// Starts the provider, and gives it with the line that it prints once it is ready.
async fn until_ready(script: &Path, settings: &Path, folder: &Path) -> (Child, String) {
    for _ in 0..4 {
        let mut child = Command::new("node")
            .args([script, settings])
            // For what it sends to Callgate.
            .env("NODE_EXTRA_CA_CERTS", fixture::template().join("certs/ca.pem"))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(folder.join("log")).unwrap())
            .kill_on_drop(true)
            .spawn()
            .expect("node");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        if let Ok(line) = timeout(START, lines.next_line()).await {
            let log = || fs::read_to_string(folder.join("log")).unwrap();
            let line = line.unwrap();
            let line = line.unwrap_or_else(|| panic!("it did not start, see tools/setup.sh oidc: {}", log()));
            return (child, line);
        }
    }
    panic!("the provider did not start");
}

impl RealProvider {
    /// One with the users ada and bob.
    pub async fn start() -> Self {
        Self::start_with(json!({})).await
    }

    /// The same with more settings.
    pub async fn start_with(more: Value) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut settings =
            json!({"port": 0, "clients": [], "users": [user("ada", &json!({})), user("bob", &json!({}))]});
        settings
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tools/oidc-provider/provider.mjs");
        let file = folder.path().join("provider.json");
        fs::write(&file, settings.to_string()).unwrap();
        let (child, line) = until_ready(&script, &file, folder.path()).await;
        let issuer = line.split_whitespace().last().unwrap().to_owned();
        Self {
            issuer,
            _child: child,
            folder,
            settings: std::sync::Mutex::new(settings),
        }
    }

    fn change(&self, change: impl FnOnce(&mut Value)) {
        let mut settings = self.settings.lock().unwrap();
        change(&mut settings);
        // In one step: it may be reading it.
        let (file, new) = (self.path("provider.json"), self.path("new"));
        fs::write(&new, settings.to_string()).unwrap();
        fs::rename(&new, &file).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What it wrote to standard error.
    pub fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap()
    }

    /// Changes what it says of people. Who is not in the list is gone.
    pub fn users(&self, users: &[Value]) {
        self.change(|settings| settings["users"] = json!(users));
    }

    /// Registers a server as the client "callgate", with more metadata.
    pub fn register(&self, server: &Server, more: &Value) {
        let origin = server.client().origin();
        let mut client = json!({
            "client_id": "callgate",
            "client_secret": SECRET,
            "grant_types": ["authorization_code"],
            "redirect_uris": [format!("{origin}/login/with/{KEY}/callback")],
            "post_logout_redirect_uris": [format!("{origin}/logged-out")],
            "backchannel_logout_uri": format!("{origin}/login/with/{KEY}/backchannel-logout"),
            "backchannel_logout_session_required": true,
        });
        let members = client.as_object_mut().unwrap();
        members.extend(more.as_object().unwrap().clone());
        members.retain(|_, value| !value.is_null());
        self.change(|settings| settings["clients"] = json!([client]));
    }

    /// A demo that knows this provider, with more lines in its section.
    pub async fn demo(&self, more: &str) -> Server {
        self.demo_with(more, &[]).await
    }

    /// The same with variables.
    pub async fn demo_with(&self, more: &str, variables: &[(&str, &str)]) -> Server {
        let place = place(&[section(KEY, &self.issuer, more)]);
        let server = place.demo(&[UNTHROTTLED, &[SETTINGS], variables].concat()).await;
        self.register(&server, &json!({}));
        server
    }
}

/// A person with a browser, which has cookies of the provider only: those of Callgate are in a [`Client`].
#[derive(Default)]
pub struct Person {
    /// By name and path.
    jar: BTreeMap<(String, String), String>,
    /// Whether the provider is behind TLS, with the development certificate.
    uses_tls: bool,
}

/// Where the browser is, and what it shows.
pub struct Page {
    pub url: Url,
    pub body: String,
}

impl Person {
    /// One whose provider is behind TLS.
    pub fn with_tls() -> Self {
        Self {
            uses_tls: true,
            ..Self::default()
        }
    }

    /// Opens an address of the provider, and follows it to a page of it or to the first address of another site.
    pub async fn open(&mut self, url: &Url) -> Page {
        self.request("GET", url, "").await
    }

    /// Sends the form of a page.
    pub async fn send(&mut self, url: &Url, fields: &[(&str, &str)]) -> Page {
        self.request("POST", url, &serde_urlencoded::to_string(fields).unwrap())
            .await
    }

    async fn request(&mut self, method: &str, url: &Url, body: &str) -> Page {
        let home = url.origin();
        let (mut method, mut url, mut body) = (method.to_owned(), url.clone(), body.to_owned());
        for _ in 0..10 {
            if url.origin() != home {
                return Page {
                    url,
                    body: String::new(),
                };
            }
            let (location, text) = self.exchange(&method, &url, body).await;
            let Some(location) = location else {
                // A form that sends itself, as it does to log somebody else out first.
                if let Some((action, fields)) = automatic(&text) {
                    (url, method, body) = (action, "POST".to_owned(), fields);
                    continue;
                }
                return Page { url, body: text };
            };
            url = url.join(&location).unwrap();
            (method, body) = ("GET".to_owned(), String::new());
        }
        panic!("the provider redirects without an end: {url}");
    }

    /// The `Location` and the body of an answer.
    async fn exchange(&mut self, method: &str, url: &Url, body: String) -> (Option<String>, String) {
        let (host, port) = (url.host_str().unwrap(), url.port().unwrap());
        let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        let is_under =
            |path: &str| url.path() == path || url.path().starts_with(&format!("{}/", path.trim_end_matches('/')));
        let cookies = self.jar.iter().filter(|((_, path), _)| is_under(path));
        let cookies: Vec<String> = cookies.map(|((name, _), value)| format!("{name}={value}")).collect();
        let request = Request::builder()
            .method(method)
            .uri(&url[url::Position::BeforePath..])
            .header("host", format!("{host}:{port}"))
            .header("content-type", "application/x-www-form-urlencoded")
            .header("cookie", cookies.join("; "))
            .body(Full::<Bytes>::from(body))
            .unwrap();
        let (head, text) = if self.uses_tls {
            let config = trusting(fixture::template(), None);
            send(raw::handshake(stream, config).await.unwrap(), request).await
        } else {
            send(stream, request).await
        };
        for cookie in head.headers.get_all("set-cookie") {
            let (name, rest) = cookie.to_str().unwrap().split_once('=').unwrap();
            let mut parts = rest.split("; ");
            let value = parts.next().unwrap();
            let path = parts.find_map(|part| part.strip_prefix("path=")).unwrap_or("/");
            let key = (name.to_owned(), path.to_owned());
            if value.is_empty() {
                self.jar.remove(&key);
            } else {
                self.jar.insert(key, value.to_owned());
            }
        }
        let location = head.headers.get("location");
        (location.map(|location| location.to_str().unwrap().to_owned()), text)
    }

    /// Logs in at the provider if it asks for that, and gives the address of the callback.
    pub async fn log_in(&mut self, url: &Url, name: &str) -> Url {
        let page = self.open(url).await;
        if page.body.is_empty() {
            return page.url;
        }
        assert!(page.body.contains("Log in at the test provider"), "{}", page.body);
        let after = self.send(&page.url, &[("login", name), ("password", name)]).await;
        assert!(after.body.is_empty(), "{}", after.body);
        after.url
    }

    /// Whether the provider asks for a password there.
    pub async fn is_asked(&mut self, url: &Url) -> bool {
        self.open(url).await.body.contains(r#"name="password""#)
    }
}

/// The address and the fields of a form that a script of the page sends.
fn automatic(page: &str) -> Option<(Url, String)> {
    let value = |part: &str, name: &str| {
        let (_, rest) = part.split_once(&format!("{name}=\""))?;
        Some(rest.split('"').next()?.to_owned())
    };
    let (_, form) = page.split_once("document.forms[0].submit()")?;
    let inputs = form.split("<input ").skip(1);
    let fields = inputs.filter_map(|input| Some((value(input, "name")?, value(input, "value")?)));
    let fields: Vec<(String, String)> = fields.collect();
    let action = Url::parse(&value(form, "action")?).ok()?;
    Some((action, serde_urlencoded::to_string(fields).unwrap()))
}

/// Opens an address of Callgate, such as that of the callback.
pub async fn follow(client: &Client, url: &Url) -> Reply {
    assert_eq!(url.origin().ascii_serialization(), client.origin());
    client.get(&url[url::Position::BeforePath..]).await
}

/// The whole way from the login page to the callback.
pub async fn log_in(client: &Client, person: &mut Person, name: &str) -> Reply {
    let departure = begin(client, KEY).await;
    let url = person.log_in(&departure.url, name).await;
    follow(client, &url).await
}

/// Sends a request on a connection of its own.
async fn send(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> (Parts, String) {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    let driver = tokio::spawn(connection);
    let reply = within("an answer of the provider", sender.send_request(request))
        .await
        .unwrap();
    let (head, body) = reply.into_parts();
    let text = within("a whole body", body.collect()).await.unwrap().to_bytes();
    driver.abort();
    (head, String::from_utf8(text.to_vec()).unwrap())
}
