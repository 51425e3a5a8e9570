// The page at /graphql. The server's HTML names everything that differs between installations in data attributes.
import "./editor.js";
import { GraphiQL } from "graphiql";
import { createRoot } from "react-dom/client";
import "./page.css";
import { Bar } from "./bar.jsx";
import { exampleTab, loadExamples } from "./examples.js";
import { makeFetcher } from "./fetcher.js";
import { Identity } from "./identity.js";
import { LiveStreams } from "./live.js";
import { TabStorage } from "./storage.js";
import { TabKeeper } from "./tab_keeper.jsx";

// GraphiQL asks for its editor once it is drawn; it is on its way by then.
void import("monaco-graphql/esm/monaco-editor.js");

const root = document.getElementById("explorer");
const signInPath = root.dataset.signIn;
const endpoint = new URL(location.pathname, location.origin);

const examples = await loadExamples(root.dataset.examples);
const defaultTabs = examples.map(exampleTab);
// A pasted token may stay on a developer's disk, nowhere else.
const keepHeaders = Boolean(signInPath);
const storage = new TabStorage({ defaultTabs, keepHeaders });
const identity = new Identity({ path: signInPath, endpoint, storage });
const live = new LiveStreams({ endpoint, identity });
const fetcher = makeFetcher({ endpoint, identity, live });

function onTabChange(tabsState) {
  storage.remember(tabsState);
  live.tabs.changed(tabsState);
}

createRoot(root).render(
  <GraphiQL
    fetcher={fetcher}
    storage={storage}
    defaultTabs={defaultTabs.length ? defaultTabs : undefined}
    defaultEditorToolsVisibility={true}
    shouldPersistHeaders={keepHeaders}
    inputValueDeprecation={true}
    schemaDescription={true}
    onTabChange={onTabChange}
  >
    <GraphiQL.Logo>
      <Bar examples={examples} identity={identity} live={live} />
      <TabKeeper live={live} />
    </GraphiQL.Logo>
  </GraphiQL>,
);
