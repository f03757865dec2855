//! Code with a button that copies it. A small script does that, so that the code can be in an island or outside.

use leptos::prelude::*;
use leptos_meta::Script;
use serde_json::json;

use crate::{contract::Language, t};

/// Code with a button to copy it, which appears only with the script.
#[component]
pub fn Copyable(
    /// What the code is, for screen readers.
    #[prop(into)]
    label: String,
    /// A remark beside the button.
    #[prop(optional)]
    remark: String,
    /// The language of the code, if it is a text of one.
    #[prop(optional)]
    language: Option<Language>,
    children: Children,
) -> impl IntoView {
    view! {
        <div class="copyable">
            <div class="row">
                <span class="quiet">{remark}</span>
                <span class="quiet" role="status"></span>
                <button class="plain" type="button" data-copy="">
                    {t!("Copy")}<span class="unseen">": "{label.clone()}</span>
                </button>
            </div>
            <pre class="code" tabindex="0" role="group" aria-label=label lang=language.map(Language::tag)><code>{children()}</code></pre>
        </div>
    }
}

/// The script of the buttons, once for each page.
#[component]
pub fn CopyScript() -> impl IntoView {
    let (copied, failed) = (json!(t!("Copied")), json!(t!("Your browser did not allow copying")));
    let script = format!(
        "{{\nconst [COPIED, FAILED] = [{copied}, {failed}];\n{}}}",
        include_str!("copy.js")
    );
    // Goes into the head, with the nonce of this response.
    view! { <Script>{script}</Script> }
}
