//! The macros of Callgate, which re-exports them: the attribute [`macro@function`], and [`t!`], [`message!`],
//! [`sentence!`] and [`catalogue!`] for translated texts.

mod catalogue;
mod declaration;
mod expand;
#[cfg(test)]
mod korean;
#[cfg(test)]
mod tests;
mod translate;

use proc_macro::TokenStream;

use self::catalogue::Catalogue;

/// Declares a function that people and programs can call.
///
/// ```rs
/// use callgate::{contract::{Answer, Refusal, Text}, function};
///
/// /// Greets the caller by name.
/// #[function]
/// pub async fn greet(
///     caller: LoggedIn,
///     /// What to say before the name.
///     greeting: Text<1, 40>,
///     #[serde(default)] loudly: bool,
/// ) -> Result<Answer, Refusal> {
///     let end = if loudly { "!" } else { "." };
///     Ok(Answer::new(format!("{greeting}, {}{end}", caller.user_id())))
/// }
/// ```
///
/// - The function name is the last segment of the endpoint's path, `/api/greet`. The doc comment is the text of its
///   page.
/// - **The first parameter is the guard**: its type says who may call, its value proves that the caller may. Without a
///   guard, the function does not compile.
/// - The other parameters are the arguments: the fields of the JSON object in the request body. Their types define a
///   schema with limits, and their doc comments are the help texts of the form. `#[serde(…)]` and `#[schemars(…)]` work
///   as on struct fields.
/// - Alternatively, one parameter takes the whole object: `#[body] object: JsonObject`.
/// - The reply is a struct. On the wire, `"ok":true` comes before its fields.
/// - `#[refuses(NotFound("booking".into()))]` below `#[function]` lists the refusals that the body itself returns, for
///   `/api/openapi.json`. Refusals of the guard and of the arguments are added automatically. The list can use
///   [`message!`] without an import.
/// - Other attributes, such as `#[expect(…)]`, apply to the function as usual.
/// - The body runs on the server only and may use `crate::server`. If the client disconnects or the timeout
///   `limits.call_seconds` expires, the body stops at its next `.await`, and the call log shows `broken_off` or
///   `call_too_slow`. Work that must not be left half done belongs in one transaction or in a separate task.
///
/// # Guard types need no import
///
/// Guards exist on the server only, but a declaration is also compiled for the browser, so each `use` of a guard would
/// need its own `#[cfg]`. The macro therefore imports `callgate::server::auth::guard::kinds::*` in the part that is
/// compiled for the server. Name any other guard by its path: `caller: crate::server::bookings::Owner`.
///
/// # Expansion
///
/// The macro expands to a Leptos server function of the same name, without the guard, which pages call like any other.
/// Its body, which Leptos compiles for the server only, contains everything else: a struct for the arguments, an
/// implementation of `callgate::server::registry::Declared`, and its registration. The server function checks the guard
/// before it runs the body, because Leptos calls server functions directly while it renders a page. For a call over
/// HTTP, the guard is checked before the request body is read, and its value is passed on.
#[proc_macro_attribute]
pub fn function(options: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand(&options.into(), item.into()).into()
}

/// A text in the current language: of the page, or of the request that is answered.
///
/// ```rs
/// t!("Log in")
/// t!("{n} users", n = users.len())
/// t!("User"; "login field")
/// ```
///
/// - The English text stands in the code. The Korean one is looked up in `locales/ko.po` while compiling. If it is missing,
///   the text is English.
/// - Placeholders are named, and each has a value: `n`, or `n = expression`. Both languages must have the same ones.
/// - The context after `;` (`msgctxt` in the catalogue) tells apart two meanings of one English word.
/// - English singular and plural are two texts, chosen by a `match`. Korean has one form.
///
/// The result is a `&'static str`, or a `String` if there are values.
#[proc_macro]
pub fn t(input: TokenStream) -> TokenStream {
    expand_with(|catalogue| translate::in_page_language(input.into(), catalogue))
}

/// A text in both languages, as a `callgate::contract::language::Message`: for what is said before it is known to whom, such
/// as a refusal. Written like [`t!`].
#[proc_macro]
pub fn message(input: TokenStream) -> TokenStream {
    expand_with(|catalogue| translate::in_both_languages(input.into(), catalogue))
}

/// A text in the current language with views in place of its placeholders, as a view. Written like [`t!`]:
/// `sentence!("Logged in as {user}.", user = view! { <strong>{name}</strong> })`.
#[proc_macro]
pub fn sentence(input: TokenStream) -> TokenStream {
    expand_with(|catalogue| translate::as_view(input.into(), catalogue))
}

/// The whole catalogue, as a sorted `&[(context, english, korean)]`: for texts that are known only at run time, such as
/// the doc comments of functions.
#[proc_macro]
pub fn catalogue(_input: TokenStream) -> TokenStream {
    expand_with(|catalogue| Ok(translate::all_entries(catalogue)))
}

fn expand_with(expand: impl FnOnce(&'static Catalogue) -> syn::Result<proc_macro2::TokenStream>) -> TokenStream {
    let catalogue = Catalogue::korean().map_err(|error| syn::Error::new(proc_macro2::Span::call_site(), error));
    catalogue
        .and_then(expand)
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}
