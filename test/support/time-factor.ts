// How much slower this machine is than those that the tests' bounds are made for: LEASEFS_TIME_FACTOR, 1 by default. Only
// bounds of what must come anyway, and break times that a test must keep within, are multiplied by it.
export const timeFactor = Number(process.env.LEASEFS_TIME_FACTOR ?? 1);
