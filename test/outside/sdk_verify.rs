//! Twilio's own Python library against our Verify: nothing of it is changed but where its requests go.

use serde_json::{Value, json};

use super::contract_verify;
use super::sdk::{CLIENT, given, server};
use crate::harness::{ADMIN, Result, Server, python};
use crate::messages::with;

/// What scripts are told of a server, with what reads the texts that the loopback carrier was sent.
pub fn told(server: &Server) -> Value {
    with(given(server), json!({"admin": ADMIN}))
}

/// The texts that a person got, and the code in the last of them.
pub const TEXTS: &str = r"
import re, requests

def texts(to):
    head = {'Authorization': 'Bearer ' + given['admin']}
    told = requests.get(given['url'] + '/v1/loopback/messages', params={'to': to, 'limit': 50}, headers=head)
    return [one['body'] for one in told.json()['data']]

def code_of(to, count=1, digits=6):
    for _ in range(1000):
        got = texts(to)
        if len(got) >= count:
            return re.search(r'(?<!\d)\d{%d}(?!\d)' % digits, got[0]).group()
        time.sleep(0.02)
    raise AssertionError(f'{len(got)} texts, not {count}')

def other(code):
    return str((int(code) + 1) % 10 ** len(code)).zfill(len(code))
";

/// A page that is refused is an error of another kind, with the whole response.
const PAGES: &str = r"
from twilio.base.exceptions import TwilioException

def refused_page(act):
    try:
        act()
    except TwilioException as error:
        return [error.args[1].status_code, json.loads(error.args[1].text)['code']]
    return None

verify = client.verify.v2
person = lambda nth: '+141555502%02d' % nth
";

const CHECKS: &str = r"
service = verify.services.create(friendly_name='Acme', code_length=6)
at = verify.services(service.sid)
sent = at.verifications.create(to=to, channel='sms')
code, text = code_of(to), texts(to)[0]
wrong = at.verification_checks.create(to=to, code=other(code))
# another text of the same one, with the same code
again = at.verifications.create(to='+1 (415) 555-0100', channel='sms', locale='fr')
same = code_of(to, 2)
pending = at.verifications(sent.sid).fetch()
by_number = at.verifications(to).fetch()
right = at.verification_checks.create(verification_sid=sent.sid, code=f' {code[:3]}-{code[3:]}')
over = [refusal(lambda: at.verification_checks.create(to=to, code=code)),
        refusal(lambda: at.verification_checks.create(verification_sid=sent.sid, code=code)),
        refusal(at.verifications(sent.sid).fetch), refusal(at.verifications(to).fetch),
        refusal(lambda: at.verifications(sent.sid).update(status='canceled'))]
fresh = at.verifications.create(to=to, channel='sms')

# too many checks: five are wrong, and then there is no sixth
at.verifications.create(to=person(1), channel='sms')
guessed = code_of(person(1))
guesses = [at.verification_checks.create(to=person(1), code=other(guessed)) for _ in range(5)]
sixth = [refusal(lambda: at.verification_checks.create(to=person(1), code=code)) for code in (other(guessed), guessed)]

# too many sends
sends = [at.verifications.create(to=person(2), channel='sms').sid for _ in range(5)]
sent_sixth = refusal(lambda: at.verifications.create(to=person(2), channel='sms'))

# given up, and begun anew
first = at.verifications.create(to=person(3), channel='sms')
canceled = at.verifications(first.sid).update(status='canceled')
gone = refusal(lambda: at.verification_checks.create(to=person(3), code='123456'))
anew = at.verifications.create(to=person(3), channel='sms')

answer = {
    'sent': [sent.sid[:2], sent.status, sent.valid, sent.channel, sent.to, sent.service_sid == service.sid,
             sent.account_sid == given['sid'], len(sent.send_code_attempts), sent.date_created is not None],
    'text': text,
    'hidden': code not in ' '.join(texts(to)[1:]),
    'code': code,
    'wrong': [wrong.sid == sent.sid, wrong.status, wrong.valid],
    'again': [again.sid == sent.sid, len(again.send_code_attempts), same == code,
              {one['attempt_sid'][:2] for one in again.send_code_attempts} == {'VL'}],
    'pending': [pending.sid == sent.sid, pending.status, by_number.sid == sent.sid, len(pending.send_code_attempts)],
    'right': [right.sid == sent.sid, right.status, right.valid, right.to],
    'over': over,
    'fresh': fresh.sid != sent.sid,
    'guesses': [[one.status, one.valid] for one in guesses],
    'sixth': sixth,
    'sends': len(set(sends)),
    'sent_sixth': sent_sixth,
    'canceled': [canceled.sid == first.sid, canceled.status, gone, anew.sid != first.sid],
    'replies': replies,
}
";

#[tokio::test]
async fn pythons_library_verifies_a_phone() -> Result {
    let server = server().await?;
    let script = format!("{CLIENT}{TEXTS}{PAGES}{CHECKS}");
    let answer = python::run(&script, told(&server)).await?;
    assert_eq!(answer["sent"], json!(["VE", "pending", false, "sms", "+14155550100", true, true, 1, true]));
    let code = answer["code"].as_str().unwrap_or_default();
    assert_eq!(answer["text"], format!("Your Acme verification code is: {code}"));
    assert_eq!(answer["hidden"], true, "what is over is told nobody");
    assert_eq!(answer["wrong"], json!([true, "pending", false]));
    assert_eq!(answer["again"], json!([true, 2, true, true]), "the same verification, and the same code");
    assert_eq!(answer["pending"], json!([true, "pending", true, 2]));
    assert_eq!(answer["right"], json!([true, "approved", true, "+14155550100"]));
    assert_eq!(answer["over"], json!(vec![[404, 20404]; 5]));
    assert_eq!(answer["fresh"], true);
    assert_eq!(answer["guesses"], json!(vec![json!(["pending", false]); 5]));
    assert_eq!(answer["sixth"], json!([[429, 60202], [429, 60202]]), "the right one neither");
    assert_eq!((&answer["sends"], &answer["sent_sixth"]), (&json!(1), &json!([429, 60203])));
    assert_eq!(answer["canceled"], json!([true, "canceled", [404, 20404], true]));
    contract_verify::check(&answer["replies"].as_array().cloned().unwrap_or_default(), 22).await
}

const SERVICES: &str = r"
made = verify.services.create(friendly_name='Acme', code_length=8, custom_code_enabled=True)
at = verify.services(made.sid)
changed = at.update(friendly_name='Acme Shop', do_not_share_warning_enabled=True, tts_name='Polly.Amy')
others = [verify.services.create(friendly_name=f'Other {n}') for n in range(3)]
listed = verify.services.list(page_size=2)
page = verify.services.page(page_size=2)
behind = page.next_page()
back = behind.previous_page()
chosen = at.verifications.create(to=to, channel='sms', custom_code='01234567', custom_friendly_name='Acme Bank')
approved = at.verifications(chosen.sid).update(status='approved')
plain = verify.services(others[0].sid)
templates = verify.templates.list()
told = plain.verifications.create(to=person(1), channel='sms', template_sid=templates[0].sid)

paid = verify.services.create(friendly_name='Pay', psd2_enabled=True)
pay = verify.services(paid.sid)
payment = pay.verifications.create(to=person(2), channel='sms', amount='$39.99', payee='Acme')
paid_code = code_of(person(2))
check = lambda **more: pay.verification_checks.create(to=person(2), code=paid_code, **more)
unpaid = [refusal(lambda: pay.verifications.create(to=person(3), channel='sms')), refusal(check),
          refusal(lambda: check(amount='$3.99', payee='Acme'))]
confirmed = check(amount='$39.99', payee='Acme')

refusals = [
    refusal(lambda: verify.services.create(friendly_name='a' * 31)),
    refusal(lambda: verify.services.create(friendly_name='Acme', code_length=3)),
    refusal(lambda: at.verifications.create(to='nobody', channel='sms')),
    refusal(lambda: at.verifications.create(to=to, channel='pigeon')),
    refusal(lambda: at.verifications.create(to=to, channel='email')),
    refusal(lambda: at.verifications.create(to=to, channel='auto')),
    refusal(lambda: at.verifications.create(to=to, channel='sna')),
    refusal(lambda: at.verifications.create(to=to, channel='sms', custom_code='123')),
    refusal(lambda: plain.verifications.create(to=person(4), channel='sms', custom_code='123456')),
    refusal(lambda: at.verifications.create(to=to, channel='sms', tags='[]')),
    refusal(lambda: at.verifications.create(to=to, channel='sms', device_ip='here')),
    refusal(lambda: at.verification_checks.create(code='123456')),
    refusal(lambda: at.verification_checks.create(to=to)),
    refusal(lambda: at.verifications(to).update(status='pending')),
]
unknown = [
    refusal(verify.services('VA' + '0' * 32).fetch),
    refusal(lambda: verify.services('VA' + '0' * 32).verifications.create(to=to, channel='sms')),
    refusal(at.verifications('VE' + '0' * 32).fetch),
    refusal(lambda: at.verification_checks.create(to=person(9), code='123456')),
    refusal(verify.verification_attempts('VL' + '0' * 32).fetch),
    refused_page(at.webhooks.list),
    refused_page(at.messaging_configurations.list),
    refusal(lambda: at.access_tokens.create(identity='a', factor_type='push')),
]
answer = {
    'made': [made.sid[:2], made.friendly_name, made.code_length, made.custom_code_enabled, sorted(made.links)],
    'changed': [changed.sid == made.sid, changed.friendly_name, changed.code_length, changed.tts_name,
                changed.do_not_share_warning_enabled, at.fetch().friendly_name],
    'listed': [one.sid for one in listed] == [one.sid for one in reversed([made, *others])],
    'pages': [len([one for one in some]) for some in (page, behind, back)],
    'chosen': [chosen.status, approved.status, approved.valid],
    'told': [told.status, templates[0].sid[:2], templates[0].channels],
    'payment': [payment.amount, payment.payee, '$39.99' in texts(person(2))[0], confirmed.status, confirmed.amount],
    'unpaid': unpaid,
    'refusals': refusals,
    'unknown': unknown,
    'deleted': [verify.services(others[1].sid).delete(), refusal(verify.services(others[1].sid).fetch)],
    'replies': replies,
}
";

#[tokio::test]
async fn pythons_library_changes_services_and_reads_our_refusals() -> Result {
    let server = server().await?;
    let answer = python::run(&format!("{CLIENT}{TEXTS}{PAGES}{SERVICES}"), told(&server)).await?;
    let links = json!([
        "access_tokens",
        "entities",
        "messaging_configurations",
        "rate_limits",
        "verification_checks",
        "verifications",
        "webhooks"
    ]);
    assert_eq!(answer["made"], json!(["VA", "Acme", 8, true, links]));
    assert_eq!(answer["changed"], json!([true, "Acme Shop", 8, "Polly.Amy", true, "Acme Shop"]));
    assert_eq!((&answer["listed"], &answer["pages"]), (&json!(true), &json!([2, 2, 2])), "newest first");
    assert_eq!(answer["chosen"], json!(["pending", "approved", true]));
    assert_eq!(answer["told"], json!(["pending", "HJ", ["sms"]]));
    assert_eq!(answer["payment"], json!(["$39.99", "Acme", true, "approved", "$39.99"]));
    assert_eq!(answer["unpaid"], json!([[400, 60206], [400, 60206], [400, 60200]]));
    let refusals = [
        [400, 60200],
        [400, 60200],
        [400, 60200],
        [400, 60200],
        [400, 60223],
        [400, 60223],
        [400, 60223],
        [400, 60200],
        [403, 60204],
        [400, 60200],
        [400, 60200],
        [400, 60221],
        [400, 60200],
        [404, 20404],
    ];
    assert_eq!(answer["refusals"], json!(refusals));
    assert_eq!(answer["unknown"], json!(vec![[404, 20404]; 8]));
    assert_eq!(answer["deleted"], json!([true, [404, 20404]]));
    contract_verify::check(&answer["replies"].as_array().cloned().unwrap_or_default(), 16).await
}
