/*
 * kxt(): records what a visitor does on a website, as far as the visitor allows it. docs/kxt.md says how to use it.
 * ES5 without a build step: what you read is what browsers run.
 */
(function () {
  'use strict';

  var ESSENTIAL = 0, VISITOR = 200, ALL = 1000; // cookie levels
  var LEVEL_COOKIE = 'CMSCookieLevel', LANDING_COOKIE = 'CMSLandingPageLoaded';
  var YEAR = 365 * 24 * 3600, LANDING_SECONDS = 20 * 60;
  var BAD_RESPONSE = 'error_bad_response', COOKIES_BLOCKED = 'error_cookies_blocked', OTHER = 'error_other';
  var BATCH_EVENTS = 20, BATCH_BYTES = 60000, KEEPALIVE_BYTES = 65536; // the last is the browsers'
  var BATCH_MS = 1000, MAX_BACKOFF_MS = 60000, MAX_RETRY_AFTER_MS = 300000;
  var MAX_UNSENT = 500, MAX_LABEL = 250;
  var NEEDS = {
    click: 'label', customactivity: 'type', datainput: 'label',
    consentdata: 'codeName', consentcontactstatus: 'codeName', consentagree: 'codeName', consentrevoke: 'codeName'
  };

  var address = document.currentScript ? document.currentScript.src : '';
  var name = window.XperienceTrackerName || parameter('loggingFunctionName') || 'kxt';
  var stub = window[name] || {};
  if (stub.isTracker) return; // the page has the script twice

  var win = window, doc = document;
  var options = null; // of init
  var channel = null; // what the main site says of the channel
  var calls = []; // made, but not yet carried out
  var permission = { allow_tracking: true, allow_datainput: true };
  var mapping = null; // name of an input -> contact field
  var isFirstView = true;
  var held = null; // the first page view, while the visitor has not agreed
  var visitor = null; // the anonymous id; in a cookie as soon as that is allowed
  var waiting = [], flying = []; // events to be sent, and those under way: {event, call}
  var timer = 0, pause = 0, failures = 0;
  var decisions = Promise.resolve(); // ends with the last consent request

  function parameter(key) {
    return decodeURIComponent((new RegExp('[?&]' + key + '=([^&#]*)').exec(address) || [])[1] || '');
  }

  function kxt(command, given) {
    given = given || {};
    if (command === 'init') return init(given);
    // The page may change while the call waits, so what belongs to the moment is read now.
    calls.push({
      command: command, options: given, onerror: given.onerror,
      fields: given.formElement ? fieldsOf(given.formElement) : given.fields || [],
      page: { url: win.location.href, title: doc.title, referrer: doc.referrer, timestamp: new Date().toISOString() }
    });
    work();
  }

  function init(given) {
    if (options) return;
    options = given;
    win = given.window || win;
    doc = given.document || doc;
    options.writeKey = given.writeKey || parameter('writeKey');
    if (!options.writeKey) throw new Error(name + ': init needs the writeKey of a channel');
    options.mainSiteUrl = (given.mainSiteUrl || /^(https?:\/\/[^\/]+)?/.exec(address)[0]).replace(/\/+$/, '');
    options.cookieName = given.cookieName || 'CMSCurrentProfile';
    win.addEventListener('pagehide', leave);
    doc.addEventListener('visibilitychange', function () { if (doc.visibilityState === 'hidden') leave(); });
    work();
    loadChannel();
  }

  function loadChannel() {
    ask('/v1/projects/' + encodeURIComponent(options.writeKey) + '/settings').then(function (settings) {
      if (!settings.kxt) throw trouble(OTHER, 'none for this channel');
      channel = settings.kxt;
      failures = 0;
      if (level() < VISITOR) dropUnsent();
      else if (unsent().length) schedule();
      work();
    }).then(null, function (error) {
      // Events go on waiting; a consent call whose onerror has heard of it must not succeed later.
      calls = calls.filter(function (call) {
        return !fail(call, trouble(OTHER, 'settings: ' + (error.detail || error))) || !isAboutConsent(call);
      });
      setTimeout(loadChannel, backoff());
    });
  }

  function work() {
    while (calls.length && isReady(calls[0])) run(calls.shift());
  }

  // Calls wait until the channel's default level is known. Events need not if an earlier page left its cookies.
  function isReady(call) {
    return channel || options && !isAboutConsent(call) && (cookie(LEVEL_COOKIE) || cookie(options.cookieName));
  }

  function run(call) {
    var need = NEEDS[call.command];
    if (!commands.hasOwnProperty(call.command)) fail(call, trouble(OTHER, 'unknown command ' + call.command));
    else if (need && !call.options[need]) fail(call, trouble(OTHER, call.command + ' needs ' + need));
    else commands[call.command](call, call.options);
  }

  function isAboutConsent(call) {
    return NEEDS[call.command] === 'codeName';
  }

  var commands = {
    consentdefault: setPermission,
    updateconsent: setPermission,

    pagevisit: function (call) {
      if (isPermitted('allow_tracking')) logPageView(call);
      else if (isFirstView) held = call;
      isFirstView = false;
    },

    click: function (call) {
      log(call, 'allow_tracking', 'click', { value: label(call) });
    },

    customactivity: function (call, given) {
      log(call, 'allow_tracking', given.type, { value: given.value, title: given.title });
    },

    configurecontactfieldmapping: function (call, given) {
      mapping = given;
    },

    datainput: function (call) {
      if (!mapping) fail(call, trouble(OTHER, 'datainput needs configurecontactfieldmapping before it'));
      else log(call, 'allow_datainput', 'datainput', { value: label(call), contactFields: contactFields(call) });
    },

    consentdata: function (call, given) {
      var language = given.languageName || given.cultureCode;
      var query = language ? '?languageName=' + encodeURIComponent(language) : '';
      answer(call, askWithKey('/consents/' + encodeURIComponent(given.codeName) + query));
    },

    consentcontactstatus: function (call, given) {
      decide(call, function () {
        return knownId() ? askWithKey(agreement(given)) : { isAgreed: false };
      });
    },

    consentagree: function (call, given) {
      decide(call, function () {
        visitor = knownId() || uuid();
        return askWithKey(agreement(given), { agree: true }).then(function () {
          if (!isOfTracking(given)) return;
          if (!setCookie(LEVEL_COOKIE, Math.max(level(), options.agreeCookieLevel || ALL), YEAR)) throw blocked();
          keepId();
          releaseHeld();
        });
      });
    },

    consentrevoke: function (call, given) {
      decide(call, function () {
        if (isOfTracking(given)) {
          setCookie(LEVEL_COOKIE, Math.min(level(), ESSENTIAL), YEAR);
          held = null;
          dropUnsent();
        }
        // The id goes last: until the main site knows of it, the visitor must be able to try again.
        return Promise.resolve(knownId() && askWithKey(agreement(given), { agree: false })).then(function () {
          if (!isOfTracking(given)) return;
          visitor = null;
          setCookie(options.cookieName, '', 0);
          setCookie(LANDING_COOKIE, '', 0);
        });
      });
    }
  };

  // ---- What is allowed

  function setPermission(call, given) {
    Object.keys(permission).forEach(function (key) {
      if (given.hasOwnProperty(key)) permission[key] = given[key] === true;
    });
    releaseHeld();
  }

  function isPermitted(key) {
    var agent = win.navigator.userAgent.replace(/cubot/ig, ''); // makes telephones
    return permission[key] && level() >= VISITOR && !/bot|crawl|spider|slurp/i.test(agent);
  }

  // A privacy signal outweighs the channel's default, and what the visitor told this website outweighs the signal.
  function level() {
    var chosen = parseInt(cookie(LEVEL_COOKIE), 10);
    var usual = channel ? channel.cookie_level : VISITOR; // an id without a level: an earlier page was allowed to
    var isObjecting = win.navigator.globalPrivacyControl || win.navigator.doNotTrack === '1';
    if (isObjecting && options.honorPrivacySignals !== false) usual = Math.min(usual, ESSENTIAL);
    return isNaN(chosen) ? usual : chosen;
  }

  // All consents are recorded; only the one that the channel tracks by moves the cookie level.
  function isOfTracking(given) {
    return given.codeName.toLowerCase() === String(channel.tracking_consent).toLowerCase();
  }

  function releaseHeld() {
    var call = held;
    if (!call || !isPermitted('allow_tracking')) return;
    held = null;
    logPageView(call);
  }

  // ---- Cookies

  function cookie(key) {
    try {
      return (('; ' + doc.cookie).split('; ' + key + '=')[1] || '').split(';')[0];
    } catch (error) { // a sandboxed frame
      return '';
    }
  }

  // Says whether it is there now: browsers refuse cookies without a word.
  function setCookie(key, value, seconds) {
    var rest = '; path=/; SameSite=Lax' + (win.location.protocol === 'https:' ? '; Secure' : '');
    var domain = options.cookieDomain ? '; domain=' + options.cookieDomain : '';
    try {
      if (domain) doc.cookie = key + '=; max-age=0' + rest; // one without the domain would hide it
      doc.cookie = key + '=' + value + '; max-age=' + seconds + domain + rest;
    } catch (error) { /* cookie() has the same trouble */ }
    return cookie(key) === String(value);
  }

  function knownId() {
    var id = cookie(options.cookieName);
    return /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/i.test(id) ? id : visitor;
  }

  function keepId() {
    visitor = knownId() || uuid();
    return setCookie(options.cookieName, visitor, YEAR);
  }

  function uuid() {
    var bytes = win.crypto.getRandomValues(new Uint8Array(16)), hex = '', i;
    bytes[6] = bytes[6] & 15 | 64; // version 4
    bytes[8] = bytes[8] & 63 | 128;
    for (i = 0; i < 16; i++) hex += (bytes[i] + 256).toString(16).slice(1);
    return hex.replace(/(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  }

  // ---- Events

  function logPageView(call) {
    var properties = withPage(call, { title: call.options.title || call.page.title });
    add(call, { type: 'page', name: properties.title, properties: properties });
    if (!cookie(LANDING_COOKIE)) add(call, { type: 'track', event: 'landingpage', properties: properties });
    setCookie(LANDING_COOKIE, 1, LANDING_SECONDS);
  }

  function log(call, key, type, properties) {
    if (isPermitted(key)) add(call, { type: 'track', event: type, properties: withPage(call, properties) });
  }

  function withPage(call, properties) {
    properties.url = call.options.url || call.page.url;
    properties.referrer = call.options.referrer || call.page.referrer;
    return properties;
  }

  function label(call) {
    return String(call.options.label).slice(0, MAX_LABEL);
  }

  function fieldsOf(form) {
    var fields = [];
    new FormData(form).forEach(function (value, field) { fields.push({ fieldName: field, value: value }); });
    return fields;
  }

  function contactFields(call) {
    var contact = {};
    call.fields.forEach(function (field) { // files are no strings, and an empty input says nothing
      if (!mapping.hasOwnProperty(field.fieldName) || typeof field.value !== 'string' || !field.value.trim()) return;
      contact[mapping[field.fieldName]] = field.value.trim();
    });
    return contact;
  }

  function add(call, event) {
    if (!keepId()) return fail(call, blocked());
    event.messageId = uuid();
    event.anonymousId = visitor;
    event.timestamp = call.page.timestamp;
    waiting = waiting.concat({ event: event, call: call }).slice(-MAX_UNSENT);
    schedule();
  }

  // ---- Sending

  function schedule() {
    if (flying.length) return; // the answer decides how to go on
    if (waiting.length >= BATCH_EVENTS && !pause) send();
    else if (!timer) timer = setTimeout(send, pause || BATCH_MS);
  }

  function send() {
    clearTimeout(timer);
    timer = pause = 0;
    // What earlier pages left behind goes first.
    waiting = without(unsent(), waiting.concat(flying)).map(function (event) {
      return { event: event, call: {} };
    }).concat(waiting);
    if (waiting.length) post(nextBatch());
  }

  // The page may be gone in a moment: everything goes now, and is remembered until the main site has it for certain.
  function leave() {
    while (waiting.length && !pause) post(nextBatch(), true);
    remember(waiting.concat(flying));
  }

  function nextBatch() {
    var batch = [], bytes = 0;
    while (waiting.length && batch.length < BATCH_EVENTS) {
      bytes += new Blob([JSON.stringify(waiting[0].event)]).size + 1;
      if (batch.length && bytes > BATCH_BYTES) break;
      batch.push(waiting.shift());
    }
    return batch;
  }

  function post(batch, isLeaving) {
    var url = options.mainSiteUrl + '/v1/batch';
    // A string goes as text/plain, for which browsers ask nobody's permission first.
    var body = JSON.stringify({ writeKey: options.writeKey, batch: batch.map(eventOf), sentAt: new Date().toISOString() });
    if (isLeaving && !('keepalive' in win.Request.prototype) && win.navigator.sendBeacon(url, body)) return forget(batch);
    flying = flying.concat(batch);
    win.fetch(url, {
      method: 'POST', body: body, credentials: 'omit', keepalive: new Blob([body]).size < KEEPALIVE_BYTES
    }).then(function (response) {
      var status = response.status;
      if (status >= 500 || status === 408 || status === 429) return sendLater(batch, response.headers.get('Retry-After'));
      failures = 0;
      if (!response.ok) batch.forEach(function (one) { fail(one.call, trouble(BAD_RESPONSE, 'status ' + status)); });
      land(batch);
      forget(batch);
      if (waiting.length) schedule();
    }, function () {
      sendLater(batch);
    });
  }

  function sendLater(batch, retryAfter) {
    land(batch);
    if (level() < VISITOR) return forget(batch); // withdrawn meanwhile
    waiting = batch.concat(waiting);
    pause = retryAfter > 0 ? Math.min(retryAfter * 1000, MAX_RETRY_AFTER_MS) : backoff();
    remember(batch);
    schedule();
  }

  function land(batch) {
    flying = flying.filter(function (one) { return batch.indexOf(one) < 0; });
  }

  function backoff() {
    return Math.min(BATCH_MS * Math.pow(2, failures++), MAX_BACKOFF_MS) * (0.5 + Math.random() / 2);
  }

  function dropUnsent() {
    waiting = [];
    store([]);
  }

  // ---- Events without an acknowledgement, kept for the next page; the same messageId makes a repeat harmless

  function unsent() {
    try {
      return JSON.parse(win.localStorage.getItem('kxt.' + options.writeKey)) || [];
    } catch (error) {
      return [];
    }
  }

  function store(events) {
    try {
      if (events.length) win.localStorage.setItem('kxt.' + options.writeKey, JSON.stringify(events.slice(-MAX_UNSENT)));
      else win.localStorage.removeItem('kxt.' + options.writeKey);
    } catch (error) { /* full or forbidden: memory still has them */ }
  }

  function remember(batch) {
    if (batch.length) store(without(unsent(), batch).concat(batch.map(eventOf)));
  }

  function forget(batch) {
    store(without(unsent(), batch));
  }

  function without(events, batch) {
    var ids = batch.map(function (one) { return one.event.messageId; });
    return events.filter(function (event) { return ids.indexOf(event.messageId) < 0; });
  }

  function eventOf(one) {
    return one.event;
  }

  // ---- Requests about consents, and their answers

  function ask(path, init) {
    return win.fetch(options.mainSiteUrl + path, init).then(function (response) {
      if (!response.ok) throw trouble(BAD_RESPONSE, 'status ' + response.status);
      return response.json().then(null, function () { throw trouble(BAD_RESPONSE, 'no JSON'); });
    });
  }

  function askWithKey(path, body) {
    return ask('/Kentico.Tracking' + path, {
      method: body ? 'POST' : 'GET',
      headers: { Authorization: 'Bearer ' + options.writeKey, 'Content-Type': 'application/json' },
      body: body && JSON.stringify(body)
    });
  }

  function agreement(given) {
    return '/contacts/' + knownId() + '/consents/' + encodeURIComponent(given.codeName);
  }

  // One after the other: what the visitor said last is what the main site hears last.
  function decide(call, decision) {
    decisions = answer(call, decisions.then(decision));
  }

  function answer(call, result) {
    return result.then(function (value) {
      tell(call.options.callback, value);
    }, function (error) {
      fail(call, error.type ? error : trouble(OTHER, error.message));
    });
  }

  function trouble(type, detail) {
    return { type: type, detail: detail };
  }

  function blocked() {
    return trouble(COOKIES_BLOCKED, 'the browser keeps no cookies of this website');
  }

  // Tells a call's onerror, once. Says whether there was one to tell.
  function fail(call, error) {
    var onerror = call.onerror;
    call.onerror = null;
    tell(onerror, error);
    return !!onerror;
  }

  // In a task of its own: what the website's function throws is the website's.
  function tell(listener, value) {
    if (listener) setTimeout(listener, 0, value);
  }

  // ---- Calls made before this script was there

  kxt.isTracker = true;
  window[name] = kxt;
  var made = stub.q || [];
  var startsItself = parameter('logPageVisit') === 'true';
  if (startsItself && !made.some(function (one) { return one[0] === 'init'; })) init({});
  made.forEach(function (one) { kxt.apply(null, one); });
  if (startsItself) kxt('pagevisit');
})();
