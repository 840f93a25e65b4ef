//! What must hold when things go wrong: crashes, outages, hostile clients, other nodes, spies.

mod crash;
mod hostile;
mod node;
mod outage;
mod secrecy;
