// What a person does, in a browser, and what the apps make of it.
import { address } from "./apps.mjs";
import { newestCode } from "./mail.mjs";
import { until } from "./programs.mjs";

const KEYWARD = "https://auth.example.com";
const PERSON = { name: "Ada Lovelace", email: "ada@example.com", password: "note G computes Bernoulli numbers" };

const signInForm = (page) => page.waitForURL((url) => url.href.startsWith(`${KEYWARD}/sign-in`));

/** A link or a button, whichever the app has. */
const press = (page, name) =>
  page.getByRole("link", { name, exact: true }).or(page.getByRole("button", { name, exact: true })).click();

async function giveThePassword(page) {
  await page.fill("main [name=email]", PERSON.email);
  await page.fill("main [name=password]", PERSON.password);
  await page.click("main form[action='/sign-in'] button.main");
}

export async function signUp(browser) {
  await inABrowserOfItsOwn(browser, async (page) => {
    await page.goto(`${KEYWARD}/sign-up`);
    for (const [name, value] of Object.entries(PERSON)) await page.fill(`main [name=${name}]`, value);
    await page.click("main form[action='/sign-up'] button.main");
    await page.fill("main [name=code]", await until("the mail with the code", newestCode));
    await page.click("main form[action='/verify'] button.main");
    await signInForm(page);
  });
}

export async function inABrowserOfItsOwn(browser, act) {
  const context = await browser.newContext();
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  try {
    return await act(page);
  } catch (error) {
    const text = await page.innerText("body").catch(() => "");
    throw new Error(`${error.message}\nat ${page.url()}:\n${text}`, { cause: error });
  } finally {
    await context.close();
  }
}

/** From the app's front page to Keyward. */
async function begin(page, app) {
  await page.goto(address(app));
  await press(page, "Sign in");
  if (app.then) await press(page, app.then);
}

/** The app names the person. */
async function isKnown(page, { knows = ({ name, email }) => [`You are ${name} (${email}).`] }) {
  for (const text of knows(PERSON)) await page.getByText(text).waitFor();
}

/** The stages of a sign-in by the form, and of the way out of the app and of Keyward. */
export const stages = {
  "signed in": async (page, app) => {
    await begin(page, app);
    await signInForm(page);
    await giveThePassword(page);
    await page.waitForURL(address(app, app.home));
  },
  identity: async (page, app) => {
    await isKnown(page, app);
    if (app.renews) await renew(page);
  },
  "signed out": async (page, app) => {
    await signOutAt(page, app);
    await page.getByText("Sign in", { exact: true }).waitFor();
    // Of Keyward as well: it asks for the password again.
    await begin(page, app);
    await signInForm(page);
  },
};

/** A page that renews its tokens by the refresh token gets others. */
async function renew(page) {
  const renewed = await page.evaluate(async () => {
    const { keyward } = await import("/app.js");
    const before = await keyward.getUser();
    const after = await keyward.signinSilent();
    return after.access_token !== before.access_token && after.refresh_token !== before.refresh_token;
  });
  if (!renewed) throw new Error("renewing gave the same tokens again");
}

/** Whoever is signed in is not asked again: no page of Keyward is shown on the way. */
export async function signInSilently(page, app) {
  const shown = [];
  const note = (response) => {
    const { origin, pathname } = new URL(response.url());
    if (origin === KEYWARD && response.request().isNavigationRequest() && response.status() === 200) shown.push(pathname);
  };
  page.on("response", note);
  await begin(page, app);
  await page.waitForURL(address(app, app.home));
  await isKnown(page, app);
  page.off("response", note);
  if (shown.length > 0) throw new Error(`Keyward showed ${shown.join(", ")}`);
}

export async function signOutAt(page, app) {
  await isStillKnown(page, app);
  await press(page, "Sign out");
  await page.waitForURL((url) => url.origin === new URL(address(app)).origin);
}

/** The app has ended its session, although the person did nothing there: it offers to sign in, or leads there. */
export async function hasEnded(page, app) {
  await until(`${app.client} to end its session`, async () => {
    await page.goto(address(app, app.home));
    const asked = page.url().startsWith(`${KEYWARD}/sign-in`);
    return asked || (await page.getByRole("link", { name: "Sign in", exact: true }).isVisible());
  });
}

/** The app goes by its own session. */
export async function isStillKnown(page, app) {
  await page.goto(address(app, app.home));
  await isKnown(page, app);
}
