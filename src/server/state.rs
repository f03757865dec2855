//! The application state: built once at start-up and shared by all requests.

use std::{fmt, sync::Arc};

use tokio_util::sync::CancellationToken;

use crate::server::{
    audit::Audit,
    config::{self, Settings, origin},
    nodes::Node,
    oidc::Providers,
    passwords::Passwords,
    sessions::store::Store,
    storage::{OpenFor, Storage},
    throttle::{Throttle, pending_calls::PendingCallLimiter},
};

/// How many logins at providers one owner can start per minute: the user who is logged in, or the client IP (IPv6: one /64).
const LOGIN_FLOWS_PER_MINUTE: u32 = 1200;

/// Settings, database, sessions, password hashing, rate limits, providers and audit log. Cheap to clone.
#[derive(Clone)]
pub struct AppState(Arc<Inner>);

struct Inner {
    settings: Settings,
    storage: Storage,
    sessions: Arc<Store>,
    passwords: Passwords,
    throttle: Throttle,
    pending_call_limiter: PendingCallLimiter,
    login_flow_limiter: PendingCallLimiter,
    providers: Providers,
    audit: Audit,
    shutdown: CancellationToken,
    node: Node,
    cookie_suffix: String,
}

impl AppState {
    /// Opens the database of `settings`.
    ///
    /// Commands work without the secrets of providers, which may be readable for the server only. Then they have no
    /// [`Self::providers`].
    pub async fn open(settings: Settings, open_for: OpenFor) -> anyhow::Result<Self> {
        let providers = match Providers::new(&settings) {
            Err(error) if open_for != OpenFor::Serve => {
                tracing::debug!("no provider can be used: {error:#}");
                Providers::default()
            }
            providers => providers?,
        };
        let storage = Storage::open(&settings.data, &settings.database, open_for, settings.demo).await?;
        Self::from_storage(storage, settings, providers)
    }

    /// Creates a state with an empty, private in-memory database.
    pub async fn in_memory(settings: Settings) -> anyhow::Result<Self> {
        let providers = Providers::new(&settings)?;
        Self::from_storage(Storage::in_memory().await?, settings, providers)
    }

    fn from_storage(storage: Storage, settings: Settings, providers: Providers) -> anyhow::Result<Self> {
        let passwords = Passwords::new(&settings.passwords)?;
        let node = Node::new(&settings.database)?;
        Ok(Self::new(storage, settings, passwords, providers, node))
    }

    /// Creates a state with the same settings and another database, to evaluate guards against hypothetical roles.
    #[must_use]
    pub fn with_storage(&self, storage: Storage) -> Self {
        let (settings, passwords, providers) = (self.settings(), self.passwords(), self.providers());
        let node = self.node().clone();
        Self::new(storage, settings.clone(), passwords.clone(), providers.clone(), node)
    }

    fn new(storage: Storage, settings: Settings, passwords: Passwords, providers: Providers, node: Node) -> Self {
        let storage = storage.with_issuers(settings.providers.iter().map(config::Provider::issuer));
        let inner = Inner {
            sessions: Arc::new(Store::new(storage.clone(), &settings.sessions)),
            passwords,
            throttle: Throttle::new(storage.clone(), &settings),
            pending_call_limiter: PendingCallLimiter::new(settings.limits.kept_calls_per_minute.get()),
            login_flow_limiter: PendingCallLimiter::new(LOGIN_FLOWS_PER_MINUTE),
            providers,
            audit: Audit::new(storage.clone()),
            shutdown: CancellationToken::new(),
            node,
            cookie_suffix: origin::cookie_suffix(&settings.origin()),
            storage,
            settings,
        };
        Self(Arc::new(inner))
    }

    pub fn settings(&self) -> &Settings {
        &self.0.settings
    }

    /// The suffix of all cookie names of this site; see [`origin::cookie_suffix`].
    pub fn cookie_suffix(&self) -> &str {
        &self.0.cookie_suffix
    }

    pub fn storage(&self) -> &Storage {
        &self.0.storage
    }

    /// This node, among those that share the database.
    pub fn node(&self) -> &Node {
        &self.0.node
    }

    pub fn sessions(&self) -> &Arc<Store> {
        &self.0.sessions
    }

    pub fn passwords(&self) -> &Passwords {
        &self.0.passwords
    }

    /// The audit log and the call log.
    pub fn audit(&self) -> &Audit {
        &self.0.audit
    }

    /// Cancelled when the shutdown begins.
    pub fn shutdown(&self) -> &CancellationToken {
        &self.0.shutdown
    }

    pub fn pending_call_limiter(&self) -> &PendingCallLimiter {
        &self.0.pending_call_limiter
    }

    /// The rate limit for starting logins at providers: each start is a database write, too.
    pub fn login_flow_limiter(&self) -> &PendingCallLimiter {
        &self.0.login_flow_limiter
    }

    pub fn providers(&self) -> &Providers {
        &self.0.providers
    }

    /// The settings of the provider with that issuer, if it is configured.
    pub fn provider_settings(&self, issuer: &str) -> Option<&config::Provider> {
        self.settings()
            .providers
            .iter()
            .find(|provider| provider.issuer() == issuer)
    }

    /// The rate limits for logins.
    pub fn throttle(&self) -> &Throttle {
        &self.0.throttle
    }
}

impl fmt::Debug for AppState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AppState(…)")
    }
}
