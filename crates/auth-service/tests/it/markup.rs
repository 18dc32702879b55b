//! Class 20: what people type is never markup, and no page holds anything that the content security policy forbids.

use auth_service::branding::{Branding, Logo};
use auth_service::locale::Locale;
use auth_service::views::assets;

use crate::gallery::{self, Sheet, Words};

const HOSTILE: [&str; 7] = [
    "\"><script>alert(1)</script>",
    "'><img src=x onerror=alert(1)>",
    "</title></textarea></pre><svg onload=alert(1)>",
    "{{ 7*7 }}${7*7}<%= 7*7 %>&lt;script&gt;",
    "\u{202e}gnp.exe \u{2067}שלום\u{200f}",
    "👩‍👩‍👧‍👦 Zoë ﷽",
    "nul\0nul\r\nSet-Cookie: a=b\n<b>bold</b>",
];

/// A page without the scripts of ours, that say how easy a new password is to guess and that take an answer to an app: by their
/// very tags, so that no other is taken for them.
pub(crate) fn without_own_scripts(html: &str) -> String {
    ["/static/zxcvbn.js", "/static/strength.js", "/static/form_post.js"].into_iter().fold(
        html.to_owned(),
        |html, path| {
            let hash = assets::find(path).unwrap().hash;
            html.replacen(&format!("<script src=\"{path}?v={hash:016x}\" defer></script>"), "", 1)
        },
    )
}

fn every(words: Words<'_>, name: &str) -> Vec<Sheet> {
    let branding = Branding {
        name: name.to_owned(),
        support_contact: Some(name.to_owned()),
        logo: Some(Logo::new(b"<svg>".to_vec()).unwrap()),
        ..Branding::default()
    };
    Locale::ALL.into_iter().flat_map(|locale| gallery::pages(locale, &branding, words)).collect()
}

fn calm() -> Vec<Sheet> {
    every(gallery::CALM, "Keyward")
}

#[test]
fn hostile_words_are_text_on_every_page() {
    let tags = |html: &str| html.matches('<').count();
    let calm = calm();
    for word in HOSTILE {
        let words = Words { name: word, email: word, opaque: word };
        for ((page, html), (_, plain)) in every(words, word).into_iter().zip(&calm) {
            for raw in ["<script", "<img src=x", "<svg onload", "</title></textarea>", "<b>", "<%"] {
                assert!(!without_own_scripts(&html).contains(raw), "{page} holds {raw} of {word:?}");
            }
            assert!(!html.contains('\0'), "{page} holds NUL");
            // The mailbox shows a hostile link as text, not as a link; no other page changes its shape.
            if page != "mailbox" {
                assert_eq!(tags(&html), tags(plain), "{page} has other tags with {word:?}");
            }
            assert!(!html.contains("href=\"javascript:"), "{page} links to a script");
        }
    }
}

#[test]
fn what_was_typed_is_still_in_the_form() {
    let word = "\"><script>alert(1)</script>";
    let pages = every(Words { name: word, email: word, opaque: word }, "Keyward");
    let (_, html) = pages.iter().find(|(page, _)| *page == "sign-up-wrong").unwrap();
    let typed = "value=\"&#34;&#62;&#60;script&#62;alert(1)&#60;/script&#62;\"";
    assert_eq!(html.matches(typed).count(), 4, "name, address, return_to, and next of the language switch");
}

/// A button lays out its children side by side, and drops the space between bare words and an element: it read "Continue
/// asada@example.com" once.
#[test]
fn words_and_an_element_in_a_button_share_one_child() {
    for (page, html) in calm() {
        for button in html.split("<button").skip(1) {
            let inside = button.split_once('>').unwrap().1.split_once("</button>").unwrap().0.trim();
            let mixed = inside.contains('<') && !inside.starts_with('<');
            assert!(!mixed, "{page}: words beside an element in a button: {inside}");
        }
    }
}

#[test]
fn no_page_holds_a_script_or_a_style_of_its_own() {
    for (page, html) in calm() {
        for (tag, attributes) in tags(&without_own_scripts(&html)) {
            assert!(!["script", "style", "iframe", "object", "base"].contains(&tag), "{page} has <{tag}>");
            for name in attributes.iter().map(|(name, _)| name) {
                assert!(!name.starts_with("on") && *name != "style", "{page} has {name} on <{tag}>");
            }
        }
    }
}

/// Wherever a new password is typed it is said how easy it is to guess, and the scripts for it are nowhere else.
#[test]
fn scripts_are_where_a_new_password_is_typed() {
    let mut rated = 0;
    for (page, html) in calm() {
        let typed = html.matches("autocomplete=\"new-password\"").count();
        let said = html.matches("data-strength-of=").count();
        assert_eq!(said, typed, "{page}");
        assert_eq!(without_own_scripts(&html) != html, typed > 0 || page == "form-post", "{page}");
        rated += typed;
    }
    assert!(rated >= 6 * Locale::ALL.len(), "{rated}");
}

#[test]
fn no_page_asks_another_host_for_anything() {
    for (page, html) in calm() {
        for (tag, attributes) in tags(&html) {
            for (name, value) in attributes {
                // The development mailbox links to what the mails link to, and a page at an address that is not ours to
                // ours; a person follows it, the page does not.
                if ["mailbox", "error-misdirected"].contains(&page) && tag == "a" {
                    continue;
                }
                if ["href", "src", "action", "formaction", "srcset", "poster", "data"].contains(&name) {
                    let ours = (value.starts_with('/') && !value.starts_with("//"))
                        || value.starts_with('#')
                        || value == gallery::CALM.opaque;
                    assert!(ours, "{page}: <{tag} {name}={value}>");
                }
            }
        }
    }
}

#[test]
fn no_page_gives_a_password_back() {
    for (page, html) in calm() {
        for (tag, attributes) in tags(&html) {
            if tag == "input" && attributes.contains(&("type", "password")) {
                assert!(!attributes.iter().any(|(name, _)| *name == "value"), "{page}");
            }
        }
    }
}

/// A tag and its attributes.
pub(crate) type Tag<'a> = (&'a str, Vec<(&'a str, &'a str)>);

/// The opening tags of our own well-formed markup: values are quoted and hold no `>`.
pub(crate) fn tags(html: &str) -> Vec<Tag<'_>> {
    html.split('<')
        .skip(1)
        .filter(|part| part.starts_with(|first: char| first.is_ascii_alphabetic()))
        .map(|part| {
            let tag = part.split('>').next().unwrap();
            let (name, mut rest) = tag.split_once([' ', '\n']).unwrap_or((tag, ""));
            let mut attributes = Vec::new();
            while let Some((before, after)) = rest.split_once("=\"") {
                let (value, after) = after.split_once('"').unwrap();
                let mut names = before.split_whitespace().rev();
                attributes.push((names.next().unwrap(), value));
                attributes.extend(names.map(|name| (name, "")));
                rest = after;
            }
            attributes.extend(rest.split_whitespace().map(|name| (name.trim_end_matches('/'), "")));
            (name, attributes)
        })
        .collect()
}
