//! The line that makes the same call from a shell.

use leptos::prelude::*;

use super::browser::{copy, hydrated};
use crate::contract::function::FunctionView;

/// The `curl` line for a function, with the arguments as they are typed at the moment.
#[component]
pub fn Curl(
    /// The function.
    function: FunctionView,
    /// The public address of this site.
    origin: String,
    /// The certificate that a shell must trust, where it is a development certificate.
    ca_file: Option<String>,
    /// The body of the call.
    #[prop(into)]
    body: Signal<String>,
) -> impl IntoView {
    let is_open = function.rule.open;
    let line = Memo::new(move |_| {
        let ca = ca_file
            .as_deref()
            .map(|file| format!("--cacert {} ", quoted(file)))
            .unwrap_or_default();
        format!(
            "curl {ca}-c cookies -b cookies -H 'Content-Type: application/json' --data-raw {} {}{}",
            quoted(&body.get()),
            origin,
            function.path(),
        )
    });
    let (said, say) = signal(None::<&str>);
    let is_ready = hydrated();
    let on_copy = move |_| {
        say.set(None);
        copy(line.get_untracked(), move |worked| {
            say.set(Some(if worked {
                "Copied"
            } else {
                "Your browser did not allow copying"
            }));
        });
    };
    view! {
        <section class="curl" aria-labelledby="curl">
            <div class="row">
                <h2 id="curl">"From a shell"</h2>
                <span class="quiet" role="status">{said}</span>
                <button class="plain" type="button" class:waiting=move || !is_ready.get() on:click=on_copy>"Copy"</button>
            </div>
            <pre tabindex="0" role="group" aria-label="The curl line"><code>{line}</code></pre>
            {(!is_open).then(|| view! {
                <p class="quiet">
                    "The file " <code>"cookies"</code> " holds your session. Call "
                    <a href="/functions/login">"login"</a> " first to get one."
                </p>
            })}
        </section>
    }
}

/// A word that a shell takes as it stands.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quote_does_not_end_the_word() {
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
