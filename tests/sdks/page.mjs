// A website that has one of the browser SDKs: the tests start it with the product's address, then let it send.
// `to` is where messages go if that is not where the SDK's settings come from; `settings` are the SDK's own names.
import { say } from "./calls.mjs";

const load = (path) =>
  new Promise((resolve, reject) => {
    const script = Object.assign(document.createElement("script"), { src: `/node_modules/${path}` });
    script.addEventListener("load", resolve);
    script.addEventListener("error", reject);
    document.head.append(script);
  });

const target = ({ to, settings }) => ({
  integrations: { "Segment.io": { ...(to && { apiHost: `${to}/v1`, protocol: "http" }), ...settings } },
});

const SDKS = {
  "@segment/analytics-next": async (key, host, options) => {
    await load("@segment/analytics-next/dist/umd/index.js");
    const { AnalyticsBrowser } = window.AnalyticsNext;
    const [analytics] = await AnalyticsBrowser.load({ writeKey: key, cdnURL: `http://${host}` }, target(options));
    return analytics;
  },
  snippet: async (key, host, options) => {
    // What the snippet leaves for the script that it loads: a list of calls, and how to start.
    window.analytics = Object.assign([], { _writeKey: key, _cdn: `http://${host}`, _loadOptions: target(options) });
    const ready = new Promise((resolve) => window.analytics.push(["ready", resolve]));
    await load("@segment/analytics-next/dist/umd/standalone.js");
    await ready;
    return window.analytics;
  },
  "@rudderstack/analytics-js": async (key, host, { to, settings }) => {
    await load("@rudderstack/analytics-js/dist/npm/modern/bundled/umd/index.js");
    const client = new window.rudderanalytics.RudderAnalytics();
    client.load(key, `http://${to ?? host}`, { configUrl: `http://${host}`, ...settings });
    await new Promise((resolve) => client.ready(resolve));
    return client;
  },
  "@jitsu/js": async (key, host, { to }) => {
    const { jitsuAnalytics } = await import("./node_modules/@jitsu/js/dist/jitsu.es.js");
    return jitsuAnalytics({ host: `http://${to ?? host}`, writeKey: `${key}:unused` });
  },
};

let client;
window.start = async (sdk, key, host, options) => {
  client = await SDKS[sdk](key, host, options);
};
window.send = (calls) => calls.forEach((said) => say(client, said));
