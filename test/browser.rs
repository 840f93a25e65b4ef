//! What a person and their shell see: the pairing page in Chromium, QR codes read back by zbar,
//! the handshake script.

mod code;
mod docs;
mod look;
mod loss;
mod page;
mod route;
mod script;
mod tls;
mod tool;
mod view;
mod webdriver;
