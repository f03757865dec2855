//! Prints every setting with its meaning, default and variable, as a TOML file to start from.

use std::fmt::Write as _;

use confique::{
    Config as _,
    meta::{Expr, Field, FieldKind, LeafKind, Meta},
};

use super::Settings;

/// All settings as a commented TOML file. Keys that are commented out have no default.
pub fn print() -> String {
    let mut out = String::from("# The settings of Callgate. What is commented out has no value by default.\n");
    section(&mut out, "", &Settings::META);
    out
}

/// The variables that set something.
pub(super) fn variables() -> Vec<&'static str> {
    fn collect(meta: &'static Meta, found: &mut Vec<&'static str>) {
        for field in meta.fields {
            match field.kind {
                FieldKind::Leaf { env, .. } => found.extend(env),
                FieldKind::Nested { meta } => collect(meta, found),
            }
        }
    }
    let mut found = Vec::new();
    collect(&Settings::META, &mut found);
    found
}

fn section(out: &mut String, name: &str, meta: &'static Meta) {
    if !name.is_empty() {
        out.push('\n');
        comment(out, meta.doc);
        line(out, format_args!("[{name}]"));
    }
    for field in meta.fields {
        match field.kind {
            FieldKind::Leaf { env, kind } => setting(out, field, env, kind),
            FieldKind::Nested { meta } => section(out, field.name, meta),
        }
    }
}

fn setting(out: &mut String, field: &Field, env: Option<&str>, kind: LeafKind) {
    out.push('\n');
    comment(out, field.doc);
    if let Some(variable) = env {
        line(out, format_args!("# Variable: {variable}"));
    }
    let text = match kind {
        LeafKind::Required { default: Some(default) } => format!("{} = {}", field.name, value(default)),
        LeafKind::Required { default: None } | LeafKind::Optional => format!("#{} = …", field.name),
    };
    line(out, format_args!("{text}"));
}

fn comment(out: &mut String, doc: &[&str]) {
    for text in doc {
        line(out, format_args!("# {}", text.trim()));
    }
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string does not fail.
    let _ = writeln!(out, "{text}");
}

fn value(default: Expr) -> String {
    match default {
        Expr::Str(text) => format!("\"{text}\""),
        Expr::Integer(number) => number.to_string(),
        Expr::Float(number) => number.to_string(),
        Expr::Bool(flag) => flag.to_string(),
        Expr::Array(items) => {
            let items: Vec<_> = items.iter().copied().map(value).collect();
            format!("[{}]", items.join(", "))
        }
        other => format!("{other:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_can_be_used_as_a_file() {
        type Layer = <Settings as confique::Config>::Layer;
        toml::from_str::<Layer>(&print()).unwrap();
    }

    #[test]
    fn every_setting_has_a_meaning_and_a_variable_named_after_its_key() {
        fn check(prefix: &str, meta: &'static Meta) {
            for field in meta.fields {
                let name = format!("{prefix}_{}", field.name.to_uppercase());
                match field.kind {
                    FieldKind::Leaf { env, .. } => {
                        assert!(!field.doc.is_empty(), "{name}");
                        assert_eq!(env, Some(name.as_str()));
                    }
                    FieldKind::Nested { meta } => check(&name, meta),
                }
            }
        }
        check("CALLGATE", &Settings::META);
    }
}
