//! What is asked of a running server, and how what came of it is shown.

use std::fmt::Display;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::Value;

use super::CommandResult;
use super::api::{ApiClient, ServerUrlArguments};
use super::output::OutputArguments;
use crate::config::Config;
use crate::model::ClientId;

/// What is asked of a running server, and how to show what came of it.
#[derive(Args)]
pub(super) struct RemoteCommand<A: Subcommand> {
    #[command(subcommand)]
    action: A,
    #[command(flatten)]
    server: ServerUrlArguments,
    #[command(flatten)]
    output: OutputArguments,
}

impl<A: Subcommand> RemoteCommand<A> {
    pub(super) fn open(self, config: &Config) -> anyhow::Result<(A, RemoteCommandContext)> {
        Ok((self.action, RemoteCommandContext { api: self.server.api(config)?, output: self.output }))
    }
}

/// A server, and whoever reads what it answers. What is done here ends a command.
pub(super) struct RemoteCommandContext {
    pub(super) api: ApiClient,
    pub(super) output: OutputArguments,
}

#[expect(clippy::unnecessary_wraps, reason = "what is shown last ends a command")]
impl RemoteCommandContext {
    /// The same for a client.
    pub(super) fn acting_for(self, client: Option<ClientId>) -> Self {
        Self { api: self.api.acting_for(client), output: self.output }
    }

    /// The same for what may take its time.
    pub(super) fn patient(self) -> Self {
        Self { api: self.api.patient(), output: self.output }
    }

    /// Shows an object.
    pub(super) fn show(&self, object: &Value, words: impl FnOnce(&Value) -> String) -> CommandResult {
        self.output.show(object, words);
        Ok(ExitCode::SUCCESS)
    }

    /// Shows an object to which something was done.
    pub(super) fn done(&self, done: &str, object: &Value, words: impl FnOnce(&Value) -> String) -> CommandResult {
        self.output.show_done(done, object, words);
        Ok(ExitCode::SUCCESS)
    }

    /// Shows all of a list; `none` says that it is empty.
    pub(super) async fn list(&self, path: &str, none: &str, line: impl Fn(&Value) -> String) -> CommandResult {
        self.list_first(usize::MAX, path, &[], none, line).await
    }

    /// Shows the first items of a list, narrowed by those filters that say something.
    pub(super) async fn list_first(
        &self,
        at_most: usize,
        path: &str,
        filters: &[(&str, Option<String>)],
        none: &str,
        line: impl Fn(&Value) -> String,
    ) -> CommandResult {
        self.output.list(&self.api.list(path, filters, at_most).await?, none, line);
        Ok(ExitCode::SUCCESS)
    }

    /// Shows what stands at a path.
    pub(super) async fn read(&self, path: &str, words: impl FnOnce(&Value) -> String) -> CommandResult {
        self.show(&self.api.read(path).await?, words)
    }

    /// Posts an object, or nothing.
    pub(super) async fn post(
        &self,
        done: &str,
        path: &str,
        body: Option<&Value>,
        words: impl FnOnce(&Value) -> String,
    ) -> CommandResult {
        self.done(done, &self.api.post(path, body).await?, words)
    }

    pub(super) async fn patch(
        &self,
        done: &str,
        path: &str,
        body: &Value,
        words: fn(&Value) -> String,
    ) -> CommandResult {
        self.done(done, &self.api.patch(path, body).await?, words)
    }

    /// Deletes one of a list's items.
    pub(super) async fn delete(&self, done: &str, list: &str, id: impl Display) -> CommandResult {
        self.api.delete(&format!("{list}/{id}")).await?;
        self.output.tell_done(done, id);
        Ok(ExitCode::SUCCESS)
    }
}
