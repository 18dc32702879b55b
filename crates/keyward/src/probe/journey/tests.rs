use hyper::header::{HeaderMap, HeaderValue};

use super::*;

fn traveller(number: usize) -> Traveller {
    let app = "https://app.example.com/page".parse().unwrap();
    Traveller::new(Arc::new(Known::nowhere()), number, true, Some(&app))
}

fn answer(status: StatusCode, headers: &[(HeaderName, &str)], body: &str) -> Answer {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(name, HeaderValue::from_str(value).unwrap());
    }
    Answer { status, headers: map, body: body.to_owned().into(), by_http2: false, connected: false }
}

/// What a server that is well answers; `name` is what the account is called.
fn good(step: Step, name: &str) -> Answer {
    let session = [(SET_COOKIE, "__Host-keyward-session=s; Path=/"), (SET_COOKIE, "jwt=j; Path=/")];
    let location = format!("{REDIRECT_URI}?code=abc&state={STATE}&iss=https%3A%2F%2Fauth.example.com");
    match step {
        Step::SignIn => answer(StatusCode::OK, &session, r#"{"user_id":"u","session_id":"i"}"#),
        Step::Authorize => answer(StatusCode::SEE_OTHER, &[(LOCATION, location.as_str())], ""),
        Step::Exchange | Step::Refresh => {
            answer(StatusCode::OK, &[], r#"{"access_token":"a","refresh_token":"r"}"#)
        }
        Step::UserInfo | Step::VerifyToken => answer(StatusCode::OK, &[], r#"{"sub":"u"}"#),
        Step::RenewToken => answer(StatusCode::OK, &session[1..], "{}"),
        Step::ReadBack => answer(StatusCode::OK, &[], &json!({ "name": name }).to_string()),
        Step::Discovery => answer(StatusCode::OK, &[], r#"{"issuer":"https://auth.example.com"}"#),
        Step::Keys => answer(StatusCode::OK, &[], r#"{"keys":[{}]}"#),
        Step::Change | Step::SignInPage | Step::Static | Step::App => answer(StatusCode::OK, &[], "fine"),
    }
}

/// The next so many steps of somebody whom all goes well with.
fn go(traveller: &mut Traveller, steps: usize, changes: &mut usize) -> Vec<Step> {
    let mut gone = Vec::new();
    for _ in 0..steps {
        let step = traveller.next_step(Duration::ZERO, || true);
        take(traveller, step, changes);
        gone.push(step);
    }
    gone
}

fn take(traveller: &mut Traveller, step: Step, changes: &mut usize) {
    *changes += usize::from(step == Step::Change);
    drop(traveller.ask(step));
    let answer = good(step, &format!("Canary {changes}"));
    traveller.answered(step, &answer).unwrap_or_else(|wrong| panic!("{step:?}: {}", wrong.detail));
}

#[test]
fn each_round_has_every_step_and_what_was_changed_is_read_back() {
    let mut traveller = traveller(0);
    let mut changes = 0;
    for step in FIRST {
        assert!(traveller.can(step), "{step:?}");
        take(&mut traveller, step, &mut changes);
    }
    let gone = go(&mut traveller, 3 * ROUND.len(), &mut changes);
    for step in FIRST {
        assert!(gone.contains(&step), "{step:?}: {gone:?}");
    }
    let mut writing = gone.iter().filter(|step| matches!(step, Step::Change | Step::ReadBack));
    assert!(writing.clone().count() >= 6);
    while let Some(step) = writing.next() {
        assert_eq!(*step, Step::Change);
        assert!(writing.next().is_none_or(|step| *step == Step::ReadBack));
    }
    let (account, told, begun) = traveller.end();
    let sign_ins = 1 + gone.iter().filter(|step| **step == Step::SignIn).count();
    assert_eq!((account, told.sessions.len(), begun.len()), (0, sign_ins, sign_ins));
    assert_eq!(begun[0], "__Host-keyward-session=s");
}

#[test]
fn whoever_shares_an_account_changes_nothing_and_signs_in_when_it_is_due() {
    let mut traveller = traveller(5);
    assert_eq!(traveller.account, 1);
    let mut changes = 0;
    for step in FIRST.into_iter().filter(|step| *step != Step::Change && *step != Step::ReadBack) {
        take(&mut traveller, step, &mut changes);
    }
    for _ in 0..3 * ROUND.len() {
        let step = traveller.next_step(Duration::ZERO, || false);
        assert!(!matches!(step, Step::Change | Step::ReadBack | Step::SignIn), "{step:?}");
        take(&mut traveller, step, &mut changes);
    }
}

/// A refresh token is used up by being sent: after a failure it is not shown again, which would be taken for theft.
#[test]
fn a_refresh_whose_answer_is_lost_is_not_sent_again() {
    let mut traveller = traveller(0);
    let mut changes = 0;
    for step in FIRST {
        take(&mut traveller, step, &mut changes);
    }
    drop(traveller.ask(Step::Refresh));
    traveller.failed(Step::Refresh);
    assert!(!traveller.can(Step::Refresh) && !traveller.can(Step::UserInfo));
    let gone = go(&mut traveller, 2 * ROUND.len(), &mut changes);
    let at = |step: Step| gone.iter().position(|gone| *gone == step).unwrap();
    assert_eq!(at(Step::Exchange), at(Step::Authorize) + 1);
    assert!(at(Step::UserInfo) > at(Step::Exchange) && at(Step::Refresh) > at(Step::Exchange), "{gone:?}");
}

#[test]
fn an_answer_that_is_another_than_it_should_be_says_which_and_names_no_code() {
    let mut traveller = traveller(0);
    let mut changes = 0;
    for step in FIRST {
        take(&mut traveller, step, &mut changes);
    }
    let redirect = |to: &str| answer(StatusCode::SEE_OTHER, &[(LOCATION, to)], "");
    let body = |body: &str| answer(StatusCode::OK, &[], body);
    for (step, answer, why, told) in [
        (
            Step::Keys,
            answer(StatusCode::SERVICE_UNAVAILABLE, &[], "later\n"),
            Why::Status,
            "answered 503 in the place of 200: later ",
        ),
        (
            Step::App,
            answer(StatusCode::BAD_GATEWAY, &[], ""),
            Why::Status,
            "answered 502 in the place of 200: ",
        ),
        (Step::Authorize, body("a page"), Why::Status, "answered 200 in the place of 303: a page"),
        (
            Step::Authorize,
            redirect("/sign-in?id=7"),
            Why::Answer,
            "it leads to \"/sign-in\", and brings no code",
        ),
        (
            Step::Authorize,
            redirect("https://canary.invalid/callback?code=abc&state=another"),
            Why::Answer,
            "it leads to \"https://canary.invalid/callback\", and brings no code",
        ),
        (Step::Exchange, body(r#"{"access_token":"a"}"#), Why::Answer, "it has no refresh_token"),
        (Step::VerifyToken, body(r#"{"sub":"v"}"#), Why::Answer, "it is about somebody else"),
        (
            Step::SignIn,
            body(r#"{"user_id":"u","session_id":"i"}"#),
            Why::Answer,
            "it sets no cookie keyward-session",
        ),
        (Step::Keys, body(r#"{"keys":[]}"#), Why::Answer, "there is no key in it"),
        (Step::Static, body(""), Why::Answer, "there is nothing in it"),
    ] {
        let wrong = traveller.answered(step, &answer).unwrap_err();
        assert_eq!((wrong.why, wrong.detail.as_str()), (why, told), "{step:?}");
    }
    let wrong = traveller.answered(Step::Discovery, &body("<html>")).unwrap_err();
    assert!(wrong.detail.starts_with("its body is no JSON: "), "{}", wrong.detail);
}
