/** `ok`, or `code` of the error that `call` throws. */
export function code(call: () => unknown): string {
  try {
    call();
    return 'ok';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}
