//! The declaration of a function: the macro that makes all its doors from one place.

/// Declares a function that people and programs can call.
///
/// ```
/// use callgate::{contract::{Answer, Refusal, Text}, function};
///
/// function! { "greet":
///     /// Greets the caller by name.
///     pub async fn greet(
///         caller: LoggedIn,
///         /// What to say before the name.
///         greeting: Text<1, 40>,
///         #[serde(default)]
///         loudly: bool,
///     ) -> Result<Answer, Refusal> {
///         let end = if loudly { "!" } else { "." };
///         Ok(Answer::new(format!("{greeting}, {}{end}", caller.user_id())))
///     }
/// }
/// # fn main() {}
/// ```
///
/// - The name stands first, as a literal; it ends the path `/api/<name>` and is the name of the Rust function, too.
/// - The doc comment is what the function's page says.
/// - **The first parameter is the guard**: its type says who may call, its value proves that the caller may. The guard
///   types are those of `server::guard::kinds`; they need no import.
/// - The other parameters are the arguments, read from a JSON object by name. Their types have a schema and with it their
///   limits ([`contract::limits`](crate::contract::limits)); their doc comments are the help of the form. Instead of them,
///   one `..name: Type` takes the whole object.
/// - The reply is a struct; on the wire, `"ok":true` stands before its fields.
/// - `#[refuses(NotFound("room".into()))]` under the doc comment names the refusals that the body makes itself, for the
///   document at `/api/openapi.json`; those of the guard and of the arguments are known.
/// - The body runs on the server only and may `use crate::server::…` inside. Where the client goes away, or it takes longer than
///   `limits.call_seconds`, it ends at its next `.await`: what must not be done by half belongs in one transaction, or in a
///   task of its own. The call log says `broken_off` then, or `call_too_slow`.
///
/// What comes out is a Leptos server function, so pages call it like any other; the guard runs inside of it, because
/// Leptos calls server functions directly while it renders a page on the server.
///
/// A function without a guard does not compile:
///
/// ```compile_fail
/// use callgate::{contract::{Answer, Refusal}, function};
///
/// function! { "greet":
///     /// Greets the caller by name.
///     pub async fn greet() -> Result<Answer, Refusal> {
///         Ok(Answer::new("hello"))
///     }
/// }
/// # fn main() {}
/// ```
///
/// Nor does one whose first parameter is no guard:
///
/// ```compile_fail
/// use callgate::{contract::{Answer, Refusal}, function};
///
/// function! { "greet":
///     /// Greets the caller by name.
///     pub async fn greet(greeting: String) -> Result<Answer, Refusal> {
///         Ok(Answer::new(greeting))
///     }
/// }
/// # fn main() {}
/// ```
#[macro_export]
macro_rules! function {
    // The whole body is one argument.
    ($endpoint:literal:
        $(#[doc = $doc:literal])*
        $(#[refuses($($refusal:expr),+ $(,)?)])?
        $visible:vis async fn $name:ident($caller:ident: $guard:ty, ..$whole:ident: $type:ty $(,)?) -> $output:ty $body:block
    ) => {
        $crate::function!(@server $endpoint, [$($doc)*], $visible, $name, $caller, $guard,
            [#[server(flatten)] #[doc = "The whole body of the call."] $whole: $type], $output, $body);
        $crate::server_only! {
            const _: () = {
                use $crate::server::{function::{self, Call, Function}, guard::kinds::*};
                fn call(function: &'static Function, body: String) -> Call {
                    Box::pin(async move { function::encode($name(function.decode::<$type>(&body)?).await) })
                }
                $crate::function!(@submit $endpoint, [$($doc)*], [$($($refusal),+)?], $name, $guard, $type, $output, call);
            };
        }
    };
    // The arguments are the fields of the body.
    ($endpoint:literal:
        $(#[doc = $doc:literal])*
        $(#[refuses($($refusal:expr),+ $(,)?)])?
        $visible:vis async fn $name:ident($caller:ident: $guard:ty $(, $(#[$about:meta])* $argument:ident: $type:ty)* $(,)?)
            -> $output:ty $body:block
    ) => {
        $crate::function!(@server $endpoint, [$($doc)*], $visible, $name, $caller, $guard,
            [$(#[doc = "An argument of the call."] $argument: $type),*], $output, $body);
        $crate::server_only! {
            const _: () = {
                use $crate::server::{function::{self, Call, Function}, guard::kinds::*};
                #[derive(::serde::Deserialize, ::schemars::JsonSchema)]
                struct Named { $($(#[$about])* $argument: $type),* }
                fn call(function: &'static Function, body: String) -> Call {
                    Box::pin(async move {
                        let Named { $($argument),* } = function.decode(&body)?;
                        function::encode($name($($argument),*).await)
                    })
                }
                $crate::function!(@submit $endpoint, [$($doc)*], [$($($refusal),+)?], $name, $guard, Named, $output, call);
            };
        }
    };
    // The guard was left out.
    ($endpoint:literal:
        $(#[$about:meta])*
        $visible:vis async fn $name:ident() $($rest:tt)*
    ) => {
        compile_error!(concat!(
            "`", stringify!($name), "` has no guard: its first parameter says who may call it, for example `caller: LoggedIn`"
        ));
    };
    (@server $endpoint:literal, [$($doc:literal)*], $visible:vis, $name:ident, $caller:ident, $guard:ty,
        [$($arguments:tt)*], $output:ty, $body:block
    ) => {
        $(#[doc = $doc])*
        #[::leptos::server(
            prefix = "/api",
            endpoint = $endpoint,
            input = ::leptos::server_fn::codec::Post<$crate::contract::wire::JsonText>,
            output = ::leptos::server_fn::codec::Post<$crate::contract::wire::JsonText>
        )]
        $visible async fn $name($($arguments)*) -> $output {
            #[allow(unused_imports, reason = "the guard may be named by a path of its own")]
            use $crate::server::guard::kinds::*;
            $crate::server::function::run($endpoint, async move {
                let $caller = $crate::server::guard::require::<$guard>($endpoint).await?;
                $body
            })
            .await
        }
    };
    (@submit $endpoint:literal, [$($doc:literal)*], [$($refusal:expr),*], $name:ident, $guard:ty, $arguments:ty, $output:ty,
        $call:expr
    ) => {
        const { assert!(function::is_named($endpoint, stringify!($name)), "the name stands before the function and in it: write the same") };
        fn refusals() -> Vec<$crate::contract::Refusal> {
            #[allow(unused_imports, reason = "most functions refuse nothing themselves")]
            use $crate::contract::Refusal::*;
            vec![$($refusal),*]
        }
        $crate::inventory::submit! {
            function::Declaration::new::<$guard, $arguments, $output>($endpoint, module_path!(), &[$($doc),*], refusals, $call)
        }
    };
}
