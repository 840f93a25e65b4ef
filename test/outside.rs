//! What is outside the gateway: other people's tools, and the carrier that plays Twilio, held against each other.

mod bytes;
mod carrier;
mod codes;
pub mod contract;
pub mod contract_verify;
mod django;
mod django_two_factor;
mod fault;
mod prism;
mod python;
mod receiver;
mod schemathesis;
pub mod sdk;
mod sdk_callback;
mod sdk_conversation;
mod sdk_node;
mod sdk_proxy;
mod sdk_verify;
mod sdk_verify_limit;
mod sdk_verify_node;
mod twilio;
mod validator;
mod webhook;
mod witness;

use serde_json::Value;

use crate::harness::carrier::{ACCOUNT, TOKEN};
use crate::harness::{Carrier, Result};

const TO: &str = "+14155550100";
const FROM: &str = "+14155550199";

/// Asks a carrier to send; status and answer.
async fn send(http: &reqwest::Client, url: &str, form: &[(&str, &str)]) -> Result<(u16, Value)> {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let response = http.post(url).basic_auth(ACCOUNT, Some(TOKEN)).body(body).send().await?;
    Ok((response.status().as_u16(), response.json().await?))
}

/// What a carrier lists; its rules may forbid it.
async fn list(carrier: &Carrier, query: &str) -> Result<Value> {
    let url = format!("{}?{query}", carrier.messages_url());
    Ok(carrier.http.get(url).basic_auth(ACCOUNT, Some(TOKEN)).send().await?.json().await?)
}
