//! Programs that make the same call as the form: with curl, and in Python, JavaScript and Rust.
//!
//! The server writes the programs. The island with the form then only replaces the body of the call in each of them, so that
//! the browser part need not contain the programs.

use leptos::prelude::*;

use super::copyable::Copyable;
use crate::{
    contract::{
        JsonObject,
        function::FunctionView,
        json::{as_it_is, laid_out},
    },
    sentence, t,
};

/// The attribute of an element that holds the body of the call. Its value is the language.
pub const BODY: &str = "data-body";

const CURL: &str = "curl";
const PYTHON: &str = "python";
const JAVASCRIPT: &str = "javascript";
const RUST: &str = "rust";

/// The body of a call as a language writes it. Only a shell takes any text: the other languages get `example` while `body` is not
/// a JSON object.
pub fn literal(language: &str, body: &str, example: &str) -> String {
    if language == CURL {
        return quoted(body);
    }
    let object = JsonObject::parse(body);
    let json = object.as_ref().map_or(example, JsonObject::as_str);
    match language {
        // Compact JSON has only those escapes in strings that Python has, too.
        PYTHON => laid_out(json, "    ", |value| match value {
            "true" => "True",
            "false" => "False",
            "null" => "None",
            value => value,
        }),
        JAVASCRIPT => laid_out(json, "  ", as_it_is),
        _ => raw_string(json),
    }
}

/// A program, in two parts: what stands before the body of the call, and after it.
struct Program {
    language: &'static str,
    name: &'static str,
    before: String,
    after: String,
}

fn curl(name: &str, origin: &str, ca_file: Option<&str>) -> Program {
    let ca = ca_file
        .map(|file| format!("--cacert {} ", quoted(file)))
        .unwrap_or_default();
    Program {
        language: CURL,
        name: "curl",
        before: format!("curl {ca}-c cookies -b cookies \\\n  -H 'Content-Type: application/json' \\\n  --data-raw "),
        after: format!(" \\\n  {origin}/api/{name}"),
    }
}

fn python(name: &str, origin: &str, ca_file: Option<&str>, needs_login: bool) -> Program {
    let verify = ca_file
        .map(|file| format!("session.verify = {}\n", string(file)))
        .unwrap_or_default();
    let login = if needs_login {
        "credentials = {\"user_id\": \"…\", \"password\": \"…\", \"remember\": False}\n\
         session.post(f\"{api}/login\", json=credentials).raise_for_status()\n"
    } else {
        ""
    };
    Program {
        language: PYTHON,
        name: "Python",
        before: format!(
            "import requests\n\nsession = requests.Session()\n{verify}api = \"{origin}/api\"\n{login}arguments = "
        ),
        after: format!("\nprint(session.post(f\"{{api}}/{name}\", json=arguments).json())"),
    }
}

fn javascript(name: &str, origin: &str, ca_file: Option<&str>, needs_login: bool) -> Program {
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
    Program {
        language: JAVASCRIPT,
        name: "JavaScript",
        before: format!(
            "{run}const post = (name, body, headers) => fetch(`{origin}/api/${{name}}`, {{\n  method: 'POST',\n  \
             headers: {{ 'Content-Type': 'application/json', ...headers }},\n  body: JSON.stringify(body),\n}});\n\
             {login}const reply = await post('{name}', "
        ),
        after: format!("{cookie});\nconsole.log(await reply.json());"),
    }
}

fn rust(name: &str, origin: &str, ca_file: Option<&str>, needs_login: bool) -> Program {
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
    Program {
        language: RUST,
        name: "Rust",
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

/// The programs, one of which is shown.
#[component]
pub fn ClientPrograms(
    function: FunctionView,
    /// The public address of this site.
    origin: String,
    /// The certificate that programs must trust, if the server uses a development certificate.
    ca_file: Option<String>,
    /// The body of the call.
    body: String,
) -> impl IntoView {
    let (name, ca_file, needs_login) = (&function.name, ca_file.as_deref(), !function.rule.open);
    let programs = [
        curl(name, &origin, ca_file),
        python(name, &origin, ca_file, needs_login),
        javascript(name, &origin, ca_file, needs_login),
        rust(name, &origin, ca_file, needs_login),
    ];
    let tabs = programs
        .iter()
        .map(|program| {
            let id = format!("client-{}", program.language);
            view! {
                <input type="radio" name="client" id=id.clone() checked=program.language == CURL/>
                <label for=id>{program.name}</label>
            }
        })
        .collect_view();
    let blocks = programs
        .into_iter()
        .map(|program| {
            let Program {
                language,
                name,
                before,
                after,
            } = program;
            let label = match language {
                CURL => t!("curl command").to_owned(),
                _ => t!("{language} code", language = name),
            };
            let body = literal(language, &body, &function.example);
            view! {
                <div class=format!("client-{language}")>
                    <Copyable label=label>{before}<span data-body=language>{body}</span>{after}</Copyable>
                    {(language == CURL && needs_login).then(|| view! {
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
            (CURL, r##"'{"it'\''s":[true,false,null,"true \"#\""],"n":1e9}'"##),
            (
                PYTHON,
                "{\n    \"it's\": [\n        True,\n        False,\n        None,\n        \"true \\\"#\\\"\"\n    ],\n    \"n\": 1e9\n}",
            ),
            (
                JAVASCRIPT,
                "{\n  \"it's\": [\n    true,\n    false,\n    null,\n    \"true \\\"#\\\"\"\n  ],\n  \"n\": 1e9\n}",
            ),
            (RUST, r###"r##"{"it's":[true,false,null,"true \"#\""],"n":1e9}"##"###),
        ] {
            assert_eq!(literal(language, json, "{}"), expected, "{language}");
        }
        assert_eq!(literal(PYTHON, "[", r#"{"a":1}"#), "{\n    \"a\": 1\n}");
        assert_eq!(raw_string("{}"), r##"r#"{}"#"##);
    }
}
