//! What the use cases count, for whoever watches the server. Counts of this process, from its start on.

use std::sync::atomic::{AtomicU64, Ordering};

/// Something that is counted by kind. Its kinds are few, and known when it is built: each is a time series.
pub(crate) trait Kind: Copy + 'static {
    /// All there are, each at the place that [`index`](Self::index) says.
    const ALL: &'static [Self];

    /// Its place among them.
    fn index(self) -> usize;

    /// What it is called in metrics.
    fn label(self) -> &'static str;
}

/// A count for each kind.
#[derive(Debug)]
pub(crate) struct Counts<K>(Vec<AtomicU64>, std::marker::PhantomData<K>);

impl<K: Kind> Default for Counts<K> {
    fn default() -> Self {
        Self(K::ALL.iter().map(|_| AtomicU64::new(0)).collect(), std::marker::PhantomData)
    }
}

impl<K: Kind> Counts<K> {
    pub(crate) fn add(&self, kind: K) {
        self.0[kind.index()].fetch_add(1, Ordering::Relaxed);
    }

    /// Every kind with its count, none left out: a series that is not there yet cannot be told from one that is lost.
    pub(crate) fn read(&self) -> Vec<(&'static str, u64)> {
        let counts = K::ALL.iter().zip(&self.0);
        counts.map(|(kind, count)| (kind.label(), count.load(Ordering::Relaxed))).collect()
    }
}

/// What a session was opened by.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Opened {
    Password,
    SecondStep,
}

impl Kind for Opened {
    const ALL: &'static [Self] = &[Self::Password, Self::SecondStep];

    fn index(self) -> usize {
        self as usize
    }

    fn label(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::SecondStep => "second_step",
        }
    }
}

/// What tokens were issued for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Issued {
    AuthorizationCode,
    RefreshToken,
    ClientCredentials,
}

impl Kind for Issued {
    const ALL: &'static [Self] = &[Self::AuthorizationCode, Self::RefreshToken, Self::ClientCredentials];

    fn index(self) -> usize {
        self as usize
    }

    fn label(self) -> &'static str {
        match self {
            Self::AuthorizationCode => "authorization_code",
            Self::RefreshToken => "refresh_token",
            Self::ClientCredentials => "client_credentials",
        }
    }
}

/// What came of trying to send a mail.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sending {
    Sent,
    PutOff,
    Failed,
    Expired,
}

impl Kind for Sending {
    const ALL: &'static [Self] = &[Self::Sent, Self::PutOff, Self::Failed, Self::Expired];

    fn index(self) -> usize {
        self as usize
    }

    fn label(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::PutOff => "put_off",
            Self::Failed => "failed",
            Self::Expired => "expired",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limit::Budget;

    fn each_kind_has_its_own_place<K: Kind>() {
        let counts = Counts::<K>::default();
        for (times, kind) in K::ALL.iter().enumerate() {
            (0..=times).for_each(|_| counts.add(*kind));
        }
        let read = counts.read();
        let expected: Vec<_> = K::ALL.iter().map(|kind| kind.label()).zip(1_u64..).collect();
        assert_eq!(read, expected);
        let names: std::collections::BTreeSet<_> = read.iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), K::ALL.len(), "{names:?}");
    }

    #[test]
    fn kinds_are_counted_apart() {
        each_kind_has_its_own_place::<Opened>();
        each_kind_has_its_own_place::<Issued>();
        each_kind_has_its_own_place::<Sending>();
        each_kind_has_its_own_place::<Budget>();
    }
}
