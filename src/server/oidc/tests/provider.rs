//! Keys, tokens and a provider on loopback for the unit tests.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex},
};

use axum::{
    Router,
    body::{Body, to_bytes},
    extract::{Request, State},
    http::header::CONTENT_TYPE,
    response::{IntoResponse as _, Response},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{EncodingKey, crypto, jwk::Jwk};
use rcgen::{KeyPair, RsaKeySize};
use serde_json::{Value, json};
use tokio::{net::TcpListener, sync::Semaphore, time::Duration};

use super::super::{
    http_client::Limits,
    provider::Provider,
    signatures::{self, Algorithm, KeyType},
};
use crate::server::config;

pub const CLIENT_ID: &str = "callgate";

/// Settings of a provider; `more` is TOML.
pub fn settings(issuer: &str, more: &str) -> config::Provider {
    let auth = if more.contains("client_auth") {
        ""
    } else {
        "client_auth = \"none\""
    };
    let issuer = if more.contains("github") {
        format!("base = \"{issuer}\"")
    } else {
        format!("issuer = \"{issuer}\"")
    };
    let text = format!("key = \"example\"\nname = \"Example\"\nclient_id = \"{CLIENT_ID}\"\n{issuer}\n{auth}\n{more}");
    toml::from_str(&text).unwrap()
}

/// A private key of a provider.
pub struct Signer {
    algorithm: Algorithm,
    id: String,
    key: EncodingKey,
    jwk: Value,
}

impl Signer {
    pub fn new(algorithm: Algorithm, id: &str) -> Self {
        // Generating an RSA key is slow.
        static RSA: LazyLock<Vec<u8>> = LazyLock::new(|| {
            let key = KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
            // The RSA key in a PKCS #8 structure begins after a fixed prefix.
            key.serialize_der()[26..].to_vec()
        });
        let key_pair = |algorithm| KeyPair::generate_for(algorithm).unwrap();
        let mut ed25519 = None;
        let key = match signatures::key_type(algorithm) {
            KeyType::Rsa => EncodingKey::from_rsa_der(&RSA),
            KeyType::P256 => EncodingKey::from_ec_der(&key_pair(&rcgen::PKCS_ECDSA_P256_SHA256).serialize_der()),
            KeyType::P384 => EncodingKey::from_ec_der(&key_pair(&rcgen::PKCS_ECDSA_P384_SHA384).serialize_der()),
            KeyType::Ed25519 => {
                let pair = key_pair(&rcgen::PKCS_ED25519);
                ed25519 = Some(URL_SAFE_NO_PAD.encode(pair.public_key_raw()));
                EncodingKey::from_ed_der(&pair.serialize_der())
            }
        };
        let jwk = if let Some(x) = ed25519 {
            json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "x": x})
        } else {
            let jwk = Jwk::from_encoding_key(&key, signatures::jwa(algorithm)).unwrap();
            serde_json::to_value(jwk).unwrap()
        };
        Self {
            algorithm,
            id: id.to_owned(),
            key,
            jwk,
        }
    }

    pub fn jwk(&self) -> Value {
        let mut jwk = self.jwk.clone();
        jwk["kid"] = self.id.as_str().into();
        jwk
    }

    pub fn header(&self) -> Value {
        let name: &str = self.algorithm.into();
        json!({"alg": name, "kid": self.id})
    }

    pub fn token(&self, header: &Value, claims: &Value) -> String {
        self.token_of_texts(&header.to_string(), &claims.to_string())
    }

    pub fn token_of_texts(&self, header: &str, claims: &str) -> String {
        let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = self.sign_bytes(message.as_bytes());
        format!("{message}.{signature}")
    }

    pub fn sign_bytes(&self, message: &[u8]) -> String {
        crypto::sign(message, &self.key, signatures::jwa(self.algorithm)).unwrap()
    }
}

type Reply = Arc<dyn Fn() -> Response + Send + Sync>;

/// A provider whose responses tests choose by path.
#[derive(Clone)]
pub struct TestProvider {
    pub issuer: String,
    replies: Arc<Mutex<HashMap<String, Reply>>>,
    requests: Arc<Mutex<Vec<Received>>>,
}

/// A request that the provider received.
#[derive(Clone)]
pub struct Received {
    pub path: String,
    pub authorization: Option<String>,
    pub body: String,
}

impl TestProvider {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let provider = Self {
            issuer: format!("http://{}", listener.local_addr().unwrap()),
            replies: Arc::default(),
            requests: Arc::default(),
        };
        provider.json("/.well-known/openid-configuration", provider.metadata());
        let router = Router::new().fallback(answer).with_state(provider.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        provider
    }

    /// The metadata that it starts with.
    pub fn metadata(&self) -> Value {
        let issuer = self.issuer.as_str();
        json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/keys"),
            "userinfo_endpoint": format!("{issuer}/userinfo"),
            "end_session_endpoint": format!("{issuer}/logout"),
            "id_token_signing_alg_values_supported": ["RS256", "ES256", "EdDSA"],
            "authorization_response_iss_parameter_supported": true,
        })
    }

    /// Sets the JSON that a path responds with.
    pub fn json(&self, path: &str, value: Value) {
        self.text(path, 200, "application/json", &value.to_string());
    }

    pub fn text(&self, path: &str, status: u16, content_type: &'static str, body: &str) {
        let body = body.to_owned();
        self.reply(path, move || {
            let builder = Response::builder().status(status).header(CONTENT_TYPE, content_type);
            builder.body(Body::from(body.clone())).unwrap()
        });
    }

    pub fn reply(&self, path: &str, reply: impl Fn() -> Response + Send + Sync + 'static) {
        self.replies.lock().unwrap().insert(path.to_owned(), Arc::new(reply));
    }

    /// The requests for a path so far.
    pub fn received(&self, path: &str) -> Vec<Received> {
        let requests = self.requests.lock().unwrap();
        requests
            .iter()
            .filter(|request| request.path == path)
            .cloned()
            .collect()
    }

    /// A client whose time limits are only for hangs; `more` is TOML.
    pub fn client(&self, more: &str) -> Provider {
        let minute = Duration::from_mins(1);
        self.client_within(more, minute, minute)
    }

    /// A client that soon gives up, for providers that do not answer.
    pub fn impatient_client(&self) -> Provider {
        self.client_within("", Duration::from_millis(500), Duration::from_millis(100))
    }

    /// A client with these limits for a request, and for waiting for others.
    pub fn client_within(&self, more: &str, request_timeout: Duration, queue_timeout: Duration) -> Provider {
        let limits = Limits {
            connect_timeout: request_timeout,
            request_timeout,
            login_timeout: request_timeout * 4,
            queue_timeout,
            ..Limits::default()
        };
        let redirect_uri = "https://localhost/login/with/example/callback".to_owned();
        let permits = Arc::new(Semaphore::new(16));
        Provider::with_limits(settings(&self.issuer, more), redirect_uri, limits, permits).unwrap()
    }
}

async fn answer(State(provider): State<TestProvider>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, 100_000).await.unwrap();
    let authorization = parts.headers.get("authorization");
    let path = parts.uri.path().to_owned();
    provider.requests.lock().unwrap().push(Received {
        path: path.clone(),
        authorization: authorization.map(|value| value.to_str().unwrap().to_owned()),
        body: String::from_utf8(body.to_vec()).unwrap(),
    });
    let reply = provider.replies.lock().unwrap().get(&path).cloned();
    match reply {
        Some(reply) => reply(),
        None => 404_u16.to_string().into_response(),
    }
}
