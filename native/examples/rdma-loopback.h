/* SPDX-License-Identifier: MIT
 *
 * rdma-loopback.h - the first RDMA device, with a queue pair of it that is connected to itself: enough to register
 * memory and to have the device write to it, RDMA WRITE, without a peer. Any device will do, soft-RoCE too.
 */
#ifndef RDMA_LOOPBACK_H
#define RDMA_LOOPBACK_H

#include <errno.h>
#include <infiniband/verbs.h>
#include <rdma/ib_user_ioctl_cmds.h>
#include <rdma/ib_user_verbs.h>
#include <rdma/rdma_user_ioctl.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>

#define RDMA_ACCESS       (IBV_ACCESS_LOCAL_WRITE | IBV_ACCESS_REMOTE_WRITE | IBV_ACCESS_REMOTE_READ)
#define RDMA_BOUNCE       4096
#define RDMA_WAIT_SECONDS 10

struct rdma_loopback {
	struct ibv_context *context;
	struct ibv_pd *pd;
	struct ibv_cq *cq;
	struct ibv_qp *qp;
	/* What it sends from and receives into: memory of its own, a page, the same one in a process that was forked. */
	unsigned char *bounce;
	struct ibv_mr *bounce_mr;
};

/* All answer 0 or -errno. */

static inline int rdma_connect_to_itself(struct rdma_loopback *l)
{
	struct ibv_port_attr port;
	struct ibv_qp_attr a = { .qp_state = IBV_QPS_INIT, .port_num = 1, .qp_access_flags = RDMA_ACCESS };
	int r = ibv_modify_qp(l->qp, &a, IBV_QP_STATE | IBV_QP_PKEY_INDEX | IBV_QP_PORT | IBV_QP_ACCESS_FLAGS);

	if (r == 0)
		r = ibv_query_port(l->context, 1, &port);
	if (r != 0)
		return -r;
	a = (struct ibv_qp_attr){
		.qp_state = IBV_QPS_RTR,
		.path_mtu = port.active_mtu,
		.dest_qp_num = l->qp->qp_num,
		.max_dest_rd_atomic = 1,
		.min_rnr_timer = 12,
		.ah_attr = { .port_num = 1, .dlid = port.lid },
	};
	if (port.link_layer == IBV_LINK_LAYER_ETHERNET) {
		a.ah_attr.is_global = 1;
		a.ah_attr.grh.hop_limit = 1;
		if (ibv_query_gid(l->context, 1, 0, &a.ah_attr.grh.dgid) != 0)
			return -EIO;
	}
	r = ibv_modify_qp(l->qp, &a,
			  IBV_QP_STATE | IBV_QP_AV | IBV_QP_PATH_MTU | IBV_QP_DEST_QPN | IBV_QP_RQ_PSN |
			      IBV_QP_MAX_DEST_RD_ATOMIC | IBV_QP_MIN_RNR_TIMER);
	if (r != 0)
		return -r;
	a = (struct ibv_qp_attr){
		.qp_state = IBV_QPS_RTS, .timeout = 14, .retry_cnt = 7, .rnr_retry = 7, .max_rd_atomic = 1
	};
	return -ibv_modify_qp(l->qp, &a,
			      IBV_QP_STATE | IBV_QP_TIMEOUT | IBV_QP_RETRY_CNT | IBV_QP_RNR_RETRY | IBV_QP_SQ_PSN |
				  IBV_QP_MAX_QP_RD_ATOMIC);
}

static inline void rdma_close(struct rdma_loopback *l)
{
	if (l->qp != NULL)
		ibv_destroy_qp(l->qp);
	if (l->cq != NULL)
		ibv_destroy_cq(l->cq);
	if (l->bounce_mr != NULL)
		ibv_dereg_mr(l->bounce_mr);
	if (l->pd != NULL)
		ibv_dealloc_pd(l->pd);
	if (l->context != NULL)
		ibv_close_device(l->context);
	if (l->bounce != NULL)
		munmap(l->bounce, RDMA_BOUNCE);
	memset(l, 0, sizeof *l);
}

/* -ENODEV: there is no RDMA device. */
static inline int rdma_open(struct rdma_loopback *l)
{
	struct ibv_qp_init_attr init = {
		.qp_type = IBV_QPT_RC,
		.cap = { .max_send_wr = 4, .max_recv_wr = 4, .max_send_sge = 1, .max_recv_sge = 1 }
	};
	struct ibv_device **devices = ibv_get_device_list(NULL);
	int r;

	memset(l, 0, sizeof *l);
	if (devices == NULL || devices[0] == NULL) {
		if (devices != NULL)
			ibv_free_device_list(devices);
		return -ENODEV;
	}
	errno = EIO;
	l->context = ibv_open_device(devices[0]);
	ibv_free_device_list(devices);
	l->bounce = mmap(NULL, RDMA_BOUNCE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (l->bounce == MAP_FAILED)
		l->bounce = NULL;
	if (l->context == NULL || l->bounce == NULL || (l->pd = ibv_alloc_pd(l->context)) == NULL ||
	    (l->bounce_mr = ibv_reg_mr(l->pd, l->bounce, RDMA_BOUNCE, RDMA_ACCESS)) == NULL ||
	    (init.send_cq = init.recv_cq = l->cq = ibv_create_cq(l->context, 8, NULL, NULL, 0)) == NULL ||
	    (l->qp = ibv_create_qp(l->pd, &init)) == NULL) {
		r = errno > 0 ? -errno : -EIO;
	} else {
		r = rdma_connect_to_itself(l);
	}
	if (r < 0)
		rdma_close(l);
	return r;
}

/* soft-RoCE learns of queued work by a write(2), which the kernel accepts only from the process that opened the device
 * (ib_safe_file_access). It accepts the same command by ioctl(2) from any process that has the descriptor. */
static inline int rdma_ring_doorbell(struct rdma_loopback *l)
{
	struct ib_uverbs_post_send command = { .qp_handle = l->qp->handle,
					       .wqe_size = sizeof(struct ib_uverbs_send_wr) };
	struct ib_uverbs_post_send_resp response;
	struct {
		struct ib_uverbs_ioctl_hdr header;
		struct ib_uverbs_attr attributes[3];
	} request = {
		.header = { .length = sizeof request,
			    .object_id = UVERBS_OBJECT_DEVICE,
			    .method_id = UVERBS_METHOD_INVOKE_WRITE,
			    .num_attrs = 3,
			    .driver_id = RDMA_DRIVER_RXE },
		.attributes = {
			{ .attr_id = UVERBS_ATTR_CORE_IN, .len = sizeof command, .data = (uintptr_t)&command },
			{ .attr_id = UVERBS_ATTR_CORE_OUT, .len = sizeof response, .data = (uintptr_t)&response },
			{ .attr_id = UVERBS_ATTR_WRITE_CMD,
			  .len = sizeof(uint64_t),
			  .data = IB_USER_VERBS_CMD_POST_SEND },
		},
	};

	return ioctl(l->context->cmd_fd, RDMA_VERBS_IOCTL, &request) < 0 ? -errno : 0;
}

/* One RDMA operation between the bounce page and the `len` bytes at `at` of the region. */
static inline int rdma_move(struct rdma_loopback *l, enum ibv_wr_opcode opcode, const struct ibv_mr *mr, void *at,
			    uint32_t len)
{
	struct ibv_sge sge = { (uintptr_t)l->bounce, len, l->bounce_mr->lkey };
	struct ibv_send_wr *bad,
	    wr = { .sg_list = &sge, .num_sge = 1, .opcode = opcode, .send_flags = IBV_SEND_SIGNALED };
	time_t until = time(NULL) + RDMA_WAIT_SECONDS;
	struct ibv_wc wc;
	int r, n;

	wr.wr.rdma.remote_addr = (uintptr_t)at;
	wr.wr.rdma.rkey = mr->rkey;
	r = -ibv_post_send(l->qp, &wr, &bad);
	if (r == -EACCES)
		r = rdma_ring_doorbell(l);
	if (r < 0)
		return r;
	while ((n = ibv_poll_cq(l->cq, 1, &wc)) == 0)
		if (time(NULL) > until)
			return -ETIMEDOUT;
	return n < 0 || wc.status != IBV_WC_SUCCESS ? -EIO : 0;
}

/* The device writes `len` bytes of `byte`, a page at most. */
static inline int rdma_write(struct rdma_loopback *l, const struct ibv_mr *mr, void *at, uint32_t len, int byte)
{
	if (len > RDMA_BOUNCE)
		return -EINVAL;
	memset(l->bounce, byte, len);
	return rdma_move(l, IBV_WR_RDMA_WRITE, mr, at, len);
}

/* The byte that the device sees at `at`, or -errno. */
static inline int rdma_read_byte(struct rdma_loopback *l, const struct ibv_mr *mr, void *at)
{
	int r = rdma_move(l, IBV_WR_RDMA_READ, mr, at, 1);

	return r < 0 ? r : l->bounce[0];
}

#endif /* RDMA_LOOPBACK_H */
