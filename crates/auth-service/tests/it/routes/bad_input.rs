//! Bad input: a message that names the field, the old value still in the form, the right status, nothing leaked. A table
//! of what is typed, at every form and every body that takes it.

use serde_json::json;

use crate::support::{Answer, PASSWORD, TestApp};

/// An address as typed, and as it is kept; nothing if it is none.
fn addresses() -> Vec<(String, Option<&'static str>)> {
    let taken = [
        ("ana+shop@example.com", "ana+shop@example.com"),
        ("  Ana.Maria@Example.COM  ", "Ana.Maria@example.com"),
        ("o'neil@sub.example.org", "o'neil@sub.example.org"),
        ("ana@bücher.example", "ana@xn--bcher-kva.example"),
        ("ana@例え.jp", "ana@xn--r8jz45g.jp"),
        ("ana@xn--bcher-kva.example", "ana@xn--bcher-kva.example"),
    ];
    let refused = [
        "",
        "   ",
        "ana",
        "@",
        "ana@",
        "@example.com",
        "ana@@example.com",
        "ana@example",
        "ana@example..com",
        "ana@.example.com",
        ".ana@example.com",
        "a b@example.com",
        "ana@exa mple.com",
        "ana@example.com, bob@example.com",
        "ana@example.com\r\nBcc: bob@example.com",
        "ana\u{0}@example.com",
        "ana@example.com\u{0}",
        "\u{202e}ana@example.com",
        "🙂@example.com",
        "ана@example.com",
        "أنا@example.com",
        "\"ana\"@example.com",
        "<ana@example.com>",
        "ana@[127.0.0.1]",
        "ana@127.0.0.1",
        "ana@-example.com",
    ];
    let long =
        [format!("{}@example.com", "a".repeat(65)), format!("a@{}.com", "b".repeat(300)), "a".repeat(50_000)];
    let taken = taken.into_iter().map(|(typed, kept)| (typed.to_owned(), Some(kept)));
    let refused = refused.into_iter().map(ToOwned::to_owned).chain(long).map(|typed| (typed, None));
    taken.chain(refused).collect()
}

fn assert_names(answer: &Answer, field: &str, typed: &str) {
    assert_eq!(answer.status, 422, "{typed:.80?}: {}", answer.body);
    assert!(answer.body.contains(&format!("id=\"{field}-error\"")), "{typed:.80?}: {}", answer.body);
    assert!(answer.body.contains("<title>Error: "), "{typed:.80?}");
}

/// What looks like an address, and is none that mail can be sent to, was told to look like one.
#[tokio::test]
async fn an_address_is_told_what_is_wrong_with_it() {
    let app = TestApp::start().await;
    let long = format!("{}@example.com", "a".repeat(65));
    for (typed, said) in [
        ("ana@", "This is not an e-mail address. It looks like name@example.com."),
        (&long, "This address is too long: at most 254 characters, 64 of them before the @."),
        ("jörg@example.com", "Before the @ use only a to z, digits and signs such as . + - _, no umlauts"),
        ("🙂@example.com", "Before the @ use only a to z, digits and signs such as . + - _, no umlauts"),
    ] {
        for path in ["/sign-up", "/sign-in", "/reset"] {
            let answer = app.browser().post(path, &[("email", typed), ("password", PASSWORD)]).await;
            assert_names(&answer, "email", typed);
            assert!(answer.body.contains(said), "{path} {typed}: {}", answer.body);
            assert!(answer.body.contains(&format!("value=\"{typed}\"")), "{path} {typed}");
        }
    }
}

#[tokio::test]
async fn addresses_at_every_form_and_body() {
    let app = TestApp::with(|setup| setup.limits.mails = 100).await;
    let mut member = app.member("member@example.com").await;
    for (typed, kept) in addresses() {
        for (path, field) in [("/sign-up", "email"), ("/sign-in", "email"), ("/reset", "email")] {
            let fields = [("email", &*typed), ("password", PASSWORD), ("name", "Ana")];
            let answer = app.browser().post(path, &fields).await;
            if kept.is_some() {
                assert!(answer.status == 303 || answer.status == 401, "{path} {typed}: {}", answer.body);
            } else {
                assert_names(&answer, field, &typed);
                assert!(path != "/sign-up" || answer.body.contains("value=\"Ana\""));
            }
        }
        if kept.is_none() {
            assert_names(&member.post("/account/email", &[("email", &typed)]).await, "new-email", &typed);
        }
        let bodies = [
            ("/api/v1/sign-up", json!({ "email": typed, "password": PASSWORD })),
            ("/api/v1/sign-in", json!({ "email": typed, "password": PASSWORD })),
            ("/api/v1/reset", json!({ "email": typed })),
            ("/api/v1/account/email", json!({ "email": typed })),
        ];
        for (path, body) in bodies.into_iter().filter(|_| kept.is_none()) {
            let answer = member.json("POST", path, &body).await;
            assert_eq!(answer.status, 422, "{path} {typed:.80?}");
            assert_eq!(answer.json()["errors"][0]["pointer"], "/email", "{path} {typed:.80?}");
        }
        let letters = app.letters().await;
        assert!(letters.iter().all(|letter| Some(&*letter.to) == kept), "{typed:.80?} {letters:?}");
        assert_eq!(letters.is_empty(), kept.is_none(), "{typed:.80?}");
    }
}

/// A password, whether it will do alone, and whether it will do with a second step.
fn passwords() -> Vec<(String, bool, bool)> {
    vec![
        (String::new(), false, false),
        ("a".to_owned(), false, false),
        ("1234567".to_owned(), false, false),
        ("8letrs+x".to_owned(), false, true),
        // Among the most common.
        ("8letters".to_owned(), false, false),
        ("12345678".to_owned(), false, false),
        ("fourteen chars".to_owned(), false, true),
        ("fifteen chars !".to_owned(), true, true),
        ("\u{2003}".repeat(15), false, false),
        ("🙂".repeat(15), false, false),
        ("🙂🔑🐎🔋📎🌳🚲🍎🎻🧊🪁🌋🦉🛶🧵".to_owned(), true, true),
        ("123456789012345".to_owned(), false, false),
        ("كلمة مرور طويلة جدا".to_owned(), true, true),
        ("nul\u{0}in the middle".to_owned(), true, true),
        ("line\nbreak\r\nand\ttab".to_owned(), true, true),
        ("+&=%25 in the middle".to_owned(), true, true),
        ("a".repeat(512), false, false),
        ("correct horse battery staple ".repeat(20)[..511].to_owned() + "!", true, true),
        ("a".repeat(513), false, false),
        ("a".repeat(1_000), false, false),
        ("ä".repeat(257), false, false),
        ("a".repeat(50_000), false, false),
    ]
}

#[tokio::test]
async fn passwords_at_sign_up_and_what_is_taken_signs_in() {
    let app = TestApp::start().await;
    for (number, (password, alone, together)) in passwords().into_iter().enumerate() {
        for (second_step, good) in [(false, alone), (true, together)] {
            let email = format!("p{number}.{second_step}@example.com");
            let mut fields = vec![("email", &*email), ("password", &*password)];
            if second_step {
                fields.push(("second_step", "on"));
            }
            let mut browser = app.browser();
            browser.get("/sign-up").await;
            let answer = browser.post("/sign-up", &fields).await;
            if !good {
                assert_names(&answer, "password", &password);
                assert!(answer.body.contains(&format!("value=\"{email}\"")), "the address is kept");
                assert!(password.len() < 8 || !answer.body.contains(&password), "the password is not");
                continue;
            }
            assert_eq!(answer.status, 303, "{password:.40?}");
            let token = app.letter(&email).await.token();
            assert_eq!(browser.post("/verify", &[("token", &token)]).await.status, 303);
            let login = json!({ "email": email, "password": password });
            let status = browser.json("POST", "/api/v1/sign-in", &login).await.status;
            assert_eq!(status, if second_step { 202 } else { 200 }, "{password:.40?}");
            app.letters().await;
            let login = json!({ "email": email, "password": format!("{password}x") });
            let status = browser.json("POST", "/api/v1/sign-in", &login).await.status;
            assert!(status == 401 || status == 422, "{password:.40?} and one more");
        }
    }
}

#[tokio::test]
async fn names_of_any_script_are_kept_and_unprintable_ones_said() {
    let app = TestApp::start().await;
    let mut browser = app.member("ana@example.com").await;
    let long = "ä".repeat(100);
    for name in ["", "Ana", "أنا", "アナ 🙂", "O’Neil-Smith, Jr.", "👩‍👩‍👧", &long] {
        let answer = browser.post("/account/profile", &[("name", name)]).await;
        assert_eq!(answer.status, 303, "{name}");
        assert_eq!(browser.get("/api/v1/account").await.text("name"), name);
    }
    for name in
        ["a\u{0}b", "a\nb", "a\u{7}b", "a\u{202e}b", "a\u{2066}b", &"ä".repeat(101), &"a".repeat(50_000)]
    {
        assert_names(&browser.post("/account/profile", &[("name", name)]).await, "name", name);
        let body = json!({ "name": name, "locale": null });
        let answer = browser.json("PATCH", "/api/v1/account", &body).await;
        assert_eq!((answer.status.as_u16(), &answer.json()["errors"][0]["pointer"]), (422, &json!("/name")));
    }
    assert_eq!(browser.get("/api/v1/account").await.text("name"), long, "nothing of it was kept");
}

/// Codes as people and others type them.
#[tokio::test]
async fn codes_are_six_digits_however_spaced() {
    let app = TestApp::start().await;
    let mut browser = app.browser();
    browser.get("/sign-up").await;
    let fields = [("email", "ana@example.com"), ("password", PASSWORD)];
    let id = browser.post("/sign-up", &fields).await.location().split("id=").nth(1).unwrap().to_owned();
    let long = "1".repeat(50_000);
    for code in
        ["", " ", "12345", "1234567", "12345a", "-12345", "１２３４５６", "١٢٣٤٥٦", "123\u{0}456", &long]
    {
        assert_names(&browser.post("/verify", &[("id", &id), ("code", code)]).await, "code", code);
    }
    let code = app.letter("ana@example.com").await.code;
    let spaced = format!("\t{} {}\n", &code[..3], &code[3..]);
    let answer = browser.post("/verify", &[("id", &id), ("code", &spaced)]).await;
    assert_eq!(answer.status, 303, "no try was used up: {}", answer.body);
}

#[tokio::test]
async fn a_body_that_is_not_utf8_is_400_and_the_api_names_no_path_of_ours() {
    let app = TestApp::start().await;
    let mut program = app.program();
    for body in
        [&b"{\"email\":\"\xff\"}"[..], b"\xff\xfe{\x00}\x00", b"{\"email\":\"\xc3\x28\",\"password\":\"x\"}"]
    {
        let answer = program.raw("POST", "/api/v1/sign-in", "application/json", body.to_vec()).await;
        assert!([400, 422].contains(&answer.status.as_u16()), "{body:?}");
        assert!(!answer.body.contains(".rs") && !answer.body.contains("struct "), "{}", answer.body);
    }
    for body in ["email=%FF&password=x", "email=%C3%28", "%FF=x"] {
        let answer = program.raw("POST", "/sign-in", "application/x-www-form-urlencoded", body).await;
        assert_eq!(answer.status, 400, "{body}");
    }
}
