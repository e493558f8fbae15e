/* The memory filesystem that both C servers of the bench serve: memfs.c through libfuse3, bare.c on the raw protocol.
 * Nodes are found by number in a table and by (parent, name) in a hash table. No hard links. Not thread-safe. */
#ifndef TREE_H
#define TREE_H
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#define TREE_NODES (1u << 20)
#define TREE_ROOT  1u

struct node {
	uint64_t id, lookups;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	struct timespec changed;
	char *name, *data;
	size_t size, room;
	int memfd, backing; /* of bare.c with passthrough; else 0 */
	struct node *parent, *child, *next, *prev, *chain;
};

static struct node *tree_nodes[TREE_NODES], *tree_table[TREE_NODES];
static uint32_t tree_free[TREE_NODES], tree_frees, tree_used = TREE_ROOT;

static inline struct node *tree_get(uint64_t id)
{
	return tree_nodes[id];
}

static struct node **tree_slot(const struct node *parent, const char *name)
{
	uint32_t hash = 2166136261u ^ (uint32_t)parent->id;
	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * 16777619u;
	return &tree_table[hash & (TREE_NODES - 1)];
}

static struct node *tree_find(struct node *parent, const char *name)
{
	struct node *n = *tree_slot(parent, name);
	while (n && (n->parent != parent || strcmp(n->name, name)))
		n = n->chain;
	return n;
}

/* 0 or an errno. */
static int tree_attach(struct node *n, struct node *parent, const char *name)
{
	struct node **slot = tree_slot(parent, name);
	n->name = strdup(name);
	if (!n->name)
		return ENOMEM;
	n->parent = parent;
	n->chain = *slot;
	*slot = n;
	n->prev = NULL;
	n->next = parent->child;
	if (n->next)
		n->next->prev = n;
	parent->child = n;
	return 0;
}

static void tree_detach(struct node *n)
{
	struct node **at = tree_slot(n->parent, n->name);
	while (*at != n)
		at = &(*at)->chain;
	*at = n->chain;
	if (n->next)
		n->next->prev = n->prev;
	*(n->prev ? &n->prev->next : &n->parent->child) = n->next;
	free(n->name);
	n->name = NULL;
	n->parent = NULL;
}

/* NULL when there is no room. With parent NULL: the root. */
static struct node *tree_make(struct node *parent, const char *name, mode_t mode, uid_t uid, gid_t gid)
{
	struct node *n = calloc(1, sizeof *n);
	if (!n || (!tree_frees && tree_used == TREE_NODES)) {
		free(n);
		return NULL;
	}
	if (parent && tree_attach(n, parent, name)) {
		free(n);
		return NULL;
	}
	n->id = tree_frees ? tree_free[--tree_frees] : tree_used++;
	n->mode = mode;
	n->uid = uid;
	n->gid = gid;
	clock_gettime(CLOCK_REALTIME, &n->changed);
	tree_nodes[n->id] = n;
	return n;
}

/* Ends a node that has no name and is not known to the kernel any more. */
static void tree_settle(struct node *n)
{
	if (n->parent || n->lookups || n->id == TREE_ROOT)
		return;
	tree_nodes[n->id] = NULL;
	tree_free[tree_frees++] = (uint32_t)n->id;
	free(n->data);
	free(n);
}

static int tree_remove(struct node *parent, const char *name)
{
	struct node *n = tree_find(parent, name);
	if (!n)
		return ENOENT;
	if (n->child)
		return ENOTEMPTY;
	tree_detach(n);
	tree_settle(n);
	return 0;
}

static int tree_rename(struct node *from, const char *name, struct node *to, const char *new_name)
{
	struct node *n = tree_find(from, name), *old = tree_find(to, new_name);
	if (!n)
		return ENOENT;
	if (n == old)
		return 0;
	if (old && tree_remove(to, new_name))
		return ENOTEMPTY;
	tree_detach(n);
	return tree_attach(n, to, new_name);
}

static int tree_resize(struct node *n, size_t size)
{
	if (size > n->room) {
		size_t room = size > 2 * n->room ? size : 2 * n->room;
		char *data = realloc(n->data, room);
		if (!data)
			return ENOMEM;
		n->data = data;
		n->room = room;
	}
	if (size > n->size)
		memset(n->data + n->size, 0, size - n->size);
	n->size = size;
	return 0;
}

/* Bytes at off to be had from n->data, at most size. */
static size_t tree_span(const struct node *n, uint64_t off, size_t size)
{
	if (off >= n->size)
		return 0;
	return n->size - off < size ? n->size - off : size;
}

static int tree_write(struct node *n, const void *data, size_t size, uint64_t off)
{
	if (off + size > n->size && tree_resize(n, off + size))
		return ENOMEM;
	memcpy(n->data + off, data, size);
	clock_gettime(CLOCK_REALTIME_COARSE, &n->changed);
	return 0;
}

static int tree_punch(struct node *n, uint64_t off, uint64_t len)
{
	size_t span = tree_span(n, off, len);
	if (span)
		memset(n->data + off, 0, span);
	return 0;
}
#endif
