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
    ];
    found.into_iter().filter_map(|(key, url)| Some((key.to_owned(), url?))).collect()
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
