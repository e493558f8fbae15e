// `leasefs pins`: which ranges are pinned, and which process must end before they are free (A1, A2).
import { printable } from '../base/words.js';
import type { ReportedPin } from '../client/index.js';
import { jsonText } from './json.js';
import { holderTexts, pathText, readMounted, type WithHolders, withHolders } from './mounted-path.js';
import { exactSize, readableAge } from './sizes.js';
import { table } from './table.js';
import { holderText, type Unleased, type UnleasedPin, unleasedPins } from './unleased.js';
import { onlyArgument, parseOptions, type Verb } from './verb.js';

export const verb: Verb = {
  name: 'pins',
  summary: 'list the pins of a mount or file, and what ends them',
  help: `usage: leasefs pins [--json] MNT|FILE

  COMMAND PID  the process that made the pin
  RANGE        bytes [begin,end) that no truncate and no punch may free
  OWNER        what the pin ends with: that process, or the last descriptor of an open file
  LEASE        the lease that it is under: held, or zombie when its descriptors are closed
  HOLDERS      every process that is seen to hold the file open (of a pin that a description
               owns: the file of that description), 'mem' by a mapping alone; 'in flight or
               hidden' when there is none

Below, 'kernel pins without a lease': buffers that a program has registered with io_uring
without a pin, as far as /proc shows them to you. They refuse a layout change too; BY is
that io_uring's descriptor, 'busy' when the kernel did not list its buffers. 'possible' is
what a process maps that holds an RDMA region, an AF_XDP socket, a VFIO or iommufd device
or a udmabuf: the kernel does not show what of it is pinned (rule N12, --unseen-pins).
'there may be more' where not every process could be looked into, or in time.

There is no force-unpin: a device would continue to write into freed blocks. End the named
processes; their pins end with them.`,

  async run(args) {
    const { values, positionals } = parseOptions(args, { json: { type: 'boolean' } });
    const { mountPoint, report, dev, ino } = readMounted(onlyArgument(positionals, 'MNT|FILE'), 'pins');
    const pins = withHolders(dev, report.pins);
    const unleased = unleasedPins(dev, ino, report.pins);
    if (values.json)
      console.log(
        jsonText('pins', { mount: mountPoint, pins, unleased: unleased.pins, unseen: unleased.unseen }),
      );
    else for (const line of [...pinTable(mountPoint, pins), ...unleasedTable(unleased)]) console.log(line);
    return 0;
  },
};

export function pinTable(mountPoint: string, pins: readonly WithHolders<ReportedPin>[]): string[] {
  if (pins.length === 0) return ['no pins'];
  return table<WithHolders<ReportedPin>>(
    [
      { title: 'ID', right: true, cell: pin => `${pin.id}` },
      { title: 'COMMAND', cell: pin => pin.command },
      { title: 'PID', right: true, cell: pin => `${pin.pid}` },
      { title: 'RANGE', cell: pin => `[${exactSize(pin.off)},${exactSize(pin.off + pin.len)})` },
      { title: 'OWNER', cell: pin => pin.owner },
      { title: 'LEASE', cell: pin => (pin.zombie ? 'zombie' : 'held') },
      { title: 'AGE', right: true, cell: pin => readableAge(pin.ageMs) },
      { title: 'PATH', cell: pin => pathText(mountPoint, pin) },
      { title: 'HOLDERS', cell: pin => holderTexts(pin.holders) },
    ],
    pins,
  );
}

export function unleasedTable({ pins, unseen }: Unleased): string[] {
  const partial = unseen === null ? [] : [`there may be more kernel pins: ${printable(unseen)}`];
  if (pins.length === 0) return partial;
  const rows = table<UnleasedPin>(
    [
      { title: 'COMMAND', cell: pin => pin.command },
      { title: 'PID', right: true, cell: pin => `${pin.pid}` },
      {
        title: 'BY',
        cell: pin => `${holderText(pin)}${pin.busy ? ' busy' : ''}${pin.possible ? ' possible' : ''}`,
      },
      { title: 'RANGE', cell: pin => `[${exactSize(pin.off)},${exactSize(pin.off + pin.len)})` },
      { title: 'PATH', cell: pin => pin.path },
    ],
    pins,
  );
  return ['kernel pins without a lease:', ...rows, ...partial];
}
