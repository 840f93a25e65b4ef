//! What must hold when things go wrong: races, crashes, outages, hostile clients, other nodes, spies.

mod clock;
mod crash;
mod credential;
mod disk;
mod galera;
mod hostile;
mod journal;
mod literal;
mod node;
mod outage;
mod race;
mod scene;
pub mod secrecy;
mod torn;
mod writer;
