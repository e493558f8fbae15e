// Colour on a terminal, plain text elsewhere; NO_COLOR and FORCE_COLOR are respected (no-color.org).
import { styleText } from 'node:util';

type Style = Parameters<typeof styleText>[0];

/** Whether `stream` should be coloured under this environment. */
export function wantsColour(stream: { readonly isTTY?: boolean }, env: NodeJS.ProcessEnv): boolean {
  if (env.NO_COLOR !== undefined && env.NO_COLOR !== '') return false;
  if (env.FORCE_COLOR !== undefined) return env.FORCE_COLOR !== '0';
  return stream.isTTY === true && env.TERM !== 'dumb';
}

const coloured = wantsColour(process.stdout, process.env);

export const paint = (style: Style, text: string): string => (coloured ? styleText(style, text) : text);
