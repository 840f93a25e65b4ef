//! What a newcomer mistypes is told to them.

use super::*;

fn with(flags: &[(&str, &str)], environment: &[(&str, &str)]) -> Result<(Config, ConfigLayers), ConfigError> {
    let own = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    load(&ConfigSources { file: None, flags: own(flags), environment: own(environment) })
}

fn complaint(flags: &[(&str, &str)], environment: &[(&str, &str)]) -> String {
    with(flags, environment).err().map(|error| error.to_string()).unwrap_or_default()
}

#[test]
fn the_default_stands_alone() -> Result<(), ConfigError> {
    let (config, _) = with(&[], &[])?;
    assert_eq!(config.sync.rotations, 3);
    assert_eq!(config.http.listen.len(), 1);
    assert_eq!(config.platforms.len(), 3);
    let (_, ambiguous) = crate::model::Keywords::new(&config.opt_out.words);
    assert!(ambiguous.is_empty(), "{ambiguous:?}");
    Ok(())
}

#[test]
fn flags_lie_over_the_environment() -> Result<(), ConfigError> {
    let environment = [("SWITCHBOARD__SYNC__ROTATE_EVERY", "20s"), ("SWITCHBOARD__SYNC__ROTATIONS", "9")];
    let (config, layers) = with(&[("sync.rotate_every", "30s")], &environment)?;
    assert_eq!((config.sync.rotate_every.as_ms(), config.sync.rotations), (30_000, 9));
    assert!(layers.show().contains("rotations = 9  # from the environment variable SWITCHBOARD__SYNC__ROTATIONS"));
    Ok(())
}

#[test]
fn a_list_may_be_one_text_or_several() -> Result<(), ConfigError> {
    let (config, _) = with(&[("http.listen", "127.0.0.1:1, 127.0.0.1:2")], &[])?;
    assert_eq!(config.http.listen.len(), 2);
    let (config, _) = with(&[("sync.allowed_origins", "[\"https://a\"]")], &[])?;
    assert_eq!(config.sync.allowed_origins, ["https://a"]);
    Ok(())
}

#[test]
fn a_number_in_a_text_setting_stays_text() -> Result<(), ConfigError> {
    let (config, _) = with(&[], &[("SWITCHBOARD__ADMIN__TOKEN", "1234567890123456")])?;
    assert_eq!(config.admin.token.expose(), "1234567890123456");
    Ok(())
}

#[test]
fn an_unknown_key_is_told_with_what_is_known() {
    let said = complaint(&[], &[("SWITCHBOARD__SYNC__ROTATE_EVRY", "15s")]);
    assert!(said.contains("`sync.rotate_evry`") && said.contains("SWITCHBOARD__SYNC__ROTATE_EVRY"), "{said}");
    assert!(said.contains("rotate_every"), "{said}");
    assert!(complaint(&[("nosuch.thing", "1")], &[]).contains("the sections are"));
    for (key, known) in [
        ("compat.masked.clint", "[compat.masked] knows"),
        ("compat.masked", "[compat] knows"),
        ("compat.nosuch", "[compat] knows"),
        ("compat.nosuch.thing", "the sections are"),
        ("compat.masked.client.thing", "the sections are"),
    ] {
        let said = complaint(&[(key, "1")], &[]);
        assert!(said.contains(&format!("`{key}`")) && said.contains(known), "{said}");
    }
}

#[test]
fn a_bad_value_is_told_with_key_value_and_what_is_allowed() {
    for (key, value, allowed) in [
        ("sync.rotate_every", "15", "15s"),
        ("sync.rotations", "many", "invalid type"),
        ("sync.lockouts", "[7]", "allowed: invalid type: integer `7`, expected a table"),
        ("sync.rotations", "0", "at least 1"),
        ("sync.sockets_per_user", "0", "at least 1"),
        ("sync.sockets_per_address", "0", "at least 1"),
        ("store.url", "postgres://x/y", "sqlite:PATH"),
        ("http.listen", "nowhere", "invalid socket address"),
        ("http.public_url", "http://h/path", "without a path"),
        ("log.format", "xml", "expected one of"),
        ("redis.url", "http://h", "redis://"),
        ("provider.twilio_base_url", "api.twilio.com", "a base URL is"),
        ("provider.base_urls", "{ nobody = \"http://h\" }", "no carrier looks"),
        ("provider.connect_timeout", "20s", "shorter than provider.timeout"),
        ("event.allow", "10.0.0.0/33", "networks, addresses and host names"),
        ("outbox.sms_length", "0", "from 1 to 10000"),
        ("outbox.whatsapp_length", "10001", "from 1 to 10000"),
        ("compat.number_proxy.org_name", " ", "a name"),
        ("compat.number_proxy.flowroute_access_key", "half", "where compat.number_proxy.flowroute_secret_key is set"),
        ("compat.masked.client", " ", "a name of 1 to 128 characters"),
        ("compat.masked.username", "half", "where compat.masked.password is set"),
        ("compat.masked.account_sid", "AC-1", "compat.masked.auth_token"),
    ] {
        let said = complaint(&[(key, value)], &[]);
        assert!(said.contains(&format!("`{key}`")) && said.contains(allowed), "{key}: {said}");
        assert!(said.contains(value) || ["redis.url", "store.url"].contains(&key), "{key}: {said}");
    }
}

#[test]
fn a_text_of_the_number_proxy_fits_a_message_with_its_name() -> Result<(), ConfigError> {
    let (name, text) = ("n".repeat(10), "t".repeat(1_600 - 14));
    let said =
        |text: &str| complaint(&[("compat.number_proxy.org_name", &name), ("compat.number_proxy.end_text", text)], &[]);
    assert_eq!(said(&text), "");
    assert!(said(&format!("{text}t")).contains("`compat.number_proxy.end_text`"));
    let (config, layers) = with(
        &[("compat.number_proxy.flowroute_access_key", "1")],
        &[("SWITCHBOARD__COMPAT__NUMBER_PROXY__FLOWROUTE_SECRET_KEY", "hush")],
    )?;
    assert_eq!(config.compat.number_proxy.flowroute_secret_key.expose(), "hush");
    assert!(!layers.show().contains("hush") && !format!("{config:?}").contains("hush"));
    Ok(())
}

#[test]
fn a_setting_that_was_replaced_names_what_replaced_it() {
    for key in ["outbox.segments", "outbox.characters"] {
        let said = complaint(&[(key, "10")], &[]);
        assert!(said.contains(&format!("`{key}`")) && said.contains("outbox.sms_length"), "{said}");
    }
}

#[test]
fn replies_to_keywords_are_texts_of_a_length_that_is_sent() {
    let long = "\u{1f600}".repeat(81);
    let said = complaint(&[("outbox.sms_length", "160"), ("opt_out.stop_reply", &long)], &[]);
    assert!(said.contains("outbox.sms_length"), "{said}");
    assert!(with(&[("outbox.sms_length", "160"), ("opt_out.stop_reply", &long[4..])], &[]).is_ok());
}

#[test]
fn secrets_are_not_shown() -> Result<(), ConfigError> {
    let flags = [
        ("admin.token", "hush-hush-hush-hush"),
        ("store.url", "mysql://u:hush@h:1/d"),
        ("backend.hashing_salt", "hush"),
    ];
    let (config, layers) = with(&flags, &[("SWITCHBOARD_MASTER_KEY", "hush")])?;
    assert!(!layers.show().contains("hush"), "{}", layers.show());
    assert!(!format!("{config:?}").contains("hush"), "{config:?}");
    let older =
        [("DATABASE_URL", "mysql://u:hush@h:1/d"), ("REDIS_URL", "redis://:hush@h"), ("MASTER_ENCRYPTION_KEY", "hush")];
    let (config, layers) = with(&[], &older)?;
    assert!(config.store.url.to_string().contains("@h:1/d") && config.redis.url.expose() == "redis://:hush@h");
    assert!(config.master_key.is_some());
    assert!(!layers.show().contains("hush") && !format!("{config:?}").contains("hush"), "{}", layers.show());
    let (config, _) = with(&[], &[older[0], ("SWITCHBOARD__STORE__URL", "sqlite:ours.db")])?;
    assert_eq!(config.store.url.to_string(), "sqlite:ours.db");
    Ok(())
}

#[test]
fn a_sink_s_secret_is_never_shown_and_belongs_to_a_sink() -> Result<(), ConfigError> {
    let platforms = |rest: &str| format!(r#"[{{id=1,name="x",letter="x",{rest}}}]"#);
    let good = platforms(r#"sink_url="https://h/p",sink_secret="whsec_hushhushhushhushhushhushhushhush""#);
    let (config, layers) = with(&[("platforms", &good)], &[])?;
    assert!(config.platforms[0].has_sink());
    assert!(!layers.show().contains("hush") && layers.show().contains("sink_url"), "{}", layers.show());
    assert!(!serde_json::to_string(&config.platforms).is_ok_and(|told| told.contains("sink")), "phones are told");
    for bad in [
        r#"sink_url="https://h/p""#,
        r#"sink_url="https://h/p",sink_secret="hush""#,
        r#"sink_url="https://h/p",sink_secret="whsec_hush""#,
        r#"sink_url="https://u:hush@h/p",sink_secret="whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA""#,
        r#"sink_url="ftp://u:hush@h/p",sink_secret="whsec_hush""#,
        r#"sink_url="not a url",sink_secret="whsec_hush""#,
        r#"sink_url="https://h/p",sink_secert="whsec_hush""#,
        r#"sink_url="https://h/p",sink_secret=["whsec_hush"]"#,
        r#"sink_url="https://h/p",sink_secret=5550123"#,
        r#"sink_url=5550123,sink_secret="hush""#,
    ] {
        let said = complaint(&[("platforms", &platforms(bad))], &[]);
        assert!(said.contains("`platforms`") && !said.contains("hush") && !said.contains("5550123"), "{said}");
    }
    Ok(())
}

/// A file names languages as sections, the command line as one table: either way the others stay.
#[test]
fn a_language_takes_the_place_of_its_own_words_only() -> Result<(), Box<dyn std::error::Error>> {
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), "[opt_out.words.fr]\nstop = [\"Assez\"]\n")?;
    let flags = vec![("opt_out.words".to_owned(), r#"{ de = {}, nl = { help = ["hulp"] } }"#.to_owned())];
    let (config, _) = load(&ConfigSources { file: Some(file.path().into()), flags, environment: Vec::new() })?;
    let words = &config.opt_out.words;
    assert_eq!((words["fr"].texts().count(), words["de"].texts().count(), words["nl"].texts().count()), (1, 0, 1));
    assert!(words["en"].stop.len() == 8 && words["es"].stop.contains(&"PARAR".to_owned()));
    for bad in [r#"{ en = { stop = ["..."] } }"#, r#"{ en = { stpo = ["x"] } }"#, r#"{ en = ["STOP"] }"#, "STOP"] {
        let said = complaint(&[("opt_out.words", bad)], &[]);
        assert!(said.contains("`opt_out.words`"), "{said}");
    }
    Ok(())
}

/// A section of sections is read like any other, and its secrets are as secret.
#[test]
fn a_door_of_an_older_system_has_a_section_of_its_own() -> Result<(), Box<dyn std::error::Error>> {
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), "[compat.masked]\nusername = \"me\"\npassword = \"hush\"\n")?;
    let environment = vec![("SWITCHBOARD__COMPAT__MASKED__POOL".to_owned(), "masks".to_owned())];
    let (config, layers) = load(&ConfigSources { file: Some(file.path().into()), flags: Vec::new(), environment })?;
    let masked = &config.compat.masked;
    assert_eq!((&*masked.username, masked.password.expose(), &*masked.pool), ("me", "hush", "masks"));
    assert_eq!(masked.client, "masked");
    let shown = layers.show();
    assert!(shown.contains("[compat.masked]\n") && !shown.contains("hush") && !format!("{config:?}").contains("hush"));
    assert!(shown.contains("pool = \"masks\"  # from the environment variable SWITCHBOARD__COMPAT__MASKED__POOL"));
    for wrong in ["[compat]\nmasked = 1\n", "[compat.masked]\npasword = \"hush\"\n", "[compat.masked]\npassword = 77\n"]
    {
        std::fs::write(file.path(), wrong)?;
        let sources = ConfigSources { file: Some(file.path().into()), ..ConfigSources::default() };
        let said = load(&sources).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(said.contains("`compat.masked") && !said.contains("hush") && !said.contains("77"), "{said}");
    }
    let older = [("AUTH_USERNAME", "me"), ("AUTH_PASSWORD", "hush"), ("DOMAIN", "sms.example.org")];
    let (config, layers) = with(&[], &older)?;
    assert_eq!((&*config.compat.masked.username, &*config.http.public_url), ("me", "https://sms.example.org"));
    assert!(!layers.show().contains("hush"), "{}", layers.show());
    Ok(())
}

#[test]
fn what_is_printed_is_a_configuration() -> Result<(), Box<dyn std::error::Error>> {
    let (_, layers) = with(&[], &[])?;
    let mut again = ConfigLayers::of_default(DEFAULT)?;
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), layers.show())?;
    again.add_file(file.path())?;
    let _: Config = again.read()?;
    Ok(())
}
