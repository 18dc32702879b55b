//! Class 19 of the security plan: default or weak secrets are refused at boot.

use secrets::{SecretString, WeakSecret, check_strength, sealing::generate_key_text};

fn check(text: &str) -> Result<(), WeakSecret> {
    check_strength("secrets.key", &SecretString::from(text))
}

#[test]
fn class_19_empty_short_sample_and_known_secrets_are_refused() {
    let empty = ["", " ", "\t\n  ", "                    "];
    let short = ["x", "k3Jd9sLq2mZ8", "fifteen bytes!!", "v8#Kq"];
    let known = [
        "changeme",
        "CHANGEME",
        "change-me",
        "change-me-please",
        "changeit",
        "secret",
        "Secret123456",
        "mysecretkey",
        "supersecretpassword",
        "super-secret-jwt-key",
        "password",
        "password123456",
        "passwordpassword",
        "Passwort_Passwort",
        "postgres",
        "keyward",
        "admin",
        "default",
        "example-secret-key",
        "your-256-bit-secret",
        "your-super-secret-key-here",
        "a-string-secret-at-least-256-bits-long",
        "this-is-my-very-long-test-secret",
        "insert-your-session-secret-here",
        "REPLACE_ME_REPLACE_ME",
        "keyboard cat",
        "correct horse battery staple",
        "1234567890123456",
        "0123456789abcdef",
        "0123456789abcdef0123456789abcdef",
        "qwertyuiopasdfghjkl",
        "dev-secret-dev-secret-dev-secret",
    ];
    let repetitive = [
        "aaaaaaaaaaaaaaaa",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "ffffffffffffffffffffffffffffffff",
        "................",
        "ababababababababab",
        "xyz7xyz7xyz7xyz7",
        "k3Jd9sLqk3Jd9sLq",
        "aaaaaaaaaaaaaaab",
    ];
    for text in empty {
        assert!(matches!(check(text), Err(WeakSecret::Empty { .. })), "{text:?}");
    }
    for text in short {
        assert!(matches!(check(text), Err(WeakSecret::Short { .. })), "{text:?}");
    }
    for text in known {
        assert!(matches!(check(text), Err(WeakSecret::WellKnown { .. })), "{text:?}: {:?}", check(text));
    }
    for text in repetitive {
        assert!(matches!(check(text), Err(WeakSecret::Repetitive { .. })), "{text:?}: {:?}", check(text));
    }
}

#[test]
fn the_error_names_the_secret_and_never_shows_it() {
    for text in ["hunter2", "changeme", "hunter2hunter2hunter2hunter2"] {
        let message = check(text).unwrap_err().to_string();
        assert!(message.contains("secrets.key") && message.contains("openssl rand -hex 32"), "{message}");
        assert!(!message.contains("hunter2") && !message.contains("changeme"), "{message}");
    }
}

#[test]
fn random_secrets_are_accepted() {
    for text in
        ["f3b1c29d7e5a48d0", "uG8+vN2/qLz0Rk7wXy4TbA==", "test-kq8ZL2vR9xWm4Tn7", "tr0ub4dor&3-lampshade"]
    {
        assert_eq!(check(text), Ok(()), "{text}");
    }
    for _ in 0..2_000 {
        assert_eq!(check_strength("generated", &generate_key_text()), Ok(()));
    }
}
