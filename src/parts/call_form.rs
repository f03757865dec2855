//! The form that calls a function, with what came of it and the same call from a shell.
//!
//! The form works without script. With script it calls the JSON endpoint in place; where that wants a login, the form is
//! sent as without script, because that way the server keeps what was typed until after the login.

use leptos::{html, prelude::*, task::spawn_local};

use super::{
    arguments::Arguments,
    browser::{
        arguments, call, focus_first_wrong, forget_secrets, hydrated, is_reachable, send_without_script, typed_into,
        unreachable,
    },
    curl::Curl,
    header::show_anew,
    reply::Reply,
    visit::who,
    waiting::Waiting,
};
use crate::contract::{
    JsonObject, Refusal,
    form_data::{SHOWN_TO, THEN, Typed},
    function::FunctionView,
    pending_call::{Outcome, PendingCall, State},
    shape::{FieldFault, Shape},
    user::WhoAmI,
};

/// The form.
#[island(lazy)]
pub fn CallForm(
    /// The function.
    function: FunctionView,
    /// Who is logged in.
    who: Result<Option<WhoAmI>, Refusal>,
    /// The call that this page was loaded to show.
    kept: Option<PendingCall>,
    /// The fewest characters of a new password.
    password_chars: usize,
    /// The public address of this site.
    origin: String,
    /// The certificate that a shell must trust, where it is a development certificate.
    ca_file: Option<String>,
) -> impl IntoView {
    let (typed, outcome, waiting) = match kept {
        Some(PendingCall { id, typed, state, .. }) => match state {
            State::Done(outcome) => (Some(typed), Some(outcome), None),
            State::Waiting { body } => (Some(typed), None, Some((id, body))),
        },
        None => (None, None, None),
    };
    let calls = Calls {
        who: RwSignal::new(who),
        asked: StoredValue::new(0),
        page: StoredValue::new(function.page()),
        path: StoredValue::new(function.path()),
        shape: StoredValue::new(function.arguments.clone()),
        is_open: function.rule.open,
        is_login: function.name == "login",
        is_logout: function.name == "logout",
        body: RwSignal::new(example_or(typed.as_ref(), &function)),
        faults: RwSignal::new(outcome.as_ref().map(Outcome::faults).unwrap_or_default()),
        outcome: RwSignal::new(outcome),
        is_calling: RwSignal::new(false),
    };
    let form = NodeRef::<html::Form>::new();
    let is_ready = hydrated();
    let page = function.page();
    // Who changes a password of one's own. Elsewhere it is somebody else's.
    let is_own_password = !function.rule.open && wants_new_password(&function.arguments);
    // For free-form arguments, the text of the editor and the body in the line below are one.
    let text = calls.body;
    // Of a form elsewhere that was refused without script: where it leads when it is done.
    let then = typed.as_ref().and_then(|typed| typed.get(THEN)).map(str::to_owned);
    let other_faults = move || calls.faults_without_input();
    view! {
        <div class="call">
            {waiting.map(|(id, body)| {
                let page = page.clone();
                // A call made by hand takes its place.
                move || calls.waits().then(|| view! { <Waiting page=page.clone() id=id.clone() body=body.clone() shown_to=calls.user_id().unwrap_or_default()/> })
            })}
            <form
                class="panel"
                method="post"
                action=page.clone()
                node_ref=form
                // With the program, its own messages beside the fields say more than the browser's.
                novalidate=move || is_ready.get()
                on:input=move |_| calls.show_typed(form)
                on:submit=move |event| calls.submit(event, form)
            >
                // Browsers restore what was typed into a form with the same action and first names: for the same user only.
                <input type="hidden" name=move || format!("form-of-{}", calls.user_id().unwrap_or_default())/>
                // Password managers find the name in it.
                <input
                    type=if is_own_password { "text" } else { "hidden" } hidden readonly=is_own_password
                    autocomplete=is_own_password.then_some("username")
                    name=SHOWN_TO value=move || calls.shown_to().unwrap_or_default()
                />
                {then.map(|then| view! { <input type="hidden" name=THEN value=then/> })}
                <Arguments
                    shape=function.arguments.clone()
                    typed=typed
                    faults=calls.faults
                    text=text
                    password_chars=password_chars
                />
                <p class="said bad" role="alert">{other_faults}</p>
                <button class="button" type="submit" aria-disabled=move || calls.is_calling.get().to_string()>"Call"</button>
            </form>
            <Reply outcome=calls.outcome is_calling=calls.is_calling page=page.clone()/>
            <Curl function=function origin=origin ca_file=ca_file body=calls.body/>
        </div>
    }
}

/// The body that was typed before, or the example. A secret is never kept, so where there is one, it is the example.
fn example_or(typed: Option<&Typed>, function: &FunctionView) -> String {
    match typed.filter(|_| !function.arguments.has_secret()) {
        None => function.example.clone(),
        Some(typed) => typed.body(&function.arguments).0,
    }
}

/// The calls that are made from one page.
#[derive(Clone, Copy)]
struct Calls {
    /// Who is logged in.
    who: RwSignal<Result<Option<WhoAmI>, Refusal>>,
    /// How often that was asked since: of several answers the last one holds.
    asked: StoredValue<u32>,
    page: StoredValue<String>,
    path: StoredValue<String>,
    shape: StoredValue<Shape>,
    is_open: bool,
    is_login: bool,
    is_logout: bool,
    /// The arguments as they are typed, or an example, as JSON. Never a secret.
    body: RwSignal<String>,
    faults: RwSignal<Vec<FieldFault>>,
    outcome: RwSignal<Option<Outcome>>,
    is_calling: RwSignal<bool>,
}

impl Calls {
    /// Whether nothing has come of this page's calls yet, so that one which waits goes on waiting.
    fn waits(self) -> bool {
        self.outcome.read().as_ref().is_none_or(|came| !came.is_ok())
    }

    /// Lets the `curl` line follow what is typed. (The editor does so by itself; a secret is left to be filled in.)
    fn show_typed(self, form: NodeRef<html::Form>) {
        let Some(form) = form.get_untracked() else {
            return;
        };
        self.shape.with_value(|shape| {
            if *shape != Shape::Object && !shape.has_secret() {
                self.body.set(typed_into(&form, shape).body(shape).0);
            }
        });
    }

    /// Calls the function with what is typed, unless that is wrong already, or wants a login first.
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
        // It may be wrong, as after a login in another window; the guard never is.
        let is_nobody = !self.is_open && matches!(*self.who.read_untracked(), Ok(None));
        self.is_calling.set(true);
        spawn_local(async move {
            let came = match is_nobody {
                false => call(&self.path.get_value(), body, self.shown_to().as_deref()).await,
                // Otherwise the browser would show a page of its own, and what was typed be gone.
                true if is_reachable().await => {
                    self.is_calling.set(false);
                    send_without_script(&form);
                    return;
                }
                true => unreachable(),
            };
            // Also where the page is left now: that may be stopped, and the button must work again.
            self.is_calling.set(false);
            let refusal = came.refusal();
            // (`login` answers 401 to a wrong password, too: only the code tells the two apart.)
            if refusal.as_ref().is_some_and(Refusal::asks_for_login) {
                send_without_script(&form);
                return;
            }
            self.refresh(came.is_ok());
            // What the server could not look at is sent again by the same press.
            if !refusal.is_some_and(|refusal| refusal.is_failure()) {
                forget_secrets(&form);
            }
            let faults = came.faults();
            let has_faults = !faults.is_empty();
            self.faults.set(faults);
            self.outcome.set(Some(came));
            if has_faults {
                focus_first_wrong(form);
            }
        });
    }

    /// What is typed as the body of a call. `None` if something is wrong with it, which is then said beside the fields.
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

    /// Whom the page is shown to, for a call that is made as that user.
    fn shown_to(self) -> Option<String> {
        self.user_id().filter(|_| !self.is_open)
    }

    /// Who is logged in, if anybody is.
    fn user_id(self) -> Option<String> {
        let who = self.who.read();
        Some(who.as_ref().ok()?.as_ref()?.user.user_id.clone())
    }

    /// Shows anew who is logged in, where a call has changed that.
    fn refresh(self, is_ok: bool) {
        let may_have_changed = self.is_login || untrack(|| self.user_id()).is_some();
        if !is_ok || !may_have_changed {
            return;
        }
        self.asked.update_value(|asked| *asked += 1);
        let asked = self.asked.get_value();
        spawn_local(async move {
            let who = if self.is_logout { Ok(None) } else { who().await };
            if self.asked.get_value() == asked && *self.who.read_untracked() != who {
                show_anew(who.clone(), self.page.get_value());
                self.who.set(who);
            }
        });
    }

    /// What is wrong with the arguments as a whole, which no input can say.
    fn faults_without_input(self) -> Option<String> {
        let whole: Vec<String> = self
            .faults
            .read()
            .iter()
            .filter(|fault| fault.field.is_empty())
            .map(|fault| format!("This {}.", fault.problem))
            .collect();
        (!whole.is_empty()).then(|| whole.join(" "))
    }
}

/// Whether one of the arguments is a password that is chosen.
fn wants_new_password(shape: &Shape) -> bool {
    let Shape::Record(fields) = shape else {
        return false;
    };
    fields
        .iter()
        .any(|field| matches!(&field.shape, Shape::Text(text) if text.autocomplete.as_deref() == Some("new-password")))
}
