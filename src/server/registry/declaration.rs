//! The declaration of a function, as [`#[function]`](crate::function) generates it.

use std::{future::Future, pin::Pin};

use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Serialize, de::DeserializeOwned};

use super::{Function, encode, schema};
use crate::{
    contract::Refusal,
    server::auth::{
        caller::Caller,
        guard::{Guard, Rule},
    },
};

/// A declared function. Only [`#[function]`](crate::function) implements this.
pub trait Declared {
    type Guard: Guard + 'static;
    /// The type that the body of a call is decoded to.
    type Arguments: DeserializeOwned + JsonSchema + Send;
    type Reply: Serialize + JsonSchema + Send;

    /// The name of the function: the last segment of its path.
    const NAME: &'static str;
    /// The path of the Rust module.
    const MODULE: &'static str;
    /// The lines of the doc comment.
    const DOC: &'static [&'static str];

    /// An example of each refusal that the body returns itself.
    fn refusals() -> Vec<Refusal>;

    /// Runs the body. The guard value proves that the caller may call.
    fn invoke(
        guard: Self::Guard,
        arguments: Self::Arguments,
    ) -> impl Future<Output = Result<Self::Reply, Refusal>> + Send;
}

/// The return type of a declared function: a reply or a refusal.
#[diagnostic::on_unimplemented(
    message = "a declared function returns a `Result<_, Refusal>`, not `{Self}`",
    label = "not a `Result<_, Refusal>`"
)]
pub trait Outcome {
    type Reply;
}

impl<T> Outcome for Result<T, Refusal> {
    type Reply = T;
}

/// A running call. Its output is the reply as JSON.
pub(super) type Call = Pin<Box<dyn Future<Output = Result<String, Refusal>> + Send>>;

/// The body of a function together with its guard value. Takes the request body.
pub(super) type Invoke = Box<dyn FnOnce(&'static Function, String) -> Call + Send>;

type Authorization<'a> = Pin<Box<dyn Future<Output = Result<Invoke, Refusal>> + Send + 'a>>;

/// A [`Declared`] function with its types erased, as registered with `inventory`.
pub struct Declaration {
    pub(super) name: &'static str,
    pub(super) module: &'static str,
    pub(super) doc: &'static [&'static str],
    pub(super) rule: fn() -> Rule,
    pub(super) refusals: fn() -> Vec<Refusal>,
    pub(super) arguments: fn() -> Schema,
    pub(super) reply: fn(&mut SchemaGenerator) -> Schema,
    pub(super) authorize: for<'a> fn(&'a Caller) -> Authorization<'a>,
    pub(super) decode: fn(&Function, &str) -> Result<(), Refusal>,
}

inventory::collect!(Declaration);

impl Declaration {
    pub const fn of<D: Declared>() -> Self {
        Self {
            name: D::NAME,
            module: D::MODULE,
            doc: D::DOC,
            rule: D::Guard::rule,
            refusals: D::refusals,
            arguments: schema::of_arguments::<D::Arguments>,
            reply: |generator| generator.subschema_for::<D::Reply>(),
            authorize: |caller| Box::pin(async move { D::Guard::check(caller).await.map(invocation::<D>) }),
            decode: |function, body| function.decode::<D::Arguments>(body).map(drop),
        }
    }
}

fn invocation<D: Declared>(guard: D::Guard) -> Invoke {
    Box::new(move |function, body| {
        Box::pin(async move {
            let arguments = function.decode(&body)?;
            encode(&D::invoke(guard, arguments).await?)
        })
    })
}
