//! A person with an account, and what they do with it.

use thirtyfour::error::WebDriverResult;

use crate::browser::Browser;
use crate::mailbox::Mail;
use crate::service::Service;

/// Who signs up and in.
pub(crate) struct Person {
    pub(crate) name: &'static str,
    pub(crate) email: &'static str,
    pub(crate) password: &'static str,
}

/// The person of these tests.
pub(crate) const ADA: Person = Person {
    name: "Ada Lovelace",
    email: "ada+engine@example.com",
    password: "note G computes Bernoulli numbers",
};

impl Person {
    /// From the sign-up page to "check your mail"; the mail that came.
    pub(crate) async fn signs_up(&self, browser: &Browser, service: &Service) -> Mail {
        service
            .mailbox
            .after(self.email, async {
                browser
                    .fill(&[("name", self.name), ("email", self.email), ("password", self.password)])
                    .await;
                browser.tick("second_step").await;
                browser.submit("/sign-up").await;
                browser.arrives_at(&[&service.page("/verify")]).await;
            })
            .await
    }

    /// From the sign-in page, by the password, to the page of the second step; the mail that came.
    pub(crate) async fn gives_the_password(&self, browser: &Browser, service: &Service) -> Mail {
        service
            .mailbox
            .after(self.email, async {
                browser.fill(&[("email", self.email), ("password", self.password)]).await;
                browser.submit("/sign-in").await;
                browser.arrives_at(&[&service.page("/sign-in/code")]).await;
            })
            .await
    }

    /// From the sign-in page through both steps.
    pub(crate) async fn signs_in(&self, browser: &Browser, service: &Service) {
        let mail = self.gives_the_password(browser, service).await;
        browser.fill(&[("code", mail.code())]).await;
        browser.submit("/sign-in/code").await;
    }
}

impl Browser {
    /// The HTTP status of the page that is shown; needs scripts.
    pub(crate) async fn status(&self) -> u16 {
        let script = "return performance.getEntriesByType('navigation')[0].responseStatus";
        let status: WebDriverResult<u16> =
            async { self.driver.execute(script, Vec::new()).await?.convert() }.await;
        status.unwrap()
    }
}
