//! `keyward client` and `keyward keys`, beside a server that runs.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::command::{run, text};
use crate::running::Running;

struct Installation {
    folder: tempfile::TempDir,
    data: PathBuf,
    running: Running,
}

impl Installation {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("keyward.toml");
        // Asking until the server has noticed is no guessing.
        std::fs::write(&config, "[limits]\nnetwork_failures = 10000000\n").unwrap();
        let data = folder.path().join("data");
        let running = Running::with(&data, &config);
        Self { folder, data, running }
    }

    /// What the command says, which has to succeed.
    fn say(&self, arguments: &[&str]) -> String {
        let output = run(&[arguments, &["--data", self.data.to_str().unwrap()]].concat());
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    fn json(&self, arguments: &[&str]) -> Value {
        serde_json::from_str(&self.say(&[arguments, &["--json"]].concat())).unwrap()
    }

    /// What the command is refused with.
    fn refused(&self, arguments: &[&str]) -> String {
        let output = run(&[arguments, &["--data", self.data.to_str().unwrap()]].concat());
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", text(&output.stdout));
        text(&output.stderr)
    }

    /// Whether the running server knows an app by this secret.
    fn knows(&self, id: &str, secret: &str) -> bool {
        let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
        self.running.post_form("/token", &form).contains("access_token")
    }

    /// Waits until the server has noticed.
    fn until(&self, what: &str, attempt: impl Fn(&Self) -> bool) {
        // It takes two seconds at the most; so many tries take longer than that on any machine.
        let noticed = (0..100_000).any(|_| attempt(self));
        assert!(noticed, "{what}");
    }
}

const ROBOT: [&str; 8] = [
    "client",
    "add",
    "robot",
    "--client-credentials",
    "--scope",
    "read",
    "--secret-in-form",
    "--first-party",
];

#[test]
fn an_app_is_added_shown_given_another_secret_and_removed() {
    let here = Installation::new();
    let added = here.json(&ROBOT);
    let first = added["client_secret"].as_str().unwrap().to_owned();
    assert_eq!((added["client_id"].as_str(), first.len()), (Some("robot"), 43));
    here.until("it is known to the running server", |here| here.knows("robot", &first));
    let shown = here.say(&["client", "show", "robot"]);
    let listed = here.say(&["client", "list"]);
    for said in [&shown, &listed] {
        assert!(said.contains("robot") && said.contains("client_secret_post"), "{said}");
        assert!(!said.contains(&first), "it was shown once");
    }
    let again = here.refused(&ROBOT);
    assert!(again.contains("there is an app with the id robot already: choose another id"), "{again}");
    let rotated = here.json(&["client", "rotate-secret", "robot", "--overlap", "1"]);
    let second = rotated["client_secret"].as_str().unwrap().to_owned();
    assert_ne!(first, second);
    here.until("the new one is known", |here| here.knows("robot", &second));
    assert!(here.knows("robot", &first), "and the old one good for an hour");
    let rotated = here.json(&["client", "rotate-secret", "robot", "--overlap", "0"]);
    let third = rotated["client_secret"].as_str().unwrap().to_owned();
    here.until("the old ones are worthless", |here| {
        !here.knows("robot", &second) && !here.knows("robot", &first)
    });
    here.until("the third is known", |here| here.knows("robot", &third));
    // At rest there is none of them.
    let mut stored = Vec::new();
    for file in ["keyward.sqlite", "keyward.sqlite-wal"] {
        stored.extend(std::fs::read(here.data.join(file)).unwrap_or_default());
    }
    for secret in [&first, &second, &third] {
        assert!(!stored.windows(secret.len()).any(|window| window == secret.as_bytes()));
    }
    assert!(stored.windows(5).any(|window| window == b"robot"), "the search finds what is there");
    assert!(here.say(&["client", "remove", "robot"]).contains("Removed robot."));
    here.until("it is gone", |here| !here.knows("robot", &third));
    for arguments in
        [["client", "show", "robot"], ["client", "remove", "robot"], ["client", "rotate-secret", "robot"]]
    {
        let refused = here.refused(&arguments);
        assert!(
            refused.contains("there is no app with the id robot: `keyward client list` shows"),
            "{refused}"
        );
    }
    // What a command did is sealed within a second, and listed then.
    for act in ["add_client", "rotate_client_secret", "remove_client"] {
        here.until(act, |here| here.say(&["audit", "list"]).contains(act));
    }
}

/// Each way of the command to describe an app, and what is registered.
#[test]
fn every_kind_of_app_can_be_described() {
    let here = Installation::new();
    let keys = here.folder.path().join("jwks.json");
    let set = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
    std::fs::write(&keys, set).unwrap();
    let (callback, keys) = ("https://app.example.com/callback", keys.to_str().unwrap().to_owned());
    let add = |id: &str, more: &[&str]| {
        let added = here.json(&[&["client", "add", id, "--redirect-uri", callback], more].concat());
        let shown = here.json(&["client", "show", id]);
        (added["client_secret"].is_string(), shown["client"].clone())
    };
    let (secret, web) =
        add("web", &["--name", "The web", "--post-logout-redirect-uri", "https://app.example.com/"]);
    assert!(secret);
    assert_eq!(web["client_name"], "The web");
    assert_eq!(web["token_endpoint_auth_method"], "client_secret_basic");
    assert_eq!(web["scope"], "openid profile email");
    assert_eq!(web["grant_types"], json!(["authorization_code"]));
    assert_eq!((&web["first_party"], &web["require_consent"]), (&json!(false), &json!(false)));
    let (secret, page) = add("page", &["--public", "--scope", "openid offline_access"]);
    assert!(!secret);
    assert_eq!(page["token_endpoint_auth_method"], "none");
    assert_eq!(page["grant_types"], json!(["authorization_code", "refresh_token"]));
    let (secret, keyed) = add("keyed", &["--private-key", &keys, "--id-token-algorithm", "EdDSA"]);
    assert!(!secret);
    assert_eq!(keyed["token_endpoint_auth_method"], "private_key_jwt");
    assert_eq!(keyed["id_token_signed_response_alg"], "EdDSA");
    let (secret, fetched) =
        add("fetched", &["--jwks-uri", "https://app.example.com/jwks", "--claims-in-id-token"]);
    assert!(!secret);
    assert_eq!(fetched["jwks_uri"], "https://app.example.com/jwks");
    assert_eq!(fetched["claims_in_id_token"], true);
    let (_, asking) = add("asking", &["--first-party", "--require-consent"]);
    assert_eq!((&asking["first_party"], &asking["require_consent"]), (&json!(true), &json!(true)));
    for (more, reason) in [
        (&["--redirect-uri", "http://app.example.com/"][..], "its scheme is not allowed"),
        (&["--redirect-uri", "https://app.example.com/#x"], "it has a fragment"),
        (&["--redirect-uri", "https://*.example.com/"], "patterns are not supported"),
        (&["--scope", "openid", "--resource", "no uri"], "one of its resources is not an absolute URI"),
        (&["--backchannel-logout-uri", "http://app.example.com/"], "is not an https address"),
        (&["--private-key", "/nowhere/jwks.json"], "cannot be read"),
    ] {
        let refused = here.refused(&[&["client", "add", "wrong", "--redirect-uri", callback], more].concat());
        assert!(refused.contains(reason), "{more:?}: {refused}");
    }
    for more in [&["--public", "--private-key", "x"][..], &["--public", "--jwks-uri", "https://a.example/"]] {
        let output = run(&[&["client", "add", "wrong", "--redirect-uri", callback], more].concat());
        assert_eq!(output.status.code(), Some(2), "{more:?}");
    }
    let listed = here.say(&["client", "list", "--json"]);
    let ids: Vec<Value> = listed.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for id in ["web", "page", "keyed", "fetched", "asking"] {
        assert!(ids.iter().any(|info| info["client"]["client_id"] == id), "{id}");
    }
}

/// A running server publishes the next key, and signs by it in a quarter of an hour.
#[test]
fn keys_are_listed_and_exchanged_beside_a_running_server() {
    let here = Installation::new();
    let keys = |here: &Installation| -> Vec<Value> {
        let lines = here.say(&["keys", "list", "--json"]);
        lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let before = keys(&here);
    assert_eq!(before.len(), 3);
    assert!(before.iter().all(|key| key["state"] == "signing" && key["signs_until"].is_null()));
    let published = |here: &Installation, kid: &str| {
        here.running.ask("GET", "/.well-known/jwks.json", "").contains(&format!("\"kid\":\"{kid}\""))
    };
    for key in &before {
        assert!(published(&here, key["kid"].as_str().unwrap()));
    }
    let rotated = here.json(&["keys", "rotate", "--algorithm", "ES256"]);
    let next = rotated["next"].as_str().unwrap().to_owned();
    here.until("the next key is published", |here| published(here, &next));
    let after = keys(&here);
    let state = |kid: &str| after.iter().find(|key| key["kid"] == kid).unwrap()["state"].clone();
    let old = before.iter().find(|key| key["algorithm"] == "ES256").unwrap()["kid"].as_str().unwrap();
    assert_eq!((state(&next), state(old)), (json!("next"), json!("signing")));
    let again = here.say(&["keys", "rotate", "--algorithm", "ES256"]);
    assert!(again.contains("ES256: the next key is on its way already."), "{again}");
    assert!(again.contains("A running server hears of it within a second."), "{again}");
    let given = here.json(&["keys", "rotate", "--algorithm", "ES256", "--compromised"]);
    let fresh = given["next"].as_str().unwrap().to_owned();
    here.until("what was given up is not published", |here| {
        published(here, &fresh) && !published(here, &next) && !published(here, old)
    });
    assert_eq!(keys(&here).len(), 3);
}
