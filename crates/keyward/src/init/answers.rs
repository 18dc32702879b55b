//! What `keyward init` has to know: from options, or from the person who sits there.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::Path;

use secrets::SecretString;

use super::{Init, MailSecurity};
use crate::Failure;

/// All of it, checked.
pub(super) struct Answers {
    pub(super) domain: String,
    pub(super) app_domain: String,
    pub(super) contact: String,
    pub(super) mail_from: String,
    pub(super) mail: Mail,
    /// The password at the mail server, or Postmark's token.
    pub(super) mail_secret: Option<SecretString>,
    pub(super) front: String,
    pub(super) local_certificates: bool,
}

/// How mail is sent.
pub(super) enum Mail {
    Smtp { host: String, port: u16, security: &'static str, user: Option<String> },
    Postmark,
}

impl Answers {
    pub(super) fn collect(init: Init) -> Result<Self, Failure> {
        let mut asked = Asked { a_person_is_there: std::io::stdin().is_terminal(), missing: Vec::new() };
        let domain = asked.wanted("--domain", init.domain, "Where do people sign in? (auth.example.com)")?;
        let app_domain =
            asked.wanted("--app-domain", init.app_domain, "Where is the app? (app.example.com)")?;
        let contact =
            asked.wanted("--contact", init.contact, "Whom may the certificate authority write to?")?;
        let mail_from = asked.wanted("--mail-from", init.mail_from, "Which address does mail come from?")?;
        let mail = asked.wanted("--mail", init.mail, "Which server sends mail? (HOST:PORT, or postmark)")?;
        asked.nothing_is_missing()?;
        for (option, name) in [("--domain", &domain), ("--app-domain", &app_domain)] {
            is_host_name(name).map_err(|why| format!("{option} is {name:?}: {why}"))?;
        }
        if domain == app_domain {
            return Err(
                "--domain and --app-domain are the same: each has its own cookies, and needs its own name"
                    .into(),
            );
        }
        for (option, address) in [("--contact", &contact), ("--mail-from", &mail_from)] {
            domain::Email::parse(address)
                .map_err(|_| format!("{option} is {address:?}: it must be an e-mail address"))?;
        }
        is_network(&init.front).map_err(|why| format!("--front is {:?}: {why}", init.front))?;
        Ok(Self {
            mail: mail_server(&mail, init.mail_security, init.mail_user)?,
            mail_secret: init.mail_secret.as_deref().map(read).transpose()?,
            domain,
            app_domain,
            contact,
            mail_from,
            front: init.front,
            local_certificates: init.local_certificates,
        })
    }

    /// The file that the secret of mail belongs in, if it wants one.
    pub(super) fn mail_secret_file(&self) -> Option<&'static str> {
        match &self.mail {
            Mail::Smtp { user: Some(_), .. } => Some("mail-password"),
            Mail::Smtp { user: None, .. } => None,
            Mail::Postmark => Some("postmark-token"),
        }
    }

    /// The same, if it is still to be written.
    pub(super) fn missing_mail_secret(&self) -> Option<&'static str> {
        self.mail_secret_file().filter(|_| self.mail_secret.is_none())
    }

    pub(super) fn what_is_missing(&self) -> &'static str {
        match self.mail {
            Mail::Smtp { .. } => "the password of the mail server",
            Mail::Postmark => "the token of Postmark",
        }
    }
}

/// Who is asked, and what nobody could answer.
struct Asked {
    a_person_is_there: bool,
    missing: Vec<&'static str>,
}

impl Asked {
    fn wanted(
        &mut self,
        option: &'static str,
        given: Option<String>,
        question: &str,
    ) -> Result<String, Failure> {
        match given {
            Some(given) => Ok(given.trim().to_owned()),
            None if self.a_person_is_there => ask(question),
            None => {
                self.missing.push(option);
                Ok(String::new())
            }
        }
    }

    fn nothing_is_missing(&self) -> Result<(), Failure> {
        if self.missing.is_empty() {
            return Ok(());
        }
        Err(format!("there is nobody to ask: give {}", self.missing.join(", ")).into())
    }
}

fn ask(question: &str) -> Result<String, Failure> {
    let mut terminal = std::io::stdout();
    write!(terminal, "{question} ")?;
    terminal.flush()?;
    let mut line = String::new();
    if std::io::stdin().lock().read_line(&mut line)? == 0 {
        return Err("the input ended before everything was said; nothing was written".into());
    }
    Ok(line.trim().to_owned())
}

/// A name that a certificate can be for, in the form that DNS knows.
fn is_host_name(name: &str) -> Result<(), &'static str> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    if name.len() > 253 || !name.contains('.') || !name.split('.').all(label) {
        return Err(
            "write a host name in small letters, without https:// and without a path, such as auth.example.com",
        );
    }
    if name.split('.').all(|label| label.bytes().all(|byte| byte.is_ascii_digit())) {
        return Err("it is an address, and passkeys and cookies want a name");
    }
    Ok(())
}

/// Three numbers of a private /24.
fn is_network(front: &str) -> Result<(), &'static str> {
    let address: std::net::Ipv4Addr =
        format!("{front}.0").parse().map_err(|_| "write three numbers, such as 172.30.10")?;
    if address.is_private() {
        Ok(())
    } else {
        Err("it must be of a private network (10, 172.16 to 172.31, 192.168)")
    }
}

fn mail_server(text: &str, security: MailSecurity, user: Option<String>) -> Result<Mail, Failure> {
    if text == "postmark" {
        return Ok(Mail::Postmark);
    }
    let wrong = || format!("--mail is {text:?}: write HOST:PORT, such as mail.example.com:587, or postmark");
    let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
    if host.is_empty() || !host.bytes().all(plain) {
        return Err(wrong().into());
    }
    let security = match security {
        MailSecurity::StartTls => "start_tls",
        MailSecurity::Tls => "tls",
    };
    Ok(Mail::Smtp { host: host.to_owned(), port: port.parse().map_err(|_| wrong())?, security, user })
}

fn read(path: &Path) -> Result<SecretString, Failure> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("--mail-secret: {} cannot be read: {error}", path.display()))?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    if text.is_empty() {
        return Err(format!("--mail-secret: {} is empty", path.display()).into());
    }
    Ok(text.to_owned().into())
}
