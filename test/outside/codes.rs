//! The older service of one-time codes as its programs use it: Python's `requests`, an endpoint, and what they read of an
//! answer that is not well.

use serde_json::json;

use super::sdk::server;
use super::sdk_verify::{TEXTS, told};
use crate::harness::{Result, python};

/// A program has nothing of its own but the endpoint.
const PROGRAM: &str = r"
import time
from urllib.parse import urlsplit

class Codes:
    def __init__(self, endpoint):
        self.endpoint = endpoint

    def read(self, response):
        try:
            response.raise_for_status()
        except requests.exceptions.HTTPError as error:
            content = error.response.json()
            return [error.response.status_code, content['message'], content['reason'], content.get('attempts_left')]
        return response.json()

    def create(self, auth_id, recipient):
        return self.read(requests.post(self.endpoint, json={'auth_id': auth_id, 'recipient': recipient}))

    def authenticate(self, auth_id, code):
        return self.read(requests.get(self.endpoint, params={'auth_id': auth_id, 'code': code}))

host = urlsplit(given['url']).netloc
key = given['token']
ways = [f'http://:{key}@{host}/', f'http://{host}/?key={key}', f'http://{host}', given['url']]
";

const RUN: &str = r"
answer = []
for nth, endpoint in enumerate(ways):
    codes, auth_id, recipient = Codes(endpoint), f'user {nth} é&=+', f'1415555060{nth}'
    made = codes.create(auth_id, recipient)
    code = code_of('+' + recipient, digits=4)
    told = texts('+' + recipient)[0]
    wrong = codes.authenticate(auth_id, other(code))
    # their codes are integers
    right = codes.authenticate(auth_id, int(code))
    answer.append({
        'made': [made['message'], made['auth_id'] == auth_id],
        'text': told.replace(code, 'CODE', 1),
        'wrong': wrong,
        'right': [right['authenticated'], right['auth_id'] == auth_id, right['message']],
        'over': codes.authenticate(auth_id, int(code)),
        'none': codes.authenticate(auth_id, 'none')[::2],
        'nobody': codes.create(auth_id, '5550100')[::2],
    })
stranger = Codes(f'http://:wrong@{host}/')
answer.append([stranger.create('user', '14155550600')[::2], stranger.authenticate('user', 1)[::2]])
";

#[tokio::test]
async fn programs_of_the_older_service_go_on() -> Result {
    let server = server().await?;
    let answer = python::run(&format!("{TEXTS}{PROGRAM}{RUN}"), told(&server)).await?;
    let mut all = answer.as_array().cloned().unwrap_or_default();
    assert_eq!(all.pop(), Some(json!([[401, "Unauthorized"], [401, "Unauthorized"]])));
    assert_eq!(all.len(), 4);
    for one in all {
        assert_eq!(one["made"], json!(["Success: Verification code created.", true]));
        let text = "CODE\nWelcome to Flowroute! Use this one-time code to complete your signup.";
        assert_eq!(one["text"], text);
        assert_eq!(one["wrong"], json!([400, "Invalid code", "InvalidAuthCode", 2]));
        assert_eq!(one["right"], json!([true, true, "Success: Authorization code verified."]));
        assert_eq!(one["over"], json!([400, "Unknown auth id", "UnknownAuthId", 0]));
        for wrong in [&one["none"], &one["nobody"]] {
            assert_eq!(*wrong, json!([400, "InvalidAPIUsage"]));
        }
    }
    Ok(())
}
