//! Every way to spell an address that must not be called.

use proptest::prelude::*;

use super::*;

fn allow(list: &[&str]) -> Result<PrivateAddressExceptions, String> {
    PrivateAddressExceptions::parse(&list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>())
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn only_public_addresses_are_called() -> Result<(), Box<dyn std::error::Error>> {
    let none = PrivateAddressExceptions::default();
    for closed in [
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.0.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.1.1.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "::127.0.0.1",
        "fc00::1",
        "fd12::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
        "100::1",
        "64:ff9b::10.0.0.1",
        "64:ff9b:1::8.8.8.8",
        "2001::1",
        "2001:1ff::1",
        "2001:db8::1",
        "2002:7f00:1::1",
        "3fff::1",
        "5f00::1",
    ] {
        assert!(!none.permits(closed.parse()?), "{closed}");
    }
    for open in [
        "1.1.1.1",
        "8.8.8.8",
        "11.0.0.1",
        "100.63.255.255",
        "100.128.0.1",
        "172.15.0.1",
        "172.32.0.1",
        "192.0.1.1",
        "198.17.0.1",
        "223.255.255.255",
        "2606:4700::1111",
        "2a00:1450:4001::200e",
        "2001:200::1",
        "64:ff9b::8.8.8.8",
    ] {
        assert!(none.permits(open.parse()?), "{open}");
    }
    Ok(())
}

#[test]
fn a_url_is_judged_by_what_it_spells() {
    let none = PrivateAddressExceptions::default();
    for good in
        ["https://hooks.example.com/a?b=c", "http://8.8.8.8:8080/", "https://[2606:4700::1111]/", "HTTPS://EXAMPLE.com"]
    {
        assert!(none.check_url(good).is_ok(), "{good}");
    }
    for private in [
        "http://127.0.0.1/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://[::1]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]:80/",
        "http://localhost/",
        "http://LOCALHOST./",
        "http://a.localhost/",
        "http://printer.local/",
        "http://metadata.google.internal/",
        "http://169.254.169.254/latest",
        "http://10.0.0.1./",
        "http://１２７.0.0.1/",
    ] {
        let found = none.check_url(private);
        assert!(matches!(found, Err(BadWebhookUrl::Private(_) | BadWebhookUrl::NotWeb(_))), "{private}: {found:?}");
    }
    for (bad, expected) in [
        ("ftp://example.com/", BadWebhookUrl::NotWeb(NotAWebUrl::Scheme("ftp".into()))),
        ("file:///etc/passwd", BadWebhookUrl::NotWeb(NotAWebUrl::Scheme("file".into()))),
        ("https://user@example.com/", BadWebhookUrl::Login),
        ("https://:secret@example.com/", BadWebhookUrl::Login),
        ("example.com", BadWebhookUrl::NotWeb(NotAWebUrl::Relative)),
        ("https://", BadWebhookUrl::NotWeb(NotAWebUrl::Host(url::ParseError::EmptyHost))),
        (&format!("https://example.com/{}", "x".repeat(2048)), BadWebhookUrl::NotWeb(NotAWebUrl::Long(2068))),
    ] {
        assert_eq!(none.check_url(bad), Err(expected), "{bad}");
    }
}

#[test]
fn a_callback_may_bring_a_login_but_leads_to_public_hosts_all_the_same() {
    let none = PrivateAddressExceptions::default();
    for good in ["https://user:secret@example.com/told?x=1", "http://user@example.com/", "https://example.com/"] {
        assert!(none.check_callback(good).is_ok(), "{good}");
    }
    for private in ["https://user:secret@127.0.0.1/", "https://example.com:x@localhost/", "http://a:b@10.0.0.1/"] {
        let found = none.check_callback(private);
        assert!(matches!(&found, Err(bad @ BadWebhookUrl::Private(_)) if !bad.to_string().contains('@')), "{found:?}");
    }
}

#[test]
fn what_is_named_is_allowed() -> Result<(), Box<dyn std::error::Error>> {
    let allow = allow(&["10.1.0.0/16", "127.0.0.1", "fd00::/8", "Hooks.Internal."])?;
    for good in [
        "http://10.1.2.3/",
        "http://127.0.0.1:9/",
        "http://[fd00::1]/",
        "http://[::ffff:10.1.2.3]/",
        "http://hooks.internal/",
    ] {
        assert!(allow.check_url(good).is_ok(), "{good}");
    }
    for bad in ["http://10.2.0.1/", "http://127.0.0.2/", "http://x.hooks.internal/", "http://localhost/"] {
        assert!(matches!(allow.check_url(bad), Err(BadWebhookUrl::Private(_))), "{bad}");
    }
    assert!(
        PrivateAddressExceptions::parse(&["10.0.0.0/33".into()]).is_err()
            && PrivateAddressExceptions::parse(&[String::new()]).is_err()
    );
    Ok(())
}

proptest! {
    #[test]
    fn no_spelling_of_an_address_gets_through(bits in any::<u32>(), text in "\\PC{0,40}") {
        let _ = PrivateAddressExceptions::default().check_url(&text);
        let _ = PrivateAddressExceptions::default().check_url(&format!("http://{text}/"));
        let address = Ipv4Addr::from_bits(bits);
        let is_permitted = PrivateAddressExceptions::default().permits(address.into());
        for url in [format!("http://{bits}/"), format!("http://0x{bits:x}/"), format!("http://0{bits:o}/")] {
            prop_assert_eq!(PrivateAddressExceptions::default().check_url(&url).is_ok(), is_permitted);
        }
        let mapped = format!("http://[{}]/", address.to_ipv6_mapped());
        prop_assert!(PrivateAddressExceptions::default().check_url(&mapped).is_err());
    }
}
