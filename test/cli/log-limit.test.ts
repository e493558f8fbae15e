// How much of the log one user may cause, and what a daemon is started with.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LogLimit } from '../../src/cli/log-limit.js';
import { sealedEnvironment, sealedOptions } from '../../src/cli/sealed.js';

const test = suite('log limit, sealed start');

test('a user has a burst of 100 lines and 10 a second after it; what is left out is counted', () => {
  const limit = new LogLimit();
  const lines = (uid: number, now: number, count: number): number =>
    Array.from({ length: count }, () => limit.admits(uid, now)).filter(Boolean).length;
  assert.is(lines(1000, 0, 5000), 100);
  assert.is(lines(1000, 1000, 5000), 10);
  assert.is(lines(0, 1000, 50), 50, 'another user has its own');
  assert.equal([...limit.takeLeftOut()], ['left out: 9890 lines caused by uid 1000']);
  assert.equal([...limit.takeLeftOut()], []);
  assert.is(lines(1000, 100_000, 5000), 100, 'no more than a burst after a pause');
});

test('many users take bounded memory: those beyond 256 that are busy share', () => {
  const limit = new LogLimit();
  let admitted = 0;
  for (let uid = 0; uid < 10_000; uid++) for (let n = 0; n < 2; n++) if (limit.admits(uid, 0)) admitted++;
  assert.ok(admitted <= 2 * 256 + 100, `${admitted}`);
  assert.match([...limit.takeLeftOut()].join(), /other users/);
});

test('a daemon has no variable that opens a debugger or loads code, and its heap as NODE_OPTIONS says', () => {
  const env = {
    PATH: '/bin',
    LEASEFS_TIME_FACTOR: '3',
    NODE_OPTIONS:
      '--inspect=0.0.0.0:9229 --max-old-space-size=64 --max-semi-space-size=64 --require /tmp/x.js',
    NODE_V8_COVERAGE: '/tmp',
    NODE_REPL_EXTERNAL_MODULE: '/tmp/x.js',
    SSLKEYLOGFILE: '/tmp/keys',
  };
  assert.equal(sealedEnvironment(env), { PATH: '/bin', LEASEFS_TIME_FACTOR: '3' });
  const options = sealedOptions(['--inspect-brk', '--enable-source-maps', '--debug-port=1'], env);
  assert.equal(options.slice(2), [
    '--max-old-space-size=64',
    '--enable-source-maps',
    // The last one counts.
    '--max-semi-space-size=16',
  ]);
});

test.run();
