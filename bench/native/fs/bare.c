/* The floor of bench:fs: read(2), a switch, write(2) on /dev/fuse, nothing else. Serves the tree of memfs.c with the same
 * lifetimes; what it does not know is ENOSYS. With -p every file is a memfd that the kernel serves by passthrough: the
 * floor of the direct store. usage: bare [-p] DIR */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tree.h"

#define FOREVER 0x7fffffff

/* Of protocol 7.40 (Linux 6.9), younger than Debian 12's header. */
struct backing_map {
	int32_t fd;
	uint32_t flags;
	uint64_t padding;
};
#define BACKING_OPEN       _IOW(229, 1, struct backing_map)
#define BACKING_CLOSE      _IOW(229, 2, uint32_t)
#define OPENED_PASSTHROUGH (1u << 7)
#define INIT_EXT           (1u << 30)
#define INIT2_PASSTHROUGH  (1u << 5)

#define PAGES  256
#define BUFFER (PAGES * 4096 + 4096)

static char request[BUFFER] __attribute__((aligned(8)));
static char answer[BUFFER] __attribute__((aligned(8)));
static int device;
static int passthrough;

static void send_answer(uint64_t unique, int error, const void *data, size_t size)
{
	struct fuse_out_header head = { .len = (uint32_t)(sizeof head + size), .error = -error, .unique = unique };
	struct iovec parts[2] = { { &head, sizeof head }, { (void *)data, size } };
	if (writev(device, parts, size ? 2 : 1) < 0 && errno != ENOENT)
		perror("bare: writev");
}

/* The kernel writes to the memfd without us, so its attributes are asked for each time. */
static void look(struct node *n)
{
	struct stat st;
	if (!n->memfd || fstat(n->memfd, &st) < 0)
		return;
	n->size = (size_t)st.st_size;
	n->changed = st.st_mtim;
}

/* 0 or an errno. The backing id lives as long as the node, as ours does. */
static int back(struct node *n)
{
	n->memfd = memfd_create("bare", MFD_CLOEXEC);
	if (n->memfd < 0)
		return errno;
	struct backing_map map = { .fd = n->memfd };
	n->backing = ioctl(device, BACKING_OPEN, &map);
	return n->backing < 0 ? errno : 0;
}

static struct fuse_open_out open_of(const struct node *n)
{
	struct fuse_open_out passed = { .open_flags = FOPEN_NOFLUSH | OPENED_PASSTHROUGH,
					.padding = (uint32_t)n->backing };
	struct fuse_open_out served = { .open_flags = FOPEN_NOFLUSH | FOPEN_KEEP_CACHE };
	return n->backing ? passed : served;
}

static struct fuse_attr attr_of(struct node *n)
{
	look(n);
	struct fuse_attr a = { .ino = n->id,
			       .size = n->size,
			       .blocks = (n->size + 511) / 512,
			       .mode = n->mode,
			       .nlink = n->parent || n->id == TREE_ROOT,
			       .uid = n->uid,
			       .gid = n->gid,
			       .blksize = 4096,
			       .atime = (uint64_t)n->changed.tv_sec,
			       .mtime = (uint64_t)n->changed.tv_sec,
			       .ctime = (uint64_t)n->changed.tv_sec,
			       .atimensec = (uint32_t)n->changed.tv_nsec,
			       .mtimensec = (uint32_t)n->changed.tv_nsec,
			       .ctimensec = (uint32_t)n->changed.tv_nsec };
	return a;
}

static struct fuse_entry_out entry_of(struct node *n)
{
	struct fuse_entry_out e = {
		.nodeid = n->id, .entry_valid = FOREVER, .attr_valid = FOREVER, .attr = attr_of(n)
	};
	n->lookups++;
	return e;
}

static void init(const struct fuse_in_header *in, const struct fuse_init_in *offer)
{
	uint32_t wanted = FUSE_ASYNC_READ | FUSE_BIG_WRITES | FUSE_MAX_PAGES | FUSE_DO_READDIRPLUS |
			  FUSE_READDIRPLUS_AUTO | FUSE_PARALLEL_DIROPS;
	if (passthrough)
		wanted |= INIT_EXT;
	struct fuse_init_out out = { .major = 7,
				     .minor = passthrough ? 40 : 38,
				     .max_readahead = offer->max_readahead,
				     .flags = offer->flags & wanted,
				     .max_background = 12,
				     .congestion_threshold = 9,
				     .max_write = PAGES * 4096,
				     .time_gran = 1,
				     .max_pages = PAGES,
				     .flags2 = passthrough ? INIT2_PASSTHROUGH : 0,
				     .unused = { (uint32_t)passthrough } }; /* max_stack_depth */
	send_answer(in->unique, 0, &out, sizeof out);
}

static void readdirplus(const struct fuse_in_header *in, const struct fuse_read_in *r)
{
	size_t used = 0;
	size_t room = r->size < sizeof answer ? r->size : sizeof answer;
	for (struct node *n = r->offset ? tree_get(r->offset)->next : tree_get(in->nodeid)->child; n; n = n->next) {
		size_t length = strlen(n->name);
		size_t record = FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET_DIRENTPLUS + length);
		if (used + record > room)
			break;
		struct fuse_direntplus *d = (void *)(answer + used);
		memset(d, 0, record);
		d->entry_out = entry_of(n);
		d->dirent.ino = n->id;
		d->dirent.off = n->id;
		d->dirent.namelen = (uint32_t)length;
		d->dirent.type = n->mode >> 12;
		memcpy(d->dirent.name, n->name, length);
		used += record;
	}
	send_answer(in->unique, 0, answer, used);
}

static void plain_readdir(const struct fuse_in_header *in, const struct fuse_read_in *r)
{
	size_t used = 0;
	size_t room = r->size < sizeof answer ? r->size : sizeof answer;
	for (struct node *n = r->offset ? tree_get(r->offset)->next : tree_get(in->nodeid)->child; n; n = n->next) {
		size_t length = strlen(n->name);
		size_t record = FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET + length);
		if (used + record > room)
			break;
		struct fuse_dirent *d = (void *)(answer + used);
		memset(d, 0, record);
		d->ino = n->id;
		d->off = n->id;
		d->namelen = (uint32_t)length;
		d->type = n->mode >> 12;
		memcpy(d->name, n->name, length);
		used += record;
	}
	send_answer(in->unique, 0, answer, used);
}

static void forget(uint64_t id, uint64_t count)
{
	struct node *n = tree_get(id);
	int memfd = n->memfd;
	uint32_t backing = (uint32_t)n->backing;
	n->lookups -= count;
	tree_settle(n);
	if (memfd && !tree_get(id) && (ioctl(device, BACKING_CLOSE, &backing) < 0 || close(memfd) < 0))
		perror("bare: forget");
}

static void serve(const struct fuse_in_header *in, const char *body)
{
	struct node *n = in->nodeid < TREE_NODES ? tree_get(in->nodeid) : NULL;
	switch (in->opcode) {
	case FUSE_INIT:
		return init(in, (const void *)body);
	case FUSE_LOOKUP: {
		struct node *found = tree_find(n, body);
		struct fuse_entry_out e = { .entry_valid = FOREVER };
		if (found)
			e = entry_of(found);
		return send_answer(in->unique, 0, &e, sizeof e);
	}
	case FUSE_FORGET:
		return forget(in->nodeid, ((const struct fuse_forget_in *)body)->nlookup);
	case FUSE_BATCH_FORGET: {
		const struct fuse_batch_forget_in *batch = (const void *)body;
		const struct fuse_forget_one *one = (const void *)(batch + 1);
		for (uint32_t i = 0; i < batch->count; i++)
			forget(one[i].nodeid, one[i].nlookup);
		return;
	}
	case FUSE_SETATTR: {
		const struct fuse_setattr_in *to = (const void *)body;
		if (to->valid & FATTR_SIZE &&
		    (n->memfd ? ftruncate(n->memfd, (off_t)to->size) : tree_resize(n, to->size)))
			return send_answer(in->unique, ENOMEM, NULL, 0);
		if (to->valid & FATTR_MODE)
			n->mode = (n->mode & S_IFMT) | (to->mode & 07777);
	} /* fall through */
	case FUSE_GETATTR: {
		struct fuse_attr_out a = { .attr_valid = FOREVER, .attr = attr_of(n) };
		return send_answer(in->unique, 0, &a, sizeof a);
	}
	case FUSE_MKDIR: {
		const struct fuse_mkdir_in *m = (const void *)body;
		struct node *made = tree_make(n, (const char *)(m + 1), S_IFDIR | m->mode, in->uid, in->gid);
		if (!made)
			return send_answer(in->unique, ENOSPC, NULL, 0);
		struct fuse_entry_out e = entry_of(made);
		return send_answer(in->unique, 0, &e, sizeof e);
	}
	case FUSE_CREATE: {
		const struct fuse_create_in *c = (const void *)body;
		struct node *made = tree_make(n, (const char *)(c + 1), S_IFREG | (c->mode & 07777), in->uid, in->gid);
		if (!made || (passthrough && back(made)))
			return send_answer(in->unique, ENOSPC, NULL, 0);
		struct {
			struct fuse_entry_out entry;
			struct fuse_open_out open;
		} out = { entry_of(made), open_of(made) };
		return send_answer(in->unique, 0, &out, sizeof out);
	}
	case FUSE_OPEN: {
		struct fuse_open_out out = open_of(n);
		return send_answer(in->unique, 0, &out, sizeof out);
	}
	case FUSE_OPENDIR: {
		struct fuse_open_out out = { .open_flags = 0 };
		return send_answer(in->unique, 0, &out, sizeof out);
	}
	case FUSE_RELEASE:
	case FUSE_RELEASEDIR:
		return send_answer(in->unique, 0, NULL, 0);
	case FUSE_UNLINK:
	case FUSE_RMDIR:
		return send_answer(in->unique, tree_remove(n, body), NULL, 0);
	case FUSE_RENAME:
	case FUSE_RENAME2: {
		size_t head =
		    in->opcode == FUSE_RENAME ? sizeof(struct fuse_rename_in) : sizeof(struct fuse_rename2_in);
		const char *name = body + head;
		struct node *to = tree_get(((const struct fuse_rename_in *)body)->newdir);
		return send_answer(in->unique, tree_rename(n, name, to, name + strlen(name) + 1), NULL, 0);
	}
	case FUSE_READ: {
		const struct fuse_read_in *r = (const void *)body;
		size_t span = tree_span(n, r->offset, r->size);
		return send_answer(in->unique, 0, span ? n->data + r->offset : NULL, span);
	}
	case FUSE_WRITE: {
		const struct fuse_write_in *w = (const void *)body;
		struct fuse_write_out out = { .size = w->size };
		int error = tree_write(n, w + 1, w->size, w->offset);
		return send_answer(in->unique, error, &out, error ? 0 : sizeof out);
	}
	case FUSE_FALLOCATE: {
		const struct fuse_fallocate_in *f = (const void *)body;
		int punch = f->mode == (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE);
		int error = punch ? 0 : EOPNOTSUPP;
		if (punch && n->memfd && fallocate(n->memfd, (int)f->mode, (off_t)f->offset, (off_t)f->length) < 0)
			error = errno;
		else if (punch && !n->memfd)
			error = tree_punch(n, f->offset, f->length);
		return send_answer(in->unique, error, NULL, 0);
	}
	case FUSE_READDIR:
		return plain_readdir(in, (const void *)body);
	case FUSE_READDIRPLUS:
		return readdirplus(in, (const void *)body);
	case FUSE_IOCTL: {
		/* Stands for a lease or a pin: reads the struct and returns it. */
		const struct fuse_ioctl_in *i = (const void *)body;
		struct fuse_ioctl_out *out = (void *)answer;
		memset(out, 0, sizeof *out);
		memcpy(out + 1, i + 1, i->in_size);
		return send_answer(in->unique, 0, answer,
				   sizeof *out + (i->out_size < i->in_size ? i->out_size : i->in_size));
	}
	case FUSE_DESTROY:
		return send_answer(in->unique, 0, NULL, 0);
	case FUSE_INTERRUPT:
		return;
	default:
		return send_answer(in->unique, ENOSYS, NULL, 0);
	}
}

int main(int argc, char **argv)
{
	char options[128];
	passthrough = argc == 3 && !strcmp(argv[1], "-p");
	if (argc != 2 + passthrough || !tree_make(NULL, NULL, S_IFDIR | 0777, 0, 0))
		return 2;
	device = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions",
		 device);
	if (device < 0 || mount("bare", argv[argc - 1], "fuse.bare", MS_NOSUID | MS_NODEV, options) < 0) {
		perror("bare: mount");
		return 1;
	}
	for (;;) {
		ssize_t n = read(device, request, sizeof request);
		if (n >= (ssize_t)sizeof(struct fuse_in_header))
			serve((const void *)request, request + sizeof(struct fuse_in_header));
		else if (n >= 0 || (errno != EINTR && errno != ENOENT))
			return n < 0 && errno == ENODEV ? 0 : 1;
	}
}
