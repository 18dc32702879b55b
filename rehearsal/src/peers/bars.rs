//! What the server has to reach.

/// A subject of ours, and how many times another's it has to do.
pub(super) struct Bar {
    pub(super) ours: &'static str,
    pub(super) theirs: &'static str,
    pub(super) at_least: f64,
    /// What does nothing but the one thing that ours cannot do without: where not even that reaches the bar, on this machine,
    /// ours is not held to it.
    pub(super) ceiling: Option<&'static str>,
}

const fn bar(ours: &'static str, theirs: &'static str, at_least: f64) -> Bar {
    Bar { ours, theirs, at_least, ceiling: None }
}

/// All of them, each in units of work per second of the server's own processor time.
pub(super) const BARS: [Bar; 13] = [
    // A token that was checked before needs no signature to be checked again, and a web server is hardly more than one.
    bar("keyward verify-token", "axum ES256", 2.5),
    bar("keyward userinfo", "axum ES256", 2.5),
    bar("keyward introspect", "axum ES256", 2.5),
    bar("keyward verify-token", "axum constant", 0.4),
    bar("keyward userinfo", "axum constant", 0.4),
    bar("keyward introspect", "axum constant", 0.4),
    // What is ready made costs hardly more than a constant.
    bar("keyward discovery", "axum constant", 0.7),
    bar("keyward key set", "axum constant", 0.7),
    bar("keyward token EdDSA", "oidc-provider token EdDSA", 4.0),
    bar("keyward token ES256", "oidc-provider token ES256", 4.0),
    // Nearly all of it is the signature itself, which is the same code in both.
    Bar { ceiling: Some("axum RS256"), ..bar("keyward token RS256", "oidc-provider token RS256", 1.7) },
    bar("keyward token RS256", "axum RS256", 0.9),
    bar("keyward flow", "oidc-provider flow", 3.0),
];
