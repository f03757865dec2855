//! The attribute macro [`macro@function`] of Callgate. Callgate exports it again, as `callgate::function`.

mod declaration;
mod expand;
#[cfg(test)]
mod tests;

use proc_macro::TokenStream;

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
/// - The name of the function ends its path, `/api/greet`. The doc comment is what its page says.
/// - **The first parameter is the guard**: its type says who may call, its value proves that the caller may. Without a
///   guard the function does not compile.
/// - The other parameters are the arguments: the fields of the JSON object that is sent. Their types have a schema and with
///   it their limits; their doc comments are the help in the form. `#[serde(…)]` and `#[schemars(…)]` work as on the fields
///   of a struct.
/// - Or one parameter takes the whole object: `#[body] object: JsonObject`.
/// - The reply is a struct. On the wire, `"ok":true` comes before its fields.
/// - `#[refuses(NotFound("room".into()))]` below `#[function]` names the refusals that the body makes itself, for the
///   document at `/api/openapi.json`. Those of the guard and of the arguments are known.
/// - Other attributes, such as `#[expect(…)]`, apply to the function as usual.
/// - The body runs on the server only and may use `crate::server`. If the client disconnects, or `limits.call_seconds` run
///   out, it stops at its next `.await`: put what must not be half done into one transaction or a task of its own. The
///   call log then has `broken_off` or `call_too_slow`.
///
/// # Guard types need no import
///
/// Guards exist on the server only, and a declaration is compiled for the browser too. A `use` line for a guard would need a
/// `#[cfg]` of its own in each file. So the macro imports `callgate::server::auth::guard::kinds::*` beside the guard, in the part
/// that is compiled for the server. A guard from elsewhere is named by its path, `caller: crate::server::rooms::Owner`.
///
/// # What the macro writes
///
/// A Leptos server function of the same name, without the guard, which pages call like any other. Its body, which Leptos
/// compiles for the server only, holds everything else: the arguments as a struct, an implementation of
/// `callgate::server::registry::Declared`, and the registration of that. The server function checks the guard and then
/// invokes the body, because Leptos calls server functions directly while it renders a page. A call over HTTP has its guard
/// checked before its body is read, and invokes the function with that proof.
#[proc_macro_attribute]
pub fn function(arguments: TokenStream, item: TokenStream) -> TokenStream {
    expand::expand(&arguments.into(), item.into()).into()
}
