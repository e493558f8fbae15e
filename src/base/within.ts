// A wait with a limit.

/** Whether it comes within `ms`. Leaves no timer, which would keep this process alive. */
export async function comesWithin(what: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>(resolve => {
    timer = setTimeout(resolve, ms, false);
  });
  const isHere = await Promise.race([what.then(() => true), late]);
  clearTimeout(timer);
  return isHere;
}
