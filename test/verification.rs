//! Proving phones by codes: through every door, each code opens once, and nobody else's.

mod call;
mod codes;
mod codes_edge;
mod codes_setup;
mod whatsapp;
