// What the page itself says, in the reader's language. GraphiQL's own words are English.
const chinese = navigator.language.toLowerCase().startsWith("zh");

export const say = (text) => (chinese ? text.zh : text.en);
