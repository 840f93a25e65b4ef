// Shows pairing codes as the server's socket sends them, and says what became of each.
'use strict';

(() => {
  const root = document.documentElement;
  const uid = root.dataset.uid;
  const rotateMs = Number(root.dataset.rotateMs);
  const pauseMs = Number(root.dataset.pauseMs);
  const ttlMs = Number(root.dataset.ttlMs);

  const REPLY_MS = 15000; // longest wait for an answer the server owes us
  const POLL_MS = 3000;
  const RETRY_FIRST_MS = 1000;
  const RETRY_MOST_MS = 30000;
  const RETRIES = 12;
  const HOLD_OFF_S = 10; // when a busy server names no time
  const CODES_WATCHED = 4; // late phones may hold any of the last few codes

  const WORDS = {
    connecting: ['Getting a code', 'This takes a moment.'],
    waiting: ['Ready to scan', 'The code changes when the ring runs out.'],
    paused: ['Continue on your phone', `Type your password there to finish. This page waits for ${duration(pauseMs)}.`],
    paired: ['Your phone is paired', 'You can close this page and carry on in the app.'],
    expired: ['This code has expired', 'If your phone has already scanned it, finish there: this page will notice.'],
    revoked: ['Pairing was stopped', 'A phone was removed from this account. If you did that, you can start again.'],
    busy: ['Too many pairing pages are open', 'Close the others for this account, then try again.'],
    reconnecting: ['Reconnecting', 'The server cannot be reached. This page keeps trying.'],
    failed: ['Pairing is not working', 'The server did not give a usable code. If this goes on, tell whoever runs it.'],
  };
  const ATTEMPT_FAILED = ['That attempt did not succeed', 'Check your password, then scan this new code.'];
  const ATTEMPT_LATE = ['Your phone did not answer', `Nothing came for ${duration(pauseMs)}, so the attempt did not succeed. Scan this new code.`];
  const NO_PICTURE = ['The picture did not load', 'Use the link below, or wait for the next code.'];
  const PAUSED_LATE = ['Continue on your phone', 'Type your password there to finish.'];
  const EXPIRED_FAILED = ['That attempt did not succeed', 'This code has expired too. Show a new one and try again.'];
  const EXPIRED_FULLY = ['This code has expired', 'Show a new one when your phone is at hand.'];
  const SERVER_BUSY = ['The server is busy', 'This page tries again when the ring runs out.'];
  const ASKED_TOO_OFTEN = ['Too many requests', 'This page asks for a code again when the ring runs out.'];
  const UNREACHABLE = ['The server cannot be reached', 'Check your connection, then try again.'];

  const ACTIONS = { expired: 'Show a new code', revoked: 'Start again', busy: 'Try again', failed: 'Try again' };
  const IN_TITLE = { ...ACTIONS, paused: true, paired: true }; // worth seeing from another tab

  const part = (id) => document.getElementById(id);
  const heading = part('heading');
  const action = part('action');
  const mobileLink = part('mobile-link');
  const copy = part('copy');
  const timer = part('timer');
  const ring = part('ring');

  let state = 'connecting';
  let socket = null;
  let turn = 0; // goes up when we turn to something else, so that late answers are dropped
  let picture = 0; // the same for pictures still loading
  let watchdog = 0;
  let ticker = 0;
  let atZero = null;
  let shown = []; // {sid, at}, newest last
  let pausedAt = 0;
  let notice = null;
  let retries = 0;
  let unknowns = 0;

  // ---- what the person sees

  function enter(next, words = WORDS[next], hasAction = next in ACTIONS) {
    const focused = document.activeElement; // hiding an element takes the focus from it
    state = next;
    root.dataset.state = next;
    root.dataset.tone = words === ATTEMPT_FAILED || words === ATTEMPT_LATE || words === NO_PICTURE ? 'warn' : '';
    write(part('status-title'), words[0]);
    write(part('status-text'), words[1]);
    document.title = `${next in IN_TITLE ? words[0] : heading.textContent} · Switchboard`;
    mark('step-open', next === 'paused' ? 'done' : '');
    mark('step-scan', next === 'paused' ? 'done' : next === 'waiting' ? 'current' : '');
    mark('step-password', next === 'paused' ? 'current' : '');
    const appeared = hasAction && action.hidden;
    action.hidden = !hasAction;
    if (hasAction) write(action, ACTIONS[next] || ACTIONS.expired);
    if (appeared) action.focus();
    else if (focused !== document.body && !focused.getClientRects().length) heading.focus();
  }

  // Writing the same words again would make screen readers repeat them.
  function write(element, text) {
    if (element.textContent !== text) element.textContent = text;
  }

  function mark(id, progress) {
    const step = part(id);
    step.dataset.progress = progress;
    if (progress === 'current') step.setAttribute('aria-current', 'step');
    else step.removeAttribute('aria-current');
  }

  function duration(ms) {
    const seconds = Math.ceil(ms / 1000);
    const [count, unit] = seconds % 60 ? [seconds, 'second'] : [seconds / 60, 'minute'];
    return `${count} ${unit}${count === 1 ? '' : 's'}`;
  }

  function countDown(ms, totalMs, then = null) {
    stopCountDown();
    const end = performance.now() + ms;
    atZero = then;
    timer.hidden = false;
    ring.style.transition = 'none';
    ring.style.strokeDashoffset = String(1 - ms / totalMs);
    ring.getBoundingClientRect(); // applies the start before the transition is back on
    ring.style.transition = '';
    const tick = () => {
      const left = Math.max(0, end - performance.now());
      const seconds = Math.ceil(left / 1000);
      part('seconds').textContent = seconds < 100 ? seconds : `${Math.ceil(seconds / 60)}m`;
      // The style sheet glides over one second, so aim at where the next second stands.
      ring.style.strokeDashoffset = String(1 - Math.max(0, left - 1000) / totalMs);
      if (left > 0) ticker = setTimeout(tick, left % 1000 || 1000);
      else if (then) then();
    };
    tick();
  }

  function stopCountDown() {
    clearTimeout(ticker);
    atZero = null;
    timer.hidden = true;
  }

  // ---- getting a socket

  function start() {
    halt();
    shown = [];
    retries = 0;
    unknowns = 0;
    enter('connecting');
    requestCode();
  }

  // Leaves whatever was under way; what still arrives from it is ignored.
  function halt() {
    turn += 1;
    picture += 1;
    pausedAt = 0;
    notice = null;
    clearTimeout(watchdog);
    stopCountDown();
    const old = socket;
    socket = null;
    if (old) old.close();
  }

  async function requestCode() {
    halt();
    const mine = turn;
    let reply, text;
    try {
      reply = await fetch(`/v2/sync/users/${encodeURIComponent(uid)}`, { cache: 'no-store', signal: AbortSignal.timeout(REPLY_MS) });
      text = await reply.text();
    } catch {
      if (mine === turn) retryLater();
      return;
    }
    if (mine !== turn) return;
    if (reply.status === 429 || reply.status === 503) return holdOff(reply);
    const path = reply.ok ? pathOf(text.trim()) : null;
    if (path && path.startsWith('/v2/sync/init/')) openSocket(path);
    else fail();
  }

  // Only the path counts: behind a proxy the page's own host is the one that is sure to answer.
  function openSocket(path) {
    halt();
    const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:';
    const opened = new WebSocket(`${scheme}//${location.host}${path}`);
    socket = opened;
    opened.onmessage = (event) => { if (opened === socket) hear(event.data); };
    opened.onclose = (event) => { if (opened === socket) closed(event.code); };
    expectWithin(REPLY_MS);
  }

  // A socket can die without a word (a laptop that slept): silence past the promised time counts as loss.
  function expectWithin(ms) {
    clearTimeout(watchdog);
    watchdog = setTimeout(retryLater, ms);
  }

  function hear(text) {
    if (text === '200- ack') return paired();
    if (text === '201- pause') return pause();
    let frame;
    try {
      frame = JSON.parse(text);
    } catch {
      return; // the contract has no such frame
    }
    show(frame);
  }

  function closed(code) {
    if (code === 1000) return expire();
    if (code === 4410) return stopFor('revoked');
    if (code === 4429) return stopFor('busy');
    if (code !== 4404) return retryLater();
    unknowns += 1;
    if (unknowns > 1) return fail();
    shown = [];
    requestCode();
  }

  function retryLater() {
    halt();
    if (retries >= RETRIES) return fail(UNREACHABLE);
    const most = Math.min(RETRY_MOST_MS, RETRY_FIRST_MS * 2 ** retries);
    // Every page loses a restarting server at once; they should not all come back at once.
    const delay = most * (0.5 + Math.random() / 2);
    retries += 1;
    enter('reconnecting');
    countDown(delay, delay, resume);
  }

  // The last code's own socket knows whether a phone has used it meanwhile.
  function resume() {
    const last = shown.at(-1);
    if (last) openSocket(`/v2/sync/init/${encodeURIComponent(uid)}/${last.sid}`);
    else requestCode();
  }

  function holdOff(reply) {
    const named = Number.parseInt(reply.headers.get('Retry-After'), 10);
    const delay = (named > 0 ? Math.min(named, 86400) : HOLD_OFF_S) * 1000;
    enter('busy', reply.status === 429 ? ASKED_TOO_OFTEN : SERVER_BUSY, false);
    countDown(delay, delay, requestCode);
  }

  // ---- what becomes of a code

  async function show(frame) {
    const sid = sidOf(frame && frame.qr_url);
    if (!sid) return fail();
    const mine = ++picture;
    const at = performance.now();
    retries = 0;
    unknowns = 0;
    if (pausedAt) notice = at - pausedAt < pauseMs * 0.9 ? ATTEMPT_FAILED : ATTEMPT_LATE;
    pausedAt = 0;
    if (!shown.some((code) => code.sid === sid)) shown = [...shown, { sid, at }].slice(-CODES_WATCHED);
    expectWithin(rotateMs + REPLY_MS);

    const image = await load(sid).catch(() => load(sid)).catch(() => null);
    if (mine !== picture) return;
    part('code').replaceChildren(...(image ? [image] : []));
    root.dataset.picture = image ? 'shown' : 'missing';
    root.dataset.qrUrl = frame.qr_url;
    offerLink(frame.mobile_url);
    enter('waiting', image ? notice || WORDS.waiting : NO_PICTURE);
    countDown(Math.max(0, rotateMs - (performance.now() - at)), rotateMs);
  }

  // A picture is decoded before it replaces the old one, so that the box is never empty between two codes.
  async function load(sid) {
    const image = new Image();
    image.id = 'qr';
    image.alt = 'QR code that pairs a phone with this account. Scan it with the app.';
    image.src = `/pair/${encodeURIComponent(uid)}/${sid}.svg`;
    await image.decode();
    return image;
  }

  function offerLink(url) {
    // Anything but the app's own schemes (javascript: above all) is no link of ours.
    const ours = typeof url === 'string' && /^apps?:\/\//.test(url);
    mobileLink.hidden = !ours;
    if (ours) mobileLink.href = url;
  }

  function pause() {
    picture += 1;
    pausedAt = performance.now();
    notice = null;
    stopCountDown();
    enter('paused');
    expectWithin(pauseMs + REPLY_MS);
  }

  function paired() {
    halt();
    shown = [];
    enter('paired');
  }

  function stopFor(next) {
    halt();
    enter(next);
  }

  function fail(words = WORDS.failed) {
    halt();
    enter('failed', words);
  }

  function expire() {
    halt();
    enter('expired', shown.length ? WORDS.expired : EXPIRED_FULLY);
    watchLatePhones();
  }

  // A code outlives its time on the screen: a phone that scanned one may still be at the password.
  async function watchLatePhones() {
    const mine = turn;
    let codes = shown;
    while (codes.length) {
      const answers = await Promise.all(codes.map((code) => lookUp(code.sid)));
      if (mine !== turn) return;
      if (answers.includes('paired')) return paired();
      // That phone may have been put away: unlike a socket's pause, this one has no end of its own.
      if (answers.includes('paused')) enter('paused', PAUSED_LATE, true);
      else if (state === 'paused') enter('expired', EXPIRED_FAILED);
      codes = codes.filter((code, i) => answers[i] !== 'over' && performance.now() - code.at < ttlMs);
      if (!codes.length) break;
      await new Promise((done) => setTimeout(done, POLL_MS));
      if (mine !== turn) return;
    }
    enter('expired', EXPIRED_FULLY);
  }

  async function lookUp(sid) {
    let reply;
    try {
      reply = await fetch(`/pair/${encodeURIComponent(uid)}/${sid}/status`, { cache: 'no-store', signal: AbortSignal.timeout(REPLY_MS) });
    } catch {
      return 'unknown'; // a lost connection says nothing about the code
    }
    const answer = reply.ok ? await reply.json().catch(() => null) : null;
    return answer && ['waiting', 'paused', 'paired'].includes(answer.state) ? answer.state : 'over';
  }

  // ---- addresses

  function pathOf(url) {
    try {
      return new URL(url).pathname;
    } catch {
      return null;
    }
  }

  function sidOf(url) {
    const match = /^\/v2\/sync\/users\/[^/]+\/sessions\/([0-9A-Za-z]+)\/?$/.exec(pathOf(url) || '');
    return match && match[1];
  }

  // ---- the person's doings

  action.addEventListener('click', start);

  // On a phone that is back in range there is no point in sitting out the delay.
  window.addEventListener('online', () => {
    if (state === 'reconnecting' && atZero) resume();
  });

  if (navigator.clipboard) {
    let back = 0;
    copy.hidden = false;
    copy.addEventListener('click', async () => {
      const done = await navigator.clipboard.writeText(root.dataset.qrUrl).then(() => 'Copied', () => 'Not copied');
      copy.textContent = done;
      part('copy-note').textContent = done;
      clearTimeout(back);
      back = setTimeout(() => {
        copy.textContent = 'Copy link';
        part('copy-note').textContent = '';
      }, 2500);
    });
  }

  start();
})();
