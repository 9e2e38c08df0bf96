import { expect, test } from "vitest";
import { curl, entriesOf, namedIn, typeName, type Description } from "../src/reference/document";

const operation = { tags: ["clips"], operationId: "x", summary: "", description: "", security: [{ key: [] }], parameters: [], responses: {} };

test("types are named as one would say them", () => {
  expect(typeName({ type: ["string", "null"] })).toBe("string or null");
  expect(typeName({ type: "array", items: { $ref: "#/components/schemas/Clip" } })).toBe("Clip[]");
  expect(typeName({ anyOf: [{ $ref: "#/components/schemas/Clip" }, { type: "null" }] })).toBe("Clip or null");
  expect(typeName({})).toBe("anything");
});

test("a type brings those that it refers to, and a circle ends", () => {
  const schemas = { Clip: { properties: { next: { $ref: "#/x/Clip" }, of: { items: { $ref: "#/x/Rung" } } } }, Rung: {} };
  expect([...namedIn({ $ref: "#/x/Clip" }, schemas).keys()]).toEqual(["Clip", "Rung"]);
});

test("a HEAD beside a GET is not listed", () => {
  const document = { paths: { "/a": { head: operation, get: operation }, "/b": { head: operation } } } as unknown as Description;
  expect(entriesOf(document, "clips").map(({ method, path }) => `${method} ${path}`)).toEqual(["get /a", "head /b"]);
});

test("a request with curl has a key only where one is needed", () => {
  const entry = { method: "post", path: "/a", operation: { ...operation, tags: ["clips"] as [string] } };
  expect(curl("http://h", entry)).toBe(`curl -X POST -H "Authorization: Bearer $KEY" 'http://h/a'`);
  const open = { ...entry, method: "get", operation: { ...entry.operation, security: [{}, { key: [] }] } };
  expect(curl("http://h", open)).toBe("curl 'http://h/a'");
});
