// The Channel over a socket instead of /dev/fuse: records in, records out, and a callback that closes, throws or fails.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { errno } from '../../src/base/errno.js';
import { POLLIN } from '../../src/base/linux.js';
import { type Channel, native } from '../../src/native/binding.js';
import { codeOf, collectGarbage, isOpen, sleep, turns, until } from './fixture.js';

const O_NONBLOCK = 0o4000;
const SIZE = 8192;
const test = suite('the channel');

/** Two channels that are each other's kernel: what one sends is the other's request. */
function pair(batch = 16): { channel: Channel; kernel: Channel } {
  const [a, b] = native.socketpair();
  return {
    channel: native.adoptFuse(a.release(), SIZE, batch),
    kernel: native.adoptFuse(b.release(), SIZE, batch),
  };
}

function closeAll(...channels: Channel[]): void {
  for (const channel of channels) channel.close();
}

const unexpected = (error: number) => assert.unreachable(`the channel ended: ${error}`);

/** Runs `body` and returns the exceptions that it left uncaught. */
async function uncaught(body: () => Promise<void>): Promise<Error[]> {
  const caught: Error[] = [];
  const before = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', error => caught.push(error));
  try {
    await body();
  } finally {
    process.removeAllListeners('uncaughtException');
    for (const listener of before) process.on('uncaughtException', listener);
  }
  return caught;
}

test('a record comes into `request`, the answer in `reply` goes out at once', async () => {
  const { channel, kernel } = pair();
  channel.start(length => {
    new Uint8Array(channel.reply).set(new Uint8Array(channel.request, 0, length).map(byte => byte + 1));
    return length;
  }, unexpected);
  const answers: number[][] = [];
  kernel.start(length => {
    answers.push([...new Uint8Array(kernel.request, 0, length)]);
    return 0;
  }, unexpected);
  new Uint8Array(kernel.reply).fill(5, 0, 20);
  assert.is(kernel.send(20), 20);
  new Uint8Array(kernel.reply).fill(7, 0, 30);
  assert.is(kernel.send(30), 30);
  await until(() => answers.length === 2, 'two answers');
  assert.equal(answers, [new Array(20).fill(6), new Array(30).fill(8)]);
  assert.is(channel.lost, 0);
  assert.ok(channel.skipsTurns, `libuv ${process.versions.uv} is not as the channel takes it`);
  closeAll(channel, kernel);
});

test('sendv writes head and pieces as one record', async () => {
  const { channel, kernel } = pair();
  const records: Uint8Array[] = [];
  channel.start(length => {
    records.push(new Uint8Array(channel.request.slice(0, length)));
    return 0;
  }, unexpected);
  new Uint8Array(kernel.reply).fill(1, 0, 16);
  const memories = [new Uint8Array([9, 2, 3, 4, 9]).buffer, new Uint8Array([5, 6]).buffer];
  assert.is(kernel.sendv(16, memories, Float64Array.of(1, 3, 0, 2, 7, 7), 2), 21);
  assert.is(kernel.sendv(16, [], new Float64Array(0), 0), 16);
  await until(() => records.length === 2, 'two records');
  assert.equal([...records[0]!], [...new Array(16).fill(1), 2, 3, 4, 5, 6]);
  assert.is(records[1]!.length, 16);
  closeAll(channel, kernel);
});

test('after `maxBatch` requests others in the loop have their turn', async () => {
  const { channel, kernel } = pair(4);
  for (let n = 0; n < 10; n++) kernel.send(16);
  let served = 0;
  const servedAtTurns: number[] = [];
  channel.start(() => {
    served++;
    return 0;
  }, unexpected);
  const turn = () => {
    servedAtTurns.push(served);
    if (served < 10) setImmediate(turn);
  };
  setImmediate(turn);
  await until(() => served === 10, 'ten requests');
  assert.ok(
    servedAtTurns.every((n, i) => i === 0 || n - servedAtTurns[i - 1]! <= 4),
    servedAtTurns.join(),
  );
  closeAll(channel, kernel);
});

test('close inside the callback: nothing more is read, its reply is not written, the descriptor is closed', async () => {
  const { channel, kernel } = pair();
  const number = channel.fd;
  let calls = 0;
  kernel.send(16);
  kernel.send(16);
  channel.start(() => {
    calls++;
    channel.close();
    channel.close();
    collectGarbage();
    return 16;
  }, unexpected);
  await until(() => calls === 1, 'a request');
  await turns();
  assert.is(calls, 1);
  assert.is(channel.fd, -1);
  assert.not(isOpen(number));
  assert.is(native.pollWait(kernel.fd, POLLIN, 0) & POLLIN, POLLIN, 'only the end is to be read');
  assert.is(channel.send(16), -errno.EBADF);
  kernel.close();
});

test('the end is reported once, and a channel that has ended keeps nothing alive', async () => {
  const { channel, kernel } = pair();
  const ends: number[] = [];
  channel.start(
    () => 0,
    end => ends.push(end),
  );
  kernel.close();
  await until(() => ends.length > 0, 'the end');
  await turns();
  assert.equal(ends, [errno.ENODEV]);
  channel.close();
});

test('close inside onEnd is fine, and a channel may be restarted after its end', async () => {
  const { channel, kernel } = pair();
  let ends = 0;
  kernel.close();
  channel.start(
    () => 0,
    () => {
      channel.start(
        () => 0,
        () => {
          ends++;
          channel.close();
        },
      );
    },
  );
  await until(() => ends === 1, 'the second end');
});

test('a channel starts once', () => {
  const { channel, kernel } = pair();
  channel.start(() => 0, unexpected);
  assert.throws(() => channel.start(() => 0, unexpected), /started already/);
  channel.close();
  assert.is(
    codeOf(() => channel.start(() => 0, unexpected)),
    'EBADF',
  );
  kernel.close();
});

test('what the callback throws is uncaught, and the next request is served', async () => {
  const { channel, kernel } = pair();
  let calls = 0;
  const caught = await uncaught(async () => {
    channel.start(() => {
      if (++calls === 1) throw new Error('one');
      return 0;
    }, unexpected);
    kernel.send(16);
    kernel.send(16);
    await until(() => calls === 2, 'two requests');
  });
  assert.equal(
    caught.map(error => error.message),
    ['one'],
  );
  closeAll(channel, kernel);
});

test('an answer that is no length is an exception, never a write', async () => {
  const { channel, kernel } = pair();
  const answers = [undefined, 'x', 15, -1, SIZE + 1, Number.NaN, Infinity];
  let calls = 0;
  const caught = await uncaught(async () => {
    channel.start(() => answers[calls++] as number, unexpected);
    for (let n = 0; n < answers.length; n++) kernel.send(16);
    await until(() => calls === answers.length, 'all requests');
    await turns();
  });
  assert.equal(
    caught.map(error => error.name),
    ['TypeError', 'TypeError', 'RangeError', 'RangeError', 'RangeError', 'RangeError', 'RangeError'],
  );
  assert.is(native.pollWait(kernel.fd, POLLIN, 0), 0);
  closeAll(channel, kernel);
});

test('a reply that the kernel does not take is counted; send answers its errno', async () => {
  const { channel, kernel } = pair(1);
  kernel.send(16);
  let calls = 0;
  channel.start(
    () => {
      calls++;
      kernel.close();
      return 16;
    },
    () => {},
  );
  await until(() => calls === 1, 'a request');
  await turns();
  assert.is(channel.lost, 1);
  assert.is(channel.send(16), -errno.EPIPE);
  assert.is(channel.sendv(16, [new ArrayBuffer(3)], Float64Array.of(0, 3), 1), -errno.EPIPE);
  channel.close();
});

test('send beyond the buffer is EFAULT, of less than a header a RangeError', () => {
  const { channel, kernel } = pair();
  assert.is(channel.send(SIZE + 1), -errno.EFAULT);
  const one = [new ArrayBuffer(1)];
  const whole = Float64Array.of(0, 1);
  assert.is(channel.sendv(SIZE + 1, one, whole, 1), -errno.EFAULT);
  for (const [at, length] of [
    [1, 1],
    [0, 2],
    [-1, 1],
    [0, -1],
    [Number.NaN, 1],
    [0, Infinity],
  ] as const)
    assert.is(channel.sendv(16, one, Float64Array.of(at, length), 1), -errno.EFAULT, `${at} ${length}`);
  assert.throws(() => channel.send(15), RangeError);
  assert.throws(() => channel.sendv(0, one, whole, 1), RangeError);
  assert.throws(() => channel.sendv(16, one, whole, 513), RangeError);
  const noArray = new ArrayBuffer(1) as unknown as ArrayBuffer[];
  assert.throws(() => channel.sendv(16, noArray, whole, 1), /^argument 2 must be an Array/);
  assert.throws(() => channel.sendv(16, [], whole, 1), /^argument 2 must hold ArrayBuffers/);
  closeAll(channel, kernel);
});

test('buffers that JavaScript gave away end the channel with EFAULT, no memory is written', async () => {
  const { channel, kernel } = pair();
  structuredClone(channel.request, { transfer: [channel.request] });
  const ends: number[] = [];
  kernel.send(16);
  channel.start(
    () => 0,
    end => ends.push(end),
  );
  await until(() => ends.length > 0, 'the end');
  assert.equal(ends, [errno.EFAULT]);
  closeAll(channel, kernel);

  const other = pair();
  const caught = await uncaught(async () => {
    let calls = 0;
    other.channel.start(() => {
      structuredClone(other.channel.reply, { transfer: [other.channel.reply] });
      calls++;
      return 16;
    }, unexpected);
    other.kernel.send(16);
    await until(() => calls === 1, 'a request');
    await turns();
  });
  assert.is(caught[0]?.name, 'RangeError');
  assert.is(other.channel.send(16), -errno.EFAULT);
  closeAll(other.channel, other.kernel);
});

test('an adopted descriptor does not block and is closed on exec', () => {
  const { channel, kernel } = pair();
  assert.is(native.flagsOf(channel.fd) & O_NONBLOCK, O_NONBLOCK);
  assert.is(native.fcntl(channel.fd, 1, 0), 1);
  closeAll(channel, kernel);
});

test('request and reply are the same objects each time, zeroed, and live after close', () => {
  const { channel, kernel } = pair();
  const { request, reply } = channel;
  assert.ok(channel.request === request && channel.reply === reply);
  assert.is(channel.request.byteLength, SIZE);
  assert.is(channel.reply.byteLength, SIZE);
  assert.ok(new Uint8Array(channel.reply).every(byte => byte === 0));
  closeAll(channel, kernel);
  assert.is(channel.request.byteLength, SIZE);
});

test('a started channel lives without a reference to it; one that was not started is collected', async () => {
  const [a, b] = native.socketpair();
  const idle = native.adoptFuse(b.release(), SIZE, 1).fd;
  let ended = false;
  native.adoptFuse(a.release(), SIZE, 1).start(
    () => 0,
    () => {
      ended = true;
    },
  );
  for (let n = 0; n < 100 && !ended; n++) {
    collectGarbage();
    await turns();
  }
  assert.ok(ended, 'the idle channel was collected, which the other saw');
  assert.not(isOpen(idle));
});

test('spin: the callback gets the wait since the last answer, -1 without', async () => {
  for (const us of [undefined, 0, 500]) {
    const { channel, kernel } = pair(1);
    const waits: number[] = [];
    if (us !== undefined) channel.spin(us);
    channel.start((_, waited) => {
      waits.push(waited);
      return 0;
    }, unexpected);
    kernel.send(16);
    await until(() => waits.length === 1, 'a request');
    await sleep(5);
    kernel.send(16);
    await until(() => waits.length === 2, 'two requests');
    assert.ok(us === undefined ? waits.every(us => us === -1) : waits[1]! >= 4000, `${us}: ${waits}`);
    assert.throws(() => channel.spin(1001), RangeError);
    closeAll(channel, kernel);
  }
});

for (const spin of [undefined, 1000]) {
  const how = spin === undefined ? '' : `, with a spin of ${spin} us`;
  test(`process.nextTick and promises of a request run before the loop goes on${how}`, async () => {
    const { channel, kernel } = pair();
    const order: string[] = [];
    kernel.send(16);
    if (spin !== undefined) channel.spin(spin);
    channel.start(() => {
      setImmediate(() => order.push('immediate'));
      process.nextTick(() => order.push('tick'));
      Promise.resolve().then(() => order.push('promise'));
      return 0;
    }, unexpected);
    await until(() => order.length === 3, 'all three');
    assert.equal(order, ['tick', 'promise', 'immediate']);
    closeAll(channel, kernel);
  });

  test(`requests without end: timers and other descriptors have their turn${how}`, async () => {
    const { channel, kernel } = pair(1);
    const [near, far] = native.socketpair();
    far.close();
    let [timer, ready] = [false, false];
    if (spin !== undefined) channel.spin(spin);
    channel.start(() => {
      kernel.send(16);
      return 0;
    }, unexpected);
    kernel.send(16);
    setTimeout(() => {
      timer = true;
    }, 1);
    const poller = native.poll(near.fd, POLLIN, () => {
      ready = true;
      poller.close();
    });
    await until(() => timer && ready, 'the timer and the descriptor');
    near.close();
    closeAll(channel, kernel);
  });

  test(`what a request starts to watch is heard though no request follows${how}`, async () => {
    const { channel, kernel } = pair();
    const [near, far] = native.socketpair();
    far.close();
    let ready = false;
    if (spin !== undefined) channel.spin(spin);
    channel.start(() => {
      const poller = native.poll(near.fd, POLLIN, () => {
        ready = true;
        poller.close();
      });
      return 0;
    }, unexpected);
    kernel.send(16);
    await until(() => ready, 'the descriptor');
    near.close();
    closeAll(channel, kernel);
  });
}

test.run();
