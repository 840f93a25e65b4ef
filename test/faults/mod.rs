//! What must hold when things go wrong: races, crashes, outages, hostile clients, other nodes, spies.

mod scene;

mod race;
