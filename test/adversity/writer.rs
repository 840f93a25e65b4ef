//! The database that writes becomes another one, behind the same address; or none writes for a while.

use anyhow::ensure;
use serde_json::json;

use super::scene::metric;
use crate::harness::mariadb::{Mariadb, pair};
use crate::harness::proxy::Proxy;
use crate::harness::{Builder, Result, Server, until};
use crate::relay::scene::{act, customer, everything, text_to};

/// The replica has all that the writer wrote, and writes from now on.
async fn promote(writer: &Mariadb, replica: &Mariadb) -> Result {
    writer.run("SET GLOBAL read_only = 1").await?;
    let position = writer.status("SELECT 'position', @@gtid_binlog_pos").await?;
    replica.run(&format!("DO MASTER_GTID_WAIT('{position}', 60)")).await?;
    replica.run("STOP SLAVE").await?;
    replica.run("SET GLOBAL read_only = 0").await
}

async fn until_ready(server: &Server, wanted: u16) -> Result {
    until(&format!("{wanted} from /readyz"), async || {
        let status = server.http.get(server.url("/readyz")).send().await?.status();
        Ok((status == wanted).then_some(()))
    })
    .await
}

async fn messages(server: &Server) -> Result<Vec<String>> {
    Ok(server.rows("SELECT COUNT(*) FROM sb_message").await?.concat())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_writer_is_found_wherever_it_is() -> Result {
    let (writer, replica) = pair().await?;
    let wire = Proxy::to("127.0.0.1", writer.port).await?;
    let server = Builder::over(&Mariadb::store_at(wire.port))?.start().await?;
    everything(&server).await?;
    let client = customer(&server, "10", json!({})).await?;
    text_to(&server, &client, "+12025550101", json!({})).await?;
    until_ready(&server, 200).await?;
    // connections stay where they are: only new ones lead to the other
    promote(&writer, &replica).await?;
    wire.switch(replica.port);
    for _ in 0..3 {
        text_to(&server, &client, "+12025550102", json!({})).await?;
    }
    until_ready(&server, 200).await?;
    assert_eq!(messages(&server).await?, ["4"]);
    // nobody writes: probes are told though nobody has tried to
    replica.run("SET GLOBAL read_only = 1").await?;
    until_ready(&server, 503).await?;
    let checks = metric(&server, "switchboard_store_seconds_count").await?;
    for _ in 0..300 {
        ensure!(server.http.get(server.url("/readyz")).send().await?.status() == 503, "ready while nobody writes");
    }
    let more = metric(&server, "switchboard_store_seconds_count").await? - checks;
    ensure!(more < 150.0, "{more} questions to the store for 300 probes");
    let body = json!({"to": "+12025550103", "body": "hello"});
    let (status, said) = act(&server, &client, "POST", "/v1/messages", Some(body)).await?;
    assert_eq!(status, 503, "{said}");
    replica.run("SET GLOBAL read_only = 0").await?;
    text_to(&server, &client, "+12025550104", json!({})).await?;
    until_ready(&server, 200).await?;
    assert_eq!(messages(&server).await?, ["5"]);
    Ok(())
}
