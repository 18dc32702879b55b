//! Every page: a picture in each view, and nothing that keeps people out.

use crate::browser::{Browser, Scripts};
use crate::person::ADA;
use crate::service::Service;
use crate::tools::Tools;

/// One browser going through one server's pages.
struct Gallery {
    tools: Tools,
    service: Service,
    browser: Browser,
}

#[tokio::test]
async fn every_page_is_accessible() {
    let Some(tools) = Tools::find() else { return };
    let data = tempfile::tempdir().unwrap();
    let service = Service::start(&data).await;
    let browser = Browser::start(&tools, Scripts::On).await;
    let gallery = Gallery { tools, service, browser };
    gallery.entrance().await;
    gallery.proof().await;
    gallery.second_step().await;
    gallery.account().await;
    gallery.around().await;
    gallery.sign_out().await;
    gallery.reset().await;
    gallery.too_many_tries().await;
    gallery.browser.quit().await;
    gallery.service.stop().await;
}

impl Gallery {
    async fn shows(&self, page: &str, path: &str, status: u16) {
        self.browser.open(&self.service.page(path)).await;
        self.is(page, status).await;
    }

    async fn is(&self, page: &str, status: u16) {
        assert_eq!(self.browser.status().await, status, "{page}: {}", self.browser.text().await);
        self.browser.inspect(&self.tools, page).await;
    }

    async fn entrance(&self) {
        self.shows("landing", "/", 200).await;
        self.shows("sign-in", "/sign-in", 200).await;
        self.browser.press("form[action='/language'] button[value='de']").await;
        assert!(self.browser.has("html[lang=de]").await);
        self.is("sign-in-german", 200).await;
        self.browser.press("form[action='/language'] button[value='en']").await;
        self.browser.fill(&[("email", "nobody@example.com"), ("password", "not the password at all")]).await;
        self.browser.submit("/sign-in").await;
        self.is("sign-in-error", 401).await;
        self.shows("sign-up", "/sign-up", 200).await;
        self.browser.fill(&[("email", "ada@"), ("password", "short")]).await;
        self.browser.submit("/sign-up").await;
        self.is("sign-up-error", 422).await;
        assert!(self.browser.has("main [name=email][aria-invalid=true]").await, "the field is named");
    }

    async fn proof(&self) {
        self.browser.open(&self.service.page("/sign-up")).await;
        let mail = ADA.signs_up(&self.browser, &self.service).await;
        self.is("check-mail", 200).await;
        self.browser.fill(&[("code", wrong(mail.code()))]).await;
        self.browser.submit("/verify").await;
        self.is("check-mail-error", 401).await;
        let link = mail.link("/verify");
        self.browser.open(&link).await;
        self.is("verify-here", 200).await;
        // In a browser that does not know of the sign-up, its password is asked.
        self.browser.driver.delete_all_cookies().await.unwrap();
        self.browser.open(&link).await;
        self.is("verify-elsewhere", 200).await;
        self.browser.fill(&[("password", ADA.password)]).await;
        self.browser.submit("/verify").await;
        self.browser.arrives_at(&[&self.service.page("/sign-in")]).await;
        self.browser.open(&link).await;
        self.is("link-used-here", 200).await;
        self.browser.driver.delete_all_cookies().await.unwrap();
        self.browser.open(&link).await;
        self.is("link-used", 410).await;
    }

    async fn second_step(&self) {
        self.browser.open(&self.service.app_page("/protected")).await;
        let mail = ADA.gives_the_password(&self.browser, &self.service).await;
        self.is("sign-in-code", 200).await;
        self.browser.fill(&[("code", wrong(mail.code()))]).await;
        self.browser.submit("/sign-in/code").await;
        self.is("sign-in-code-error", 401).await;
        self.browser.fill(&[("code", mail.code())]).await;
        self.browser.submit("/sign-in/code").await;
        self.browser.arrives_at(&[&self.service.app_page("/protected")]).await;
        self.is("app-protected", 200).await;
    }

    async fn account(&self) {
        for (page, path) in [
            ("account", "/account"),
            ("account-profile", "/account/profile"),
            ("account-email", "/account/email"),
            ("account-password", "/account/password"),
            ("account-second-step", "/account/second-step"),
            ("account-sessions", "/account/sessions"),
            ("account-delete", "/account/delete"),
            ("account-confirm", "/account/confirm?next=/account/password"),
        ] {
            self.shows(page, path, 200).await;
        }
        self.browser.open(&self.service.page("/account/password")).await;
        self.browser.fill(&[("current_password", "not the password"), ("new_password", "short")]).await;
        self.browser.submit("/account/password").await;
        self.is("account-password-error", 422).await;
    }

    async fn around(&self) {
        self.shows("not-found", "/nowhere", 404).await;
        self.shows("docs", "/docs", 200).await;
        self.shows("mailbox", "/dev/mailbox", 200).await;
    }

    async fn sign_out(&self) {
        self.shows("sign-out", "/sign-out", 200).await;
        self.browser.submit("/sign-out").await;
        self.is("signed-out", 200).await;
    }

    async fn reset(&self) {
        self.shows("reset", "/reset", 200).await;
        let send = async {
            self.browser.fill(&[("email", ADA.email)]).await;
            self.browser.submit("/reset").await;
            self.browser.arrives_at(&[&self.service.page("/reset/code")]).await;
        };
        let mail = self.service.mailbox.after(ADA.email, send).await;
        self.is("reset-code", 200).await;
        let code_page = self.browser.address().await;
        self.browser.open(&mail.link("/reset")).await;
        self.is("reset-new", 200).await;
        self.browser.open(&code_page).await;
        self.browser.fill(&[("code", wrong(mail.code())), ("new_password", ADA.password)]).await;
        self.browser.submit("/reset/code").await;
        self.is("reset-code-error", 401).await;
    }

    async fn too_many_tries(&self) {
        self.browser.open(&self.service.page("/sign-in")).await;
        for _ in 0..10 {
            self.browser.fill(&[("email", "stranger@example.com"), ("password", "a guess among many")]).await;
            self.browser.submit("/sign-in").await;
        }
        self.browser.open(&self.service.page("/sign-in")).await;
        self.browser.fill(&[("email", "stranger@example.com"), ("password", "a guess too many")]).await;
        self.browser.submit("/sign-in").await;
        self.is("too-many-tries", 429).await;
    }
}

/// A code that is not this one.
fn wrong(code: &str) -> &'static str {
    if code == "000000" { "111111" } else { "000000" }
}
