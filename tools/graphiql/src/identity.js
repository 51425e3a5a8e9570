import { say } from "./words.js";

// Tokens are fetched anew before they can have ended; the choice is kept, the token never is.
const FRESH_MS = 4 * 60 * 1000;
const KEY = "signed-in-as";

/** Who the page speaks as: a choice such as "staff:wellcome", and the token the server issues for it. */
export class Identity {
  #listeners = new Set();
  #token = null;
  #fetchedAt = 0;

  constructor({ path, endpoint, storage }) {
    this.path = path;
    this.endpoint = endpoint;
    this.storage = storage;
    this.choice = (path && storage.getItem(KEY)) || "visitor";
  }

  subscribe = (listener) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  current = () => this.choice;

  /** Signs in as someone else; a choice that the server refuses changes nothing and is thrown. */
  async choose(choice) {
    const token = await this.#issue(choice);
    this.choice = choice;
    this.#remember(token);
    this.storage.setItem(KEY, choice);
    for (const listener of this.#listeners) listener();
  }

  /** {} for a visitor, else the Authorization header with a token that has time left. */
  async headers() {
    if (this.choice === "visitor") return {};
    if (Date.now() - this.#fetchedAt > FRESH_MS) this.#remember(await this.#issue(this.choice));
    return { authorization: `Bearer ${this.#token}` };
  }

  /** The server called the token expired: the next request brings a new one. */
  forget() {
    this.#fetchedAt = 0;
  }

  /** The stores a clerk can be signed in at; none when the graph has none to tell. */
  async stores() {
    try {
      const response = await fetch(this.endpoint, {
        method: "POST",
        headers: { "content-type": "application/json", accept: "application/json" },
        body: JSON.stringify({ query: "query ExplorerStores { stores(first: 100) { nodes { code name } } }" }),
      });
      return (await response.json()).data?.stores?.nodes ?? [];
    } catch {
      return [];
    }
  }

  #remember(token) {
    this.#token = token;
    this.#fetchedAt = Date.now();
  }

  async #issue(choice) {
    if (choice === "visitor") return null;
    const [kind, store = null] = choice.split(":");
    const response = await fetch(this.path, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/json" },
      body: JSON.stringify({ kind, store }),
    });
    const answer = await response.json().catch(() => ({}));
    if (response.ok) return answer.token;
    const failed = say({ en: "Signing in failed", zh: "登录失败" });
    throw new Error(`${failed}: ${answer.error?.message ?? response.status}`);
  }
}
