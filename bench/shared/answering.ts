// The other end of a PinnedProcess: answers what comes over Node's channel, one question at a time, and ends with it.

/** A question that cannot be answered ends the process, with the reason on stderr. */
export function answering<Ask>(answer: (ask: Ask) => Promise<object>): void {
  process.on('message', (ask: Ask) => {
    answer(ask).then(
      answered => process.send!(answered),
      error => {
        console.error(error);
        process.exit(1);
      },
    );
  });
  process.on('disconnect', () => process.exit(0));
}
