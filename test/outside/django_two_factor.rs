//! `django-two-factor-auth`, which texts and calls with codes of its own: the gateway class by which its requests come
//! here is all that its project adds.

use serde_json::json;

use super::django::{PROJECT, users};
use super::sdk::server;
use super::sdk_verify::TEXTS;
use crate::harness::{Result, python};

const APP: &str = r"
import sys, time

project(['django_otp', 'django_otp.plugins.otp_static', 'django_otp.plugins.otp_totp', 'two_factor',
         'two_factor.plugins.phonenumber'],
        ['django_otp.middleware.OTPMiddleware', 'two_factor.middleware.threadlocals.ThreadLocals'],
        LOGIN_URL='two_factor:login',
        LOGIN_REDIRECT_URL='/in/',
        TWO_FACTOR_PATCH_ADMIN=False,
        TWO_FACTOR_PHONE_THROTTLE_FACTOR=0,
        TWO_FACTOR_SMS_GATEWAY=__name__ + '.Gateway',
        TWO_FACTOR_CALL_GATEWAY=__name__ + '.Gateway',
        TWILIO_ACCOUNT_SID=given['sid'],
        TWILIO_AUTH_TOKEN=given['token'],
        TWILIO_CALLER_ID=given['from'])

from django.http import HttpResponse
from django.test import Client
from django.urls import include, path
from django_otp.decorators import otp_required
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client as TwilioClient
from two_factor.gateways.twilio.gateway import Twilio
from two_factor.gateways.twilio.urls import urlpatterns as call_urls
from two_factor.plugins.phonenumber.models import PhoneDevice
from two_factor.urls import urlpatterns as two_factor_urls

class Turned(TwilioHttpClient):
    def request(self, method, url, *args, **more):
        return super().request(method, url.replace('https://api.twilio.com', given['url']), *args, **more)

class Gateway(Twilio):
    def __init__(self):
        self.client = TwilioClient(settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN, http_client=Turned())

@otp_required
def home(request):
    return HttpResponse('hello ' + request.user.username)

urlpatterns = [path('', include(two_factor_urls)), path('', include(call_urls)), path('in/', home)]
";

const RUN: &str = r"
def begin(name, method):
    PhoneDevice.objects.create(user=person(name), name='default', number=given['numbers'][name], method=method)
    browser = Client(SERVER_NAME='shop.example.com')
    told = browser.post('/account/login/', {'auth-username': name, 'auth-password': 'secret',
                                            'login_view-current_step': 'auth'})
    return browser, told.status_code

def enter(browser, code):
    return browser.post('/account/login/', {'token-otp_token': code, 'login_view-current_step': 'token'})

ann, asked = begin('ann', 'sms')
before = step(ann.get('/in/'))
code = code_of(given['numbers']['ann'])
text = texts(given['numbers']['ann'])[0].strip()
wrong = enter(ann, other(code))
right = step(enter(ann, code))
inside = ann.get('/in/')

# what the carrier would fetch, and what it would say once a key is pressed
bob, called = begin('bob', 'call')
calls = requests.get(given['url'] + '/v1/calls', auth=(given['sid'], given['token'])).json()['data']
url = calls[0]['url']
carrier = Client(SERVER_NAME='shop.example.com')
greeting = carrier.get(url.split('shop.example.com')[1]).content.decode()
spoken = carrier.post(url.split('shop.example.com')[1], {'Digits': '1'}).content.decode()
digits = ''.join(re.findall(r'<Say[^>]*>(\d)</Say>', spoken))
half = digits[:len(digits) // 2].zfill(6)
by_phone = step(enter(bob, half))
answer = {
    'asked': [asked, before],
    'text': text.replace(code, 'CODE'),
    'wrong': [wrong.status_code, 'Location' in wrong],
    'right': [right, inside.status_code, inside.content.decode()],
    'called': [called, len(calls), calls[0]['to'] == given['numbers']['bob'], url.split('/twilio/')[0]],
    'greeting': ['<Gather' in greeting, re.findall(r'>\d<', greeting)],
    'by_phone': [by_phone, bob.get('/in/').content.decode()],
}
";

#[tokio::test]
async fn an_application_upon_messages_and_calls_logs_people_in() -> Result {
    let server = server().await?;
    let answer = python::run(&format!("{TEXTS}{PROJECT}{APP}{RUN}"), users(&server)).await?;
    assert_eq!(answer["asked"], json!([200, [302, "/account/login/"]]));
    assert_eq!(answer["text"], "Your OTP token is CODE");
    assert_eq!(answer["wrong"], json!([200, false]));
    assert_eq!(answer["right"], json!([[302, "/in/"], 200, "hello ann"]));
    assert_eq!(answer["called"], json!([200, 1, true, "http://shop.example.com"]));
    assert_eq!(answer["greeting"], json!([true, []]), "nothing is spoken before a key is pressed");
    assert_eq!(answer["by_phone"], json!([[302, "/in/"], "hello bob"]));
    Ok(())
}
