//! Rejects provider settings that are invalid or contradict each other.

use url::Url;

use super::{AllowRule, ClientAuth, Fresh, Provider, ProviderKind};

/// Parameters of the authorization request that Callgate sets itself.
const RESERVED_PARAMETERS: [&str; 12] = [
    "response_type",
    "response_mode",
    "client_id",
    "client_secret",
    "redirect_uri",
    "scope",
    "state",
    "nonce",
    "code_challenge",
    "code_challenge_method",
    "prompt",
    "max_age",
];

impl Provider {
    /// Rejects values that are invalid or contradict each other. The error names the key.
    fn check(&self) -> Result<(), String> {
        let error = |key: &str, problem: &str| Err(format!("providers.{}.{key} {problem}", self.key));
        let is_key = |key: &str| {
            (1..=32).contains(&key.len())
                && key
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
        };
        if !is_key(&self.key) {
            return Err(format!(
                "providers: the key \"{}\" must have 1 to 32 characters of a-z, 0-9 and -",
                self.key
            ));
        }
        if !(1..=40).contains(&self.name.trim().chars().count()) || self.name.chars().any(char::is_control) {
            return error("name", "must have 1 to 40 characters");
        }
        match (self.kind, &self.issuer, &self.base) {
            (ProviderKind::Oidc, None, _) => return error("issuer", "is required"),
            (ProviderKind::Oidc, _, Some(_)) => return error("base", "is for kind = \"github\" only"),
            (ProviderKind::Github, Some(_), _) => return error("issuer", "is for kind = \"oidc\" only; use base"),
            _ => {}
        }
        let address = if self.kind == ProviderKind::Oidc {
            "issuer"
        } else {
            "base"
        };
        if let Err(problem) = check_address(self.issuer()) {
            return error(address, &problem);
        }
        if self.client_id.is_empty() {
            return error("client_id", "must not be empty");
        }
        match (self.client_auth, &self.client_secret_file, &self.client_secret_variable) {
            (_, Some(_), Some(_)) => {
                return error(
                    "client_secret_file",
                    "and client_secret_variable must not be set together",
                );
            }
            (ClientAuth::None, None, None) => {}
            (ClientAuth::None, ..) => {
                return error(
                    "client_auth",
                    "is \"none\", so there must be no secret: remove one of both",
                );
            }
            (_, None, None) => {
                return error(
                    "client_secret_file",
                    "or client_secret_variable is required, or client_auth = \"none\"",
                );
            }
            _ => {}
        }
        self.check_claims()
    }

    fn check_claims(&self) -> Result<(), String> {
        let error = |key: &str, problem: &str| Err(format!("providers.{}.{key} {problem}", self.key));
        let scopes = self.scopes();
        if self.kind == ProviderKind::Oidc && !scopes.iter().any(|scope| scope == "openid") {
            return error("scopes", "must contain \"openid\"");
        }
        if self.kind == ProviderKind::Oidc && self.needs_email() && !scopes.iter().any(|scope| scope == "email") {
            return error("scopes", "must contain \"email\", because allow has a rule about it");
        }
        if self.kind == ProviderKind::Oidc && self.algorithms.is_empty() {
            return error("algorithms", "must not be empty");
        }
        if self.kind == ProviderKind::Github && self.fresh == Some(Fresh::AuthTime) {
            return error(
                "fresh",
                "must be \"never\": GitHub does not say when somebody logged in",
            );
        }
        for (key, pointer) in [("name_claim", self.name_claim()), ("label_claim", self.label_claim())] {
            if !pointer.starts_with('/') {
                return error(key, "must be a JSON pointer such as \"/email\"");
            }
        }
        for rule in &self.allow {
            match rule {
                AllowRule::Claim { claim, .. } if !claim.starts_with('/') => {
                    return error("allow", "must name claims by JSON pointers such as \"/groups\"");
                }
                AllowRule::EmailDomains { email_domains } if email_domains.is_empty() => {
                    return error("allow", "has an empty list of email_domains");
                }
                _ => {}
            }
        }
        for rule in &self.roles {
            if !rule.claim.starts_with('/') {
                return error("roles", "must name claims by JSON pointers such as \"/groups\"");
            }
        }
        let mapped = self.roles.iter().map(|rule| ("roles", &rule.role));
        let given = self.default_roles.iter().map(|role| ("default_roles", role));
        if let Some((key, _)) = mapped.chain(given).find(|(_, role)| *role == "admin")
            && !self.may_map_admin
        {
            return error(key, "may give the role admin only with may_map_admin = true");
        }
        if self.session_hours == Some(0) {
            return error("session_hours", "must be at least 1");
        }
        if let Some(name) = self
            .extra
            .keys()
            .find(|name| RESERVED_PARAMETERS.contains(&name.as_str()))
        {
            return error("extra", &format!("must not set {name}, which Callgate sets itself"));
        }
        Ok(())
    }
}

/// Accepts an `https` address, and `http` on a loopback address, without user information, query and fragment.
fn check_address(text: &str) -> Result<(), String> {
    let url = Url::parse(text).map_err(|_| "must be an address such as https://id.example.org".to_owned())?;
    let is_loopback = match url.host() {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost",
        None => false,
    };
    if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback) {
        return Err("must begin with https:// (http:// is allowed on loopback addresses only)".to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err("must be an address without user, query and fragment".to_owned());
    }
    Ok(())
}

/// Rejects providers that are invalid by themselves or together.
pub fn check(providers: &[Provider]) -> Result<(), String> {
    for (index, provider) in providers.iter().enumerate() {
        provider.check()?;
        for earlier in &providers[..index] {
            if earlier.key == provider.key {
                return Err(format!("providers: the key \"{}\" is used twice", provider.key));
            }
            if earlier.issuer() == provider.issuer() {
                return Err(format!(
                    "providers.{} and providers.{} must not have the same issuer",
                    earlier.key, provider.key
                ));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provider(extra: &str) -> Result<(), String> {
        let text = format!("key = \"example\"\nname = \"Example\"\nclient_id = \"callgate\"\n{extra}");
        let provider: Provider = toml::from_str(&text).map_err(|error| error.message().to_owned())?;
        check(&[provider])
    }

    #[test]
    fn a_short_section_is_enough() {
        provider("issuer = \"https://id.example.org\"\nclient_secret_file = \"secret\"").unwrap();
        provider("kind = \"github\"\nclient_secret_variable = \"SECRET\"").unwrap();
        provider("issuer = \"http://127.0.0.1:4000\"\nclient_auth = \"none\"").unwrap();
    }

    #[test]
    fn a_wrong_or_contradictory_value_is_named() {
        let issuer = "issuer = \"https://id.example.org\"\n";
        let complete = "issuer = \"https://id.example.org\"\nclient_auth = \"none\"\n";
        for (text, named) in [
            ("client_auth = \"none\"".to_owned(), "issuer"),
            (issuer.to_owned(), "client_secret_file"),
            (
                format!("{issuer}client_auth = \"none\"\nclient_secret_file = \"x\""),
                "client_auth",
            ),
            (
                "issuer = \"http://id.example.org\"\nclient_auth = \"none\"".to_owned(),
                "issuer",
            ),
            (format!("{complete}scopes = [\"email\"]"), "scopes"),
            (
                format!("{complete}scopes = [\"openid\"]\nallow = [{{ email_domains = [\"a.org\"] }}]"),
                "scopes",
            ),
            (format!("{complete}name_claim = \"email\""), "name_claim"),
            (format!("{complete}algorithms = []"), "algorithms"),
            (format!("{complete}algorithms = [\"none\"]"), "none"),
            (format!("{complete}default_roles = [\"admin\"]"), "default_roles"),
            (
                format!("{complete}roles = [{{ claim = \"/g\", value = \"v\", role = \"admin\" }}]"),
                "may_map_admin",
            ),
            (format!("{complete}extra = {{ state = \"x\" }}"), "extra"),
            (format!("{complete}session_hours = 0"), "session_hours"),
            (format!("{complete}kind = \"github\""), "issuer"),
            (format!("{complete}colour = \"red\""), "colour"),
        ] {
            let error = provider(&text).unwrap_err();
            assert!(error.contains(named), "{text}: {error}");
        }
    }
}
