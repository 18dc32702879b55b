//! Every page there is, filled with given words: for the tests, and for a person to look at.

use auth_service::branding::Branding;
use auth_service::locale::Locale;
use auth_service::views::mail::{self, Mail};
use auth_service::views::{
    Account, AppRefused, AppRow, Apps, ChangeEmail, ChangePassword, CheckMail, ChooseAccount, ConfirmEmail,
    ConfirmIdentity, Consent, DeleteAccount, Device, ErrorPage, Field, FormPost, Frame, Landing, Mailbox,
    MailboxMessage, Notice, PendingEmail, Problem, Problems, Profile, ProveElsewhere, ProveHere, Reset,
    ResetCode, ResetNew, SecondStep, SessionRow, Sessions, SignIn, SignInCode, SignOut, SignUp, SignedOut,
    docs,
};
use serde_json::json;

/// 24 November 2026, 14:26 UTC, in Unix microseconds.
pub(crate) const NOW: i64 = 1_795_530_360_000_000;

/// What apps ask for.
const SCOPES: [&str; 5] = ["openid", "profile", "email", "offline_access", "invoices:read"];

/// A kind of problem, as the documentation shows it.
const PROBLEM: docs::ProblemKind = docs::ProblemKind {
    code: "gone",
    title: "Used or expired",
    status: 410,
    meaning: "The code or link was used.",
    remedy: "Ask for a new one.",
};

/// What people type and browsers send.
#[derive(Clone, Copy)]
pub(crate) struct Words<'a> {
    /// A person's name.
    pub(crate) name: &'a str,
    /// An address.
    pub(crate) email: &'a str,
    /// Whatever is opaque: ids, tokens, codes, paths, networks.
    pub(crate) opaque: &'a str,
}

/// Friendly words.
pub(crate) const CALM: Words<'static> =
    Words { name: "Ada Lovelace", email: "ada@example.com", opaque: "019ab4c2-7d10-7c3e-9f00-5c1d2e3f4a5b" };

/// A page and its name.
pub(crate) type Sheet = (&'static str, String);

/// Every page in one language.
pub(crate) fn pages(locale: Locale, branding: &Branding, words: Words<'_>) -> Vec<Sheet> {
    let Words { opaque, email, .. } = words;
    let out = Frame { support_id: Some(opaque), ..Frame::new(locale, branding, opaque) };
    let inside = Frame { signed_in: Some(email), ..out };
    [
        sign_up(&out, words),
        sign_in(&out, words),
        reset(&out, words),
        account(&inside, words),
        security(&inside, words),
        sessions(&inside, words),
        rest(&out, &inside, words),
    ]
    .concat()
}

fn sign_up(frame: &Frame<'_>, Words { name, email, opaque }: Words<'_>) -> Vec<Sheet> {
    let (minimum, minimum_with_second_step) = (15, 8);
    let mut problems = Problems::of(Field::Email, Problem::EmailMalformed);
    problems.add(Field::Password, Problem::PasswordTooShort(15));
    let blank = SignUp { minimum, minimum_with_second_step, ..SignUp::default() };
    let wrong = SignUp { name, email, second_step: true, return_to: opaque, problems, ..blank.clone() };
    let code_wrong = Problems::of(Field::Code, Problem::CodeWrong(1));
    vec![
        ("sign-up", blank.render(frame)),
        ("sign-up-wrong", wrong.render(frame)),
        (
            "check-mail",
            CheckMail { id: opaque, email: Some(email), return_to: opaque, ..CheckMail::default() }
                .render(frame),
        ),
        (
            "check-mail-wrong",
            CheckMail { id: opaque, code: "00o000", problems: code_wrong, ..CheckMail::default() }
                .render(frame),
        ),
        ("prove-here", ProveHere { token: opaque, problems: Problems::NONE }.render(frame)),
        (
            "prove-elsewhere",
            ProveElsewhere { token: opaque, minimum, ..ProveElsewhere::default() }.render(frame),
        ),
    ]
}

fn sign_in(frame: &Frame<'_>, Words { name, email, opaque }: Words<'_>) -> Vec<Sheet> {
    let refused = Problems::whole(Problem::SignInRefused);
    let notice = Frame { notice: Some(Notice::PasswordReset), ..*frame };
    let over = Problems::of(Field::Code, Problem::CodeOver);
    vec![
        ("sign-in", SignIn::default().render(frame)),
        ("sign-in-notice", SignIn::default().render(&notice)),
        ("sign-in-for-app", SignIn { return_to: opaque, app: Some(name), ..SignIn::default() }.render(frame)),
        (
            "sign-in-refused",
            SignIn { email, return_to: opaque, app: Some(name), problems: refused }.render(frame),
        ),
        (
            "sign-in-code",
            SignInCode { id: opaque, masked_email: email, return_to: opaque, ..SignInCode::default() }
                .render(frame),
        ),
        (
            "sign-in-code-over",
            SignInCode { id: opaque, masked_email: email, return_to: opaque, code: "123456", problems: over }
                .render(frame),
        ),
    ]
}

fn reset(frame: &Frame<'_>, Words { email, opaque, .. }: Words<'_>) -> Vec<Sheet> {
    let minimum = 15;
    let waiting = Problems::whole(Problem::TooManyTries(48));
    vec![
        ("reset", Reset { email, ..Reset::default() }.render(frame)),
        ("reset-waiting", Reset { email, return_to: opaque, problems: waiting }.render(frame)),
        (
            "reset-code",
            ResetCode { id: opaque, email: Some(email), minimum, ..ResetCode::default() }.render(frame),
        ),
        (
            "reset-code-unknown",
            ResetCode { id: opaque, email: None, minimum, ..ResetCode::default() }.render(frame),
        ),
        ("reset-new", ResetNew { token: opaque, minimum, problems: Problems::NONE }.render(frame)),
    ]
}

fn account(frame: &Frame<'_>, Words { name, email, opaque }: Words<'_>) -> Vec<Sheet> {
    let welcome = Frame { notice: Some(Notice::AddressProved), ..*frame };
    let overview = Account { name, email, language: None, second_step: true, sessions: 3, apps: 1 };
    let bare =
        Account { name: "", language: Some(Locale::German), second_step: false, sessions: 1, ..overview };
    let unknown = Problems::of(Field::Language, Problem::ChoiceUnknown);
    let pending = |old_proved| Some(PendingEmail { email, old_proved, new_proved: false });
    let start = ChangeEmail { current: email, ..ChangeEmail::default() };
    vec![
        ("account", overview.render(&welcome)),
        ("account-bare", bare.render(frame)),
        ("profile", Profile { name, language: None, problems: Problems::NONE }.render(frame)),
        ("profile-wrong", Profile { name, language: Some(Locale::English), problems: unknown }.render(frame)),
        ("change-email", start.render(frame)),
        ("change-email-pending", ChangeEmail { pending: pending(false), ..start.clone() }.render(frame)),
        ("change-email-half", ChangeEmail { pending: pending(true), ..start.clone() }.render(frame)),
        (
            "change-email-wrong",
            ChangeEmail {
                new_email: email,
                problems: Problems::of(Field::NewEmail, Problem::EmailUnchanged),
                ..start
            }
            .render(frame),
        ),
        (
            "confirm-email",
            ConfirmEmail { token: opaque, side: "old", problems: Problems::NONE }.render(frame),
        ),
    ]
}

fn security(frame: &Frame<'_>, Words { email, opaque, .. }: Words<'_>) -> Vec<Sheet> {
    let minimum = 15;
    let off = SecondStep { email, minimum, ..SecondStep::default() };
    let on = SecondStep { on: true, needs_password: true, ..off.clone() };
    let wrong = Problems::of(Field::CurrentPassword, Problem::PasswordWrong);
    let unsure = Problems::of(Field::Confirm, Problem::ConfirmationMissing);
    vec![
        ("change-password", ChangePassword { email, minimum, problems: Problems::NONE }.render(frame)),
        ("change-password-wrong", ChangePassword { email, minimum, problems: wrong }.render(frame)),
        ("second-step-off", off.render(frame)),
        ("second-step-on", on.render(frame)),
        ("delete-account", DeleteAccount { email, problems: Problems::NONE }.render(frame)),
        ("delete-account-wrong", DeleteAccount { email, problems: unsure }.render(frame)),
        ("confirm-identity", ConfirmIdentity { email, next: opaque, problems: Problems::NONE }.render(frame)),
    ]
}

fn sessions(frame: &Frame<'_>, Words { opaque, .. }: Words<'_>) -> Vec<Sheet> {
    let phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) Version/18.5 Mobile Safari/604.1";
    let desk = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";
    let row = |user_agent, hours: i64, current| SessionRow {
        id: opaque,
        device: Device::of(user_agent),
        network: if opaque == CALM.opaque { "203.0.113.0/24" } else { opaque },
        signed_in_at: NOW - 90 * 3_600_000_000,
        last_used_at: NOW - hours * 3_600_000_000,
        current,
    };
    let rows = [row(desk, 0, true), row(phone, 5, false), row("", 74, false)];
    vec![
        ("sessions", Sessions { sessions: &rows, now: NOW, next_page: None }.render(frame)),
        ("sessions-one", Sessions { sessions: &rows[..1], now: NOW, next_page: Some(opaque) }.render(frame)),
    ]
}

fn rest(out: &Frame<'_>, inside: &Frame<'_>, words: Words<'_>) -> Vec<Sheet> {
    let Words { name, email, opaque } = words;
    let prove =
        Mail::ProveAddress { code: Some("402913"), link: "https://id.example.com/verify?token=x", hours: 24 };
    let written = mail::render(&prove, out.locale.texts(), out.branding);
    let calm = opaque == CALM.opaque;
    let links = if calm {
        vec!["https://id.example.com/verify?token=x".to_owned()]
    } else {
        vec![opaque.to_owned(), "javascript:alert(1)".to_owned()]
    };
    let codes = [if calm { "402913".to_owned() } else { opaque.to_owned() }];
    let message = MailboxMessage {
        to: email,
        subject: if calm { &written.subject } else { name },
        at: NOW,
        text: if calm { &written.text } else { opaque },
        links: &links,
        codes: &codes,
    };
    let resources = ["https://invoices.example.com/".to_owned()];
    let mut sheets = vec![
        ("landing", Landing.render(out)),
        ("landing-signed-in", Landing.render(inside)),
        ("sign-out", SignOut { return_to: opaque, request: opaque }.render(inside)),
        ("signed-out", SignedOut.render(out)),
        ("choose-account", ChooseAccount { id: opaque, account: opaque, app: name, email }.render(inside)),
        (
            "consent",
            Consent { id: opaque, account: opaque, app: name, email, scopes: &SCOPES, resources: &resources }
                .render(inside),
        ),
        (
            "apps",
            Apps {
                apps: &[AppRow {
                    id: opaque,
                    name,
                    scopes: SCOPES.to_vec(),
                    resources: &resources,
                    since: NOW,
                }],
            }
            .render(inside),
        ),
        ("apps-none", Apps { apps: &[] }.render(inside)),
        ("app-refused", AppRefused { description: opaque, leaving: true, signed_in: true }.render(out)),
        ("form-post", FormPost { action: "/callback", fields: &[("code", opaque.to_owned())] }.render(out)),
        ("mailbox", Mailbox { messages: &[message, message] }.render(out)),
        ("mailbox-empty", Mailbox { messages: &[] }.render(out)),
        ("docs", docs::render(&document(words), &[PROBLEM], out)),
    ];
    let names = [
        "error-link-expired",
        "error-too-many-tries",
        "error-not-found",
        "error-method-not-allowed",
        "error-forbidden",
        "error-misdirected",
        "error-unavailable",
        "error-uncertain",
        "error-too-large",
        "error-bad-request",
        "error-internal",
    ];
    sheets.extend(names.into_iter().zip(ErrorPage::ALL).map(|(name, page)| (name, page.render(out))));
    sheets
}

/// A small API whose every word is given.
fn document(Words { name, opaque, .. }: Words<'_>) -> serde_json::Value {
    json!({
        "openapi": "3.1.0",
        "info": { "title": name, "version": "0.1.0", "description": "Sign up and sign in from a program." },
        "tags": [{ "name": "accounts", "description": "Accounts and their addresses." }],
        "paths": {
            "/api/v1/sign-up": { "post": {
                "tags": ["accounts"],
                "summary": "Create an account",
                "description": name,
                "requestBody": { "content": { "application/json": {
                    "schema": { "$ref": "#/components/schemas/SignUp" }
                } } },
                "responses": {
                    "202": { "description": "A mail is on its way." },
                    "422": { "description": "A field is wrong.", "content": { "application/problem+json": {
                        "schema": { "$ref": "#/components/schemas/Problem" }
                    } } }
                }
            } },
            "/api/v1/accounts/{id}": { "get": {
                "summary": opaque,
                "deprecated": true,
                "parameters": [{ "name": "id", "in": "path", "required": true,
                    "schema": { "type": "string", "format": "uuid" }, "description": name }],
                "responses": { "200": { "description": name } }
            } }
        },
        "components": { "schemas": {
            "SignUp": { "type": "object", "required": ["email", "password"], "properties": {
                "email": { "type": "string", "format": "email", "description": "Where the proof goes." },
                "name": { "type": ["string", "null"], "description": name },
                "password": { "type": "string", "format": "password" }
            } },
            "Problem": { "type": "object", "properties": {
                "title": { "type": "string" },
                "status": { "type": "integer" },
                "errors": { "type": "array", "items": { "$ref": "#/components/schemas/FieldError" } }
            } },
            "FieldError": { "type": "object", "properties": {
                "pointer": { "type": "string", "description": "An RFC 6901 pointer." },
                "inner": { "$ref": "#/components/schemas/Problem" }
            } }
        } }
    })
}
