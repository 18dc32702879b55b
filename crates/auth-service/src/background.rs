//! What goes on beside requests: mail is sent, the audit trail sealed, what has expired cleaned away. Each stops when it
//! is told to, having finished what it holds.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use auth::{Auth, Delivery, Message};
use domain::MessageId;
use outbound::{EgressClient, Mail, Postmark, SendError, Smtp};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::branding::Branding;
use crate::locale::Locale;
use crate::mailbox::{self, Mailbox};
use crate::views::{self, Device};

/// Says what went wrong beside requests. That the database is lost is said by the store, in one line; what is tried again until it is
/// there would only drown that.
macro_rules! told {
    ($error:expr, $message:literal $(, $($field:tt)+)?) => {
        if $error.is_loss() {
            tracing::debug!($($($field)+,)? error = %$error, $message);
        } else {
            tracing::error!($($($field)+,)? error = %$error, $message);
        }
    };
}

mod held;
mod notify;

use held::Held;

/// How mail leaves.
#[derive(Debug)]
pub enum Transport {
    /// It does not: it is kept for the person at this machine to read.
    Mailbox(Mailbox),
    /// By a mail server.
    Smtp(Smtp),
    /// By Postmark.
    Postmark(Postmark),
}

/// Who mail comes from.
#[derive(Clone, Debug)]
pub struct Sender {
    /// The address.
    pub address: String,
    /// The name.
    pub name: String,
}

/// Mails sent at once: a server that is slow for one recipient keeps nobody else's code waiting.
const AT_ONCE: usize = 5;
/// How long a mail to nobody takes until one to somebody has been sent, and it is known how long that takes.
const FIRST_SEND: Duration = Duration::from_millis(50);
/// After being told to stop, mails on their way have so long to arrive. One that is cut is let go of: another process, or the
/// next start, sends it.
const LAST_SENDS: Duration = Duration::from_secs(3);
/// With nothing to do, look again after so long: for what another process left behind.
const IDLE: Duration = Duration::from_secs(30);
/// An entry of the audit trail that a command wrote is sealed, and a key that it exchanged is known, after so long.
const AFTER_COMMAND: Duration = Duration::from_millis(500);
/// Where many act at once, what they wrote meanwhile is sealed together.
const BETWEEN_SEALS: Duration = Duration::from_millis(50);
/// After a fault, try again after so long.
const AFTER_FAULT: Duration = Duration::from_secs(1);
/// Between two rounds of cleaning.
const CLEANING: Duration = Duration::from_mins(1);
/// A round of cleaning that removed so many rows is followed by another at once.
const MANY: u64 = 200;

/// Starts everything. Awaiting the set after `stop` says so waits for all of it to end.
pub fn start(
    auth: &Arc<Auth>,
    transport: impl Into<Arc<Transport>>,
    sender: Sender,
    branding: &Branding,
    egress: Option<EgressClient>,
    stop: &watch::Receiver<bool>,
) -> JoinSet<()> {
    let mut work = JoinSet::new();
    let mailer = Mailer {
        auth: auth.clone(),
        transport: transport.into(),
        sender,
        branding: branding.clone(),
        last_send: Mutex::new(FIRST_SEND),
    };
    work.spawn(Arc::new(mailer).run(stop.clone()));
    work.spawn(seal(auth.clone(), stop.clone()));
    work.spawn(keep_keys(auth.clone(), stop.clone()));
    work.spawn(keep_encryption(auth.clone(), stop.clone()));
    if let Some(egress) = egress {
        work.spawn(notify::run(auth.clone(), egress, stop.clone()));
    }
    work.spawn(clean(auth.clone(), stop.clone()));
    work.spawn(hear(auth.clone(), stop.clone()));
    work
}

/// Waits for `wait`, or until it is time to stop; says whether it is.
async fn stopping(stop: &mut watch::Receiver<bool>, wait: impl Future<Output = ()>) -> bool {
    tokio::select! {
        _ = stop.wait_for(|stop| *stop) => true,
        () = wait => false,
    }
}

async fn seal(auth: Arc<Auth>, mut stop: watch::Receiver<bool>) {
    let trail = auth.audit_trail();
    loop {
        let (wait, is_done) = match trail.seal().await {
            Ok(0) => (AFTER_COMMAND, true),
            Ok(_) => (BETWEEN_SEALS, false),
            Err(error) => {
                told!(error, "the audit trail could not be sealed; it will be tried again");
                (AFTER_FAULT, true)
            }
        };
        let idle = async {
            if is_done {
                drop(tokio::time::timeout(wait, auth.audit_waiting()).await);
            } else {
                tokio::time::sleep(wait).await;
            }
        };
        if stopping(&mut stop, idle).await {
            return;
        }
    }
}

/// Seals everything that was done: for when nobody does anything any more.
pub async fn seal_to_the_end(auth: &Auth) {
    let trail = auth.audit_trail();
    loop {
        match trail.seal().await {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) => {
                told!(
                    error,
                    "the audit trail could not be sealed to its end; it is sealed at the next start"
                );
                return;
            }
        }
    }
}

/// Exchanges keys whose time has come, and hears of those that another process or an operator exchanged.
async fn keep_keys(auth: Arc<Auth>, mut stop: watch::Receiver<bool>) {
    loop {
        // At once: a server that was off may find a key whose time has long come.
        if let Err(error) = auth.keys().keep(&auth.settings().limits, auth.now()).await {
            told!(error, "the signing keys could not be looked after; it will be tried again");
        }
        // At once where it is heard that keys were given up: until it is read which sign now, what is signed is worth nothing.
        let wait = async { drop(tokio::time::timeout(AFTER_COMMAND, auth.keys().given_up()).await) };
        if stopping(&mut stop, wait).await {
            return;
        }
    }
}

/// Lets another key seal once everybody opens by it, and seals anew what older ones have sealed.
async fn keep_encryption(auth: Arc<Auth>, mut stop: watch::Receiver<bool>) {
    let keyring = auth.keyring();
    loop {
        let kept = Box::pin(auth.keep_encryption(|| *stop.borrow())).await;
        let wait = kept.unwrap_or_else(|error| {
            told!(error, "the keys that seal could not be looked after; it will be tried again");
            AFTER_FAULT
        });
        let wait = async { drop(tokio::time::timeout(wait, keyring.changed().notified()).await) };
        if stopping(&mut stop, wait).await {
            return;
        }
    }
}

/// Hears of what other processes end, for as long as anybody is served.
async fn hear(auth: Arc<Auth>, mut stop: watch::Receiver<bool>) {
    // It is large, and every task that waits here would be.
    stopping(&mut stop, Box::pin(auth.hear())).await;
}

async fn clean(auth: Arc<Auth>, mut stop: watch::Receiver<bool>) {
    loop {
        match auth.clean_until(|| *stop.borrow()).await {
            Ok(gone) if gone >= MANY && !*stop.borrow() => {}
            Ok(_) => {
                if stopping(&mut stop, tokio::time::sleep(CLEANING)).await {
                    return;
                }
            }
            Err(error) => {
                told!(error, "what has expired could not be cleaned away; it will be tried again");
                if stopping(&mut stop, tokio::time::sleep(CLEANING)).await {
                    return;
                }
            }
        }
    }
}

struct Mailer {
    auth: Arc<Auth>,
    transport: Arc<Transport>,
    sender: Sender,
    branding: Branding,
    /// How long the last mail took to be sent, or to be found not to be.
    last_send: Mutex<Duration>,
}

impl Mailer {
    async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        if let Err(error) = self.auth.release_mail().await {
            told!(
                error,
                "mails that were cut short wait for five minutes, since the outbox could not be written"
            );
        }
        let mut sending = Held::default();
        loop {
            let wait = match self.take(&mut sending).await {
                Ok(()) if sending.len() >= AT_ONCE => IDLE,
                Ok(()) => self.auth.next_mail().await.ok().flatten().map_or(IDLE, |due| due.min(IDLE)),
                Err(error) => {
                    told!(error, "the outbox could not be read; it will be tried again");
                    AFTER_FAULT
                }
            };
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => break,
                Some(()) = sending.next() => {}
                _ = tokio::time::timeout(wait, self.auth.mail_waiting()) => {}
            }
        }
        let cut = sending.end().await;
        if !cut.is_empty()
            && let Err(error) = self.auth.let_go_of_mail(&cut).await
        {
            told!(
                error,
                "mails that the stop cut wait for five minutes, since the outbox could not be written"
            );
        }
    }

    /// Takes as many mails as can be sent now, and no more: one that is taken waits for nobody else's.
    async fn take(self: &Arc<Self>, sending: &mut Held<(MessageId, i64)>) -> Result<(), auth::Fault> {
        let free = AT_ONCE.saturating_sub(sending.len());
        if free == 0 {
            return Ok(());
        }
        for delivery in self.auth.take_mail(i64::try_from(free).unwrap_or_default()).await? {
            let mailer = self.clone();
            sending.spawn((delivery.id, delivery.attempts), async move { mailer.deliver(&delivery).await });
        }
        Ok(())
    }

    /// Sends a mail, and writes down what came of it. If that cannot be written, the mail is tried again when its claim
    /// has run out: rather twice than never.
    async fn deliver(&self, delivery: &Delivery) {
        if let Err(error) = self.try_to_deliver(delivery).await {
            told!(error, "what came of a mail could not be written down", message_id = %delivery.id);
        }
    }

    async fn try_to_deliver(&self, delivery: &Delivery) -> Result<(), auth::Fault> {
        // It may have waited behind others.
        if delivery.expires_at <= self.auth.now() {
            return self.auth.expired(delivery.id).await;
        }
        match self.send(delivery).await {
            Ok(()) => self.auth.delivered(delivery).await,
            Err(SendError::Permanent(error)) => {
                tracing::error!(message_id = %delivery.id, error, "a mail was refused for good and is given up");
                self.auth.give_up(delivery.id, &error).await
            }
            Err(SendError::Temporary(error)) => {
                let next = self.auth.put_off(delivery, &error).await?;
                let next = next.map_or_else(|| "never".to_owned(), |wait| format!("in {} s", wait.as_secs()));
                tracing::warn!(message_id = %delivery.id, error, next, "a mail could not be sent");
                Ok(())
            }
        }
    }

    async fn send(&self, delivery: &Delivery) -> Result<(), SendError> {
        let locale = Locale::from_tag(&delivery.mail.locale).unwrap_or_default();
        let rendered = self.render(&delivery.mail.message, locale);
        let to = &delivery.mail.to;
        if let Transport::Mailbox(mailbox) = &*self.transport {
            let message = mailbox::Message::new(to, self.auth.now().micros(), rendered);
            if !delivery.decoy {
                mailbox.put(message);
            }
            return Ok(());
        }
        let domain = self.sender.address.rsplit_once('@').map_or("localhost", |(_, domain)| domain);
        let mail = Mail {
            from_name: self.sender.name.clone(),
            from_address: self.sender.address.clone(),
            to: to.clone(),
            subject: rendered.subject,
            text: rendered.text,
            html: rendered.html,
            // The same at each try, so that a mail sent twice is shown once.
            message_id: format!("<{}@{domain}>", delivery.id),
            // Nobody's out-of-office answer is wanted (RFC 3834 section 5).
            headers: vec![("Auto-Submitted".to_owned(), "auto-generated".to_owned())],
        };
        if delivery.decoy {
            // What is written after it must come when it would come after a mail.
            let last = *self.last_send.lock().unwrap_or_else(PoisonError::into_inner);
            tokio::time::sleep(last).await;
            return Ok(());
        }
        let begun = self.auth.now();
        let sent = match &*self.transport {
            Transport::Mailbox(_) => Ok(()),
            Transport::Smtp(smtp) => smtp.send(&mail).await,
            Transport::Postmark(postmark) => postmark.send(&mail).await,
        };
        *self.last_send.lock().unwrap_or_else(PoisonError::into_inner) = self.auth.now().since(begun);
        sent
    }

    fn render(&self, message: &Message, locale: Locale) -> views::mail::Rendered {
        let texts = locale.texts();
        let page =
            |path: &str| self.auth.settings().public_url.join(path).map(String::from).unwrap_or_default();
        let (sign_in, reset) = (page("/sign-in"), page("/reset"));
        let small = |number: &u64| u32::try_from(*number).unwrap_or(u32::MAX);
        let device_words;
        let mail = match message {
            Message::ProveAddress { code, link, hours } => {
                views::mail::Mail::ProveAddress { code: code.as_deref(), link, hours: small(hours) }
            }
            Message::AlreadyRegistered => {
                views::mail::Mail::AlreadyRegistered { sign_in_link: &sign_in, reset_link: &reset }
            }
            Message::SignInCode { code, minutes, device, network } => {
                device_words = Device::from_stored(device).text(texts);
                views::mail::Mail::SignInCode {
                    code,
                    minutes: small(minutes),
                    device: &device_words,
                    network,
                }
            }
            Message::ResetPassword { code, link, minutes } => {
                views::mail::Mail::ResetPassword { code, link, minutes: small(minutes) }
            }
            Message::ChangeAddressOld { new_address, code, link, minutes } => {
                views::mail::Mail::ChangeAddressOld { new_address, code, link, minutes: small(minutes) }
            }
            Message::ChangeAddressNew { code, link, minutes } => {
                views::mail::Mail::ChangeAddressNew { code, link, minutes: small(minutes) }
            }
            Message::AddressChanged { old, new } => views::mail::Mail::AddressChanged { old, new },
            Message::PasswordChanged { at } => views::mail::Mail::PasswordChanged { at: at.micros() },
            Message::SecondStepChanged { on } => views::mail::Mail::SecondStepChanged { on: *on },
            Message::AccountDeleted => views::mail::Mail::AccountDeleted,
            Message::AccountDisabled => views::mail::Mail::AccountDisabled,
            Message::AccountEnabled => views::mail::Mail::AccountEnabled,
            Message::SessionsEnded => views::mail::Mail::SessionsEnded,
        };
        views::mail::render(&mail, texts, &self.branding)
    }
}
