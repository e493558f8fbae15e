// The thread in which a daemon looks at descriptors of single processes. To read /proc of a process waits while the process is
// in exec(2), or while an epoll of its is asked for what it watches (K29, K30), and that may wait for this very daemon, or
// for the server of another filesystem.
import { answerAside } from './aside.js';
import { linkOf, listOf, textOf } from './proc-text.js';
import { descriptorIn, type Registered, type Registration, registrationOf } from './registration.js';

/** A file of the daemon's mount. */
interface SoughtFile {
  readonly ino: number;
  /** As d_path(9) shows it. */
  readonly path: string;
}

export type DescriptorQuestion =
  /** What a process that is stopped at a call is about to register. */
  | { readonly what: 'registration'; readonly of: Registered }
  /** The process's lowest descriptors of files, and of what holds registered memory. */
  | {
      readonly what: 'lowest';
      readonly pid: number;
      readonly files: readonly SoughtFile[];
      readonly registrations: readonly Registration[];
    };

export type DescriptorAnswer =
  | { readonly what: 'registration'; readonly registration: Registration }
  /** By index; undefined: none. */
  | {
      readonly what: 'lowest';
      readonly files: readonly (number | undefined)[];
      readonly registrations: readonly (number | undefined)[];
    };

/**
 * The process's lowest descriptor of the file. By fdinfo and the link, since a stat would come to ourselves; two files of
 * one number and name on two filesystems are taken for each other.
 */
function lowestOf(pid: number, { ino, path }: SoughtFile): number | undefined {
  const fds = listOf(`/proc/${pid}/fd`).map(Number);
  return fds
    .sort((a, b) => a - b)
    .find(fd => {
      if (!textOf(`/proc/${pid}/fdinfo/${fd}`).includes(`\nino:\t${ino}\n`)) return false;
      const link = linkOf(`/proc/${pid}/fd/${fd}`);
      return link === path || link.endsWith(' (deleted)');
    });
}

function answer(question: DescriptorQuestion): DescriptorAnswer {
  switch (question.what) {
    case 'registration':
      return { what: 'registration', registration: registrationOf(question.of) };
    case 'lowest': {
      const { pid, files, registrations } = question;
      return {
        what: 'lowest',
        files: files.map(file => lowestOf(pid, file)),
        registrations: registrations.map(registration => descriptorIn(registration, pid)),
      };
    }
  }
}

answerAside<DescriptorQuestion, DescriptorAnswer>(answer);
