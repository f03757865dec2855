//! A provider that does what it should not. It speaks HTTP byte by byte, so that it can break that, too. One server has any
//! number of issuers, each under a path of its own.

use std::{
    collections::BTreeMap,
    net::Ipv4Addr,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use rustls::ServerConfig;
use serde_json::{Map, Value, json};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpListener,
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

use super::forge::{Draft, Key, decoded, encoded, id_claims, logout_claims, object};

/// The server. It ends when it is dropped.
pub struct Hostile {
    base: String,
    issuers: Issuers,
    task: JoinHandle<()>,
}

type Issuers = Arc<Mutex<BTreeMap<String, Arc<Issuer>>>>;

impl Drop for Hostile {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Hostile {
    pub async fn start() -> Self {
        Self::start_with(None).await
    }

    /// One that speaks TLS, as `localhost`.
    pub async fn start_tls(tls: ServerConfig) -> Self {
        Self::start_with(Some(TlsAcceptor::from(Arc::new(tls)))).await
    }

    async fn start_with(tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let base = match &tls {
            Some(_) => format!("https://localhost:{}", address.port()),
            None => format!("http://{address}"),
        };
        let issuers = Issuers::default();
        let found = Arc::clone(&issuers);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (issuers, tls) = (Arc::clone(&found), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => serve(stream, &issuers).await,
                        // A client that does not trust the certificate is gone before this.
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => serve(stream, &issuers).await,
                            Err(_) => None,
                        },
                    }
                });
            }
        });
        Self { base, issuers, task }
    }

    /// The issuer under this path. It is there as soon as it is asked for.
    pub fn issuer(&self, name: &str) -> Arc<Issuer> {
        let mut issuers = self.issuers.lock().unwrap();
        let new = || Arc::new(Issuer::new(name, &format!("{}/{name}", self.base)));
        Arc::clone(issuers.entry(name.to_owned()).or_insert_with(new))
    }
}

/// An issuer, which is as it should be until a test changes it.
pub struct Issuer {
    /// The path, which the tests take as the key in the settings, too.
    pub key: String,
    pub url: String,
    state: Mutex<State>,
}

struct State {
    signing: Key,
    published: Value,
    metadata: Map<String, Value>,
    answers: BTreeMap<String, Answer>,
    grants: BTreeMap<String, Grant>,
    requests: Vec<Request>,
}

/// A request as it came.
#[derive(Clone, Debug)]
pub struct Request {
    /// Without the path of the issuer.
    pub path: String,
    pub head: String,
    pub body: String,
}

/// What a code is good for.
pub struct Grant {
    pub nonce: String,
    pub challenge: String,
    pub subject: String,
    /// Further claims of the ID token.
    pub claims: Map<String, Value>,
    pub attack: Box<dyn Fn(&mut Draft) + Send>,
    /// Changes the answer that the tokens are in.
    pub answer: Box<dyn Fn(&mut Value) + Send>,
}

/// An answer that is sent in place of the right one.
#[derive(Clone)]
pub enum Answer {
    Json(u16, Value),
    /// A status, a content type and a body.
    Text(u16, &'static str, String),
    /// A status with further lines of the head.
    Head(u16, String),
    /// 50 MB that are announced.
    Huge,
    /// Chunks without an end.
    Endless,
    /// 100 KB of headers.
    Headers,
    /// A body that ends before its length.
    Cut,
    /// No answer, on a connection that stays.
    Silence,
    /// A byte now and then.
    Drops,
    /// The end of the connection.
    Closed,
}

impl Issuer {
    fn new(key: &str, url: &str) -> Self {
        let signing = Key::ec(&format!("{key}-1"));
        let metadata = json!({
            "issuer": url,
            "authorization_endpoint": format!("{url}/authorize"),
            "token_endpoint": format!("{url}/token"),
            "userinfo_endpoint": format!("{url}/userinfo"),
            "jwks_uri": format!("{url}/jwks"),
            "end_session_endpoint": format!("{url}/end"),
            "response_types_supported": ["code"],
            "code_challenge_methods_supported": ["S256"],
            "id_token_signing_alg_values_supported": ["none", "HS256", "RS256", "PS256", "ES256", "EdDSA"],
            "authorization_response_iss_parameter_supported": true,
        });
        Self {
            key: key.to_owned(),
            url: url.to_owned(),
            state: Mutex::new(State {
                published: json!({"keys": [signing.jwk]}),
                signing,
                metadata: object(metadata),
                answers: BTreeMap::new(),
                grants: BTreeMap::new(),
                requests: Vec::new(),
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// The key that signs.
    pub fn signing(&self) -> Key {
        self.state().signing.clone()
    }

    pub fn sign_by(&self, key: &Key) {
        self.state().signing = key.clone();
    }

    /// Publishes these keys only.
    pub fn publish(&self, keys: &[Value]) {
        self.state().published = json!({"keys": keys});
    }

    /// Changes the metadata. A value of `null` removes it.
    pub fn metadata(&self, name: &str, value: impl Into<Value>) {
        let value = value.into();
        let metadata = &mut self.state().metadata;
        if value.is_null() {
            metadata.remove(name);
        } else {
            metadata.insert(name.to_owned(), value);
        }
    }

    /// Answers so from now on at an endpoint such as `/token`.
    pub fn answer(&self, endpoint: &str, answer: Answer) {
        self.state().answers.insert(endpoint.to_owned(), answer);
    }

    /// Answers again as it should.
    pub fn recover(&self) {
        self.state().answers.clear();
    }

    /// Grants a code, and gives it.
    pub fn grant(&self, grant: Grant) -> String {
        static CODES: AtomicU32 = AtomicU32::new(0);
        let code = format!("canary-code-{}", CODES.fetch_add(1, Ordering::Relaxed));
        self.state().grants.insert(code.clone(), grant);
        code
    }

    /// The requests to an endpoint up to now.
    pub fn requests(&self, endpoint: &str) -> Vec<Request> {
        let state = self.state();
        let requests = state.requests.iter().filter(|request| request.path == endpoint);
        requests.cloned().collect()
    }

    /// A logout token, after a test has changed it.
    pub fn logout_token(&self, jti: &str, change: impl FnOnce(&mut Draft)) -> String {
        let mut draft = Draft::signed_by(&self.signing(), logout_claims(&self.url, jti));
        draft.header("typ", "logout+jwt");
        change(&mut draft);
        draft.token()
    }

    fn respond(&self, request: Request) -> Answer {
        let mut state = self.state();
        let Request { path, head, body } = request.clone();
        state.requests.push(request);
        if let Some(answer) = state.answers.get(&path) {
            return answer.clone();
        }
        match path.as_str() {
            "/.well-known/openid-configuration" => Answer::Json(200, Value::Object(state.metadata.clone())),
            "/jwks" => Answer::Json(200, state.published.clone()),
            "/token" => self.exchange(&mut state, &body),
            "/userinfo" => Answer::Json(200, json!({"sub": bearer(&head)})),
            _ => Answer::Json(404, json!({})),
        }
    }

    /// Exchanges a code for tokens, once and to whom has its verifier (RFC 7636, section 4.6).
    fn exchange(&self, state: &mut State, body: &str) -> Answer {
        use sha2::{Digest as _, Sha256};
        let form: BTreeMap<String, String> = serde_urlencoded::from_str(body).unwrap_or_default();
        let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        let Some(grant) = state.grants.remove(field("code")) else {
            return Answer::Json(400, json!({"error": "invalid_grant"}));
        };
        if encoded(Sha256::digest(field("code_verifier"))) != grant.challenge {
            return Answer::Json(
                400,
                json!({"error": "invalid_grant", "error_description": "canary-wrong-verifier"}),
            );
        }
        let mut draft = Draft::signed_by(&state.signing, id_claims(&self.url, &grant.subject, &grant.nonce));
        draft.claims.extend(grant.claims);
        (grant.attack)(&mut draft);
        let mut answer = json!({
            "access_token": access_token(&grant.subject),
            "token_type": "Bearer",
            "expires_in": 60,
            "id_token": draft.token(),
        });
        (grant.answer)(&mut answer);
        Answer::Json(200, answer)
    }
}

/// The access token for an account.
pub fn access_token(subject: &str) -> String {
    format!("canary-access-token.{}", encoded(subject))
}

/// Whose access token the head of a request holds.
fn bearer(head: &str) -> Option<String> {
    let (_, token) = head.split_once("canary-access-token.")?;
    let text = token.split_ascii_whitespace().next()?;
    String::from_utf8(decoded(text)).ok()
}

/// Answers one request. `None` if the connection ended before.
async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, issuers: &Issuers) -> Option<()> {
    let (target, head, body) = read(&mut stream).await?;
    let (name, path) = target[1..].split_once('/').unwrap_or((&target[1..], ""));
    let request = Request {
        path: format!("/{}", path.split('?').next().unwrap()),
        head,
        body,
    };
    let issuer = issuers.lock().unwrap().get(name).cloned();
    let answer = issuer.map_or(Answer::Closed, |issuer| issuer.respond(request));
    send(&mut stream, answer).await
}

/// Reads a request: its target, its head and its body.
async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<(String, String, String)> {
    let mut all = Vec::new();
    loop {
        let mut some = [0; 4096];
        let count = stream.read(&mut some).await.ok().filter(|count| *count > 0)?;
        all.extend(&some[..count]);
        let text = String::from_utf8_lossy(&all).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let lines = head.to_ascii_lowercase();
        let length = lines.lines().find_map(|line| line.strip_prefix("content-length:"));
        if body.len() >= length.map_or(0, |length| length.trim().parse().unwrap()) {
            let target = head.split_ascii_whitespace().nth(1)?.to_owned();
            return Some((target, head.to_owned(), body.to_owned()));
        }
    }
}

async fn send(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), answer: Answer) -> Option<()> {
    let json = "application/json";
    let whole = |status: u16, kind: &str, body: &str| {
        format!(
            "HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        )
    };
    let announced = |bytes: usize| {
        format!("HTTP/1.1 200 OK\r\nContent-Type: {json}\r\nContent-Length: {bytes}\r\nConnection: close\r\n\r\n")
    };
    let start = match &answer {
        Answer::Json(status, value) => whole(*status, json, &value.to_string()),
        Answer::Text(status, kind, body) => whole(*status, kind, body),
        Answer::Head(status, lines) => {
            format!("HTTP/1.1 {status} X\r\n{lines}Content-Length: 0\r\nConnection: close\r\n\r\n")
        }
        Answer::Huge => announced(50_000_000),
        Answer::Endless => format!("HTTP/1.1 200 OK\r\nContent-Type: {json}\r\nTransfer-Encoding: chunked\r\n\r\n"),
        Answer::Headers => {
            let line = format!("X-Filler: {}\r\n", "x".repeat(90));
            let lines = line.repeat(1_000);
            format!("HTTP/1.1 200 OK\r\nContent-Type: {json}\r\n{lines}Content-Length: 2\r\n\r\n{{}}")
        }
        Answer::Cut => announced(1000) + r#"{"access_token":"#,
        Answer::Drops => announced(1000),
        Answer::Silence | Answer::Closed => String::new(),
    };
    stream.write_all(start.as_bytes()).await.ok()?;
    match answer {
        Answer::Huge => {
            for _ in 0..50 {
                stream.write_all(&vec![b' '; 1_000_000]).await.ok()?;
            }
        }
        Answer::Endless => loop {
            stream
                .write_all(format!("1000\r\n{}\r\n", " ".repeat(0x1000)).as_bytes())
                .await
                .ok()?;
        },
        Answer::Drops => {
            let mut ticks = tokio::time::interval(Duration::from_millis(500));
            loop {
                ticks.tick().await;
                stream.write_all(b" ").await.ok()?;
            }
        }
        // Until the client closes.
        Answer::Silence => {
            let _ = stream.read(&mut [0]).await.ok()?;
        }
        _ => {}
    }
    // With TLS, its goodbye.
    stream.shutdown().await.ok()
}
