//! What parts ask of the browser. None of it happens while the server renders.

use gloo_net::http::Request;
use js_sys::{Function, Reflect};
use leptos::{prelude::*, task::spawn_local};
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::{HtmlElement, HtmlFormElement, HtmlInputElement};

use crate::contract::{
    Refusal,
    form_data::{SHOWN_TO, Typed, names},
    pending_call::Outcome,
    shape::{FieldFault, Shape},
};

/// Whether the page has been taken over by the program: what needs script is shown only then.
pub fn hydrated() -> ReadSignal<bool> {
    let (hydrated, set_hydrated) = signal(false);
    Effect::new(move |_| set_hydrated.set(true));
    hydrated
}

/// Calls a function with a body as typed, from a page that was loaded for `shown_to`, and tells status, reply and time as they came.
pub async fn call(path: &str, body: String, shown_to: Option<&str>) -> Outcome {
    let clock = window().performance();
    let now = || clock.as_ref().map_or(0.0, web_sys::Performance::now);
    let started = now();
    let reply = async {
        let request = Request::post(path).header("Content-Type", "application/json");
        let request = match shown_to {
            Some(user_id) => request.header(SHOWN_TO, user_id),
            None => request,
        };
        let response = request.body(body)?.send().await?;
        Ok::<_, gloo_net::Error>((response.status(), response.text().await?))
    };
    let came = reply.await;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a duration in milliseconds is small and not negative; `as` saturates"
    )]
    let took_ms = (now() - started).round() as u64;
    match came {
        Ok((status, body)) => Outcome { status, body, took_ms },
        Err(_) => Outcome {
            took_ms,
            ..unreachable()
        },
    }
}

/// What came of a call that did not reach the server.
pub fn unreachable() -> Outcome {
    let refusal = Refusal::Unreachable;
    Outcome {
        status: refusal.status(),
        body: serde_json::to_string(&refusal).unwrap_or_default(),
        took_ms: 0,
    }
}

/// Whether the server answers at all.
pub async fn is_reachable() -> bool {
    // To the end: the browser complains of an answer that is left behind.
    let answer = async { Request::get("/livez").send().await?.text().await };
    answer.await.is_ok()
}

/// What is typed into the form of a function that takes arguments of a shape.
pub fn typed_into(form: &HtmlFormElement, shape: &Shape) -> Typed {
    let Ok(data) = web_sys::FormData::new_with_form(form) else {
        return Typed::default();
    };
    let texts = |name: String| {
        let texts = data.get_all(&name);
        texts
            .iter()
            .filter_map(|text| text.as_string())
            .map(move |text| (name.clone(), text))
            .collect::<Vec<_>>()
    };
    Typed::new(names(shape, true).into_iter().flat_map(texts).collect())
}

/// How many characters a password has, as the server counts them: after NFKC.
pub fn password_chars(password: &str) -> usize {
    let normalised = js_sys::JsString::from(password).normalize("NFKC");
    String::from(normalised).chars().count()
}

/// The inputs of a form that hold what the browser cannot read, such as `0.5-` for a number or half a date: it leaves that
/// out of the form's data, where the input then looks empty (HTML, "suffering from bad input").
pub fn unreadable(form: &HtmlFormElement) -> Vec<FieldFault> {
    let Ok(inputs) = form.query_selector_all("input") else {
        return Vec::new();
    };
    (0..inputs.length())
        .filter_map(|at| inputs.get(at)?.dyn_into::<HtmlInputElement>().ok())
        .filter(|input| input.validity().bad_input())
        .map(|input| match input.type_().as_str() {
            "number" => FieldFault::new(input.name(), "must be a number"),
            _ => FieldFault::new(input.name(), "is not complete"),
        })
        .collect()
}

/// What is typed into the form of a function as the body of a call, or all that is wrong with it.
///
/// # Errors
/// What is wrong, each with the path of its field.
pub fn arguments(form: &HtmlFormElement, shape: &Shape) -> Result<String, Vec<FieldFault>> {
    let (body, faults_of_texts) = typed_into(form, shape).body(shape);
    let value: serde_json::Value = serde_json::from_str(&body).unwrap_or_default();
    let mut faults = unreadable(form);
    for fault in faults_of_texts.into_iter().chain(shape.faults(&value)) {
        if !faults.iter().any(|known| known.field == fault.field) {
            faults.push(fault);
        }
    }
    if faults.is_empty() { Ok(body) } else { Err(faults) }
}

/// Puts what stands behind the `#` of the address into an input of a form, and takes it out of the address: so it is not in
/// the history either.
pub fn fill_from_fragment(form: &HtmlFormElement, name: &str) {
    let fragment = window().location().hash().unwrap_or_default();
    // The skip link leads to a part of the page.
    let is_code = |fragment: &str| !fragment.is_empty() && document().get_element_by_id(fragment).is_none();
    let Some(code) = fragment.strip_prefix('#').filter(|code| is_code(code)) else {
        return;
    };
    let input = form.elements().named_item(name);
    let Some(input) = input.and_then(|input| input.dyn_into::<HtmlInputElement>().ok()) else {
        return;
    };
    input.set_value(code);
    // Where it cannot be taken out, it is still of use once only.
    let _ = window().history().and_then(|history| {
        let location = window().location();
        let rest = format!("{}{}", location.pathname()?, location.search()?);
        history.replace_state_with_url(&wasm_bindgen::JsValue::NULL, "", Some(&rest))
    });
}

/// Moves the focus to the first input of a form that is marked as wrong, once the page shows it.
pub fn focus_first_wrong(form: HtmlFormElement) {
    request_animation_frame(move || {
        let wrong = form.query_selector("[aria-invalid=true]").ok().flatten();
        if let Some(wrong) = wrong.and_then(|element| element.dyn_into::<HtmlElement>().ok()) {
            // Where focusing fails, the message beside the input still says what is wrong.
            let _ = wrong.focus();
        }
    });
}

/// Sends a form as without script.
pub fn send_without_script(form: &HtmlFormElement) {
    // Of another form, because an input named `submit` takes the place of what would send its own (HTML, 4.10.3).
    let Ok(bare) = document().create_element("form") else {
        return;
    };
    let submit = Reflect::get(&bare, &"submit".into()).and_then(JsCast::dyn_into::<Function>);
    // It raises no event and fails only where the form has left the page.
    let _ = submit.and_then(|submit| submit.call0(form));
}

/// Empties the inputs of a form that hold secrets.
pub fn forget_secrets(form: &HtmlFormElement) {
    let Ok(inputs) = form.query_selector_all("[data-secret]") else {
        return;
    };
    let bubbling = web_sys::EventInit::new();
    bubbling.set_bubbles(true);
    for at in 0..inputs.length() {
        if let Some(input) = inputs
            .get(at)
            .and_then(|input| input.dyn_into::<HtmlInputElement>().ok())
        {
            input.set_value("");
            // So that what is said of its length follows. No listener can refuse it.
            let _ =
                web_sys::Event::new_with_event_init_dict("input", &bubbling).map(|event| input.dispatch_event(&event));
        }
    }
}

/// Leaves for another page of this site, and starts afresh there.
pub fn go(path: &str) {
    // It fails only where navigation itself is forbidden, and then there is nowhere to go.
    let _ = window().location().assign(path);
}

/// Puts text on the clipboard and says whether that worked.
pub fn copy(text: String, done: impl FnOnce(bool) + 'static) {
    let written = window().navigator().clipboard().write_text(&text);
    spawn_local(async move { done(JsFuture::from(written).await.is_ok()) });
}
