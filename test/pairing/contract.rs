//! What the successful calls of both flavours answer, field by field, and what they take.

use anyhow::Context as _;
use serde_json::{Value, json};
use switchboard::crypto::password::argon2id;
use switchboard::store::Change;

use super::play::{self, answer, edited, handshake, keys, verification};
use crate::harness::phone::session;
use crate::harness::server::Builder;
use crate::harness::{Layout, PASSWORD, Phone, Result, Server, USER};
use crate::{on_both_engines, on_every_layout};

/// The phone hash of the development user: `full_phone_number` of `vectors/backend_hashes.json`.
const PHONE_HASH: &str = "b890b9d1375bbe3f9b43b7bc8a4b018d673eb4ddc3af8190e627d0dee012d7c1\
                          aa27ee4c485c04edf906d4b90109a9b87076930e54f1589b4a5810082b32da95";

fn platform(name: &str, description: &str, kind: &str, letter: &str) -> Value {
    json!({
        "name": name, "description": description, "type": kind, "letter": letter, "logo": "", "initialization_url": "",
    })
}

fn saved() -> Value {
    json!([platform("gmail", "Send an e-mail", "email", "g"), platform("twitter", "Post a text", "text", "t")])
}

fn unsaved() -> Value {
    json!([platform("telegram", "Send a message", "messaging", "T")])
}

async fn one_step_answers_phone_hash_key_and_platforms(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let phone = Phone::new()?;
    // never a redirect: 308 loses bodies in some clients
    for path in [session, verification] {
        let sid = server.sid(USER).await?;
        let answer = answer(&server, &path(USER, &sid), phone.one_step(&server, PASSWORD)?).await?;
        assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"), "{answer:?}");
        let json = answer.json()?;
        assert_eq!(keys(&json), ["msisdn_hash", "shared_key", "user_platforms"]);
        assert_eq!(json["msisdn_hash"], PHONE_HASH);
        let platforms = json!({"saved_platforms": saved(), "unsaved_platforms": unsaved()});
        assert_eq!(json["user_platforms"], platforms);
        let key = phone.open(&answer.body)?;
        assert_eq!(server.fingerprints().await?.last(), Some(&key.fingerprint()));
    }
    let written = server.rows("SELECT user_id, flavour, phone_hash FROM sb_device").await?;
    assert_eq!(written, vec![vec![USER.to_owned(), "one".into(), PHONE_HASH.into()]; 2]);
    Ok(())
}

async fn two_steps_answer_our_key_then_theirs_platforms_and_seeds(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let phone = Phone::new()?;
    for slash in ["", "/"] {
        let sid = server.sid(USER).await?;
        let body = json!({"public_key": phone.public_pem}).to_string();
        let offered = answer(&server, &(handshake(USER, &sid) + slash), body).await?;
        assert_eq!((offered.status, offered.header("content-type")), (200, "application/json"), "{offered:?}");
        let path = verification(USER, &sid);
        let expected = json!({"public_key": server.public_pem()?, "verification_url": path});
        assert_eq!(offered.json()?, expected);
        assert!(server.public_pem()?.starts_with("-----BEGIN PUBLIC KEY-----\n"));

        let answer = answer(&server, &(path + slash), phone.two_step(&server, PASSWORD)?).await?;
        assert_eq!((answer.status, answer.header("content-type")), (200, "application/json"), "{answer:?}");
        let json = answer.json()?;
        assert_eq!(keys(&json), ["seeds_url", "shared_key", "user_platforms"]);
        assert_eq!((&json["user_platforms"], &json["seeds_url"]), (&saved(), &json!("")));
        let key = phone.open(&answer.body)?;
        assert_eq!(server.fingerprints().await?.last(), Some(&key.fingerprint()));
    }
    assert_eq!(server.rows("SELECT flavour FROM sb_device").await?.concat(), ["two", "two"]);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn seeds_and_platforms_are_settings() -> Result {
    let platforms =
        r#"[{id=2,name="Signal",type="messaging",letter="s"},{id=9,name="MASTODON",logo="https://x/l.png"}]"#;
    let builder = Builder::new(Layout::SqliteShared).await?.set("platforms", platforms);
    let server = builder.set("sync.seeds_url", "https://seeds.example.org/list").start().await?;
    let sid = server.sid(USER).await?;
    play::offer(&server, &Phone::new()?, USER, &sid).await?;
    let (_, body) = play::try_two_step(&server, USER, &sid, PASSWORD).await?;
    let two: Value = serde_json::from_str(&body)?;
    assert_eq!(two["seeds_url"], "https://seeds.example.org/list");
    // the contract's names are lower case, however somebody configured them
    assert_eq!(two["user_platforms"], json!([platform("signal", "", "messaging", "s")]));
    let (_, body) = play::try_one_step(&server, USER, &server.sid(USER).await?, PASSWORD).await?;
    let one: Value = serde_json::from_str(&body)?;
    let mut mastodon = platform("mastodon", "", "", "");
    mastodon["logo"] = "https://x/l.png".into();
    assert_eq!(one["user_platforms"]["unsaved_platforms"], json!([mastodon]));
    Ok(())
}

async fn a_user_without_grants_has_saved_nothing(layout: Layout) -> Result {
    let server = Builder::new(layout).await?.users(1).start().await?;
    let user = "load-000001";
    let (status, body) = play::try_one_step(&server, user, &server.sid(user).await?, PASSWORD).await?;
    assert_eq!(status, 200, "{body}");
    let one: Value = serde_json::from_str(&body)?;
    assert_eq!(one["user_platforms"]["saved_platforms"], json!([]));
    assert_eq!(one["user_platforms"]["unsaved_platforms"].as_array().map(Vec::len), Some(3));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_content_type_is_ignored() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let phone = Phone::new()?;
    let form = "application/x-www-form-urlencoded";
    for kind in [None, Some("text/plain"), Some(form), Some("application/json; charset=latin1"), Some("\u{e9}")] {
        let sid = server.sid(USER).await?;
        let offer = json!({"public_key": phone.public_pem}).to_string();
        let posts = [
            (handshake(USER, &sid), offer),
            (verification(USER, &sid), phone.two_step(&server, PASSWORD)?),
            (session(USER, &server.sid(USER).await?), phone.one_step(&server, PASSWORD)?),
        ];
        for (path, body) in posts {
            let mut request = server.http.post(server.url(&path)).body(body);
            if let Some(kind) = kind {
                request = request.header("content-type", kind.as_bytes());
            }
            assert_eq!(request.send().await?.status(), 200, "{kind:?} {path}");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_fields_are_ignored_and_the_other_flavour_s_too() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let phone = Phone::new()?;
    let unknown = json!({
        "phone": {"make": ["x", 1, null]}, "é": true, "shared_key": "x", "sid": "x", "uid": 7, "msisdn_hash": {},
        // which each mean something in the other flavour only
        "decryption_hash": "sha256", "encryption_hash": "sha256",
    });
    let body = edited(&phone.one_step(&server, PASSWORD)?, &unknown)?;
    let (status, answer) = server.post(&session(USER, &server.sid(USER).await?), body).await?;
    assert_eq!(status, 200, "{answer}");
    phone.open(&answer)?;

    let sid = server.sid(USER).await?;
    let body = json!({"public_key": phone.public_pem, "password": 7, "mgf1ParameterSpec": []}).to_string();
    let (status, answer) = server.post(&handshake(USER, &sid), body).await?;
    assert_eq!(status, 200, "T1 knows no field but its own: {answer}");
    let unknown = json!({"mgf1ParameterSpec": "sha256", "mgf1ParameterSpec_dec": "sha256", "x": [[]]});
    let body = edited(&phone.two_step(&server, PASSWORD)?, &unknown)?;
    let (status, answer) = server.post(&verification(USER, &sid), body).await?;
    assert_eq!(status, 200, "{answer}");
    phone.open(&answer)?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn control_characters_stand_raw_inside_json_strings() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let phone = Phone::new()?;
    for newline in ["\n", "\r\n", "\t\n"] {
        let password = phone.encrypt(&server, PASSWORD)?;
        // as `curl -d "{\"public_key\": \"$(cat key.pem)\"}"` sends it
        let pem = phone.public_pem.trim().replace('\n', newline);
        let body = format!("{{\"note\": \"a\u{1}b\",\n \"public_key\": \"{pem}\",\n \"password\": \"{password}\"}}");
        let (status, answer) = server.post(&session(USER, &server.sid(USER).await?), body).await?;
        assert_eq!(status, 200, "O with {newline:?}: {answer}");
        phone.open(&answer)?;
        let body = format!("{{\"public_key\": \"{pem}{newline}\"}}");
        let (status, answer) = server.post(&handshake(USER, &server.sid(USER).await?), body).await?;
        assert_eq!(status, 200, "T1 with {newline:?}: {answer}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn white_space_inside_base64_is_ignored() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let phone = Phone::new()?;
    for (wrap, width) in [("\n", 76), ("\r\n", 64), (" ", 10), ("\t", 1)] {
        let wrapped = || -> Result<String> {
            let password = phone.encrypt(&server, PASSWORD)?;
            let lines: Vec<&str> =
                password.as_bytes().chunks(width).map(std::str::from_utf8).collect::<std::result::Result<_, _>>()?;
            Ok(lines.join(wrap) + wrap)
        };
        let plain = phone.one_step(&server, PASSWORD)?;
        let escaped = edited(&plain, &json!({"password": wrapped()?}))?;
        let raw = edited(&plain, &json!({"password": "HERE"}))?.replace("HERE", &wrapped()?);
        for body in [escaped, raw] {
            let (status, answer) = server.post(&session(USER, &server.sid(USER).await?), body).await?;
            assert_eq!(status, 200, "wrapped by {wrap:?} at {width}: {answer}");
        }
    }
    Ok(())
}

async fn a_public_key_in_the_body_means_one_step_even_after_t1(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    let (first, second) = (Phone::new()?, Phone::with_new_key()?);
    let sid = server.sid(USER).await?;
    play::offer(&server, &first, USER, &sid).await?;
    let (status, body) = server.post(&verification(USER, &sid), second.one_step(&server, PASSWORD)?).await?;
    assert_eq!(status, 200, "{body}");
    let json: Value = serde_json::from_str(&body)?;
    assert_eq!(keys(&json), ["msisdn_hash", "shared_key", "user_platforms"]);
    // to the key of this body, not to the one that T1 left
    second.open(&body)?;
    assert!(first.open(&body).is_err());
    Ok(())
}

async fn passwords_are_argon2id_where_the_backend_says_so(layout: Layout) -> Result {
    let server = Server::start(layout).await?;
    play::add_user(&server, "argon", &argon2id("pässwörd Ω").context("no hash")?, &["verified"]).await?;
    let (status, body) = play::try_one_step(&server, "argon", &server.sid("argon").await?, "pässwörd Ω").await?;
    assert_eq!(status, 200, "{body}");
    let (status, _) = play::try_one_step(&server, "argon", &server.sid("argon").await?, PASSWORD).await?;
    assert_eq!(status, 403);
    Ok(())
}

async fn a_login_wants_exactly_one_verified_number(layout: Layout) -> Result {
    let server = play::lenient(layout).await?.start().await?;
    let hash = switchboard::crypto::hash::backend(play::SALT, PASSWORD);
    let cases: [(&str, &[&str], u16); 5] = [
        ("none", &[], 403),
        ("unverified", &["unverified"], 403),
        ("one", &["verified"], 200),
        ("one of two", &["unverified", "verified"], 200),
        ("two", &["verified", "verified"], 403),
    ];
    for (user, states, expected) in cases {
        play::add_user(&server, user, &hash, states).await?;
        // as a path writes it
        let segment = user.replace(' ', "%20");
        let sid = server.sid(&segment).await?;
        let (status, body) = play::try_one_step(&server, &segment, &sid, PASSWORD).await?;
        assert_eq!(status, expected, "{user}: {body}");
    }
    // an engine may call these equal to the user `one`; they are nobody
    for user in ["ONE", "%C3%B3ne"] {
        let (status, _) = play::try_one_step(&server, user, &server.sid(user).await?, PASSWORD).await?;
        assert_eq!(status, 403, "{user}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_salt_in_a_file_goes_before_the_backend_s() -> Result {
    let builder = Builder::new(Layout::SqliteSeparate).await?;
    std::fs::write(builder.path("salt"), "another salt of ours\n")?;
    let path = builder.path("salt").display().to_string();
    let server = builder.set("backend.hashing_salt_file", path).start().await?;
    let hash = switchboard::crypto::hash::backend("another salt of ours", PASSWORD);
    play::add_user(&server, "salted", &hash, &["verified"]).await?;
    let (status, body) = play::try_one_step(&server, "salted", &server.sid("salted").await?, PASSWORD).await?;
    assert_eq!(status, 200, "{body}");
    let (status, _) = play::try_one_step(&server, USER, &server.sid(USER).await?, PASSWORD).await?;
    assert_eq!(status, 403, "hashed under credentials row 1, which does not count now");
    Ok(())
}

async fn the_user_database_is_read_and_never_altered(layout: Layout) -> Result {
    let builder = Builder::new(layout).await?;
    let server = builder.start().await?;
    // tables that the backend owns too: ours must not collide with them
    let backend = server.home().databases.backend()?;
    for name in ["sessions", "retries", "svretries"] {
        backend.commit(Change::new().run(format!("CREATE TABLE {name} (id INT)"), Vec::new())).await?;
    }
    let server = server.restart().await?;
    let before = users(&server).await?;
    let phone = Phone::new()?;
    let sid = server.sid(USER).await?;
    play::try_one_step(&server, USER, &sid, "wrong").await?;
    phone.pair(&server, USER, &sid).await?;
    let sid = server.sid(USER).await?;
    play::offer(&server, &phone, USER, &sid).await?;
    assert_eq!(play::try_two_step(&server, USER, &sid, PASSWORD).await?.0, 200);
    assert_eq!(users(&server).await?, before);
    Ok(())
}

/// Everything that the backend knows.
async fn users(server: &Server) -> Result<Vec<switchboard::store::Row>> {
    let backend = server.home().databases.backend()?;
    let mut all = Vec::new();
    for sql in [
        "SELECT id, password, CAST(current_login AS CHAR), CAST(last_login AS CHAR) FROM users ORDER BY id",
        "SELECT id, name, country_code, full_phone_number, status, userId, iv FROM usersInfos ORDER BY id",
        "SELECT id, username, token, uniqueId, uniqueIdHash, iv, userId, platformId FROM wallets ORDER BY id",
        "SELECT id, shared_key, hashing_salt FROM credentials ORDER BY id",
        "SELECT COUNT(*) FROM sessions",
    ] {
        all.extend(backend.query(sql, Vec::new()).await?);
    }
    Ok(all)
}

on_every_layout!(
    one_step_answers_phone_hash_key_and_platforms,
    two_steps_answer_our_key_then_theirs_platforms_and_seeds,
    a_user_without_grants_has_saved_nothing,
    passwords_are_argon2id_where_the_backend_says_so,
    a_login_wants_exactly_one_verified_number,
    the_user_database_is_read_and_never_altered,
);
on_both_engines!(a_public_key_in_the_body_means_one_step_even_after_t1);
