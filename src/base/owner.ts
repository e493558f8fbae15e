// The user of the mount: the one whose daemon this is. One place says who that is.

/** The real user, as fusermount3 and /proc/mounts name the user of a mount. */
export const ownUid: number = process.getuid?.() ?? 0;

/** Root and the user of the mount. */
export const isOwner = (uid: number, own = ownUid): boolean => uid === 0 || uid === own;
