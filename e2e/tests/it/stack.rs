//! The production stack: compose.yml as it is, in a folder that `keyward init` wrote, on a real Docker daemon, with only the
//! images swapped (`deploy/testing`).

mod access_log;
mod addresses;
mod alone;
mod backup;
mod deploys;
mod docker;
mod files;
mod gate;
mod guide;
mod headers;
mod installation;
mod journey;
mod late;
mod mail_server;
mod no_slot;
mod openbao;
mod operators;
mod personal;
mod rises;
mod sight;
mod visitor;
