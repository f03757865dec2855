//! What is written in place of a declared function.

use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{
    Attribute, Error, FnArg, Result, Signature, Visibility,
    ext::IdentExt as _,
    parse::{Parse as _, ParseStream, Parser as _},
    spanned::Spanned as _,
};

use crate::declaration::{Argument, Declaration};

/// What stands in place of a function with the attribute `#[function(options)]`.
pub fn expand(options: &TokenStream, item: TokenStream) -> TokenStream {
    let declared = if options.is_empty() {
        syn::parse2::<Declaration>(item.clone())
    } else {
        Err(Error::new_spanned(
            options,
            "`#[function]` takes nothing: the name is that of the function",
        ))
    };
    match declared {
        Ok(declaration) => declaration.into_token_stream(),
        Err(error) => {
            let error = error.into_compile_error();
            let callable = callable.parse2(item).unwrap_or_default();
            quote!(#error #callable)
        }
    }
}

/// A function that can be called as the declared one could be, so that its callers add no errors to the one that there is.
fn callable(input: ParseStream) -> Result<TokenStream> {
    Attribute::parse_outer(input)?;
    let visibility = Visibility::parse(input)?;
    let Signature {
        ident, inputs, output, ..
    } = Signature::parse(input)?;
    TokenStream::parse(input)?;
    let arguments = inputs.into_iter().skip(1).filter_map(|parameter| match parameter {
        FnArg::Typed(parameter) => Some((parameter.pat, parameter.ty)),
        FnArg::Receiver(_) => None,
    });
    let arguments = arguments.map(|(pattern, ty)| quote!(#pattern: #ty));
    Ok(quote! {
        #[allow(unused, missing_docs, clippy::all, clippy::pedantic, reason = "it is an error already")]
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
        // Where the body is not what it has to be, the compiler points to the name of the function.
        let invoke = format_ident!("invoke", span = name.span());
        let parameters = arguments.iter().map(parameter);
        let (definition, arguments_type, pattern) = match &arguments[..] {
            [body] if body.is_body => {
                let Argument { name, ty, .. } = body;
                (None, quote!(#ty), quote!(#name))
            }
            fields => {
                let names = fields.iter().map(|field| &field.name);
                let pattern = quote!(__Arguments { #(#names),* });
                (Some(definition(fields)), quote!(__Arguments), pattern)
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
                #definition
                struct __Function;
                impl ::callgate::server::registry::Declared for __Function {
                    type Guard = #guard_type;
                    type Arguments = #arguments_type;
                    type Reply = #reply;
                    const NAME: &'static str = #endpoint;
                    const MODULE: &'static str = ::core::module_path!();
                    const DOC: &'static [&'static str] = &[#(#docs),*];
                    fn refusals() -> ::std::vec::Vec<::callgate::contract::Refusal> {
                        #[allow(unused_imports, reason = "most functions refuse nothing themselves")]
                        use ::callgate::contract::Refusal::*;
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

/// The struct that arguments are decoded to.
fn definition(arguments: &[Argument]) -> TokenStream {
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

/// A parameter of the server function, which becomes a field of a public struct that Leptos writes.
fn parameter(argument: &Argument) -> TokenStream {
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
