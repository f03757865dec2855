//! The form that calls a function, with the reply. What is typed is also written into the programs for the same call.
//!
//! The form works without script. With script it calls the JSON endpoint without loading a page. If the call needs a login, the
//! form is submitted as without script instead, so that the server stores the call until after the login.

use leptos::{html, prelude::*, task::spawn_local};
use send_wrapper::SendWrapper;
use web_sys::AbortController;

use super::{
    arguments::Arguments,
    browser::{
        arguments, call, clear_secrets, focus_first_wrong, hydrated, is_reachable, outcome_without_reply,
        submit_without_script, typed_into, update_programs,
    },
    header::render_again,
    reply::Reply,
    running_call::RunningCall,
    visit::whoami,
    waiting::Waiting,
};
use crate::{
    contract::{
        JsonObject, Refusal,
        form_data::{SHOWN_TO, THEN, Typed},
        function::CallTarget,
        pending_call::{Outcome, PendingCall, State},
        role::READ_AUDIT,
        shape::{FieldFault, Shape},
        user::WhoAmI,
    },
    t,
};

#[island(lazy)]
pub fn CallForm(
    target: CallTarget,
    whoami: Result<Option<WhoAmI>, Refusal>,
    /// The stored call that this page shows: it has run, or it waits for a login.
    pending_call: Option<PendingCall>,
    /// The minimum length of a new password, in characters.
    password_chars: usize,
) -> impl IntoView {
    let (typed, outcome, waiting) = match pending_call {
        Some(PendingCall { id, typed, state, .. }) => match state {
            State::Done(outcome) => (Some(typed), Some(outcome), None),
            State::Waiting { body } => (Some(typed), None, Some((id, body))),
        },
        None => (None, None, None),
    };
    let calls = Calls {
        whoami: RwSignal::new(whoami),
        last_refresh: StoredValue::new(0),
        page: StoredValue::new(target.page.clone()),
        path: StoredValue::new(target.path.clone()),
        shape: StoredValue::new(target.arguments.clone()),
        is_open: target.is_open,
        is_login: target.path == "/api/login",
        is_logout: target.path == "/api/logout",
        body: RwSignal::new(initial_body(typed.as_ref(), &target)),
        faults: RwSignal::new(outcome.as_ref().map(Outcome::faults).unwrap_or_default()),
        outcome: RwSignal::new(outcome),
        is_calling: RwSignal::new(false),
        controller: StoredValue::new(None),
    };
    let example = target.example.clone();
    Effect::new(move |_| calls.body.with(|body| update_programs(body, &example)));
    let form = NodeRef::<html::Form>::new();
    let is_ready = hydrated();
    let page = target.page;
    // A guarded function that takes a new password changes the caller's own. Open ones, such as `choose_password`, do not.
    let is_own_password = !target.is_open && has_new_password(&target.arguments);
    // A form on another page that was refused without script is shown here. It keeps its target page.
    let then = typed.as_ref().and_then(|typed| typed.get(THEN)).map(str::to_owned);
    let may_read_log = Signal::derive(move || calls.may(READ_AUDIT));
    view! {
        <div class="call">
            {waiting.map(|(id, body)| {
                let page = page.clone();
                // A successful call from the form replaces it.
                let is_shown = move || calls.outcome.read().as_ref().is_none_or(|outcome| !outcome.is_ok());
                move || is_shown().then(|| view! { <Waiting page=page.clone() id=id.clone() body=body.clone() shown_to=calls.user_id().unwrap_or_default()/> })
            })}
            // With script, messages beside the fields replace those of the browser.
            <form
                class="panel" method="post" action=page.clone() node_ref=form novalidate=move || is_ready.get()
                on:input=move |_| calls.update_body(form) on:submit=move |event| calls.submit(event, form)
            >
                // Browsers restore input after Back by a form's action and field names. The user in a name keeps input of
                // one user from being restored for another.
                <input type="hidden" name=move || format!("form-of-{}", calls.user_id().unwrap_or_default())/>
                // Password managers read the user name from it.
                <input
                    type=if is_own_password { "text" } else { "hidden" } hidden readonly=is_own_password
                    autocomplete=is_own_password.then_some("username")
                    name=SHOWN_TO value=move || calls.shown_to().unwrap_or_default()
                />
                {then.map(|then| view! { <input type="hidden" name=THEN value=then/> })}
                // The text of the JSON editor is the body itself.
                <Arguments shape=target.arguments typed=typed faults=calls.faults text=calls.body password_chars=password_chars/>
                <p class="said bad" role="alert">{move || calls.general_faults()}</p>
                <button class="button" type="submit" aria-disabled=move || calls.is_calling.get().to_string()>{t!("Call")}</button>
                <RunningCall is_calling=calls.is_calling on_cancel=Callback::new(move |()| calls.cancel())/>
            </form>
            <Reply outcome=calls.outcome is_calling=calls.is_calling page=page may_read_log=may_read_log/>
        </div>
    }
}

/// The body that was typed before, or the example. It is the example if the arguments have a secret, which is never stored.
pub fn initial_body(typed: Option<&Typed>, target: &CallTarget) -> String {
    match typed.filter(|_| !target.arguments.has_secret()) {
        None => target.example.clone(),
        Some(typed) => typed.body(&target.arguments).0,
    }
}

/// The state of the calls from one page.
#[derive(Clone, Copy)]
struct Calls {
    whoami: RwSignal<Result<Option<WhoAmI>, Refusal>>,
    /// The number of the latest refresh of `whoami`. Responses to earlier ones are ignored.
    last_refresh: StoredValue<u32>,
    page: StoredValue<String>,
    path: StoredValue<String>,
    shape: StoredValue<Shape>,
    is_open: bool,
    is_login: bool,
    is_logout: bool,
    /// The arguments as JSON: as typed, or an example. Contains no secrets.
    body: RwSignal<String>,
    faults: RwSignal<Vec<FieldFault>>,
    outcome: RwSignal<Option<Outcome>>,
    is_calling: RwSignal<bool>,
    /// Ends the wait for the running call. Always `None` on the server.
    controller: StoredValue<Option<SendWrapper<AbortController>>>,
}

impl Calls {
    /// Updates the body that the `curl` command shows. The JSON editor does that by itself. With a secret, it stays the example.
    fn update_body(self, form: NodeRef<html::Form>) {
        let Some(form) = form.get_untracked() else {
            return;
        };
        self.shape.with_value(|shape| {
            if *shape != Shape::Object && !shape.has_secret() {
                self.body.set(typed_into(&form, shape).body(shape).0);
            }
        });
    }

    /// Calls the function, unless the arguments are invalid or the call needs a login.
    fn submit(self, event: web_sys::SubmitEvent, form: NodeRef<html::Form>) {
        let Some(form) = form.get_untracked() else {
            return;
        };
        event.prevent_default();
        if self.is_calling.get_untracked() {
            return;
        }
        let Some(body) = self.arguments(&form) else {
            focus_first_wrong(form);
            return;
        };
        // This may be outdated, for example after a login in another tab. The guard decides.
        let needs_login = !self.is_open && matches!(*self.whoami.read_untracked(), Ok(None));
        self.is_calling.set(true);
        let controller = AbortController::new().ok();
        let signal = controller.as_ref().map(AbortController::signal);
        self.controller.set_value(controller.map(SendWrapper::new));
        spawn_local(async move {
            // If the server is unreachable, submitting the form would lose the input to the browser's error page.
            if needs_login && is_reachable().await {
                self.is_calling.set(false);
                submit_without_script(&form);
                return;
            }
            let outcome = if needs_login {
                outcome_without_reply(&Refusal::Unreachable, 0)
            } else {
                let shown_to = untrack(|| self.shown_to());
                call(&self.path.get_value(), body, shown_to.as_deref(), signal.as_ref()).await
            };
            // Also before another page is loaded: the user may stop that, and the button must work again.
            self.is_calling.set(false);
            let refusal = outcome.refusal();
            // The status is not enough: `login` responds 401 to a wrong password, too.
            if refusal.as_ref().is_some_and(Refusal::asks_for_login) {
                submit_without_script(&form);
                return;
            }
            self.refresh_user(outcome.is_ok());
            // After a failure of the server the user can press the button again without typing secrets again.
            if !refusal.is_some_and(|refusal| refusal.is_failure()) {
                clear_secrets(&form);
            }
            let faults = outcome.faults();
            let has_faults = !faults.is_empty();
            self.faults.set(faults);
            self.outcome.set(Some(outcome));
            if has_faults {
                focus_first_wrong(form);
            }
        });
    }

    /// Stops waiting for the running call.
    fn cancel(self) {
        self.controller.with_value(|controller| {
            if let Some(controller) = controller {
                controller.abort();
            }
        });
    }

    /// The body of a call from the form's values. `None` if they are invalid, which is then shown beside the fields.
    fn arguments(self, form: &web_sys::HtmlFormElement) -> Option<String> {
        self.shape.with_value(|shape| {
            if *shape == Shape::Object {
                let (body, _) = typed_into(form, shape).body(shape);
                return JsonObject::parse(&body).is_ok().then_some(body);
            }
            let arguments = arguments(form, shape);
            self.faults.set(arguments.as_ref().err().cloned().unwrap_or_default());
            arguments.ok()
        })
    }

    /// The user to send as `shown-to`. `None` for open functions, which do not depend on the user.
    fn shown_to(self) -> Option<String> {
        self.user_id().filter(|_| !self.is_open)
    }

    fn may(self, permission: &str) -> bool {
        let whoami = self.whoami.read();
        let permissions = whoami
            .as_ref()
            .ok()
            .and_then(Option::as_ref)
            .map(|whoami| &whoami.permissions);
        permissions.is_some_and(|held| held.iter().any(|held| held == permission))
    }

    fn user_id(self) -> Option<String> {
        let whoami = self.whoami.read();
        Some(whoami.as_ref().ok()?.as_ref()?.user.user_id.clone())
    }

    /// Updates the user in the page and its header after a call that may have changed it.
    fn refresh_user(self, is_ok: bool) {
        let may_have_changed = self.is_login || untrack(|| self.user_id()).is_some();
        if !is_ok || !may_have_changed {
            return;
        }
        self.last_refresh.update_value(|number| *number += 1);
        let refresh = self.last_refresh.get_value();
        spawn_local(async move {
            let whoami = if self.is_logout { Ok(None) } else { whoami().await };
            if self.last_refresh.get_value() == refresh && *self.whoami.read_untracked() != whoami {
                render_again(whoami.clone(), self.page.get_value());
                self.whoami.set(whoami);
            }
        });
    }

    /// Faults of the arguments as a whole, which belong to no input, and the number of the others.
    fn general_faults(self) -> Option<String> {
        let faults = self.faults.read();
        let (general, of_fields): (Vec<_>, Vec<_>) = faults.iter().partition(|fault| fault.field.is_empty());
        let count = match of_fields.len() {
            0 => None,
            1 => Some(t!("Correct the marked field.").to_owned()),
            n => Some(t!("Correct the {n} marked fields.", n)),
        };
        let general = general
            .into_iter()
            .map(|fault| t!("This {problem}.", problem = fault.problem));
        let sentences: Vec<String> = general.chain(count).collect();
        (!sentences.is_empty()).then(|| sentences.join(" "))
    }
}

/// Whether one of the arguments is a new password.
fn has_new_password(shape: &Shape) -> bool {
    let is_new =
        |shape: &Shape| matches!(shape, Shape::Text(text) if text.autocomplete.as_deref() == Some("new-password"));
    matches!(shape, Shape::Record(fields) if fields.iter().any(|field| is_new(&field.shape)))
}
