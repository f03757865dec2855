//! Generates the code of a declared function.

use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{
    Attribute, Error, FnArg, PatType, Result, Signature, Visibility,
    ext::IdentExt as _,
    parse::{Parse as _, ParseStream, Parser as _},
    spanned::Spanned as _,
};

use crate::declaration::{Argument, Declaration};

/// Expands `#[function(options)]` on `item`.
pub fn expand(options: &TokenStream, item: TokenStream) -> TokenStream {
    let declared = if options.is_empty() {
        syn::parse2::<Declaration>(item.clone())
    } else {
        Err(Error::new_spanned(
            options,
            "`#[function]` takes no arguments: the endpoint has the name of the function",
        ))
    };
    match declared {
        Ok(declaration) => declaration.into_token_stream(),
        Err(error) => {
            let error = error.into_compile_error();
            let stub = stub.parse2(item).unwrap_or_default();
            quote!(#error #stub)
        }
    }
}

/// A function with the declared name and arguments, so that calls of an invalid declaration cause no further errors.
fn stub(input: ParseStream) -> Result<TokenStream> {
    Attribute::parse_outer(input)?;
    let visibility = Visibility::parse(input)?;
    let Signature {
        ident, inputs, output, ..
    } = Signature::parse(input)?;
    TokenStream::parse(input)?;
    let arguments = inputs.into_iter().skip(1).filter_map(|parameter| match parameter {
        FnArg::Typed(PatType { pat, ty, .. }) => Some(quote!(#pat: #ty)),
        FnArg::Receiver(_) => None,
    });
    Ok(quote! {
        #[allow(unused, missing_docs, clippy::all, clippy::pedantic, reason = "the declaration is already an error")]
        #visibility async fn #ident(#(#arguments),*) #output { ::core::panic!() }
    })
}

impl ToTokens for Declaration {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Self {
            docs,
            refusals,
            attributes,
            visibility,
            name,
            guard,
            arguments,
            output,
            body,
        } = self;
        let guard_type = &guard.ty;
        let endpoint = Literal::string(&name.unraw().to_string());
        let reply = quote_spanned!(output.span()=> <#output as ::callgate::server::registry::Outcome>::Reply);
        // With this span, the compiler reports a body of the wrong type at the name of the function.
        let invoke = format_ident!("invoke", span = name.span());
        let parameters = arguments.iter().map(server_fn_parameter);
        let (arguments_struct, arguments_type, pattern) = match &arguments[..] {
            [body] if body.is_body => {
                let Argument { name, ty, .. } = body;
                (None, quote!(#ty), quote!(#name))
            }
            fields => {
                let names = fields.iter().map(|field| &field.name);
                let pattern = quote!(__Arguments { #(#names),* });
                (Some(arguments_struct(fields)), quote!(__Arguments), pattern)
            }
        };
        tokens.extend(quote! {
            #(#[doc = #docs])*
            #[::callgate::macro_support::leptos::server(
                prefix = "/api",
                endpoint = #endpoint,
                input = ::callgate::macro_support::leptos::server_fn::codec::Post<::callgate::contract::codec::JsonText>,
                output = ::callgate::macro_support::leptos::server_fn::codec::Post<::callgate::contract::codec::JsonText>
            )]
            #(#attributes)*
            #visibility async fn #name(#(#parameters),*) -> #output {
                #[allow(unused_imports, reason = "the guard may be named by its path")]
                use ::callgate::server::auth::guard::kinds::*;
                #arguments_struct
                struct __Function;
                impl ::callgate::server::registry::Declared for __Function {
                    type Guard = #guard_type;
                    type Arguments = #arguments_type;
                    type Reply = #reply;
                    const NAME: &'static str = #endpoint;
                    const MODULE: &'static str = ::core::module_path!();
                    const DOC: &'static [&'static str] = &[#(#docs),*];
                    fn refusals() -> ::std::vec::Vec<::callgate::contract::Refusal> {
                        #[allow(unused_imports, reason = "most functions list no refusals")]
                        use ::callgate::{contract::Refusal::*, message};
                        ::std::vec![#(#refusals),*]
                    }
                    async fn #invoke(#guard, #pattern: #arguments_type) -> #output #body
                }
                ::callgate::macro_support::inventory::submit! {
                    ::callgate::server::registry::Declaration::of::<__Function>()
                }
                ::callgate::server::registry::call::<__Function>(#pattern).await
            }
        });
    }
}

/// The struct that the arguments are decoded into.
fn arguments_struct(arguments: &[Argument]) -> TokenStream {
    let fields = arguments.iter().map(|argument| {
        let Argument {
            attributes, name, ty, ..
        } = argument;
        quote!(#(#attributes)* #name: #ty)
    });
    quote! {
        #[derive(::callgate::macro_support::serde::Deserialize, ::callgate::macro_support::schemars::JsonSchema)]
        #[serde(crate = "::callgate::macro_support::serde")]
        #[schemars(crate = "::callgate::macro_support::schemars")]
        struct __Arguments { #(#fields),* }
    }
}

/// A parameter of the server function. Leptos generates a public struct field from it, which needs a doc comment.
fn server_fn_parameter(argument: &Argument) -> TokenStream {
    let Argument {
        is_body,
        attributes,
        name,
        ty,
    } = argument;
    let flatten = is_body.then(|| quote!(#[server(flatten)]));
    let is_doc = |attribute: &&Attribute| attribute.path().is_ident("doc");
    let docs: Vec<_> = attributes.iter().filter(is_doc).collect();
    let default = docs.is_empty().then(|| quote!(#[doc = "An argument of the call."]));
    quote!(#flatten #(#docs)* #default #name: #ty)
}
