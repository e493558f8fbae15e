// SIGUSR1 makes Node listen for a debugger, and every process that can connect to that port runs code as the user of the
// process. A handler of our own prevents it, but not before our first line has run. So the address to listen at is one that
// no machine has (TEST-NET-1, RFC 5737), and binding it fails: bin/leasefs says it, and each start of Node of ours.

/** An option of Node. */
export const NO_DEBUGGER = '--inspect-port=192.0.2.1:9229';
