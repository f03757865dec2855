//! An HTTP client with a cookie jar that tests can look into, copy and forge.
//!
//! Every answer must carry its reference, and every refusal the same one. The jar takes a cookie as a browser does, and fails
//! the test where a browser would refuse it or where it is set with less than this project promises. A request goes out on a
//! connection of its own, with its path as it stands.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use http_body_util::{BodyExt as _, Full};
use hyper::{
    HeaderMap, Request,
    body::Bytes,
    client::conn::{http1, http2},
    header::HeaderValue,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ClientConfig;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::support::{poll::within, raw};

/// The cookie of the session. Its name, and that of the others, ends in the port of the site: see [`Client::cookie_name`].
pub const SESSION: &str = "__Host-callgate";
/// The cookie of a remembered browser.
pub const REMEMBER: &str = "__Host-callgate-remember";
/// The cookie of a call that waits to be shown.
pub const CALL: &str = "__Host-callgate-call";
/// The cookie of logins at a provider that have begun.
pub const FLOW: &str = "__Host-callgate-flow";
/// The cookie of the language that was chosen.
pub const LANGUAGE: &str = "__Host-callgate-language";

pub struct Client {
    address: SocketAddr,
    /// The port of the public address of the site, which is another one than that of `address` if the site has several nodes.
    site_port: u16,
    tls: Arc<ClientConfig>,
    /// By the names above, without the port.
    jar: Arc<Mutex<BTreeMap<String, Kept>>>,
}

/// A cookie in the jar.
#[derive(Clone)]
struct Kept {
    sent_as: String,
    value: String,
}

impl Clone for Client {
    /// Another client that starts with a copy of the jar.
    fn clone(&self) -> Self {
        Self {
            address: self.address,
            site_port: self.site_port,
            tls: Arc::clone(&self.tls),
            jar: Arc::new(Mutex::new(self.jar.lock().unwrap().clone())),
        }
    }
}

impl Client {
    /// A client with an empty jar.
    pub fn new(address: SocketAddr, tls: Arc<ClientConfig>) -> Self {
        Self {
            address,
            site_port: address.port(),
            tls,
            jar: Arc::default(),
        }
    }

    /// A client of a site whose public address has this port.
    pub fn of_site(self, site_port: u16) -> Self {
        Self { site_port, ..self }
    }

    /// The same browser, with the same jar, whose requests reach another node of the site.
    pub fn at(&self, address: SocketAddr) -> Self {
        Self {
            address,
            site_port: self.site_port,
            tls: Arc::clone(&self.tls),
            jar: Arc::clone(&self.jar),
        }
    }

    /// The same jar, for a server at another address: as if both were behind one public address.
    pub fn moved_to(&self, other: &Self) -> Self {
        let moved = Self::new(other.address, Arc::clone(&other.tls)).of_site(other.site_port);
        for (name, kept) in &*self.jar.lock().unwrap() {
            moved.put(name, &kept.value);
        }
        moved
    }

    pub fn cookie(&self, name: &str) -> Option<String> {
        self.jar.lock().unwrap().get(name).map(|kept| kept.value.clone())
    }

    /// The name of a cookie of ours as it is sent.
    pub fn cookie_name(&self, name: &str) -> String {
        let jar = self.jar.lock().unwrap();
        let sent_as = jar.get(name).map(|kept| kept.sent_as.clone());
        sent_as.unwrap_or_else(|| format!("{name}-{}", self.site_port))
    }

    /// The value of the session cookie, which must be there.
    pub fn session(&self) -> String {
        self.cookie(SESSION).expect("a session cookie")
    }

    pub fn put(&self, name: &str, value: &str) {
        let kept = Kept {
            sent_as: if [SESSION, REMEMBER, CALL, FLOW, LANGUAGE].contains(&name) {
                self.cookie_name(name)
            } else {
                name.to_owned()
            },
            value: value.to_owned(),
        };
        self.jar.lock().unwrap().insert(name.to_owned(), kept);
    }

    pub fn drop_cookie(&self, name: &str) {
        self.jar.lock().unwrap().remove(name);
    }

    /// The same client with this one cookie only.
    pub fn with_only(&self, name: &str, value: &str) -> Self {
        let client = Self::new(self.address, Arc::clone(&self.tls)).of_site(self.site_port);
        client.put(name, value);
        client
    }

    /// The origin of the server, as its own pages send it.
    pub fn origin(&self) -> String {
        format!("https://{}", self.host())
    }

    /// Name and port of the server.
    pub fn host(&self) -> String {
        format!("localhost:{}", self.site_port)
    }

    pub fn request(&self, method: &str, path: &str) -> Sending<'_> {
        let mut request = Request::new(Full::default());
        *request.method_mut() = method.parse().unwrap();
        Sending {
            client: self,
            path: path.to_owned(),
            request,
            is_http2: false,
        }
    }

    pub async fn get(&self, path: &str) -> Reply {
        self.request("GET", path).send().await
    }

    pub async fn post(&self, path: &str, kind: &str, body: impl AsRef<[u8]>) -> Reply {
        let request = self.request("POST", path).header("content-type", kind);
        request.body(body).send().await
    }

    pub async fn json(&self, path: &str, body: &str) -> Reply {
        self.request("POST", path).json(body).send().await
    }

    /// Calls a function with these arguments.
    pub async fn call(&self, function: &str, arguments: Value) -> Reply {
        self.json(&format!("/api/{function}"), &arguments.to_string()).await
    }

    /// Calls a function that must do it, and gives its reply.
    pub async fn done(&self, function: &str, arguments: Value) -> Value {
        let reply = self.call(function, arguments).await;
        assert_eq!(reply.status, 200, "{function}: {}", reply.body);
        reply.value()
    }

    /// Posts a form, as a browser does without script.
    pub async fn form(&self, path: &str, fields: &[(&str, &str)]) -> Reply {
        self.request("POST", path)
            .form(&serde_urlencoded::to_string(fields).unwrap())
            .send()
            .await
    }

    /// The status of a call to `auth_func`, and the user that it saw.
    pub async fn who(&self) -> Option<String> {
        let reply = self.json("/api/auth_func", "{}").await;
        if reply.status == 401 {
            reply.assert_refused(401, "not_logged_in");
            return None;
        }
        assert_eq!(reply.status, 200, "{}", reply.body);
        let message = reply.message();
        let user = message.strip_prefix("auth_func({}),user_id=");
        Some(user.unwrap_or_else(|| panic!("{message}")).to_owned())
    }

    /// A connection that speaks `http/1.1` or `h2`.
    pub async fn connect(&self, protocol: &str) -> TlsStream<TcpStream> {
        let mut config = (*self.tls).clone();
        config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
        let stream = TcpStream::connect(self.address).await.expect("a connection");
        let stream = raw::handshake(stream, config).await;
        stream.expect("a TLS handshake that verifies")
    }

    fn keep(&self, reply: &Reply) {
        let mut jar = self.jar.lock().unwrap();
        for cookie in reply.set_cookies() {
            match cookie.max_age {
                Some(0) => jar.remove(&cookie.name),
                _ => jar.insert(
                    cookie.name,
                    Kept {
                        sent_as: cookie.set_as,
                        value: cookie.value,
                    },
                ),
            };
        }
    }
}

/// A request that is being put together.
pub struct Sending<'a> {
    client: &'a Client,
    path: String,
    request: Request<Full<Bytes>>,
    is_http2: bool,
}

impl Sending<'_> {
    pub fn header(self, name: &'static str, value: &str) -> Self {
        self.header_bytes(name, value.as_bytes())
    }

    /// Adds a header with a value that is not text.
    pub fn header_bytes(mut self, name: &'static str, value: &[u8]) -> Self {
        let value = HeaderValue::from_bytes(value).unwrap();
        self.request.headers_mut().append(name, value);
        self
    }

    pub fn body(mut self, body: impl AsRef<[u8]>) -> Self {
        *self.request.body_mut() = Full::from(body.as_ref().to_vec());
        self
    }

    pub fn json(self, body: impl AsRef<[u8]>) -> Self {
        self.header("content-type", "application/json").body(body)
    }

    /// A form that a page of this site sends.
    pub fn form(self, body: &str) -> Self {
        let origin = self.client.origin();
        self.header("content-type", "application/x-www-form-urlencoded")
            .header("origin", &origin)
            .header("sec-fetch-site", "same-origin")
            .body(body)
    }

    pub fn http2(mut self) -> Self {
        self.is_http2 = true;
        self
    }

    /// Sends it, keeps the cookies of the answer, and gives the answer.
    pub async fn send(self) -> Reply {
        let client = self.client;
        // Boxed, for this is a part of most futures of tests.
        let reply = within("an answer", Box::pin(self.exchange())).await;
        client.keep(&reply);
        reply
    }

    async fn exchange(self) -> Reply {
        let Self {
            client,
            path,
            mut request,
            is_http2,
        } = self;
        let pair = |kept: &Kept| format!("{}={}", kept.sent_as, kept.value);
        let cookies: Vec<String> = client.jar.lock().unwrap().values().map(pair).collect();
        let headers = request.headers_mut();
        if !cookies.is_empty() {
            headers.append("cookie", cookies.join("; ").parse().unwrap());
        }
        let target = if is_http2 {
            format!("https://{}{path}", client.host())
        } else {
            headers.insert("host", client.host().parse().unwrap());
            path
        };
        *request.uri_mut() = target.parse().unwrap();
        let asked = format!("{} {}", request.method(), request.uri());

        let io = TokioIo::new(client.connect(if is_http2 { "h2" } else { "http/1.1" }).await);
        let (driver, response) = if is_http2 {
            let (mut sender, connection) = http2::handshake(TokioExecutor::new(), io).await.unwrap();
            (tokio::spawn(connection), sender.send_request(request).await)
        } else {
            let (mut sender, connection) = http1::handshake(io).await.unwrap();
            (tokio::spawn(connection), sender.send_request(request).await)
        };
        let reply = Reply::read(response.unwrap_or_else(|error| panic!("no answer to {asked}: {error:?}"))).await;
        driver.abort();
        reply
    }
}

#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Reply {
    async fn read(response: hyper::Response<hyper::body::Incoming>) -> Self {
        let (head, body) = response.into_parts();
        let body = body.collect().await.expect("a whole body").to_bytes();
        let reply = Self {
            status: head.status.as_u16(),
            headers: head.headers,
            body: String::from_utf8(body.to_vec()).expect("UTF-8"),
        };
        let reference = reply.reference();
        let is_text = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        assert!(reference.len() == 13 && reference.bytes().all(is_text), "{reference}");
        reply
    }

    /// What finds the request in the log.
    pub fn reference(&self) -> &str {
        self.header("x-request-id")
    }

    /// The body of a refusal without its reference, which must be there, to be compared with that of another one.
    pub fn without_reference(&self) -> String {
        let field = format!(r#","request_id":"{}""#, self.reference());
        assert_eq!(self.body.matches(&field).count(), 1, "{}", self.body);
        self.body.replace(&field, "")
    }

    /// All that it says, but for what is new in every answer.
    pub fn without_what_is_new(&self) -> (u16, String, HeaderMap) {
        let mut headers = self.headers.clone();
        headers.remove("date");
        headers.remove("x-request-id");
        (self.status, self.without_reference(), headers)
    }

    /// A header that may be there once.
    pub fn find(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next()?;
        assert!(values.next().is_none(), "{name} comes twice");
        Some(value.to_str().expect("text"))
    }

    /// A header that is there once.
    pub fn header(&self, name: &str) -> &str {
        let found = self.find(name);
        found.unwrap_or_else(|| panic!("no {name} in {:?}", self.headers))
    }

    /// The body as JSON.
    pub fn value(&self) -> Value {
        let kind = self.header("content-type");
        assert!(kind.starts_with("application/json"), "{kind}");
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// The `msg` of an answer.
    pub fn message(&self) -> String {
        self.value()["msg"].as_str().expect("a msg").to_owned()
    }

    /// What a refusal says to people.
    pub fn error(&self) -> String {
        self.value()["error"].as_str().expect("an error").to_owned()
    }

    /// The `code` of a refusal, which must be whole.
    pub fn code(&self) -> String {
        let value = self.value();
        assert_eq!(value["ok"], Value::Bool(false), "{value}");
        assert!(!self.error().is_empty());
        assert_eq!(value["request_id"], self.reference(), "{value}");
        value["code"].as_str().expect("a code").to_owned()
    }

    /// Fails unless it is a whole refusal with that status and code.
    #[track_caller]
    pub fn assert_refused(&self, status: u16, code: &str) {
        let found = (self.status, self.code());
        assert_eq!(found, (status, code.to_owned()), "{}", self.body);
    }

    /// Fails unless it leads there, as every form does that was sent.
    #[track_caller]
    pub fn assert_leads_to(&self, location: &str) {
        assert_eq!(
            (self.status, self.find("location")),
            (303, Some(location)),
            "{}",
            self.body
        );
    }

    /// The cookies that it sets.
    pub fn set_cookies(&self) -> Vec<SetCookie> {
        self.headers
            .get_all("set-cookie")
            .iter()
            .map(|header| SetCookie::read(header.to_str().expect("text")))
            .collect()
    }

    /// The names of the cookies that it sets or removes, in order.
    pub fn cookie_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.set_cookies().into_iter().map(|cookie| cookie.name).collect();
        names.sort();
        names
    }

    /// Whether the page shows `text` as text.
    pub fn shows(&self, text: &str) -> bool {
        self.body.contains(text)
    }
}

/// A cookie as an answer sets it.
#[derive(Debug)]
pub struct SetCookie {
    /// Without the port.
    pub name: String,
    /// With it.
    pub set_as: String,
    pub value: String,
    pub max_age: Option<i64>,
}

impl SetCookie {
    /// Reads the header, and fails where the cookie is not as well kept as it must be.
    fn read(header: &str) -> Self {
        let mut parts = header.split(';').map(str::trim);
        let (name, value) = parts.next().unwrap().split_once('=').unwrap();
        let attributes: Vec<String> = parts.map(str::to_ascii_lowercase).collect();
        assert!(name.starts_with("__Host-"), "{header}");
        for wanted in ["secure", "httponly", "samesite=lax", "path=/"] {
            assert!(attributes.iter().any(|attribute| attribute == wanted), "{header}");
        }
        let has_domain = attributes.iter().any(|attribute| attribute.starts_with("domain"));
        assert!(!has_domain, "{header}");
        assert!(name.len() + value.len() <= 4096, "{header}");
        let max_age = attributes
            .iter()
            .find_map(|attribute| attribute.strip_prefix("max-age="))
            .map(|age| age.parse().unwrap());
        if max_age == Some(0) {
            assert_eq!(value, "", "a removal carries no value");
        }
        let is_port = |end: &str| !end.is_empty() && end.bytes().all(|byte| byte.is_ascii_digit());
        let base = name
            .rsplit_once('-')
            .filter(|(_, end)| is_port(end))
            .map_or(name, |(base, _)| base);
        Self {
            name: base.to_owned(),
            set_as: name.to_owned(),
            value: value.to_owned(),
            max_age,
        }
    }
}
