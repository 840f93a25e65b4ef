//! The description drawn at `/docs`: all of it from here, under a policy that lets nothing else in.

use anyhow::ensure;

use super::view::View;
use crate::harness::{Layout, Result, Server, until};

#[tokio::test(flavor = "multi_thread")]
async fn the_description_is_drawn_without_asking_anybody_else() -> Result {
    let server = Server::start(Layout::SqliteShared).await?;
    let answer = server.http.get(server.url("/docs")).send().await?;
    let policy = answer.headers().get("content-security-policy").and_then(|policy| policy.to_str().ok());
    let policy = policy.unwrap_or_default();
    ensure!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
    for outside in ["http:", "https:", "*", "unsafe-eval"] {
        ensure!(!policy.contains(outside), "{outside} in {policy}");
    }
    for path in ["/docs", "/docs/"] {
        let view = View::new().await?;
        view.browser.go(&server.url(path)).await?;
        let count = "return document.querySelectorAll('.opblock').length;";
        until("all operations", async || {
            let drawn = view.browser.run(count).await?.as_u64().unwrap_or_default();
            Ok((drawn >= 28).then_some(()))
        })
        .await?;
        // an operation opened draws its parameters and schemas too
        view.browser.click("#operations-messages-send_message .opblock-summary-control").await?;
        until("its body", async || {
            let open = "return document.querySelector('.opblock-section-request-body') !== null;";
            Ok((view.browser.run(open).await? == true).then_some(()))
        })
        .await?;
        let loaded = view.loaded_from().await?;
        ensure!(loaded.len() >= 6, "{loaded:?}");
        ensure!(loaded.iter().all(|origin| *origin == server.url("") || origin == "null"), "{loaded:?}");
        ensure!(view.breaches().await?.is_empty(), "{:?}", view.breaches().await?);
    }
    Ok(())
}
