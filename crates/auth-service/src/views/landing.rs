//! The front door.

/// `/`: what this is, and the ways in.
#[derive(Clone, Debug, Default)]
pub struct Landing;

page!(Landing, "landing.html");
