//! Twilio's own Python library against what surrounds our Verify: rate limits, the safe list, attempts.

use serde_json::json;

use super::contract_verify;
use super::sdk::{CLIENT, server};
use super::sdk_verify::{TEXTS, told};
use crate::harness::{Result, python};

const LIMITS: &str = r"
verify = client.verify.v2
person = lambda nth: '+141555502%02d' % nth
service = verify.services.create(friendly_name='Acme')
at = verify.services(service.sid)
limit = at.rate_limits.create(unique_name='end_user_ip', description='by address')
other_limit = at.rate_limits.create(unique_name='session')
here = at.rate_limits(limit.sid)
bucket = here.buckets.create(max=2, interval=600)
send = lambda nth, ip: at.verifications.create(to=person(nth), channel='sms', rate_limits={'end_user_ip': ip})
sent = [send(1, '192.0.2.1').status, send(2, '192.0.2.1').status]
full = [refusal(lambda: send(3, '192.0.2.1')), replies[-1]['headers']]
elsewhere = send(3, '192.0.2.2').status
unknown = refusal(lambda: at.verifications.create(to=person(4), channel='sms', rate_limits={'none': 'x'}))
wider = here.buckets(bucket.sid).update(max=3)
after = send(4, '192.0.2.1').status
changed = here.update(description='by the address of the device')
refusals = [
    refusal(lambda: at.rate_limits.create(unique_name='end_user_ip')),
    refusal(lambda: at.rate_limits.create(unique_name='no name')),
    refusal(lambda: here.buckets.create(max=5, interval=600)),
    refusal(lambda: here.buckets.create(max=0, interval=60)),
    refusal(here.buckets('BL' + '0' * 32).fetch),
    refusal(at.rate_limits('RK' + '0' * 32).fetch),
]
for secs in range(1, 10):
    here.buckets.create(max=1000, interval=secs)
crowded = refusal(lambda: here.buckets.create(max=1000, interval=10))
names = [at.rate_limits.create(unique_name=f'more-{n}').unique_name for n in range(8)]
many = refusal(lambda: at.rate_limits.create(unique_name='too-many'))
listed = [one.unique_name for one in at.rate_limits.list(page_size=3)]
answer = {
    'limit': [limit.sid[:2], limit.unique_name, limit.description, limit.service_sid == service.sid, list(limit.links)],
    'bucket': [bucket.sid[:2], bucket.max, bucket.interval, bucket.rate_limit_sid == limit.sid,
               here.buckets(bucket.sid).fetch().sid == bucket.sid],
    'sent': [*sent, elsewhere, after],
    'full': full,
    'unknown': unknown,
    'changed': [wider.max, wider.interval, changed.description, here.fetch().description],
    'refusals': refusals,
    'many': [crowded, many, len(here.buckets.list()), listed == [*reversed(names), 'session', 'end_user_ip']],
    'deleted': [here.buckets(bucket.sid).delete(), at.rate_limits(other_limit.sid).delete(),
                refusal(at.rate_limits(other_limit.sid).fetch)],
    'replies': [{name: value for name, value in one.items() if name != 'headers'} for one in replies],
}
";

/// The client, which notes headers too.
fn with_headers() -> String {
    let more = "'body': response.text, 'headers': {name.lower(): text for name, text in response.headers.items()}})";
    CLIENT.replace("'body': response.text})", more)
}

#[tokio::test]
async fn pythons_library_manages_rate_limits() -> Result {
    let server = server().await?;
    let answer = python::run(&format!("{}{TEXTS}{LIMITS}", with_headers()), told(&server)).await?;
    assert_eq!(answer["limit"], json!(["RK", "end_user_ip", "by address", true, ["buckets"]]));
    assert_eq!(answer["bucket"], json!(["BL", 2, 600, true, true]));
    assert_eq!(answer["sent"], json!(vec!["pending"; 4]));
    assert_eq!(answer["full"][0], json!([429, 20429]));
    let headers = &answer["full"][1];
    let wait = headers["retry-after"].as_str().and_then(|secs| secs.parse::<u32>().ok());
    // a count lasts up to a sixtieth longer than its interval
    assert!(wait.is_some_and(|secs| (1..=610).contains(&secs)), "{headers}");
    assert!(headers["twilio-reached-rate-limit"].is_string(), "{headers}");
    assert_eq!(answer["unknown"], json!([400, 60200]));
    let changed = json!([3, 600, "by the address of the device", "by the address of the device"]);
    assert_eq!(answer["changed"], changed);
    let refusals = [[400, 60208], [400, 60209], [400, 60211], [400, 60200], [404, 20404], [404, 20404]];
    assert_eq!(answer["refusals"], json!(refusals));
    assert_eq!(answer["many"], json!([[400, 60210], [400, 60207], 10, true]));
    assert_eq!(answer["deleted"], json!([true, true, [404, 20404]]));
    contract_verify::check(&answer["replies"].as_array().cloned().unwrap_or_default(), 34).await
}

const ATTEMPTS: &str = r"
verify = client.verify.v2
person = lambda nth: '+141555502%02d' % nth
before = datetime.now(timezone.utc).replace(microsecond=0)
service, other_service = [verify.services.create(friendly_name=name) for name in ('Acme', 'Other')]
at = verify.services(service.sid)
for nth in range(3):
    at.verifications.create(to=person(nth), channel='sms')
again = at.verifications.create(to=person(0), channel='sms')
elsewhere = verify.services(other_service.sid).verifications.create(to=person(5), channel='sms')
right = at.verification_checks.create(to=person(0), code=code_of(person(0), 2))
attempts = verify.verification_attempts
mine = attempts.list(verify_service_sid=service.sid, page_size=3)
of_one = attempts.list(verification_sid=again.sid)
one = attempts(of_one[0].sid).fetch()
count = lambda **wanted: len(attempts.list(**wanted))
summary = verify.verification_attempts_summary()
told = summary.fetch(verify_service_sid=service.sid)
later = datetime.now(timezone.utc) + timedelta(hours=1)

safe = verify.safelist.create(phone_number=person(7))
found = verify.safelist(person(7)).fetch()
removed = [verify.safelist(person(7)).delete(), refusal(verify.safelist(person(7)).fetch),
           refusal(verify.safelist(person(7)).delete), refusal(lambda: verify.safelist.create(phone_number='nobody'))]
answer = {
    'right': right.status,
    'mine': [len(mine), len({one.sid for one in mine}), all(one.service_sid == service.sid for one in mine)],
    'of_one': [len(of_one), {one.conversion_status for one in of_one} == {'converted'}],
    'one': [one.sid[:2], one.verification_sid == again.sid, one.channel, one.channel_data['to'] == person(0),
            one.channel_data['country'], one.price['currency'], one.price['value'], one.date_created is not None],
    'counts': [count(), count(status='converted'), count(status='unconverted'), count(channel='sms'),
               count(channel='email'), count(country='US'), count(country='FR'), count(channel_data_to=person(0)),
               count(date_created_after=before), count(date_created_after=later), count(date_created_before=before)],
    'summary': [told.total_attempts, told.total_converted, told.total_unconverted, told.conversion_rate_percentage],
    'whole': summary.fetch().total_attempts,
    'prefixes': [summary.fetch(destination_prefix=prefix).total_attempts for prefix in ('+1415', '+1416')],
    'safe': [safe.sid[:2], safe.phone_number == person(7), found.sid == safe.sid, *removed],
    'replies': replies,
}
";

#[tokio::test]
async fn pythons_library_lists_attempts_and_keeps_a_safe_list() -> Result {
    let server = server().await?;
    let answer = python::run(&format!("{CLIENT}{TEXTS}{ATTEMPTS}"), told(&server)).await?;
    assert_eq!(answer["right"], "approved");
    assert_eq!(answer["mine"], json!([4, 4, true]), "over two pages");
    assert_eq!(answer["of_one"], json!([2, true]), "all texts of one that was approved");
    assert_eq!(answer["one"], json!(["VL", true, "sms", true, "US", "usd", "0.0075", true]));
    assert_eq!(answer["counts"], json!([5, 2, 3, 5, 0, 5, 0, 2, 5, 0, 0]));
    assert_eq!(answer["summary"], json!([4, 2, 2, "50.00"]));
    assert_eq!((&answer["whole"], &answer["prefixes"]), (&json!(5), &json!([5, 0])));
    let safe = json!(["GN", true, true, true, [404, 20404], [404, 20404], [400, 60200]]);
    assert_eq!(answer["safe"], safe);
    contract_verify::check(&answer["replies"].as_array().cloned().unwrap_or_default(), 20).await
}
