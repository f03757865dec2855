//! `t!`, `message!`, `sentence!` and `catalogue!`: a text of a page in English, looked up in the catalogue while compiling.

use std::collections::BTreeSet;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{
    Error, Expr, Ident, LitStr, Result, Token,
    parse::{Parse, ParseStream},
};

use crate::catalogue::{Catalogue, Key};

/// What stands in the parentheses: `"{n} users", n`, or `"User"; "login field"`.
pub(crate) struct Text {
    english: LitStr,
    context: Option<LitStr>,
    values: Vec<(Ident, Expr)>,
}

impl Parse for Text {
    fn parse(input: ParseStream) -> Result<Self> {
        let english = input.parse()?;
        let context = if input.peek(Token![;]) {
            input.parse::<Token![;]>()?;
            Some(input.parse()?)
        } else {
            None
        };
        let mut values = Vec::new();
        while !input.is_empty() {
            input.parse::<Token![,]>()?;
            if input.is_empty() {
                break;
            }
            let name: Ident = input.parse()?;
            let value = if input.peek(Token![=]) {
                input.parse::<Token![=]>()?;
                input.parse()?
            } else {
                syn::parse_quote!(#name)
            };
            values.push((name, value));
        }
        Ok(Self {
            english,
            context,
            values,
        })
    }
}

impl Text {
    pub(crate) fn key(&self) -> Key {
        Key {
            context: self.context.as_ref().map(LitStr::value),
            english: self.english.value(),
        }
    }
}

/// The text in English and, if the catalogue has it, in Korean.
struct Translated {
    english: LitStr,
    korean: Option<LitStr>,
    values: Vec<(Ident, Expr)>,
}

fn translated(input: TokenStream, catalogue: &Catalogue) -> Result<Translated> {
    let text: Text = syn::parse2(input)?;
    let key = text.key();
    let Text { english, values, .. } = text;
    let names: BTreeSet<String> = values.iter().map(|(name, _)| name.to_string()).collect();
    let placeholders = placeholders(&key.english);
    if placeholders != names {
        let message = format!(
            "the placeholders of the text are {}, and the values are {}",
            listed(&placeholders),
            listed(&names)
        );
        return Err(Error::new(english.span(), message));
    }
    let korean = catalogue.find(&key);
    if let Some(korean) = korean
        && self::placeholders(korean) != names
    {
        let message = format!("the Korean text has other placeholders: {korean}");
        return Err(Error::new(english.span(), message));
    }
    // Only a text with values goes through `format!`, which takes doubled braces for one.
    let literal = |text: &str| {
        let single = || text.replace("{{", "{").replace("}}", "}");
        let text = if values.is_empty() { single() } else { text.to_owned() };
        LitStr::new(&text, english.span())
    };
    Ok(Translated {
        korean: korean.map(literal),
        english: literal(&key.english),
        values,
    })
}

fn listed(names: &BTreeSet<String>) -> String {
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    if names.is_empty() {
        "none".to_owned()
    } else {
        names.join(", ")
    }
}

/// The names in braces. `{{` and `}}` are braces of the text.
pub(crate) fn placeholders(text: &str) -> BTreeSet<String> {
    let text = text.replace("{{", "").replace("}}", "");
    let after_braces = text.split('{').skip(1);
    let inner = after_braces.filter_map(|part| part.split_once('}'));
    inner
        .map(|(inner, _)| inner.split(':').next().unwrap_or_default().to_owned())
        .collect()
}

/// `t!`: the text in the language of the page, as `&'static str`, or as `String` if it has values.
pub fn in_page_language(input: TokenStream, catalogue: &Catalogue) -> Result<TokenStream> {
    let Translated {
        english,
        korean,
        values,
    } = translated(input, catalogue)?;
    let korean = korean.as_ref().unwrap_or(&english);
    if values.is_empty() {
        return Ok(quote!(::callgate::contract::language::Language::current().pick(#english, #korean)));
    }
    let (names, values): (Vec<_>, Vec<_>) = values.into_iter().unzip();
    Ok(quote! {
        match (#(&#values,)*) {
            (#(#names,)*) => match ::callgate::contract::language::Language::current() {
                ::callgate::contract::language::Language::En => ::std::format!(#english, #(#names = #names),*),
                ::callgate::contract::language::Language::Ko => ::std::format!(#korean, #(#names = #names),*),
            }
        }
    })
}

/// `message!`: the text in both languages, as a `Message`.
pub fn in_both_languages(input: TokenStream, catalogue: &Catalogue) -> Result<TokenStream> {
    let Translated {
        english,
        korean,
        values,
    } = translated(input, catalogue)?;
    let message = quote!(::callgate::contract::language::Message);
    // A value can be a message, too.
    let language = quote!(::callgate::contract::language::Language);
    if values.is_empty() {
        let korean = korean.map_or_else(|| quote!(None), |korean| quote!(Some(#korean)));
        return Ok(quote!(#message::fixed(#english, ::core::option::Option::#korean)));
    }
    let (names, values): (Vec<_>, Vec<_>) = values.into_iter().unzip();
    let korean = korean.map_or_else(
        || quote!(None),
        |korean| quote!(Some(#language::Ko.with(|| ::std::format!(#korean, #(#names = #names),*)))),
    );
    Ok(quote! {
        match (#(&#values,)*) {
            (#(#names,)*) => #message::made(
                #language::En.with(|| ::std::format!(#english, #(#names = #names),*)),
                ::core::option::Option::#korean,
            ),
        }
    })
}

/// `sentence!`: the text in the current language with views as values, as a view.
pub fn as_view(input: TokenStream, catalogue: &Catalogue) -> Result<TokenStream> {
    let Translated {
        english,
        korean,
        values,
    } = translated(input, catalogue)?;
    let english = pieces(&english.value());
    let korean = korean.map_or_else(|| english.clone(), |korean| pieces(&korean.value()));
    let (names, values): (Vec<_>, Vec<_>) = values.into_iter().unzip();
    let any = quote!(::callgate::macro_support::leptos::prelude::IntoAny::into_any);
    Ok(quote! {
        match (#(#values,)*) {
            (#(#names,)*) => match ::callgate::contract::language::Language::current() {
                ::callgate::contract::language::Language::En => #any((#(#english,)*)),
                ::callgate::contract::language::Language::Ko => #any((#(#korean,)*)),
            }
        }
    })
}

/// The text in pieces: texts as literals, placeholders as variables.
fn pieces(text: &str) -> Vec<TokenStream> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}') else {
            break;
        };
        // Leptos renders an empty text as a space.
        if !before.is_empty() {
            pieces.push(quote!(#before));
        }
        let name = Ident::new(name, proc_macro2::Span::call_site());
        pieces.push(quote!(#name));
        rest = after;
    }
    if !rest.is_empty() {
        pieces.push(quote!(#rest));
    }
    pieces
}

/// `catalogue!`: all entries, sorted, as an array of `(context, english, korean)`.
pub fn all_entries(catalogue: &Catalogue) -> TokenStream {
    let entries = catalogue.entries().into_iter().map(|(key, korean)| {
        let (context, english) = (key.context.as_deref().unwrap_or_default(), &key.english);
        quote!((#context, #english, #korean))
    });
    quote!(&[#(#entries),*])
}

#[cfg(test)]
mod tests {
    use super::*;

    const PO: &str = r#"
        # The header.
        msgid ""
        msgstr "Language: ko\n"

        msgid "Log in"
        msgstr "로그인"

        msgid "{n} users"
        msgstr "사용자 {n}명"

        msgctxt "login field"
        msgid "User"
        msgstr "아이디"

        msgid "User"
        msgstr ""
        "사용"
        "자"

        #, fuzzy
        msgid "Fuzzy"
        msgstr "흐림"

        msgid "{a} and {b}"
        msgstr "{a}"
    "#;

    fn catalogue() -> Catalogue {
        Catalogue::parse(PO).unwrap()
    }

    #[track_caller]
    fn assert_both(input: &str, expected: &str) {
        let tokens = in_both_languages(input.parse().unwrap(), &catalogue()).unwrap();
        let expected: TokenStream = expected.parse().unwrap();
        let text = tokens
            .to_string()
            .replace(":: callgate :: contract :: language :: ", "");
        assert_eq!(text, expected.to_string());
    }

    fn error(input: &str) -> String {
        in_page_language(input.parse().unwrap(), &catalogue())
            .unwrap_err()
            .to_string()
    }

    #[test]
    fn a_text_is_looked_up_with_its_context() {
        assert_both(
            r#""Log in""#,
            r#"Message::fixed("Log in", ::core::option::Option::Some("로그인"))"#,
        );
        assert_both(
            r#""User""#,
            r#"Message::fixed("User", ::core::option::Option::Some("사용자"))"#,
        );
        let with_context = r#"Message::fixed("User", ::core::option::Option::Some("아이디"))"#;
        assert_both(r#""User"; "login field""#, with_context);
    }

    #[test]
    fn a_text_that_is_missing_or_fuzzy_has_no_korean() {
        for text in ["Fuzzy", "Nowhere"] {
            let english = format!("Message::fixed(\"{text}\", ::core::option::Option::None)");
            assert_both(&format!("\"{text}\""), &english);
        }
    }

    #[test]
    fn values_are_evaluated_once_and_named_in_both_languages() {
        assert_both(
            r#""{n} users", n = users.len()"#,
            r#"match (&users.len(),) { (n,) => Message::made(Language::En.with(|| ::std::format!("{n} users", n = n)),
                ::core::option::Option::Some(Language::Ko.with(|| ::std::format!("사용자 {n}명", n = n))),), }"#,
        );
    }

    #[test]
    fn a_sentence_has_its_views_where_the_language_wants_them() {
        let text = |text: &str| pieces(text).iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(text("사용자 {n}명"), ["\"사용자 \"", "n", "\"명\""]);
        assert_eq!(text("{a}{b}"), ["a", "b"]);
        let sentence = as_view("\"{n} users\", n = view".parse().unwrap(), &catalogue()).unwrap();
        assert!(sentence.to_string().contains(r#"(n , " users" ,)"#), "{sentence}");
    }

    #[test]
    fn placeholders_and_values_must_be_the_same() {
        let message = "the placeholders of the text are `n`, and the values are none";
        assert_eq!(error(r#""{n} users""#), message);
        assert_eq!(
            error(r#""Log in", n"#),
            "the placeholders of the text are none, and the values are `n`"
        );
        assert!(error(r#""{a} and {b}", a, b"#).contains("other placeholders"));
        assert_eq!(placeholders("{{x}} {a:.1} {b}"), ["a", "b"].map(str::to_owned).into());
    }

    #[test]
    fn mistakes_in_the_catalogue_are_reported_with_their_line() {
        for (text, expected) in [
            (
                "msgid \"a\"\nmsgstr \"b\"\n\nmsgid \"a\"\nmsgstr \"c\"\n\n",
                "line 6: there are two entries for \"a\"",
            ),
            ("msgid \"a\"\nmsgstr \"\\x\"\n", "line 2: unknown escape"),
            ("\"a\"\n", "line 1: expected msgctxt, msgid or msgstr"),
            ("msgid a\n", "line 1: expected a text in quotes"),
        ] {
            let error = Catalogue::parse(text).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
