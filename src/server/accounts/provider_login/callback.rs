//! The callback: checks what the provider sent back through the browser, and finishes the flow.

use url::form_urlencoded;

use super::{ReturnTo, confirm, failed::Failed, flow::Flow, flow::Secrets, kind::Kind, link, log_in, welcome};
use crate::{
    contract::provider::Failure,
    server::{
        accounts::provisioning,
        auth::caller::Caller,
        model::{clock::Timestamp, token::Token},
        oidc::{Account, CodeResponse, Provider},
        telemetry::{request::RequestContext, request_id::RequestId},
    },
};

const MAX_QUERY: usize = 8 * 1024;
const MAX_CODE: usize = 2048;

/// Error codes that mean that the person did not log in (RFC 6749, section 4.1.2.1; OpenID Connect Core 1.0, 3.1.2.6).
const CANCELLED: [&str; 5] = [
    "access_denied",
    "account_selection_required",
    "consent_required",
    "interaction_required",
    "login_required",
];

/// Other error codes. Only these are logged: the query can hold any text.
const ERRORS: [&str; 11] = [
    "application_suspended",
    "invalid_request",
    "invalid_request_object",
    "invalid_request_uri",
    "invalid_scope",
    "redirect_uri_mismatch",
    "request_not_supported",
    "server_error",
    "temporarily_unavailable",
    "unauthorized_client",
    "unsupported_response_type",
];

/// The query of a callback.
struct Query(Vec<(String, String)>);

impl Query {
    /// An oversized query counts as empty.
    fn parse(query: &str) -> Self {
        let query = if query.len() > MAX_QUERY { "" } else { query };
        Self(form_urlencoded::parse(query.as_bytes()).into_owned().collect())
    }

    /// The value of a parameter that occurs exactly once.
    fn get(&self, name: &str) -> Option<&str> {
        let mut values = self.0.iter().filter(|(key, _)| key == name);
        let (_, value) = values.next()?;
        values.next().is_none().then_some(value)
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(key, _)| key == name)
    }

    fn has_repeated(&self) -> bool {
        self.0
            .iter()
            .enumerate()
            .any(|(index, (key, _))| self.0[..index].iter().any(|(earlier, _)| earlier == key))
    }
}

/// Finishes the flow of a callback and returns the page to show. A failure is shown on the page where the flow began.
///
/// Nothing is looked at before the flow is found by state, browser and provider. From then on the flow is used up.
pub async fn finish(caller: &Caller, provider: &str, query: &str) -> ReturnTo {
    let Some(provider) = caller.state().providers().by_key(provider) else {
        return ReturnTo("/login".to_owned());
    };
    let query = Query::parse(query);
    let flow = match take(caller, provider, &query).await {
        Ok(flow) => flow,
        Err(failed) => {
            failed.record(caller, Kind::Login, None, &provider.settings().key);
            return without_flow(caller, provider, failed.failure).await;
        }
    };
    if !flow.is_valid && flow.kind == Kind::Login && is_logged_in(caller).await {
        return ReturnTo(flow.next.to_string());
    }
    match Box::pin(conclude(caller, provider, &query, &flow)).await {
        Ok(()) => ReturnTo(flow.next.to_string()),
        Err(failed) => {
            failed.record(caller, flow.kind, flow.user_id.as_deref(), &provider.settings().key);
            ReturnTo(failure_page(caller, provider, &flow, failed.failure).await)
        }
    }
}

/// Finds and deletes the flow. A flow that another browser began, or at another provider, stays.
async fn take(caller: &Caller, provider: &Provider, query: &Query) -> Result<Flow, Failed> {
    let expired = |reason| Failed::new(Failure::Expired, reason);
    let state = query.get("state").and_then(Token::parse);
    let state = state.ok_or_else(|| expired("bad state"))?;
    let browser = caller.flow_cookie().and_then(Token::parse);
    let browser = browser.ok_or_else(|| expired("no cookie"))?;
    let storage = caller.state().storage();
    let stored = storage
        .take_login_flow(&state.hash(), &browser.hash(), provider.settings().issuer())
        .await?;
    let stored = stored.ok_or_else(|| expired("unknown or used state"))?;
    let secrets = Secrets::derive(&browser, &state);
    Ok(Flow::new(stored, secrets, Timestamp::now())?)
}

async fn conclude(caller: &Caller, provider: &Provider, query: &Query, flow: &Flow) -> Result<(), Failed> {
    if !flow.is_valid {
        return Err(Failed::new(Failure::Expired, "the flow has expired"));
    }
    let account = account(provider, query, flow).await?;
    provisioning::check_rules(provider.settings(), &account)
        .map_err(|reason| Failed::new(Failure::NoAccount, reason))?;
    match flow.kind {
        Kind::Login => log_in::finish(caller, provider, &account, flow).await,
        Kind::Link => link::finish(caller, provider, &account, flow).await,
        Kind::Confirm => confirm::finish(caller, provider, &account, flow).await,
        Kind::Welcome => welcome::finish(caller, provider, &account, flow).await,
    }
}

/// Checks the query and exchanges the code for the account of the person.
async fn account(provider: &Provider, query: &Query, flow: &Flow) -> Result<Account, Failed> {
    let refused = |check| Err(Failed::new(Failure::Refused, check));
    if query.has_repeated() {
        return refused("repeated parameter");
    }
    // Against mix-up of providers (RFC 9207, section 2.4).
    match query.get("iss") {
        Some(issuer) if issuer != provider.settings().issuer() => return refused("iss parameter"),
        None if provider.requires_iss().await? => return refused("missing iss parameter"),
        _ => {}
    }
    if let Some(error) = query.get("error") {
        return Err(refused_by_provider(error));
    }
    // Tokens arrive here only in flows that were not asked for.
    if query.has("id_token") || query.has("access_token") {
        return refused("token in the address");
    }
    let is_code =
        |code: &&str| (1..=MAX_CODE).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_graphic());
    let Some(code) = query.get("code").filter(is_code) else {
        return refused("code parameter");
    };
    let response = CodeResponse {
        code,
        nonce: &flow.secrets.nonce,
        code_verifier: &flow.secrets.code_verifier,
        now: Timestamp::now(),
    };
    Ok(provider.account(&response).await?)
}

fn refused_by_provider(error: &str) -> Failed {
    if let Some(code) = CANCELLED.into_iter().find(|code| *code == error) {
        return Failed::new(Failure::Cancelled, code);
    }
    let code = ERRORS.into_iter().find(|code| *code == error);
    Failed::new(Failure::Unreachable, code.unwrap_or("unknown error code"))
}

async fn is_logged_in(caller: &Caller) -> bool {
    matches!(caller.login().await, Ok(Some(_)))
}

/// The page to show if there is no flow, such as after a reload of a callback that has succeeded.
async fn without_flow(caller: &Caller, provider: &Provider, failure: Failure) -> ReturnTo {
    ReturnTo(if failure == Failure::Expired && is_logged_in(caller).await {
        "/".to_owned()
    } else {
        format!("/login?{}", failure_query(provider, failure))
    })
}

fn failure_query(provider: &Provider, failure: Failure) -> String {
    let reference = RequestContext::request_id();
    failure.query(&provider.settings().key, reference.as_ref().map(RequestId::as_str))
}

async fn failure_page(caller: &Caller, provider: &Provider, flow: &Flow, failure: Failure) -> String {
    let query = failure_query(provider, failure);
    let next = flow.next.escaped();
    match flow.kind {
        Kind::Welcome => format!("/welcome?user={}&{query}", flow.user_id.as_deref().unwrap_or_default()),
        Kind::Link if is_logged_in(caller).await => format!("/account?{query}"),
        Kind::Confirm if is_logged_in(caller).await => format!("/confirm?next={next}&{query}"),
        Kind::Link => format!("/login?next=/account&{query}"),
        Kind::Login | Kind::Confirm => format!("/login?next={next}&{query}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_that_is_repeated_has_no_value() {
        let query = Query::parse("state=a&code=b&code=b&iss=https%3A%2F%2Fid.example.org");
        assert_eq!(query.get("state"), Some("a"));
        assert_eq!(query.get("code"), None);
        assert_eq!(query.get("iss"), Some("https://id.example.org"));
        assert!(query.has("code") && query.has_repeated());
        assert!(!Query::parse("state=a&code=b").has_repeated());
        assert!(!Query::parse(&format!("state=a&code={}", "b".repeat(MAX_QUERY))).has("state"));
    }

    #[test]
    fn the_error_of_a_provider_is_never_repeated() {
        for (error, failure, reason) in [
            ("access_denied", Failure::Cancelled, "access_denied"),
            ("server_error", Failure::Unreachable, "server_error"),
            ("<script>", Failure::Unreachable, "unknown error code"),
        ] {
            let failed = refused_by_provider(error);
            assert_eq!(failed.failure, failure);
            assert!(format!("{failed:?}").contains(reason));
        }
    }
}
