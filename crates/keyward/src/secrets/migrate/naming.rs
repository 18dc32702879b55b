//! What values are called in the manager, and which variables are called as secrets are.

use secrets::SecretRef;

/// The key under which a setting's value is kept: `encryption`, `database_password`, `mail_token`, `client_wiki_secret`.
pub(super) fn key_of(setting: &str) -> String {
    let shorter = ["keys.", "password.hashing."].iter().find_map(|section| setting.strip_prefix(section));
    let name = match shorter {
        Some(name) => name.to_owned(),
        None => setting.replacen("mail.transport.", "mail.", 1).replacen("clients[", "client[", 1),
    };
    let parts = name.split(|character: char| !character.is_ascii_alphanumeric() && character != '-');
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("_")
}

/// By its name, and unless it is the path of a file or a reference.
pub(super) fn looks_secret(name: &str, value: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let is_named_so = ["SECRET", "TOKEN", "PASSWORD", "PASSWD", "API_KEY", "APIKEY", "PRIVATE", "CREDENTIAL"]
        .iter()
        .any(|word| name.contains(word));
    let is_value =
        !value.trim().is_empty() && !value.starts_with(['/', '.']) && value.parse::<SecretRef>().is_err();
    (is_named_so || name.ends_with("_KEY")) && is_value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_short_and_no_two_settings_have_one() {
        let settings = [
            ("keys.encryption", "encryption"),
            ("keys.older_encryption[2]", "older_encryption_2"),
            ("password.hashing.pepper", "pepper"),
            ("database.password", "database_password"),
            ("mail.transport.token", "mail_token"),
            ("clients[wiki-2].secret", "client_wiki-2_secret"),
            ("redis.url", "redis_url"),
        ];
        for (setting, key) in settings {
            assert_eq!(key_of(setting), key);
        }
    }

    #[test]
    fn a_secret_is_known_by_its_name_and_a_path_is_none() {
        for (name, value, is_one) in [
            ("POSTMARK_TOKEN", "x", true),
            ("session_key", "x", true),
            ("KEYWARD_SECRETS", "./secrets", false),
            ("DB_PASSWORD_FILE", "/run/secrets/db", false),
            ("CLIENT_SECRET", "file:/run/secrets/a", false),
            ("TOKEN", "", false),
            ("KEYBOARD", "x", false),
        ] {
            assert_eq!(looks_secret(name, value), is_one, "{name}");
        }
    }
}
