//! Everything that leaves the house: HTTP through one guarded client, and mail by SMTP or Postmark.

pub mod egress;
#[cfg(feature = "mail")]
mod mail;
#[cfg(feature = "mail")]
mod postmark;
#[cfg(feature = "mail")]
mod smtp;
#[cfg(feature = "mail")]
mod smtp_message;
#[cfg(feature = "mail")]
mod smtp_pool;
#[cfg(feature = "mail")]
mod smtp_stream;

pub use egress::{EgressClient, EgressError, EgressRequest, EgressResponse, EgressSettings};
#[cfg(feature = "mail")]
pub use mail::{Mail, SendError};
#[cfg(feature = "mail")]
pub use postmark::{POSTMARK_URL, Postmark};
#[cfg(feature = "mail")]
pub use smtp::{Smtp, SmtpSecurity, SmtpSettings, SmtpSettingsError};
#[cfg(feature = "mail")]
pub use smtp_message::is_mail_address;
