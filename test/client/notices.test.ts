// A break descriptor of Node.js whose daemon ends: it goes on with the next one, which another process plays.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SHARED } from '../../src/abi/kinds.js';
import * as abi from '../../src/abi/leasefs.js';
import { StructView } from '../../src/abi/struct.js';
import { errno } from '../../src/base/errno.js';
import type { Calls } from '../../src/client/calls.js';
import { Notices } from '../../src/client/notices.js';

const test = suite('a watch of a mount whose daemon ends');

/** Answers each token with the notice of the moment, and ends all connections when that changes: a line with ms. */
const daemon = `
import selectors, socket, struct, sys
name, kind = sys.argv[1], int(sys.argv[2])
listener = socket.socket(socket.AF_UNIX)
listener.bind(b'\\0' + name.encode())
listener.listen()
ms, peers = 0, []
loop = selectors.DefaultSelector()
loop.register(listener, selectors.EVENT_READ)
loop.register(sys.stdin, selectors.EVENT_READ)
print('listens', flush=True)
while True:
    for key, _ in loop.select():
        if key.fileobj is listener:
            peer = listener.accept()[0]
            peer.recv(8, socket.MSG_WAITALL)
            peer.send(struct.pack('=IIiI', kind, ms, 0, 0))
            peers.append(peer)
        else:
            line = sys.stdin.readline()
            if not line:
                sys.exit()
            ms = int(line)
            while peers:
                peers.pop().close()
`;

test('it reports what is new, and ends with the mount', async () => {
  const name = `leasefs-test-${process.pid}-${Math.random()}`;
  const child = spawn('python3', ['-c', daemon, name, `${SHARED}`], { stdio: ['pipe', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  let asked = 0;
  let isGone = false;
  const calls = {
    call(request: number, data: ArrayBuffer): number {
      assert.is(request, abi.LEASEFS_IOC_WATCH);
      asked++;
      if (isGone) return -errno.ENOTCONN;
      new StructView(data).data(abi.watch.address).set(Buffer.from(name, 'latin1'));
      return 0;
    },
  };
  const notices = new Notices(calls as unknown as Calls);
  assert.is(notices.first.breakMs, 0);
  let came: () => void = () => {};
  const next = (): Promise<void> =>
    new Promise(resolve => {
      came = resolve;
    });
  notices.wait(true, () => came());
  const after = async (breakMs: number): Promise<ReturnType<Notices['take']>> => {
    const coming = next();
    child.stdin.write(`${breakMs}\n`);
    await coming;
    return notices.take();
  };
  assert.is(await after(0), undefined, 'nothing has changed');
  assert.equal(await after(500), { kind: 'shared', breakMs: 500, readable: false });
  assert.equal(await after(0), { kind: 'shared', breakMs: 0, readable: false }, 'the break is over');
  assert.is(asked, 4);
  isGone = true;
  assert.is(await after(0), 'ended');
  notices.close();
  child.stdin.end();
  await once(child, 'exit');
});

test.run();
