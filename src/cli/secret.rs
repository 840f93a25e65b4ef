//! Secrets that a command needs: from the environment, or asked for; never from its arguments, which others can see.

use std::io::IsTerminal as _;

use crate::model::Secret;

/// The secret in an environment variable, else what is typed (unseen), else the next line of the input.
pub(super) fn ask(variable: &str, question: &str) -> anyhow::Result<Secret> {
    if let Ok(text) = std::env::var(variable) {
        return Ok(Secret::new(text));
    }
    if std::io::stdin().is_terminal() {
        return Ok(Secret::new(rpassword::prompt_password(format!("{question}: "))?));
    }
    let mut line = String::new();
    let read = std::io::stdin().read_line(&mut line)?;
    anyhow::ensure!(read > 0, "no {question}: set {variable}, or give it as a line of the input");
    Ok(Secret::new(line.trim_end_matches(['\r', '\n']).to_owned()))
}
