//! Starting a flow.

use super::{Departure, Purpose, Start, failed::Failed, flow::Secrets, kind::Kind};
use crate::{
    contract::{Refusal, provider::Failure},
    message,
    server::{
        accounts::{active_sessions::CurrentSession, one_time_links},
        auth::{
            caller::Caller,
            cookies::{CookieName, SetCookie},
            guard::{
                self, AuthenticatedGuard as _,
                kinds::{FreshLogin, LoggedIn},
            },
        },
        config::Fresh,
        model::{
            clock::Timestamp,
            token::{Token, TokenHash},
        },
        oidc::{AuthorizationRequest, Provider},
        storage::{
            login_flows::{LIFETIME, NewFlow},
            pending_calls::Owner,
        },
        throttle,
    },
};

/// What the guard of a purpose has found out.
struct Permitted {
    kind: Kind,
    user_id: Option<String>,
    /// The id of the session that begins the flow.
    login_id: Option<String>,
    /// The code of the one-time link.
    link: Option<TokenHash>,
}

/// Starts a flow: stores it, binds it to the browser by a cookie, and returns the address at the provider. Anyone can start
/// a login; linking needs a fresh login, confirming a login, and [`Purpose::Welcome`] a valid one-time link.
///
/// # Errors
/// [`Refusal::NotFound`] for an unknown provider or link; the refusals of the guard; [`Refusal::Busy`] if too many flows
/// are started. The inner error is shown on a page of ours.
pub async fn start(caller: &Caller, start: Start<'_>) -> Result<Result<Departure, Failure>, Refusal> {
    let no_provider = || Refusal::NotFound(message!("provider"));
    let provider = caller
        .state()
        .providers()
        .by_key(start.provider)
        .ok_or_else(no_provider)?;
    let permitted = permit(caller, &start.purpose).await?;
    let failed = |failed: Failed| {
        failed.record(caller, permitted.kind, permitted.user_id.as_deref(), start.provider);
        Ok(Err(failed.failure))
    };
    if permitted.kind == Kind::Confirm && provider.settings().fresh() == Fresh::Never {
        return failed(Failed::new(Failure::NotFresh, "the provider cannot confirm logins"));
    }
    let state = Token::random()?;
    let browser = match caller.flow_cookie().and_then(Token::parse) {
        // One cookie for all flows of the browser, so that several tabs can log in at once.
        Some(browser) => browser,
        None => Token::random()?,
    };
    let url = match authorization_url(caller, provider, permitted.kind, &browser, &state).await {
        Ok(url) => url,
        Err(error) => return failed(error),
    };
    store(caller, &start, provider, &permitted, &browser, &state).await?;
    caller.set_cookie(SetCookie::lasting(CookieName::Flow, browser.reveal(), LIFETIME));
    Ok(Ok(Departure {
        provider_name: provider.settings().name.clone(),
        host: url.host_str().unwrap_or_default().to_owned(),
        url: url.into(),
    }))
}

async fn permit(caller: &Caller, purpose: &Purpose) -> Result<Permitted, Refusal> {
    let (kind, user_id) = match purpose {
        Purpose::Login => (Kind::Login, None),
        Purpose::Link => {
            let user = guard::check::<FreshLogin>(caller, "linking an account elsewhere").await?;
            (Kind::Link, Some(user.user_id().to_owned()))
        }
        Purpose::Confirm => {
            let user = guard::check::<LoggedIn>(caller, "confirming a login elsewhere").await?;
            (Kind::Confirm, Some(user.user_id().to_owned()))
        }
        Purpose::Welcome(code) => {
            let (link, user_id) = one_time_links::check_code(caller, code).await?;
            return Ok(Permitted {
                kind: Kind::Welcome,
                user_id: Some(user_id),
                login_id: None,
                link: Some(link),
            });
        }
    };
    let login_id = if user_id.is_some() {
        let session = CurrentSession::of(caller).await?.session;
        Some(session.ok_or(Refusal::NotLoggedIn)?.id)
    } else {
        None
    };
    Ok(Permitted {
        kind,
        user_id,
        login_id,
        link: None,
    })
}

async fn authorization_url(
    caller: &Caller,
    provider: &Provider,
    kind: Kind,
    browser: &Token,
    state: &Token,
) -> Result<url::Url, Failed> {
    let secrets = Secrets::derive(browser, state);
    let request = AuthorizationRequest {
        state: &state.reveal(),
        nonce: &secrets.nonce,
        code_verifier: &secrets.code_verifier,
        // With max_age, the provider must say when the person authenticated (OpenID Connect Core 1.0, section 3.1.2.1). Not
        // 0: some providers ask again and again then.
        reauthenticate: (kind == Kind::Confirm).then(|| caller.state().settings().sessions.fresh_seconds.duration()),
        select_account: false,
    };
    Ok(provider.authorization_url(&request).await?)
}

async fn store(
    caller: &Caller,
    start: &Start<'_>,
    provider: &Provider,
    permitted: &Permitted,
    browser: &Token,
    state: &Token,
) -> Result<(), Refusal> {
    // A one-time link does not log in, so its flows count for the address.
    let session_user = permitted.user_id.as_deref().filter(|_| permitted.link.is_none());
    let owner = Owner {
        user_id: session_user,
        counted_as: match session_user {
            Some(user_id) => TokenHash::of(format!("user {user_id}").as_bytes()),
            None => throttle::address_bucket(caller.arrival().address),
        },
    };
    let _permit = caller.state().login_flow_limiter().acquire(&owner).await?;
    let flow = NewFlow {
        state: &state.hash(),
        browser: &browser.hash(),
        counted_as: &owner.counted_as,
        issuer: provider.settings().issuer(),
        purpose: permitted.kind.into(),
        user_id: permitted.user_id.as_deref(),
        login_id: permitted.login_id.as_deref(),
        link: permitted.link.as_ref(),
        next: start.next.as_str(),
        remember: start.remember && provider.settings().remember,
    };
    Ok(caller.state().storage().add_login_flow(&flow, Timestamp::now()).await?)
}
