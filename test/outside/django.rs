//! Applications in Django that log people in by codes, unmodified but for where their requests go: here
//! `django-twilio-2fa`, which is ready made upon Twilio's Verify.

use serde_json::{Value, json};

use super::sdk::{SENDER, server};
use super::sdk_verify::{TEXTS, told};
use crate::harness::{Result, Server, python};
use crate::messages::with;

/// Twilio's library as an application makes it for itself: where it sends its requests is all that is changed.
const TURNED: &str = r"
import sys, time
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client as TwilioClient

whole = TwilioHttpClient.request

def turned(self, method, url, *args, **more):
    for name in ('api', 'verify'):
        url = url.replace(f'https://{name}.twilio.com', given['url'])
    return whole(self, method, url, *args, **more)

TwilioHttpClient.request = turned
";

/// What a project in Django needs, whatever its applications.
pub const PROJECT: &str = r"
from django.conf import settings

def project(apps, middleware, **more):
    settings.configure(
        SECRET_KEY='x' * 50,
        ALLOWED_HOSTS=['*'],
        ROOT_URLCONF=__name__,
        TIME_ZONE='UTC',
        USE_TZ=True,
        DEFAULT_AUTO_FIELD='django.db.models.AutoField',
        DATABASES={'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': ':memory:'}},
        PASSWORD_HASHERS=['django.contrib.auth.hashers.MD5PasswordHasher'],
        INSTALLED_APPS=['django.contrib.auth', 'django.contrib.contenttypes', 'django.contrib.sessions',
                        'django.contrib.messages', *apps],
        MIDDLEWARE=['django.contrib.sessions.middleware.SessionMiddleware',
                    'django.middleware.common.CommonMiddleware',
                    'django.middleware.csrf.CsrfViewMiddleware',
                    'django.contrib.auth.middleware.AuthenticationMiddleware',
                    'django.contrib.messages.middleware.MessageMiddleware', *middleware],
        TEMPLATES=[{'BACKEND': 'django.template.backends.django.DjangoTemplates', 'APP_DIRS': True,
                    'OPTIONS': {'context_processors': ['django.template.context_processors.request',
                                                       'django.contrib.auth.context_processors.auth',
                                                       'django.contrib.messages.context_processors.messages']}}],
        **more)
    import django
    django.setup()
    from django.core.management import call_command
    call_command('migrate', verbosity=0, stdout=sys.stderr)

def person(name):
    from django.contrib.auth.models import User
    return User.objects.create_user(name, password='secret')

def step(told):
    return [told.status_code, told.get('Location', '').split('?')[0]]
";

const VERIFY_APP: &str = r"
service = TwilioClient(given['sid'], given['token']).verify.v2.services.create(friendly_name='Acme')

def phone(user):
    from django_twilio_2fa.options import PhoneNumber
    return PhoneNumber(phone_number=given['numbers'][user.username], country_code='US', carrier_type='mobile')

project(['rest_framework', 'widget_tweaks', 'django_twilio_2fa'], [],
        LOGIN_URL='/login/',
        TWILIO_2FA_ACCOUNT_SID=given['sid'],
        TWILIO_2FA_AUTH_TOKEN=given['token'],
        TWILIO_2FA_SERVICE_ID=service.sid,
        TWILIO_2FA_ALLOWED_METHODS=['sms'],
        TWILIO_2FA_USER_PHONE_NUMBER_CB=phone,
        TWILIO_2FA_USER_EMAIL_CB=lambda user: None,
        TWILIO_2FA_SEND_COOLDOWN=0,
        TWILIO_2FA_SUCCESS_REDIRECT_URL='/in/')

from django.contrib.auth.views import LoginView
from django.http import HttpResponse
from django.shortcuts import redirect
from django.test import Client
from django.urls import include, path
from django_twilio_2fa.dispatch import twilio_2fa_verification_success

def verified(sender, request, **more):
    request.session['is_verified'] = True

twilio_2fa_verification_success.connect(verified)

def home(request):
    if not request.session.get('is_verified'):
        return redirect('/2fa/start')
    return HttpResponse('hello ' + request.user.username)

urlpatterns = [
    path('login/', LoginView.as_view()),
    path('in/', home),
    path('2fa/', include('django_twilio_2fa.urls')),
    path('2fa-api/', include('django_twilio_2fa.api.urls')),
]
";

const VERIFY_RUN: &str = r"
import base64

def begin(name):
    person(name)
    browser = Client()
    steps = [step(browser.post('/login/?next=/in/', {'username': name, 'password': 'secret'})),
             step(browser.get('/in/')), step(browser.get('/2fa/start'))]
    return browser, steps

def enter(browser, code):
    return browser.post('/2fa/verify', {'token': code})

ann, steps = begin('ann')
number = given['numbers']['ann']
code, shown = code_of(number), ann.get('/2fa/verify')
wrong = enter(ann, other(code))
resent = step(ann.get('/2fa/start'))
same = code_of(number, 2) == code
right = [step(enter(ann, code)), step(ann.get('/2fa/success'))]
inside = ann.get('/in/')

bob, _ = begin('bob')
guessed = code_of(given['numbers']['bob'])
guesses = [enter(bob, other(guessed)).status_code for _ in range(5)]
failed = enter(bob, guessed)
reason = json.loads(base64.urlsafe_b64decode(failed['Location'].split('?e=')[1]))

cid, _ = begin('cid')
asked = code_of(given['numbers']['cid'])
canceled = cid.post('/2fa-api/cancel', {}, content_type='application/json')
late = cid.get('/in/')
answer = {
    'steps': steps,
    'shown': [shown.status_code, 'enter the token' in shown.content.decode()],
    'wrong': [wrong.status_code, 'incorrect' in wrong.content.decode()],
    'resent': [resent, same],
    'right': right,
    'inside': [inside.status_code, inside.content.decode()],
    'guesses': guesses,
    'failed': [step(failed), reason['error_code'], step(bob.get('/in/'))],
    'canceled': [canceled.status_code, canceled.json()['success'], step(late)],
}
";

/// What an application is told of a server and its users.
pub fn users(server: &Server) -> Value {
    let numbers = json!({"ann": "+14155550401", "bob": "+14155550402", "cid": "+14155550403"});
    with(told(server), json!({"numbers": numbers, "from": SENDER}))
}

#[tokio::test]
async fn an_application_upon_verify_logs_people_in() -> Result {
    let server = server().await?;
    let script = format!("{TURNED}{TEXTS}{PROJECT}{VERIFY_APP}{VERIFY_RUN}");
    let answer = python::run(&script, users(&server)).await?;
    assert_eq!(answer["steps"], json!([[302, "/in/"], [302, "/2fa/start"], [302, "/2fa/verify"]]));
    assert_eq!(answer["shown"], json!([200, true]));
    assert_eq!(answer["wrong"], json!([200, true]), "one may try again");
    assert_eq!(answer["resent"], json!([[302, "/2fa/verify"], true]), "the same code again");
    assert_eq!(answer["right"], json!([[302, "/2fa/success"], [302, "/in/"]]));
    assert_eq!(answer["inside"], json!([200, "hello ann"]));
    assert_eq!(answer["guesses"], json!(vec![200; 5]));
    let failed = json!([[302, "/2fa/failed"], "max_attempts_reached", [302, "/2fa/start"]]);
    assert_eq!(answer["failed"], failed, "five were wrong: the right one comes too late");
    assert_eq!(answer["canceled"], json!([200, true, [302, "/2fa/start"]]));
    Ok(())
}
