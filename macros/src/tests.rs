//! Compiler errors for invalid declarations: their text and the code they point to.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens as _;

use crate::{declaration::Declaration, expand::expand};

/// The source text that the error points to, and its message.
fn error(item: &str) -> (String, String) {
    let Err(error) = syn::parse_str::<Declaration>(item) else {
        panic!("no error: {item}");
    };
    (error.span().source_text().unwrap_or_default(), error.to_string())
}

#[track_caller]
fn assert_error(item: &str, at: &str, message: &str) {
    assert_eq!(error(item), (at.to_owned(), message.to_owned()), "{item}");
}

/// All tokens, including those in groups.
fn flat(tokens: TokenStream) -> Vec<TokenTree> {
    let tokens = tokens.into_iter().flat_map(|token| match token {
        TokenTree::Group(group) => flat(group.stream()),
        token => vec![token],
    });
    tokens.collect()
}

#[test]
fn the_error_for_a_missing_guard_says_what_a_guard_is() {
    let no_guard = "`greet` has no guard: its first parameter says who may call it, for example `caller: LoggedIn`";
    assert_error("pub async fn greet() -> Result<Answer, Refusal> {}", "()", no_guard);
}

#[test]
fn the_type_that_has_to_be_a_guard_is_the_first_parameter_as_it_is_written() {
    let item = "async fn greet(caller: String, name: Text<1, 40>) -> Result<Answer, Refusal> {}";
    let tokens = flat(expand(&TokenStream::new(), item.parse().unwrap()));
    let mut tokens = tokens.iter().skip_while(|token| token.to_string() != "Guard").skip(2);
    let start = tokens.next().unwrap().span().start();
    assert_eq!((start.line, &item[start.column..start.column + 6]), (1, "String"));
}

#[test]
fn each_other_mistake_has_a_sentence_of_its_own() {
    let a_result = "a declared function must return a `Result`, for example `-> Result<Answer, Refusal>`";
    assert_error("async fn f(c: Anyone) {}", ")", a_result);
    assert_error(
        "fn f(c: Anyone) -> R {}",
        "fn",
        "a declared function must be an `async fn`",
    );
    for (item, at, kind) in [
        ("const async fn f(c: Anyone) -> R {}", "const", "const"),
        ("async unsafe fn f(c: Anyone) -> R {}", "unsafe", "unsafe"),
        (r#"async extern "C" fn f(c: Anyone) -> R {}"#, r#"extern "C""#, "extern"),
        ("async fn f<T>(c: Anyone, t: T) -> R {}", "<T>", "generic"),
        (
            "async fn f(c: Anyone) -> R where u8: Copy {}",
            "where u8: Copy",
            "generic",
        ),
    ] {
        assert_error(item, at, &format!("a declared function cannot be {kind}"));
    }
    let no_self = "a declared function cannot take `self`";
    assert_error("async fn f(&self) -> R {}", "&self", no_self);
    let no_attributes = "the first parameter is the guard, which takes no attributes";
    assert_error("async fn f(#[body] c: JsonObject) -> R {}", "#[body]", no_attributes);
    let named = "an argument must be a name and a type: `name: Type`";
    for pattern in ["mut a", "ref a", "_", "(a, b)"] {
        assert_error(
            &format!("async fn f(c: Anyone, {pattern}: u8) -> R {{}}"),
            pattern,
            named,
        );
    }
    let alone = "`#[body]` takes the whole request body, so there can be no other argument";
    for inputs in [
        "#[body] a: A, b: u8",
        "b: u8, #[body] a: A",
        "#[body] a: A, #[body] b: u8",
    ] {
        assert_error(&format!("async fn f(c: Anyone, {inputs}) -> R {{}}"), "b", alone);
    }
    let no_field = "this attribute applies to fields, and a `#[body]` parameter is not a field";
    assert_error(
        "async fn f(c: Anyone, #[body] #[serde(default)] a: A) -> R {}",
        "#[serde(default)]",
        no_field,
    );
    assert_error(
        "async fn f(c: Anyone) -> R;",
        ";",
        "a declared function must have a body",
    );
    assert_error("struct S;", "struct", "expected `fn`");
}

#[test]
fn a_wrong_declaration_can_still_be_called_so_that_there_is_one_error() {
    let item = "pub async fn f(c: Anyone, #[serde(default)] a: u8) {}";
    let expanded = expand(&TokenStream::new(), item.parse().unwrap()).to_string();
    assert_eq!(expanded.matches("compile_error").count(), 1, "{expanded}");
    assert!(expanded.contains("pub async fn f (a : u8)"), "{expanded}");
    let options = expand(&"\"f\"".parse().unwrap(), item.parse().unwrap()).to_string();
    assert!(options.contains("`#[function]` takes no arguments"), "{options}");
}

#[test]
fn a_body_that_is_being_typed_is_passed_on_as_it_is() {
    let item = "async fn f(c: Anyone) -> R { c. }";
    let declared = syn::parse_str::<Declaration>(item).unwrap_or_else(|error| panic!("{error}"));
    assert!(declared.into_token_stream().to_string().contains("{ c . }"));
}
