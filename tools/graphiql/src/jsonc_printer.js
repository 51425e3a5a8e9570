// Prettier's plugin for JSON with comments, by the JSON parser that GraphiQL brings anyway. Prettier's own goes through
// its parser and printer for JavaScript, a tenth of this page's size.
import { applyEdits, format } from "jsonc-parser";

export const parsers = {
  jsonc: {
    astFormat: "jsonc-text",
    parse: (text) => ({ text }),
    locStart: () => 0,
    locEnd: (whole) => whole.text.length,
  },
};

export const printers = {
  "jsonc-text": {
    print({ node: { text } }) {
      return applyEdits(text, format(text, undefined, { insertSpaces: true, tabSize: 2, eol: "\n" })).trim();
    },
  },
};
