//! Words made of numbers, and devices made of what browsers say.

use super::{Device, ErrorPage, Frame, Notice, Problem, moment};
use crate::branding::Branding;
use crate::locale::Locale;

const MINUTE: i64 = 60_000_000;

#[test]
fn moments_are_told_in_utc() {
    let at = 1_795_530_360_000_000;
    assert_eq!(moment::words(Locale::English.texts(), at), "24 November 2026, 14:26 UTC");
    assert_eq!(moment::words(Locale::German.texts(), at), "24. November 2026, 14:26 UTC");
    assert_eq!(moment::machine(at), "2026-11-24T14:26:00Z");
    assert_eq!(moment::words(Locale::English.texts(), i64::MAX), "at an unknown time");
}

#[test]
fn how_long_ago_never_lies_in_the_future() {
    let ago = |minutes: i64| moment::ago(Locale::English.texts(), -minutes * MINUTE, 0);
    assert_eq!(ago(-90), "just now");
    assert_eq!(ago(4), "just now");
    assert_eq!(ago(5), "5 minutes ago");
    assert_eq!(ago(60), "1 hour ago");
    assert_eq!(ago(60 * 24), "yesterday");
    assert_eq!(ago(60 * 24 * 9), "9 days ago");
    assert_eq!(moment::ago(Locale::English.texts(), i64::MIN, i64::MAX).split(' ').nth(1), Some("days"));
}

#[test]
fn a_wait_is_never_told_too_short() {
    let wait = |seconds| moment::duration(Locale::English.texts(), seconds);
    assert_eq!(wait(0), "1 second");
    assert_eq!(wait(60), "60 seconds");
    assert_eq!(wait(91), "2 minutes");
    assert_eq!(wait(121), "3 minutes");
}

#[test]
fn devices_are_named_from_a_fixed_list() {
    let branding = Branding::default();
    let frame = Frame::new(Locale::English, &branding, "/");
    for (user_agent, expected) in [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", "Firefox on Linux"),
        (
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/142.0 Safari/537.36 Edg/142.0",
            "Edge on Windows",
        ),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Version/26.0 Safari/605.1.15", "Safari on macOS"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) CriOS/142.0 Safari/604.1",
            "Chrome on iPhone",
        ),
        ("Mozilla/5.0 (Linux; Android 16) Chrome/142.0 Mobile Safari/537.36", "Chrome on Android"),
        ("curl/8.17.0", "curl"),
        ("<script>alert(1)</script>", "Unknown device"),
        ("", "Unknown device"),
    ] {
        assert_eq!(Device::of(user_agent).words(&frame), expected, "{user_agent}");
    }
}

#[test]
fn notices_come_back_from_their_tags() {
    for notice in Notice::ALL {
        assert_eq!(Notice::from_tag(notice.tag()), Some(notice));
        assert!(!Locale::German.texts().text(notice.tag()).contains('⟦'));
    }
    assert_eq!(Notice::from_tag("notice-nothing"), None);
}

#[test]
fn a_wait_is_said_on_page_and_form() {
    let branding = Branding::default();
    let frame = Frame { support_id: Some("abc"), ..Frame::new(Locale::English, &branding, "/") };
    let page = ErrorPage::TooManyTries(42).render(&frame);
    assert!(page.contains("42 seconds") && page.contains("<code>abc</code>"));
    let sentence = Problem::TooManyTries(42).text(Locale::English.texts());
    assert_eq!(sentence, "Too many tries. Please wait 42 seconds, then try again.");
}

#[test]
fn a_return_path_is_quoted() {
    let branding = Branding::default();
    let frame = Frame::new(Locale::English, &branding, "/");
    assert_eq!(frame.with_return("/sign-in", ""), "/sign-in");
    assert_eq!(frame.with_return("/sign-in", "/a?b=ü&c"), "/sign-in?return_to=%2Fa%3Fb%3D%C3%BC%26c");
}
