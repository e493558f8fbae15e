// The end report, from events to lines and to a JUnit suite.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { EventName, LostEvents, ReportedEvent } from '../../src/client/index.js';
import { Outcomes } from '../../src/run/outcomes.js';
import { reportOf as fullReportOf } from '../../src/run/report.js';
import { findings, junitOf, textOf } from '../../src/run/report-forms.js';

const test = suite('the report of a run');
const who = { pid: 7, command: 'prog', uid: 0, path: '/f' };
const when = { seq: 1, time: '2026-01-01T00:00:00.000Z', rule: 'L2' };
const event = (name: EventName, facts: Partial<ReportedEvent> = {}): ReportedEvent => ({
  ...when,
  event: name,
  ...who,
  ...facts,
});
const run = { command: ['./prog', '<&">'], code: 0, goesOn: false, notice: '' };
const reportOf = (events: readonly (ReportedEvent | LostEvents)[], registered = new Outcomes()) =>
  fullReportOf(events, run, registered);
const kind = 'exclusive';

test('how each lease ended', () => {
  const { leases } = reportOf([
    ...[1, 2, 3, 4, 5].map(lease => event('grant', { lease, kind })),
    event('release', { lease: 1 }),
    event('break', { lease: 2, must: 'none' }),
    event('answered', { lease: 2, kind: 'none', ms: 5 }),
    event('break', { lease: 3, must: 'none' }),
    event('forced', { lease: 3, kind: 'none', ms: 1000 }),
    event('zombie', { lease: 4 }),
  ]);
  assert.equal(
    leases.map(({ end }) => end),
    ['released', 'answered', 'forced', 'zombie', 'held'],
  );
});

test('B1: a break that is notified again is one break; lowered, the lease lives on', () => {
  const { leases, breaks } = reportOf([
    event('grant', { lease: 1, kind: 'exclusive,breakable' }),
    event('break', { lease: 1, must: 'shared,breakable' }),
    event('break', { lease: 1, must: 'shared,breakable' }),
    event('forced', { lease: 1, kind: 'shared,breakable', ms: 30 }),
  ]);
  assert.equal(
    breaks.map(({ outcome, ms }) => [outcome, ms]),
    [['forced', 30]],
  );
  assert.is(leases[0]!.end, 'held');
});

const registered = new Outcomes();
registered.unleased.add({ ...who, off: 0, len: 4096, by: 'io_uring', letThrough: true });

const bad = reportOf(
  [
    event('grant', { lease: 1, kind }),
    event('pin', { lease: 1, pin: 1, off: 0, len: 2 << 20 }),
    event('zombie', { lease: 1 }),
    event('refused', {
      call: 'truncate to 0',
      errno: 'ETXTBSY',
      rule: 'X1',
      holder: { pid: 9, command: 'o', uid: 0, kind, lease: 1, zombie: true },
    }),
    { seq: 9, event: 'lost', count: 3 },
  ],
  registered,
);

test('what may fail a run is found and listed by line', () => {
  assert.equal(findings(bad, 'zombie').length, 1);
  assert.equal(findings(bad, 'late-break'), []);
  assert.equal(findings(bad, 'unleased-pin'), ['/f prog 7: [0,4096) by io_uring, let through']);
  assert.equal(findings(bad, 'refusal'), ['/f prog 7: truncate to 0: ETXTBSY [X1]; held by o 9']);
  const text = textOf(bad);
  assert.match(text[0]!, '1 lease, 1 pin, 0 breaks, 1 zombie, 1 unleased pin, 0 late breaks, 1 refusal');
  assert.ok(text.some(line => line.includes('[0,2m)')));
  assert.ok(text.some(line => line.includes('3 events were missed')));
});

test('a registration that the kernel refused is none; one whose answer was not seen says so', () => {
  const outcomes = new Outcomes();
  const unleased = [1, 2, 3].map(n => ({ ...who, off: 0, len: n * 4096, by: 'io_uring', letThrough: true }));
  for (const one of unleased) outcomes.unleased.add(one);
  for (const n of [1, 2, 3]) outcomes.set({ pins: [n], unleased: [unleased[n - 1]!] }, 'asked');
  outcomes.set({ pins: [1], unleased: [unleased[0]!] }, 'refused');
  outcomes.set({ pins: [2], unleased: [unleased[1]!] }, 'held');
  const report = reportOf(
    [1, 2, 3, 4].map(pin => event('pin', { pin, off: 0, len: 4096 * pin })),
    outcomes,
  );
  assert.equal(
    report.pins.map(({ pin, asked }) => [pin, asked]),
    [
      [2, false],
      [3, true],
      [4, false],
    ],
  );
  assert.equal(
    report.unleased.map(({ len, asked }) => [len, asked]),
    [
      [8192, false],
      [12288, true],
    ],
  );
  assert.equal(
    [...textOf(report), ...findings(report, 'unleased-pin')].filter(line => line.includes('asked for'))
      .length,
    3,
  );
});

test('of very many lines the rest is counted', () => {
  const many = Array.from({ length: 50 }, () =>
    event('refused', { call: 'pin', errno: 'EPERM', rule: 'N1' }),
  );
  assert.ok(textOf(reportOf(many)).some(line => line.includes('and 30 more')));
});

test('JUnit: what --fail-on names fails, the rest is listed; text is escaped', () => {
  const xml = junitOf(bad, new Set(['zombie']), 1.5);
  assert.match(xml, 'name="leasefs run: ./prog &lt;&amp;&quot;>" tests="5" failures="1"');
  assert.match(xml, '<failure message="/f prog 7: closed with pins left');
  assert.match(xml, '<system-out>/f prog 7: truncate to 0');
});

test.run();
