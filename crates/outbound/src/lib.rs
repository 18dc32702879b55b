//! Everything that leaves the house: HTTP through one guarded client, and mail by SMTP or Postmark.

pub mod egress;
mod mail;
mod postmark;
mod smtp;
mod smtp_message;
mod smtp_pool;
mod smtp_stream;

pub use egress::{EgressClient, EgressError, EgressRequest, EgressResponse, EgressSettings};
pub use mail::{Mail, SendError};
pub use postmark::{POSTMARK_URL, Postmark};
pub use smtp::{Smtp, SmtpSecurity, SmtpSettings, SmtpSettingsError};
