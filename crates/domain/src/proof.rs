//! What a person has proved in a session.

use std::fmt;

/// One kind of proof, under its registered name (RFC 8176 section 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The account's password: `pwd`.
    Password,
    /// A one-time code sent by mail: `otp`.
    Code,
}

/// The proofs of one session, in the order they were given: the `amr` of its tokens.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Proofs(Vec<Proof>);

impl Proofs {
    /// These proofs.
    pub fn new(proofs: impl IntoIterator<Item = Proof>) -> Self {
        Self(proofs.into_iter().collect())
    }

    /// The registered names; `mfa` joins them when there are two.
    pub fn names(&self) -> Vec<&'static str> {
        let mut names: Vec<_> = self.0.iter().map(|proof| proof.name()).collect();
        if names.len() > 1 {
            names.push("mfa");
        }
        names
    }

    /// Reads what [`Display`](fmt::Display) wrote; a name from a newer release is passed over.
    pub fn parse(text: &str) -> Self {
        Self(text.split(' ').filter_map(Proof::from_name).collect())
    }
}

impl Proof {
    fn name(self) -> &'static str {
        match self {
            Self::Password => "pwd",
            Self::Code => "otp",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        match name {
            "pwd" => Some(Self::Password),
            "otp" => Some(Self::Code),
            _ => None,
        }
    }
}

impl fmt::Display for Proofs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, proof) in self.0.iter().enumerate() {
            if position > 0 {
                f.write_str(" ")?;
            }
            f.write_str(proof.name())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proofs_are_read_as_they_were_written() {
        let both = Proofs::new([Proof::Password, Proof::Code]);
        assert_eq!(both.to_string(), "pwd otp");
        assert_eq!(Proofs::parse("pwd otp"), both);
        assert_eq!(both.names(), ["pwd", "otp", "mfa"]);
        assert_eq!(Proofs::parse("pwd newer").names(), ["pwd"]);
        assert_eq!(Proofs::parse(""), Proofs::default());
    }
}
