// An RDMA device inside the machine: soft-RoCE on one end of a veth pair.
import { must } from './host.js';

/** By which programs that connect by RDMA/CM find it. */
export const RDMA_ADDRESS = '10.0.0.1';

const setUp = `
[ ! -e /dev/infiniband/uverbs0 ] || exit 0
modprobe -a rdma_rxe rdma_ucm
ip link add rdma0 type veth peer name rdma1
ip address add ${RDMA_ADDRESS}/24 dev rdma0
ip link set rdma0 up
ip link set rdma1 up
rdma link add rxe0 type rxe netdev rdma0`;

/** Once or more often. */
export function bringUpRdma(): void {
  if (process.env.LEASEFS_VM === undefined)
    throw new Error('soft-RoCE is set up in virtual machines only: npm run test:vm, npm run demo:rdma');
  // Test files are run two at a time.
  must('flock', '/run/lock-rdma', 'sh', '-ec', setUp);
}
