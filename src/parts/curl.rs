//! The `curl` command that makes the same call from a shell.

use leptos::prelude::*;

use super::browser::{copy_to_clipboard, hydrated};
use crate::{contract::function::FunctionView, sentence, t};

#[component]
pub fn Curl(
    function: FunctionView,
    /// The public address of this site.
    origin: String,
    /// The certificate that `curl` must trust, if the server uses a development certificate.
    ca_file: Option<String>,
    #[prop(into)] body: Signal<String>,
) -> impl IntoView {
    let is_open = function.rule.open;
    let command = Memo::new(move |_| {
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
    let (status, set_status) = signal(None::<&str>);
    let is_ready = hydrated();
    let on_copy = move |_| {
        set_status.set(None);
        copy_to_clipboard(command.get_untracked(), move |is_copied| {
            set_status.set(Some(if is_copied {
                t!("Copied")
            } else {
                t!("Your browser did not allow copying")
            }));
        });
    };
    view! {
        <section class="curl" aria-labelledby="curl">
            <div class="row">
                <h2 id="curl">{t!("From a shell")}</h2>
                <span class="quiet" role="status">{status}</span>
                <button class="plain" type="button" class:waiting=move || !is_ready.get() on:click=on_copy>{t!("Copy")}</button>
            </div>
            <pre translate="no" tabindex="0" role="group" aria-label=t!("curl command")><code>{command}</code></pre>
            {(!is_open).then(|| view! {
                <p class="quiet">
                    {sentence!(
                        "curl stores your session in the file {file}. To log in, call {login} first.",
                        file = view! { <code translate="no">"cookies"</code> },
                        login = view! { <a href="/functions/login">"login"</a> }
                    )}
                </p>
            })}
        </section>
    }
}

/// Quotes text as one word for a POSIX shell.
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
