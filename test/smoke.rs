//! The shortest way through: a code on a socket, a phone, a device.

use crate::harness::{Heard, Phone, Result, Server, Socket, USER};
use crate::{harness::Layout, on_every_layout};

async fn a_phone_pairs(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let mut socket = Socket::of(&server, USER, None).await?;
    let sid = socket.code().await?;
    let key = Phone::new()?.pair(&server, USER, &sid).await?;
    assert_eq!(socket.hear().await?, Heard::Pause);
    assert_eq!(socket.hear().await?, Heard::Ack);
    assert_eq!(socket.hear().await?, Heard::Closed(1000));
    assert_eq!(server.fingerprints().await?, [key.fingerprint()]);
    Ok(())
}

on_every_layout!(a_phone_pairs);
