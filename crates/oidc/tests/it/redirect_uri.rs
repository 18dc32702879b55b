//! Class 1: redirect URIs are compared as strings, and registered so that no two readers take one for two.

use oidc::{OnwardOrigin, RedirectUri, RedirectUriError, form_action_sources};
use proptest::prelude::*;

fn registered(text: &str) -> RedirectUri {
    RedirectUri::parse(text).unwrap()
}

#[test]
fn what_can_be_registered() {
    let allowed = [
        "https://app.example/callback",
        "https://app.example",
        "https://app.example/",
        "https://app.example:8443/a/b?tenant=1&x",
        "https://app.example/%2e%2F%c3%a4",
        "https://xn--bcher-kva.example/",
        "http://127.0.0.1/callback",
        "http://127.0.0.1:4000/callback",
        "http://[::1]:4000/",
        "http://localhost:8000/callback",
        "http://app.localhost:8000/callback",
        "com.example.app:/callback",
        "com.example.app:/callback?x=1",
    ];
    for text in allowed {
        assert_eq!(registered(text).as_str(), text);
        assert!(registered(text).matches(text), "{text}");
    }
}

#[test]
fn what_cannot_be_registered() {
    use RedirectUriError as Error;
    let long = format!("https://app.example/{}", "a".repeat(2048));
    let cases = [
        (long.as_str(), Error::TooLong),
        ("https://app.example/ callback", Error::Character),
        ("https://app.example/call\\back", Error::Character),
        ("https://app.example\\@evil.example", Error::Character),
        ("https://app.example/\u{e4}", Error::Character),
        ("https://\u{430}pp.example/", Error::Character),
        ("https://app.example/\r\nSet-Cookie:x", Error::Character),
        ("https://app.example/\t", Error::Character),
        ("https://app.example/<script>", Error::Character),
        ("https://*.app.example/", Error::Wildcard),
        ("https://app.example/*", Error::Wildcard),
        ("", Error::Relative),
        ("/callback", Error::Relative),
        ("//app.example/callback", Error::Relative),
        ("app.example/callback", Error::Relative),
        ("https://", Error::Relative),
        ("https://app.example:99999/", Error::Relative),
        ("https://app.example/#", Error::Fragment),
        ("https://app.example/#token", Error::Fragment),
        ("https://user@app.example/", Error::UserInformation),
        ("https://user:pass@app.example/", Error::UserInformation),
        ("https://@app.example/", Error::UserInformation),
        ("https://app.example:443@evil.example/", Error::UserInformation),
        ("http://app.example/", Error::Scheme),
        ("http://127.0.0.1.evil.example/", Error::Scheme),
        ("http://localhost.evil.example/", Error::Scheme),
        ("http://evillocalhost/", Error::Scheme),
        ("http://10.0.0.1/", Error::Scheme),
        ("http://[::2]/", Error::Scheme),
        ("javascript:alert(1)", Error::Scheme),
        ("data:text/html,x", Error::Scheme),
        ("file:///etc/passwd", Error::Scheme),
        ("blob:https://app.example/x", Error::Scheme),
        ("ftp://app.example/", Error::Scheme),
        ("myapp:/callback", Error::Scheme),
        ("com.example.app://host/callback", Error::Scheme),
        ("urn:ietf:wg:oauth:2.0:oob", Error::Scheme),
        ("https://app.example./", Error::TrailingDot),
        ("https://APP.example/", Error::NotNormal("https://app.example/".to_owned())),
        ("HTTPS://app.example/", Error::NotNormal("https://app.example/".to_owned())),
        ("https://app.example:443/", Error::NotNormal("https://app.example/".to_owned())),
        ("https:app.example/", Error::NotNormal("https://app.example/".to_owned())),
        ("https:///app.example/", Error::NotNormal("https://app.example/".to_owned())),
        ("https://app.example/a/../b", Error::NotNormal("https://app.example/b".to_owned())),
        ("https://app.example/a/%2e%2E/b", Error::NotNormal("https://app.example/b".to_owned())),
        ("https://app.example/./b", Error::NotNormal("https://app.example/b".to_owned())),
        ("http://127.1/", Error::NotNormal("http://127.0.0.1/".to_owned())),
        ("http://2130706433/", Error::NotNormal("http://127.0.0.1/".to_owned())),
        ("http://0x7f.0.0.1/", Error::NotNormal("http://127.0.0.1/".to_owned())),
        ("http://[0:0::1]/", Error::NotNormal("http://[::1]/".to_owned())),
        ("https://app.example/?code=1", Error::Reserved("code")),
        ("https://app.example/?a=1&st%61te=1", Error::Reserved("state")),
        ("https://app.example/?iss", Error::Reserved("iss")),
    ];
    for (text, expected) in cases {
        assert_eq!(RedirectUri::parse(text), Err(expected), "{text}");
    }
}

/// What was published against other servers, and its kin: none is the registered string, so none matches.
#[test]
fn class_01_no_other_spelling_matches() {
    let uri = registered("https://app.example/callback");
    let attacks = [
        "https://app.example/callback/",
        "https://app.example/callback?",
        "https://app.example/callback?x=1",
        "https://app.example/callback#",
        "https://app.example/callback#x",
        "https://app.example/callback/../evil",
        "https://app.example/callback/..;/evil",
        "https://app.example/x/..;/callback",
        "https://app.example/x/../callback",
        "https://app.example/./callback",
        "https://app.example//callback",
        "https://app.example/%63allback",
        "https://app.example/callback%00",
        "https://app.example/callback%20",
        "https://app.example/callback%2f..%2fevil",
        "https://app.example/callback;x",
        "https://app.example/Callback",
        "https://app.example/callbackx",
        "https://app.example/callbac",
        "https://APP.example/callback",
        "HTTPS://app.example/callback",
        "http://app.example/callback",
        "https://app.example:443/callback",
        "https://app.example:8443/callback",
        "https://app.example./callback",
        "https://app.example@evil.example/callback",
        "https://evil.example/https://app.example/callback",
        "https://evil.example?https://app.example/callback",
        "https://evil.example#https://app.example/callback",
        "https://app.example.evil.example/callback",
        "https://evilapp.example/callback",
        "https://evil.app.example/callback",
        "https://app.example\\@evil.example/callback",
        "https://evil.example\\app.example/callback",
        "https:\\\\app.example\\callback",
        "https:/app.example/callback",
        "https:///app.example/callback",
        "//app.example/callback",
        "/callback",
        " https://app.example/callback",
        "https://app.example/callback ",
        "https://app.example/callback\t",
        "https://app.example/callback\n",
        "https://app.example/callback\0",
        "https://app.ex\u{ad}ample/callback",
        "https://app\u{3002}example/callback",
        "https://\u{430}pp.example/callback",
        "https://app.example/\u{ff43}allback",
        "https%3A%2F%2Fapp.example%2Fcallback",
        "javascript://app.example/callback",
        "https://app.example/callback,https://evil.example",
        "",
    ];
    for attack in attacks {
        assert!(!uri.matches(attack), "{attack}");
    }
}

#[test]
fn rfc_8252_a_loopback_address_matches_with_any_port() {
    for (text, host) in
        [("http://127.0.0.1:4000/callback?x=1", "127.0.0.1"), ("http://[::1]/callback?x=1", "[::1]")]
    {
        let uri = registered(text);
        for port in ["", ":1", ":80", ":51004", ":65535"] {
            let presented = format!("http://{host}{port}/callback?x=1");
            assert!(uri.matches(&presented), "{presented}");
        }
        let attacks = [
            format!("http://{host}:/callback?x=1"),
            format!("http://{host}:0/callback?x=1"),
            format!("http://{host}:080/callback?x=1"),
            format!("http://{host}:65536/callback?x=1"),
            format!("http://{host}:+80/callback?x=1"),
            format!("http://{host}:80@evil.example/callback?x=1"),
            format!("http://{host}:80.evil.example/callback?x=1"),
            format!("http://{host}.evil.example/callback?x=1"),
            format!("http://{host}@evil.example/callback?x=1"),
            format!("http://{host}\\evil.example/callback?x=1"),
            format!("https://{host}:4001/callback?x=1"),
            format!("HTTP://{host}:4001/callback?x=1"),
            format!("http://{host}:4001/callback"),
            format!("http://{host}:4001/callback?x=2"),
            format!("http://{host}:4001/other?x=1"),
            format!("http://{host}:4001"),
            format!("http://{host}:4001/callback?x=1#f"),
            "http://localhost:4001/callback?x=1".to_owned(),
            "http://127.0.0.2:4001/callback?x=1".to_owned(),
            "http://127.1:4001/callback?x=1".to_owned(),
            "http://[0:0::1]:4001/callback?x=1".to_owned(),
            "http://[::ffff:127.0.0.1]:4001/callback?x=1".to_owned(),
        ];
        for attack in attacks {
            assert!(!uri.matches(&attack), "{attack}");
        }
    }
    assert!(!registered("http://127.0.0.1/").matches("http://[::1]/"));
    // Nobody else is given a port by their system.
    assert!(!registered("http://localhost:4000/").matches("http://localhost:4001/"));
    assert!(!registered("http://127.0.0.2:4000/").matches("http://127.0.0.2:4001/"));
    assert!(!registered("https://127.0.0.1:4000/").matches("https://127.0.0.1:4001/"));
}

#[test]
fn the_content_security_policy_names_the_origin_of_the_app() {
    let cases = [
        ("https://app.example/callback?x", Some("https://app.example")),
        ("https://app.example:8443/", Some("https://app.example:8443")),
        ("https://192.0.2.7/", Some("https://192.0.2.7")),
        ("http://127.0.0.1:4000/", Some("http://127.0.0.1:4000 http://localhost:* http://127.0.0.1:*")),
        ("http://dev.example/", Some("http://dev.example http://localhost:* http://127.0.0.1:*")),
        ("com.example.app:/callback", Some("com.example.app:")),
        ("http://[::1]:4000/", Some("http:")),
        ("http://[::1]/callback", Some("http:")),
        // What would end the directive, or the header, is not written.
        ("https://a;script-src.example/", Some("https:")),
        ("https://a,b.example/", Some("https:")),
        ("callback", None),
    ];
    for (uri, sources) in cases {
        assert_eq!(form_action_sources(uri, &[]).as_deref(), sources, "{uri}");
    }
}

/// Browsers apply the directive to wherever an app's callback leads on to: what is registered of that is named too.
#[test]
fn the_content_security_policy_names_where_an_app_leads_on() {
    let onward: Vec<_> = ["https://team.example.com", "https://*.example.com:8443", "http://127.0.0.1:4000"]
        .map(|origin| OnwardOrigin::parse(origin).unwrap())
        .into();
    assert_eq!(
        form_action_sources("https://app.example/callback", &onward).unwrap(),
        "https://app.example https://team.example.com https://*.example.com:8443 http://127.0.0.1:4000"
    );
    for text in [
        "",
        "https:",
        "https://*",
        "https://*.com",
        "https://a.*.example.com",
        "*.example.com",
        "https://team.example.com/",
        "https://team.example.com/path",
        "https://team.example.com?query",
        "https://team.example.com:443",
        "https://Team.example.com",
        "https://user@team.example.com",
        "https://team.example.com.",
        "https://team.example.com ; script-src *",
        "https://a;script-src.example",
        "https://a,b.example",
        "http://team.example.com",
        "http://*.127.0.0.1",
        "https://192.0.2.7.",
        "http://[::1]:4000",
        "com.example.app:",
        "data:text/html,x",
        "'self'",
    ] {
        assert!(OnwardOrigin::parse(text).is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn what_is_registered_is_what_a_browser_reads(text in "(https?|com\\.a|ftp):/{0,3}[a-zA-Z0-9.@:%/?#&=;\\\\_-]{0,30}") {
        if let Ok(uri) = RedirectUri::parse(&text) {
            let read = url::Url::parse(uri.as_str()).unwrap();
            prop_assert!(read.as_str() == text || read.as_str().strip_suffix('/') == Some(text.as_str()));
            prop_assert!(read.fragment().is_none() && read.username().is_empty());
            prop_assert!(uri.matches(&text));
            let json = serde_json::to_string(&uri).unwrap();
            prop_assert_eq!(serde_json::from_str::<RedirectUri>(&json).unwrap(), uri);
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in "\\PC{0,60}", any in any::<String>()) {
        let uri = registered("http://127.0.0.1/");
        for text in [text, any] {
            let _ = RedirectUri::parse(&text);
            if let Some(sources) = form_action_sources(&text, &[]) {
                prop_assert!(!sources.contains([';', ',', '\n', '\'']), "{}", sources);
            }
            if let Ok(origin) = OnwardOrigin::parse(&text) {
                prop_assert!(!origin.as_str().contains([';', ',', ' ', '\'']), "{}", origin);
            }
            prop_assert_eq!(uri.matches(&text), text == "http://127.0.0.1/");
        }
    }

    #[test]
    fn an_origin_that_is_registered_ends_no_directive(
        name in "(\\*\\.)?[a-z0-9-]{1,6}(\\.[a-z]{2,5}){0,2}(:[0-9]{2,5})?",
        sign in "[;, \\t\\n\\x{A0}\\x{2003}'\"*/.a]?",
        at in 0_usize..40,
    ) {
        let mut text = format!("https://{name}");
        text.insert_str(at.min(text.len()), &sign);
        if let Ok(origin) = OnwardOrigin::parse(&text) {
            prop_assert_eq!(origin.as_str(), text.as_str());
            let ends = |sign: char| sign.is_whitespace() || [';', ',', '\'', '"'].contains(&sign);
            prop_assert!(!text.contains(ends), "{}", text);
        }
    }

    #[test]
    fn only_the_same_string_matches(at in 0_usize..28, letter in "[ -~]") {
        let text = "https://app.example/callback";
        let mut changed = text.to_owned();
        changed.replace_range(at..=at, &letter);
        prop_assert_eq!(registered(text).matches(&changed), changed == text);
    }
}
