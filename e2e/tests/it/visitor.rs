//! A person at the server's pages by plain HTTP: cookies, redirects and forms, without a browser.

use std::collections::BTreeMap;

use reqwest::header::{CONTENT_TYPE, COOKIE, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Response};
use url::{Url, form_urlencoded};

use crate::mailbox::Mail;
use crate::person::Person;
use crate::service::Service;

/// As many pages and redirects as a visit may take.
const STEPS: usize = 20;

const FORM: &str = "application/x-www-form-urlencoded";

/// Somebody with a jar of the server's cookies.
pub(crate) struct Visitor<'a> {
    person: &'a Person,
    service: &'a Service,
    http: Client,
    cookies: BTreeMap<String, String>,
    /// What came at the last step that sends mail.
    mail: Option<Mail>,
}

impl<'a> Visitor<'a> {
    /// Somebody who has an account from now on.
    pub(crate) async fn sign_up(person: &'a Person, service: &'a Service) -> Self {
        let http = Client::builder().redirect(Policy::none()).no_proxy().build().unwrap();
        let mut visitor = Self { person, service, http, cookies: BTreeMap::new(), mail: None };
        let end = visitor.visit(service.page("/sign-up"), &service.page("/account")).await;
        assert_eq!(end, service.page("/account"), "signed up, proved and signed in");
        visitor
    }

    /// Goes to a page and does what each page asks, until the server leads to a page that begins with `end`.
    pub(crate) async fn visit(&mut self, url: Url, end: &Url) -> Url {
        let mut here = url;
        let mut answer = self.send(self.http.get(here.clone())).await;
        for _ in 0..STEPS {
            if let Some(location) = answer.headers().get(LOCATION) {
                here = here.join(location.to_str().unwrap()).unwrap();
                if here.as_str().starts_with(end.as_str()) {
                    return here;
                }
                answer = self.send(self.http.get(here.clone())).await;
                continue;
            }
            let status = answer.status();
            let page = answer.text().await.unwrap();
            let Some((action, fields)) = self.fill_in(&page) else {
                panic!("{here} answers {status}, and there is nothing to do on it:\n{page}");
            };
            here = here.join(action).unwrap();
            let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
            let form = self.http.post(here.clone()).header(CONTENT_TYPE, FORM).body(body);
            // These two send mail, whose code the next page asks for.
            if matches!(action, "/sign-up" | "/sign-in") {
                let (service, email) = (self.service, self.person.email);
                let mut sent = None;
                let mail = service.mailbox.after(email, async { sent = Some(self.send(form).await) }).await;
                self.mail = Some(mail);
                answer = sent.unwrap();
            } else {
                answer = self.send(form).await;
            }
        }
        panic!("after {STEPS} steps still at {here}");
    }

    /// The first form on the page that this person knows, with all its fields.
    fn fill_in(&self, page: &str) -> Option<(&'static str, Vec<(String, String)>)> {
        let code = || self.mail.as_ref().map_or("", |mail| mail.code());
        let known: [(&str, Vec<(&str, &str)>); 7] = [
            (
                "/sign-up",
                vec![
                    ("name", self.person.name),
                    ("email", self.person.email),
                    ("password", self.person.password),
                    ("second_step", "on"),
                ],
            ),
            ("/verify", vec![("code", code())]),
            ("/sign-in", vec![("email", self.person.email), ("password", self.person.password)]),
            ("/sign-in/code", vec![("code", code())]),
            ("/authorize/account", vec![("choice", "continue")]),
            ("/authorize/consent", vec![("choice", "allow")]),
            ("/sign-out", vec![]),
        ];
        known.into_iter().find_map(|(action, own)| {
            let start = page.find(&format!("<form method=\"post\" action=\"{action}\""))?;
            let form = &page[start..];
            let form = &form[..form.find("</form>")?];
            let own = own.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned()));
            Some((action, hidden_fields(form).chain(own).collect()))
        })
    }

    async fn send(&mut self, request: RequestBuilder) -> Response {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let origin = self.service.auth.origin().ascii_serialization();
        let request = request.header(COOKIE, cookies.join("; ")).header(ORIGIN, origin);
        let answer = request.send().await.unwrap();
        for cookie in answer.headers().get_all(SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            // The server's pages take a cookie back by an empty value.
            self.cookies.insert(name.to_owned(), value.to_owned());
            self.cookies.retain(|_, value| !value.is_empty());
        }
        answer
    }
}

fn hidden_fields(form: &str) -> impl Iterator<Item = (String, String)> {
    form.split("<input type=\"hidden\"").skip(1).map(|input| {
        let attribute = |name: &str| {
            let start = input.find(&format!(" {name}=\"")).unwrap() + name.len() + 3;
            let value = &input[start..];
            unescape(&value[..value.find('"').unwrap()])
        };
        (attribute("name"), attribute("value"))
    })
}

/// The references that the templates write (Askama escapes by number).
fn unescape(text: &str) -> String {
    [("&#34;", "\""), ("&#39;", "'"), ("&#60;", "<"), ("&#62;", ">"), ("&#38;", "&")]
        .into_iter()
        .fold(text.to_owned(), |text, (reference, character)| text.replace(reference, character))
}
