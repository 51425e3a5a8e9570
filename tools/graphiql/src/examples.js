import { say } from "./words.js";

/** The server's example documents; none when they can't be had, so that the page still opens. */
export async function loadExamples(path) {
  try {
    const response = await fetch(path);
    return response.ok ? (await response.json()).examples : [];
  } catch {
    return [];
  }
}

/** An example as GraphiQL's editors hold it: the description stands above the document as a comment. */
export function exampleTab({ description, query, variables, headers }) {
  const comment = say(description)
    .split("\n")
    .map((line) => `# ${line}`)
    .join("\n");
  return {
    query: `${comment}\n${query}`,
    variables: asText(variables),
    headers: asText(headers),
  };
}

const asText = (value) => (Object.keys(value).length ? JSON.stringify(value, null, 2) : "");
