// POSIX ACLs, by their xattrs: who is let in by them, how lists and mode bits follow each other, what new files get.
import { type Check, script } from './check.js';

export const aclChecks: Readonly<Record<string, Check>> = {
  'an access ACL lets in whom it names, under its mask, which chmod sets': script('acl-access'),
  'an access ACL that says no more than mode bits is kept in them alone': script('acl-as-mode-bits'),
  'what is made below a default ACL gets it in place of the umask': script('acl-default'),
  'an ACL set by somebody outside of the group takes the setgid bit': script('acl-setgid'),
};
