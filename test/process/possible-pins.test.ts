// N12: what pins memory unseen, by the names of descriptors and of mappings.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Pinners } from '../../src/process/possible-pins.js';

/** No process has it, so nothing can be asked of its descriptors. */
const NO_PROCESS = 2 ** 22 + 1;

const found = (maps: string, ...links: readonly string[]): unknown => {
  const pinners = new Pinners(NO_PROCESS, maps);
  for (const [fd, link] of links.entries()) pinners.see(fd, link);
  return [...pinners.all()].map(({ by, fd }) => [by, fd]);
};

const test = suite('possible pins');

test('N12: devices that pin, one of each kind', () => {
  assert.equal(
    found(
      '',
      '/dev/vfio/vfio',
      '/dev/vfio/12',
      'anon_inode:[vfio-device]',
      '/dev/iommu',
      '/dev/vhost-vdpa-0',
    ),
    [
      ['VFIO', 0],
      ['iommufd', 3],
      ['vhost-vdpa', 4],
    ],
  );
});

test('N12: what pins nothing', () => {
  assert.equal(
    found(
      '7f00-7f01 rw-s 00000000 00:2f 7 /mnt/f\n',
      ...['/mnt/dev/vfio/f', '/dev/null', 'socket:[5]', 'pipe:[7]', '/dmabuf:', '/dev/infiniband/rdma_cm'],
    ),
    [],
  );
});

test('N12: a device whose descriptor is closed lives in its mapping', () => {
  const maps = '7f00-7f01 rw-s 00000000 00:05 7 /dev/infiniband/uverbs0\n';
  assert.equal(found(maps), [['RDMA region', -1]]);
  assert.equal(found(maps, '/dev/infiniband/uverbs0'), [], 'it is asked by its descriptor');
  assert.equal(found('7f00-7f01 rw-s 00000000 00:0e 9 anon_inode:[vfio-device]\n'), [['VFIO', -1]]);
});

test.run();
