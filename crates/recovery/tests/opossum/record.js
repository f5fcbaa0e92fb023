// Records what opossum does, step by step, on a clock of its own. Run: npm install opossum@10.0.0; node record.js > traces.json
'use strict';

let clock = 0;
let timers = [];
let nextId = 1;
const at = (due, every, run) => {
  const timer = { id: nextId++, due, every, run, unref () { return this; } };
  timers.push(timer);
  return timer;
};
global.setTimeout = (run, wait) => at(clock + wait, 0, run);
global.setInterval = (run, every) => at(clock + every, every, run);
global.clearTimeout = global.clearInterval = timer => { timers = timers.filter(other => other !== timer); };
Date.now = () => clock;
const tick = until => {
  for (;;) {
    const due = timers.filter(timer => timer.due <= until).sort((a, b) => a.due - b.due || a.id - b.id)[0];
    if (!due) break;
    clock = due.due;
    if (due.every) due.due += due.every; else clearTimeout(due);
    due.run();
  }
  clock = until;
};
const settle = () => new Promise(resolve => setImmediate(resolve));

const CircuitBreaker = require('opossum');
const state = breaker => breaker.opened ? 'open' : breaker.halfOpen ? 'half_open' : 'closed';

// A small generator of its own, so that the same seed gives the same traces everywhere.
let seed = 0;
const below = n => { seed = (seed * 1103515245 + 12345) % 2147483648; return Math.floor(seed / 65536) % n; };

async function record (name, options, steps) {
  clock = 0; timers = [];
  const calls = [];
  const breaker = new CircuitBreaker(
    () => new Promise((resolve, reject) => calls.push({ resolve, reject })),
    { ...options, timeout: false, enableSnapshots: false });
  const out = [];
  const open = [];
  for (const step of typeof steps === 'function' ? steps(open) : steps) {
    const [what, value] = step;
    let admitted;
    if (what === 'wait') {
      tick(clock + value);
    } else if (what === 'fire') {
      const before = calls.length;
      breaker.fire().catch(() => {});
      admitted = calls.length > before;
      if (admitted) open.push(calls.length - 1);
    } else {
      open.splice(open.indexOf(value), 1);
      calls[value][what === 'success' ? 'resolve' : 'reject'](new Error('x'));
    }
    await settle();
    const { fires, failures } = breaker.stats;
    const entry = { step: what, state: state(breaker), fires, failures };
    if (value !== undefined) entry.value = value;
    if (admitted !== undefined) entry.admitted = admitted;
    out.push(entry);
  }
  breaker.shutdown();
  const { errorThresholdPercentage, volumeThreshold, resetTimeout, rollingCountTimeout, rollingCountBuckets } = options;
  return { name, options: { errorThresholdPercentage, volumeThreshold, resetTimeout, rollingCountTimeout, rollingCountBuckets }, trace: out };
}

const base = { errorThresholdPercentage: 50, volumeThreshold: 4, resetTimeout: 30000, rollingCountTimeout: 10000, rollingCountBuckets: 10 };
const fire = ['fire'];
const wait = ms => ['wait', ms];
const call = (n, verdict) => [fire, [verdict, n]];
const many = (from, to, verdict) => Array.from({ length: to - from }, (_, i) => call(from + i, verdict)).flat();

function * random (length, open) {
  for (let i = 0; i < length; i++) {
    const kind = below(10);
    if (kind < 4 || open.length === 0) yield kind === 3 ? wait(1 + below(8000)) : fire;
    else if (kind < 8) yield [below(3) === 0 ? 'success' : 'failure', open[below(open.length)]];
    else yield wait(1 + below(4000));
  }
}

(async () => {
  const traces = [];
  const add = async (...args) => traces.push(await record(...args));
  await add('opens above the share, not at it', base, [...many(0, 2, 'success'), ...many(2, 4, 'failure'), ...many(4, 5, 'failure'), fire]);
  await add('volume threshold', { ...base, volumeThreshold: 10 }, [...many(0, 9, 'failure'), ...call(9, 'failure'), fire]);
  await add('half open lets one pass and closes', base, [...many(0, 4, 'failure'), wait(29999), fire, wait(1), fire, fire, ['success', 4], fire]);
  await add('half open fails and opens again', base, [...many(0, 4, 'failure'), wait(30000), fire, ['failure', 4], wait(29999), fire, wait(1), fire]);
  await add('simultaneous failures open once (385)', base, [fire, fire, fire, fire, fire, fire, ...[0, 1, 2, 3, 4, 5].map(n => ['failure', n]), wait(30000), fire, ['success', 6]]);
  await add('a trial without a result (B2)', base, [...many(0, 4, 'failure'), wait(30000), fire, wait(1000000), fire, fire]);
  await add('a late success closes (B3)', base, [fire, fire, fire, fire, fire, ['failure', 0], ['failure', 1], ['failure', 2], ['failure', 3], wait(30000), ['success', 4], fire]);
  await add('a late failure opens (B3)', base, [fire, fire, fire, fire, fire, ['failure', 0], ['failure', 1], ['failure', 2], ['failure', 3], wait(30000), fire, ['failure', 4], ['success', 5], fire, wait(30000), fire]);
  await add('7 of 100 are more than 7 % in floats (B10)', { ...base, errorThresholdPercentage: 7, volumeThreshold: 100 }, [...many(0, 93, 'success'), ...many(93, 100, 'failure'), fire]);
  await add('a failure of an earlier window over nothing (B11)', { ...base, volumeThreshold: 0, errorThresholdPercentage: 100 }, [fire, wait(20000), ['failure', 0], fire]);
  await add('refused calls and those under way dilute (B12)', base, [fire, fire, fire, fire, fire, fire, fire, fire, ['failure', 0], ['failure', 1], ['failure', 2], ['failure', 3], ['failure', 4], fire, fire]);
  await add('old failures open again after it closed (B13)', { ...base, rollingCountTimeout: 60000 }, [...many(0, 4, 'failure'), wait(30000), ...call(4, 'success'), ...call(5, 'failure'), fire]);
  await add('a step of a width that is no whole number', { ...base, rollingCountTimeout: 10000, rollingCountBuckets: 3 }, [...many(0, 3, 'failure'), wait(3333), ...many(3, 4, 'success'), wait(6665), fire, wait(1), fire, ['failure', 4]]);
  for (let i = 1; i <= 40; i++) {
    seed = i * 7919;
    const options = { errorThresholdPercentage: [0, 7, 30, 50, 66, 100][below(6)], volumeThreshold: below(8), resetTimeout: 500 + below(9000), rollingCountTimeout: 1000 + below(20000), rollingCountBuckets: 1 + below(12) };
    await add(`random ${i}`, options, open => random(120, open));
  }
  const { version } = require('opossum/package.json');
  const lines = traces.map(trace => JSON.stringify(trace)).join(',\n');
  process.stdout.write(`{"opossum":"${version}","traces":[\n${lines}\n]}\n`);
})();
