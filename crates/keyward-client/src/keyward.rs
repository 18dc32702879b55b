//! The sign-in server, as an app sees it.

use std::collections::HashMap;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use oidc::Scopes;
use url::Url;

use crate::cookies::Cookies;
use crate::ended::Ended;
use crate::provider::Provider;
use crate::renewals::Renewals;
use crate::return_path::ReturnPath;
use crate::{CALLBACK_PATH, ClientAuthentication, Clock, InvalidSettings, Moment, Notice, Settings};

/// The sign-in server, and the sessions of an app. Cloning is cheap, and a clone is the same one: make one for an app.
#[derive(Clone)]
pub struct Keyward(Arc<Inner>);

pub struct Inner {
    pub(crate) provider: Arc<Provider>,
    pub(crate) cookies: Cookies,
    pub(crate) ended: Ended,
    pub(crate) renewals: Renewals,
    /// Attempts that were finished: each is finished once.
    pub(crate) finished: Mutex<HashMap<String, Moment>>,
    pub(crate) app_url: Url,
    pub(crate) redirect_uri: String,
    pub(crate) signed_out_url: String,
    pub(crate) after_sign_out: ReturnPath,
    pub(crate) scopes: Scopes,
    pub(crate) session_life: Duration,
    pub(crate) leeway: Duration,
    pub(crate) notice_page: fn(&Notice) -> String,
    pub(crate) clock: Clock,
    /// When this process began to hear of sign-outs.
    pub(crate) began_at: Moment,
}

impl Keyward {
    /// Checks the settings; asks nobody yet, so that an app starts whether or not the server does.
    pub fn new(mut settings: Settings) -> Result<Self, InvalidSettings> {
        settings.check()?;
        let cookies = Cookies::new(&settings)?;
        let authentication = std::mem::replace(&mut settings.authentication, ClientAuthentication::Public);
        let provider = Arc::new(Provider::new(&settings, authentication)?);
        let after_sign_out = ReturnPath::parse(&settings.after_sign_out, &settings.app_url);
        let after_sign_out = after_sign_out.ok_or(InvalidSettings::AfterSignOut)?;
        let at = |path: &str| format!("{}{path}", settings.app_url.origin().ascii_serialization());
        Ok(Self(Arc::new(Inner {
            cookies,
            ended: Ended::new(settings.clock.clone()),
            renewals: Renewals::new(provider.clone()),
            provider,
            finished: Mutex::default(),
            redirect_uri: at(CALLBACK_PATH),
            signed_out_url: at(after_sign_out.as_str()),
            after_sign_out,
            app_url: settings.app_url,
            scopes: settings.scopes,
            session_life: settings.session_life,
            leeway: settings.leeway,
            notice_page: settings.notice_page,
            began_at: settings.clock.now(),
            clock: settings.clock,
        })))
    }

    /// Where a person looks after the account.
    pub fn account_url(&self) -> String {
        format!("{}/account", self.provider.issuer.trim_end_matches('/'))
    }
}

impl Deref for Keyward {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl fmt::Debug for Keyward {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Keyward").field("issuer", &self.provider.issuer).finish_non_exhaustive()
    }
}
