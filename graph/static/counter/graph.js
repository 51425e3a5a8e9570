// The graph as a page asks it: answers over HTTP, streams over graphql-transport-ws.
const ADDRESS = new URL("graphql", document.baseURI);

export class Refused extends Error {
  constructor(error) { super(error.message); this.error = error; this.code = error.code ?? error.extensions?.code; }
}

export class Graph {
  constructor(token, language) { this.token = token; this.language = language; }

  // The data of an answer; throws Refused for the first error at the top.
  async ask(query, variables) {
    const headers = { "content-type": "application/json", "accept-language": this.language() };
    if (this.token) headers.authorization = `Bearer ${this.token}`;
    const answer = await fetch(ADDRESS, { method: "POST", headers, body: JSON.stringify({ query, variables }) });
    const told = await answer.json();
    if (told.errors) throw new Refused(told.errors[0]);
    return told.data;
  }

  // The payload of a mutation; throws Refused for the first of its userErrors.
  async act(query, input) {
    const [payload] = Object.values(await this.ask(query, { input }));
    if (payload.userErrors.length) throw new Refused(payload.userErrors[0]);
    return payload;
  }

  // Calls `hears` with every event, connecting again from the last cursor until the returned function is called.
  watch(query, variables, hears, stands) {
    let socket, cursor = null, ended = false, pause = 250;
    const connect = () => {
      const address = new URL(ADDRESS);
      address.protocol = address.protocol.replace("http", "ws");
      socket = new WebSocket(address, "graphql-transport-ws");
      const say = (message) => socket.send(JSON.stringify(message));
      socket.onopen = () => say({ type: "connection_init", payload: { authorization: `Bearer ${this.token}` } });
      socket.onmessage = ({ data }) => {
        const message = JSON.parse(data);
        if (message.type === "connection_ack") {
          say({ id: "1", type: "subscribe", payload: { query, variables: { ...variables, after: cursor } } });
        } else if (message.type === "ping") {
          say({ type: "pong" });
        } else if (message.type === "next" && !message.payload.errors) {
          const [event] = Object.values(message.payload.data);
          if (event.kind === "CHANGE" || event.kind === "BOOKMARK") cursor = event.cursor;
          pause = 250;
          stands(true);
          hears(event);
        } else if (message.type === "error") {
          socket.close();
        }
      };
      socket.onclose = () => {
        stands(false);
        if (!ended) setTimeout(connect, pause = Math.min(2 * pause, 8000));
      };
    };
    connect();
    return () => { ended = true; socket.close(); };
  }
}
