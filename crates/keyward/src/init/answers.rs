//! What `keyward init` has to know: from options, or from the person who sits there.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};

use auth_service::admin::group_number;
use secrets::SecretString;

use super::secret_files::AUTH_SERVICE;
use super::{Init, MailSecurity};
use crate::{Failure, say};

/// The group of root.
const ROOT: u32 = 0;
/// The group of `nobody`, and what the kernel calls a group that it has no number for (`user_namespaces(7)`).
const UNKNOWN: u32 = 65534;

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
    /// The group whose members may give orders; the server's own, which has none, if nobody said.
    pub(super) group: u32,
    /// The folder for them: new or empty.
    pub(super) secrets: PathBuf,
}

/// How mail is sent.
pub(super) enum Mail {
    Smtp { host: String, port: u16, security: &'static str, user: Option<String> },
    Postmark,
}

impl Answers {
    /// From options, and from the person who sits there, who may try again where an option may not.
    pub(super) fn collect(init: Init, folder: &Path) -> Result<Self, Failure> {
        let a_person_is_there = std::io::stdin().is_terminal();
        let mut asked = Asked { a_person_is_there, missing: Vec::new(), wrong: Vec::new() };
        if a_person_is_there {
            say(format_args!("{} is written after the last answer. Ctrl-C stops.", folder.display()));
        }
        let domain =
            asked.wanted("--domain", init.domain, "Where do people sign in? (auth.example.com)", |name| {
                is_host_name(name).map(|()| name.to_owned())
            })?;
        let app_domain =
            asked.wanted("--app-domain", init.app_domain, "Where is the app? (app.example.com)", |name| {
                is_host_name(name)?;
                if domain.as_deref() == Some(name) {
                    return Err(
                        "people sign in there: each has its own cookies, and needs a name of its own".into(),
                    );
                }
                Ok(name.to_owned())
            })?;
        let contact = asked.wanted(
            "--contact",
            init.contact,
            "Whom may the certificate authority write to?",
            |address| can_stand_in_an_environment(is_address(address)?),
        )?;
        let mail_from =
            asked.wanted("--mail-from", init.mail_from, "Which address does mail come from?", |address| {
                is_address(address).map(str::to_owned)
            })?;
        let question = "Which server sends mail? (HOST:PORT, or postmark)";
        let mut mail =
            asked.wanted("--mail", init.mail, question, |server| mail_server(server, init.mail_security))?;
        if let Some(Mail::Smtp { user, .. }) = &mut mail {
            let question = "Which user does it know us as? (Enter for none)";
            *user = asked
                .or_else("--mail-user", init.mail_user, question, "", |user| Ok(user.to_owned()))?
                .filter(|user| !user.is_empty());
            if user.is_none() && init.mail_secret.is_some() {
                asked.refuse(
                    "--mail-secret is given, and --mail-user is not: a mail server asks for both; give the user, or leave \
                     the password out"
                        .to_owned(),
                )?;
            }
        }
        let mail_secret = match init.mail_secret.as_deref().map(read) {
            Some(secret) => asked.checked(secret)?,
            None => None,
        };
        let group = asked.checked(init.group.as_deref().map_or(Ok(AUTH_SERVICE), group))?;
        let front = is_network(&init.front).map_err(|why| format!("--front is {:?}: {why}", init.front));
        let front = asked.checked(front.map(|()| init.front))?;
        let beside = folder.join("secrets").display().to_string();
        let given = init.secrets.map(|path| path.display().to_string());
        let is_given = given.is_some();
        let question =
            format!("In which folder are secrets kept, outside of any repository? (Enter for {beside})");
        let secrets = match asked.or_else("--secrets", given, &question, &beside, is_place_for_secrets)? {
            None if !is_given => asked.checked(is_place_for_secrets(&beside))?,
            told => told,
        };
        let told = asked.told();
        let (
            Some(domain),
            Some(app_domain),
            Some(contact),
            Some(mail_from),
            Some(mail),
            Some(group),
            Some(front),
            Some(secrets),
            true,
        ) = (domain, app_domain, contact, mail_from, mail, group, front, secrets, told.is_none())
        else {
            return Err(told.unwrap_or_default().into());
        };
        Ok(Self {
            mail,
            mail_secret,
            domain,
            app_domain,
            contact,
            mail_from,
            front,
            local_certificates: init.local_certificates,
            group,
            secrets,
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

/// Who is asked, what nobody could answer, and which options cannot be used.
struct Asked {
    a_person_is_there: bool,
    missing: Vec<&'static str>,
    wrong: Vec<String>,
}

impl Asked {
    /// An option cannot be used. A person is told at once, before more is asked; a script, of all together.
    fn refuse(&mut self, why: String) -> Result<(), Failure> {
        if self.a_person_is_there {
            return Err(why.into());
        }
        self.wrong.push(why);
        Ok(())
    }

    /// The same of what was looked into. None if it cannot be used.
    fn checked<T>(&mut self, found: Result<T, String>) -> Result<Option<T>, Failure> {
        match found {
            Ok(known) => Ok(Some(known)),
            Err(why) => self.refuse(why).map(|()| None),
        }
    }

    /// All that keeps an installation from being made.
    fn told(mut self) -> Option<String> {
        if !self.missing.is_empty() {
            self.wrong.insert(0, format!("there is nobody to ask: give {}", self.missing.join(", ")));
        }
        (!self.wrong.is_empty()).then(|| self.wrong.join("\n         "))
    }

    /// What has to be known. None if nobody says it.
    fn wanted<T>(
        &mut self,
        option: &'static str,
        given: Option<String>,
        question: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, Failure> {
        let is_given = given.is_some();
        let known = self.or_else(option, given, question, "", read)?;
        if known.is_none() && !is_given {
            self.missing.push(option);
        }
        Ok(known)
    }

    /// What a person says, for whom an empty line means `usual`; what an option says; or none, where neither does.
    fn or_else<T>(
        &mut self,
        option: &'static str,
        given: Option<String>,
        question: &str,
        usual: &str,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, Failure> {
        if let Some(given) = given {
            let known = read(given.trim()).map_err(|why| format!("{option} is {given:?}: {why}"));
            return self.checked(known);
        }
        if !self.a_person_is_there {
            return Ok(None);
        }
        loop {
            let line = ask(question)?;
            match read(if line.is_empty() { usual } else { &line }) {
                Ok(known) => return Ok(Some(known)),
                Err(why) => say(format_args!("  That cannot be used: {why}.")),
            }
        }
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

fn is_address(address: &str) -> Result<&str, String> {
    domain::Email::parse(address).map(|_| address).map_err(|_| "it must be an e-mail address".to_owned())
}

/// Between the quotes of `.env`, where Compose reads everything as it stands.
fn can_stand_in_an_environment(text: &str) -> Result<String, String> {
    if text.chars().any(|character| character == '\'' || character.is_control()) {
        return Err("an apostrophe cannot stand in .env".to_owned());
    }
    Ok(text.to_owned())
}

/// A folder that is new or empty, that Compose can be told, and that is no working copy: what lies there is committed one day.
fn is_place_for_secrets(path: &str) -> Result<PathBuf, String> {
    let path = std::path::absolute(path).map_err(|error| error.to_string())?;
    let text = path.to_str().ok_or("its name must be in UTF-8")?;
    can_stand_in_an_environment(text)?;
    if text.contains(':') {
        return Err("a colon in its name divides what Compose mounts from where".to_owned());
    }
    super::folder::is_free(&path).map_err(|error| error.to_string())?;
    match path.ancestors().find(|folder| folder.join(".git").exists()) {
        Some(repository) => Err(format!(
            "{} is in the repository {}, where secrets get into its history: name a folder outside by --secrets",
            path.display(),
            repository.display()
        )),
        None => Ok(path),
    }
}

/// A name that a certificate can be for, in the form that DNS knows.
fn is_host_name(name: &str) -> Result<(), String> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    if name.len() > 253 || !name.contains('.') || !name.split('.').all(label) {
        let expected = "write a host name in small letters, without https:// and without a path, such as auth.example.com";
        return Err(expected.to_owned());
    }
    if name.split('.').all(|label| label.bytes().all(|byte| byte.is_ascii_digit())) {
        return Err("it is an address, and passkeys and cookies want a name".to_owned());
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

/// By its number, since containers do not know this host's names.
fn group(text: &str) -> Result<u32, String> {
    let number = group_number(text).ok_or_else(|| {
        format!("--group is {text:?}: there is no such group on this host: make it (groupadd --system {text}), or give its number")
    })?;
    let why = match number {
        ROOT => "root may give orders anyway, and the server is to have nothing of root's",
        UNKNOWN => "whoever is unknown has that number, in a container and on the host",
        _ => return Ok(number),
    };
    Err(format!(
        "--group is {text:?}, which is number {number}: {why}; name a group that is made for this, such as keyward"
    ))
}

fn mail_server(text: &str, security: Option<MailSecurity>) -> Result<Mail, String> {
    if text == "postmark" {
        return Ok(Mail::Postmark);
    }
    let wrong = || "write HOST:PORT, such as mail.example.com:587, or postmark".to_owned();
    let (host, port) = text.rsplit_once(':').ok_or_else(wrong)?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
    if host.is_empty() || !host.bytes().all(plain) {
        return Err(wrong());
    }
    let port = port.parse().map_err(|_| wrong())?;
    let security = match security {
        Some(MailSecurity::Tls) => "tls",
        None if port == 465 => "tls",
        Some(MailSecurity::StartTls) | None => "start_tls",
    };
    Ok(Mail::Smtp { host: host.to_owned(), port, security, user: None })
}

fn read(path: &Path) -> Result<SecretString, String> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("--mail-secret: {} cannot be read: {error}", path.display()))?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    if text.is_empty() {
        return Err(format!("--mail-secret: {} is empty", path.display()));
    }
    Ok(text.to_owned().into())
}
