// POSIX ACLs, by their xattrs: which users they let in, how lists and mode bits follow each other, what new files get.
import { type Check, script } from './check.js';

export const aclChecks: Readonly<Record<string, Check>> = {
  'an access ACL lets in whom it names, under its mask, which chmod sets': script('acl-access'),
  'an access ACL that says no more than mode bits is kept in them alone': script('acl-as-mode-bits'),
  'what is made below a default ACL gets it in place of the umask': script('acl-default'),
  'an ACL set by a process outside the group clears the setgid bit': script('acl-setgid'),
};
