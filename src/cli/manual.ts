// The manual pages, of the help that the command itself prints, so that they cannot differ: leasefs(1), the rules as
// leasefs(7), mount.leasefs(8). In the macros of man(7). Pure.
import { ruleText } from './explain.js';
import type { Rule } from './rules.js';
import type { Verb } from './verb.js';

interface Page {
  /** 'leasefs.1' */
  readonly file: string;
  readonly text: string;
}

interface Source {
  readonly version: string;
  readonly verbs: readonly Verb[];
  readonly rules: readonly Rule[];
}

export function manualPages({ version, verbs, rules }: Source): Page[] {
  const head = (name: string, section: number, what: string): string[] => [
    `.TH ${name} ${section} "" "leasefs ${version}"`,
    '.SH NAME',
    `${name.toLowerCase()} \\- ${escaped(what)}`,
  ];
  const page = (file: string, lines: readonly string[]): Page => ({ file, text: `${lines.join('\n')}\n` });
  const mount = verbs.find(({ name }) => name === 'mount');
  return [
    page('leasefs.1', [
      ...head('LEASEFS', 1, 'files that applications map directly, guarded by layout leases and pins'),
      '.SH SYNOPSIS',
      '.B leasefs\n.I VERB\n[\\fIOPTIONS\\fR] ...',
      '.SH VERBS',
      ...verbs.flatMap(({ name, summary }) => ['.TP', `.B ${name}`, escaped(summary)]),
      ...verbs.flatMap(({ name, help }) => [`.SH ${name.toUpperCase()}`, ...verbatim(help)]),
      '.SH EXIT STATUS',
      '0: done. 1: refused or failed, with one line that says why and what to do. 2: typed wrongly, nothing was done.',
      'The help of a verb has its others.',
      '.SH SEE ALSO',
      '.BR leasefs (7),\n.BR mount.leasefs (8),\n.BR fcntl (2),\n.BR fallocate (2)',
    ]),
    page('leasefs.7', [
      ...head('LEASEFS', 7, 'the rules of layout leases and pins'),
      '.SH DESCRIPTION',
      'What layout leases and pins do, by number. Errors, events and the log of',
      '.BR leasefs (1)\ncite these numbers.',
      ...rules.flatMap(rule => [`.SH ${rule.number}`, ...verbatim(ruleText(rule).slice(1).join('\n'))]),
      '.SH SEE ALSO',
      '.BR leasefs (1),\n.BR mount.leasefs (8)',
    ]),
    page('mount.leasefs.8', [
      ...head('MOUNT.LEASEFS', 8, 'mount a leasefs from /etc/fstab or by mount(8)'),
      '.SH SYNOPSIS',
      '.B mount -t leasefs\n[\\fB\\-o\\fR \\fIOPTIONS\\fR]\n.I SOURCE MNT',
      '.SH DESCRIPTION',
      '.BR mount (8)\ncalls it for a filesystem of the type leasefs or fuse.leasefs.',
      'SOURCE is a name for listings. OPTIONS are those of',
      '.BR mount (8)\nand those of leasefs mount, without the two dashes: size=4g,store=pooled.',
      '.SH LEASEFS MOUNT',
      ...verbatim(mount?.help ?? ''),
      '.SH SEE ALSO',
      '.BR leasefs (1),\n.BR leasefs (7),\n.BR fstab (5)',
    ]),
  ];
}

/** As it is printed, line by line. */
const verbatim = (text: string): string[] => ['.nf', ...text.split('\n').map(escaped), '.fi'];

/** What roff would read as its own: the backslash, the hyphen, and a dot or quote that begins a line. */
const escaped = (line: string): string =>
  line
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^(?=[.'])/, '\\&');
