import { parse } from "graphql";

// What examples write where every sending needs an idempotency key of its own.
const NEW_KEY = "{new key}";

/** GraphiQL's way to the graph: subscriptions over the socket, all else by POST. */
export function makeFetcher({ endpoint, identity, live }) {
  return async (asTyped, options) => {
    const operation = chosenOperation(asTyped);
    const params = { ...asTyped, variables: withNewKeys(asTyped.variables) };
    if (operation) params.operationName = operation.name?.value;
    const typed = lowerCased(options?.headers);
    if (operation?.operation === "subscription") return live.run(params, typed);
    // What is typed under Headers wins over who is signed in above.
    return post(endpoint, params, { ...(await identity.headers()), ...typed });
  };
}

async function post(endpoint, params, headers) {
  const response = await fetch(endpoint, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      accept: "application/graphql-response+json, application/json;q=0.9",
      ...headers,
    },
    body: JSON.stringify(params),
  });
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch {
    throw new Error(`HTTP ${response.status}: ${text.slice(0, 500)}`);
  }
}

function withNewKeys(value) {
  if (value === NEW_KEY) return crypto.randomUUID();
  if (Array.isArray(value)) return value.map(withNewKeys);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, withNewKeys(inner)]));
}

/** What is to run: the operation that is named, or the only one; null where the server has to say what is wrong. */
function chosenOperation({ query, operationName }) {
  let operations;
  try {
    operations = parse(query).definitions.filter((one) => one.kind === "OperationDefinition");
  } catch {
    return null;
  }
  // GraphiQL reads a document's names a moment after its tab has changed; until then it tells those of the tab before.
  if (operations.length === 1) return operations[0];
  return operations.find((one) => one.name?.value === operationName) ?? null;
}

const lowerCased = (headers) =>
  Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]));
