//! What comes next for an authorization request: the table of steps.

use oidc::{ErrorCode, Known, KnownConsent, KnownSession, Scopes, SignInReason, Step, decide};

use crate::{
    authorization_request::{parse, query},
    forge::NOW,
};

const SESSION: KnownSession<'static> =
    KnownSession { subject: "ada", auth_time: NOW - 600, authenticated_now: false, acr: &["one"] };

/// A person whom nothing is missing.
fn known(consented: &Scopes) -> Known<'_> {
    Known {
        session: Some(SESSION),
        account_chosen: false,
        hinted_subject: None,
        consent: KnownConsent {
            required: true,
            each_time: false,
            scopes: Some(consented),
            resources: &[],
            given_now: false,
        },
        reachable_acr: &["one", "two"],
        now: NOW,
    }
}

/// As it is written in the table below.
fn told(step: Step) -> String {
    match step {
        Step::SignIn(SignInReason::NoSession) => "sign in".to_owned(),
        Step::SignIn(SignInReason::Prompt) => "sign in, prompt".to_owned(),
        Step::SignIn(SignInReason::TooLongAgo) => "sign in, too long ago".to_owned(),
        Step::SignIn(SignInReason::StepUp) => "sign in, step up".to_owned(),
        Step::SelectAccount => "select account".to_owned(),
        Step::Consent => "consent".to_owned(),
        Step::Proceed => "proceed".to_owned(),
        Step::Refuse(error) => error.code.to_string(),
    }
}

type Change = fn(&mut Known<'_>);

const NOTHING: Change = |_| {};
const NOBODY: Change = |known| known.session = None;
const JUST_SIGNED_IN: Change =
    |known| known.session = Some(KnownSession { authenticated_now: true, ..SESSION });
const CHOSEN: Change = |known| known.account_chosen = true;
const CONSENTED: Change = |known| known.consent.given_now = true;
const OTHERS_HINT: Change = |known| known.hinted_subject = Some("eve");
const OWN_HINT: Change = |known| known.hinted_subject = Some("ada");
const NEVER_AGREED: Change = |known| known.consent.scopes = None;
const NEVER_AGREED_AND_FIRST_PARTY: Change =
    |known| (known.consent.scopes, known.consent.required) = (None, false);
const FIRST_PARTY: Change = |known| known.consent.required = false;
const MAY_BE_ANOTHER: Change = |known| (known.consent.required, known.consent.each_time) = (false, true);
const MAY_BE_ANOTHER_AND_SAID: Change =
    |known| (known.consent.each_time, known.consent.given_now) = (true, true);
const STRONG: Change = |known| known.session = Some(KnownSession { acr: &["two", "one"], ..SESSION });
const WEAK: Change = |known| known.reachable_acr = &["one"];
const THIS_SECOND: Change = |known| known.session = Some(KnownSession { auth_time: NOW, ..SESSION });

/// Parameters; what is known; the step; the step with `prompt=none`, where that can be asked.
type Row = (&'static [(&'static str, &'static str)], Change, &'static str, Option<&'static str>);

#[test]
fn the_table_of_steps() {
    let rows: [Row; 35] = [
        (&[], NOTHING, "proceed", Some("proceed")),
        (&[], NOBODY, "sign in", Some("login_required")),
        (&[("prompt", "login")], NOBODY, "sign in", None),
        (&[("prompt", "login")], NOTHING, "sign in, prompt", None),
        (&[("prompt", "login")], THIS_SECOND, "sign in, prompt", None),
        (&[("prompt", "login")], JUST_SIGNED_IN, "proceed", None),
        (&[("prompt", "login consent")], JUST_SIGNED_IN, "consent", None),
        (&[("prompt", "select_account")], NOTHING, "select account", None),
        (&[("prompt", "select_account")], CHOSEN, "proceed", None),
        (&[("prompt", "select_account")], JUST_SIGNED_IN, "proceed", None),
        (&[("prompt", "select_account login")], CHOSEN, "sign in, prompt", None),
        // Never agreed, or withdrawn: whatever is asked for.
        (&[("scope", "openid")], NEVER_AGREED, "consent", Some("consent_required")),
        (&[("scope", "openid")], NEVER_AGREED_AND_FIRST_PARTY, "proceed", Some("proceed")),
        (&[], CHOSEN, "proceed", Some("proceed")),
        (&[("max_age", "599")], NOTHING, "sign in, too long ago", Some("login_required")),
        (&[("max_age", "600")], NOTHING, "proceed", Some("proceed")),
        (&[("max_age", "0")], THIS_SECOND, "sign in, too long ago", Some("login_required")),
        (&[("max_age", "0")], JUST_SIGNED_IN, "proceed", Some("proceed")),
        (&[], OWN_HINT, "proceed", Some("proceed")),
        (&[], OTHERS_HINT, "login_required", Some("login_required")),
        (&[("prompt", "login")], OTHERS_HINT, "sign in, prompt", None),
        (&[("acr_values", "two")], NOTHING, "sign in, step up", Some("proceed")),
        (&[("acr_values", "two one")], NOTHING, "proceed", Some("proceed")),
        (&[("acr_values", "one")], STRONG, "proceed", Some("proceed")),
        (&[("acr_values", "two")], STRONG, "proceed", Some("proceed")),
        (&[("acr_values", "two")], WEAK, "proceed", Some("proceed")),
        (&[("acr_values", "two")], JUST_SIGNED_IN, "proceed", Some("proceed")),
        (&[("scope", "openid email")], NOTHING, "consent", Some("consent_required")),
        (&[("scope", "openid email")], CONSENTED, "proceed", Some("proceed")),
        (&[("scope", "openid email")], FIRST_PARTY, "proceed", Some("proceed")),
        (
            &[("scope", "openid email"), ("acr_values", "two")],
            NOTHING,
            "sign in, step up",
            Some("consent_required"),
        ),
        (&[("prompt", "consent")], FIRST_PARTY, "consent", None),
        (&[("prompt", "consent")], CONSENTED, "proceed", None),
        (&[], MAY_BE_ANOTHER, "consent", Some("consent_required")),
        (&[], MAY_BE_ANOTHER_AND_SAID, "proceed", Some("proceed")),
    ];
    let consented = Scopes::parse("openid profile").unwrap();
    for (parameters, change, step, silent) in rows {
        let mut known = known(&consented);
        change(&mut known);
        let mut changes: Vec<_> = parameters.iter().map(|(name, value)| (*name, Some(*value))).collect();
        let request = parse(&query(&changes)).unwrap();
        assert_eq!(told(decide(&request, &known)), step, "{parameters:?} {known:?}");
        if let Some(silent) = silent {
            changes.push(("prompt", Some("none")));
            let request = parse(&query(&changes)).unwrap();
            assert_eq!(told(decide(&request, &known)), silent, "none {parameters:?} {known:?}");
        }
    }
}

/// Every combination of what can be known and asked: with `prompt=none` nothing is ever shown, and nothing proceeds
/// without a session.
#[test]
fn class_11_prompt_none_never_shows_a_page_and_nobody_proceeds_unknown() {
    let changes = [
        NOBODY,
        JUST_SIGNED_IN,
        NEVER_AGREED,
        CHOSEN,
        CONSENTED,
        OTHERS_HINT,
        FIRST_PARTY,
        STRONG,
        WEAK,
        THIS_SECOND,
    ];
    let consented = Scopes::default();
    let mut met = std::collections::BTreeSet::new();
    for bits in 0_u32..1 << changes.len() {
        let mut known = known(&consented);
        for (index, change) in changes.iter().enumerate() {
            if bits & 1 << index != 0 {
                change(&mut known);
            }
        }
        for (prompt, max_age) in
            [("none", "0"), ("none", "9999"), ("login", "0"), ("consent", "9999"), ("select_account", "9999")]
        {
            let request = parse(&query(&[
                ("prompt", Some(prompt)),
                ("max_age", Some(max_age)),
                ("acr_values", Some("two")),
            ]))
            .unwrap();
            let step = decide(&request, &known);
            assert!(
                prompt != "none" || matches!(step, Step::Refuse(_) | Step::Proceed),
                "{known:?} {step:?}"
            );
            assert!(known.session.is_some() || step != Step::Proceed);
            if let Step::Refuse(error) = &step {
                met.insert(error.code.name());
            }
        }
    }
    let expected = [ErrorCode::ConsentRequired, ErrorCode::LoginRequired];
    assert_eq!(met.into_iter().collect::<Vec<_>>(), expected.map(ErrorCode::name));
}
