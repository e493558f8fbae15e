// A daemon with systemd's descriptor store, which notes what it finds: SCRIPT is 'first' or 'next'.
import { native } from '../../src/native/binding.js';
import type { KeeperLink } from '../../src/keeper/link.js';
import { SystemdStore } from '../../src/keeper/systemd-store.js';

const [script] = process.argv.slice(2);
const own = [process.execPath, ...process.argv.slice(1)];
const store: KeeperLink = new SystemdStore(process.env, own);
const read = (fd: number): string => {
  const room = new ArrayBuffer(64);
  return Buffer.from(room, 0, native.pread(fd, room, 0, 64, 0)).toString();
};
const memory = (text: string) => {
  const made = native.memfdCreate('stored');
  const bytes = Uint8Array.from(Buffer.from(text));
  native.pwrite(made.fd, bytes.buffer, 0, bytes.length, 0);
  return made;
};
const kept = (['fuse', 'journal', 'while', 'tmpfs'] as const).map(name => {
  const one = store.kept.get(name);
  return one === undefined ? null : read(one.fd);
});
const seen = { deaths: store.deaths, takesOver: store.takesOver, kept, by: store.by };
if (script === 'first') {
  store.keep('fuse', memory('device').fd);
  store.keep('journal', memory('old').fd);
  store.keep('while', memory('x').fd);
  store.keep('journal', memory('new').fd);
  store.drop('while');
  store.drop('tmpfs');
}
store.mounted(1, '/');
store.serving();
const answers = [store.next(['/other/program']), script === 'upgrade' ? store.next(own) : 0];
console.log(JSON.stringify({ ...seen, answers, isThere: store.isThere }));
process.kill(process.pid, 'SIGKILL');
