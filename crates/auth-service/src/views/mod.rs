//! What a person sees: plain data in, HTML or mail out. No HTTP, no store, no clock.
//!
//! Every page is a struct with `render(&self, &Frame) -> String`; the forms it holds are described at the struct.

#[macro_use]
mod page;

mod account;
mod account_email;
mod account_security;
pub mod assets;
mod authorize;
mod brand;
mod check_box;
mod device;
pub mod docs;
mod errors;
mod field;
mod frame;
mod input;
mod landing;
pub mod mail;
mod mailbox;
mod moment;
mod notice;
mod problem;
mod reset;
mod sessions;
mod sign_in;
mod sign_out;
mod sign_up;
mod verify;

pub use account::{Account, Profile};
pub use account_email::{ChangeEmail, ConfirmEmail, PendingEmail};
pub use account_security::{ChangePassword, ConfirmIdentity, DeleteAccount, SecondStep};
pub use authorize::{AppRefused, AppRow, Apps, ChooseAccount, Consent, FormPost};
pub use brand::brand_stylesheet;
pub(crate) use brand::{SURFACE_DARK, SURFACE_LIGHT};
pub use device::Device;
pub use errors::ErrorPage;
pub use field::Field;
pub use frame::Frame;
pub(crate) use frame::with_return;
pub use landing::Landing;
pub use mailbox::{Mailbox, MailboxMessage};
pub use notice::Notice;
pub use problem::{Problem, Problems};
pub use reset::{Reset, ResetCode, ResetNew};
pub use sessions::{SessionRow, Sessions};
pub use sign_in::{SignIn, SignInCode};
pub use sign_out::{SignOut, SignedOut};
pub use sign_up::SignUp;
pub use verify::{CheckMail, ProveElsewhere, ProveHere};

#[cfg(test)]
mod tests;
