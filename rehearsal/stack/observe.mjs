// The MDN HTTP Observatory's own tests of one page, as its scanner runs them on a host's first page; besides, it can be signed
// in. `node observe.mjs PACKAGE HOST PATH [COOKIE]`; ends with 1 if a test fails.
import { pathToFileURL } from "node:url";

const [observatory, host, path, cookie] = process.argv.slice(2);
const part = (name) => import(pathToFileURL(`${observatory}/src/${name}`).href);
const { retrieve } = await part("retriever/retriever.js");
const { ALL_TESTS } = await part("constants.js");
const { getGradeForScore, getScoreModifier } = await part("grader/grader.js");
const { MINIMUM_SCORE_FOR_EXTRA_CREDIT } = await part("grader/charts.js");

const headers = ["Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"];
if (cookie) headers.push(`Cookie: ${cookie}`);
const answers = await retrieve(host, { path, headers });
const results = ALL_TESTS.map((test) => test(answers));
const modifiers = results.map((result) => getScoreModifier(result.result));
const sum = (numbers) => numbers.reduce((all, number) => all + number, 100);
// As the scanner grades: what is more than was asked counts only where nothing much is missing.
const without = sum(modifiers.filter((modifier) => modifier < 0));
const score = without >= MINIMUM_SCORE_FOR_EXTRA_CREDIT ? sum(modifiers) : without;
const failed = results.filter((result) => !result.pass);
const last = answers.session.redirectHistory.at(-1)?.url ?? answers.session.url;
console.log(
    `Observatory ${host}${path}: ${getGradeForScore(score).grade}, ${score}; ${results.length - failed.length} of ${results.length} passed`
        + `; looked at ${last.pathname}, ${answers.responses.auto.status}`,
);
for (const result of failed) console.log(`  failed: ${result.constructor.name || ""} ${result.result}`);
if (answers.responses.auto.status !== 200 || last.pathname !== path) process.exitCode = 1;
if (failed.length > 0) process.exitCode = 1;
