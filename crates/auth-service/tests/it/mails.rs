//! Mails: nobody else's words become a header, a paragraph or markup.

use auth_service::branding::Branding;
use auth_service::locale::Locale;
use auth_service::views::mail;

use crate::gallery::{self, Words};
use crate::mail_gallery;

fn every(words: Words<'_>, branding: &Branding) -> Vec<(&'static str, mail::Rendered)> {
    Locale::ALL.into_iter().flat_map(|locale| mail_gallery::mails(locale, branding, words)).collect()
}

#[test]
fn hostile_words_make_no_header_and_no_markup() {
    let word = "x\r\nBcc: victim@example.com\r\n\r\n<script>alert(1)</script>\"><a href=//evil>\u{202e}\0";
    let branding = Branding { name: word.to_owned(), ..Branding::default() };
    let calm = every(gallery::CALM, &Branding::default());
    for ((name, mail), (_, plain)) in
        every(Words { name: word, email: word, opaque: word }, &branding).into_iter().zip(calm)
    {
        assert!(!mail.subject.contains(char::is_control), "{name}: {:?}", mail.subject);
        assert!(!mail.text.contains(['\r', '\0', '\u{202e}']), "{name}");
        assert!(!mail.text.lines().any(|line| line.starts_with("Bcc:")), "{name}: {}", mail.text);
        assert_eq!(mail.html.matches('<').count(), plain.html.matches('<').count(), "{name}");
    }
}

#[test]
fn a_mail_is_whole_in_both_parts_and_fetches_nothing() {
    for (name, mail) in every(gallery::CALM, &Branding::default()) {
        assert!(!mail.subject.is_empty() && !mail.subject.contains("402913"), "{name}");
        for part in [&mail.text, &mail.html] {
            assert!(!part.contains('⟦'), "{name}: {part}");
        }
        assert_eq!(mail.text.contains("402913"), mail.html.contains("402913"), "{name}");
        assert_eq!(mail.text.contains("token=k3Jz0aQ7"), mail.html.contains("token=k3Jz0aQ7"), "{name}");
        for fetched in ["<img", "src=", "url(", "<link", "@import"] {
            assert!(!mail.html.contains(fetched), "{name} holds {fetched}");
        }
    }
}

#[test]
fn the_code_is_where_a_person_and_a_program_find_it() {
    let mails = mail_gallery::mails(Locale::English, &Branding::default(), gallery::CALM);
    let (_, mail) = mails.into_iter().find(|(name, _)| *name == "mail-prove").unwrap();
    assert_eq!(mail.subject, "Confirm your address for Keyward");
    assert_eq!(
        mail.text,
        "Confirm your address\n\n\
         Open the link or type the code to finish signing up. Both are good for 24 hours.\n\n\
         Your code: 402913\n\n\
         Confirm address:\nhttps://id.example.com/verify?token=k3Jz0aQ7\n\n\
         If it was not you, you need do nothing.\n\n\
         -- \nKeyward sent this mail because it concerns the account of this address.\n"
    );
}
