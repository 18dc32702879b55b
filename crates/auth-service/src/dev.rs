//! The development mailbox, as a page and for a script. These routes exist in `keyward dev` only.

use axum::Router;
use axum::extract::State;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;

use crate::App;
use crate::http::asking::Asking;
use crate::http::failure::Failure;
use crate::mailbox::Mailbox;
use crate::pages::frame;
use crate::views;

pub(crate) fn router() -> Router<App> {
    Router::new().route("/dev/mailbox", get(show)).route("/dev/mailbox.json", get(list))
}

fn mailbox(app: &App) -> Result<&Mailbox, Failure> {
    app.mailbox.as_ref().ok_or(Failure::NotFound)
}

async fn show(State(app): State<App>, asking: Asking) -> Result<Html<String>, Failure> {
    let messages = mailbox(&app)?.messages();
    let shown: Vec<_> = messages
        .iter()
        .map(|message| views::MailboxMessage {
            to: &message.to,
            subject: &message.subject,
            at: message.at,
            text: &message.text,
            links: &message.links,
            codes: &message.codes,
        })
        .collect();
    Ok(Html(views::Mailbox { messages: &shown }.render(&frame(&app, &asking, "/dev/mailbox"))))
}

async fn list(State(app): State<App>) -> Result<Response, Failure> {
    Ok(axum::Json(mailbox(&app)?.messages()).into_response())
}
