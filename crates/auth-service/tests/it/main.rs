//! What the pages and mails must hold to, each rule over all of them.

mod catalogues;
mod gallery;
mod mails;
mod markup;
mod shape;
mod stylesheet;
