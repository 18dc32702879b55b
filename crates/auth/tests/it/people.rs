//! What people type, read, and sit in front of.

use std::net::IpAddr;

use auth::{Context, Evidence, Message, SignUp};
use domain::{ArtefactId, DisplayName, Email, Network, Password};

/// A mail, as its reader sees it.
#[derive(Debug)]
pub(crate) struct Letter(pub(crate) Message);

impl Letter {
    pub(crate) fn code(&self) -> String {
        match &self.0 {
            Message::ProveAddress { code: Some(code), .. }
            | Message::SignInCode { code, .. }
            | Message::ResetPassword { code, .. }
            | Message::ChangeAddressOld { code, .. }
            | Message::ChangeAddressNew { code, .. } => code.clone(),
            other => panic!("no code in {other:?}"),
        }
    }

    /// The secret of its link, if it has a link.
    pub(crate) fn token(&self) -> Option<String> {
        let (Message::ProveAddress { link, .. }
        | Message::ResetPassword { link, .. }
        | Message::ChangeAddressOld { link, .. }
        | Message::ChangeAddressNew { link, .. }) = &self.0
        else {
            return None;
        };
        let (_, token) = link.split_once("?token=").unwrap();
        Some(token.split('&').next().unwrap().to_owned())
    }

    pub(crate) fn link(&self) -> Evidence {
        Evidence::Link { token: self.token().unwrap() }
    }
}

pub(crate) fn email(name: &str) -> Email {
    Email::parse(&format!("{name}@example.com")).unwrap()
}

pub(crate) fn password(secret: &str) -> Password {
    Password::parse(secret).unwrap()
}

pub(crate) fn code(id: ArtefactId, code: &str) -> Evidence {
    Evidence::Code { id, code: code.to_owned() }
}

/// A code that this is not.
pub(crate) fn wrong(code: &str) -> String {
    let number: u32 = code.parse().unwrap();
    format!("{:06}", (number + 1) % 1_000_000)
}

pub(crate) fn form(name: &str, secret: &str) -> SignUp {
    SignUp {
        email: email(name),
        password: password(secret),
        name: DisplayName::parse(&format!("Name of {name}")).unwrap(),
        second_step: false,
        return_to: None,
        takes_code: true,
    }
}

/// The browser with this number, on a network of its own.
pub(crate) fn browser(number: u8) -> Context {
    Context {
        network: Network::of(IpAddr::from([203, 0, number, 1])),
        device: format!("browser {number}"),
        support_id: "support".to_owned(),
        browser: Some([number; 32]),
        new_browser: None,
        locale: "en".to_owned(),
        once: None,
    }
}
