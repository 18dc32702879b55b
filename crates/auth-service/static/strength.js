// Says beside a new password how easy it is to guess, as one types. Nothing leaves the page and nothing is kept from being sent:
// the server decides, and the page is whole without this.
"use strict";

// Of what zxcvbn calls its reasons, the name that the page has the words under.
const REASONS = {
  straightRow: "keys",
  keyPattern: "keys",
  simpleRepeat: "repeat",
  extendedRepeat: "repeat",
  sequences: "sequence",
  recentYears: "date",
  dates: "date",
  topTen: "common",
  topHundred: "common",
  common: "common",
  similarToCommon: "common",
  wordByItself: "word",
  namesByThemselves: "name",
  commonNames: "name",
  userInputs: "own",
};
// From 0, guessed at once, to 4.
const LEVELS = ["weak", "weak", "fair", "strong", "strong"];
// What is longer is no easier to guess, and would only take longer to look at.
const LONGEST = 64;
// After the last key, in milliseconds: who listens to the page is told once and not at each.
const PAUSE = 300;

for (const said of document.querySelectorAll("[data-strength-of]")) {
  const field = document.getElementById(said.dataset.strengthOf);

  // What others know of the person and of the service: whole, and each word of it.
  const known = () => {
    const typed = [...field.form.elements].filter((other) => ["username", "email", "name"].includes(other.autocomplete));
    const texts = [said.dataset.service, ...typed.map((other) => other.value)];
    return texts.flatMap((text) => [text, ...text.split(/[^\p{L}\p{N}]+/u)]).filter((text) => text.length > 2);
  };

  const say = () => {
    if (field.value === "") {
      said.textContent = "";
      delete said.dataset.level;
      return;
    }
    const { score, feedback } = globalThis.zxcvbn(field.value.normalize("NFKC").slice(0, LONGEST), known());
    const level = LEVELS[score];
    const reason = level === "strong" ? undefined : said.dataset[REASONS[feedback.warning]];
    said.dataset.level = level;
    said.textContent = [said.dataset[level], reason].filter(Boolean).join(" ");
  };

  let waiting;
  field.addEventListener("input", () => {
    clearTimeout(waiting);
    waiting = setTimeout(say, PAUSE);
  });
}
