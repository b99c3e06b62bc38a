//! The HTTP interface over real sockets, with a node that lives in memory: routes, who may ask, hostile clients, events.

mod client;
mod document;
mod event;
mod guard;
mod hostile;
mod node;
mod route;
