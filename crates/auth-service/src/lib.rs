//! The server's HTTP side: what it shows, and in which words.

pub mod branding;
pub mod locale;
pub mod views;
