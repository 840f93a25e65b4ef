//! Where a server will not listen, and what it says then.

use std::net::TcpListener;

use super::command::Place;
use crate::harness::Result;

#[tokio::test]
async fn dev_refuses_every_address_but_loopback() -> Result {
    for flags in [
        ["--listen", "0.0.0.0:0"],
        ["--listen", "[::]:0"],
        ["--listen", "192.0.2.1:6996"],
        ["--set", "http.listen=127.0.0.1:0,0.0.0.0:0"],
    ] {
        let place = Place::new()?;
        // with a public URL too: that is not what is missing
        let arguments = [&["serve", "--dev", "--set", "http.public_url=http://h:1"][..], &flags].concat();
        let said = place.run(&arguments).await?.refusal()?;
        assert!(said.contains("--dev") && said.contains("loopback"), "{flags:?}: {said}");
        assert_eq!(place.files()?, [""; 0], "{flags:?}");
    }
    Ok(())
}

#[tokio::test]
async fn dev_refuses_metrics_for_other_machines_too() -> Result {
    let place = Place::new()?;
    let metrics = ["--set", "http.metrics_listen=0.0.0.0:0"];
    let said = place.run(&[&["serve", "--dev", "--listen", "127.0.0.1:0"][..], &metrics].concat()).await?.refusal()?;
    assert!(said.contains("--dev") && said.contains("loopback"), "{said}");
    Ok(())
}

#[tokio::test]
async fn any_address_at_all_needs_a_public_url() -> Result {
    for address in ["0.0.0.0:0", "[::]:0"] {
        let place = Place::new()?;
        let said = place.run(&["serve", "--listen", address]).await?.refusal()?;
        assert!(said.contains("http.public_url") && said.contains(address), "{said}");
        assert_eq!(place.files()?, [""; 0]);
    }
    Ok(())
}

#[tokio::test]
async fn a_port_in_use_is_named() -> Result {
    let place = Place::new()?;
    let taken = TcpListener::bind("127.0.0.1:0")?;
    let address = taken.local_addr()?.to_string();
    let said = place.run(&["serve", "--listen", &address]).await?.refusal()?;
    assert!(said.contains(&format!("cannot listen: {address}")) && said.contains("in use"), "{said}");
    let metrics = format!("http.metrics_listen={address}");
    let said = place.run(&["serve", "--listen", "127.0.0.1:0", "--set", &metrics]).await?.refusal()?;
    assert!(said.contains(&address) && said.contains("in use"), "{said}");
    Ok(())
}

#[tokio::test]
async fn a_reason_is_told_once() -> Result {
    let place = Place::new()?;
    let taken = TcpListener::bind("127.0.0.1:0")?;
    let said = place.run(&["serve", "--listen", &taken.local_addr()?.to_string()]).await?.refusal()?;
    assert_eq!(said.matches("in use").count(), 1, "{said}");
    Ok(())
}

#[tokio::test]
async fn an_address_of_another_machine_is_named() -> Result {
    let place = Place::new()?;
    let said = place.run(&["serve", "--listen", "192.0.2.1:6996"]).await?.refusal()?;
    assert!(said.contains("cannot listen: 192.0.2.1:6996"), "{said}");
    Ok(())
}
