//! What must hold when things go wrong: races, crashes, outages, hostile clients, other nodes, spies.

mod crash;
mod credential;
mod disk;
mod hostile;
mod node;
mod outage;
mod race;
mod scene;
pub mod secrecy;
