//! `[[providers]]`: OpenID Connect and OAuth 2 providers that people log in with.

mod check;

use std::{collections::BTreeMap, path::PathBuf};

use serde::Deserialize;

pub(super) use self::check::check;

/// The printed form of the section. confique cannot print a list of tables.
pub(super) const TEMPLATE: &str = include_str!("providers/template.toml");

/// A provider as configured. Defaults that depend on `kind` are resolved by the methods.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a setting of its own")]
pub struct Provider {
    pub key: String,
    #[serde(default)]
    pub kind: ProviderKind,
    pub name: String,
    issuer: Option<String>,
    base: Option<String>,
    pub client_id: String,
    pub client_secret_file: Option<PathBuf>,
    pub client_secret_variable: Option<String>,
    #[serde(default)]
    pub client_auth: ClientAuth,
    scopes: Option<Vec<String>>,
    #[serde(default = "all_algorithms")]
    pub algorithms: Vec<Algorithm>,
    pub ca_file: Option<PathBuf>,
    #[serde(default)]
    pub userinfo: UserInfo,
    #[serde(default)]
    pub provision: Provision,
    name_claim: Option<String>,
    #[serde(default)]
    pub exact_names: bool,
    label_claim: Option<String>,
    #[serde(default)]
    pub default_roles: Vec<String>,
    #[serde(default)]
    pub allow: Vec<AllowRule>,
    #[serde(default)]
    pub roles: Vec<RoleRule>,
    #[serde(default)]
    pub may_map_admin: bool,
    fresh: Option<Fresh>,
    #[serde(default)]
    pub remember: bool,
    #[serde(default)]
    pub logout: ProviderLogout,
    #[serde(default = "yes")]
    pub backchannel_logout: bool,
    pub session_hours: Option<u32>,
    #[serde(default)]
    pub extra: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderKind {
    /// OpenID Connect, with discovery.
    #[default]
    Oidc,
    /// Plain OAuth 2 with the endpoints of GitHub.
    Github,
}

/// Authentication of the client at the token endpoint (RFC 6749, section 2.3.1).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuth {
    /// As the metadata of the provider says: `Basic` if it lists that or nothing, else `Post`.
    #[default]
    Auto,
    Basic,
    Post,
    /// A public client, which has no secret.
    None,
}

/// A signature algorithm (RFC 7518, section 3.1; RFC 8037).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, strum::IntoStaticStr, strum::EnumString)]
pub enum Algorithm {
    RS256,
    RS384,
    RS512,
    PS256,
    PS384,
    PS512,
    ES256,
    ES384,
    #[serde(alias = "Ed25519")]
    EdDSA,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserInfo {
    /// Asked if the ID token lacks a claim that a setting names.
    #[default]
    IfMissing,
    Always,
    Never,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provision {
    /// Only linked accounts get in.
    #[default]
    Closed,
    /// An unknown account that the rules allow gets a new user.
    Open,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fresh {
    /// A verified `auth_time` claim makes a login fresh.
    AuthTime,
    Never,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProviderLogout {
    #[default]
    Offer,
    Always,
    Never,
}

/// A condition for logging in.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
pub enum AllowRule {
    /// The claim at this JSON pointer equals the value, or is a list that contains it.
    Claim { claim: String, value: String },
    /// The `email` claim is verified and its domain is one of these.
    EmailDomains { email_domains: Vec<String> },
}

/// A role for everybody with this claim.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleRule {
    pub claim: String,
    pub value: String,
    pub role: String,
}

fn yes() -> bool {
    true
}

fn all_algorithms() -> Vec<Algorithm> {
    use Algorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
    vec![RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, EdDSA]
}

impl Provider {
    /// The issuer, which identifies accounts together with their subject.
    pub fn issuer(&self) -> &str {
        match self.kind {
            ProviderKind::Oidc => self.issuer.as_deref().unwrap_or_default(),
            ProviderKind::Github => self.base(),
        }
    }

    /// The address of GitHub, or of a GitHub Enterprise Server.
    pub fn base(&self) -> &str {
        self.base.as_deref().unwrap_or("https://github.com")
    }

    pub fn scopes(&self) -> Vec<String> {
        let default = match self.kind {
            ProviderKind::Oidc => vec!["openid", "profile", "email"],
            ProviderKind::Github if self.needs_email() => vec!["read:user", "user:email"],
            ProviderKind::Github => vec!["read:user"],
        };
        let default = || default.into_iter().map(str::to_owned).collect();
        self.scopes.clone().unwrap_or_else(default)
    }

    pub fn name_claim(&self) -> &str {
        self.name_claim.as_deref().unwrap_or(match self.kind {
            ProviderKind::Oidc => "/preferred_username",
            ProviderKind::Github => "/login",
        })
    }

    pub fn label_claim(&self) -> &str {
        self.label_claim.as_deref().unwrap_or(match self.kind {
            ProviderKind::Oidc => "/email",
            ProviderKind::Github => "/login",
        })
    }

    pub fn fresh(&self) -> Fresh {
        self.fresh.unwrap_or(match self.kind {
            ProviderKind::Oidc => Fresh::AuthTime,
            ProviderKind::Github => Fresh::Never,
        })
    }

    /// Whether a rule looks at the e-mail address.
    pub fn needs_email(&self) -> bool {
        self.allow
            .iter()
            .any(|rule| matches!(rule, AllowRule::EmailDomains { .. }))
    }
}
