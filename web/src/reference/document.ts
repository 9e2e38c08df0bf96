/** What we read of an OpenAPI 3.1 document. */

export type Schema = {
  $ref?: string;
  type?: string | string[];
  format?: string;
  description?: string;
  properties?: Record<string, Schema>;
  required?: string[];
  items?: Schema;
  enum?: unknown[];
  anyOf?: Schema[];
};

export type Content = Record<string, { schema: Schema }>;
export type Parameter = { name: string; in: "path" | "query" | "header"; required?: boolean; description?: string; schema: Schema };

export type Operation = {
  tags: [string];
  operationId: string;
  summary: string;
  description: string;
  security: Record<string, unknown[]>[];
  parameters: Parameter[];
  requestBody?: { required: boolean; content: Content };
  responses: Record<string, { description: string; content?: Content }>;
};

export type Description = {
  info: { title: string; version: string; summary: string };
  tags: { name: string; description: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
};

export type Entry = { method: string; path: string; operation: Operation };

/** The operations of a tag, in the document's order; a `HEAD` beside a `GET` says nothing of its own. */
export function entriesOf(document: Description, tag: string): Entry[] {
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods)
      .filter(([method, { tags }]) => tags[0] === tag && !(method === "head" && "get" in methods))
      .map(([method, operation]) => ({ method, path, operation })),
  );
}

/** A type in a few words: `string or null`, `Clip[]`. */
export function typeName(schema: Schema): string {
  if (schema.$ref) return schema.$ref.split("/").at(-1)!;
  if (schema.anyOf) return schema.anyOf.map(typeName).join(" or ");
  if (schema.enum) return schema.enum.map(String).join(" | ");
  const kinds = [schema.type ?? []].flat();
  return kinds.map((kind) => (kind === "array" ? `${typeName(schema.items ?? {})}[]` : kind)).join(" or ") || "anything";
}

/** The schema with this name, and those that it refers to. */
export function namedIn(schema: Schema, schemas: Record<string, Schema>, found = new Map<string, Schema>()): Map<string, Schema> {
  const name = schema.$ref?.split("/").at(-1);
  if (name && !found.has(name) && schemas[name]) {
    found.set(name, schemas[name]);
    namedIn(schemas[name], schemas, found);
  }
  for (const part of [...Object.values(schema.properties ?? {}), ...(schema.anyOf ?? []), schema.items ?? {}]) {
    if (Object.keys(part).length) namedIn(part, schemas, found);
  }
  return found;
}

/** The same request with curl. */
export function curl(origin: string, { method, path, operation }: Entry): string {
  const words = ["curl"];
  if (method !== "get") words.push("-X", method.toUpperCase());
  const signedIn = operation.security.length > 0 && !operation.security.some((way) => Object.keys(way).length === 0);
  if (signedIn) words.push(`-H "Authorization: Bearer $KEY"`);
  const media = Object.keys(operation.requestBody?.content ?? {})[0];
  if (media === "application/json") words.push(`--json '{…}'`);
  else if (media) words.push(`-H 'Content-Type: ${media}'`, "--data-binary @FILE");
  return [...words, `'${origin}${path}'`].join(" ");
}
