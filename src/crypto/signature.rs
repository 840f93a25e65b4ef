//! Signatures of webhooks: those that Twilio sends us, and those that we send.

pub mod twilio;
pub mod webhook;

pub use webhook::WebhookSecret;
