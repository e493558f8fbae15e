/* The rival of bench:fs: a memory filesystem on libfuse3's low-level interface, multi-threaded or, with -s, in one
 * thread. Names and attributes are the kernel's for ever, which changes them by requests only. usage: memfs [-s] -f DIR */
#define FUSE_USE_VERSION 312
#define _GNU_SOURCE
#include <fuse3/fuse_lowlevel.h>
#include <linux/falloc.h>
#include <pthread.h>
#include <stdio.h>

#include "tree.h"

#define FOREVER 1e9

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void enter(void)
{
	pthread_mutex_lock(&lock);
}
static void leave(void)
{
	pthread_mutex_unlock(&lock);
}

static struct stat stat_of(const struct node *n)
{
	struct stat st = { .st_ino = n->id,
			   .st_mode = n->mode,
			   .st_nlink = n->parent || n->id == TREE_ROOT,
			   .st_uid = n->uid,
			   .st_gid = n->gid,
			   .st_size = (off_t)n->size,
			   .st_blksize = 4096,
			   .st_blocks = (blkcnt_t)((n->size + 511) / 512),
			   .st_atim = n->changed,
			   .st_mtim = n->changed,
			   .st_ctim = n->changed };
	return st;
}

static struct fuse_entry_param entry_of(struct node *n)
{
	struct fuse_entry_param e = {
		.ino = n->id, .attr = stat_of(n), .attr_timeout = FOREVER, .entry_timeout = FOREVER
	};
	n->lookups++;
	return e;
}

static void memfs_init(void *data, struct fuse_conn_info *conn)
{
	(void)data;
	conn->want &= ~(unsigned)FUSE_CAP_AUTO_INVAL_DATA;
}

static void memfs_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param e = { .entry_timeout = FOREVER };
	enter();
	struct node *n = tree_find(tree_get(parent), name);
	if (n)
		e = entry_of(n);
	leave();
	fuse_reply_entry(req, &e);
}

static void memfs_forget(fuse_req_t req, fuse_ino_t ino, uint64_t count)
{
	enter();
	struct node *n = tree_get(ino);
	n->lookups -= count;
	tree_settle(n);
	leave();
	fuse_reply_none(req);
}

static void memfs_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)fi;
	enter();
	struct node *n = tree_get(ino);
	struct stat st = stat_of(n);
	leave();
	fuse_reply_attr(req, &st, FOREVER);
}

static void memfs_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *to, int set, struct fuse_file_info *fi)
{
	(void)fi;
	enter();
	struct node *n = tree_get(ino);
	int error = set & FUSE_SET_ATTR_SIZE ? tree_resize(n, (size_t)to->st_size) : 0;
	if (set & FUSE_SET_ATTR_MODE)
		n->mode = (n->mode & S_IFMT) | (to->st_mode & 07777);
	struct stat st = stat_of(n);
	leave();
	if (error)
		fuse_reply_err(req, error);
	else
		fuse_reply_attr(req, &st, FOREVER);
}

static struct node *make(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, struct fuse_entry_param *e)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);
	enter();
	struct node *n = tree_make(tree_get(parent), name, mode, ctx->uid, ctx->gid);
	if (n)
		*e = entry_of(n);
	leave();
	return n;
}

static void memfs_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	struct fuse_entry_param e;
	if (make(req, parent, name, S_IFDIR | mode, &e))
		fuse_reply_entry(req, &e);
	else
		fuse_reply_err(req, ENOSPC);
}

static void memfs_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, struct fuse_file_info *fi)
{
	struct fuse_entry_param e;
	fi->noflush = 1;
	fi->keep_cache = 1;
	if (make(req, parent, name, S_IFREG | mode, &e))
		fuse_reply_create(req, &e, fi);
	else
		fuse_reply_err(req, ENOSPC);
}

static void memfs_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	fi->noflush = 1;
	fi->keep_cache = 1;
	fuse_reply_open(req, fi);
}

static void memfs_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	enter();
	int error = tree_remove(tree_get(parent), name);
	leave();
	fuse_reply_err(req, error);
}

static void memfs_rename(fuse_req_t req, fuse_ino_t from, const char *name, fuse_ino_t to, const char *new_name,
			 unsigned flags)
{
	enter();
	int error = flags ? EINVAL : tree_rename(tree_get(from), name, tree_get(to), new_name);
	leave();
	fuse_reply_err(req, error);
}

static void memfs_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	(void)fi;
	enter();
	struct node *n = tree_get(ino);
	fuse_reply_buf(req, n->data ? n->data + off : NULL, tree_span(n, (uint64_t)off, size));
	leave();
}

static void memfs_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t off,
			struct fuse_file_info *fi)
{
	(void)fi;
	enter();
	int error = tree_write(tree_get(ino), data, size, (uint64_t)off);
	leave();
	if (error)
		fuse_reply_err(req, error);
	else
		fuse_reply_write(req, size);
}

static void memfs_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t off, off_t len, struct fuse_file_info *fi)
{
	(void)fi;
	enter();
	int punch = mode == (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE);
	int error = punch ? tree_punch(tree_get(ino), (uint64_t)off, (uint64_t)len) : EOPNOTSUPP;
	leave();
	fuse_reply_err(req, error);
}

static void memfs_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	(void)fi;
	char *page = malloc(size);
	size_t used = 0;
	if (!page) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	enter();
	for (struct node *n = off ? tree_get((uint64_t)off)->next : tree_get(ino)->child; n; n = n->next) {
		struct fuse_entry_param e = entry_of(n);
		size_t took = fuse_add_direntry_plus(req, page + used, size - used, n->name, &e, (off_t)n->id);
		if (took > size - used) {
			n->lookups--;
			break;
		}
		used += took;
	}
	leave();
	fuse_reply_buf(req, page, used);
	free(page);
}

static void memfs_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	(void)fi;
	char *page = malloc(size);
	size_t used = 0;
	if (!page) {
		fuse_reply_err(req, ENOMEM);
		return;
	}
	enter();
	for (struct node *n = off ? tree_get((uint64_t)off)->next : tree_get(ino)->child; n; n = n->next) {
		struct stat st = { .st_ino = n->id, .st_mode = n->mode };
		size_t took = fuse_add_direntry(req, page + used, size - used, n->name, &st, (off_t)n->id);
		if (took > size - used)
			break;
		used += took;
	}
	leave();
	fuse_reply_buf(req, page, used);
	free(page);
}

/* Stands for a lease or a pin: reads the struct and returns it. */
static void memfs_ioctl(fuse_req_t req, fuse_ino_t ino, unsigned cmd, void *arg, struct fuse_file_info *fi,
			unsigned flags, const void *in, size_t in_size, size_t out_size)
{
	(void)ino, (void)cmd, (void)arg, (void)fi, (void)flags;
	fuse_reply_ioctl(req, 0, in, out_size < in_size ? out_size : in_size);
}

static const struct fuse_lowlevel_ops operations = {
	.init = memfs_init,
	.lookup = memfs_lookup,
	.forget = memfs_forget,
	.getattr = memfs_getattr,
	.setattr = memfs_setattr,
	.mkdir = memfs_mkdir,
	.create = memfs_create,
	.open = memfs_open,
	.unlink = memfs_unlink,
	.rmdir = memfs_unlink,
	.rename = memfs_rename,
	.read = memfs_read,
	.write = memfs_write,
	.fallocate = memfs_fallocate,
	.readdir = memfs_readdir,
	.readdirplus = memfs_readdirplus,
	.ioctl = memfs_ioctl,
};

int main(int argc, char **argv)
{
	struct fuse_args args = FUSE_ARGS_INIT(argc, argv);
	struct fuse_cmdline_opts options;
	if (fuse_parse_cmdline(&args, &options) || !options.mountpoint ||
	    fuse_opt_add_arg(&args, "-oallow_other,default_permissions"))
		return 2;
	if (!tree_make(NULL, NULL, S_IFDIR | 0777, 0, 0))
		return 1;
	struct fuse_session *session = fuse_session_new(&args, &operations, sizeof operations, NULL);
	if (!session || fuse_set_signal_handlers(session) || fuse_session_mount(session, options.mountpoint))
		return 1;
	int error;
	if (options.singlethread) {
		error = fuse_session_loop(session);
	} else {
		struct fuse_loop_config *config = fuse_loop_cfg_create();
		error = fuse_session_loop_mt(session, config);
		fuse_loop_cfg_destroy(config);
	}
	fuse_session_unmount(session);
	fuse_session_destroy(session);
	return error != 0;
}
