//! Who may use the server's files: nobody but its user, and a group that the operator lets.

use std::fs::{Permissions, metadata, set_permissions};
use std::os::unix::fs::PermissionsExt as _;

use serde_json::Value;

use super::command::run;
use crate::harness::{Builder, Layout, Result, Server, until};

const FILES: [&str; 5] = ["store.db", "store.db-wal", "store.db-shm", "store.db.serving", "keys"];

/// The modes of all, once they are there: a server listens before it has begun to send.
async fn modes(builder: &Builder) -> Result<Vec<(&'static str, u32)>> {
    let mode = |name| Some((name, metadata(builder.path(name)).ok()?.permissions().mode() & 0o7777));
    until("all files", async || Ok(FILES.into_iter().map(mode).collect())).await
}

/// A mode for the files, and for the folder.
fn all(file: u32, folder: u32) -> Vec<(&'static str, u32)> {
    FILES.into_iter().map(|name| (name, if name == "keys" { folder } else { file })).collect()
}

fn open(builder: &Builder, file: u32, folder: u32) -> Result {
    for (name, mode) in all(file, folder) {
        set_permissions(builder.path(name), Permissions::from_mode(mode))?;
    }
    Ok(())
}

/// What the doctor says of them, in order.
async fn diagnosed(builder: &Builder) -> Result<Vec<String>> {
    let said: Value = serde_json::from_str(&run(builder, &["doctor", "--json"]).await?.out)?;
    let findings = said["findings"].as_array().cloned().unwrap_or_default();
    let rights = findings.iter().filter(|finding| finding["what"] == "rights");
    Ok(rights.map(|finding| format!("{} {} {}", finding["verdict"], finding["found"], finding["advice"])).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn new_files_are_their_owner_s_alone() -> Result {
    // whatever the shell would allow; nothing is there but what the server makes
    let builder = Builder::new(Layout::SqliteShared).await?.before("umask 000");
    let server = builder.start_unseeded().await?;
    assert_eq!(modes(server.builder()).await?, all(0o600, 0o700));
    assert!(diagnosed(server.builder()).await?.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn so_are_those_behind_a_link() -> Result {
    let builder = Builder::new(Layout::SqliteShared).await?.before("umask 000");
    crate::harness::identity::put(&builder.path("keys"))?;
    std::os::unix::fs::symlink("elsewhere.db", builder.path("store.db"))?;
    let server = builder.start_unseeded().await?;
    for name in ["elsewhere.db", "elsewhere.db-wal", "elsewhere.db-shm", "store.db.serving"] {
        let path = server.builder().path(name);
        let found = until(name, async || Ok(metadata(&path).ok())).await?;
        assert_eq!(found.permissions().mode() & 0o777, 0o600, "{name}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_may_do_is_taken_back_and_a_group_is_named() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let builder = server.builder().clone();
    modes(&builder).await?;
    open(&builder, 0o664, 0o755)?;
    let said = diagnosed(&builder).await?;
    assert!(said.iter().all(|said| said.contains("careful") && said.contains("others may use")), "{said:?}");
    // killed, it leaves its journal behind
    let server = server.restart().await?;
    assert_eq!(modes(&builder).await?, all(0o660, 0o750));
    let said = diagnosed(&builder).await?;
    assert_eq!(said.len(), FILES.len(), "{said:?}");
    for (name, said) in FILES.into_iter().zip(&said) {
        let chmod = if name == "keys" { "chmod 700" } else { "chmod 600" };
        let path = builder.path(name).display().to_string();
        assert!(said.contains("its group may use") && said.contains(&format!("{chmod} {path}")), "{said}");
    }
    assert!(said[0].contains("(mode 0660)"), "{said:?}");
    open(&builder, 0o600, 0o700)?;
    assert!(diagnosed(server.builder()).await?.is_empty());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_database_apart_is_named_and_left_as_it_is() -> Result {
    let server = Server::start(Layout::SqliteSeparate).await?;
    let builder = server.builder().clone();
    modes(&builder).await?;
    let backend = builder.path("backend.db");
    for (mode, is_named) in [(0o660, false), (0o644, true)] {
        set_permissions(&backend, Permissions::from_mode(mode))?;
        let said = diagnosed(&builder).await?;
        assert_eq!(said.len(), usize::from(is_named), "{said:?}");
        let is_it = |said: &String| said.contains("careful") && said.contains("backend.db (mode 0644)");
        assert!(said.iter().all(is_it), "{said:?}");
    }
    let _server = server.restart().await?;
    assert_eq!(metadata(&backend)?.permissions().mode() & 0o777, 0o644);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_that_cannot_be_taken_are_a_warning() -> Result {
    let builder = Builder::new(Layout::SqliteShared).await?;
    crate::harness::identity::put(&builder.path("keys"))?;
    let identity = builder.path("keys/identity.pem");
    // a folder whose mode nobody can change, not even root
    let builder = builder.set("keys.dir", "/proc/self").set("sync.private_key", identity.display());
    let server = builder.environment("SWITCHBOARD_MASTER_KEY", &"42".repeat(32)).start().await?;
    until("a warning", async || Ok(server.log()?.contains("could not be taken from them").then_some(()))).await
}
