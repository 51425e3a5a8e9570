// Where Monaco finds its workers: the server names them, since their names carry hashes of their contents.
const workers = JSON.parse(document.getElementById("explorer").dataset.workers);

globalThis.MonacoEnvironment = {
  getWorker(_id, label) {
    const name = workers[label] ?? workers.editor;
    return new Worker(new URL(name, import.meta.url), { type: "module", name: label });
  },
};
