//! What is asked for besides TLS must not be left out in silence where TLS is not spoken.

use super::super::{ConnectionUrl, Database, Redis, Security, Transport, Violation};

pub(super) fn violations(
    database: &Database,
    redis: &Redis,
    mail: &Transport,
    violations: &mut Vec<Violation>,
) {
    let mut refuse = |setting, expected: &str| {
        violations.push(Violation { setting, found: None, expected: expected.to_owned() });
    };
    if database.root_certificate.is_some() {
        match &database.url {
            None => refuse(
                "database.root_certificate",
                "is set, and there is no PostgreSQL whose certificate it would check: remove it, or write url = \
                 \"postgres://USER@HOST/NAME\" beside it",
            ),
            Some(ConnectionUrl::Plain(url))
                if url.query_pairs().any(|(key, mode)| key == "sslmode" && mode == "disable") =>
            {
                refuse(
                    "database.root_certificate",
                    "is set, and database.url says sslmode=disable, which speaks without TLS: write url without sslmode, or \
                     remove root_certificate",
                );
            }
            Some(_) => {}
        }
    }
    let plain = match &redis.url {
        Some(ConnectionUrl::Plain(url)) => url.scheme() == "redis",
        // Whoever reads it finds out: `RedisSettings::check`, and `from_url`.
        Some(ConnectionUrl::Kept(_)) => false,
        None => redis.host.is_some() && !redis.tls,
    };
    if redis.tls && plain {
        refuse(
            "redis.tls",
            "is true, and redis.url begins with redis://, which speaks without TLS: write url = \"rediss://HOST:PORT\" and leave tls out",
        );
    } else if redis.tls && !redis.is_set() {
        refuse(
            "redis.tls",
            "is true, and there is no Redis to speak it with: remove it, or write host = \"HOST\" beside it",
        );
    }
    if redis.root_certificate.is_some() && (plain || !redis.is_set()) {
        let expected = match (&redis.url, &redis.host) {
            (Some(_), _) => {
                "is set, and redis.url begins with redis://, which speaks without TLS: write url = \"rediss://HOST:PORT\", or \
                 remove root_certificate"
            }
            (None, Some(_)) => {
                "is set, and redis.tls is false: write tls = true under [redis], or remove root_certificate"
            }
            (None, None) => "is set, and there is no Redis whose certificate it would check: remove it",
        };
        refuse("redis.root_certificate", expected);
    }
    if let Transport::Smtp { security: Security::None, root_certificate: Some(_), .. } = mail {
        refuse(
            "mail.transport.root_certificate",
            "is set, and mail.transport.security is none, which speaks without TLS: write security = \"start_tls\" or \"tls\", or \
             remove root_certificate",
        );
    }
}
