// What --json prints: one family of objects (json.schema.json), whose first member says what the rest is.

/** The member `version`. A greater minor may add members; a greater major may change or remove some. */
const versionOf = (verb: string) => ({ command: `leasefs ${verb}`, major: 1, minor: 0 });

export const jsonText = (verb: string, content: object): string =>
  JSON.stringify({ version: versionOf(verb), ...content }, null, 2);

/** The same on one line, for what is read line by line. */
export const jsonLine = (verb: string, content: object): string =>
  JSON.stringify({ version: versionOf(verb), ...content });
