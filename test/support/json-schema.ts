// What of JSON Schema src/cli/json.schema.json uses: $ref, type, enum, const, required, properties, additionalProperties, items,
// anyOf. A member that the schema does not describe is an error here, since a test is to find it; for others it is none.

interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
}

export interface Root {
  readonly $defs: Readonly<Record<string, Schema>>;
}

/** What is wrong with the value, a line each. */
export function faultsOf(root: Root, name: string, value: unknown): string[] {
  return faults(root, { $ref: `#/$defs/${name}` }, value, name);
}

function faults(root: Root, schema: Schema, value: unknown, at: string): string[] {
  if (schema.$ref !== undefined) {
    const target = root.$defs[schema.$ref.slice('#/$defs/'.length)];
    return target === undefined ? [`${at}: no ${schema.$ref}`] : faults(root, target, value, at);
  }
  if (schema.anyOf !== undefined) {
    const each = schema.anyOf.map(one => faults(root, one, value, at));
    return each.some(found => found.length === 0) ? [] : each.flat();
  }
  if (schema.const !== undefined && value !== schema.const) return [`${at}: not ${schema.const}`];
  if (schema.enum !== undefined && !schema.enum.includes(value)) return [`${at}: ${value} is no choice`];
  const types = schema.type === undefined ? [] : [schema.type].flat();
  if (types.length > 0 && !types.some(type => isOf(type, value))) return [`${at}: no ${types.join(' or ')}`];
  if (Array.isArray(value))
    return value.flatMap((one, n) => faults(root, schema.items ?? {}, one, `${at}[${n}]`));
  if (typeof value !== 'object' || value === null) return [];
  return membersOf(root, schema, value as Record<string, unknown>, at);
}

function membersOf(root: Root, schema: Schema, value: Record<string, unknown>, at: string): string[] {
  const { required = [], properties = {}, additionalProperties } = schema;
  const missing = required.filter(name => !(name in value)).map(name => `${at}: ${name} is missing`);
  const wrong = Object.entries(value).flatMap(([name, member]) => {
    const its = Object.hasOwn(properties, name) ? properties[name] : additionalProperties;
    return its === undefined
      ? [`${at}: ${name} is not described`]
      : faults(root, its, member, `${at}.${name}`);
  });
  return [...missing, ...wrong];
}

function isOf(type: string, value: unknown): boolean {
  if (type === 'null') return value === null;
  if (type === 'array') return Array.isArray(value);
  if (type === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value);
  if (type === 'integer') return Number.isInteger(value);
  return typeof value === type;
}
