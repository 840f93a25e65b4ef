//! Prism refuses what Twilio's description does not allow, so what it accepts counts. Names it does not know it
//! passes over; the carrier refuses those.

use serde_json::Value;

use crate::harness::carrier::{ACCOUNT, TOKEN};
use crate::harness::{Prism, Result};

const GOOD: [(&str, &str); 3] = [("To", "+14155550100"), ("From", "+14155550199"), ("Body", "hello & good-bye")];

/// Posts a form to `…/Messages.json`; status and answer.
async fn post(prism: &Prism, form: &[(&str, &str)], password: Option<&str>) -> Result<(u16, Value)> {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    let mut request = reqwest::Client::new()
        .post(format!("{}/2010-04-01/Accounts/{ACCOUNT}/Messages.json", prism.url()))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body);
    if let Some(password) = password {
        request = request.basic_auth(ACCOUNT, Some(password));
    }
    let response = request.send().await?;
    Ok((response.status().as_u16(), response.json().await?))
}

#[tokio::test]
async fn it_accepts_what_the_description_allows_and_nothing_else() -> Result {
    // a second test finds it installed, which is as good
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    let Some(prism) = Prism::start().await? else { return Ok(()) };
    let (status, message) = post(&prism, &GOOD, Some(TOKEN)).await?;
    assert_eq!(status, 201, "{message}\n{}", prism.log()?);
    assert_eq!(message["status"], "queued");
    let wrong = [
        (("ValidityPeriod", "soon"), "must be integer"),
        (("ScheduleType", "never"), "allowed values: fixed"),
        (("SmartEncoded", "maybe"), "must be boolean"),
    ];
    for (parameter, reason) in wrong {
        let (status, refused) = post(&prism, &[&GOOD[..], &[parameter]].concat(), Some(TOKEN)).await?;
        assert_eq!(status, 422, "{parameter:?}: {refused}");
        assert!(refused["validation"].to_string().contains(reason), "{parameter:?}: {refused}");
    }
    assert_eq!(post(&prism, &GOOD[1..], Some(TOKEN)).await?.0, 422, "no To");
    assert_eq!(post(&prism, &GOOD, None).await?.0, 401, "no credentials");
    Ok(())
}

#[tokio::test]
async fn it_lists() -> Result {
    let _ = tokio_rustls::rustls::crypto::ring::default_provider().install_default();
    let Some(prism) = Prism::start().await? else { return Ok(()) };
    let list = |query: &str| {
        let url = format!("{}/2010-04-01/Accounts/{ACCOUNT}/Messages.json?{query}", prism.url());
        reqwest::Client::new().get(url).basic_auth(ACCOUNT, Some(TOKEN)).send()
    };
    let good = list("To=%2B14155550100&DateSent%3E=2026-11-21T07%3A00%3A00Z&PageSize=5").await?;
    assert_eq!(good.status(), 200, "{}", prism.log()?);
    assert!(good.json::<Value>().await?["messages"].is_array());
    assert_eq!(list("PageSize=five").await?.status(), 422);
    Ok(())
}
