// An RDMA device inside the machine: soft-RoCE on one end of a veth pair.
import { existsSync } from 'node:fs';
import { must } from './kernel.js';

/** By which programs that connect by RDMA/CM find it. */
export const RDMA_ADDRESS = '10.0.0.1';

/** Once or more often. */
export function bringUpRdma(): void {
  if (process.env.LEASEFS_VM === undefined)
    throw new Error('soft-RoCE is set up in virtual machines only: npm run test:vm, npm run demo:rdma');
  if (existsSync('/dev/infiniband/uverbs0')) return;
  must('modprobe', '-a', 'rdma_rxe', 'rdma_ucm');
  must('ip', 'link', 'add', 'rdma0', 'type', 'veth', 'peer', 'name', 'rdma1');
  must('ip', 'address', 'add', `${RDMA_ADDRESS}/24`, 'dev', 'rdma0');
  must('ip', 'link', 'set', 'rdma0', 'up');
  must('ip', 'link', 'set', 'rdma1', 'up');
  must('rdma', 'link', 'add', 'rxe0', 'type', 'rxe', 'netdev', 'rdma0');
}
