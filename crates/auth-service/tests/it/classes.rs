//! Classes of bugs that other sign-in systems shipped, each closed by a test over the whole class. The number is the
//! class's in `docs/reference/security.md`.

mod class_01_redirect_uri;
mod class_02_open_redirect;
mod class_02_sign_out_by_app;
mod class_03_poisoned_links;
mod class_05_refresh_reuse;
mod class_06_gone;
mod class_07_forged_tokens;
mod class_08_cross_use;
mod class_09_fixation;
mod class_11_skipped_steps;
mod class_12_lockout;
mod class_13_enumeration;
mod class_14_foreign_object;
mod class_14_of_apps;
mod class_15_public_routes;
mod class_16_pkce;
mod class_17_narrowed_client;
mod class_17_scope_and_audience;
mod class_18_addresses_of_apps;
mod class_20_escaping;
mod class_21_exhaustion;
pub(crate) mod class_24_everywhere;
mod class_24_log;
mod class_24_secrets;
pub(crate) mod class_24_server;
pub(crate) mod inventory;
mod origin;
mod spellings;
