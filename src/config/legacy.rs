//! Environment names of the systems whose users come to us.

use crate::model::Secret;

fn value<'a>(environment: &'a [(String, String)], name: &str) -> Option<&'a str> {
    environment.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
}

/// Names of the master key, ours first.
const MASTER: [&str; 2] = ["SWITCHBOARD_MASTER_KEY", "MASTER_ENCRYPTION_KEY"];

/// The master key, and by which name it was given.
pub(super) fn master_key(environment: &[(String, String)]) -> Option<(&'static str, Secret)> {
    MASTER.into_iter().find_map(|name| Some((name, Secret::new(value(environment, name)?.to_owned()))))
}

/// The settings that the older names stand for, later ones above earlier.
pub(super) fn settings(environment: &[(String, String)]) -> Vec<(String, String)> {
    let found = [
        ("store.url", value(environment, "DATABASE_URL").map(plain)),
        ("redis.url", value(environment, "REDIS_URL").map(str::to_owned)),
        ("store.url", database(environment, "MYSQL_")),
        ("backend.url", database(environment, "MYSQL_BE_")),
        ("http.public_url", value(environment, "DOMAIN").map(origin)),
        // misspelt as the masked door's users have them
        ("session.voice", value(environment, "CALL_ANNOUCEMENT_VOICE").map(str::to_owned)),
        ("session.language", value(environment, "CALL_ANNOUCEMENT_LANGUAGE").map(str::to_owned)),
        ("session.no_session_call_text", value(environment, "OUT_OF_SESSION_MESSAGE_FOR_CALL").map(str::to_owned)),
        ("session.connecting_text", value(environment, "CONNECTING_CALL_ANNOUCEMENT").map(str::to_owned)),
    ];
    let found = found.into_iter().chain(number_proxy(environment));
    let found = found.chain(codes(environment)).chain(masked(environment));
    found.filter_map(|(key, url)| Some((key.to_owned(), url?))).collect()
}

/// What the older number proxy calls its texts, its account at Flowroute, and how much it logs. Half of the account is
/// another program's, and so is a level that is no number.
fn number_proxy(environment: &[(String, String)]) -> impl Iterator<Item = (&'static str, Option<String>)> {
    let text = |name: &str| value(environment, name).map(str::to_owned);
    let account = text("FLOWROUTE_ACCESS_KEY").zip(text("FLOWROUTE_SECRET_KEY"));
    let (access, secret) = account.unzip();
    let named = [
        ("compat.number_proxy.org_name", text("ORG_NAME")),
        ("compat.number_proxy.start_text", text("SESSION_START_MSG")),
        ("compat.number_proxy.end_text", text("SESSION_END_MSG")),
        ("compat.number_proxy.none_text", text("NO_SESSION_MSG")),
        ("compat.number_proxy.flowroute_access_key", access),
        ("compat.number_proxy.flowroute_secret_key", secret),
        ("log.level", value(environment, "LOG_LEVEL").and_then(level).map(str::to_owned)),
    ];
    named.into_iter()
}

/// What the older service of one-time codes calls its settings. Its number is on the account at Flowroute, and another
/// program's without one.
fn codes(environment: &[(String, String)]) -> impl Iterator<Item = (&'static str, Option<String>)> {
    let text = |name: &str| value(environment, name).map(str::to_owned);
    let account = text("FLOWROUTE_ACCESS_KEY").zip(text("FLOWROUTE_SECRET_KEY"));
    let named = [
        ("compat.codes.org_name", text("ORG_NAME")),
        ("compat.codes.code_length", text("CODE_LENGTH")),
        ("compat.codes.ttl", value(environment, "CODE_EXPIRATION").map(|secs| format!("{}s", secs.trim()))),
        ("compat.codes.tries", text("RETRIES_ALLOWED")),
        ("compat.codes.from", text("FLOWROUTE_NUMBER").filter(|_| account.is_some())),
    ];
    named.into_iter()
}

/// A level by its number, as Python has them: 10 is the most that is logged, 50 the least.
fn level(number: &str) -> Option<&'static str> {
    match number.trim().parse::<u8>().ok()? {
        10 => Some("debug"),
        11..=20 => Some("info"),
        21..=30 => Some("warn"),
        31..=50 => Some("error"),
        _ => None,
    }
}

/// What the older masked conversations call their login, and their account at Twilio. Half of a pair is another
/// program's, and so is a token beside `TWILIO_AUTH_SID`.
fn masked(environment: &[(String, String)]) -> impl Iterator<Item = (&'static str, Option<String>)> {
    let pair = |first: &str, second: &str| value(environment, first).zip(value(environment, second));
    let login = pair("AUTH_USERNAME", "AUTH_PASSWORD");
    let is_other = value(environment, "TWILIO_AUTH_SID").is_some();
    let account = pair("TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN").filter(|_| !is_other);
    let named = [
        ("compat.masked.username", login.map(|(name, _)| name.to_owned())),
        ("compat.masked.password", login.map(|(_, password)| password.to_owned())),
        ("compat.masked.account_sid", account.map(|(sid, _)| sid.to_owned())),
        ("compat.masked.auth_token", account.map(|(_, token)| token.to_owned())),
    ];
    named.into_iter()
}

/// Where a host is reached: its users name it alone.
fn origin(domain: &str) -> String {
    let domain = domain.trim_end_matches('/');
    if domain.contains("://") { domain.to_owned() } else { format!("https://{domain}") }
}

/// A database's URL without what only other programs' drivers read: `mysql+pymysql://…?charset=utf8mb4`,
/// `sqlite:///./relay.db`, which is a relative path.
fn plain(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once(':') else { return url.to_owned() };
    match scheme.split('+').next().unwrap_or(scheme) {
        "sqlite" => {
            let path = rest.split('?').next().unwrap_or(rest);
            format!("sqlite:{}", path.strip_prefix("///").filter(|path| path.starts_with("./")).unwrap_or(path))
        }
        "mysql" => {
            let (base, query) = rest.split_once('?').unwrap_or((rest, ""));
            let kept: Vec<&str> =
                query.split('&').filter(|part| !part.is_empty() && !part.starts_with("charset=")).collect();
            let mark = if kept.is_empty() { "" } else { "?" };
            format!("mysql:{base}{mark}{}", kept.join("&"))
        }
        _ => url.to_owned(),
    }
}

/// A URL from `<prefix>HOST`, `PORT`, `USERNAME`, `PASSWORD` and `DATABASE`; host and database are needed.
fn database(environment: &[(String, String)], prefix: &str) -> Option<String> {
    let named = |name: &str| value(environment, &format!("{prefix}{name}"));
    let (host, database) = (named("HOST")?, named("DATABASE")?);
    let misspelt = || {
        let name = format!("{}USERNAME", prefix.replace("MYSQL_", "MSYQL_"));
        let found = value(environment, &name);
        if found.is_some() {
            anstream::eprintln!("warning: {name} is misspelt; write {prefix}USERNAME");
        }
        found
    };
    let user = named("USERNAME").or_else(|| named("USER")).or_else(misspelt).unwrap_or("root");
    let port = named("PORT").unwrap_or("3306");
    let encode =
        |text: &str| percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string();
    let login = match named("PASSWORD") {
        Some(password) => format!("{}:{}", encode(user), encode(password)),
        None => encode(user),
    };
    Some(format!("mysql://{login}@{host}:{port}/{}", encode(database)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn the_older_names_make_urls() {
        let old = environment(&[
            ("MYSQL_HOST", "db"),
            ("MYSQL_DATABASE", "sms"),
            ("MSYQL_USERNAME", "me"),
            ("MYSQL_PASSWORD", "p@ss/word"),
            ("MYSQL_BE_HOST", "be"),
            ("MYSQL_BE_PORT", "3307"),
            ("MYSQL_BE_USER", "reader"),
            ("MYSQL_BE_DATABASE", "users"),
        ]);
        assert_eq!(
            settings(&old),
            [
                ("store.url".into(), "mysql://me:p%40ss%2Fword@db:3306/sms".into()),
                ("backend.url".into(), "mysql://reader@be:3307/users".into()),
            ]
        );
        let read = mysql_async::Opts::from_url(&settings(&old)[0].1);
        assert!(read.is_ok_and(|opts| opts.pass() == Some("p@ss/word")));
        assert!(settings(&environment(&[("MYSQL_HOST", "db")])).is_empty());
    }

    #[test]
    fn the_older_relay_s_urls_are_taken() {
        let of = |url: &str| settings(&environment(&[("DATABASE_URL", url)]));
        for (old, url) in [
            ("mysql://u:p@db:3306/relay", "mysql://u:p@db:3306/relay"),
            ("mysql+pymysql://u:p@db/relay?charset=utf8mb4", "mysql://u:p@db/relay"),
            ("mysql://u:p@db/relay?charset=utf8&require_ssl=true", "mysql://u:p@db/relay?require_ssl=true"),
            ("sqlite:relay.db", "sqlite:relay.db"),
            ("sqlite:///var/relay.db", "sqlite:///var/relay.db"),
            ("sqlite:////var/relay.db", "sqlite:////var/relay.db"),
            ("sqlite+aiosqlite:///./relay.db?mode=rwc", "sqlite:./relay.db"),
            ("postgres://h/d", "postgres://h/d"),
        ] {
            assert_eq!(of(old), [("store.url".into(), url.into())], "{old}");
            assert_eq!(url.parse::<crate::store::StoreUrl>().is_ok(), !url.starts_with("postgres"), "{url}");
        }
        let all = environment(&[
            ("DATABASE_URL", "sqlite:relay.db"),
            ("REDIS_URL", "redis://r:6379"),
            ("MYSQL_HOST", "db"),
            ("MYSQL_DATABASE", "sms"),
        ]);
        let [first, redis, last] = &settings(&all)[..] else { panic!("{:?}", settings(&all)) };
        assert_eq!(first.1, "sqlite:relay.db");
        assert_eq!(*redis, ("redis.url".to_owned(), "redis://r:6379".to_owned()));
        assert_eq!(last.1, "mysql://root@db:3306/sms", "the more particular name lies above");
        assert!(settings(&environment(&[("DATABASE_URL", ""), ("REDIS_URL", "")])).is_empty());
    }

    #[test]
    fn the_names_of_the_number_proxy_are_taken() {
        let of = |pairs: &[(&str, &str)]| settings(&environment(pairs));
        let set = |key: &str, value: &str| (format!("compat.number_proxy.{key}"), value.to_owned());
        let texts =
            [("ORG_NAME", "Acme"), ("SESSION_START_MSG", "s"), ("SESSION_END_MSG", "e"), ("NO_SESSION_MSG", "n")];
        let taken = [set("org_name", "Acme"), set("start_text", "s"), set("end_text", "e"), set("none_text", "n")];
        let named = ("compat.codes.org_name".to_owned(), "Acme".to_owned());
        assert_eq!(of(&texts), [&taken[..], &[named]].concat());
        let keys = [("FLOWROUTE_ACCESS_KEY", "1"), ("FLOWROUTE_SECRET_KEY", "2")];
        assert_eq!(of(&keys), [set("flowroute_access_key", "1"), set("flowroute_secret_key", "2")]);
        assert!(of(&keys[..1]).is_empty() && of(&keys[1..]).is_empty(), "half of an account");
        for (number, level) in [("10", "debug"), ("20", "info"), ("25", "warn"), ("40", "error"), ("50", "error")] {
            assert_eq!(of(&[("LOG_LEVEL", number)]), [("log.level".to_owned(), level.to_owned())], "{number}");
        }
        for other in ["info", "0", "51", "300", "-10"] {
            assert!(of(&[("LOG_LEVEL", other)]).is_empty(), "{other}");
        }
    }

    #[test]
    fn the_names_of_one_time_codes_are_taken() {
        let of = |pairs: &[(&str, &str)]| settings(&environment(pairs));
        let set = |key: &str, value: &str| (format!("compat.codes.{key}"), value.to_owned());
        let old = [("CODE_LENGTH", "6"), ("CODE_EXPIRATION", "900"), ("RETRIES_ALLOWED", "5")];
        assert_eq!(of(&old), [set("code_length", "6"), set("ttl", "900s"), set("tries", "5")]);
        let number = ("FLOWROUTE_NUMBER", "12065550100");
        assert!(of(&[number]).is_empty(), "it is on no account of ours");
        let whole = of(&[("FLOWROUTE_ACCESS_KEY", "1"), ("FLOWROUTE_SECRET_KEY", "2"), number]);
        assert_eq!(whole.last(), Some(&set("from", "12065550100")));
    }

    #[test]
    fn the_names_of_masked_conversations_are_taken_in_pairs() {
        let of = |pairs: &[(&str, &str)]| settings(&environment(pairs));
        let set = |key: &str, value: &str| (key.to_owned(), value.to_owned());
        for domain in ["sms.example.org", "sms.example.org/", "https://sms.example.org"] {
            assert_eq!(of(&[("DOMAIN", domain)]), [set("http.public_url", "https://sms.example.org")]);
        }
        let (login, account) = (
            [("AUTH_USERNAME", "me"), ("AUTH_PASSWORD", "p:w")],
            [("TWILIO_ACCOUNT_SID", "AC1"), ("TWILIO_AUTH_TOKEN", "token")],
        );
        assert_eq!(of(&login), [set("compat.masked.username", "me"), set("compat.masked.password", "p:w")]);
        assert_eq!(of(&account), [set("compat.masked.account_sid", "AC1"), set("compat.masked.auth_token", "token")]);
        for other in [&login[..1], &login[1..], &account[..1], &account[1..]] {
            assert!(of(other).is_empty(), "{other:?}");
        }
        assert!(of(&[account[0], account[1], ("TWILIO_AUTH_SID", "SK1")]).is_empty());
    }

    #[test]
    fn what_callers_hear_has_the_older_names() {
        let old = environment(&[
            ("CALL_ANNOUCEMENT_VOICE", "alice"),
            ("CALL_ANNOUCEMENT_LANGUAGE", "en-GB"),
            ("OUT_OF_SESSION_MESSAGE_FOR_CALL", "Nobody is here."),
            ("CONNECTING_CALL_ANNOUCEMENT", "One moment."),
        ]);
        let named = |key: &str, value: &str| (format!("session.{key}"), value.to_owned());
        assert_eq!(
            settings(&old),
            [
                named("voice", "alice"),
                named("language", "en-GB"),
                named("no_session_call_text", "Nobody is here."),
                named("connecting_text", "One moment."),
            ]
        );
    }

    #[test]
    fn the_master_key_has_two_names() {
        let key =
            |pairs: &[(&str, &str)]| master_key(&environment(pairs)).map(|(name, key)| (name, key.expose().to_owned()));
        let (old, ours) = (("MASTER_ENCRYPTION_KEY", "older"), ("SWITCHBOARD_MASTER_KEY", "ours"));
        assert_eq!(key(&[old, ours]), Some((ours.0, "ours".to_owned())));
        assert_eq!(key(&[("SWITCHBOARD_MASTER_KEY", ""), old]), Some((old.0, "older".to_owned())));
        assert_eq!(key(&[]), None);
        let written = "-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_8=";
        assert!(crate::crypto::MasterKey::parse(written).is_ok(), "URL-safe base64 of 32 bytes");
    }
}
