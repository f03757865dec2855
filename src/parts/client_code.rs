//! Programs that make the same call as the form: with curl, and in Python, JavaScript and Rust.
//!
//! The server makes each program but for the body of the call. The body is filled in here, from what is typed.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};

use super::copy_button::CopyButton;
use crate::{
    contract::{JsonObject, function::FunctionView, json::laid_out},
    sentence, t,
};

/// A program, in two parts: what stands before the body of the call, and after it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientCode {
    language: ClientLanguage,
    before: String,
    after: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum ClientLanguage {
    Curl,
    Python,
    JavaScript,
    Rust,
}

impl ClientLanguage {
    /// The name, and the id for the style sheet.
    fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::Curl => ("curl", "client-curl"),
            Self::Python => ("Python", "client-python"),
            Self::JavaScript => ("JavaScript", "client-javascript"),
            Self::Rust => ("Rust", "client-rust"),
        }
    }

    /// What the code is called for screen readers.
    fn label(self) -> String {
        match self {
            Self::Curl => t!("curl command").to_owned(),
            _ => t!("{language} code", language = self.names().0),
        }
    }

    /// A JSON object as this language writes it.
    fn literal(self, json: &str) -> String {
        match self {
            Self::Curl => quoted(json),
            // The constants have other names. Compact JSON has only those escapes in strings that Python has, too.
            Self::Python => laid_out(json, "    ", |value| match value {
                "true" => "True",
                "false" => "False",
                "null" => "None",
                value => value,
            }),
            Self::JavaScript => laid_out(json, "  ", |value| value),
            Self::Rust => raw_string(json),
        }
    }
}

/// The programs that call `function` at `origin`. `ca_file` is the certificate that they must trust, if the server uses a
/// development certificate.
pub fn client_code(function: &FunctionView, origin: &str, ca_file: Option<&str>) -> Vec<ClientCode> {
    let needs_login = !function.rule.open;
    let name = &function.name;
    vec![
        curl(name, origin, ca_file),
        python(name, origin, ca_file, needs_login),
        javascript(name, origin, ca_file, needs_login),
        rust(name, origin, ca_file, needs_login),
    ]
}

fn curl(name: &str, origin: &str, ca_file: Option<&str>) -> ClientCode {
    let ca = ca_file
        .map(|file| format!("--cacert {} ", quoted(file)))
        .unwrap_or_default();
    ClientCode {
        language: ClientLanguage::Curl,
        before: format!("curl {ca}-c cookies -b cookies \\\n  -H 'Content-Type: application/json' \\\n  --data-raw "),
        after: format!(" \\\n  {origin}/api/{name}"),
    }
}

fn python(name: &str, origin: &str, ca_file: Option<&str>, needs_login: bool) -> ClientCode {
    let verify = ca_file
        .map(|file| format!("session.verify = {}\n", string(file)))
        .unwrap_or_default();
    let login = if needs_login {
        "credentials = {\"user_id\": \"…\", \"password\": \"…\", \"remember\": False}\n\
         session.post(f\"{api}/login\", json=credentials).raise_for_status()\n"
    } else {
        ""
    };
    ClientCode {
        language: ClientLanguage::Python,
        before: format!(
            "import requests\n\nsession = requests.Session()\n{verify}api = \"{origin}/api\"\n{login}arguments = "
        ),
        after: format!("\nprint(session.post(f\"{{api}}/{name}\", json=arguments).json())"),
    }
}

fn javascript(name: &str, origin: &str, ca_file: Option<&str>, needs_login: bool) -> ClientCode {
    let run = ca_file
        .map(|file| format!("// NODE_EXTRA_CA_CERTS={} node call.mjs\n", quoted(file)))
        .unwrap_or_default();
    let (login, cookie) = if needs_login {
        (
            "const login = await post('login', { user_id: '…', password: '…', remember: false });\n\
             const Cookie = login.headers.getSetCookie().map(cookie => cookie.split(';')[0]).join('; ');\n",
            ", { Cookie }",
        )
    } else {
        ("", "")
    };
    ClientCode {
        language: ClientLanguage::JavaScript,
        before: format!(
            "{run}const post = (name, body, headers) => fetch(`{origin}/api/${{name}}`, {{\n  method: 'POST',\n  \
             headers: {{ 'Content-Type': 'application/json', ...headers }},\n  body: JSON.stringify(body),\n}});\n\
             {login}const reply = await post('{name}', "
        ),
        after: format!("{cookie});\nconsole.log(await reply.json());"),
    }
}

fn rust(name: &str, origin: &str, ca_file: Option<&str>, needs_login: bool) -> ClientCode {
    let (ca, trust) = match ca_file {
        Some(file) => (
            format!(
                "    let ca = reqwest::Certificate::from_pem(&std::fs::read({})?)?;\n",
                string(file)
            ),
            ".add_root_certificate(ca)",
        ),
        None => (String::new(), ""),
    };
    let login = if needs_login {
        "    post(\"login\", r#\"{\"user_id\":\"…\",\"password\":\"…\",\"remember\":false}\"#)?.error_for_status()?;\n"
    } else {
        ""
    };
    ClientCode {
        language: ClientLanguage::Rust,
        before: format!(
            "// cargo add reqwest --features blocking,cookies\nfn main() -> Result<(), Box<dyn std::error::Error>> {{\n{ca}    \
             let client = reqwest::blocking::Client::builder().cookie_store(true){trust}.build()?;\n    \
             let post = |name: &str, body: &'static str| {{\n        \
             let request = client.post(format!(\"{origin}/api/{{name}}\"));\n        \
             request.header(\"Content-Type\", \"application/json\").body(body).send()\n    }};\n\
             {login}    let reply = post(\"{name}\", "
        ),
        after: ")?;\n    println!(\"{}\", reply.text()?);\n    Ok(())\n}".to_owned(),
    }
}

/// Quotes text as one word for a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Text as a string in double quotes, for Python and Rust.
fn string(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', r"\\").replace('"', "\\\""))
}

/// Text without line ends as a raw string of Rust.
fn raw_string(text: &str) -> String {
    let longest = text
        .split('"')
        .skip(1)
        .map(|after| after.bytes().take_while(|sign| *sign == b'#').count())
        .max();
    let hashes = "#".repeat(longest.unwrap_or_default() + 1);
    format!("r{hashes}\"{text}\"{hashes}")
}

#[component]
pub fn ClientPrograms(
    programs: Vec<ClientCode>,
    #[prop(into)] body: Signal<String>,
    /// The body to show while `body` is not a JSON object.
    example: String,
    needs_login: bool,
) -> impl IntoView {
    // A shell takes any text.
    let object = Memo::new(move |_| {
        let object = body.with(|body| JsonObject::parse(body).ok());
        object.map_or_else(|| example.clone(), |object| object.to_string())
    });
    let tabs = programs
        .iter()
        .map(|program| {
            let (name, id) = program.language.names();
            let is_first = program.language == ClientLanguage::Curl;
            view! {
                <input type="radio" name="client-language" id=id value=name checked=is_first/>
                <label for=id>{name}</label>
            }
        })
        .collect_view();
    let blocks = programs
        .into_iter()
        .map(|program| {
            let ClientCode {
                language,
                before,
                after,
            } = program;
            let is_curl = language == ClientLanguage::Curl;
            let code = Memo::new(move |_| {
                let body = if is_curl { body.get() } else { object.get() };
                format!("{before}{}{after}", language.literal(&body))
            });
            view! {
                <div class=language.names().1>
                    <div class="row"><CopyButton text=code/></div>
                    <pre class="code" tabindex="0" role="group" aria-label=language.label()><code>{code}</code></pre>
                    {(is_curl && needs_login).then(|| view! {
                        <p class="quiet">
                            {sentence!(
                                "curl stores your session in the file {file}. To log in, call {login} first.",
                                file = view! { <code>"cookies"</code> },
                                login = view! { <a href="/functions/login">"login"</a> }
                            )}
                        </p>
                    })}
                </div>
            }
        })
        .collect_view();
    view! {
        <section class="client" aria-labelledby="client">
            <h2 id="client">{t!("From a program")}</h2>
            <div class="tabs" role="radiogroup" aria-labelledby="client">{tabs}</div>
            {blocks}
        </section>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_written_as_each_language_writes_it() {
        let json = r##"{"it's":[true,false,null,"true \"#\""],"n":1e9}"##;
        for (language, expected) in [
            (
                ClientLanguage::Curl,
                r##"'{"it'\''s":[true,false,null,"true \"#\""],"n":1e9}'"##,
            ),
            (
                ClientLanguage::Python,
                "{\n    \"it's\": [\n        True,\n        False,\n        None,\n        \"true \\\"#\\\"\"\n    ],\n    \"n\": 1e9\n}",
            ),
            (
                ClientLanguage::JavaScript,
                "{\n  \"it's\": [\n    true,\n    false,\n    null,\n    \"true \\\"#\\\"\"\n  ],\n  \"n\": 1e9\n}",
            ),
            (
                ClientLanguage::Rust,
                r###"r##"{"it's":[true,false,null,"true \"#\""],"n":1e9}"##"###,
            ),
        ] {
            assert_eq!(language.literal(json), expected, "{language:?}");
        }
        assert_eq!(raw_string("{}"), r##"r#"{}"#"##);
    }
}
