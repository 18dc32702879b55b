//! The contract of the auth-service family, a route a module, every line of its table.

mod bodies;
mod cookies;
mod login;
mod logout;
mod signup;
mod table;
mod verify_2fa;
mod verify_token;
