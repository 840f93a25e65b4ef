//! Environment names of the systems whose users come to us.

fn value<'a>(environment: &'a [(String, String)], name: &str) -> Option<&'a str> {
    environment.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
}

/// The settings that the older names stand for.
pub(super) fn settings(environment: &[(String, String)]) -> Vec<(String, String)> {
    let mut found = Vec::new();
    if let Some(url) = database(environment, "MYSQL_") {
        found.push(("store.url".to_owned(), url));
    }
    if let Some(url) = database(environment, "MYSQL_BE_") {
        found.push(("backend.url".to_owned(), url));
    }
    found
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
}
