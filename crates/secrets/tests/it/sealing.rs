//! What is sealed opens at its own place and nowhere else.

use proptest::{collection::vec, prelude::*};
use secrets::{
    ExposeSecret as _, SecretString, WeakSecret,
    sealing::{KeyId, KeyTextError, Keyring, OpenError, Place, generate_key_text, key_id_of},
};

const PLACE: Place<'static> = Place { table: "signing_keys", column: "private_key", row: b"row-1" };

fn ring() -> Keyring {
    Keyring::from_text(&generate_key_text(), &[]).unwrap()
}

fn text(text: &str) -> SecretString {
    SecretString::from(text)
}

#[test]
fn it_opens_at_its_own_place() {
    let ring = ring();
    let sealed = ring.seal(&PLACE, b"the key");
    assert_eq!(ring.open(&PLACE, &sealed).unwrap().as_slice(), b"the key");
    assert_eq!(sealed.len(), 7 + 33);
    assert_eq!(sealed[0], 1);
    assert_eq!(key_id_of(&sealed).unwrap(), ring.current_key_id());
    assert_ne!(sealed, ring.seal(&PLACE, b"the key"), "two seals of one text must not be told to be equal");
}

#[test]
fn moved_to_any_other_place_it_stays_shut() {
    let ring = ring();
    let sealed = ring.seal(&PLACE, b"the key");
    let elsewhere = [
        Place { row: b"row-2", ..PLACE },
        Place { row: b"", ..PLACE },
        Place { row: b"row-1\0", ..PLACE },
        Place { column: "public_key", ..PLACE },
        Place { table: "outbox", ..PLACE },
        // The same bytes, cut elsewhere.
        Place { table: "signing_keysp", column: "rivate_key", ..PLACE },
        Place { column: "private_keyrow", row: b"-1", ..PLACE },
        Place { table: "", column: "signing_keysprivate_key", row: b"row-1" },
    ];
    for place in elsewhere {
        assert_eq!(ring.open(&place, &sealed), Err(OpenError::Refused), "{place:?}");
    }
}

#[test]
fn a_change_of_any_bit_is_noticed() {
    let ring = ring();
    let sealed = ring.seal(&PLACE, b"the key");
    for index in 0..sealed.len() {
        for bit in 0..8 {
            let mut changed = sealed.clone();
            changed[index] ^= 1 << bit;
            let error = ring.open(&PLACE, &changed).unwrap_err();
            match index {
                0 => assert!(matches!(error, OpenError::UnknownVersion { .. }), "{index} {error}"),
                1..=4 => assert!(matches!(error, OpenError::UnknownKey { .. }), "{index} {error}"),
                _ => assert_eq!(error, OpenError::Refused, "{index}"),
            }
        }
    }
}

#[test]
fn cut_short_or_drawn_out_it_stays_shut() {
    let ring = ring();
    let mut sealed = ring.seal(&PLACE, b"");
    assert_eq!(ring.open(&PLACE, &sealed).unwrap().as_slice(), b"");
    for length in 0..sealed.len() {
        assert_eq!(ring.open(&PLACE, &sealed[..length]), Err(OpenError::Truncated { length }));
        assert!(key_id_of(&sealed[..length]).is_err());
    }
    sealed.push(0);
    assert_eq!(ring.open(&PLACE, &sealed), Err(OpenError::Refused));
}

#[test]
fn after_a_change_of_key_the_old_one_still_opens_and_the_new_one_seals() {
    let (old, new) = (generate_key_text(), generate_key_text());
    let before = Keyring::from_text(&old, &[]).unwrap();
    let sealed = before.seal(&PLACE, b"the key");
    let after = Keyring::from_text(&new, &[generate_key_text(), old]).unwrap();
    assert_eq!(after.open(&PLACE, &sealed).unwrap().as_slice(), b"the key");
    let sealed_anew = after.seal(&PLACE, b"the key");
    assert_eq!(key_id_of(&sealed_anew).unwrap(), after.current_key_id());
    assert_ne!(after.current_key_id(), before.current_key_id());

    let forgotten = Keyring::from_text(&new, &[]).unwrap();
    let error = forgotten.open(&PLACE, &sealed).unwrap_err();
    assert_eq!(error, OpenError::UnknownKey { key_id: before.current_key_id() });
    assert!(error.to_string().contains(&before.current_key_id().to_string()), "{error}");
}

#[test]
fn a_key_is_read_in_every_usual_spelling() {
    let hex = "8f3c1ad05be7429687d1c0fae4b25936d7710ce8a94f53bb20168e7d4ca9f15b";
    let spellings = [
        hex.to_owned(),
        hex.to_uppercase(),
        format!(" {hex}\n"),
        "jzwa0FvnQpaH0cD65LJZNtdxDOipT1O7IBaOfUyp8Vs=".to_owned(),
        "jzwa0FvnQpaH0cD65LJZNtdxDOipT1O7IBaOfUyp8Vs".to_owned(),
    ];
    let expected = Keyring::from_text(&text(hex), &[]).unwrap().derive("test");
    for spelling in spellings {
        let ring = Keyring::from_text(&text(&spelling), &[]).unwrap();
        assert_eq!(ring.derive("test"), expected, "{spelling}");
    }
}

#[test]
fn what_is_no_key_is_refused_and_never_shown() {
    let zeros = "0".repeat(64);
    let short = generate_key_text().expose_secret()[..62].to_owned();
    let long = format!("{}00", generate_key_text().expose_secret());
    let not_hex = format!("{}g", &generate_key_text().expose_secret()[..63]);
    let umlaut = format!("{}ä", &generate_key_text().expose_secret()[..62]);
    for bad in ["", "hunter2", "changeme", &short, &long, &not_hex, &umlaut] {
        let error = Keyring::from_text(&text(bad), &[]).unwrap_err();
        assert!(matches!(error, KeyTextError::Form { .. }), "{bad}: {error}");
        let message = error.to_string();
        assert!(message.contains("openssl rand -hex 32"), "{message}");
        assert!(bad.is_empty() || !message.contains(bad), "{message}");
        let error = Keyring::from_text(&generate_key_text(), &[text(bad)]).unwrap_err();
        assert!(error.to_string().starts_with("older key-encryption key 1"), "{error}");
    }
    let repeated = "0123456789abcdef".repeat(4);
    let base64_of_sevens = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
    for weak in [zeros.as_str(), &repeated, base64_of_sevens] {
        let error = Keyring::from_text(&text(weak), &[]).unwrap_err();
        assert!(
            matches!(error, KeyTextError::Weak(WeakSecret::Repetitive { .. } | WeakSecret::WellKnown { .. })),
            "{weak}: {error}"
        );
    }
}

#[test]
fn derived_keys_hang_on_label_and_current_key() {
    let key = generate_key_text();
    let ring = Keyring::from_text(&key, &[]).unwrap();
    assert_eq!(
        ring.derive("audit"),
        Keyring::from_text(&key, &[generate_key_text()]).unwrap().derive("audit")
    );
    assert_ne!(ring.derive("audit"), ring.derive("audit2"));
    assert_ne!(ring.derive("audit"), Keyring::from_text(&generate_key_text(), &[]).unwrap().derive("audit"));
    assert_ne!(ring.derive("seal"), [0; 32]);
}

#[test]
fn a_key_that_is_taken_later_opens_at_once_and_seals_when_it_is_told_to() {
    let (old, new) = (generate_key_text(), generate_key_text());
    let ring = Keyring::from_text(&old, &[]).unwrap();
    let (old_id, sealed) = (ring.current_key_id(), ring.seal(&PLACE, b"before"));
    let before = ring.derive("codes");
    let elsewhere = Keyring::from_text(&new, &[]).unwrap();
    ring.hold(&new, std::slice::from_ref(&old)).unwrap();
    assert_eq!((ring.current_key_id(), ring.wanted_key_id()), (old_id, elsewhere.current_key_id()));
    assert_eq!(ring.open(&PLACE, &elsewhere.seal(&PLACE, b"there")).unwrap().as_slice(), b"there");
    assert_eq!(ring.derive("codes"), before);

    assert!(ring.seal_by(ring.wanted_key_id()));
    assert_eq!(key_id_of(&ring.seal(&PLACE, b"after")).unwrap(), elsewhere.current_key_id());
    assert_eq!(ring.open(&PLACE, &sealed).unwrap().as_slice(), b"before");
    assert_eq!(ring.derive_each("codes"), [elsewhere.derive("codes"), before]);

    // What is configured no longer opens on, and is told apart.
    ring.hold(&new, &[]).unwrap();
    assert_eq!(ring.key_ids(), [elsewhere.current_key_id(), old_id]);
    assert_eq!(ring.configured_key_ids(), [elsewhere.current_key_id()]);
    // The same again, and back again, are as good as any.
    ring.hold(&old, &[new, old.clone()]).unwrap();
    assert!(ring.key_ids().len() == 2 && ring.wanted_key_id() == old_id);
}

#[test]
fn what_is_no_key_changes_nothing_of_a_ring() {
    let ring = ring();
    let id = ring.current_key_id();
    for (current, older) in [(text("changeme"), generate_key_text()), (generate_key_text(), text("changeme"))]
    {
        assert!(ring.hold(&current, &[older]).is_err());
        assert_eq!((ring.key_ids(), ring.wanted_key_id()), (vec![id], id));
    }
    let other = Keyring::from_text(&generate_key_text(), &[]).unwrap();
    assert!(!ring.seal_by(other.current_key_id()) && ring.current_key_id() == id);
}

#[test]
fn an_id_is_read_as_it_is_shown() {
    let id = ring().current_key_id();
    assert_eq!(KeyId::parse(&id.to_string()), Some(id));
    for bad in ["", "1234567", "123456789", "+1234567", "1234567g", "ä23456"] {
        assert_eq!(KeyId::parse(bad), None, "{bad}");
    }
}

#[test]
fn nothing_of_a_key_is_shown() {
    let key = generate_key_text();
    let shown = format!("{:?}", Keyring::from_text(&key, &[]).unwrap());
    assert!(shown.len() < 80 && !shown.contains(&key.expose_secret()[..16]), "{shown}");
}

proptest! {
    #[test]
    fn every_plaintext_comes_back_and_only_from_its_place(
        plaintext in vec(any::<u8>(), 0..200),
        place in ("[a-z_]{0,8}", "[a-z_]{0,8}", vec(any::<u8>(), 0..8)),
        other in ("[a-z_]{0,8}", "[a-z_]{0,8}", vec(any::<u8>(), 0..8)),
    ) {
        let ring = ring();
        let at = Place { table: &place.0, column: &place.1, row: &place.2 };
        let elsewhere = Place { table: &other.0, column: &other.1, row: &other.2 };
        let sealed = ring.seal(&at, &plaintext);
        let opened = ring.open(&at, &sealed).unwrap();
        prop_assert_eq!(opened.as_slice(), plaintext.as_slice());
        if at != elsewhere {
            prop_assert_eq!(ring.open(&elsewhere, &sealed), Err(OpenError::Refused));
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in vec(any::<u8>(), 0..100)) {
        prop_assert!(ring().open(&PLACE, &bytes).is_err());
    }
}
