// Sends what standard input lists through one of the Node SDKs: {sdk, host, key, steps}, where each step is a list of
// calls. A step begins when the SDK is done with all of the step before, delivered or given up.
import { text } from "node:stream/consumers";
import { say } from "./calls.mjs";

const FLUSH_MS = 50;

const messages = (client) => ({ call, ...message }) => new Promise((done) => client[call](message, done));
const quietly = { flushInterval: FLUSH_MS, errorHandler: () => {} };

const SDKS = {
  "@segment/analytics-node": ({ Analytics }, host, writeKey) =>
    messages(new Analytics({ host, writeKey, flushInterval: FLUSH_MS })),
  "analytics-node": ({ default: Analytics }, host, key) => messages(new Analytics(key, { host, ...quietly })),
  "@rudderstack/rudder-sdk-node": ({ default: Analytics }, host, key) =>
    messages(new Analytics(key, { dataPlaneUrl: host, logLevel: "none", ...quietly })),
  "@jitsu/js": ({ default: jitsu }, host, key) => {
    // Its write keys are pairs; what stands behind the colon says nothing to the product.
    const { jitsuAnalytics } = jitsu;
    const client = jitsuAnalytics({ host, writeKey: `${key}:unused`, s2s: true });
    return (said) => say(client, said);
  },
};

const { sdk, host, key, steps } = JSON.parse(await text(process.stdin));
const send = SDKS[sdk](await import(sdk), host, key);
for (const step of steps) await Promise.all(step.map(send));
