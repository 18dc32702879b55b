//! What is printed of a type that holds a code, a token or a link: its name.

/// Gives types a `Debug` that shows nothing of what they hold.
macro_rules! shows_its_name_only {
    ($($type:ident $(<$life:lifetime>)?),+ $(,)?) => {$(
        impl $(<$life>)? std::fmt::Debug for $type $(<$life>)? {
            fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str(stringify!($type))
            }
        }
    )+};
}
