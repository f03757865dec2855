//! The declaration of a function: the macro that makes all its doors from one place.

/// Declares a function that people and programs can call.
///
/// ```
/// use callgate::{contract::{Answer, Refusal}, function};
///
/// function! { "greet":
///     /// Greets the caller by name.
///     pub async fn greet(caller: LoggedIn, greeting: String) -> Result<Answer, Refusal> {
///         Ok(Answer::new(format!("{greeting}, {}!", caller.user_id())))
///     }
/// }
/// # fn main() {}
/// ```
///
/// - The name stands first, as a literal; it ends the path `/api/<name>` and is the name of the Rust function, too.
/// - The doc comment is what the function's page says.
/// - **The first parameter is the guard**: its type says who may call, its value proves that the caller may. The guard
///   types are those of `server::guard::kinds`; they need no import.
/// - The other parameters are the arguments, read from a JSON object by name. Instead of them, one
///   `..name: Type` takes the whole object ([`Arguments`](crate::contract::arguments::Arguments)).
/// - The body runs on the server only and may `use crate::server::…` inside.
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
        $visible:vis async fn $name:ident($caller:ident: $guard:ty, ..$whole:ident: $type:ty $(,)?) -> $output:ty $body:block
    ) => {
        $crate::function!(@server $endpoint, [$($doc)*], $visible, $name, $caller, $guard,
            [#[server(flatten)] #[doc = "The whole body of the call."] $whole: $type], $output, $body);
        $crate::server_only! {
            const _: () = {
                use $crate::{contract::arguments::Arguments as _, server::{function::{self, Call}, guard::kinds::*}};
                fn call(body: String) -> Call {
                    Box::pin(async move { function::encode($name(<$type>::decode(&body)?).await) })
                }
                $crate::function!(@submit $endpoint, [$($doc)*], $name, $guard, <$type>::form, call);
            };
        }
    };
    // The arguments are the fields of the body.
    ($endpoint:literal:
        $(#[doc = $doc:literal])*
        $visible:vis async fn $name:ident($caller:ident: $guard:ty $(, $(#[doc = $help:literal])* $argument:ident: $type:ty)* $(,)?)
            -> $output:ty $body:block
    ) => {
        $crate::function!(@server $endpoint, [$($doc)*], $visible, $name, $caller, $guard,
            [$($(#[doc = $help])* #[doc = ""] $argument: $type),*], $output, $body);
        $crate::server_only! {
            const _: () = {
                use $crate::{contract::function::Form, server::{function::{self, Call}, guard::kinds::*}};
                #[derive(::serde::Deserialize)]
                struct Named { $($argument: $type),* }
                fn call(body: String) -> Call {
                    Box::pin(async move {
                        let Named { $($argument),* } = $crate::contract::arguments::decode_object(&body)?;
                        function::encode($name($($argument),*).await)
                    })
                }
                fn form() -> Form {
                    function::form_of(&[$(stringify!($argument)),*])
                }
                $crate::function!(@submit $endpoint, [$($doc)*], $name, $guard, form, call);
            };
        }
    };
    // The guard was left out.
    ($endpoint:literal:
        $(#[doc = $doc:literal])*
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
            input = ::leptos::server_fn::codec::Json,
            output = ::leptos::server_fn::codec::Json
        )]
        $visible async fn $name($($arguments)*) -> $output {
            #[allow(unused_imports, reason = "the guard may be named by a path of its own")]
            use $crate::server::guard::kinds::*;
            let $caller = $crate::server::guard::require::<$guard>().await?;
            $body
        }
    };
    (@submit $endpoint:literal, [$($doc:literal)*], $name:ident, $guard:ty, $form:expr, $call:expr) => {
        const { assert!(function::is_named($endpoint, stringify!($name)), "the name stands before the function and in it: write the same") };
        $crate::inventory::submit! {
            function::Declaration::new::<$guard>($endpoint, &[$($doc),*], $form, $call)
        }
    };
}
