//! The account at a glance, and its owner's name and language.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::{Deserialize, Serialize};

use crate::App;
use crate::http::asking::SignedIn;
use crate::http::failure::Failure;
use crate::locale::Locale;
use crate::pages::{Form, Reading, again, given_back, keep, kept, later, lead_with, own_frame, page};
use crate::views::{self, Field, Notice, Problem, Problems};

pub(crate) async fn show(State(app): State<App>, signed_in: SignedIn) -> Result<Response, Failure> {
    let sessions = app.auth.count_sessions(&signed_in.current).await?;
    let current = &signed_in.current;
    let apps = app.auth.apps(current.user).await?;
    let view = views::Account {
        apps: u32::try_from(apps.len()).unwrap_or(u32::MAX),
        name: &current.name,
        email: current.email.address(),
        language: current.locale.as_deref().and_then(Locale::from_tag),
        second_step: current.second_step,
        sessions,
    };
    Ok(page(view.render(&own_frame(&app, &signed_in, "/account"))))
}

pub(crate) async fn show_profile(State(app): State<App>, signed_in: SignedIn) -> Response {
    let (asking, current) = (&signed_in.asking, &signed_in.current);
    let typed: Option<ProfileForm> = kept(asking, "/account/profile");
    let (name, language) = match &typed {
        Some(typed) => (&typed.name, Some(typed.language.as_str())),
        None => (&current.name, current.locale.as_deref()),
    };
    let language = language.and_then(Locale::from_tag);
    let view = views::Profile { name, language, problems: Problems::NONE };
    given_back(&app, typed.as_ref(), page(view.render(&own_frame(&app, &signed_in, "/account/profile"))))
}

#[derive(Deserialize, Serialize)]
#[serde(default)]
#[derive(Default)]
pub(crate) struct ProfileForm {
    name: String,
    language: String,
}

pub(crate) async fn change_profile(
    State(app): State<App>,
    signed_in: Result<SignedIn, Failure>,
    Form(form): Form<ProfileForm>,
) -> Result<Response, Failure> {
    let signed_in = match signed_in {
        Ok(signed_in) => signed_in,
        Err(failure) => return Ok(keep(&app, failure, "/account/profile", &form)),
    };
    let mut reading = Reading::default();
    let name = reading.name(&form.name);
    let language = Locale::from_tag(&form.language);
    if language.is_none() && !form.language.is_empty() {
        reading.0.add(Field::Language, Problem::ChoiceUnknown);
    }
    let show_again = |status, problems| {
        let view = views::Profile { name: &form.name, language, problems };
        Ok(again(status, view.render(&own_frame(&app, &signed_in, "/account/profile"))))
    };
    let (Some(name), true) = (name, reading.0.is_empty()) else {
        return show_again(StatusCode::UNPROCESSABLE_ENTITY, reading.0);
    };
    let SignedIn { asking, current } = &signed_in;
    match app.auth.change_profile(current, &name, language.map(Locale::tag), &asking.context).await {
        Ok(()) => Ok(lead_with(&app, "/account", Notice::ProfileSaved)),
        Err(fault) => later(fault, show_again),
    }
}
