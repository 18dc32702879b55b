//! The fields that our forms have.

/// A field of a form: its name on the wire, its id on the page, how a browser may fill it in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// `name`: how the person wants to be called.
    Name,
    /// `email`: the address that signs in.
    Email,
    /// `email`: the address that an account shall have in place of its own.
    NewEmail,
    /// `password`: the password one has, or at sign-up the one to be.
    Password,
    /// `current_password`.
    CurrentPassword,
    /// `new_password`.
    NewPassword,
    /// `second_step`: whether a code is asked for by mail.
    SecondStep,
    /// `code`: six digits out of a mail.
    Code,
    /// `code` out of the mail to the old address, next to `side=old`.
    CodeOld,
    /// `code` out of the mail to the new address, next to `side=new`.
    CodeNew,
    /// `language`.
    Language,
    /// `confirm`: the box that says "yes, really".
    Confirm,
}

impl Field {
    /// The name that the form sends.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Email | Self::NewEmail => "email",
            Self::Password => "password",
            Self::CurrentPassword => "current_password",
            Self::NewPassword => "new_password",
            Self::SecondStep => "second_step",
            Self::Code | Self::CodeOld | Self::CodeNew => "code",
            Self::Language => "language",
            Self::Confirm => "confirm",
        }
    }

    /// The id of the element, which the summary of errors links to.
    pub const fn id(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Email => "email",
            Self::NewEmail => "new-email",
            Self::Password => "password",
            Self::CurrentPassword => "current-password",
            Self::NewPassword => "new-password",
            Self::SecondStep => "second-step",
            Self::Code => "code",
            Self::CodeOld => "code-old",
            Self::CodeNew => "code-new",
            Self::Language => "language",
            Self::Confirm => "confirm",
        }
    }
}
