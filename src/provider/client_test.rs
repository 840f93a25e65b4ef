//! What reqwest and hyper say of a failure, held against what truly happened.

use std::time::Instant;

use http::header::{HeaderMap, RETRY_AFTER};
use tokio::net::TcpListener;

use super::pause::LONGEST_PAUSE;
use super::*;
use crate::provider::mock::{Act, Mock, Result, client, install_tls, reply, settings};

async fn call(url: &str) -> Result<std::result::Result<ProviderAnswer, RequestFailure>> {
    let host = client(&settings(url)?)?.host(&url.parse()?);
    Ok(host.call(host.request(Method::POST, "/x").body("y")).await)
}

#[tokio::test]
async fn before_the_request_is_written_nothing_was_sent() -> Result {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let closed = listener.local_addr()?;
    drop(listener);
    // it speaks, but not TLS
    let plain = Mock::start(vec![Act::SayAndClose("HTTP/1.1 400 Bad\r\n\r\n".into())]).await?;
    for url in [
        format!("http://{closed}"),
        format!("https://{closed}"),
        "http://nobody.invalid".into(),
        plain.url.replace("http:", "https:"),
    ] {
        let found = call(&url).await?.err();
        assert!(matches!(found, Some(RequestFailure::NotSent(_))), "{url}: {found:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_slow_handshake_is_not_a_slow_answer() -> Result {
    // it takes the connection and never answers the TLS hello
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("https://{}", listener.local_addr()?);
    let started = Instant::now();
    assert!(matches!(call(&url).await?.err(), Some(RequestFailure::NotSent(_))));
    assert!(started.elapsed() < Duration::from_millis(1_400), "connect_timeout did it: {:?}", started.elapsed());
    let silent = Mock::start(vec![Act::Hang]).await?;
    assert!(matches!(call(&silent.url).await?.err(), Some(RequestFailure::NoAnswer(_))));
    Ok(())
}

#[tokio::test]
async fn a_certificate_of_nobody_is_refused_before_anything_is_sent() -> Result {
    install_tls();
    let rsa = openssl::rsa::Rsa::generate(2048)?;
    let key = openssl::pkey::PKey::from_rsa(rsa)?;
    let mut name = openssl::x509::X509Name::builder()?;
    name.append_entry_by_text("CN", "localhost")?;
    let name = name.build();
    let mut certificate = openssl::x509::X509::builder()?;
    certificate.set_version(2)?;
    certificate.set_subject_name(&name)?;
    certificate.set_issuer_name(&name)?;
    certificate.set_pubkey(&key)?;
    certificate.set_not_before(openssl::asn1::Asn1Time::days_from_now(0)?.as_ref())?;
    certificate.set_not_after(openssl::asn1::Asn1Time::days_from_now(1)?.as_ref())?;
    certificate.sign(&key, openssl::hash::MessageDigest::sha256())?;
    let chain = vec![tokio_rustls::rustls::pki_types::CertificateDer::from(certificate.build().to_der()?)];
    let key = tokio_rustls::rustls::pki_types::PrivateKeyDer::try_from(key.private_key_to_pkcs8()?)?;
    let config = tokio_rustls::rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key)?;
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("https://localhost:{}", listener.local_addr()?.port());
    let server = tokio::spawn(async move {
        let Ok((stream, _)) = listener.accept().await else { return true };
        acceptor.accept(stream).await.is_ok()
    });
    assert!(matches!(call(&url).await?.err(), Some(RequestFailure::NotSent(_))));
    assert!(!server.await?, "the handshake must not succeed");
    Ok(())
}

#[tokio::test]
async fn what_may_be_sent_once_is_not_written_after_its_time() -> Result {
    let ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let mock = Mock::start(vec![Act::Say(ok.into())]).await?;
    let host = client(&settings(&mock.url)?)?.host(&mock.url.parse()?);
    let send = async |until| host.send(host.request(Method::POST, "/x").body("y=1"), until).await;
    let now = Instant::now();
    assert_eq!(send(now).await.err(), Some(RequestFailure::Late));
    let bare = host.send(host.request(Method::POST, "/x"), now + Duration::from_secs(60)).await.err();
    assert!(matches!(bare, Some(RequestFailure::NotSent(_))), "{bare:?}");
    assert_eq!(mock.asked(), Vec::<String>::new());
    let answer = send(now + Duration::from_secs(60)).await.map_err(|failure| format!("{failure:?}"))?;
    assert_eq!(answer.body, "ok");
    let asked = mock.asked().concat().to_ascii_lowercase();
    assert!(asked.contains("content-length: 3\r\n") && asked.ends_with("\r\n\r\ny=1"), "{asked}");
    Ok(())
}

#[tokio::test]
async fn what_waited_beyond_its_time_is_not_written() -> Result {
    let mock = Mock::start(vec![Act::Hang]).await?;
    let settings = Settings { connections_per_host: 1, ..settings(&mock.url)? };
    let host = client(&settings)?.host(&mock.url.parse()?);
    let holder = host.clone();
    let held = tokio::spawn(async move { holder.call(holder.request(Method::GET, "/x")).await.is_ok() });
    while mock.asked().is_empty() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let until = Instant::now() + Duration::from_millis(50);
    let let_go = async {
        tokio::time::sleep(Duration::from_millis(150)).await;
        held.abort();
    };
    let (late, ()) = tokio::join!(host.send(host.request(Method::POST, "/x").body("y=1"), until), let_go);
    assert_eq!(late.err(), Some(RequestFailure::Late));
    assert_eq!(mock.asked().len(), 1);
    Ok(())
}

#[tokio::test]
async fn what_is_only_a_head_is_begun_while_there_is_time_to_connect() -> Result {
    let mock = Mock::start(vec![reply("200 OK", "", "ok")]).await?;
    let settings = settings(&mock.url)?;
    let host = client(&settings)?.host(&mock.url.parse()?);
    let send = async |until| host.send_head(host.request(Method::GET, "/x?y=1"), until).await;
    let enough = Duration::from_secs(60);
    for late in [Instant::now(), Instant::now() + settings.connect_timeout.as_duration() / 2] {
        assert_eq!(send(late).await.err(), Some(RequestFailure::Late));
    }
    assert_eq!(mock.asked(), Vec::<String>::new());
    let answer = send(Instant::now() + enough).await.map_err(|failure| format!("{failure:?}"))?;
    assert_eq!(answer.body, "ok");
    assert!(mock.asked()[0].starts_with("GET /x?y=1 HTTP/1.1\r\n"), "{:?}", mock.asked());
    Ok(())
}

#[tokio::test]
async fn a_connection_that_died_in_the_pool_costs_nothing() -> Result {
    let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    // the second closes right behind its answer, which says keep-alive
    let mock = Mock::start(vec![Act::Say(answer.into()), Act::SayAndClose(answer.into())]).await?;
    let host = client(&settings(&mock.url)?)?.host(&mock.url.parse()?);
    for expected_connections in [1, 1, 2, 3] {
        let answer = host.call(host.request(Method::POST, "/x").body("y")).await;
        assert_eq!(answer.ok().map(|answer| answer.body), Some(Bytes::from_static(b"ok")));
        assert_eq!(mock.connections(), expected_connections);
        // long enough for the close to arrive: at the same moment as a request, it is uncertain
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(mock.asked().len(), 4);
    Ok(())
}

#[tokio::test]
async fn a_host_is_not_flooded() -> Result {
    let mock = Mock::start(vec![Act::Hang]).await?;
    let settings = Settings { connections_per_host: 2, ..settings(&mock.url)? };
    let client = client(&settings)?;
    let calls = (0..4).map(|_| {
        let host = client.host(&settings.twilio_base_url);
        async move { host.call(host.request(Method::GET, "/x")).await.is_ok() }
    });
    // all four at once: two of them wait
    let calls = tokio::time::timeout(Duration::from_millis(300), futures_util::future::join_all(calls));
    assert!(calls.await.is_err());
    assert_eq!((mock.connections(), mock.asked().len()), (2, 2));
    Ok(())
}

#[tokio::test]
async fn the_wait_for_a_connection_is_part_of_the_call() -> Result {
    let mock = Mock::start(vec![Act::Hang]).await?;
    let settings = Settings { connections_per_host: 1, ..settings(&mock.url)? };
    let timeout = settings.timeout.as_duration();
    let client = client(&settings)?;
    let host = client.host(&settings.twilio_base_url);
    let call = async || {
        let begun = Instant::now();
        (host.call(host.request(Method::GET, "/x")).await.err(), begun.elapsed())
    };
    let late = async || {
        tokio::time::sleep(timeout * 2 / 3).await;
        call().await
    };
    let (first, second, third) = tokio::join!(call(), call(), late());
    assert!(matches!(first.0, Some(RequestFailure::NoAnswer(_))), "{first:?}");
    assert_eq!(second.0, Some(RequestFailure::Busy));
    // it waits for the first, and then has what is left
    assert!(matches!(third.0, Some(RequestFailure::NoAnswer(_))), "{third:?}");
    assert!([first.1, second.1, third.1].iter().all(|took| *took < timeout * 5 / 4), "{first:?} {second:?} {third:?}");
    assert_eq!(mock.asked().len(), 2);
    Ok(())
}

#[tokio::test]
async fn an_answer_too_long_is_not_read() -> Result {
    let mock = Mock::start(vec![reply("200 OK", "", &"x".repeat(ANSWER_LIMIT + 1))]).await?;
    let answer = call(&mock.url).await?.map_err(|failure| format!("{failure:?}"))?;
    assert!(answer.status.is_success() && answer.body.is_empty());
    Ok(())
}

#[test]
fn pauses_are_seconds_or_a_date_in_any_form() -> Result {
    let now = OffsetDateTime::from_unix_timestamp(784_111_740)?;
    let of = |text: &str| -> Result<Option<u64>> {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, text.parse()?)]);
        Ok(retry_after(&headers, now).map(|pause| pause.as_secs()))
    };
    for (text, expected) in [
        ("120", Some(120)),
        ("Sun, 06 Nov 1994 08:49:37 GMT", Some(37)),
        ("Sun, 06 Nov 1994 08:48:37 GMT", Some(0)),
        ("Sun, 06 Nov 1994 08:49:37 +0000", Some(37)),
        // RFC 850, asctime
        ("Sunday, 06-Nov-94 08:49:37 GMT", Some(37)),
        ("Sun Nov  6 08:49:37 1994", Some(37)),
        ("Sun Nov  6 08:48:37 1994", Some(0)),
        ("Sat, 06 Nov 2094 08:49:37 GMT", Some(LONGEST_PAUSE)),
        ("999999999", Some(LONGEST_PAUSE)),
        ("99999999999999999999999999", Some(LONGEST_PAUSE)),
        (" 7 ", Some(7)),
        ("0", Some(0)),
        ("7.0", Some(7)),
        ("7.", Some(7)),
        ("1.5", Some(2)),
        (".25", Some(1)),
        ("0.0", Some(0)),
        ("soon", None),
        ("-1", None),
        ("-1.5", None),
        ("+7", None),
        ("1e3", None),
        ("7s", None),
        ("1.5.2", None),
        ("1,5", None),
        (".", None),
        ("", None),
        ("Sun, 32 Nov 1994 08:49:37 GMT", None),
    ] {
        assert_eq!(of(text)?, expected, "{text}");
    }
    Ok(())
}
