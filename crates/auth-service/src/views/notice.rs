//! What was just done, said at the top of the next page.

/// A sentence that a redirect leaves to the page it leads to, in a cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The account exists and its address is proved.
    AddressProved,
    /// A new code is on its way.
    CodeSent,
    /// Name or language were saved.
    ProfileSaved,
    /// The password is a new one, set from within the account.
    PasswordChanged,
    /// The password is a new one, set by the way of a forgotten one.
    PasswordReset,
    /// The account has the new address.
    AddressChanged,
    /// One of the two ends of an address change is proved.
    AddressHalfProved,
    /// The change of the address was called off.
    AddressChangeCancelled,
    /// No change of the address is under way that could be called off.
    NoChangeUnderWay,
    /// Codes by mail are asked for from now on.
    SecondStepOn,
    /// Codes by mail are no longer asked for.
    SecondStepOff,
    /// One session was ended.
    SessionEnded,
    /// Every session but this one was ended.
    OtherSessionsEnded,
    /// An app may sign the person in no longer.
    AppWithdrawn,
    /// Somebody else has signed in in this browser since a page was shown.
    OtherAccount,
    /// A form was sent again whose work was done.
    AlreadyDone,
    /// The account is gone.
    AccountDeleted,
}

impl Notice {
    /// Every notice.
    pub const ALL: [Self; 17] = [
        Self::AddressProved,
        Self::CodeSent,
        Self::ProfileSaved,
        Self::PasswordChanged,
        Self::PasswordReset,
        Self::AddressChanged,
        Self::AddressHalfProved,
        Self::AddressChangeCancelled,
        Self::NoChangeUnderWay,
        Self::SecondStepOn,
        Self::SecondStepOff,
        Self::SessionEnded,
        Self::OtherSessionsEnded,
        Self::AppWithdrawn,
        Self::OtherAccount,
        Self::AlreadyDone,
        Self::AccountDeleted,
    ];

    /// The key of the sentence, which is also how the cookie writes the notice.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::AddressProved => "notice-address-proved",
            Self::CodeSent => "notice-code-sent",
            Self::ProfileSaved => "notice-profile-saved",
            Self::PasswordChanged => "notice-password-changed",
            Self::PasswordReset => "notice-password-reset",
            Self::AddressChanged => "notice-address-changed",
            Self::AddressHalfProved => "notice-address-half-proved",
            Self::AddressChangeCancelled => "notice-address-change-cancelled",
            Self::NoChangeUnderWay => "notice-no-change-under-way",
            Self::SecondStepOn => "notice-second-step-on",
            Self::SecondStepOff => "notice-second-step-off",
            Self::SessionEnded => "notice-session-ended",
            Self::OtherSessionsEnded => "notice-other-sessions-ended",
            Self::AppWithdrawn => "notice-app-withdrawn",
            Self::OtherAccount => "notice-other-account",
            Self::AlreadyDone => "notice-already-done",
            Self::AccountDeleted => "notice-account-deleted",
        }
    }

    /// The notice that the cookie tells of.
    pub fn from_tag(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|notice| notice.tag() == tag)
    }
}
