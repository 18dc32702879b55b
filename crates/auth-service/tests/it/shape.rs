//! What a screen reader and a password store rely on, on every page.

use std::collections::HashSet;

use auth_service::branding::Branding;
use auth_service::locale::Locale;

use crate::gallery::{self, Sheet};
use crate::markup::{Tag, tags};

fn every() -> Vec<Sheet> {
    let branding = Branding::default();
    Locale::ALL.into_iter().flat_map(|locale| gallery::pages(locale, &branding, gallery::CALM)).collect()
}

fn value<'a>(tag: &Tag<'a>, name: &str) -> Option<&'a str> {
    tag.1.iter().find(|(found, _)| *found == name).map(|(_, value)| *value)
}

#[test]
fn a_page_says_its_language_and_has_one_main_and_one_heading() {
    for (page, html) in every() {
        let count = |open: &str| html.matches(open).count();
        assert!(
            html.contains("<html lang=\"en\" dir=\"ltr\">")
                || html.contains("<html lang=\"de\" dir=\"ltr\">")
        );
        assert_eq!(
            (count("<h1"), count("<main"), count("<header"), count("<footer")),
            (1, 1, 1, 1),
            "{page}"
        );
        assert!(!html.contains('⟦'), "{page} lacks a text: {}", html.split('⟦').nth(1).unwrap());
        let title = html.split("<title>").nth(1).unwrap().split("</title>").next().unwrap();
        let wrong = title.starts_with("Error: ") || title.starts_with("Fehler: ");
        assert_eq!(wrong, html.contains("role=\"alert\""), "{page}: {title}");
    }
}

#[test]
fn ids_are_unique_and_what_points_to_one_finds_it() {
    for (page, html) in every() {
        let tags = tags(&html);
        let mut ids = HashSet::new();
        for id in tags.iter().filter_map(|tag| value(tag, "id")) {
            assert!(ids.insert(id), "{page} has two of {id}");
        }
        for tag in &tags {
            let described = value(tag, "aria-describedby").into_iter().flat_map(str::split_whitespace);
            let anchor = value(tag, "href").and_then(|link| link.strip_prefix('#'));
            let labelled = value(tag, "aria-labelledby").or_else(|| value(tag, "for"));
            for id in described.chain(anchor).chain(labelled) {
                assert!(ids.contains(id), "{page}: nothing has the id {id}");
            }
        }
    }
}

#[test]
fn every_field_has_a_label_and_says_how_to_be_filled() {
    for (page, html) in every() {
        let tags = tags(&html);
        let labels: HashSet<_> = tags.iter().filter_map(|tag| value(tag, "for")).collect();
        for tag in tags.iter().filter(|tag| ["input", "select"].contains(&tag.0)) {
            if value(tag, "type") == Some("hidden") || value(tag, "hidden").is_some() {
                continue;
            }
            assert!(labels.contains(value(tag, "id").unwrap()), "{page}: {tag:?}");
            if tag.0 == "input" && value(tag, "type") != Some("checkbox") {
                let known =
                    ["name", "username", "email", "current-password", "new-password", "one-time-code"];
                assert!(known.contains(&value(tag, "autocomplete").unwrap()), "{page}: {tag:?}");
            }
            if value(tag, "name") == Some("code") {
                assert_eq!(value(tag, "inputmode"), Some("numeric"), "{page}");
            }
            if value(tag, "aria-invalid").is_some() {
                assert!(value(tag, "aria-describedby").unwrap().contains("-error"), "{page}: {tag:?}");
            }
        }
    }
}

#[test]
fn every_form_posts_and_names_where_to() {
    for (page, html) in every() {
        for tag in tags(&html).iter().filter(|tag| tag.0 == "form") {
            assert_eq!(value(tag, "method"), Some("post"), "{page}");
            assert!(value(tag, "action").is_some_and(|action| action.starts_with('/')), "{page}");
        }
    }
}
