//! `keyward init`: a folder that `docker compose up` starts from.

mod answers;
mod folder;
mod secret_files;

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use crate::installation::quoted;
use crate::{Failure, say};
use answers::Answers;

/// Write an installation: compose.yml, the proxy's and the server's configuration, and newly made secrets.
///
/// Asks for what no option says, if a person sits there. Writes nothing over what is there: the folder has to be new or
/// empty. Run it as root, since the secrets of a service belong to that service's group.
#[derive(Args)]
pub(crate) struct Init {
    /// The folder to make
    #[arg(default_value = "/srv/keyward", value_name = "DIR")]
    folder: PathBuf,
    /// The host name at which people sign in: auth.example.com
    #[arg(long, value_name = "NAME")]
    domain: Option<String>,
    /// The host name of the example app: app.example.com
    #[arg(long, value_name = "NAME")]
    app_domain: Option<String>,
    /// Whom the certificate authority may write to
    #[arg(long, value_name = "ADDRESS")]
    contact: Option<String>,
    /// The address that mail comes from
    #[arg(long, value_name = "ADDRESS")]
    mail_from: Option<String>,
    /// How mail is sent: by a server, as HOST:PORT, or by `postmark`
    #[arg(long, value_name = "SERVER")]
    mail: Option<String>,
    /// How the mail server is spoken to; without it, by TLS at port 465 and by STARTTLS at any other
    #[arg(long, value_enum)]
    mail_security: Option<MailSecurity>,
    /// The user at the mail server, if it wants one
    #[arg(long, value_name = "NAME")]
    mail_user: Option<String>,
    /// A file with the password at the mail server, or the token of Postmark; it is copied
    #[arg(long, value_name = "FILE")]
    mail_secret: Option<PathBuf>,
    /// The folder for the secrets; `secrets` in the installation if left out
    #[arg(long, value_name = "DIR")]
    secrets: Option<PathBuf>,
    /// The group of this host whose members may give orders, beside root: its name or number
    #[arg(long, value_name = "GROUP")]
    group: Option<String>,
    /// The network of the proxy and the services, three numbers of a /24
    #[arg(long, default_value = "172.30.10", value_name = "A.B.C")]
    front: String,
    /// Certificates of Caddy's own authority, for a trial without public names
    #[arg(long)]
    local_certificates: bool,
}

/// How a mail server is spoken to.
#[derive(Clone, Copy, ValueEnum)]
enum MailSecurity {
    /// In clear text until both agree to encrypt.
    StartTls,
    /// By TLS from the first byte.
    Tls,
}

impl Init {
    #[expect(clippy::unused_async, reason = "a verb like the others")]
    pub(crate) async fn run(self) -> Result<(), Failure> {
        let folder = std::path::absolute(&self.folder)?;
        folder::is_free(&folder)?;
        secret_files::may_give_to_groups()?;
        let answers = Answers::collect(self, &folder)?;
        let secrets = &answers.secrets;
        let were_there = [secrets.exists(), folder.exists()];
        let written = secret_files::write(secrets, &answers).and_then(|()| folder::write(&folder, &answers));
        if let Err(error) = written {
            // Nobody is to start from half of it, and whoever tries again needs a folder that is free.
            for (made, was_there) in [secrets, &folder].into_iter().zip(were_there) {
                folder::take_back(made, was_there)?;
            }
            return Err(format!("{error}; what was made was taken back").into());
        }
        tell(&folder, &answers);
        Ok(())
    }
}

/// What was made, what is still missing of it, and the three commands that come next.
fn tell(folder: &Path, answers: &Answers) {
    let secrets = &answers.secrets;
    let shown = |path: &Path| quoted(&path.display().to_string());
    say(format_args!("Made {}. Its secrets are in {}:", shown(folder), shown(secrets)));
    say(
        "keep copies of auth-service/encryption and auth-service/audit elsewhere, and apart from the backups.",
    );
    if let Some(name) = answers.missing_mail_secret() {
        let file = secrets.join("auth-service").join(name);
        say(format_args!(
            "\nNo option gave {}, without which the server does not start. Type this, paste it, then Enter and Ctrl-D:",
            answers.what_is_missing()
        ));
        say(format_args!("  install -m 0440 -g 10001 /dev/stdin {}", shown(&file)));
    }
    say("\nNext:");
    say(format_args!("  cd {}", shown(folder)));
    say("  docker compose up -d --wait");
    let unknown = if answers.local_certificates { " --insecure" } else { "" };
    say(format_args!("  curl{unknown} https://{}/.well-known/openid-configuration", answers.domain));
}
