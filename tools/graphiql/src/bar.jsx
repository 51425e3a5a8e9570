import { useGraphiQL, useGraphiQLActions } from "@graphiql/react";
import { useEffect, useState, useSyncExternalStore } from "react";
import { createPortal } from "react-dom";
import { exampleTab } from "./examples.js";
import { say } from "./words.js";

const WORDS = {
  examples: { en: "Open an example…", zh: "打开示例…" },
  signedInAs: { en: "Signed in as", zh: "身份" },
  visitor: { en: "Visitor", zh: "访客" },
  member: { en: "Member", zh: "会员" },
  admin: { en: "Administrator", zh: "管理员" },
  staff: { en: "Staff of a store", zh: "门店店员" },
  show: { en: "Show this stream", zh: "查看此订阅" },
};

/** The slim bar above GraphiQL: examples, streams that run in other tabs, and who is signed in. */
export function Bar({ examples, identity, live }) {
  return createPortal(
    <>
      <Examples examples={examples} />
      <Streams live={live} />
      {identity.path && <SignIn identity={identity} />}
    </>,
    document.getElementById("bar"),
  );
}

function Examples({ examples }) {
  const { addTab } = useGraphiQLActions();
  const { queryEditor, variableEditor, headerEditor } = useGraphiQL((state) => ({
    queryEditor: state.queryEditor,
    variableEditor: state.variableEditor,
    headerEditor: state.headerEditor,
  }));
  if (!examples.length) return null;

  function open(event) {
    const tab = exampleTab(examples[Number(event.target.value)]);
    addTab();
    queryEditor?.setValue(tab.query);
    variableEditor?.setValue(tab.variables);
    headerEditor?.setValue(tab.headers);
  }

  return (
    <select className="bar-select" aria-label={say(WORDS.examples)} value="" onChange={open}>
      <option value="" disabled>
        {say(WORDS.examples)}
      </option>
      {examples.map((example, index) => (
        <option key={example.name} value={index} title={say(example.description)}>
          {example.name}
        </option>
      ))}
    </select>
  );
}

function Streams({ live }) {
  const streams = useSyncExternalStore(live.subscribe, live.summary);
  const { changeTab } = useGraphiQLActions();
  const tabs = useGraphiQL((state) => state.tabs);
  return (
    <span className="bar-streams" role="status">
      {streams.map(({ tabId, name, received, unseen }) => (
        <button
          key={tabId}
          type="button"
          className={unseen ? "bar-stream unseen" : "bar-stream"}
          title={say(WORDS.show)}
          onClick={() => changeTab(tabs.findIndex((tab) => tab.id === tabId))}
        >
          <i aria-hidden="true" />
          {name} · {unseen ? `+${unseen}` : received}
        </button>
      ))}
    </span>
  );
}

function SignIn({ identity }) {
  const choice = useSyncExternalStore(identity.subscribe, identity.current);
  const [stores, setStores] = useState([]);
  const [problem, setProblem] = useState("");

  useEffect(() => void identity.stores().then(setStores), [identity]);

  async function choose(event) {
    setProblem("");
    try {
      await identity.choose(event.target.value);
    } catch (error) {
      setProblem(error.message);
    }
  }

  const known = ["visitor", "member", "admin", ...stores.map(({ code }) => `staff:${code}`)];
  return (
    <>
      {problem && (
        <span className="bar-problem" role="alert">
          {problem}
        </span>
      )}
      <label>
        {say(WORDS.signedInAs)}{" "}
        <select className="bar-select" id="signed-in-as" value={choice} onChange={choose}>
          <option value="visitor">{say(WORDS.visitor)}</option>
          <option value="member">{say(WORDS.member)}</option>
          <option value="admin">{say(WORDS.admin)}</option>
          {!known.includes(choice) && <option value={choice}>{choice}</option>}
          <optgroup label={say(WORDS.staff)}>
            {stores.map(({ code, name }) => (
              <option key={code} value={`staff:${code}`}>
                {name}
              </option>
            ))}
          </optgroup>
        </select>
      </label>
    </>
  );
}
