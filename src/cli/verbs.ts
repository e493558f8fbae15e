// The verbs of the command, in the order of its help: each is loaded when it is needed.
import type { Verb } from './verb.js';

export const verbs: Readonly<Record<string, () => Promise<{ readonly verb: Verb }>>> = {
  mount: () => import('./mount.js'),
  umount: () => import('./umount.js'),
  status: () => import('./status.js'),
  resize: () => import('./resize.js'),
  upgrade: () => import('./upgrade.js'),
  leases: () => import('./leases.js'),
  pins: () => import('./pins.js'),
  events: () => import('./events.js'),
  inject: () => import('./inject.js'),
  top: () => import('./top.js'),
  layout: () => import('./layout.js'),
  stat: () => import('./stat.js'),
  extents: () => import('./extents.js'),
  io: () => import('./io/io.js'),
  run: () => import('./run.js'),
  explain: () => import('./explain.js'),
  'include-dir': () => import('./include-dir.js'),
  completion: () => import('./completion.js'),
  doctor: () => import('./doctor.js'),
  demo: () => import('./demo/demo.js'),
};

export const allVerbs = async (): Promise<Verb[]> =>
  (await Promise.all(Object.values(verbs).map(load => load()))).map(({ verb }) => verb);
