use super::*;
use crate::{
    contract::{Language, shape::Shape},
    server::{auth::guard::permissions, registry},
};

/// The labels and help texts of arguments.
fn add_texts_of<'a>(shape: &'a Shape, texts: &mut Vec<&'a Message>) {
    match shape {
        Shape::Choice(choices) => texts.extend(choices.iter().map(|choice| &choice.label)),
        Shape::List(list) => add_texts_of(&list.item, texts),
        Shape::Record(fields) => {
            for field in fields {
                texts.extend([&field.label, &field.help]);
                add_texts_of(&field.shape, texts);
            }
        }
        _ => {}
    }
}

#[test]
fn every_text_about_functions_and_permissions_has_a_translation() {
    let words: Vec<Message> = permissions::all().map(|declared| text(declared.words)).collect();
    let mut texts: Vec<&Message> = words.iter().collect();
    for function in registry::all() {
        let view = &function.view;
        texts.extend([&view.summary, &view.rule.words]);
        texts.extend(&view.details);
        add_texts_of(&view.arguments, &mut texts);
    }
    assert!(texts.len() > 100);
    let missing: Vec<&str> = texts
        .into_iter()
        .filter(|text| !text.is_translated())
        .map(Message::english)
        .collect();
    assert!(missing.is_empty(), "add to locales/ko.po: {missing:#?}");
}

#[test]
fn a_doc_comment_is_looked_up_by_paragraph_and_stays_english_where_one_is_missing() {
    let known = doc(" Echoes a JSON object\n to anyone.\n", " ");
    assert_eq!(known.english(), "Echoes a JSON object to anyone.");
    assert!(known.is_translated() && !label(known.english()).is_translated());
    let mixed = doc("Echoes a JSON object to anyone.\n\n Unknown.", "\n\n");
    assert_eq!(
        mixed.in_language(Language::Ko),
        "Echoes a JSON object to anyone.\n\nUnknown."
    );
    Language::Ko.with(|| assert_eq!((known.lang(), mixed.lang()), (None, Some("en"))));
    assert_eq!(mixed.lang(), None);
}
