//! What parts do in the browser. Nothing here runs while the server renders.

use gloo_net::http::Request;
use js_sys::{Function, Reflect};
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::{AbortSignal, HtmlElement, HtmlFormElement, HtmlInputElement};

use super::client_code::{BODY, literal};
use crate::{
    contract::{
        Refusal,
        form_data::{SHOWN_TO, Typed, names},
        pending_call::Outcome,
        shape::{FieldFault, Shape},
    },
    message,
};

/// Whether the island is hydrated. Controls that need script are shown only then.
pub fn hydrated() -> ReadSignal<bool> {
    let (hydrated, set_hydrated) = signal(false);
    Effect::new(move |_| set_hydrated.set(true));
    hydrated
}

/// Calls a function with a JSON body. `shown_to` is the user the page was loaded for. `cancel` can end the wait.
pub async fn call(path: &str, body: String, shown_to: Option<&str>, cancel: Option<&AbortSignal>) -> Outcome {
    let clock = window().performance();
    let now = || clock.as_ref().map_or(0.0, web_sys::Performance::now);
    let started = now();
    let send = async {
        let request = Request::post(path)
            .header("Content-Type", "application/json")
            .abort_signal(cancel);
        let request = match shown_to {
            Some(user_id) => request.header(SHOWN_TO, user_id),
            None => request,
        };
        let response = request.body(body)?.send().await?;
        let request_id = response.headers().get("x-request-id");
        Ok::<_, gloo_net::Error>((response.status(), response.text().await?, request_id))
    };
    let result = send.await;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a duration in milliseconds is small and not negative; `as` saturates"
    )]
    let took_ms = (now() - started).round() as u64;
    match result {
        Ok((status, body, request_id)) => Outcome {
            status,
            body,
            took_ms,
            request_id,
        },
        Err(_) if cancel.is_some_and(AbortSignal::aborted) => outcome_without_reply(&Refusal::Cancelled, took_ms),
        Err(_) => outcome_without_reply(&Refusal::Unreachable, took_ms),
    }
}

/// The outcome of a call that the server did not reply to.
pub fn outcome_without_reply(refusal: &Refusal, took_ms: u64) -> Outcome {
    Outcome {
        status: refusal.status(),
        body: serde_json::to_string(refusal).unwrap_or_default(),
        took_ms,
        request_id: None,
    }
}

/// Whether the server responds at all.
pub async fn is_reachable() -> bool {
    // Reads the body to the end, because browsers log an error for an unread response.
    let response = async { Request::get("/livez").send().await?.text().await };
    response.await.is_ok()
}

/// The values of a form, for the fields that `shape` has.
pub fn typed_into(form: &HtmlFormElement, shape: &Shape) -> Typed {
    let Ok(data) = web_sys::FormData::new_with_form(form) else {
        return Typed::default();
    };
    let values = |name: String| {
        let values = data.get_all(&name);
        values
            .iter()
            .filter_map(|value| value.as_string())
            .map(move |value| (name.clone(), value))
            .collect::<Vec<_>>()
    };
    Typed::new(names(shape, true).into_iter().flat_map(values).collect())
}

/// The length of a password in characters after NFKC, as the server counts it.
pub fn password_chars(password: &str) -> usize {
    let normalised = js_sys::JsString::from(password).normalize("NFKC");
    String::from(normalised).chars().count()
}

/// Whether a text contains Hangul: syllables, or letters that are not composed.
pub fn has_hangul(text: &str) -> bool {
    text.contains(|letter| matches!(letter, '\u{1100}'..='\u{11ff}' | '\u{3130}'..='\u{318f}' | '가'..='힣'))
}

/// The inputs that the browser cannot parse, such as `0.5-` for a number or an incomplete date. Their values are empty in the
/// form's data (HTML, "suffering from bad input"), so the shape alone would report them as missing.
fn unparsable_inputs(form: &HtmlFormElement) -> Vec<FieldFault> {
    inputs(form, "input")
        .into_iter()
        .filter(|input| input.validity().bad_input())
        .map(|input| match input.type_().as_str() {
            "number" => FieldFault::new(input.name(), message!("must be a number")),
            _ => FieldFault::new(input.name(), message!("is not complete")),
        })
        .collect()
}

/// The inputs of a form that match a CSS selector.
fn inputs(form: &HtmlFormElement, selector: &str) -> Vec<HtmlInputElement> {
    let Ok(nodes) = form.query_selector_all(selector) else {
        return Vec::new();
    };
    (0..nodes.length())
        .filter_map(|at| nodes.get(at)?.dyn_into().ok())
        .collect()
}

/// The values of a form as the body of a call.
///
/// # Errors
/// All invalid fields, at most one fault for each.
pub fn arguments(form: &HtmlFormElement, shape: &Shape) -> Result<String, Vec<FieldFault>> {
    let (body, conversion_faults) = typed_into(form, shape).body(shape);
    let value: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
    let mut faults = unparsable_inputs(form);
    for fault in conversion_faults.into_iter().chain(shape.faults(&value)) {
        if !faults.iter().any(|known| known.field == fault.field) {
            faults.push(fault);
        }
    }
    if faults.is_empty() { Ok(body) } else { Err(faults) }
}

/// Moves the fragment of the address into an input of a form. Removing it from the address keeps the code of a one-time link
/// out of the browser's history. Returns whether there was one.
pub fn fill_from_fragment(form: &HtmlFormElement, name: &str) -> bool {
    let fragment = window().location().hash().unwrap_or_default();
    // The skip link sets the id of an element as the fragment.
    let is_code = |fragment: &str| !fragment.is_empty() && document().get_element_by_id(fragment).is_none();
    let code = fragment.strip_prefix('#').filter(|code| is_code(code));
    let input = form
        .elements()
        .named_item(name)
        .map(JsCast::dyn_into::<HtmlInputElement>);
    let (Some(code), Some(Ok(input))) = (code, input) else {
        return false;
    };
    input.set_value(code);
    // A failure leaves the code in the address, but it still works only once.
    let _ = window().history().and_then(|history| {
        let location = window().location();
        let rest = format!("{}{}", location.pathname()?, location.search()?);
        history.replace_state_with_url(&wasm_bindgen::JsValue::NULL, "", Some(&rest))
    });
    true
}

/// Focuses the first invalid input of a form, after the next render.
pub fn focus_first_wrong(form: HtmlFormElement) {
    request_animation_frame(move || {
        let wrong = form.query_selector("[aria-invalid=true]").ok().flatten();
        if let Some(wrong) = wrong.and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
            // A failure is harmless: the message beside the input remains.
            let _ = wrong.focus();
        }
    });
}

/// Submits a form as a browser without script does.
pub fn submit_without_script(form: &HtmlFormElement) {
    // Takes `submit` from a new form, because an input named `submit` shadows the method of its own form (HTML, 4.10.3).
    let Ok(bare) = document().create_element("form") else {
        return;
    };
    let submit = Reflect::get(&bare, &"submit".into()).and_then(JsCast::dyn_into::<Function>);
    // It raises no submit event, and fails only if the form is no longer in the page.
    let _ = submit.and_then(|submit| submit.call0(form));
}

/// Clears the inputs of a form that hold secrets.
pub fn clear_secrets(form: &HtmlFormElement) {
    let bubbling = web_sys::EventInit::new();
    bubbling.set_bubbles(true);
    for input in inputs(form, "[data-secret]") {
        input.set_value("");
        // Updates the message about the length. The event cannot be cancelled.
        let _ = web_sys::Event::new_with_event_init_dict("input", &bubbling).map(|event| input.dispatch_event(&event));
    }
}

/// Loads another page of this site.
pub fn navigate(path: &str) {
    // It fails only if navigation is forbidden, and then there is nothing else to do.
    let _ = window().location().assign(path);
}

/// Writes the body of the call into the programs beside the form.
pub fn update_programs(body: &str, example: &str) {
    let Ok(nodes) = document().query_selector_all(&format!("[{BODY}]")) else {
        return;
    };
    for element in (0..nodes.length()).filter_map(|at| nodes.get(at)?.dyn_into::<HtmlElement>().ok()) {
        let language = element.get_attribute(BODY).unwrap_or_default();
        element.set_text_content(Some(&literal(&language, body, example)));
    }
}
