//! Parses a function with `#[function]` and rejects what a declared function cannot be.

use proc_macro2::{Group, TokenStream};
use quote::{ToTokens as _, quote};
use syn::{
    Attribute, Error, Expr, FnArg, Ident, Meta, Pat, PatIdent, PatType, Result, ReturnType, Signature, Token, Type,
    Visibility,
    parse::{Parse, ParseStream},
    punctuated::Punctuated,
    token::Brace,
};

/// A parsed function declaration.
pub struct Declaration {
    /// The lines of the doc comment.
    pub docs: Vec<Expr>,
    /// The refusals listed in `#[refuses(…)]`.
    pub refusals: Vec<Expr>,
    /// All other attributes.
    pub attributes: Vec<Attribute>,
    pub visibility: Visibility,
    pub name: Ident,
    pub guard: PatType,
    pub arguments: Vec<Argument>,
    pub output: Type,
    /// Left unparsed, so that rust-analyzer can complete inside an unfinished body.
    pub body: Group,
}

/// A parameter after the guard.
pub struct Argument {
    /// Whether the parameter takes the whole request body, and not one field of it: `#[body]`.
    pub is_body: bool,
    /// All other attributes.
    pub attributes: Vec<Attribute>,
    pub name: Ident,
    pub ty: Type,
}

impl Parse for Declaration {
    fn parse(input: ParseStream) -> Result<Self> {
        let (mut docs, mut refusals, mut attributes) = (Vec::new(), Vec::new(), Vec::new());
        for attribute in input.call(Attribute::parse_outer)? {
            match &attribute.meta {
                Meta::NameValue(doc) if doc.path.is_ident("doc") => docs.push(doc.value.clone()),
                meta if meta.path().is_ident("refuses") => {
                    refusals.extend(attribute.parse_args_with(Punctuated::<Expr, Token![,]>::parse_terminated)?);
                }
                _ => attributes.push(attribute),
            }
        }
        let visibility = input.parse()?;
        let signature: Signature = input.parse()?;
        if !input.peek(Brace) {
            return Err(input.error("a declared function must have a body"));
        }
        let body = input.parse()?;
        check_signature(&signature)?;
        let ReturnType::Type(_, output) = signature.output else {
            let message = "a declared function must return a `Result`, for example `-> Result<Answer, Refusal>`";
            return Err(Error::new(signature.paren_token.span.close(), message));
        };
        let mut parameters = signature.inputs.into_iter();
        let Some(guard) = parameters.next() else {
            let message = format!(
                "`{}` has no guard: its first parameter says who may call it, for example `caller: LoggedIn`",
                signature.ident
            );
            return Err(Error::new(signature.paren_token.span.join(), message));
        };
        Ok(Self {
            docs,
            refusals,
            attributes,
            visibility,
            name: signature.ident,
            guard: self::guard(guard)?,
            arguments: arguments(parameters)?,
            output: *output,
            body,
        })
    }
}

/// Rejects signatures that Rust allows but a declared function cannot have.
fn check_signature(signature: &Signature) -> Result<()> {
    let (generics, clause) = (&signature.generics, &signature.generics.where_clause);
    let unsupported: [(TokenStream, &str); 4] = [
        (signature.constness.to_token_stream(), "const"),
        (signature.safety.to_token_stream(), "unsafe"),
        (signature.abi.to_token_stream(), "extern"),
        (quote!(#generics #clause), "generic"),
    ];
    for (tokens, kind) in unsupported {
        if !tokens.is_empty() {
            let message = format!("a declared function cannot be {kind}");
            return Err(Error::new_spanned(tokens, message));
        }
    }
    if signature.asyncness.is_none() {
        let message = "a declared function must be an `async fn`";
        return Err(Error::new_spanned(signature.fn_token, message));
    }
    Ok(())
}

fn guard(parameter: FnArg) -> Result<PatType> {
    let parameter = typed(parameter)?;
    if let Some(attribute) = parameter.attrs.first() {
        let message = "the first parameter is the guard, which takes no attributes";
        return Err(Error::new_spanned(attribute, message));
    }
    Ok(parameter)
}

fn arguments(parameters: impl Iterator<Item = FnArg>) -> Result<Vec<Argument>> {
    let arguments = parameters.map(argument).collect::<Result<Vec<_>>>()?;
    let Some(body) = arguments.iter().position(|argument| argument.is_body) else {
        return Ok(arguments);
    };
    if let Some((_, other)) = arguments.iter().enumerate().find(|(index, _)| *index != body) {
        let message = "`#[body]` takes the whole request body, so there can be no other argument";
        return Err(Error::new_spanned(&other.name, message));
    }
    let mut attributes = arguments[body].attributes.iter();
    if let Some(attribute) = attributes.find(|attribute| !attribute.path().is_ident("doc")) {
        let message = "this attribute applies to fields, and a `#[body]` parameter is not a field";
        return Err(Error::new_spanned(attribute, message));
    }
    Ok(arguments)
}

fn argument(parameter: FnArg) -> Result<Argument> {
    let PatType { mut attrs, pat, ty, .. } = typed(parameter)?;
    let Pat::Ident(PatIdent {
        by_ref: None,
        mutability: None,
        subpat: None,
        ident: name,
        ..
    }) = *pat
    else {
        let message = "an argument must be a name and a type: `name: Type`";
        return Err(Error::new_spanned(pat, message));
    };
    let is_body = |attribute: &mut Attribute| attribute.path().is_ident("body");
    Ok(Argument {
        is_body: attrs.extract_if(.., is_body).count() > 0,
        attributes: attrs,
        name,
        ty: *ty,
    })
}

fn typed(parameter: FnArg) -> Result<PatType> {
    match parameter {
        FnArg::Typed(parameter) => Ok(parameter),
        FnArg::Receiver(receiver) => Err(Error::new_spanned(receiver, "a declared function cannot take `self`")),
    }
}
