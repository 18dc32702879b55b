//! The routes, a module each as they lie in the router.

mod answers;
mod api;
mod bad_input;
mod contract;
mod documentation;
mod mailbox;
mod pages;
mod proxies;
mod trail;
