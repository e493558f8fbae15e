// `leasefs events`: what has happened to leases and pins, and with --follow what happens.
import { printable } from '../base/words.js';
import { type EventOptions, events, type LostEvents, type ReportedEvent } from '../client/index.js';
import { jsonLine } from './json.js';
import { inodeOn } from './mounted-path.js';
import { exactSize, readableAge } from './sizes.js';
import { onlyArgument, parseOptions, type Verb } from './verb.js';

export const verb: Verb = {
  name: 'events',
  summary: 'what happened to leases and pins, and what happens',
  help: `usage: leasefs events [--json] [--follow] MNT|FILE

Prints the events that are kept (the last 4096 of the mount), one a line; of FILE only its
own.

  -f, --follow  wait for further events, until it is interrupted
  --json        one JSON object a line

  grant convert release owner   a lease: taken, converted, released, taken over
  pin unpin                     a range, with the lease that it is under
  break answered forced         notice, the holder's answer, or the end of its time
  refused                       the call, its caller, the rule, the holder, what ends that
  zombie zombie-end             a lease that its pins hold after the last close
  died                          a process that held something
  lost                          a slow reader missed so many
  injected                      caused by 'leasefs inject'

Of the processes of other users only root sees files and ranges, as in /proc.
It reads .leasefs/events of the mount: any program that reads lines can do the same.`,

  async run(args) {
    const { values, positionals } = parseOptions(args, {
      json: { type: 'boolean' },
      follow: { type: 'boolean', short: 'f' },
    });
    const { mountPoint, ino } = inodeOn(onlyArgument(positionals, 'MNT|FILE'));
    const options: EventOptions = { follow: values.follow ?? false };
    for await (const event of events(mountPoint, options)) {
      if (ino !== undefined && event.event !== 'lost' && event.ino !== ino) continue;
      console.log(values.json ? jsonLine('events', event) : eventText(event));
    }
    return 0;
  },
};

/** One line; times are local. */
export function eventText(event: ReportedEvent | LostEvents): string {
  if (event.event === 'lost') return `             lost       ${event.count} events, read too late`;
  const time = new Date(event.time);
  const clock = `${time.toTimeString().slice(0, 8)}.${`${time.getMilliseconds()}`.padStart(3, '0')}`;
  const by = event.pid === 0 ? '' : `${event.pid} (${event.command})`;
  const file = event.path === undefined ? '' : (event.path ?? `inode ${event.ino} (deleted)`);
  const words = [clock, ` ${event.event.padEnd(10)}`, by, file, said(event), `[${event.rule}]`];
  const text = words.filter(word => word !== '').join(' ');
  return printable(event.injected ? `${text} injected` : text);
}

function said(event: ReportedEvent): string {
  const {
    event: name,
    kind,
    from,
    must,
    ms,
    breaker,
    notified,
    lease,
    pin,
    call,
    errno,
    holder,
    ends,
  } = event;
  const broken =
    breaker === undefined || breaker.pid === 0 ? '' : `, for ${breaker.pid} (${breaker.command})`;
  const time = ms === undefined ? '' : readableAge(ms);
  switch (name) {
    case 'convert':
      return `lease ${lease}: ${from} to ${kind}`;
    case 'pin':
    case 'unpin':
      return pin === undefined ? '' : `pin ${pin} ${range(event)} of the ${event.owner}, lease ${lease}`;
    case 'break':
      return must === undefined
        ? ''
        : `lease ${lease}: ${kind} must become ${must} within ${time}${broken}; ${notified}`;
    case 'answered':
    case 'forced':
      return kind === undefined
        ? ''
        : `lease ${lease}: ${from} to ${kind}${ms === undefined ? '' : ` after ${time}`}`;
    case 'refused': {
      const held = holder === undefined ? '' : `; ${heldText(holder)}, until ${ends}`;
      return `${call === undefined ? '' : `${call}: `}${errno}${held}`;
    }
    case 'injected':
      return call ?? '';
    case 'died':
    case 'restarted':
      return '';
    default:
      return kind === undefined ? '' : `lease ${lease}: ${kind}`;
  }
}

function heldText(holder: NonNullable<ReportedEvent['holder']>): string {
  const by = `of ${holder.pid} (${holder.command})`;
  if (holder.pin !== undefined) return `pin ${holder.pin} ${range(holder)} ${by}`;
  return `${holder.zombie ? 'zombie ' : ''}${holder.kind} lease ${holder.lease} ${by}`;
}

const range = ({ off = 0, len = 0 }: { off?: number; len?: number }): string =>
  `[${exactSize(off)},${exactSize(off + len)})`;
