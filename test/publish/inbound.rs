//! A text that comes as an ordinary SMS: what the inbound worker calls, on a running server's store.

use switchboard::crypto::{EncryptedPayload, MasterKey};
use switchboard::model::{Clock, DurationSetting, Platform, Secret};
use switchboard::service::publish::{Metrics, Parts, PhoneTextPublisher, Settings, is_refused, sink};
use switchboard::store::lease::LeaseOwner;
use switchboard::store::meta;

use super::play::{SOON, Scene};
use super::sink::SECRET;
use crate::harness::{Layout, PHONE, Result, Server};
use crate::on_both_engines;

fn platform(scene: &Scene, letter: &str, name: &str) -> Result<Platform> {
    let told = serde_json::json!({"id": 1, "name": name, "letter": letter, "sink_url": scene.sink.url(),
        "sink_secret": SECRET});
    Ok(serde_json::from_value(told)?)
}

/// The service of another process over the same store and keys; its worker is the server's.
async fn service(server: &Server, platforms: Vec<Platform>) -> Result<PhoneTextPublisher> {
    let databases = &server.home().databases;
    let store = databases.store()?;
    let master = MasterKey::parse(&std::fs::read_to_string(server.builder().path("keys/master.key"))?)?;
    let text_key = meta::hash_key(&store, &master, "publication", 0).await?;
    let give_up_after = DurationSetting::from_millis(3_600_000);
    Ok(PhoneTextPublisher::new(Parts {
        settings: Settings { include_grant: false, give_up_after },
        refusal_delay: DurationSetting::from_millis(100),
        webhooks: sink::webhooks(DurationSetting::from_millis(5_000), &platforms)?,
        platforms,
        backend: databases.backend()?,
        store,
        master: master.into(),
        text_key,
        loopback: None,
        salt: Secret::default(),
        backend_key: Secret::default(),
        clock: Clock::default(),
        owner: LeaseOwner::generate(),
        metrics: Metrics::default(),
        tasks: tokio_util::task::TaskTracker::new(),
    })?)
}

async fn an_ordinary_sms_is_published_as_its_number_allows(layout: Layout) -> Result {
    let scene = Scene::set(layout).await?;
    let platforms = vec![platform(&scene, "g", "gmail")?, platform(&scene, "t", "twitter")?];
    let service = service(&scene.server, platforms).await?;
    let text = EncryptedPayload::seal(&scene.key, "t:by way of a carrier")?;
    for (from, named) in [(PHONE, Some("gmail")), ("+237999999999", None), ("12345", None)] {
        let refused = service.accept_inbound(from, named, &text).await;
        assert!(refused.as_ref().is_err_and(is_refused), "{from} {named:?}: {refused:?}");
    }
    for named in [Some("twitter"), None] {
        service.accept_inbound(PHONE, named, &text).await?;
    }
    // and the same text by HTTP is the same text
    assert_eq!(super::play::post(&scene.server, &text).await?.0, 200);
    scene.sink.await_heard(1, SOON).await?;
    scene.settle().await?;
    assert_eq!(scene.sink.texts()?, ["t:by way of a carrier"]);
    Ok(())
}

on_both_engines!(an_ordinary_sms_is_published_as_its_number_allows);
